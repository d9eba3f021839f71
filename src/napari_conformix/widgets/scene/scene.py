"""The 3-D scene of the main canvas: consensus, conformation at the cursor, pieces of the model.

Grey values are never rescaled: every map is drawn at one absolute contour, so that contours
compare across states. On a GPU maps are ray cast ('iso'); where OpenGL is computed on the CPU
they are drawn as surfaces, many times faster there.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from napari.utils.colormaps import Colormap
from psygnal import Signal

from napari_conformix.widgets.scene.points import ScenePoints
from napari_conformix.widgets.scene.surfaces import (
    Mesh,
    Prepared,
    diameter,
    suggest_threshold,
    surface_of,
)
from napari_conformix.widgets.session import axes, software_rendering

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_conformix.widgets.session import Session

Rendering = Literal["surface", "iso"]

_CONSENSUS: Final = "Consensus"
_CONFORMATION: Final = "Conformation"
_START: Final = "Conformation A"
#: of the conformation that is compared with: where a motion begins, or the state A
START_COLOUR: Final = (0.95, 0.72, 0.30)
#: of a conformation that no particle supports, in the window and in movies
EXTRAPOLATED: Final = (0.56, 0.57, 0.58)
_COLOURS: Final = {
    _CONSENSUS: (0.78, 0.78, 0.76),
    _START: START_COLOUR,
    _CONFORMATION: (0.36, 0.62, 0.95),
}
_GHOST_OPACITY: Final = 0.3
_START_OPACITY: Final = 0.45
#: of the conformation while there is something to see inside it
_GLASS_OPACITY: Final = 0.35


class Scene:
    """The maps in the main canvas of a session. Get it with :meth:`of`."""

    ghost_changed = Signal(bool)

    _scenes: ClassVar[weakref.WeakKeyDictionary[Session, Scene]] = weakref.WeakKeyDictionary()

    @classmethod
    def of(cls, session: Session) -> Scene:
        """The scene of a session, made at the first call."""
        if session not in cls._scenes:
            cls._scenes[session] = cls(session)
        return cls._scenes[session]

    def __init__(self, session: Session, rendering: Rendering | None = None) -> None:
        self._session = weakref.proxy(session)  # the session keeps the scene, not the reverse
        if rendering is None:
            rendering = "surface" if software_rendering() else "iso"
        self.rendering = rendering
        self.threshold: float | None = None
        self.ghost = True
        self._glass = False
        self._conformation_wanted = True
        #: left out so far: to fill a hidden layer costs as much as to fill one that is seen
        self._undrawn = False
        self.label = ""
        self._maps: dict[str, Prepared] = {}
        self._start: Prepared | None = None
        self._layers: dict[str, Layer] = {}
        self._points = ScenePoints(self)
        self._limits = (0.0, 1.0)
        self._looked = self._fits = False
        self._zoom = 0.0

    # -- maps -------------------------------------------------------------------------------------

    def prepare(self, array: np.ndarray, pixel_size_angstrom: float, threshold: float) -> Prepared:
        """Everything slow about showing a map (z, y, x); may be called in a worker."""
        array = np.ascontiguousarray(array, dtype=np.float32)
        mesh = None
        if self.rendering == "surface":
            mesh = surface_of(array, pixel_size_angstrom, threshold)
        return Prepared(array, pixel_size_angstrom, threshold, mesh)

    def show_consensus(
        self, array: np.ndarray, pixel_size_angstrom: float, threshold: float | None = None
    ) -> None:
        """Show the consensus; its contour, if given none, is :func:`suggest_threshold`'s."""
        self._take_measure(array, suggest_threshold(array) if threshold is None else threshold)
        self._show_later(_CONSENSUS, array, pixel_size_angstrom)

    def show_conformation(
        self,
        array: np.ndarray,
        pixel_size_angstrom: float,
        threshold: float | None = None,
        label: str = "",
    ) -> None:
        """Show a decoded map in place of the one before, at the same absolute contour."""
        if threshold is not None:
            self.threshold = threshold
        elif self.threshold is None:
            self.threshold = suggest_threshold(array)
        self.set_label(label)
        self._show_later(_CONFORMATION, array, pixel_size_angstrom)

    def show_prepared(
        self, prepared: Prepared, label: str = "", *, consensus: bool = False
    ) -> None:
        """Show at once what :meth:`prepare` made: a conformation, or the consensus."""
        self.set_label(label)
        if consensus:
            self._take_measure(prepared.array, prepared.threshold)
        name = _CONSENSUS if consensus else _CONFORMATION
        self._show(name, prepared)
        if self.threshold is not None and prepared.threshold != self.threshold:
            self._show_later(name, prepared.array, prepared.pixel_size_angstrom)

    def set_threshold(self, threshold: float) -> None:
        """Draw every map at another contour, in the maps' own units."""
        self.threshold = float(threshold)
        if self.rendering == "iso":
            for layer in self._map_layers():
                layer.iso_threshold = self.threshold
            return
        for name, shown in list(self._maps.items()):
            self._show_later(name, shown.array, shown.pixel_size_angstrom)

    def set_ghost(self, ghost: bool) -> None:
        """Show the consensus translucent around the conformation, or not at all."""
        self.ghost = ghost
        self._arrange()
        self.ghost_changed.emit(ghost)

    def set_glass(self, glass: bool) -> None:
        """Let every map be seen through, because there is something inside."""
        self._glass = glass
        self._arrange()

    def set_conformation_shown(self, shown: bool) -> None:
        """Show the conformation, or leave it out for what would be hidden by it."""
        self._conformation_wanted = shown
        if shown and self._undrawn and _CONFORMATION in self._maps:
            self._draw(_CONFORMATION, self._maps[_CONFORMATION])
        self._undrawn = self._undrawn and not shown
        self._arrange()

    def tint_conformation(self, colour: tuple[float, float, float] | None) -> None:
        """Draw the conformation in another colour (r, g, b) from now on; None: in its own."""
        self._paint(_CONFORMATION, _plain_colormap(_CONFORMATION, colour))

    def _paint(self, name: str, colormap: Colormap) -> None:
        """Give a map's layer a colour, unless it has it: napari compiles a shader for every one."""
        layer = self._living(name)
        if layer is not None and layer.colormap.name != colormap.name:
            layer.colormap = colormap

    def show_start(self, prepared: Prepared | None, *, grey: bool = False) -> None:
        """The conformation that a motion begins with, as a ghost in place of the consensus, in a
        colour of its own or in the consensus' grey; None: the consensus again."""
        self._start = prepared
        if prepared is None:
            self._maps.pop(_START, None)
            self._arrange()
            return
        self._show(_START, prepared)
        self._paint(_START, _plain_colormap(_CONSENSUS if grey else _START))
        if self.threshold is not None and prepared.threshold != self.threshold:
            self._show_later(_START, prepared.array, prepared.pixel_size_angstrom)

    def hide_conformation(self) -> None:
        """Only the consensus; a conformation that is still being meshed is not shown either."""
        self._session.workers.drop(f"job:mesh {_CONFORMATION}")
        self._maps.pop(_CONFORMATION, None)
        self._maps.pop(_START, None)
        self._start = None
        self.set_label("")
        if _CONFORMATION in self._layers:
            self._layers[_CONFORMATION].visible = False
        self._points.show("pieces", None)
        self._arrange()

    def clear(self) -> None:
        """Show nothing: the job was closed. Layers are hidden, not removed (napari can crash)."""
        self._maps.clear()
        self.threshold = None
        self._looked = False
        self.set_label("")
        self._points.hide()
        for layer in self._layers.values():
            layer.visible = False

    def show_pieces(self, positions: np.ndarray | None, name: str = "") -> None:
        """(p, 3) x, y, z in A as small spheres, at most 5,000 of them; None hides them. `name` is
        what they are, for the list of layers."""
        self._points.show("pieces", positions, name=name)
        self._arrange()

    def show_parts(self, positions: np.ndarray | None, rgba: np.ndarray | None = None) -> None:
        """As :meth:`show_pieces`, each in its colour (p, 4)."""
        self._points.show("parts", positions, rgba)
        self._arrange()

    def show_bodies(
        self,
        positions: np.ndarray | None,
        rgba: np.ndarray | None = None,
        diameter_angstrom: float = 1.0,
    ) -> None:
        """As :meth:`show_parts`, as shaded spheres of a diameter that makes bodies look solid."""
        self._points.show("bodies", positions, rgba, diameter_angstrom)
        self._arrange()

    # -- inside -----------------------------------------------------------------------------------

    @property
    def viewer(self) -> Any:
        """The napari viewer that the scene is in."""
        return self._session.viewer

    def set_label(self, label: str) -> None:
        """The caption in the corner of the scene."""
        self.label = label
        overlay = self.viewer.canvas.overlays.text
        overlay.text = label
        overlay.visible = bool(label)

    def _take_measure(self, consensus: np.ndarray, threshold: float) -> None:
        """Contour and grey values of the consensus hold for every map."""
        self.threshold = threshold
        self._limits = (0.0, float(np.max(consensus)) or 1.0)

    def _show_later(self, name: str, array: np.ndarray, pixel_size_angstrom: float) -> None:
        """Show a map, meshed in a worker where it is drawn as a surface."""
        threshold = self.threshold
        if self.rendering == "iso":
            self._show(name, self.prepare(array, pixel_size_angstrom, threshold))
            return

        def show(prepared: Prepared) -> None:
            if name != _START or (self._start is not None and self._start.array is array):
                self._show(name, prepared)

        self._session.run_in_worker(
            lambda: self.prepare(array, pixel_size_angstrom, threshold),
            show,
            key=f"job:mesh {name}",
        )

    def _show(self, name: str, prepared: Prepared) -> None:
        self._maps[name] = prepared
        if name == _CONFORMATION:
            self._undrawn = not self._conformation_wanted
        if name != _CONFORMATION or not self._undrawn:
            self._draw(name, prepared)
        if name == _CONSENSUS and self._living(_CONFORMATION) is None:
            # Made and hidden now: a new layer takes a quarter of a second, too long for a drag.
            self._draw(_CONFORMATION, prepared)
        self._arrange()
        if not self._looked:
            self._look(prepared)

    def _draw(self, name: str, prepared: Prepared) -> None:
        layer = self._living(name)
        if self.rendering == "iso":
            self._show_volume(name, layer, prepared)
        elif prepared.mesh is not None:
            self._show_surface(name, layer, prepared.mesh)

    def _show_volume(self, name: str, layer: Layer | None, prepared: Prepared) -> None:
        arguments = axes.volume_layer(prepared.array, prepared.pixel_size_angstrom)
        if layer is not None:
            layer.data = arguments["data"]
            layer.scale, layer.translate = arguments["scale"], arguments["translate"]
            layer.contrast_limits, layer.iso_threshold = self._limits, self.threshold
            return
        self._layers[name] = self.viewer.add_image(
            name=name,
            rendering="iso",
            iso_threshold=self.threshold,
            contrast_limits=self._limits,
            colormap=_plain_colormap(name),
            blending="translucent",
            **arguments,
        )

    def _show_surface(self, name: str, layer: Layer | None, mesh: Mesh) -> None:
        if layer is not None:
            layer.data = mesh
            return
        self._layers[name] = self.viewer.add_surface(
            mesh,
            name=name,
            colormap=_plain_colormap(name),
            contrast_limits=(0.0, 1.0),
            shading="smooth",
            blending="translucent",
            units=axes.UNITS,
        )

    def put_inside(self, layer: Layer) -> None:
        """What lies inside a translucent surface must be drawn before it.

        It does not stay selected, as new layers are: its size means something.
        """
        self.viewer.layers.move(self.viewer.layers.index(layer), 0)
        self.viewer.layers.selection.discard(layer)

    def _arrange(self) -> None:
        """The consensus is solid while it is alone, and a ghost next to a conformation; where a
        motion begins with another conformation, that one is the ghost."""
        conformation, beside = self._living(_CONFORMATION), _CONFORMATION in self._maps
        glass = self._glass or self._points.any_shown
        if conformation is not None:
            shown = beside and self._conformation_wanted and self._drawable(_CONFORMATION)
            _change(conformation, "visible", shown)
            _change(conformation, "opacity", _GLASS_OPACITY if glass else 1.0)
        ghost = _START if _START in self._maps else _CONSENSUS
        for name in (_CONSENSUS, _START):
            layer = self._living(name)
            if layer is None:
                continue
            shown = name == ghost and name in self._maps and self._drawable(name)
            _change(layer, "visible", shown and (self.ghost or not beside))
            opacity = _START_OPACITY if name == _START else _GHOST_OPACITY
            _change(layer, "opacity", opacity if beside or glass else 1.0)
            # A translucent surface must come last, or it hides what it should let through.
            layers = self.viewer.layers
            if beside and layers.index(layer) < layers.index(conformation or layer):
                layers.move(layers.index(layer), len(layers))

    def _drawable(self, name: str) -> bool:
        return self.rendering == "iso" or self._maps[name].mesh is not None

    def _living(self, name: str) -> Layer | None:
        """The layer of that name, None if there is none or the user has deleted it."""
        layer = self._layers.get(name)
        if layer is not None and layer not in self.viewer.layers:
            del self._layers[name]
            return None
        return layer

    def _map_layers(self) -> list[Layer]:
        found = (self._living(name) for name in _COLOURS)
        return [layer for layer in found if layer is not None]

    def _look(self, prepared: Prepared) -> None:
        """Turn to 3-D, right-handed, with the map filling the canvas."""
        self._looked = True
        viewer = self.viewer
        viewer.dims.ndisplay = 3
        viewer.scene.camera.orientation = axes.ORIENTATION
        viewer.scene.camera.angles = (0.0, 0.0, 0.0)
        viewer.scene.camera.center = (0.0, 0.0, 0.0)
        self._fit(prepared)
        if not self._fits:
            self._fits = True
            viewer.canvas.events.size.connect(self._fit_again)
        viewer.canvas.overlays.scale_bar.visible = True
        text = viewer.canvas.overlays.text
        text.position, text.font_size = "top_left", 9

    def _fit(self, prepared: Prepared) -> None:
        viewer = self.viewer
        self._zoom = 0.8 * min(viewer.canvas.size) / diameter(prepared)
        viewer.scene.camera.zoom = self._zoom

    def _fit_again(self) -> None:
        """The canvas has another size (a dock opened): fill it, unless the user has zoomed."""
        shown = self._maps.get(_CONSENSUS)
        if shown is not None and np.isclose(self.viewer.scene.camera.zoom, self._zoom):
            self._fit(shown)


def _change(layer: Layer, name: str, value: Any) -> None:
    """Set an attribute if it is another: napari draws again even when it is the same."""
    if getattr(layer, name) != value:
        setattr(layer, name, value)


def _plain_colormap(name: str, other: tuple[float, float, float] | None = None) -> Colormap:
    """One colour, the map's own or another."""
    colour = (*(other or _COLOURS[name]), 1.0)
    # A short name, since napari's list of them grows as wide as it needs; and not the same for
    # another colour, since napari draws the entries of that list once.
    code = "".join(f"{round(255 * value):02x}" for value in other or ())
    return Colormap([colour, colour], name=f"conformix {code or name.lower()}")
