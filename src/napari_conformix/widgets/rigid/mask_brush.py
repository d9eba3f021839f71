"""Painting a mask in the 3-D scene: a click places a ball on the density under the mouse.

Dragging turns the molecule as ever; only a click that does not move paints. Shift and click takes
density out. A translucent ball shows where the next click would go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari.utils.colormaps import Colormap
from psygnal import Signal

from napari_conformix.widgets.rigid.mask_painting import Ball, MaskPaint, mask_mesh
from napari_conformix.widgets.session import axes

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Session

COLOUR: Final = (0.95, 0.45, 0.15)
_ERASE: Final = (0.9, 0.2, 0.3)
_MASK: Final = "Domain mask"
_BALL: Final = "Mask brush"
_MASK_OPACITY: Final = 0.55
_BALL_OPACITY: Final = 0.35
#: a press that moves by more pixels turns the molecule
_STILL_PIXELS: Final = 4.0
_KEY: Final = "job:mask surface"


class MaskBrush:
    """The mouse in the scene while painting, and the mask drawn there. No Qt."""

    #: the mask was changed
    painted = Signal()
    #: a click met no density
    missed = Signal()

    def __init__(self, session: Session, scene: Scene) -> None:
        self._session, self._scene = session, scene
        self.paint: MaskPaint | None = None
        self.radius_angstrom = 15.0
        self.within_density = True
        self.removing = False
        self._on = False
        self._mask: Layer | None = None
        self._ball: Layer | None = None

    # -- the mask ---------------------------------------------------------------------------------

    def show_mask(self, inside: np.ndarray | None, pixel_size_angstrom: float = 1.0) -> None:
        """Draw the voxels of a mask (z, y, x) bool, meshed in a worker; None hides it."""
        if inside is None:
            self._session.workers.drop(_KEY)
            self._draw(None)
            return
        voxels = inside.copy()  # painting goes on meanwhile
        self._session.run_in_worker(
            lambda: mask_mesh(voxels, pixel_size_angstrom), self._draw, key=_KEY
        )

    def show_paint(self) -> None:
        """Draw what is painted."""
        if self.paint is not None:
            self.show_mask(self.paint.inside, self.paint.pixel_size_angstrom)

    @property
    def mask_shown(self) -> bool:
        """Whether a mask is in the scene."""
        return self._mask is not None and bool(self._mask.visible)

    def _draw(self, mesh: Any) -> None:
        layer = self._living(self._mask)
        if mesh is None:
            if layer is not None:
                layer.visible = False
            return
        viewer = self._scene.viewer
        if layer is None:
            colours = [(*COLOUR, 1.0)] * 2
            layer = self._mask = viewer.add_surface(
                mesh,
                name=_MASK,
                colormap=Colormap(colours, name="conformix domain mask"),
                contrast_limits=(0.0, 1.0),
                shading="smooth",
                opacity=_MASK_OPACITY,
                blending="translucent",
                units=axes.UNITS,
            )
            viewer.layers.selection.discard(layer)
        else:
            layer.data = mesh
            layer.visible = True
        last = len(viewer.layers) - 1
        if viewer.layers.index(layer) != last:  # translucent, over what it lies on
            viewer.layers.move(viewer.layers.index(layer), last + 1)

    def _living(self, layer: Layer | None) -> Layer | None:
        """None if the user has deleted the layer."""
        return layer if layer is not None and layer in self._scene.viewer.layers else None

    # -- the mouse --------------------------------------------------------------------------------

    def set_on(self, on: bool) -> None:
        """Whether clicks in the scene paint."""
        if on == self._on:
            return
        self._on = on
        viewer = self._scene.viewer
        pairs = (
            (viewer.mouse_drag_callbacks, self._press),
            (viewer.mouse_move_callbacks, self._move),
        )
        for callbacks, own in pairs:
            if on:
                callbacks.append(own)
            elif own in callbacks:
                callbacks.remove(own)
        if not on:
            self._show_ball(None)

    def _press(self, viewer: Any, event: Any) -> Iterator[None]:
        """A click paints; a drag is the camera's."""
        begun, moved = np.array(event.pos, float), False
        button = event.button
        yield
        while event.type == "mouse_move":
            moved = moved or np.linalg.norm(np.array(event.pos) - begun) > _STILL_PIXELS
            if moved:
                self._show_ball(None)
            yield
        if not moved and button == 1:
            self.click(event)

    def _move(self, viewer: Any, event: Any) -> None:
        """Show where a click would go."""
        self._show_ball(self._under(event), erase=self._erases(event))

    def click(self, event: Any) -> None:
        """Place a ball under the mouse, or take one out."""
        paint, ball = self.paint, self._under(event)
        if paint is None:
            return
        if ball is None:
            self.missed.emit()
            return
        if self._erases(event):
            changed = paint.remove(ball)
        else:
            changed = paint.add(ball, within_density=self.within_density)
        if changed:
            self.show_paint()
            self.painted.emit()

    def _erases(self, event: Any) -> bool:
        return self.removing != ("Shift" in event.modifiers)

    def _under(self, event: Any) -> Ball | None:
        """The ball on the density under the mouse; in 2-D on the slice."""
        if self.paint is None:
            return None
        place = axes.from_napari(np.array(event.position[-3:]))
        if event.view_direction is None:  # a slice
            x, y, z = map(float, place)
            return Ball((x, y, z), self.radius_angstrom)
        direction = axes.from_napari(np.array(event.view_direction[-3:]))
        return self.paint.ball_on_ray(place, direction, self.radius_angstrom)

    def _show_ball(self, ball: Ball | None, *, erase: bool = False) -> None:
        layer = self._living(self._ball)
        if ball is None:
            if layer is not None and layer.visible:
                layer.visible = False
            return
        place = axes.to_napari(np.array(ball.centre))[None]
        if layer is None:
            layer = self._ball = self._scene.viewer.add_points(
                place,
                name=_BALL,
                shading="spherical",
                border_width=0,
                antialiasing=0,
                opacity=_BALL_OPACITY,
                blending="translucent_no_depth",
                units=axes.UNITS,
            )
            layer.editable = False
            self._scene.viewer.layers.selection.discard(layer)
        else:
            layer.data = place
        layer.size = 2 * ball.radius_angstrom
        layer.face_color = np.array([_ERASE if erase else COLOUR])
        layer.visible = True
