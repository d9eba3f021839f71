"""A selection of one job, made again in another by the same steps.

The latent axes of two runs are not the same axes: a component may run the other way, or be another
one. Where the jobs share particles this is measured, step by step, and what was drawn in one view
is laid over the other by a linear fit; else it is said that nothing could be checked. Where the
jobs share particles, it is reported as well how many of them are selected again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.analysis.comparison import Matching, match_particles
from napari_conformix.analysis.selections import (
    Ground,
    Mask,
    Selection,
    Step,
    replay_steps,
    view_of_quantity,
    view_steps,
    words,
)
from napari_conformix.analysis.spaces import COLUMNS, Alignment, Space, align
from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters import ClusterSet, sets_of
from napari_conformix.jobs.motion import deformations_of
from napari_conformix.jobs.spaces import umaps

if TYPE_CHECKING:
    from napari_conformix.jobs.folder import JobFolder

#: a place that differs by more than this share of itself is no longer the same view
_MOVED = 1e-3


@dataclass(frozen=True)
class Agreement:
    """How many of the same particles are selected: `before` of the first job's selection are in
    both files, `now` of the replayed ones are, and `both` are selected in both. `shared` particles
    are in both files."""

    shared: int
    before: int
    now: int
    both: int

    @property
    def jaccard(self) -> float:
        """Selected in both, of those selected in either; 1 where all agree."""
        either = self.before + self.now - self.both
        return self.both / either if either else 1.0

    @property
    def by_chance(self) -> float:
        """The Jaccard index of two random selections of these sizes."""
        both = self.before * self.now / self.shared if self.shared else 0.0
        either = self.before + self.now - both
        return both / either if either else 1.0

    def sentence(self) -> str:
        """'Of the 812 particles selected before, 640 are selected again ...'."""
        return (
            f"Of the {self.before:,} particles selected before that are in both files, "
            f"{self.both:,} are selected again, with {self.now - self.both:,} others (Jaccard "
            f"index {self.jaccard:.2f}; {self.by_chance:.2f} by chance)."
        )


@dataclass(frozen=True)
class Replayed:
    """What came of it: the selection (not saved yet), what was found of the axes, what to be wary
    of, and, where particles are shared, how many agree."""

    selection: Selection
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    agreement: Agreement | None = None

    def lines(self) -> list[str]:
        """All sentences, the agreement first."""
        first = [] if self.agreement is None else [self.agreement.sentence()]
        return [*first, *self.notes, *self.warnings]


def replay_selection(
    job: "JobFolder",
    selection: Selection,
    source: "JobFolder | None" = None,
    *,
    name: str | None = None,
    aligned: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Replayed:
    """Find the particles of `job` that the steps of a selection of `source` mean there.

    Without `source`, or not `aligned`, everything that was drawn is taken at its coordinates. Else
    views are laid over those of `source` by the particles that both share. UserError names the step
    that cannot be replayed and why, or says that nothing is selected. `progress` receives the share
    of the motions computed, where a step needs those.
    """
    if not selection.how:
        raise UserError(
            f"Selection '{selection.name}' keeps no steps, only rows of its own particle file; "
            "there is nothing to replay."
        )
    matching, note = (None, "") if source is None else _matching(job, source)
    ground = ground_of(job, progress)
    ground = replace(ground, rows_of=partial(_rows_of_file, matching=matching))
    axes = _Axes(source, matching) if aligned and source is not None else None
    history = replay_steps(len(ground.latents.mean), selection.how, ground, axes)
    if not history.count:
        raise UserError(
            f"No particle of {job.folder} is selected by the steps of '{selection.name}'; nothing "
            "was saved."
        )
    notes, warnings = ([], [note] if note else []) if axes is None else axes.told(note)
    if source is not None and matching is not None:
        warnings += _other_clusters(job, source, selection.how, matching)
    made = Selection(
        name or selection.name,
        history.rows,
        history.total,
        _how(selection, source),
        ground.latents.epoch,
        selection.colour,
    )
    found = None if matching is None else _agreement(selection, history.mask, matching)
    return Replayed(made, tuple(notes), tuple(warnings), found)


def same_particles(
    job: "JobFolder", selection: Selection, source: "JobFolder", *, name: str | None = None
) -> Replayed:
    """The very particles of a selection of `source`, found in `job` by their images: for steps that
    have no meaning there. UserError when none of them is there."""
    matching = match_particles(job.particles, source.particles)
    mask = matching.these_of(selection.mask)
    if not mask.any():
        raise UserError(
            f"None of the particles of '{selection.name}' is in {job.folder}; nothing was saved."
        )
    step = {**_how(selection, source)[0], "kind": "same particles"}
    made = Selection(
        name or selection.name,
        np.flatnonzero(mask),
        len(mask),
        (step,),
        colour=selection.colour,
    )
    there = int(np.count_nonzero(matching.to_this[selection.rows] >= 0))
    note = f"{there:,} of the {len(selection):,} particles of '{selection.name}' are in this job."
    warnings = (matching.caution,) if matching.caution else ()
    return Replayed(made, (note,), warnings)


def ground_of(job: "JobFolder", progress: Callable[[float], None] | None = None) -> Ground:
    """The newest latents of a job, its particle file and clusters, to look steps up in."""

    def labels(name: str) -> NDArray[Any]:
        sets = sets_of(job.folder)
        if name not in sets:
            have = f"it has: {', '.join(sets)}" if sets else "it has no clusters yet"
            raise UserError(f"this job has no set of clusters '{name}'; {have}")
        return ClusterSet(job, name).clustering.labels

    motions = partial(deformations_of(job).motion_table, progress)
    displaces = job.method_class.has_displacement
    umap = partial(_umap, job)
    return Ground(
        job.latents(), job.particles, labels, umap, motions=motions if displaces else None
    )


def _umap(job: "JobFolder", key: str) -> Space:
    """A UMAP that the job keeps of its newest latents, by its key."""
    for kept in umaps.umaps_of(job):
        embedding = umaps.embedding_of(job, kept) if umaps.key_of(kept) == key else None
        if embedding is not None:
            return umaps.space_of(kept, embedding, job.latents())
    raise UserError(
        "this job keeps no such UMAP, and a UMAP of one run has nothing in common with that of "
        "another; select in a view of motions, components or latent axes"
    )


def _how(selection: Selection, source: "JobFolder | None") -> tuple[Step, ...]:
    if source is None:
        return selection.how
    return (
        {
            "action": "replace",
            "kind": "replayed",
            "job": str(source.folder),
            "name": selection.name,
            "steps": list(selection.how),
        },
    )


def _matching(job: "JobFolder", source: "JobFolder") -> tuple[Matching | None, str]:
    """Which row of `job` is which row of `source`, and a word of caution."""
    try:
        found = match_particles(job.particles, source.particles)
    except UserError:
        return None, (
            f"No particle of {job.folder} is in {source.folder}: whether the axes of both mean the "
            "same could not be checked. An axis may run the other way or be another one; look at "
            "what is selected before you use it."
        )
    return found, found.caution


def _rows_of_file(step: Step, matching: Matching | None) -> Mask:
    """Rows of a file belong to the particles of the job that they were made for."""
    from napari_conformix.particles.latents import read_indices

    if matching is None:
        raise UserError("its rows are those of another particle file, and none of these is there")
    if not step.get("file"):
        raise UserError("it keeps which particles were taken, and no rule by which to find others")
    theirs = np.zeros(len(matching.to_this), dtype=bool)
    theirs[read_indices(Path(step["file"]), len(theirs))] = True
    return matching.these_of(theirs)


def _agreement(selection: Selection, mask: Mask, matching: Matching) -> Agreement:
    shared = matching.to_other >= 0
    before = shared & selection.mask[matching.to_other]
    now = shared & mask
    return Agreement(*(int(np.count_nonzero(m)) for m in (shared, before, now, before & now)))


def _other_clusters(
    job: "JobFolder", source: "JobFolder", steps: tuple[Step, ...], matching: Matching
) -> list[str]:
    """Clusters are numbered by size: a word where another number holds more of the particles."""
    warnings = []
    for step in steps:
        name = step.get("set")
        if name is None or any(name not in sets_of(each.folder) for each in (source, job)):
            continue
        shared = matching.to_other >= 0
        theirs = ClusterSet(source, name).clustering.labels[matching.to_other[shared]]
        mine = ClusterSet(job, name).clustering.labels[shared]
        for number in words.cluster_numbers(step):
            counts = np.bincount(mine[(theirs == number - 1) & (mine >= 0)])
            if counts.size and counts.argmax() != number - 1:
                warnings.append(
                    f"Most particles of cluster {number} of '{name}' are in cluster "
                    f"{counts.argmax() + 1} of this job, not in its cluster {number}: clusters are "
                    "numbered by size. Select that one instead."
                )
    return warnings


@dataclass
class _Axes:
    """Lays views of a job over those of the source, and remembers what it found.

    Called with a step, the space of the job that it is looked up in, and the axes that bear the
    names of the step's.
    """

    source: "JobFolder"
    matching: Matching | None
    _found: dict[tuple[Any, ...], Alignment | None] = field(default_factory=dict)
    _unchecked: dict[str, str] = field(default_factory=dict)

    def __call__(self, step: Step, space: Space, axes: tuple[int, ...]) -> Alignment | None:
        if step["embedding"] == COLUMNS and all(view_of_quantity(n) is None for n in step["axes"]):
            return None  # columns of the particle file mean the same everywhere
        key = step["embedding"], tuple(step["axes"]), step.get("epoch"), str(step.get("anchor"))
        if key not in self._found:
            self._found[key] = self._align(step, space, axes)
        found = self._found[key]
        if step["embedding"].startswith("umap") and (found is None or found.weights is not None):
            raise UserError(
                "the UMAP of this job is laid out otherwise; select in a view of motions, "
                "components or latent axes"
            )
        return found

    def told(self, caution: str) -> tuple[list[str], list[str]]:
        """Notes and warnings."""
        found = [one for one in self._found.values() if one is not None]
        notes = list(dict.fromkeys(one.sentence() for one in found if not one.doubtful))
        warnings = list(dict.fromkeys(one.sentence() for one in found if one.doubtful))
        warnings += self._unchecked.values()
        if caution and (self.matching is not None or None in self._found.values()):
            warnings.append(caution)
        return notes, warnings

    def _align(self, step: Step, space: Space, axes: tuple[int, ...]) -> Alignment | None:
        if self.matching is None:
            return None
        names = tuple(step["axes"])
        old = self._coordinates(step)
        if isinstance(old, str):
            self._unchecked["old"] = (
                f"Whether {' × '.join(names)} mean the same in both jobs could not be checked: "
                f"{old}. They were taken as they are."
            )
            return None
        rows = self.matching.to_other[space.rows]
        shared = rows >= 0
        found = align(space.coordinates[shared], old[rows[shared]], names, axes)
        if found is None:
            self._unchecked["few"] = (
                f"Whether {' × '.join(names)} mean the same in both jobs could not be checked: too "
                "few particles are in both views. They were taken as they are."
            )
        return found

    def _coordinates(self, step: Step) -> NDArray[np.float64] | str:
        """(M, m) where the particles of the source were when the step was drawn, NaN for those that
        its view did not show; or why that is not known any more."""
        epoch = step.get("epoch")
        try:
            umap = partial(_umap, self.source)
            ground = Ground(self.source.latents(epoch), self.source.particles, umap=umap)
            space = ground.space(step)
            axes = [space.axes.index(name) for name in step["axes"]]
        except (UserError, ValueError):
            return f"the latents of epoch {epoch} of {self.source.folder} are not kept"
        places = np.full((len(ground.latents.mean), len(axes)), np.nan)
        places[space.rows] = space.coordinates[:, axes]
        return _as_drawn(places, step)


def _as_drawn(places: NDArray[np.float64], step: Step) -> NDArray[np.float64] | str:
    """With the signs that the axes had: the step keeps the place of one particle."""
    if "anchor" not in step or step["kind"] not in view_steps.KINDS:
        return places
    row, *was = step["anchor"]
    now = places[row]
    signs = np.where(now * was < 0, -1.0, 1.0)
    spread = np.nanstd(places, axis=0)
    if not (np.abs(signs * now - was) <= _MOVED * (np.abs(was) + spread)).all():
        return "the view that the step was drawn in is another one by now"
    return places * signs
