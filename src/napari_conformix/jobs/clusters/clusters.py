"""Clusters of a job's particles: making a set, and what can be asked of one.

A set is a folder, clusters/NAME: `clusters.npz` and `clusters.json` (see `record`), and a
map for each cluster, cluster_01.mrc and so on. It is made in a folder of another name and renamed,
so that it is there as a whole or not at all. Clusters count from 0 in Python and from 1 wherever
people see them: in file names, selections and words.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters.record import (
    RECORD,
    ClusterRecord,
    load_arrays,
    save_arrays,
)
from napari_conformix.jobs.folder import refuse_without_decoder
from napari_conformix.runs import layout, remove_leftovers, temporary_name

if TYPE_CHECKING:
    from napari_conformix.analysis.clusters import (
        Clustering,
        Coordinates,
        How,
        Purity,
        Separation,
        Stability,
        Suggestion,
    )
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.jobs.clusters.reconstructions import ClusterResult
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.training.latent_table import LatentTable

#: shares of the time for finding clusters, checking them, and decoding their maps
FOUND, CHECKED = 0.2, 0.5

#: Cramer's V between clusters and half sets from which they are said to follow them
FOLLOWS_HALVES = 0.3

Progress = Callable[[float], None]
Stop = Callable[[], bool]


class ClusterSet:
    """A set of clusters in its folder. Cheap to open: the arrays are read once, maps when asked."""

    def __init__(self, job: "JobFolder", name: str) -> None:
        self.job = job
        self.name = name
        self.folder = _existing(job, name)
        self.record = ClusterRecord.load(self.folder)
        self.clustering, self._truth = load_arrays(self.folder, self.record)
        self._purity: Purity | None = None

    # -- what it is -------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.clustering.k

    @property
    def epoch(self) -> int:
        """Of the latents that were grouped."""
        return self.record.epoch

    @property
    def counts(self) -> NDArray[np.int64]:
        """(k,) particles."""
        return self.clustering.counts

    @property
    def half_counts(self) -> NDArray[np.int64]:
        """(k, 2) particles of half set 1 and 2."""
        return np.array(self.record.half_counts, dtype=np.int64).reshape(-1, 2)

    @property
    def held_out(self) -> NDArray[np.float64]:
        """(k,) share of the particles that were held out of training."""
        return np.array(self.record.held_out)

    @property
    def outdated(self) -> str | None:
        """A sentence when the job has latents of another epoch by now."""
        now = self.job.latents().epoch
        if now == self.epoch:
            return None
        return (
            f"The clusters {self.name} are of the latents of epoch {self.epoch}; the job's are of "
            f"epoch {now} now. Make them again to group those."
        )

    # -- its clusters, from 0 ---------------------------------------------------------------------

    def maps(self) -> tuple[Path, ...]:
        """The files of the maps, one a cluster; none if it was made without."""
        return tuple(self.folder / name for name in self.record.maps)

    def volume(self, index: int) -> NDArray[np.float32]:
        """(z, y, x): the map of a cluster, of its most central particle, on the consensus grid."""
        from napari_conformix.particles import read_map

        self._check(index)
        if not self.record.maps:
            refuse_without_decoder(self.job.method_class, "decode maps")
            raise UserError(f"The clusters {self.name} were made without maps; make them again.")
        return np.asarray(read_map(self.folder / self.record.maps[index])[0])

    def whose_map(self, index: int) -> str:
        """Which particle a map is of, and whose model decoded it; without maps, which one is most
        central."""
        self._check(index)
        half = self.record.representative_halves[index]
        text = f"particle {int(self.clustering.representatives[index])}"
        return text + (f", decoded by the model of half {half}" if half else "")

    def selection(self, index: int, name: str | None = None) -> "Selection":
        """The particles of a cluster, by default named NAME_cluster_01; not saved yet."""
        from napari_conformix.analysis.selections import Selection

        self._check(index)
        record = self.record
        step = {"action": "replace", "kind": "cluster", "set": self.name, "number": index + 1}
        step |= {"clusters": len(self), "how": record.how, "seed": record.seed}
        step |= {"coordinates": record.coordinates, "epoch": record.epoch}
        chosen = name or self.selection_name(index)
        labels = self.clustering.labels
        return Selection(chosen, self.clustering.rows(index), len(labels), (step,), record.epoch)

    def selection_of(self, indices: Sequence[int], name: str | None = None) -> "Selection":
        """The particles of one or several clusters, by default named NAME_clusters_01_03."""
        from napari_conformix.analysis.selections import Selection

        chosen = sorted(set(indices))
        parts = [self.selection(index, name) for index in chosen]
        if not parts:
            raise UserError("Choose at least one cluster.")
        if len(parts) == 1:
            return parts[0]
        step = {**parts[0].how[0], "kind": "clusters", "numbers": [i + 1 for i in chosen]}
        del step["number"]
        numbers = "_".join(f"{index + 1:02d}" for index in chosen)
        rows = np.flatnonzero(np.isin(self.clustering.labels, chosen))
        total = len(self.clustering.labels)
        return Selection(
            name or f"{self.name}_clusters_{numbers}", rows, total, (step,), self.record.epoch
        )

    def selection_name(self, index: int) -> str:
        """NAME_cluster_01."""
        return f"{self.name}_cluster_{index + 1:02d}"

    def results(self) -> "list[ClusterResult]":
        """What the clusters' own particles reconstruct to, as far as that was done."""
        from napari_conformix.jobs.clusters.reconstructions import result_of

        return [result_of(self, index) for index in range(len(self))]

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise UserError(
                f"There is no cluster {index + 1} in {self.name}; it has clusters 1 to {len(self)}."
            )

    # -- how far to believe it --------------------------------------------------------------------

    @property
    def stability(self) -> "Stability | None":
        """Whether other particles give the same clusters; None if that was not looked at."""
        from napari_conformix.analysis.clusters import Stability

        found, by_chance = self.record.stability, self.record.stability_by_chance
        if found is None or by_chance is None:
            return None
        return Stability(np.array(found), by_chance)

    @property
    def separation(self) -> "Separation | None":
        """Whether there are gaps between the clusters; None if that was not looked at."""
        from napari_conformix.analysis.clusters import Separation

        if self.record.density is None or self.record.gap is None:
            return None
        density = np.array(self.record.density, dtype=np.float64)  # None becomes NaN
        return Separation(density, np.array(self.record.gap))

    @property
    def purity(self) -> "Purity | None":
        """Against known labels, if any were given."""
        from napari_conformix.analysis.clusters import purity

        if self._truth is None:
            return None
        if self._purity is None:
            source = self.record.truth or ""
            self._purity = purity(self.clustering.labels, _as_labels(self._truth), source=source)
        return self._purity

    def compare_with(self, labels: "str | Path | ArrayLike") -> "Purity":
        """Compare with known labels (a column, a file, or (N,)), and keep them with the set."""
        truth, source = _truth(self.job, labels)
        record = self.record.model_copy(update={"truth": source})
        save_arrays(self.folder, self.clustering, truth)
        record.save(self.folder)
        self.record, self._truth, self._purity = record, truth, None
        purity = self.purity
        assert purity is not None
        return purity

    @property
    def follows_halves(self) -> str | None:
        """A sentence when clusters of two models are of the models rather than of the particles.

        By Cramer's V between clusters and half sets, which is about sqrt(k / N) for chance alone.
        """
        counts = self.half_counts.astype(np.float64)
        total = counts.sum()
        if not any(self.record.representative_halves) or not counts.sum(axis=0).all():
            return None
        expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / total
        used = expected.sum(axis=1) > 0
        chi2 = float((np.square(counts - expected)[used] / expected[used]).sum())
        if np.sqrt(chi2 / total) < FOLLOWS_HALVES or chi2 < 10 * len(self):
            return None
        share = counts[:, 0] / np.maximum(counts.sum(axis=1), 1)
        most = int(np.abs(share - 0.5).argmax())
        half = 1 if share[most] > 0.5 else 2
        return (
            f"The clusters follow the half sets: {max(share[most], 1 - share[most]):.0%} of "
            f"cluster {most + 1} are of half {half}. The models of the two halves do not agree on "
            "what these particles do, so these clusters say nothing of the molecule: train longer."
        )

    def sentences(self) -> list[str]:
        """How it was made, what the clusters are, and how they compare with known labels."""
        from napari_conformix.analysis.clusters import in_words

        text = [self.clustering.sentence()]
        stable, separate = self.stability, self.separation
        if stable is not None and separate is not None:
            told = [in_words(stable, separate)]
            told += [stable.sentence(), separate.sentence()] if len(self) > 1 else []
            text += dict.fromkeys(told)  # where nothing can be judged, the same sentence twice
        if self.follows_halves is not None:
            text.append(self.follows_halves)
        if self.purity is not None:
            text.append(self.purity.sentence())
        if self.outdated is not None:
            text.append(self.outdated)
        if self.record.model_epoch != self.epoch and self.record.maps:
            text.append(
                f"The model of epoch {self.epoch} is not kept any more: the maps were decoded by "
                f"that of epoch {self.record.model_epoch}."
            )
        return text


# -- finding sets ---------------------------------------------------------------------------------


def folder_of(job: "JobFolder", name: str) -> Path:
    """clusters/NAME in the job."""
    return job.folder / layout.CLUSTERS / name


def sets_of(job_folder: Path) -> list[str]:
    """Names of the sets of clusters in a job folder, the oldest first."""
    found = [
        path.parent
        for path in (job_folder / layout.CLUSTERS).glob(f"*/{RECORD}")
        if not path.parent.name.startswith(".")
    ]
    return [
        folder.name
        for folder in sorted(found, key=lambda f: ((f / RECORD).stat().st_mtime_ns, f.name))
    ]


def delete_clusters(job: "JobFolder", name: str) -> None:
    """Remove a set with its maps, damaged or not; selections and reconstructions made of it
    stay."""
    _discard(_existing(job, name))


def _existing(job: "JobFolder", name: str) -> Path:
    """The folder of a set; UserError names those that there are."""
    from napari_conformix.analysis.selections import check_name

    folder = folder_of(job, check_name(name))
    if not (folder / RECORD).exists():
        known = ", ".join(sets_of(job.folder))
        there = f"it has: {known}" if known else "make some: `conformix clusters JOB -k 6`"
        raise UserError(f"There are no clusters {name!r} in {job.folder}; {there}.")
    return folder


def _discard(folder: Path) -> None:
    """Remove a folder; it is gone from sight at once, whatever happens meanwhile."""
    away = temporary_name(folder)
    os.replace(folder, away)
    shutil.rmtree(away)


# -- making one -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What to make; the fields are those of :meth:`Job.cluster`."""

    k: int
    how: "How" = "kmeans"
    name: str | None = None
    labels: "str | Path | ArrayLike | None" = None
    coordinates: "Coordinates | None" = None
    rows: ArrayLike | None = None
    seed: int = 1
    epoch: int | None = None
    maps: bool = True
    checks: bool = True
    overwrite: bool = False

    @property
    def chosen_name(self) -> str:
        """The name, or the default one such as kmeans6."""
        return self.name or f"{self.how}{self.k}"


def make_clusters(
    job: "JobFolder",
    request: Request,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> ClusterSet | None:
    """Find clusters, check them, decode their maps, and write the set; None when stopped.

    `progress` receives the share done, 0 to 1. UserError when there is a set of that name (unless
    `overwrite`), or when the clusters or the known labels cannot be had; nothing is written then.
    """
    from napari_conformix.analysis.clusters import cluster
    from napari_conformix.analysis.selections import check_name

    name = check_name(request.chosen_name)
    refuse_taken(job, request)
    tell, asked = progress or (lambda share: None), stop or (lambda: False)
    table = job.latents(request.epoch)
    values, coordinates = coordinates_of(job, table, request.coordinates)
    truth, source = (None, None) if request.labels is None else _truth(job, request.labels)
    found = cluster(
        values,
        request.k,
        request.how,
        request.seed,
        request.rows,
        epoch=table.epoch,
        coordinates=coordinates,
    )
    tell(FOUND)
    checks = _checks(values, found, tell, asked) if request.checks else {}
    if checks is None or asked():
        return None
    record = _record(job, table, found).model_copy(update={"truth": source, **checks})
    folder = job.folder / layout.CLUSTERS
    folder.mkdir(exist_ok=True)
    remove_leftovers(folder)
    making = temporary_name(folder / name)
    making.mkdir()
    try:
        if request.maps and job.method_class.has_decoder:
            written = _write_maps(job, table, found, record, making, tell, asked)
            if written is None:
                return None
            record = record.model_copy(update={"maps": written})
        save_arrays(making, found, truth)
        record.save(making)
        _put_in_place(making, folder / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    tell(1.0)
    return ClusterSet(job, name)


def refuse_taken(job: "JobFolder", request: Request) -> None:
    """UserError when there is a set of that name that may not be replaced."""
    if not request.overwrite and (folder_of(job, request.chosen_name) / RECORD).exists():
        raise UserError(
            f"There are clusters {request.chosen_name!r} already; choose another name, or ask to "
            "overwrite them (--overwrite)."
        )


def coordinates_of(
    job: "JobFolder", table: "LatentTable", wanted: "Coordinates | None" = None
) -> "tuple[NDArray[np.float32], Coordinates]":
    """What is grouped: the latents of a method with one model, else the motion coordinates, which
    alone mean the same in both halves."""
    two = job.method_class.independent_halves
    chosen = wanted or ("motion" if two else "latents")
    if chosen == "latents":
        if two:
            raise UserError(
                "The latents of the two halves of this job have nothing to do with each other; "
                "group the motion coordinates, which mean the same in both."
            )
        return table.mean, "latents"
    if table.motion is None:
        raise UserError("These latents have no motion coordinates to group particles by.")
    return table.motion, "motion"


def suggest_clusters(
    job: "JobFolder",
    most: int = 10,
    *,
    epoch: int | None = None,
    seed: int = 1,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> "Suggestion | None":
    """BIC of 1 to `most` Gaussians in the coordinates that would be grouped."""
    from napari_conformix.analysis.clusters import suggest as compare

    values, _ = coordinates_of(job, job.latents(epoch))
    return compare(values, most, seed, progress=progress, stop=stop)


def _checks(
    values: NDArray[np.float32], found: "Clustering", tell: Progress, stop: Stop
) -> dict[str, Any] | None:
    """Fields of the record that say how far to believe the clusters; None when stopped."""
    from napari_conformix.analysis.clusters import separation, stability

    rows = np.flatnonzero(found.labels >= 0)
    separate = separation(values, found.labels, found.seed, stop=stop)
    if separate is None:
        return None
    stable = stability(
        values,
        found.k,
        found.how,
        found.seed,
        rows,
        progress=lambda share: tell(FOUND + (CHECKED - FOUND) * share),
        stop=stop,
    )
    if stable is None:
        return None
    density = [[None if np.isnan(v) else float(v) for v in row] for row in separate.density]
    return {
        "stability": stable.adjusted_rand.tolist(),
        "stability_by_chance": stable.by_chance,
        "density": density,
        "gap": separate.gap.tolist(),
    }


def _record(job: "JobFolder", table: "LatentTable", found: "Clustering") -> ClusterRecord:
    half_set = job.split.half  # of the particles; the latents of one model belong to neither half
    groups = [found.rows(i) for i in range(found.k)]
    return ClusterRecord(
        how=found.how,
        asked=found.asked,
        seed=found.seed,
        epoch=table.epoch,
        model_epoch=_model_epoch(job, table.epoch),
        coordinates=found.coordinates,
        covariance=found.covariance,
        fitted=found.fitted,
        representative_halves=[int(half) for half in table.half[found.representatives]],
        half_counts=[
            (int((half_set[rows] == 1).sum()), int((half_set[rows] == 2).sum())) for rows in groups
        ],
        held_out=[float(table.validation[rows].mean()) for rows in groups],
    )


def _model_epoch(job: "JobFolder", epoch: int) -> int:
    """The epoch of the latents where its model is kept, else the nearest whose model is."""
    kept = job.checkpoints.epochs()
    return min(kept, key=lambda other: abs(other - epoch)) if kept else epoch


def _write_maps(
    job: "JobFolder",
    table: "LatentTable",
    found: "Clustering",
    record: ClusterRecord,
    folder: Path,
    tell: Progress,
    stop: Stop,
) -> list[str] | None:
    """Decode and write the map of every cluster's most central particle; None when stopped."""
    from napari_conformix.particles import write_map

    names = []
    for index, row in enumerate(found.representatives):
        if stop():
            return None
        half = record.representative_halves[index] or None
        volume = job.decode(table.mean[row], half, record.model_epoch)
        names.append(f"cluster_{index + 1:02d}.mrc")
        write_map(folder / names[-1], volume, job.spec.grids.pixel_size_angstrom)
        tell(CHECKED + (1 - CHECKED) * (index + 1) / found.k)
    return names


def _put_in_place(made: Path, folder: Path) -> None:
    """Rename a finished set into place, and an older one away."""
    if folder.exists():
        _discard(folder)
    os.replace(made, folder)


def _truth(job: "JobFolder", labels: "str | Path | ArrayLike") -> tuple[NDArray[np.str_], str]:
    """(N,) known labels as text (empty where there is none), and where they are from."""
    from napari_conformix.analysis.clusters import label_codes
    from napari_conformix.jobs.folder import known_labels

    if isinstance(labels, str | Path):
        values, source = known_labels(job.particles, labels), str(labels)
    else:
        values, source = np.asarray(labels), "as given"
        if values.shape != (len(job.particles),):
            raise UserError(
                f"There are {values.size:,} known labels, but the job has {len(job.particles):,} "
                "particles; give one label for every particle."
            )
    codes, states = label_codes(values)
    return np.array([*states, ""])[codes], source


def _as_labels(text: NDArray[np.str_]) -> NDArray[Any]:
    """Numbers again where all labels are whole numbers, so that they sort as such."""
    try:
        return np.where(text == "", np.nan, np.where(text == "", "0", text).astype(np.int64))
    except ValueError:
        return text
