"""Groups of options that several commands have.

A group is a frozen dataclass of the standard library: its fields are options of the command that
takes it, and no command line needs more than that to be read.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from napari_conformix.errors import UserError

Half = Annotated[
    Literal[1, 2] | None,
    Parameter(help="Which half's model; the halves' latents have nothing to do with each other."),
]
#: `--map` is what older scripts call it; a map is a density
VIEW_NAMES = ("--view", "--map")
VIEWS = (
    "motion, pca1, latent1, 'umap motion', columns; the first that the job has if not given. pca1 "
    "is of half 1, pca0 of a method with one model."
)


@Parameter(name="*")
@dataclass(frozen=True)
class ViewOptions:
    """A view of the latent space: which, and its two axes."""

    view: Annotated[
        str | None, Parameter(name=VIEW_NAMES, help=f"The latent space view: {VIEWS}")
    ] = None
    axes: Annotated[
        str, Parameter(help="Two axes of the view, from 1; for columns their names.")
    ] = "1,2"

    def of_axes(self) -> list[int | str]:
        """Numbers of the axes from 0: '1,2' -> [0, 1]; names of columns for the view 'columns'.

        Raises
        ------
        UserError
            When these are not two axes.
        """
        parts = [part.strip() for part in self.axes.split(",")]
        if len(parts) == 2 and self.view == "columns":
            return list(parts)
        if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
            raise UserError(
                f"--axes {self.axes!r} must be two numbers from 1 with a comma between: 1,2."
            )
        return [int(part) - 1 for part in parts]


@Parameter(name="*")
@dataclass(frozen=True)
class ModelOptions:
    """Whose latents: the half, and the epoch of the training."""

    half: Half = None
    epoch: Annotated[
        int | None, Parameter(help="Of the latents; those of the result if not given.")
    ] = None
