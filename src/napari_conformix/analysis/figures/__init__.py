"""Figures and pages for people: plots by matplotlib, HTML by jinja2, loaded when they are used.

`page` fills in a template of this room; the plots are SVG text to stand in it, or files.
"""

from napari_conformix.analysis.figures import plots
from napari_conformix.analysis.figures.pages import page
from napari_conformix.analysis.figures.plots import (
    LINE_COLOURS,
    Place,
    amounts,
    drawing,
    new_figure,
    places,
    saved,
)

__all__ = [
    "LINE_COLOURS",
    "Place",
    "amounts",
    "drawing",
    "new_figure",
    "page",
    "places",
    "plots",
    "saved",
]
