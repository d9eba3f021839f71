"""Two jobs on the same particles: which rows belong together, and how far the jobs agree."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.analysis.clusters import cluster
from napari_conformix.analysis.comparison import (
    GroupAgreement,
    Matching,
    MethodAgreement,
    group_agreement,
    match_particles,
    method_agreement,
)
from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters import ClusterSet, sets_of

if TYPE_CHECKING:
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.latent_table import LatentTable

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Labels = NDArray[np.signedinteger]

#: pairs of images that are looked at, and the correlation above which they are the same image
LOOKED_AT = 8
ALIKE = 0.5


@dataclass(frozen=True)
class Positions:
    """Where particles lie, in coordinates that mean the same for all of them: (N, d), NaN where
    that is not known; `of` says in words what they are."""

    values: Floats
    of: str


@dataclass(frozen=True)
class Part:
    """Two sets of positions compared: of which halves, and what was found (None: too few)."""

    this: str
    other: str
    found: MethodAgreement | None


@dataclass(frozen=True)
class Comparison:
    """What is known of two jobs with the same particles."""

    this: str
    other: str
    matching: Matching
    parts: tuple[Part, ...]
    groups: tuple[GroupAgreement, ...]

    def lines(self) -> list[str]:
        """Sentences, the most important first."""
        lines = [self.matching.sentence()]
        for part in self.parts:
            this, other = self.this + part.this, self.other + part.other
            if part.found is None:
                lines.append(
                    f"{this} and {other} have too few particles in common to be compared; 100 are "
                    "needed."
                )
            else:
                lines += part.found.lines(this, other)
        return [*lines, *(group.sentence() for group in self.groups)]


def compare_jobs(
    this: "JobFolder",
    other: "JobFolder",
    clusters: int = 6,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Comparison | None:
    """How far two jobs place the same particles alike; None when `stop` said so.

    Stored clusters of both are compared; a job without any is grouped into `clusters` by k-means.
    UserError when the jobs have no particle in common, or one has no latents yet.
    """
    names = titles(this, other)
    matching = match_jobs(this.particles, other.particles)
    tables = this.latents(), other.latents()
    rows = _one_of_each_image(this, matching)
    there = matching.to_other[rows]
    pairs = [(mine, theirs) for mine in positions(tables[0]) for theirs in positions(tables[1])]
    directions = this.particles.rotation[rows][:, :, 2]
    parts = []
    for done, (mine, theirs) in enumerate(pairs, start=1):
        if stop is not None and stop():
            return None
        found = method_agreement(mine.values[rows], theirs.values[there], directions)
        parts.append(Part(mine.of, theirs.of, found))
        if progress is not None:
            progress(done / (len(pairs) + 1))
    groups = [
        group_agreement(
            labels[rows], others[there], (f"{name} of {names[0]}", f"{o} of {names[1]}")
        )
        for name, labels in _labels(this, tables[0], clusters).items()
        for o, others in _labels(other, tables[1], clusters).items()
    ]
    return Comparison(*names, matching, tuple(parts), tuple(g for g in groups if g is not None))


def match_jobs(this: "ParticleSet", other: "ParticleSet") -> Matching:
    """As `match_particles`; where only the names of stacks speak for it, with a look at some of the
    images themselves."""
    matching = match_particles(this, other)
    if matching.how == "uid" or this.stacks == other.stacks:
        return matching
    shared = np.flatnonzero(matching.to_other >= 0)
    some = shared[np.linspace(0, len(shared) - 1, min(LOOKED_AT, len(shared))).astype(np.int64)]
    likeness = _likeness(this, some, other, matching.to_other[some])
    if likeness is None or likeness > ALIKE:
        return matching
    told = (
        "That is by name only: the images themselves are others (correlation "
        f"{likeness:.2f} of {len(some)} looked at): "
        "stacks of the same name hold other particles, or the images were processed again. Do not "
        "rely on this comparison before you know which."
    )
    return replace(matching, caution=" ".join(filter(None, (matching.caution, told))))


def _likeness(this: "ParticleSet", rows: Rows, other: "ParticleSet", others: Rows) -> float | None:
    """Median correlation of images, pair by pair; None where they cannot be compared as they are:
    a stack is not there, or the boxes are others."""
    from napari_conformix.particles import ImageReader

    readers = ImageReader(this), ImageReader(other)
    try:
        boxes = [reader.boxes(r) for reader, r in zip(readers, (rows, others), strict=True)]
        if len({int(box) for own in boxes for box in own}) != 1:
            return None
        first, second = readers[0].read(rows), readers[1].read(others)
    except UserError:
        return None
    pairs = zip(first.reshape(len(rows), -1), second.reshape(len(rows), -1), strict=True)
    return abs(float(np.median([np.corrcoef(a, b)[0, 1] for a, b in pairs])))


def titles(this: "JobFolder", other: "JobFolder") -> tuple[str, str]:
    """Names to tell two jobs apart: method and folder, as 'Title run1'."""
    folders = [job.folder.resolve() for job in (this, other)]
    deep = 1
    while deep < 4 and folders[0].parts[-deep:] == folders[1].parts[-deep:]:
        deep += 1
    first, second = (
        f"{job.method_class.title.partition(' (')[0]} {'/'.join(folder.parts[-deep:])}"
        for job, folder in zip((this, other), folders, strict=True)
    )
    return first, second


def refuse_itself(this: "JobFolder", other: "JobFolder") -> None:
    """UserError when both are one folder."""
    if this.folder.resolve() == other.folder.resolve():
        raise UserError(f"{other.folder} is the job itself; choose another job of its particles.")


def positions(latents: "LatentTable") -> list[Positions]:
    """Where the particles of a job lie: the latents of its one model; of two models the motion
    view, which both share, or without one either half's latents by themselves."""
    halves = [int(half) for half in np.unique(latents.half)]
    if len(halves) == 1:
        return [Positions(latents.mean, "")]
    if latents.motion is not None:
        return [Positions(latents.motion, "")]
    found = []
    for half in halves:
        own = np.where((latents.half == half)[:, None], latents.mean, np.float32(np.nan))
        found.append(Positions(own, f" (half {half})"))
    return found


def _one_of_each_image(job: "JobFolder", matching: Matching) -> Rows:
    """Matched rows of a job, one for each image: a copy would stand next to what is left out."""
    rows = np.flatnonzero(matching.to_other >= 0)
    _, first = np.unique(matching.to_other[rows], return_index=True)
    rows = rows[np.sort(first)]
    if max(matching.copies) > 1:
        _, first = np.unique(job.particles.image_key[rows], return_index=True)
        rows = rows[np.sort(first)]
    return np.asarray(rows)


def _labels(job: "JobFolder", latents: "LatentTable", k: int) -> dict[str, Labels]:
    """Stored clusters of a job by name; without any, those of k-means."""
    stored = {name: ClusterSet(job, name).clustering.labels for name in sets_of(job.folder)}
    if stored:
        return {f"'{name}'": labels for name, labels in stored.items()}
    first = positions(latents)[0]
    usable = int(np.isfinite(first.values).all(axis=1).sum())
    if usable < k:
        return {}
    return {f"by k-means ({k})": cluster(first.values, k).labels}
