"""Selections kept in a job folder, and the particles of one written to a file."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_conformix.analysis.selections import Selection
from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import export_rows
from napari_conformix.runs import layout

if TYPE_CHECKING:
    from napari_conformix.jobs.folder import JobFolder


def selections_of(job: "JobFolder") -> list[str]:
    """Names of the saved selections, sorted."""
    return sorted(path.stem for path in (job.folder / layout.SELECTIONS).glob("*.json"))


def load_selection(job: "JobFolder", name: str) -> Selection:
    """A saved selection; UserError names those that there are."""
    return Selection.load(job.folder / layout.SELECTIONS, name)


def save_selection(job: "JobFolder", selection: Selection, *, overwrite: bool = True) -> Path:
    """Write NAME.npy and NAME.json; returns the latter. Without `overwrite` UserError when
    there is a selection of that name."""
    if not overwrite and selection.name in selections_of(job):
        raise UserError(
            f"There is a selection {selection.name!r} already; choose another name, or ask to "
            "overwrite it (--overwrite)."
        )
    return selection.save(job.folder / layout.SELECTIONS)


def delete_selection(job: "JobFolder", name: str) -> None:
    """Remove a saved selection; UserError when there is none of that name."""
    load_selection(job, name)
    for suffix in (".json", ".npy"):
        (job.folder / layout.SELECTIONS / f"{name}{suffix}").unlink(missing_ok=True)


def export_selection(
    job: "JobFolder", selection: Selection | str, path: str | Path, *, overwrite: bool = False
) -> Path:
    """Write a selection (or the saved one of that name) in a format of `PARTICLE_FILES`.

    Every column, the optics table and the order of rows stay as they were; half sets that the
    program made are recorded as rlnRandomSubset. Raises UserError as `export_subset`.
    """
    chosen = load_selection(job, selection) if isinstance(selection, str) else selection
    split = job.split if (job.folder / layout.SPLIT).exists() else None
    return export_rows(job.particles, chosen.rows, Path(path), split=split, overwrite=overwrite)
