"""Few particles of the latent map as points: two napari layers, of all and of the selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.widgets.colouring import DIMMED, HIGHLIGHT
from napari_conformix.widgets.map_raster import pixels_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_conformix.analysis.latent_maps import MapView
    from napari_conformix.widgets.map_camera import Camera

#: diameter of a point on the screen, in pixels: at least and at most
_POINT_PIXELS: Final = (2, 9)
#: diameter of a point as a share of the map's width: up to so many points, and beyond
_SIZE_SHARE: Final = ((10_000, 1 / 90), (np.inf, 1 / 200))


class MapPoints:
    """Layers that are emptied and filled, never removed: napari keeps their OpenGL objects."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._points = self._selected = None

    @property
    def layer(self):
        """The layer of all particles; None before the first are drawn."""
        return self._points

    def draw(self, view: MapView, rgba: np.ndarray) -> None:
        """All particles of a view in colours (n, 4)."""
        low, high = view.extent
        share = next(share for most, share in _SIZE_SHARE if len(view.xy) < most)
        size = share * float(np.max(high - low))
        yx = view.xy[:, ::-1]
        if self._points is None:
            self._points = self._add_layer("particles", yx, rgba, size)
            # Made now and not at the first lasso, which would have to wait for it.
            self._selected = self._add_layer("selected particles", yx[:1], HIGHLIGHT[None], size)
            self._selected.visible = False
            return
        looks_back = view.past is not None  # points keep their size, as the axes do
        same_size = len(yx) == len(self._points.data) and (
            looks_back or np.isclose(self._points.size[0], size)
        )
        # First: napari does not slice the data of a hidden layer, and then looks for points that
        # are no longer there.
        self._points.visible = True
        self._points.data = yx
        if not same_size:  # each of these three uploads every point again
            self._points.size = size
        self.set_colours(rgba)

    def set_colours(self, rgba: np.ndarray) -> None:
        """Other colours (n, 4) for the particles of the view."""
        # vispy draws a border around points at the limits of their size, of whatever width is asked
        # for. In the points' own colours it is part of them; it is uploaded with the faces below.
        with self._points.events.border_color.blocker():
            self._points.border_color = rgba
        self._points.face_color = rgba

    def set_selected(self, view: MapView, mask: np.ndarray) -> None:
        """Highlight the rows of an (N,) mask, dim the others."""
        chosen = np.flatnonzero(mask[view.rows]) if len(mask) else ()
        self._points.opacity = DIMMED if len(chosen) else 1.0
        self._selected.visible = bool(len(chosen))
        if len(chosen):
            self._selected.data = view.xy[chosen][:, ::-1]
            self._selected.size = float(self._points.size[0])

    def hide(self) -> None:
        """Show none."""
        for layer in (self._points, self._selected):
            if layer is not None:
                layer.visible = False

    def _add_layer(self, name: str, yx: np.ndarray, rgba: np.ndarray, size: float):
        layer = self._viewer.add_points(
            yx,
            name=name,
            size=size,
            face_color=rgba,
            border_color=rgba,
            border_width=0,
            antialiasing=0,
            blending="translucent_no_depth",
            canvas_size_limits=_POINT_PIXELS,
        )
        if name.startswith("selected"):
            layer.current_face_color = layer.current_border_color = HIGHLIGHT
        layer.selected_data = set()
        return layer


def crowding(xy: np.ndarray, camera: Camera) -> float:
    """On how many others a particle lies, on average, when drawn as a point of about 4 pixels."""
    coarse = camera.scaled(1 / 4)
    total = coarse.width * coarse.height
    counts = np.bincount(pixels_of(xy, coarse), minlength=total)[:total].astype(float)
    return float((counts * counts).sum() / max(counts.sum(), 1.0) - 1.0)
