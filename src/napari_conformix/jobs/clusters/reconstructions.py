"""Clusters judged by what their particles reconstruct to, not by the decoder alone.

Each cluster's particles are back-projected as they are (a plain reconstruction, named like its
selection, so that it is listed with the others). What the decoder shows of a cluster is then
compared with it, in two ways: the map itself (`Agreement`), and what sets the map apart from the
mean of all clusters (`Differences`). The first is high for any decoder that has learnt the
consensus; the second says whether the differences between clusters are in the images at all. They
may be in their noise: images were sorted by latents that were found from these same images.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_conformix.jobs.reconstruction import SPEC, ReconstructionRun, default_folder
from napari_conformix.jobs.reconstruction import layout as files
from napari_conformix.runs import Event, State, atomic_write, formats
from napari_conformix.version import __version__

if TYPE_CHECKING:
    import torch

    from napari_conformix.jobs.clusters.clusters import ClusterSet

#: where a map agrees with one that is noisy (Rosenthal and Henderson 2003)
HALF = 0.5
#: a difference between maps that correlates with the reconstructed one from this on is believed
BELIEVED = 0.5
#: particles without any difference, in clusters by latents that fit their noise, reach 0.9 too
_CHOSEN_BY_NOISE = (
    "That is needed, but noise does as much: particles with like noise come into one cluster. "
    "Whether there is more than noise, held-out images tell: conformix analyze."
)


class Agreement(BaseModel):
    """FSC between the decoded map of a cluster and the map of its own particles, within the mask
    of that reconstruction."""

    model_config = ConfigDict(frozen=True)

    format_version: int = formats.AGREEMENT.version
    program_version: str | None = Field(__version__, description="None: it was not written down")
    created: str = Field(description="when the reconstruction was begun, to tell a later one")
    fsc: list[float] = Field(description="by shell, at i / (box x pixel size)")
    resolution_angstrom: float = Field(description="where it falls below 0.5; Nyquist if never")
    reached: bool = Field(description="False: above 0.5 at Nyquist still")

    @classmethod
    def load(cls, path: Path) -> "Agreement":
        """Read one; ValueError when it is damaged, UserError when it is of a later version."""
        values = formats.AGREEMENT.read_json(path.read_bytes(), path)
        return cls.model_validate({formats.PROGRAM: None} | values)


@dataclass(frozen=True)
class ClusterResult:
    """What the particles of a cluster (from 0) gave; None where there is nothing yet."""

    index: int
    run: ReconstructionRun | None
    state: State | None = None
    particles: tuple[int, int] | None = None
    resolution_angstrom: float | None = None
    resolution_reached: bool = True
    agreement: Agreement | None = None

    @property
    def resolution(self) -> str:
        """In A, where the corrected FSC of the half maps falls below 0.143."""
        return in_angstrom(self.resolution_angstrom, self.resolution_reached)

    @property
    def agrees_to(self) -> str:
        """In A, where the FSC between decoded map and own particles' map falls below 0.5."""
        if self.agreement is None:
            return in_angstrom(None, True)
        return in_angstrom(self.agreement.resolution_angstrom, self.agreement.reached)


def in_angstrom(value: float | None, reached: bool) -> str:
    """'8.21', '<8.00' where the curve stays above its threshold up to Nyquist, '-' for None."""
    return "-" if value is None else f"{'' if reached else '<'}{value:.2f}"


def run_of(clusters: "ClusterSet", index: int) -> ReconstructionRun | None:
    """The plain reconstruction of a cluster's particles; None when there is none, or when the one
    of that name is of other particles (of clusters made earlier)."""
    folder = default_folder(clusters.job, clusters.selection_name(index), deformed=False)
    if not (folder / SPEC).exists():
        return None
    run = ReconstructionRun.open(folder)
    rows = np.load(folder / files.ROWS, allow_pickle=False)
    return run if np.array_equal(rows, clusters.clustering.rows(index)) else None


def reconstruct_clusters(
    clusters: "ClusterSet",
    indices: Sequence[int] | None = None,
    *,
    overwrite: bool = False,
    stop: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> Iterator[tuple[int, Event]]:
    """Reconstruct clusters (from 0; all by default) one after the other, in this process.

    Yields the events of each with its number. Those that are finished are left as they are, one
    that was stopped or failed goes on from its sums; `overwrite` begins again. Ends after the one
    that is stopped; one that fails does not keep the others from their turn.
    """
    for index in range(len(clusters)) if indices is None else indices:
        run = _begin(clusters, index, overwrite, settings)
        if run.state != "finished":
            for event in run.run(stop):
                yield index, event
        if run.state == "finished":
            agreement(clusters, index)
        if run.state == "stopped" or stop():
            return


def _begin(
    clusters: "ClusterSet", index: int, overwrite: bool, settings: dict[str, Any]
) -> ReconstructionRun:
    """The run of a cluster: the one that there is, or a new one."""
    run = None if overwrite else run_of(clusters, index)
    if run is not None:
        return run
    selection = clusters.selection(index)
    return ReconstructionRun.create(
        clusters.job, selection, deformed=False, overwrite=overwrite, settings=settings
    )


def result_of(clusters: "ClusterSet", index: int) -> ClusterResult:
    """What there is of a cluster; reads small files only."""
    run = run_of(clusters, index)
    if run is None or (state := run.state) != "finished":
        return ClusterResult(index, run, None if run is None else state)
    report = run.report()
    return ClusterResult(
        index,
        run,
        state,
        report.particles,
        report.curves.resolution_angstrom,
        report.curves.reached,
        _kept(clusters, index, run),
    )


# -- the decoded map ------------------------------------------------------------------------------


def agreement(clusters: "ClusterSet", index: int) -> Agreement | None:
    """How far the decoded map agrees with that of the cluster's particles; kept with the set.

    None without maps or without a finished reconstruction. The decoder has learnt from these
    particles: noise that it copied agrees as well.
    """
    import torch

    from napari_conformix.imaging import fsc, resolution_at

    run = run_of(clusters, index)
    if run is None or run.state != "finished" or not clusters.record.maps:
        return None
    kept = _kept(clusters, index, run)
    if kept is not None:
        return kept
    decoded = torch.from_numpy(clusters.volume(index).astype(np.float64))
    own, mask = _own_map(run), _map(run, run.report().mask)
    curve = fsc(decoded, own, mask)
    pixel_size = run.report().pixel_size_angstrom
    found = resolution_at(curve, HALF, len(own), pixel_size)
    made = Agreement(
        created=_stamp(run),
        fsc=curve.tolist(),
        resolution_angstrom=found.angstrom,
        reached=found.reached,
    )
    atomic_write(_path(clusters, index), (made.model_dump_json(indent=1) + "\n").encode())
    return made


def _kept(clusters: "ClusterSet", index: int, run: ReconstructionRun) -> Agreement | None:
    """The agreement with this very reconstruction, if it was computed."""
    try:
        kept = Agreement.load(_path(clusters, index))
    except (FileNotFoundError, ValueError):  # computed again
        return None
    return kept if kept.created == _stamp(run) else None


def _path(clusters: "ClusterSet", index: int) -> Path:
    return clusters.folder / f"agreement_{index + 1:02d}.json"


def _stamp(run: ReconstructionRun) -> str:
    """Tells a reconstruction from a later one in the same folder."""
    return f"{run.spec.created.isoformat()} {(run.folder / files.REPORT).stat().st_mtime_ns}"


def _own_map(run: ReconstructionRun) -> "torch.Tensor":
    return _map(run, run.report().full_map)


def _map(run: ReconstructionRun, name: str) -> "torch.Tensor":
    import torch

    from napari_conformix.particles import read_map

    return torch.from_numpy(np.asarray(read_map(run.folder / name)[0], dtype=np.float64))


# -- what sets the clusters apart -----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Differences:
    """What sets each cluster's map apart from the mean of all: decoded against reconstructed.

    correlation           (k, k) within the mask, low-passed: row i is the decoded difference of
                          cluster i, column j the reconstructed one of cluster j
    resolution_angstrom   of the low-pass: the coarsest of the reconstructions
    """

    correlation: NDArray[np.float64]
    resolution_angstrom: float

    @property
    def own(self) -> NDArray[np.float64]:
        """(k,) with the cluster's own particles."""
        return np.diagonal(self.correlation)

    @property
    def found(self) -> int:
        """Clusters whose decoded difference is best matched by their own particles, and well."""
        best = self.correlation.argmax(axis=1) == np.arange(len(self.correlation))
        return int(np.count_nonzero(best & (self.own >= BELIEVED)))

    def sentence(self) -> str:
        """Whether the decoder can be believed, and what a match does not prove."""
        k = len(self.correlation)
        figures = f"correlation {self.own.min():.2f} to {self.own.max():.2f}"
        finest = f"to {self.resolution_angstrom:.1f} A"
        if self.found == k:
            return (
                "What sets the decoded maps apart from each other is found again in the maps of "
                f"all {k} clusters' own particles ({figures}, {finest}). {_CHOSEN_BY_NOISE}"
            )
        if not self.found:
            return (
                "What sets the decoded maps apart from each other is not found in the maps of the "
                f"clusters' own particles ({figures}, {finest}): do not believe the decoder."
            )
        return (
            f"What sets the decoded maps apart is found again in the own particles of {self.found} "
            f"of {k} clusters only ({figures}, {finest}). {_CHOSEN_BY_NOISE}"
        )


def differences(clusters: "ClusterSet") -> Differences | None:
    """Compare what sets the clusters apart, decoded and reconstructed.

    None unless there are maps and finished reconstructions of all of two or more clusters.
    """
    from napari_conformix.imaging import low_pass

    results = [result_of(clusters, index) for index in range(len(clusters))]
    runs = [result.run for result in results if result.state == "finished" and result.run]
    if len(runs) < max(2, len(clusters)) or not clusters.record.maps:
        return None
    finest = max(result.resolution_angstrom or 0.0 for result in results)
    pixel_size = runs[0].report().pixel_size_angstrom
    mask = _map(runs[0], runs[0].report().mask)
    for run in runs[1:]:
        mask = mask.maximum(_map(run, run.report().mask))

    def apart(volumes: "Iterator[torch.Tensor]") -> NDArray[np.float64]:
        """(k, voxels in the mask) of unit length: each map less their mean over the particles."""
        smooth = (low_pass(volume, pixel_size, finest) * mask for volume in volumes)
        maps = np.stack([volume[mask > 0].numpy() for volume in smooth])
        maps = maps - np.average(maps, axis=0, weights=clusters.counts)
        norm = np.linalg.norm(maps, axis=1, keepdims=True)
        unit: NDArray[np.float64] = maps / np.where(norm > 0, norm, 1.0)
        return unit

    decoded = apart(_decoded(clusters))
    own = apart(_own_map(run) for run in runs)
    return Differences(decoded @ own.T, finest)


def _decoded(clusters: "ClusterSet") -> "Iterator[torch.Tensor]":
    import torch

    for index in range(len(clusters)):
        yield torch.from_numpy(clusters.volume(index).astype(np.float64))
