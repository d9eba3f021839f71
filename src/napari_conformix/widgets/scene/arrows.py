"""Arrows of a deformation in the 3-D scene, and spheres at their ends that show its error.

An arrow leads from where matter is to where it moves. The radius of the sphere at its end is the
difference of the two halves' models there, in A, as the arrow is: an arrow that does not leave its
sphere says nothing. Where arrows are drawn longer than they are, spheres grow with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from napari_conformix.widgets.colours import motion
from napari_conformix.widgets.session import axes

if TYPE_CHECKING:
    from napari.layers import Points, Vectors

    from napari_conformix.analysis.motion import Deformation
    from napari_conformix.widgets.scene.scene import Scene

Colour = Literal["amount", "direction", "error"]

#: arrows that can be shown; more cover each other, and take more than 0.1 s to draw
MOST_ARROWS: Final = 500
#: thickness of an arrow, as a share of the molecule's extent
_THICKNESS: Final = 1 / 100
#: of spheres, so that they do not hide the arrow that ends in them
_SPHERE_OPACITY: Final = 0.75
#: a sphere has no least size on the screen: what is not seen is smaller than a pixel
_SIZE_LIMITS: Final = (0.0, 10_000.0)


@dataclass(frozen=True)
class Limits:
    """The ends of the colour bars, in A; the beginnings are 0."""

    amount: float
    error: float


@dataclass(frozen=True)
class Arrows:
    """Arrows in the order in which more of them are shown: well spread, whatever their number.

    start, vector (n, 3) xyz in A; amount (n,) A; error (n,) A or None.
    """

    start: np.ndarray
    vector: np.ndarray
    amount: np.ndarray
    error: np.ndarray | None

    @classmethod
    def of(cls, deformation: Deformation, most: int = MOST_ARROWS) -> Arrows:
        """Choose the positions; what is not finite is left out. May run in a worker."""
        from napari_conformix.analysis.motion import well_spread

        vector, error = deformation.displacement, deformation.error
        known = np.flatnonzero(np.isfinite(vector).all(axis=1))
        rows = known[well_spread(deformation.positions[known], most)] if len(known) else known
        amount = np.linalg.norm(vector[rows], axis=1)
        return cls(
            deformation.begins[rows],
            vector[rows],
            amount,
            None if error is None else error[rows],
        )

    def __len__(self) -> int:
        return len(self.start)

    def limits(self) -> Limits:
        """Round ends of colour bars that hold these arrows."""
        amount = float(self.amount.max(initial=0.0))
        error = 0.0 if self.error is None else float(np.nanmax(self.error, initial=0.0))
        return Limits(motion.round_up(amount), motion.round_up(error))


class ArrowLayers:
    """A Vectors and a Points layer in the main canvas, made when first needed, then hidden."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._vectors: Vectors | None = None
        self._spheres: Points | None = None

    def show(
        self,
        arrows: Arrows,
        count: int,
        limits: Limits,
        *,
        colour: Colour = "amount",
        length: float = 1.0,
        spheres: bool = True,
    ) -> None:
        """Draw the first `count` arrows, `length` times as long as they are."""
        start, vector = arrows.start[:count], arrows.vector[:count]
        amount = arrows.amount[:count]
        error = None if arrows.error is None else arrows.error[:count]
        if not len(start):
            self.hide()
            return
        if colour == "direction":
            rgba = motion.direction_colours(vector)
        elif colour == "error":
            missing = np.full(len(start), np.nan)
            rgba = motion.error_colours(missing if error is None else error, limits.error)
        else:
            rgba = motion.amount_colours(amount, limits.amount)
        self._draw_arrows(axes.to_napari(start), axes.to_napari(vector), rgba, length)
        known = np.zeros(len(start), bool) if error is None else np.isfinite(error)
        if spheres and known.any():
            ends = axes.to_napari(start + length * vector)[known]
            colours = motion.error_colours(error[known], limits.error)
            self._draw_spheres(ends, length * error[known], colours)
        else:
            _set_visible(self._spheres, False)

    def hide(self) -> None:
        """Nothing to show."""
        _set_visible(self._vectors, False)
        _set_visible(self._spheres, False)

    def _draw_arrows(
        self, start: np.ndarray, vector: np.ndarray, rgba: np.ndarray, length: float
    ) -> None:
        data = np.stack([start, vector], axis=1)
        viewer = self._scene.viewer
        if self._vectors is None or self._vectors not in viewer.layers:
            self._vectors = viewer.add_vectors(
                data,
                name="Displacement arrows",
                edge_width=(float(np.ptp(start, axis=0).max()) or 1.0) * _THICKNESS,
                vector_style="arrow",
                opacity=1.0,
                blending="translucent",
                units=axes.UNITS,
            )
            self._scene.put_inside(self._vectors)
        _set_visible(self._vectors, True)  # a hidden layer keeps counting its former arrows
        self._vectors.data = data
        self._vectors.edge_color = rgba
        if self._vectors.length != length:
            self._vectors.length = length

    def _draw_spheres(self, ends: np.ndarray, radius: np.ndarray, rgba: np.ndarray) -> None:
        viewer = self._scene.viewer
        if self._spheres is None or self._spheres not in viewer.layers:
            self._spheres = viewer.add_points(
                ends,
                name="Error spheres",
                size=2 * radius,
                shading="spherical",
                opacity=_SPHERE_OPACITY,
                border_width=0,
                antialiasing=0,
                canvas_size_limits=_SIZE_LIMITS,
                units=axes.UNITS,
            )
            self._spheres.editable = False
            self._scene.put_inside(self._spheres)
            self._scene.put_inside(self._vectors)
        _set_visible(self._spheres, True)
        self._spheres.data = ends
        self._spheres.size = 2 * radius
        self._spheres.face_color = rgba


def _set_visible(layer: Vectors | Points | None, visible: bool) -> None:
    if layer is not None and layer.visible != visible:
        layer.visible = visible
