"""Everything that the particles of a latent space view can be coloured by, in groups. No Qt in this
file.

A painter makes the colours of all rows of the particle file for a view; it is called in a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.analysis.spaces import particle_values, views
from napari_conformix.widgets.colours import clusters, colouring, motion

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
DENSITY: Final = "density of particles"
CURRENT: Final = "current selection"
SAVED: Final = "saved selections"
#: headings of the list, in this order; those that a source adds come after
_VIEW: Final = "The view"
_MOTION: Final = "Motion and its error"
_CLUSTERS: Final = "Clusters"
_SELECTIONS: Final = "Selections"
_HEADINGS: Final = ("", _VIEW, "Motion coordinates", _MOTION, _CLUSTERS, _SELECTIONS)
#: what the names of sets of clusters begin with
CLUSTERS: Final = "clusters "
#: headings of what other parts of the window offer, by their name
_OFFERED: Final = {"clusters": _CLUSTERS, "other job": "Of the other job"}
#: how many colours of saved selections there are before they repeat
_MANY: Final = 12


@dataclass(frozen=True)
class Choice:
    """One thing to colour by: its name, what it means, and what paints it."""

    name: str
    meaning: str
    paint: Painter | None = None  # None: motions of the molecule, which need the motion table
    quantity: Quantity | None = None


#: headings, each with a choice below it
Found = Iterable[tuple[str, Choice]]


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

    @property
    def count(self) -> int:
        """How many particles there are."""
        return len(self.latents.mean)

    def groups(self) -> list[tuple[str, list[Choice]]]:
        """Headings and choices, in the order of the list."""
        groups: dict[str, list[Choice]] = {heading: [] for heading in _HEADINGS}
        for source in SOURCES:
            for heading, choice in source(self):
                groups.setdefault(heading, []).append(choice)
        for name, painters in self.offered.items():
            mine = groups.setdefault(_OFFERED.get(name, name.capitalize()), [])
            theirs = {name: Choice(name, "", paint) for name, paint in painters.items()}
            mine[:] = [theirs.pop(choice.name, choice) for choice in mine] + list(theirs.values())
        return [(heading, choices) for heading, choices in groups.items() if choices]


# -- what there is to colour by -------------------------------------------------------------------


def _one_colour(known: Known) -> Found:
    count = known.count
    yield "", Choice(ONE_COLOUR, "", lambda view: colouring.one_colour(count))


def _of_view(known: Known) -> Found:
    latents, count = known.latents, known.count
    if views.halves(latents) != [0]:  # with one model, halves are a column of the file
        meaning = "The half whose model gives the particle's latent."
        yield _VIEW, Choice(HALF_SET, meaning, lambda view: colouring.by_half(latents.half))
    yield (
        _VIEW,
        Choice(
            DENSITY,
            "How crowded the view is around a particle, in % of its most crowded place.",
            lambda view: colouring.by_density(view.xy, view.rows, count),
        ),
    )
    yield (
        _VIEW,
        Choice(
            VALIDATION,
            "Particles that trained the model, and those held out to test it.",
            lambda view: colouring.by_validation(latents.validation),
        ),
    )


def _by_motion(known: Known) -> Found:
    """Painted by who has the table of motions: it takes a while to compute."""
    for name in known.by_motion:
        yield _MOTION, Choice(name, motion.BY_MOTION[name].meaning)


def _by_quantity(known: Known) -> Found:
    for one in particle_values.quantities(known.latents, known.particles):
        tip = " ".join(filter(None, (one.meaning, f"Unit: {one.unit}." if one.unit else "")))
        yield one.group, Choice(one.name, tip, partial(_paint_quantity, one), one)


def _paint_quantity(one: Quantity, view: LatentView) -> Colouring:
    values = one.values()
    if one.group == particle_values.FILE_COLUMNS:
        return colouring.by_column(values, one.name, one.unit)
    return colouring.by_number(values, one.name[:1].upper() + one.name[1:], one.unit)


def _by_clusters(known: Known) -> Found:
    job = known.job

    def paint(name: str, view: LatentView) -> Colouring:
        clustering = job.cluster_set(name).clustering
        return clusters.by_cluster(clustering.labels, clustering.k, name)

    for name in known.cluster_sets:
        meaning = "A set of clusters of this job."
        yield _CLUSTERS, Choice(f"{CLUSTERS}{name}", meaning, partial(paint, name))


def _of_selections(known: Known) -> Found:
    meaning = "What is selected now, and what is not."
    yield _SELECTIONS, Choice(CURRENT, meaning, partial(_paint_current, known))
    if known.selections:
        meaning = "The saved selections of this job; a particle in several has the first's."
        yield _SELECTIONS, Choice(SAVED, meaning, partial(_paint_saved, known))
    for name in known.selections:
        meaning = "In this saved selection, or not."
        yield _SELECTIONS, Choice(f"selection {name}", meaning, partial(_paint_one, known, name))


def _paint_current(known: Known, view: LatentView) -> Colouring:
    mask = known.selected()
    if mask is None or len(mask) != known.count:
        mask = np.zeros(known.count, dtype=bool)
    return _in_or_out(mask, "Current selection")


def _paint_one(known: Known, name: str, view: LatentView) -> Colouring:
    mask = np.zeros(known.count, dtype=bool)
    mask[known.job.selection(name).rows] = True
    return _in_or_out(mask, f"Selection {name}")


def _paint_saved(known: Known, view: LatentView) -> Colouring:
    names = known.selections
    labels = np.full(known.count, len(names))
    colours = np.array([colouring.palette(i % _MANY) for i in range(len(names) + 1)])
    for place, name in reversed(list(enumerate(names))):
        labels[known.job.selection(name).rows] = place
    colours[-1] = colouring.MISSING[:3]
    return colouring.by_label(labels, [*names, "in none"], "Saved selections", colours=colours)


def _in_or_out(mask: np.ndarray, title: str) -> Colouring:
    colours = np.array([colouring.MISSING[:3], colouring.HIGHLIGHT[:3]])
    return colouring.by_label(mask.astype(np.intp), ("not in it", "in it"), title, colours=colours)


#: what gives (heading, choice) of all that is known, in the order of the list. A colour is declared
#: by one entry here, or where it is a number or a motion of particles in the lists that two of them
#: go through: `particle_values.quantities` and `motion.BY_MOTION`.
SOURCES: list[Callable[[Known], Found]] = [
    _one_colour,
    _of_view,
    _by_motion,
    _by_quantity,
    _by_clusters,
    _of_selections,
]
