"""What a figure of a landscape is written as."""

from dataclasses import dataclass
from typing import Final

from napari_conformix.export.formats.table import FileFormat, FormatTable


@dataclass(frozen=True, kw_only=True)
class FigureFormat(FileFormat):
    """A kind of file for a figure; `kind` is its name for `analysis.landscape.figure`."""

    kind: str


FIGURE_FILES: Final = FormatTable(
    FigureFormat(
        suffix=".svg",
        name="Drawing",
        line="Drawing, for any drawing program or browser",
        example="landscape.svg",
        kind="svg",
    ),
    FigureFormat(
        suffix=".pdf", name="PDF", line="Drawing for print", example="landscape.pdf", kind="pdf"
    ),
    FigureFormat(
        suffix=".png", name="Picture", line="Picture", example="landscape.png", kind="png"
    ),
)
