"""The landscape of a job's particles: made from a view, with the cautions that the view needs; its
files."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.analysis.landscape import Landscape, landscape
from napari_conformix.analysis.paths import STEPS, along_view
from napari_conformix.analysis.spaces import views
from napari_conformix.errors import UserError
from napari_conformix.export.formats import FIGURE_FILES, FigureFormat
from napari_conformix.jobs.checks import doubt
from napari_conformix.jobs.spaces import latent_view
from napari_conformix.runs import atomic_npz, atomic_write, formats

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape import EnergyPath
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.analysis.spaces import DataSupport, LatentView
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.training.latent_table import LatentTable


def make(
    job: "JobFolder",
    key: str | None = None,
    axes: Sequence[int | str] = (0, 1),
    *,
    epoch: int | None = None,
    width: float | None = None,
) -> Landscape:
    """The landscape in two axes (from 0) of a view of the job, see `views.latent_view`.

    `width` is the standard deviation of the smoothing, in units of the first axis; by default it
    is chosen from the data.
    """
    table = job.latents(epoch)
    return of_view(job, latent_view(job, key, axes, table=table), table, width=width)


def of_view(
    job: "JobFolder", view: "LatentView", table: "LatentTable", *, width: float | None = None
) -> Landscape:
    """The landscape of the particles that a view shows; `table` is the one that it was made of."""
    if view.axes[0] == view.axes[1]:
        raise UserError("Both axes of the view are the same; choose two for a landscape.")
    half = view.row_half if set(np.unique(view.row_half)) == {1, 2} else None
    found = landscape(
        view.xy,
        half=half,
        uncertainty=uncertainty(view, table),
        stretch=view.stretch,
        width=width,
    )
    x, y = view.axes
    return replace(
        found,
        axes=(view.space.axis_label(x), view.space.axis_label(y)),
        title=view.space.title,
        key=view.space.key,
        epoch=view.past if view.past is not None else view.space.epoch,
        cautions=tuple(_cautions(job, view, table)),
        doubt=doubt(job, table.epoch),
    )


def uncertainty(view: "LatentView", table: "LatentTable") -> NDArray[np.float64] | None:
    """(n, 2) standard deviations of the places of the particles of a view, from those of their
    latents; None where the axes are no directions of latent space."""
    project = view.space.project
    std = table.std[view.rows]
    if project is None or not np.isfinite(std).all():
        return None
    unit = np.eye(std.shape[1])
    directions = (project(unit) - project(np.zeros_like(unit)))[:, list(view.axes)]
    return np.asarray(np.sqrt(np.square(std.astype(np.float64)) @ np.square(directions)))


def path_between(
    found: Landscape,
    view: "LatentView",
    one: int,
    other: int,
    half: int,
    count: int = STEPS,
    near: "DataSupport | None" = None,
) -> "tuple[LatentPath, EnergyPath]":
    """The path of least energy between two states (from 1), as a path through the latents of the
    particles of `half` near it."""
    from napari_conformix.analysis.landscape import between_minima

    way = between_minima(found, one, other)
    how: dict[str, Any] = {
        "points": way.xy,
        "states": [one, other],
        "barrier": None if np.isnan(way.barrier) else way.barrier,
        "barrier_error": None if np.isnan(way.barrier_error) else way.barrier_error,
        "at_least": way.at_least,
    }
    return along_view(view, way.xy, half, count, how=how, near=near), way


def write_minima(found: Landscape, path: Path) -> Path:
    """A table (.csv) of the states, a row each."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    x, y = found.axes
    energy = f"energy ({found.unit})"
    about = ["state", x, y, energy, "error", "particles", "share", "share error"]
    rows.writerow([*about, "lowest pass out", "its error", "leads to state", "at least"])
    for one in found.minima:
        barrier = ["" if np.isnan(v) else f"{v:.4f}" for v in (one.barrier, one.barrier_error)]
        place = [f"{v:.6g}" for v in one.xy]
        about = [*place, f"{one.energy:.4f}", f"{one.error:.4f}", str(one.count)]
        about += [f"{one.share:.5f}", f"{one.share_error:.5f}", *barrier]
        rows.writerow([one.number, *about, one.barrier_to or "", "yes" if one.at_least else "no"])
    atomic_write(path, text.getvalue().encode())
    return path


def write_grid(found: Landscape, path: Path) -> Path:
    """The grid (.npz): x and y edges, energy and error (h, w) with NaN where it is grey, basins
    (state of each cell, 0 for none), and the counts of particles."""
    atomic_npz(
        path,
        **formats.LANDSCAPE.array_stamp(),
        x_edges=found.x,
        y_edges=found.y,
        energy=found.energy.astype(np.float32),
        error=found.error.astype(np.float32),
        basins=found.basins,
        counts=found.density.counts.astype(np.int32),
        minima=np.array([one.xy for one in found.minima]),
        axes=np.array(found.axes),
        map=np.array(found.key),
        epoch=np.array(-1 if found.epoch is None else found.epoch),
        sentences=np.array(found.sentences()),
    )
    return path


def write_figure(found: Landscape, path: Path, way: "EnergyPath | None" = None) -> Path:
    """The figure, in a format of `FIGURE_FILES`; UserError for another kind of file."""
    from napari_conformix.analysis.landscape import figure

    atomic_write(path, figure(found, way, figure_format(path).kind))
    return path


def figure_format(path: Path) -> FigureFormat:
    """The format of a figure's file by its suffix; UserError for an unknown one."""
    kind = FIGURE_FILES.of(path)
    if kind is None:
        raise UserError(f"{path} must end in {FIGURE_FILES.suffixes}.")
    return kind


def _cautions(job: "JobFolder", view: "LatentView", table: "LatentTable") -> list[str]:
    """What must be said of the landscapes of this view."""
    text = []
    key = view.space.key
    if key == views.COLUMNS:
        text.append(
            "These axes are columns of a table and not what the molecule does: a dense place says "
            "that many particles have these values, and nothing of their energy."
        )
    if key.startswith("pca") and view.space.half:
        text.append(
            f"Only particles of half {view.space.half} are in it; the other half's latents have "
            "axes of their own."
        )
    if key == "motion" and not views.in_angstrom(table):
        text.append("The motion coordinates are not displacements in Å.")
    if table.validation.any() and view.show == "validation":
        text.append("Only particles that were held out of training are in it.")
    if view.show in ("half 1", "half 2") and not view.space.half:
        text.append(f"Only particles of {view.show} are in it.")
    if not job.method_class.has_decoder:
        text.append(
            "There is no decoder here, so held-out images cannot be asked whether groups of these "
            "latents are states of the molecule or noise: reconstruct each group."
        )
    elif job.method_class.has_displacement:
        text.append(
            "Whether the motions exceed their error this view does not say: see the Deformation "
            "page, or conformix analyze."
        )
    if job.model_biased is not None:
        text.append(job.model_biased)
    return text
