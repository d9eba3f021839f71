"""Masks of parts of the molecule that are kept in a job: masks/NAME.mrc, and those of bodies."""

from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from napari_conformix.errors import UserError
from napari_conformix.runs import layout

if TYPE_CHECKING:
    from napari_conformix.jobs.folder import JobFolder

#: of the masks that rigid bodies are written to, wherever in the job
_BODIES = "body_*_mask.mrc"


def masks_of(job: "JobFolder") -> list[Path]:
    """Masks made in this job: those of its folder masks, then those of rigid bodies."""
    own = sorted((job.folder / layout.MASKS).glob("*.mrc"))
    bodies = sorted(job.folder.glob(f"*/{_BODIES}"))
    return own + [path for path in bodies if path not in own]


def save_mask(job: "JobFolder", name: str, mask: ArrayLike, *, overwrite: bool = False) -> Path:
    """Write a mask (z, y, x) on the job's grid as masks/NAME.mrc; returns its path.

    UserError for a name that no file can have, an empty mask, or, unless `overwrite`, when there
    is one of that name.
    """
    import numpy as np

    from napari_conformix.analysis.selections import check_name
    from napari_conformix.particles import write_map

    array = np.asarray(mask, np.float32)
    if not array.any():
        raise UserError("The mask is empty; place balls on the density first.")
    path = job.folder / layout.MASKS / f"{check_name(name, 'mask')}.mrc"
    if path.exists() and not overwrite:
        raise UserError(f"There is a mask {name!r} already; choose another name or replace it.")
    path.parent.mkdir(exist_ok=True)
    write_map(path, array, job.spec.grids.pixel_size_angstrom)
    return path
