"""What the particles of a cluster reconstruct to by themselves, next to its decoded map. No Qt.

A decoded map shows what the network believes; the plain map of the cluster's particles shows what
the images hold. The two are in different grey values: the images' and the consensus map's. All own
maps of a set are brought to the scale of the decoded ones by the same two numbers, so that one
contour serves all and still compares between clusters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from napari_conformix.widgets.parts import FscFamily
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.jobs import Job

_LIVE: Final = ("running", "paused")


@dataclass(frozen=True)
class OwnMap:
    """The finished reconstruction of a cluster: what the core says of it (a `ClusterResult`), its
    report, and the sums that the scale of grey values follows from; `like` says whose scale."""

    result: Any
    report: Any
    sums: np.ndarray
    like: str = "the decoded maps"

    @property
    def cluster(self) -> int:
        """From 0."""
        return int(self.result.index)

    def sentence(self) -> str:
        """What its particles say, and how far the decoder agrees with them."""
        one, two = self.report.particles
        text = (
            f"Cluster {self.cluster + 1}: {one + two:,} particles ({one:,} of half 1, {two:,} of "
            f"half 2) reconstruct to {_in_words(self.result.resolution)} by themselves (FSC 0.143)."
        )
        if self.result.agreement is None:
            return text
        return (
            f"{text} The decoded map agrees with that to {_in_words(self.result.agrees_to)} (FSC "
            "0.5 within the mask)."
        )

    def family(self, colour: str) -> FscFamily:
        """Its curves between half maps."""
        return FscFamily.of(f"cluster {self.cluster + 1}", colour, self.report.curves)

    def array(self, scale: Scale) -> np.ndarray:
        """(z, y, x) float32 of its map in the grey values of the decoded ones, each shell weighted
        by what the half maps say it holds (figure of merit; Rosenthal and Henderson, 2003)."""
        own = _weighted(self.result.run, self.report)
        return (scale.factor * own + scale.offset).astype(np.float32)


@dataclass(frozen=True)
class Scale:
    """decoded = factor * own + offset, for all clusters of a set; `like`: of what, in words."""

    factor: float
    offset: float
    like: str = "the decoded maps"

    def sentence(self) -> str:
        """What was done to the grey values."""
        return (
            f"In the scene the grey values of own maps are × {self.factor:.3g} "
            f"{'+' if self.offset >= 0 else '−'} {abs(self.offset):.3g}, the same for all clusters "
            f"of the set, to be those of {self.like}; each shell is weighted by its FSC."
        )


@dataclass(frozen=True)
class Found:
    """Reconstructions of a set: own maps that are finished, what became of others that were begun
    (a word and a sentence), the one that runs, and whether what sets the clusters apart is in the
    images; '' if not known."""

    maps: dict[int, OwnMap]
    ended: dict[int, tuple[str, str]]
    running: tuple[int, Any] | None
    apart: str


def find(clusters: Any, known: dict[int, OwnMap]) -> Found:
    """Look at the reconstructions of a set, for a worker; those in `known` are not read again."""
    from napari_conformix.jobs.clusters import agreement, differences

    maps, ended, running = {}, {}, None
    for result in clusters.results():
        if result.run is None:
            continue
        cluster = result.index
        if result.state in _LIVE:
            running = cluster, result.run
        elif result.state == "finished":
            if result.agreement is None and (found := agreement(clusters, cluster)) is not None:
                result = replace(result, agreement=found)
            old = known.get(cluster)
            same = old is not None and old.result == result
            maps[cluster] = old if same else _own_map(clusters, result)
        else:
            ended[cluster] = result.state, _how_it_ended(result.run, result.state)
    apart = differences(clusters) if len(maps) == len(clusters) else None
    return Found(maps, ended, running, "" if apart is None else _for_window(apart.sentence()))


def launcher(job: Job, clusters: Any) -> Callable[[int], Any]:
    """A function that starts the reconstruction of a cluster, or goes on with it, and returns its
    run; for a worker."""
    from napari_conformix.jobs.clusters import run_of

    def launch(cluster: int) -> Any:
        run = run_of(clusters, cluster)
        if run is None:
            selection = clusters.selection(cluster)
            # What has this name is of clusters that were made before these.
            return job.launch_reconstruction(selection, deformed=False, overwrite=True)
        if run.state not in (*_LIVE, "finished"):
            run.resume()
        return run

    return launch


def scale_of(maps: list[OwnMap]) -> Scale:
    """Least squares over all voxels of all own maps, within the sphere that fits the box."""
    n, o, d, oo, od = np.sum([found.sums for found in maps], axis=0)
    variance = oo - o * o / n
    factor = (od - o * d / n) / variance if variance > 0 else 1.0
    return Scale(float(factor), float((d - factor * o) / n), maps[0].like)


def _for_window(sentence: str) -> str:
    """The window has a button for what the core names a command for."""
    here = "see “Can it be believed?” on the Explore page"
    return with_units(sentence).replace("conformix analyze", here)


def _in_words(resolution: str) -> str:
    """'8.21 Å'; of '<8.00', where the curve ends before it falls, which limit that is."""
    if resolution.startswith("<"):
        return f"the limit of the pixel size, {resolution[1:]} Å,"
    return f"{resolution} Å"


def _how_it_ended(run: Any, state: str) -> str:
    """A sentence on a reconstruction that has no map, and what to do."""
    if state != "failed":
        return "Its reconstruction was not finished: Reconstruct goes on where it ended."
    messages = [event.message for event in run.events() if event.kind == "failed"]
    reason = messages[-1].rstrip(".") if messages else "no reason was written"
    return f"Its reconstruction failed: {reason}. Fix that and press Reconstruct again."


def _own_map(clusters: Any, result: Any) -> OwnMap:
    report = result.run.report()
    own = _weighted(result.run, report)
    within = _sphere(len(own))
    o = own[within].astype(np.float64)
    like, reference = _reference(clusters, result.index)
    d = (own if reference is None else reference)[within].astype(np.float64)
    sums = np.array([len(o), o.sum(), d.sum(), (o * o).sum(), (o * d).sum()])
    return OwnMap(result, report, sums, like)


def _reference(clusters: Any, index: int) -> tuple[str, np.ndarray | None]:
    """The map (z, y, x) whose grey values own maps are brought to, and its name: the decoded one,
    the consensus where nothing was decoded, or none where there is no consensus either."""
    from napari_conformix.particles import read_map

    if clusters.record.maps:
        return "the decoded maps", clusters.volume(index)
    consensus = clusters.job.spec.inputs.consensus
    if consensus is None:
        return "the reconstructions", None
    return "the consensus map", read_map(consensus)[0]


def _weighted(run: Any, report: Any) -> np.ndarray:
    """(z, y, x) of the full map, each shell times sqrt(2 FSC / (1 + FSC)) up to where the FSC
    first falls to 0."""
    from napari_conformix.particles import read_map

    array = np.asarray(read_map(run.folder / report.full_map)[0], dtype=np.float32)
    weight = _figure_of_merit(np.asarray(report.curves.corrected, dtype=np.float64))
    box = len(array)
    k = np.fft.fftfreq(box) * box
    squared = k[:, None, None] ** 2 + k[None, :, None] ** 2
    squared = squared + (np.fft.rfftfreq(box) * box)[None, None, :] ** 2
    shell = np.minimum(np.round(np.sqrt(squared)).astype(np.intp), len(weight))
    weight = np.append(weight, 0.0)  # corners beyond the last shell
    return np.fft.irfftn(np.fft.rfftn(array) * weight[shell], s=array.shape, axes=(0, 1, 2))


def _figure_of_merit(fsc: np.ndarray) -> np.ndarray:
    fsc = np.nan_to_num(fsc)
    fsc[0] = 1.0  # the mean says nothing about noise
    gone = np.flatnonzero(fsc <= 0)
    if len(gone):
        fsc[gone[0] :] = 0.0
    return np.sqrt(2 * fsc / (1 + fsc))


def _sphere(box: int) -> np.ndarray:
    squared = (np.arange(box) - box // 2) ** 2
    return squared[:, None, None] + squared[:, None] + squared <= (box // 2) ** 2
