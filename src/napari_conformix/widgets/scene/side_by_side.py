"""Reconstructed maps in the 3-D scene, in place of what else it shows, alone or side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari.utils.colormaps import Colormap

from napari_conformix.widgets.scene.local_resolution import colormap
from napari_conformix.widgets.session import axes

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_conformix.widgets.scene.scene import Scene
    from napari_conformix.widgets.scene.surfaces import Mesh

#: room between two maps that stand side by side, as a share of their width
_GAP: Final = 0.1
#: the camera zooms by this much while there are two
SIDE_BY_SIDE_ZOOM: Final = 0.55
_SIDES: Final = ("Left", "Right")


@dataclass(frozen=True)
class Drawn:
    """A map to be drawn: its surface, and colours by value or one colour.

    values  (v,) of the vertices, with `limits` their range of colours; None: `colour` alone
    """

    name: str
    title: str
    mesh: Mesh
    colour: str
    values: np.ndarray | None = None
    limits: tuple[float, float] = (0.0, 1.0)


class ReconstructionLayers:
    """Surfaces of up to two maps, from left to right. While they are shown, the rest is hidden."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._layers: dict[str, Layer] = {}
        self._hidden: list[Layer] = []
        self._label = ""
        self._shown = False
        #: whether two maps stand next to each other now
        self.side_by_side = False

    @property
    def shown(self) -> bool:
        """Whether the scene shows a reconstruction now."""
        return self._shown

    def show(self, maps: list[Drawn]) -> None:
        """Draw these maps, from left to right."""
        if not self._shown:
            self._label = self._scene.label
        self._shown = True
        self.hide_the_rest()
        for layer, x in zip(map(self._draw, maps), _places(maps), strict=True):
            layer.translate = (0.0, 0.0, x)
            layer.visible = True
        for name, layer in self._living().items():
            if name not in [drawn.name for drawn in maps]:
                layer.visible = False
        self._scene.set_label(_label(maps))
        self._make_room(len(maps) > 1)

    def hide_the_rest(self) -> None:
        """What else of the molecule the scene shows, or was given since, while we are shown."""
        if not self._shown:
            return
        mine = list(self._living().values())
        for layer in self._viewer.layers:
            of_the_scene = tuple(map(str, layer.units)) == axes.UNITS
            if layer.visible and layer not in mine and of_the_scene:
                layer.visible = False
                self._hidden.append(layer)

    def hide(self) -> None:
        """Give the scene back."""
        if not self._shown:
            return
        self._shown = False
        for layer in self._living().values():
            layer.visible = False
        for layer in self._hidden:
            if layer in self._viewer.layers:
                layer.visible = True
        self._hidden = []
        self._scene.set_label(self._label)
        self._make_room(False)

    def forget(self) -> None:
        """Another job: what was hidden is not of it."""
        self._hidden, self._label = [], ""
        self.hide()

    @property
    def _viewer(self) -> Any:
        return self._scene.viewer

    def _living(self) -> dict[str, Layer]:
        """Our layers that the user has not deleted."""
        there = self._viewer.layers
        self._layers = {name: layer for name, layer in self._layers.items() if layer in there}
        return self._layers

    def _draw(self, drawn: Drawn) -> Layer:
        vertices, faces = drawn.mesh
        if drawn.values is None:
            values, limits, colours = np.zeros(len(vertices)), (0.0, 1.0), _plain(drawn)
        else:
            values, limits, colours = drawn.values, drawn.limits, colormap()
        layer = self._living().get(drawn.name)
        if layer is None:
            layer = self._layers[drawn.name] = self._viewer.add_surface(
                (vertices, faces, values),
                name=drawn.name,
                shading="smooth",
                units=axes.UNITS,
            )
        else:
            layer.data = (vertices, faces, values)
        layer.colormap, layer.contrast_limits = colours, limits
        return layer

    def _make_room(self, side_by_side: bool) -> None:
        """Two maps need twice the width."""
        if side_by_side != self.side_by_side:
            self.side_by_side = side_by_side
            camera = self._viewer.scene.camera
            factor = SIDE_BY_SIDE_ZOOM if side_by_side else 1 / SIDE_BY_SIDE_ZOOM
            camera.zoom = camera.zoom * factor


def _label(maps: list[Drawn]) -> str:
    """Titles line by line, which a narrow scene has room for."""
    if len(maps) < 2:
        return "".join(drawn.title for drawn in maps)
    return "\n".join(f"{side}: {drawn.title}" for side, drawn in zip(_SIDES, maps, strict=True))


def _places(maps: list[Drawn]) -> list[float]:
    """Where along x, in A, the maps stand."""
    if len(maps) < 2:
        return [0.0] * len(maps)
    # Dust far from the molecule does not count.
    edges = [np.percentile(drawn.mesh[0][:, 2], (1, 99)) for drawn in maps]
    width = max(float(right - left) for left, right in edges)
    step = (1 + _GAP) * width
    return [(i - (len(maps) - 1) / 2) * step for i in range(len(maps))]


def _plain(drawn: Drawn) -> Colormap:
    rgba = (*(int(drawn.colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0)
    return Colormap([rgba, rgba], name=f"conformix {drawn.name.lower()}")
