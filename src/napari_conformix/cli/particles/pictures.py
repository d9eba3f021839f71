"""`conformix particles`: images of single particles beside the projections of their states."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.errors import UserError
from napari_conformix.export.formats import PICTURE_FILES

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.pictures import PictureOptions, Rows

#: more pictures than this on one sheet help nobody
MOST = 200
_OUTPUT = PICTURE_FILES.examples()


@Parameter(name="*")
@dataclass(frozen=True)
class DrawOptions:
    """Which particles."""

    selection: Annotated[
        str | None, Parameter(help="Draw from this saved selection; from all particles otherwise.")
    ] = None
    rows: Annotated[
        str | None, Parameter(help="These particles and no others: rows a,b,c, counted from 0.")
    ] = None
    count: Annotated[int, Parameter(help="How many are drawn at random.")] = 12
    seed: Annotated[int, Parameter(help="Another one draws others.")] = 0

    def chosen(self, job: "Job") -> "Rows":
        """(b,) rows, those given or drawn at random."""
        import numpy as np

        from napari_conformix.jobs.pictures import draw_rows

        count = self.count
        if self.rows is not None:
            if self.selection is not None:
                raise UserError("Give --rows or --selection, not both.")
            try:
                words = self.rows.replace(",", " ").split()
                given = np.array([int(word) for word in words], np.int64)
            except ValueError as error:
                raise UserError(f"--rows {self.rows}: give whole numbers, as in 0,5,12.") from error
            count = len(given)
        elif self.selection is None:
            given = draw_rows(np.arange(len(job.particles)), count, self.seed)
        else:
            given = draw_rows(job.selection(self.selection).rows, count, self.seed)
        if not 1 <= count <= MOST:
            raise UserError(f"{count} pictures cannot be on a sheet; 1 to {MOST} can.")
        return given


@Parameter(name="*")
@dataclass(frozen=True)
class ShowOptions:
    """How images and projections are shown."""

    low_pass: Annotated[
        float, Parameter(help="Filter off what is finer than this, in A; 0: nothing.")
    ] = 20.0
    ctf: Annotated[
        Literal["recorded", "flipped", "wiener"],
        Parameter(
            help="Images as recorded, with flipped phases, or Wiener filtered; the CTF of the "
            "projections is treated alike."
        ),
    ] = "recorded"
    bare: Annotated[
        bool, Parameter(help="Projections without CTF: the molecule itself.", negative=())
    ] = False
    black: Annotated[
        bool, Parameter(help="Show protein black, as in micrographs.", negative=())
    ] = False

    def options(self) -> "PictureOptions":
        """As the pictures take them."""
        from napari_conformix.jobs.pictures import PictureOptions

        return PictureOptions(self.low_pass or None, self.ctf, not self.bare, self.black)


def particles(
    job: JobFolder,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(
            name=["--output", "-o"],
            help=_OUTPUT[0].upper() + _OUTPUT[1:],
        ),
    ],
    drawn: DrawOptions = DrawOptions(),
    shown: ShowOptions = ShowOptions(),
    overwrite: Annotated[
        bool, Parameter(help="Replace a file that is there.", negative=())
    ] = False,
) -> None:
    """Show images of particles, each beside the projection of the state that the model sees in it.

    In the same pose, at the same shift, on one grey scale and with the same filter. The correlation
    of both is set beside that with an average state: only a gain over it speaks for the state.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.pictures import refuse_unwritable, write_pictures

    refuse_unwritable(output, overwrite=overwrite)
    opened = Job.open(job)
    pictures = opened.particle_pictures(drawn.chosen(opened), shown.options())
    print(write_pictures(pictures, output, overwrite=overwrite))
    for sentence in pictures.sentences():
        print(sentence)
    if opened.model_biased is not None:
        print(opened.model_biased, file=sys.stderr)
