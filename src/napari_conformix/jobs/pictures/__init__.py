"""Images of particles next to projections of their states.

`pictures_of` makes them, `write_pictures` writes them to files.
"""

from napari_conformix.jobs.pictures import pictures
from napari_conformix.jobs.pictures.pictures import (
    PictureMaker,
    Rows,
    draw_rows,
    letter,
    pictures_of,
)
from napari_conformix.jobs.pictures.sheets import refuse_unwritable, write_pictures
from napari_conformix.jobs.pictures.shown import PictureOptions, Pictures, RawPictures

__all__ = [
    "PictureMaker",
    "PictureOptions",
    "Pictures",
    "RawPictures",
    "Rows",
    "draw_rows",
    "letter",
    "pictures",
    "pictures_of",
    "refuse_unwritable",
    "write_pictures",
]
