"""Every format of the registry: older files are read, newer ones refused by whoever reads them."""

import json
import shutil
import struct
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import old_jobs
import pytest
import tomli_w
import torch
from safetensors.torch import save_file

from napari_conformix.analysis.paths import LatentPath
from napari_conformix.analysis.selections import Selection
from napari_conformix.analysis.spaces import UmapParameters, cached_umap
from napari_conformix.errors import UserError
from napari_conformix.jobs import Job, checks
from napari_conformix.jobs.clusters.reconstructions import Agreement
from napari_conformix.jobs.reconstruction import ReconstructionRun
from napari_conformix.jobs.reconstruction.sums import particles_in_sums
from napari_conformix.jobs.rigid import DomainMotion
from napari_conformix.runs.formats import FORMATS
from napari_conformix.training.checkpoints import CheckpointFolder, load_weights
from napari_conformix.training.latent_history import LatentHistory
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.split import Split

EVEN = "dynamight/reconstruction/even"


@dataclass(frozen=True)
class Kept:
    """Where a file of a format is in a folder of old jobs, and how the program reads it: by the
    file, or by the folder of all; None for what only other programs read."""

    file: str
    by_file: Callable[[Path], Any] | None = None
    by_root: Callable[[Path], Any] | None = None

    def read(self, root: Path) -> Any:
        if self.by_root is not None:
            return self.by_root(root)
        assert self.by_file is not None
        return self.by_file(root / self.file)


def _umap(path: Path) -> Any:
    parameters = UmapParameters(array="motion", neighbours=5)
    return cached_umap(path.parents[1] / "latents.npz", path, parameters)


def _epoch(root: Path) -> Any:
    folder = root / "dynamight"
    return LatentHistory(folder).load(1, Split.load(folder / "split.npz"))


#: every format of the registry; one that is new needs its line here
KEPT = {
    "job": Kept("dynamight/job.toml", lambda path: Job.open(path.parent)),
    "origin of a job": Kept("subset/made_from.json"),
    "split": Kept("dynamight/split.npz", Split.load),
    "latents": Kept("dynamight/latents.npz", LatentTable.load),
    "latents of an epoch": Kept("dynamight/latents/epoch_0001.npz", by_root=_epoch),
    "weights": Kept("dynamight/checkpoints/epoch_0003.safetensors", load_weights),
    "state of training": Kept(
        "dynamight/checkpoints/epoch_0003.resume.pt",
        lambda path: CheckpointFolder(path.parent).load_resume(3),
    ),
    "name of a checkpoint": Kept(
        "dynamight/checkpoints/last.json", lambda path: CheckpointFolder(path.parent).last()
    ),
    "selection": Kept(
        "dynamight/selections/lasso.json", lambda path: Selection.load(path.parent, "lasso")
    ),
    "path": Kept("dynamight/paths/first.json", lambda path: LatentPath.load(path.parent, "first")),
    "clusters": Kept(
        "dynamight/clusters/kmeans2/clusters.json",
        by_root=lambda root: Job.open(root / "dynamight").cluster_set("kmeans2"),
    ),
    "agreement of a cluster's maps": Kept(
        "opusdsd/clusters/kmeans2/agreement_01.json", Agreement.load
    ),
    "motion of a domain": Kept("dynamight/clusters/kmeans2/domain_mask.json", DomainMotion.load),
    "UMAP": Kept("dynamight/umap/motion_n5_d0.1.npz", _umap),
    "table of motions": Kept(
        "dynamight/analysis/motion.npz",
        by_root=lambda root: Job.open(root / "dynamight").motion_table(),
    ),
    "check of imaging conditions": Kept(
        "dynamight/analysis/invariance.json",
        by_root=lambda root: Job.open(root / "dynamight").invariance(),
    ),
    "check of heterogeneity": Kept(
        "opusdsd/analysis/heterogeneity.json",
        by_root=lambda root: checks.kept_heterogeneity(Job.open(root / "opusdsd")),
    ),
    "reconstruction": Kept(
        f"{EVEN}/reconstruction.toml", lambda path: ReconstructionRun.open(path.parent)
    ),
    "report of a reconstruction": Kept(
        f"{EVEN}/report.json", lambda path: ReconstructionRun.open(path.parent).report()
    ),
    "sums of a reconstruction": Kept(
        f"{EVEN}/sums.safetensors", lambda path: particles_in_sums(path.parent)
    ),
    "maps of a path": Kept("maps/path.json"),
    "latents of other particles": Kept("embedded.npz"),
    "grid of a landscape": Kept("landscape.npz"),
}
READ = [name for name, kept in KEPT.items() if kept.by_file or kept.by_root]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The oldest jobs that there are, with what a finished run leaves no more."""
    root = old_jobs.unpack(old_jobs.ARCHIVES[0], tmp_path_factory.mktemp("versions") / "once")
    sums = {"x": torch.zeros(1)}
    save_file(sums, root / EVEN / "sums.safetensors", {"batches": "1", "particles": "30"})
    return root


@pytest.fixture
def root(once: Path, tmp_path: Path) -> Path:
    """Those jobs, to be changed."""
    folder = Path(shutil.copytree(once, tmp_path / "jobs"))
    old_jobs.rename(folder, str(once), str(folder))
    return folder


def test_every_format_has_its_line_here() -> None:
    assert set(KEPT) == set(FORMATS)


@pytest.mark.parametrize("name", READ)
def test_what_was_written_before_is_read(once: Path, name: str) -> None:
    found = KEPT[name].read(once)
    assert found is not None


@pytest.mark.parametrize("name", READ)
def test_a_later_version_is_refused_in_a_sentence_whatever_else_it_holds(
    root: Path, name: str
) -> None:
    kept, later = KEPT[name], FORMATS[name].version + 1
    path = root / kept.file
    change(path, {"format_version": later, "program_version": "99.1", "unheard_of": 1})
    with pytest.raises(UserError) as refused:
        kept.read(root)
    said = str(refused.value)
    assert said.startswith(f"{path} has format_version {later}: ")
    assert "was written by a later version (99.1) of this program" in said
    assert "with napari-conformix 99.1 or newer" in said
    assert "unheard_of" not in said


@pytest.mark.parametrize("name", READ)
def test_a_file_of_this_version_is_read(root: Path, name: str) -> None:
    kept = KEPT[name]
    # as the program writes it now: under the one key, and with the version of the program
    change(root / kept.file, FORMATS[name].stamp())
    assert kept.read(root) is not None


# -- changing files --------------------------------------------------------------------------------


def change(path: Path, values: dict[str, Any]) -> None:
    """Put entries into a file of any kind, in the place of what says its version now."""
    by_kind = {
        ".json": _change_json,
        ".toml": _change_toml,
        ".npz": _change_npz,
        ".safetensors": _change_safetensors,
        ".pt": _change_pt,
    }
    by_kind[path.suffix](path, values)


def _with(old: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in old.items() if key != "format"} | values


def _change_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(_with(json.loads(path.read_text()), values)))


def _change_toml(path: Path, values: dict[str, Any]) -> None:
    path.write_text(tomli_w.dumps(_with(tomllib.loads(path.read_text()), values)))


def _change_npz(path: Path, values: dict[str, Any]) -> None:
    with np.load(path) as file:
        arrays = {key: file[key] for key in file}
    np.savez(path, **_with(arrays, {key: np.array(value) for key, value in values.items()}))


def _change_pt(path: Path, values: dict[str, Any]) -> None:
    torch.save(_with(torch.load(path, weights_only=True), values), path)


def _change_safetensors(path: Path, values: dict[str, Any]) -> None:
    """Its header is JSON after its length; metadata hold words only, of ours one is JSON itself."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    said = header["__metadata__"]
    if "conformix" in said:
        own = json.loads(said["conformix"]) | values
        said["conformix"] = json.dumps(own)
    else:
        said |= {key: str(value) for key, value in values.items()}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
