"""The other job's conformation in the scene: a map of another colour, with a contour of its own.

Grey values of two methods have nothing to do with each other, so that one contour cannot serve
both: this one is in the other job's own units, and the first is that of its own consensus map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from napari.utils.colormaps import Colormap
from psygnal import Signal

from napari_conformix.widgets.scene import Prepared, suggest_threshold
from napari_conformix.widgets.session import axes

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Map, Session

Place = Literal["over", "next to", "hidden"]

COLOUR: Final = (0.95, 0.62, 0.25)
_LAYER: Final = "Conformation of the other job"
#: so that the opened job's conformation is seen through it
_OPACITY: Final = 0.55
#: distance of a map put next to the other one, in widths of its box
_ASIDE: Final = 0.75


class OtherScene:
    """Shows one map next to those of a :class:`Scene`; takes the place of a scene for decoding."""

    #: the contour, in grey values of the other job
    threshold_changed = Signal(float)

    def __init__(self, session: Session, scene: Scene) -> None:
        self._session, self._scene = session, scene
        self.threshold: float | None = None
        self.place: Place = "over"
        self.peak = 1.0
        self._layer: Layer | None = None
        self._shown: Prepared | None = None
        #: centre and zoom from before room was made for a map next to the other
        self._camera: tuple[tuple[float, ...], float] | None = None
        session.consensus_changed.connect(self._take_consensus)

    def prepare(self, array: np.ndarray, pixel_size_angstrom: float, threshold: float) -> Prepared:
        """Everything slow about showing a map (z, y, x); may be called in a worker."""
        return self._scene.prepare(array, pixel_size_angstrom, threshold)

    def show_prepared(self, prepared: Prepared, label: str = "") -> None:
        """Show what :meth:`prepare` made, in place of the map before."""
        self._shown = prepared
        self._draw(prepared)
        if self.threshold is not None and prepared.threshold != self.threshold:
            self._show_later()

    def show_pieces(self, positions: np.ndarray | None, name: str = "") -> None:
        """Only maps are shown of the other job."""

    def set_threshold(self, threshold: float) -> None:
        """Another contour, in the other job's grey values."""
        self.threshold = float(threshold)
        layer = self._living()
        if self._scene.rendering == "iso" and layer is not None:
            layer.iso_threshold = self.threshold
        elif self._shown is not None:
            self._show_later()

    def set_place(self, place: Place) -> None:
        """On top of the opened job's conformation, next to it, or not at all."""
        self.place = place
        if self._shown is not None:
            self._arrange(self._shown)
            self._make_room(self._shown)

    def hide_conformation(self) -> None:
        """Nothing is decoded."""
        self._shown = None
        layer = self._living()
        if layer is not None:
            layer.visible = False

    def clear(self) -> None:
        """Another job, or none."""
        self.hide_conformation()
        self.threshold = None

    # -- inside -----------------------------------------------------------------------------------

    def _take_consensus(self, consensus: Map | None) -> None:
        if consensus is None:
            self.clear()
            return
        array = consensus.array
        self._session.run_in_worker(
            lambda: (float(np.max(array)) or 1.0, suggest_threshold(array)),
            self._take_measure,
            key="job:other contour",
        )

    def _take_measure(self, measure: tuple[float, float]) -> None:
        """Peak and contour of the other job's consensus."""
        self.peak, self.threshold = measure
        self.threshold_changed.emit(self.threshold)

    def _show_later(self) -> None:
        shown, threshold = self._shown, self.threshold
        self._session.run_in_worker(
            lambda: self.prepare(shown.array, shown.pixel_size_angstrom, threshold),
            self.show_prepared,
            key="job:mesh other",
        )

    def _living(self) -> Layer | None:
        """The layer, None if there is none or the user has deleted it."""
        if self._layer is not None and self._layer not in self._scene.viewer.layers:
            self._layer = None
        return self._layer

    def _draw(self, prepared: Prepared) -> None:
        layer = self._living()
        if self._scene.rendering == "iso":
            self._draw_volume(layer, prepared)
        elif prepared.mesh is not None:
            self._draw_surface(layer, prepared)
        self._arrange(prepared)

    def _draw_surface(self, layer: Layer | None, prepared: Prepared) -> None:
        if layer is not None:
            layer.data = prepared.mesh
            return
        self._layer = self._scene.viewer.add_surface(
            prepared.mesh,
            name=_LAYER,
            colormap=_colormap(),
            contrast_limits=(0.0, 1.0),
            shading="smooth",
            blending="translucent",
            units=axes.UNITS,
        )

    def _draw_volume(self, layer: Layer | None, prepared: Prepared) -> None:
        arguments = axes.volume_layer(prepared.array, prepared.pixel_size_angstrom)
        if layer is not None:
            layer.data, layer.scale = arguments["data"], arguments["scale"]
            layer.contrast_limits, layer.iso_threshold = (0.0, self.peak), self.threshold
            return
        self._layer = self._scene.viewer.add_image(
            name=_LAYER,
            rendering="iso",
            iso_threshold=self.threshold,
            contrast_limits=(0.0, self.peak),
            colormap=_colormap(),
            blending="translucent",
            **arguments,
        )

    def _arrange(self, prepared: Prepared) -> None:
        """Where it stands, and that it is drawn after what should be seen through it."""
        layer = self._living()
        if layer is None:
            return
        drawable = self._scene.rendering == "iso" or prepared.mesh is not None
        layer.visible = drawable and self.place != "hidden"
        layer.opacity = _OPACITY if self.place == "over" else 1.0
        translate = np.zeros(3)
        if self._scene.rendering == "iso":
            translate = np.array(
                axes.volume_layer(prepared.array, prepared.pixel_size_angstrom)["translate"]
            )
        if self.place == "next to":
            translate = translate + axes.to_napari(self._aside(prepared))
        layer.translate = translate
        layers = self._scene.viewer.layers
        if layers.index(layer) != len(layers) - 1:
            layers.move(layers.index(layer), len(layers))
        layers.selection.discard(layer)

    def _aside(self, prepared: Prepared) -> np.ndarray:
        """(3,) x, y, z in A from the middle of the scene: to the right, or below where the canvas
        is higher than wide."""
        height, width = self._scene.viewer.canvas.size
        distance = _ASIDE * len(prepared.array) * prepared.pixel_size_angstrom
        return np.array([distance, 0.0, 0.0] if width >= height else [0.0, -distance, 0.0])

    def _make_room(self, prepared: Prepared) -> None:
        """Bring both maps into view when one is put next to the other, and back again."""
        camera = self._scene.viewer.scene.camera
        if self.place == "next to" and self._camera is None:
            self._camera = tuple(camera.center), camera.zoom
            middle = np.array(camera.center) + axes.to_napari(self._aside(prepared)) / 2
            camera.center, camera.zoom = tuple(middle), camera.zoom / (1.0 + _ASIDE)
        elif self.place != "next to" and self._camera is not None:
            camera.center, camera.zoom = self._camera
            self._camera = None


def _colormap() -> Colormap:
    return Colormap([(*COLOUR, 1.0), (*COLOUR, 1.0)], name="conformix other job")
