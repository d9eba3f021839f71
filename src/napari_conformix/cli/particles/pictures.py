"""`conformix particles`: images of single particles beside the projections of their states."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.pictures import Rows

#: more pictures than this on one sheet help nobody
MOST = 200


def particles(
    job: JobFolder,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(
            name=["--output", "-o"],
            help="A sheet to look at (.png), or a stack for other programs (.mrcs): image, "
            "projection, image, projection, ...",
        ),
    ],
    selection: Annotated[
        str | None, Parameter(help="Draw from this saved selection; from all particles otherwise.")
    ] = None,
    rows: Annotated[
        str | None, Parameter(help="These particles and no others: rows a,b,c, counted from 0.")
    ] = None,
    count: Annotated[int, Parameter(help="How many are drawn at random.")] = 12,
    seed: Annotated[int, Parameter(help="Another one draws others.")] = 0,
    low_pass: Annotated[
        float, Parameter(help="Filter off what is finer than this, in A; 0: nothing.")
    ] = 20.0,
    ctf: Annotated[
        Literal["recorded", "flipped", "wiener"],
        Parameter(
            help="Images as recorded, with flipped phases, or Wiener filtered; the CTF of the "
            "projections is treated alike."
        ),
    ] = "recorded",
    bare: Annotated[
        bool, Parameter(help="Projections without CTF: the molecule itself.", negative=())
    ] = False,
    black: Annotated[
        bool, Parameter(help="Show protein black, as in micrographs.", negative=())
    ] = False,
    overwrite: Annotated[
        bool, Parameter(help="Replace a file that is there.", negative=())
    ] = False,
) -> None:
    """Show images of particles, each beside the projection of the state that the model sees in it.

    In the same pose, at the same shift, on one grey scale and with the same filter. The correlation
    of both is set beside that with an average state: only a gain over it speaks for the state.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.pictures import PictureOptions, refuse_unwritable, write_pictures

    refuse_unwritable(output, overwrite=overwrite)
    opened = Job.open(job)
    options = PictureOptions(low_pass or None, ctf, not bare, black)
    chosen = _chosen(opened, selection, rows, count, seed)
    pictures = opened.particle_pictures(chosen, options)
    print(write_pictures(pictures, output, overwrite=overwrite))
    for sentence in pictures.sentences():
        print(sentence)
    if opened.model_biased is not None:
        print(opened.model_biased, file=sys.stderr)


def _chosen(job: "Job", selection: str | None, rows: str | None, count: int, seed: int) -> "Rows":
    """(b,) rows, those given or drawn at random."""
    import numpy as np

    from napari_conformix.jobs.pictures import draw_rows

    if rows is not None:
        if selection is not None:
            raise UserError("Give --rows or --selection, not both.")
        try:
            given = np.array([int(word) for word in rows.replace(",", " ").split()], np.int64)
        except ValueError as error:
            raise UserError(f"--rows {rows}: give whole numbers, as in 0,5,12.") from error
        count = len(given)
    else:
        among = len(job.particles) if selection is None else job.selection(selection).rows
        given = draw_rows(np.arange(among) if isinstance(among, int) else among, count, seed)
    if not 1 <= count <= MOST:
        raise UserError(f"{count} pictures cannot be on a sheet; 1 to {MOST} can.")
    return given
