"""What pictures of particles are written as; who has the pictures writes them."""

from dataclasses import dataclass
from typing import Final, Literal

from napari_conformix.export.formats.table import FileFormat, FormatTable


@dataclass(frozen=True, kw_only=True)
class PictureFormat(FileFormat):
    """A kind of file for pictures; `content`: all on a sheet with what is known of each, or the
    pictures alone, one behind the other."""

    content: Literal["sheet", "stack"]


PICTURE_FILES: Final = FormatTable(
    PictureFormat(
        suffix=".png",
        name="Sheet to look at",
        line="Sheet to look at",
        example="a sheet to look at (.png)",
        note="to look at",
        content="sheet",
    ),
    PictureFormat(
        suffix=".mrcs",
        name="Stack",
        line="Stack for other programs",
        example="a stack for other programs (.mrcs): image, projection, image, projection, ...",
        note="a stack",
        content="stack",
    ),
)
