"""`conformix export`: a saved selection as a file for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.export.formats import PARTICLE_FILES

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.jobs import Job


def export(
    job: JobFolder,
    /,
    *,
    selection: Annotated[str, Parameter(help="Name of a saved selection.")],
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help=f"{PARTICLE_FILES.examples()}.")
    ],
    overwrite: Annotated[
        bool, Parameter(help="Replace the file if it exists.", negative=())
    ] = False,
) -> None:
    """Write a selection as STAR or .cs with every column kept, or the numbers of its rows."""
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    chosen = opened.selection(selection)
    written = opened.export(chosen, output, overwrite=overwrite)
    print(f"{written}: {len(chosen):,} particles")
    if opened.model_biased is not None:
        print(opened.model_biased)
    if _stacks_are_lost(opened, chosen, written):
        print(
            "Its image names stay as they were in the input file, relative to the project folder: "
            "run RELION there, or open the subset with --datadir."
        )


def _stacks_are_lost(job: "Job", selection: "Selection", written: Path) -> bool:
    """Whether stacks of an exported file are not found from where it lies.

    Told from the names that the job knows, not by reading the file again.
    """
    from napari_conformix.particles import StackFinder, stack_names

    kind = PARTICLE_FILES.of(written)
    if kind is None or not kind.names_images:
        return False
    finder = StackFinder(written)
    names = stack_names(job.particles.subset(selection.rows))
    return any(finder.find(name) is None for name in names)
