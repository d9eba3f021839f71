"""What each kind of export can be written as: one table for each, and nothing heavy.

A format has its suffix, its words for people and its writer in one row. Dialogs, suffixes that are
added, sentences about unknown suffixes and the help of the command line are derived from the table,
so a new format is a writer and a row.
"""

from napari_conformix.export.formats.arrow_files import ARROW_FILES
from napari_conformix.export.formats.figure_files import FIGURE_FILES, FigureFormat
from napari_conformix.export.formats.latent_files import LATENT_FILES
from napari_conformix.export.formats.movie_files import MOVIE_FILES
from napari_conformix.export.formats.particle_files import (
    PARTICLE_FILES,
    ParticleFormat,
    offered_to,
    program_of,
    program_of_file,
)
from napari_conformix.export.formats.picture_files import PICTURE_FILES, PictureFormat
from napari_conformix.export.formats.table import FileFormat, FormatTable

__all__ = [
    "ARROW_FILES",
    "FIGURE_FILES",
    "LATENT_FILES",
    "MOVIE_FILES",
    "PARTICLE_FILES",
    "PICTURE_FILES",
    "FigureFormat",
    "FileFormat",
    "FormatTable",
    "ParticleFormat",
    "PictureFormat",
    "offered_to",
    "program_of",
    "program_of_file",
]
