"""UMAPs that a job keeps, each under its parameters."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_conformix.analysis.spaces import UmapParameters, kept_umaps
from napari_conformix.analysis.spaces.umap_process import cache_key, read_rows, write_result
from napari_conformix.errors import UserError
from napari_conformix.jobs.spaces import umaps
from napari_conformix.training.latent_table import LatentTable

COUNT = 60


@pytest.fixture
def job(tmp_path: Path) -> SimpleNamespace:
    mean = np.random.default_rng(0).normal(size=(COUNT, 3)).astype(np.float32)
    half = np.repeat([1, 2], COUNT // 2).astype(np.int8)
    table = LatentTable(mean, mean, half, np.zeros(COUNT, bool), 3, mean[:, :2].copy(), "A")
    table.save(tmp_path / "latents.npz")
    return SimpleNamespace(folder=tmp_path, latents=lambda: table)


def keep(job: SimpleNamespace, parameters: UmapParameters) -> np.ndarray:
    """As the process would, which takes a minute."""
    values = read_rows(job.folder / "latents.npz", parameters)
    out = umaps.folder_of(job) / f"{parameters.name}.npz"
    write_result(out, values[:, :2].copy(), cache_key(values, parameters), parameters)
    return values[:, :2]


def test_several_are_kept_and_told_apart(job: SimpleNamespace) -> None:
    made = [
        UmapParameters(array="motion"),
        UmapParameters(array="motion", neighbours=50),
        UmapParameters(half=1, min_dist=0.5),
        UmapParameters(half=2, fit_rows=30, repeatable=False, seed=4),
    ]
    for parameters in made:
        keep(job, parameters)
    (umaps.folder_of(job) / "other.npz").write_bytes(b"no UMAP")
    found = umaps.umaps_of(job)
    assert {one.parameters for one in found} == set(made)
    assert sorted(one.name for one in found) == [
        "mean_half1_n15_d0.5",
        "mean_half2_n15_d0.1_f30_s4_fast",
        "motion_n15_d0.1",
        "motion_n50_d0.1",
    ]
    for one in found:
        expected = read_rows(job.folder / "latents.npz", one.parameters)[:, :2]
        np.testing.assert_array_equal(umaps.embedding_of(job, one), expected)
    umaps.delete(job, "motion_n50_d0.1")
    assert len(umaps.umaps_of(job)) == 3
    with pytest.raises(UserError, match=r"no UMAP 'motion_n50_d0.1'; there are: mean_half1"):
        umaps.delete(job, "motion_n50_d0.1")


def test_one_of_earlier_latents_is_kept_but_not_shown(job: SimpleNamespace) -> None:
    keep(job, UmapParameters(half=1))
    table = job.latents()
    table.mean[0] += 1
    table.save(job.folder / "latents.npz")
    (kept,) = umaps.umaps_of(job)
    assert umaps.embedding_of(job, kept) is None


def test_what_is_embedded_is_named(job: SimpleNamespace) -> None:
    latents = job.latents()
    assert umaps.parameters_of(latents) == UmapParameters(array="motion")
    assert umaps.parameters_of(latents, "half2", neighbours=9) == UmapParameters(
        half=2, neighbours=9
    )
    with pytest.raises(UserError, match="no 'latents' to embed; choose one of: motion, half1"):
        umaps.parameters_of(latents, "latents")


def test_the_process_finds_one_that_is_there(job: SimpleNamespace) -> None:
    keep(job, UmapParameters(half=1))
    kept = umaps.make(job, UmapParameters(half=1))
    assert kept is not None
    assert kept.path.exists()
    assert umaps.make(job, UmapParameters(half=2), stop=lambda: True) is None
    assert len(umaps.umaps_of(job)) == 1
    with pytest.raises(UserError, match="needs more than that many particles"):
        umaps.make(job, UmapParameters(half=1, neighbours=200))


def test_parameters_in_words() -> None:
    parameters = UmapParameters(fit_rows=5000, repeatable=False)
    assert parameters.sentence() == ("15 neighbours, minimum distance 0.1, not exactly repeatable")
    assert "fitted to 5,000 of 40,000 particles" in parameters.sentence(40_000)
    assert "fitted" not in parameters.sentence(4_000)


def test_files_of_another_kind_are_no_umaps(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", embedding=np.zeros((3, 2)), key=np.array("x"))
    np.savez(tmp_path / "strange.npz", parameters=np.array('{"neighbours": 1}'))
    np.savez(tmp_path / "unknown.npz", parameters=np.array('{"colour": "red"}'))
    np.savez(tmp_path / "list.npz", parameters=np.array("[1, 2]"))
    assert kept_umaps(tmp_path) == []
    assert kept_umaps(tmp_path / "none") == []
