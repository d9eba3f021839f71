"""What the particles of one job can be coloured by of another job: where they lie there, how much
they move there, in which of its clusters and saved selections they are. No Qt in this file.

Everything is made when it is asked for, in a worker, and for the rows of the job that is coloured:
particles that the other job does not have are grey.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from napari_conformix.analysis.spaces import views
from napari_conformix.widgets.colours import clusters as cluster_colours
from napari_conformix.widgets.colours import colouring

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.colours import Colouring, Painters

#: principal components, motions and latent axes of each half that are offered
_MOST_AXES: Final = 12
_COMPONENTS: Final = 6
#: colours that show one number a particle
AMOUNTS: Final = {
    "amount of motion": ("rms_displacement", "Å RMS"),
    "error of the motion": ("estimated_error", "Å RMS"),
}


def painters_of(
    title: str,
    job: Job,
    latents: LatentTable,
    rows: np.ndarray,
    clusters: list[str],
    selections: list[str],
    motions: Callable[[], MotionTable | None],
) -> Painters:
    """Colours by what a job called `title` knows; `rows` (N,) are its rows of the particles that
    are coloured, -1 where it has none.

    `clusters` and `selections` are the names of those to offer; `motions` gives the motions of the
    job's particles once they are known.
    """
    numbers: dict[str, Callable[[], tuple[np.ndarray, str]]] = {}
    numbers |= _motion_axes(latents)
    for half in views.halves(latents):
        numbers |= _axes_of(latents, half)
    painters: Painters = {
        f"{title}: {name}": _painter(partial(_by_number, values, rows, f"{title}: {name}"))
        for name, values in numbers.items()
    }
    if views.in_angstrom(latents):
        for name in AMOUNTS:
            painters[f"{title}: {name}"] = _painter(
                partial(_by_amount, motions, name, rows, f"{title}: {name}")
            )
    for name in clusters:
        painters[f"{title}: clusters {name}"] = _painter(
            partial(_by_cluster, job, name, rows, title)
        )
    if selections:
        name = f"{title}: saved selections"
        painters[name] = _painter(partial(_by_selection, job, selections, rows, name))
    return painters


def _painter(make: Callable[[], Colouring]) -> Callable[[LatentView], Colouring]:
    """What is known of the particles does not depend on the view."""
    return lambda view: make()


def carried(values: np.ndarray, rows: np.ndarray, otherwise: Any) -> np.ndarray:
    """(M,) values of the other job for the (N,) rows of this one."""
    values = np.asarray(values)
    found = np.full(len(rows), otherwise, dtype=np.result_type(values, type(otherwise)))
    there = rows >= 0
    found[there] = values[rows[there]]
    return found


# -- numbers --------------------------------------------------------------------------------------


def _motion_axes(latents: LatentTable) -> dict[str, Callable[[], tuple[np.ndarray, str]]]:
    """The coordinates by motion."""
    if not views.has_motion(latents):
        return {}
    unit = "Å RMS" if views.in_angstrom(latents) else latents.motion_unit
    return {
        f"motion {i + 1}": partial(lambda i: (latents.motion[:, i], unit), i)
        for i in range(min(_COMPONENTS, latents.motion.shape[1]))
    }


def _axes_of(latents: LatentTable, half: int) -> dict[str, Callable[[], tuple[np.ndarray, str]]]:
    """Principal components and latent axes, of one half's particles where there are two models."""
    count, d = len(latents.mean), latents.mean.shape[1]
    of = f" of half {half}" if half else ""

    @cache
    def space(kind: str) -> views.Space:
        return views.build(f"{kind}{half}", latents)

    def column(kind: str, axis: int) -> tuple[np.ndarray, str]:
        values = np.full(count, np.nan, dtype=np.float32)
        values[space(kind).rows] = space(kind).coordinates[:, axis]
        return values, ""

    found = {
        f"component {i + 1}{of}": partial(column, "pca", i) for i in range(min(d, _COMPONENTS))
    }
    return found | {
        f"latent {i + 1}{of}": partial(column, "latent", i) for i in range(min(d, _MOST_AXES))
    }


def _by_number(
    values: Callable[[], tuple[np.ndarray, str]], rows: np.ndarray, title: str
) -> Colouring:
    numbers, unit = values()
    return colouring.by_number(carried(numbers, rows, np.nan), title, unit)


def _by_amount(
    motions: Callable[[], MotionTable | None], name: str, rows: np.ndarray, title: str
) -> Colouring:
    table = motions()
    if table is None:
        return colouring.one_colour(len(rows), "Motions of all particles are being computed")
    field, unit = AMOUNTS[name]
    return colouring.by_number(carried(getattr(table, field), rows, np.nan), title, unit)


# -- groups ---------------------------------------------------------------------------------------


def _by_cluster(job: Job, name: str, rows: np.ndarray, title: str) -> Colouring:
    clustering = job.cluster_set(name).clustering
    labels = carried(clustering.labels, rows, -1)
    made = cluster_colours.by_cluster(labels, clustering.k, name)
    missing = int(np.count_nonzero(rows < 0))
    note = "; ".join(filter(None, (made.legend.note, _missing(missing, title))))
    return replace(made, legend=replace(made.legend, title=f"{title}: clusters {name}", note=note))


def _by_selection(job: Job, names: list[str], rows: np.ndarray, title: str) -> Colouring:
    """A colour for each saved selection; a particle in several has that of the first."""
    label = np.full(len(job.particles), len(names), dtype=np.int64)
    for place, name in reversed(list(enumerate(names))):
        label[job.selection(name).rows] = place
    words = np.array([*names, "in none", "not in that job"], dtype=object)
    return colouring.by_words(words[carried(label, rows, len(names) + 1)], title)


def _missing(count: int, title: str) -> str:
    return f"{count:,} not in {title}, grey" if count else ""
