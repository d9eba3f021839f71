"""Pictures of particles as files: a sheet to look at (PNG), a stack for other programs (.mrcs)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mrcfile
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from napari_conformix.errors import UserError
from napari_conformix.runs import whole_file

#: side of a picture on the sheet in pixels, at least
_LEAST_SIDE: Final = 160
_COLUMNS, _GAP, _LINE, _MARGIN = 3, 14, 17, 16
_GROUND, _TEXT, _QUIET = (24, 26, 30), (235, 235, 235), (165, 170, 178)


@dataclass(frozen=True)
class Entry:
    """One particle of a sheet: its letter, one or two grey pictures (n, n) uint8 side by side, and
    lines of text below them."""

    letter: str
    pictures: Sequence[NDArray[np.uint8]]
    lines: Sequence[str]


def write_sheet(path: Path, entries: Sequence[Entry], heading: Sequence[str]) -> Path:
    """Write a PNG of all entries with the paragraphs of the heading above."""
    sheet = draw_sheet(entries, heading)
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        sheet.save(file, format="PNG")
    return path


def write_stack(path: Path, pictures: NDArray[np.float32], pixel_size_angstrom: float) -> Path:
    """Write (k, n, n) pictures as a stack of images."""
    with whole_file(path) as temporary, mrcfile.new(temporary, overwrite=True) as mrc:
        mrc.set_data(np.asarray(pictures, np.float32))
        mrc.set_image_stack()
        mrc.voxel_size = pixel_size_angstrom
    return path


def draw_sheet(entries: Sequence[Entry], heading: Sequence[str]) -> Image.Image:
    """Entries in rows of three, pictures enlarged by whole factors so that pixels stay square."""
    font, bold = _font(13), _font(17)
    size = entries[0].pictures[0].shape[-1]
    side = size * max(1, -(-_LEAST_SIDE // size))
    across, lines = max(len(e.pictures) for e in entries), max(len(e.lines) for e in entries)
    tile = across * side + (across - 1) * 2
    columns = min(_COLUMNS, len(entries))
    width = 2 * _MARGIN + columns * tile + (columns - 1) * _GAP
    head = [line for paragraph in heading for line in _wrapped(paragraph, font, width)]
    top = _MARGIN + _LINE * len(head) + _GAP
    step = side + _LINE * lines + _GAP
    sheet = Image.new("RGB", (width, top + step * -(-len(entries) // columns) + 2), _GROUND)
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(head):
        pen.text((_MARGIN, _MARGIN + number * _LINE), line, _QUIET, font)
    for number, entry in enumerate(entries):
        row, column = divmod(number, columns)
        x, y = _MARGIN + column * (tile + _GAP), top + row * step
        for place, picture in enumerate(entry.pictures):
            enlarged = np.kron(picture, np.ones((side // size,) * 2, np.uint8))
            sheet.paste(Image.fromarray(enlarged), (x + place * (side + 2), y))
        pen.rectangle((x, y, x + 22 + 8 * (len(entry.letter) - 1), y + 22), _GROUND)
        pen.text((x + 6, y + 2), entry.letter, _TEXT, bold)
        for line_number, line in enumerate(entry.lines):
            place_of_line = (x, y + side + 3 + line_number * _LINE)
            pen.text(place_of_line, _fitting(line, font, tile), _TEXT, font)
    return sheet


def _font(size: int) -> FreeTypeFont:
    """Pillow's own font, which has the letters of ASCII and little more."""
    font = ImageFont.load_default(size)
    if not isinstance(font, FreeTypeFont):
        raise UserError(
            "Pillow was built without FreeType and cannot write letters on a sheet; install "
            "Pillow from PyPI, or write a stack (.mrcs)."
        )
    return font


def _fitting(line: str, font: FreeTypeFont, width: int) -> str:
    """The line, or its end behind dots: names of files differ at their ends."""
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(f"...{line}") > width:
        line = line[1:]
    return f"...{line}"


def _wrapped(paragraph: str, font: FreeTypeFont, width: int) -> list[str]:
    """Lines that fit between the margins."""
    lines, line = [], ""
    for word in paragraph.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width - 2 * _MARGIN:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]
