"""What a figure of a landscape is written as, without a window."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from napari_conformix.export.formats.table import FileFormat, FormatTable


@dataclass(frozen=True, kw_only=True)
class FigureFormat(FileFormat):
    """A kind of file for a drawing; `write` takes the drawing as the text of an SVG file."""

    write: Callable[[str, Path], None]


def _write_svg(drawing: str, path: Path) -> None:
    from napari_conformix.runs import atomic_write

    atomic_write(path, drawing.encode())


#: the window has more: what it takes Qt to draw
FIGURE_FILES: Final = FormatTable(
    FigureFormat(
        suffix=".svg",
        name="Drawing",
        line="Drawing, for any drawing program or browser",
        example="landscape.svg",
        write=_write_svg,
    )
)
