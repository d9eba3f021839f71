"""The 3-D scene: maps as surfaces, arrows, spheres, pieces of models, and small pictures of maps.

`Scene` is the viewer's; positions become napari's through `widgets.session`.
"""

from napari_conformix.widgets.scene.arrow_legend import ArrowLegend
from napari_conformix.widgets.scene.arrows import MOST_ARROWS, ArrowLayers, Arrows, Limits
from napari_conformix.widgets.scene.lobes import LESS, MORE, LobeLayers, Lobes
from napari_conformix.widgets.scene.local_resolution import (
    Coloured,
    colormap,
    colour_range,
    coloured_surface,
    legend,
)
from napari_conformix.widgets.scene.map_pictures import View, picture
from napari_conformix.widgets.scene.scene import EXTRAPOLATED, START_COLOUR, Scene
from napari_conformix.widgets.scene.side_by_side import (
    SIDE_BY_SIDE_ZOOM,
    Drawn,
    ReconstructionLayers,
)
from napari_conformix.widgets.scene.surfaces import Mesh, Prepared, suggest_threshold, surface_of

__all__ = [
    "EXTRAPOLATED",
    "LESS",
    "MORE",
    "MOST_ARROWS",
    "SIDE_BY_SIDE_ZOOM",
    "START_COLOUR",
    "ArrowLayers",
    "ArrowLegend",
    "Arrows",
    "Coloured",
    "Drawn",
    "Limits",
    "LobeLayers",
    "Lobes",
    "Mesh",
    "Prepared",
    "ReconstructionLayers",
    "Scene",
    "View",
    "colormap",
    "colour_range",
    "coloured_surface",
    "legend",
    "picture",
    "suggest_threshold",
    "surface_of",
]
