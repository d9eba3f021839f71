"""Where a map has more density than another, and where less: two surfaces in two colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari.utils.colormaps import Colormap

from napari_conformix.widgets.scene.surfaces import Mesh, surface_of
from napari_conformix.widgets.session import axes

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_conformix.widgets.scene.scene import Scene

#: distinguishable with every kind of colour vision (Okabe and Ito)
MORE: Final = "#56b4e9"
LESS: Final = "#e69f00"
_NAMES: Final = ("More density", "Less density")
_NOTHING: Final = (
    np.zeros((3, 3), dtype=np.float32),
    np.array([[0, 1, 2]], dtype=np.int32),
)


@dataclass(frozen=True)
class Lobes:
    """Surfaces of a difference at plus and minus a contour (grey units); None: nothing so large."""

    more: Mesh | None
    less: Mesh | None
    contour: float

    @classmethod
    def of(cls, difference: np.ndarray, pixel_size_angstrom: float, contour: float) -> Lobes:
        """Of a map (z, y, x) of differences; in a worker."""
        more, less = (
            surface_of(side, pixel_size_angstrom, contour) for side in (difference, -difference)
        )
        return cls(more, less, contour)


class LobeLayers:
    """Draws them, inside whatever glass is around."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._layers: dict[str, Layer] = {}

    def prepare(self) -> None:
        """Make the layers, empty: a new one takes a quarter of a second, too long for a drag."""
        for name, colour in zip(_NAMES, (MORE, LESS), strict=True):
            if self._living(name) is None:
                self._layers[name] = self._add(name, colour)

    def show(self, lobes: Lobes) -> None:
        """In place of those before."""
        self.prepare()
        for name, mesh in zip(_NAMES, (lobes.more, lobes.less), strict=True):
            layer = self._living(name)
            if mesh is not None:
                layer.data = mesh
            layer.visible = mesh is not None

    def hide(self) -> None:
        """No difference is shown."""
        for name in _NAMES:
            layer = self._living(name)
            if layer is not None and layer.visible:
                layer.visible = False

    def _add(self, name: str, colour: str) -> Any:
        rgba = (*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0)
        layer = self._scene.viewer.add_surface(
            _NOTHING,
            name=name,
            colormap=Colormap([rgba, rgba], name=f"conformix {name.lower()}"),
            contrast_limits=(0.0, 1.0),
            shading="smooth",
            blending="translucent",
            units=axes.UNITS,
            visible=False,
        )
        self._scene.put_inside(layer)
        return layer

    def _living(self, name: str) -> Layer | None:
        """None where there is none yet, or the user has deleted it."""
        layer = self._layers.get(name)
        if layer is not None and layer not in self._scene.viewer.layers:
            del self._layers[name]
            return None
        return layer
