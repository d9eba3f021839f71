"""Points of the 3-D scene: pieces of the model, parts of the molecule, rigid bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from napari_conformix.widgets.session import axes

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_conformix.widgets.scene.scene import Scene

Kind = Literal["pieces", "parts", "bodies"]

_NAMES: Final[dict[Kind, str]] = {
    "pieces": "Pieces of the model",
    "parts": "Parts of the molecule",
    "bodies": "Rigid bodies",
}
#: more are thinned out evenly
_MOST: Final = 5000


class ScenePoints:
    """A layer for each kind, made when it is first shown, and inside whatever glass is around."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._layers: dict[Kind, Layer] = {}

    def show(
        self,
        kind: Kind,
        positions: np.ndarray | None,
        rgba: np.ndarray | None = None,
        shaded_diameter_angstrom: float | None = None,
        name: str = "",
    ) -> None:
        """(p, 3) x, y, z in A, in colours (p, 4), as discs or as shaded spheres; None hides."""
        layer = self._living(kind)
        if positions is None:
            if layer is not None and layer.visible:
                layer.visible = False
            return
        step = -(-len(positions) // _MOST)
        points = axes.to_napari(positions[::step])
        if layer is None:
            layer = self._layers[kind] = self._add(_NAMES[kind], points)
        if name and layer.name != name:
            layer.name = name
        layer.data = points
        if rgba is not None:
            layer.face_color = rgba[::step]
        if not layer.visible:
            layer.visible = True
        if shaded_diameter_angstrom is not None:
            layer.shading = "spherical"
            layer.size = shaded_diameter_angstrom

    def hide(self) -> None:
        """All of them."""
        for kind in _NAMES:
            self.show(kind, None)

    @property
    def any_shown(self) -> bool:
        """Whether maps must be glass, for points to be seen."""
        return any(
            layer is not None and layer.visible for layer in map(self._living, list(self._layers))
        )

    def _add(self, name: str, points: np.ndarray) -> Any:
        layer = self._scene.viewer.add_points(
            points,
            name=name,
            size=(float(np.ptp(points, axis=0).max()) or 1.0) / 70,
            face_color="#ffb347",
            border_width=0,
            antialiasing=0,
            units=axes.UNITS,
        )
        layer.editable = False
        self._scene.put_inside(layer)
        return layer

    def _living(self, kind: Kind) -> Layer | None:
        """None where there is none yet, or the user has deleted it."""
        layer = self._layers.get(kind)
        if layer is not None and layer not in self._scene.viewer.layers:
            del self._layers[kind]
            return None
        return layer
