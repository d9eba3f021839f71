"""What a page is about to do, as the equal command lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_conformix.export.formats import PARTICLE_FILES, PICTURE_FILES
from napari_conformix.runs import layout
from napari_conformix.widgets.session.session import Inputs

if TYPE_CHECKING:
    from napari_conformix.jobs.pictures import PictureOptions


def new_command(
    folder: Path, method: str, preset: str, inputs: Inputs, changed: Mapping[str, Any]
) -> str:
    """`conformix new` for a job; `changed` are the settings that differ from the preset."""
    words = ["conformix", "new", str(folder), "--method", method]
    for name in ("particles", "consensus", "mask", "datadir", "passthrough"):
        path = getattr(inputs, name)
        if path is not None:
            words += [f"--{name}", str(path)]
    words += ["--preset", preset]
    for name, value in changed.items():
        words += ["--set", f"{name}={_text(value)}"]
    return shlex.join(words)


def train_command(folder: Path, *, resume: bool = False, epochs: int | None = None) -> str:
    """`conformix train` for a job."""
    words = ["conformix", "train", str(folder)]
    if epochs is not None:
        words += ["--epochs", str(epochs)]
    if resume:
        words.append("--resume")
    return shlex.join(words)


def train_on_command(folder: Path, job: Path, selection: str) -> str:
    """`conformix new` for a job of a selection of another."""
    words = ["conformix", "new", str(folder), "--from", str(job), "--selection", selection]
    return shlex.join(words)


def reconstruct_command(
    folder: Path, *, selection: str | None, deformed: bool, name: str, mask: Path | None
) -> str:
    """`conformix reconstruct` for a job."""
    words = ["conformix", "reconstruct", str(folder), "--deformed" if deformed else "--plain"]
    if selection is not None:
        words += ["--selection", selection]
    if mask is not None:
        words += ["--mask", str(mask)]
    words += ["-o", str(folder / layout.RECONSTRUCTION / name)]
    return shlex.join(words)


def particles_command(folder: Path, rows: Iterable[int], options: PictureOptions) -> str:
    """`conformix particles` that makes the same sheet."""
    words = ["conformix", "particles", str(folder), "--rows", ",".join(map(str, rows))]
    words += ["--low-pass", f"{options.low_pass_angstrom or 0:g}", "--ctf", options.ctf]
    words += [] if options.projection_ctf else ["--bare"]
    words += ["--black"] if options.black else []
    return shlex.join([*words, "-o", f"particles{PICTURE_FILES.usual.suffix}"])


def clusters_command(
    folder: Path,
    *,
    how: str,
    clusters: int,
    labels: str | Path | None = None,
) -> str:
    """`conformix clusters` for a job."""
    words = ["conformix", "clusters", str(folder), "-k", str(clusters)]
    if how != "kmeans":
        words += ["--how", how]
    if labels is not None:
        words += ["--truth", str(labels)]
    return shlex.join(words)


def cluster_export_commands(
    folder: Path,
    name: str,
    clusters: list[int],
    selection: str,
    suffix: str = PARTICLE_FILES.usual.suffix,
) -> list[str]:
    """`conformix select` and `conformix export` for clusters of a set, counted from 0."""
    export = ["conformix", "export", str(folder), "--selection", selection]
    return [
        _select_command(folder, name, clusters, selection),
        shlex.join([*export, "-o", f"{selection}{suffix}"]),
    ]


def cluster_reconstruct_commands(folder: Path, name: str, clusters: list[int]) -> list[str]:
    """`conformix select` and `conformix reconstruct` for each of some clusters of a set."""
    lines = []
    for cluster in clusters:
        selection = f"{name}_cluster_{cluster + 1:02d}"
        lines.append(_select_command(folder, name, [cluster], selection))
        words = ["conformix", "reconstruct", str(folder), "--plain", "--selection", selection]
        lines.append(shlex.join(words))
    return lines


def _select_command(folder: Path, name: str, clusters: list[int], selection: str) -> str:
    words = ["conformix", "select", str(folder), "--of", name]
    for cluster in clusters:
        words += ["--cluster", str(cluster + 1)]
    return shlex.join([*words, "--name", selection])


def reconstruct_clusters_command(folder: Path, name: str) -> str:
    """`conformix clusters` that reconstructs all clusters of a set."""
    return shlex.join(["conformix", "clusters", str(folder), "--of", name, "--reconstruct"])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
