"""What a deformation is written as."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from napari_conformix.export.formats.table import FileFormat, FormatTable

if TYPE_CHECKING:
    from napari_conformix.export.arrows import Displaced


class Writer(Protocol):
    """Writes a deformation for maps of that box (pixels) and pixel size (A); `sentence` says
    whether it can be believed."""

    def __call__(
        self,
        deformation: "Displaced",
        path: Path,
        *,
        box: int,
        pixel_size_angstrom: float,
        sentence: str,
        overwrite: bool,
    ) -> Path: ...


@dataclass(frozen=True, kw_only=True)
class ArrowFormat(FileFormat):
    """A kind of file for a deformation.

    write   writes it
    drawn   whether it is to be looked at: then a few arrows say more than one at every position
    button  the words of its button in the window
    """

    write: Writer
    drawn: bool
    button: str


def _write_bild(
    deformation: "Displaced",
    path: Path,
    *,
    box: int,
    pixel_size_angstrom: float,
    sentence: str,
    overwrite: bool,
) -> Path:
    from napari_conformix.export.arrows import write_bild

    return write_bild(
        deformation,
        path,
        box=box,
        pixel_size_angstrom=pixel_size_angstrom,
        sentence=sentence,
        overwrite=overwrite,
    )


def _write_table(
    deformation: "Displaced",
    path: Path,
    *,
    box: int,
    pixel_size_angstrom: float,
    sentence: str,
    overwrite: bool,
) -> Path:
    from napari_conformix.export.arrows import write_arrow_table

    return write_arrow_table(deformation, path, overwrite=overwrite)


ARROW_FILES: Final = FormatTable(
    ArrowFormat(
        suffix=".bild",
        name="ChimeraX arrows",
        line="As many arrows as are shown, with their error spheres",
        example="out.bild for ChimeraX",
        note="arrows for ChimeraX",
        button="Arrows for ChimeraX…",
        drawn=True,
        write=_write_bild,
    ),
    ArrowFormat(
        suffix=".csv",
        name="Table",
        line="Displacement and error at all positions, in Å",
        example="a table: out.csv",
        button="Table…",
        drawn=False,
        write=_write_table,
    ),
)
