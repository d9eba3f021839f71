"""The latent space view: all particles in two coordinates, painted by Qt, with mouse and tools.

`LatentCanvas` is the widget; marks, tools and the selection bar are used by those who put things
on it.
"""

from napari_conformix.widgets.latent_view import painting
from napari_conformix.widgets.latent_view.camera import Camera
from napari_conformix.widgets.latent_view.canvas import LatentCanvas
from napari_conformix.widgets.latent_view.letters import ViewLetters
from napari_conformix.widgets.latent_view.marks import Mark, PathLine
from napari_conformix.widgets.latent_view.picking import ViewPicking
from napari_conformix.widgets.latent_view.picture import image_of_scene
from napari_conformix.widgets.latent_view.raster import Raster, Scene
from napari_conformix.widgets.latent_view.selection_bar import SelectionBar
from napari_conformix.widgets.latent_view.tools import Mode, Tool, mode_of

__all__ = [
    "Camera",
    "LatentCanvas",
    "Mark",
    "Mode",
    "PathLine",
    "Raster",
    "Scene",
    "SelectionBar",
    "Tool",
    "ViewLetters",
    "ViewPicking",
    "image_of_scene",
    "mode_of",
    "painting",
]
