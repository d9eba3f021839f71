"""Files for other programs: subsets, arrows, masks of bodies, series of maps, movies.

Nothing here knows a job or a window; what is written is whole or not there.
"""

from napari_conformix.export import chimerax
from napari_conformix.export.arrows import write_arrow_table, write_bild
from napari_conformix.export.map_series import SeriesFiles, refuse_used, write_series
from napari_conformix.export.movie_file import MovieFile, check_ffmpeg
from napari_conformix.export.movie_plan import (
    LARGEST,
    SMALLEST,
    STEPS,
    SUFFIXES,
    Corner,
    MovieOptions,
    Shot,
    Vector,
    View,
    check_file,
    duration,
    loops,
    options_from,
    parse_size,
    shots,
)
from napari_conformix.export.multibody import STAR_NAME, RefinedBody, write_multibody
from napari_conformix.export.picture_sheet import Entry, write_sheet, write_stack
from napari_conformix.export.subsets import export_subset

__all__ = [
    "LARGEST",
    "SMALLEST",
    "STAR_NAME",
    "STEPS",
    "SUFFIXES",
    "Corner",
    "Entry",
    "MovieFile",
    "MovieOptions",
    "RefinedBody",
    "SeriesFiles",
    "Shot",
    "Vector",
    "View",
    "check_ffmpeg",
    "check_file",
    "chimerax",
    "duration",
    "export_subset",
    "loops",
    "options_from",
    "parse_size",
    "refuse_used",
    "shots",
    "write_arrow_table",
    "write_bild",
    "write_multibody",
    "write_series",
    "write_sheet",
    "write_stack",
]
