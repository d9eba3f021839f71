"""Movies of a path: the form, the frames, and the recorder that makes them while the window is
used.

`MovieGroup` is shown on the Paths page; `write_movie` is for scripts and the command line.
"""

from napari_conformix.widgets.movies.group import MovieGroup
from napari_conformix.widgets.movies.movie import movie_main, write_movie
from napari_conformix.widgets.movies.path_frames import Head, PathFrames
from napari_conformix.widgets.movies.path_words import caption, place_in_words, title_of

__all__ = [
    "Head",
    "MovieGroup",
    "PathFrames",
    "caption",
    "movie_main",
    "place_in_words",
    "title_of",
    "write_movie",
]
