"""Everything that the particles of a latent map can be coloured by, in groups. No Qt in this file.

A painter makes the colours of all rows of the particle file for a view; it is called in a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.analysis.spaces import particle_values, views
from napari_conformix.widgets.colours import clusters, colouring

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import LatentView, Quantity
    from napari_conformix.jobs import Job
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.colours.colouring import Colouring

Painter = Callable[["LatentView"], "Colouring"]
#: name in the list of colours -> what makes them
Painters = dict[str, Painter]

ONE_COLOUR: Final = "one colour"
HALF_SET: Final = "half set"
VALIDATION: Final = "validation"
DENSITY: Final = "density of the map"
CURRENT: Final = "current selection"
SAVED: Final = "saved selections"
_CLUSTERS: Final = "Clusters"
#: what the names of sets of clusters begin with
CLUSTERS: Final = "clusters "
#: headings of what other parts of the window offer, by their name
_SOURCES: Final = {"clusters": _CLUSTERS, "other job": "Of the other job"}
#: how many colours of saved selections there are before they repeat
_MANY: Final = 12
_BY_MOTION_TIPS: Final = {
    "amount of motion": "How far a particle is from the consensus. Unit: Å RMS.",
    "direction of motion": "Direction of the mean displacement, in the frame of the consensus; "
    "grey where the motion is not larger than its error.",
    "place of the largest motion": "The part of the molecule that moves most; the parts stand in "
    "the scene in these colours.",
    "error of the motion": "How much the two halves' models differ on the motion. Unit: Å RMS.",
    "motion / error": "Below 1 the motion is not larger than its error: do not believe it.",
}


@dataclass(frozen=True)
class Choice:
    """One thing to colour by: its name, what it means, and what paints it."""

    name: str
    meaning: str
    paint: Painter | None = None  # None: motions of the molecule, which need the motion table
    quantity: Quantity | None = None


@dataclass
class Known:
    """What there is to colour by: of a job, its particles, and what other parts offer."""

    latents: LatentTable
    particles: ParticleSet | None = None
    job: Job | None = None
    cluster_sets: list[str] = field(default_factory=list)
    selections: list[str] = field(default_factory=list)
    offered: dict[str, Painters] = field(default_factory=dict)
    by_motion: tuple[str, ...] = ()
    selected: Callable[[], np.ndarray | None] = lambda: None

    def groups(self) -> list[tuple[str, list[Choice]]]:
        """Headings and choices, in the order of the list."""
        groups: dict[str, list[Choice]] = {"": [self._one_colour()], "The map": self._of_view()}
        quantities = particle_values.quantities(self.latents, self.particles)
        error = "Motion and its error"
        motions = [Choice(name, _BY_MOTION_TIPS[name]) for name in self.by_motion]
        for heading in ("Motion coordinates", error, _CLUSTERS, "Selections"):
            groups[heading] = []
        for one in quantities:
            groups.setdefault(one.group, []).append(self._by_quantity(one))
        groups[error] = motions + groups[error]
        groups[_CLUSTERS] += [self._by_clusters(name) for name in self.cluster_sets]
        groups["Selections"] += self._of_selections()
        for source, painters in self.offered.items():
            mine = groups.setdefault(_SOURCES.get(source, source.capitalize()), [])
            theirs = {name: Choice(name, "", paint) for name, paint in painters.items()}
            mine[:] = [theirs.pop(choice.name, choice) for choice in mine] + list(theirs.values())
        return [(heading, choices) for heading, choices in groups.items() if choices]

    # -- inside -----------------------------------------------------------------------------------

    @property
    def _count(self) -> int:
        return len(self.latents.mean)

    def _one_colour(self) -> Choice:
        count = self._count
        return Choice(ONE_COLOUR, "", lambda view: colouring.one_colour(count))

    def _of_view(self) -> list[Choice]:
        latents, count = self.latents, self._count
        found = [
            Choice(
                DENSITY,
                "How crowded the map is around a particle, in % of its most crowded place.",
                lambda view: colouring.by_density(view.xy, view.rows, count),
            ),
            Choice(
                VALIDATION,
                "Particles that trained the model, and those held out to test it.",
                lambda view: colouring.by_validation(latents.validation),
            ),
        ]
        if views.halves(latents) == [0]:  # one model: halves are a column of the file
            return found
        meaning = "The half whose model gives the particle's latent."
        by_half = Choice(HALF_SET, meaning, lambda view: colouring.by_half(latents.half))
        return [by_half, *found]

    def _by_quantity(self, one: Quantity) -> Choice:
        title = one.name[:1].upper() + one.name[1:] if _own_words(one) else one.name

        def paint(view: LatentView) -> Colouring:
            values = one.values()
            if _own_words(one):
                return colouring.by_number(values, title, one.unit)
            return colouring.by_column(values, title, one.unit)

        tip = " ".join(filter(None, (one.meaning, f"Unit: {one.unit}." if one.unit else "")))
        return Choice(one.name, tip, paint, one)

    def _by_clusters(self, name: str) -> Choice:
        job = self.job

        def paint(view: LatentView) -> Colouring:
            clustering = job.cluster_set(name).clustering
            return clusters.by_cluster(clustering.labels, clustering.k, name)

        return Choice(f"{CLUSTERS}{name}", "A set of clusters of this job.", paint)

    def _of_selections(self) -> list[Choice]:
        found = [
            Choice(CURRENT, "What is selected now, and what is not.", self._by_current),
        ]
        if self.selections:
            meaning = "The saved selections of this job; a particle in several has the first's."
            found.append(Choice(SAVED, meaning, self._by_saved))
        return found + [
            Choice(
                f"selection {name}", "In this saved selection, or not.", partial(self._by_one, name)
            )
            for name in self.selections
        ]

    def _by_current(self, view: LatentView) -> Colouring:
        mask = self.selected()
        if mask is None or len(mask) != self._count:
            mask = np.zeros(self._count, dtype=bool)
        return _in_or_out(mask, "Current selection")

    def _by_one(self, name: str, view: LatentView) -> Colouring:
        mask = np.zeros(self._count, dtype=bool)
        mask[self.job.selection(name).rows] = True
        return _in_or_out(mask, f"Selection {name}")

    def _by_saved(self, view: LatentView) -> Colouring:
        labels = np.full(self._count, len(self.selections))
        colours = np.array([colouring.palette(i % _MANY) for i in range(len(self.selections) + 1)])
        for place, name in reversed(list(enumerate(self.selections))):
            labels[self.job.selection(name).rows] = place
        colours[-1] = colouring.MISSING[:3]
        return colouring.by_label(
            labels, [*self.selections, "in none"], "Saved selections", colours=colours
        )


def _in_or_out(mask: np.ndarray, title: str) -> Colouring:
    colours = np.array([colouring.MISSING[:3], colouring.HIGHLIGHT[:3]])
    return colouring.by_label(mask.astype(np.intp), ("not in it", "in it"), title, colours=colours)


def _own_words(one: Quantity) -> bool:
    """Whether its name is ours and not a column's."""
    return one.group != particle_values.FILE_COLUMNS
