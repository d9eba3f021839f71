"""Points and lines that are put on the latent space view by hand, for a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QEvent, QObject, Qt, Signal

from napari_conformix.widgets.latent_view.tools import Tool

if TYPE_CHECKING:
    from qtpy.QtWidgets import QAbstractButton

    from napari_conformix.widgets.spaces import LatentViewPanel

#: a press so near to a point takes hold of it, in pixels
_GRIP: Final = 11.0


class ViewPicking(QObject):
    """Takes the mouse of the latent space view for a while, and gives it back.

    `tool` is Tool.POINTS or Tool.DRAW while it has the mouse, None otherwise. Points in `movable`
    can be dragged.
    """

    #: a place x, y without a point was clicked
    point_picked = Signal(float, float)
    #: the point of that number is dragged to x, y
    point_moved = Signal(int, float, float)
    #: a line (n, 2) was drawn
    line_drawn = Signal(object)
    #: the mouse is ours (Tool.POINTS, Tool.DRAW) or no longer (None)
    tool_changed = Signal(object)

    def __init__(self, panel: LatentViewPanel) -> None:
        super().__init__(panel)
        self._panel, self._overlay = panel, panel.canvas.overlay
        self.tool: Tool | None = None
        self.movable: list[tuple[float, float]] = []
        self._held: int | None = None
        self._before = Tool.CURSOR
        panel.canvas.point_picked.connect(self._picked)
        panel.canvas.path_drawn.connect(self._drawn)
        panel.bar.tool_chosen.connect(lambda tool: self._lose())
        self._overlay.installEventFilter(self)

    def take(self, tool: Tool) -> None:
        """From now on the left button picks points or draws."""
        if self.tool is None:
            self._before = self._overlay.tool
        self.tool = tool
        for button in self._panel.bar.tools.values():
            _lift(button)
        self._overlay.set_tool(tool)
        self.tool_changed.emit(tool)

    def give_back(self) -> None:
        """The left button does again what it did before."""
        if self.tool is not None:
            known = self._before in self._panel.bar.tools
            self._panel.bar.choose_tool(self._before if known else Tool.CURSOR)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A press on a point takes hold of it; elsewhere the view takes it for another point."""
        if self.tool is not Tool.POINTS:
            return False
        kind = event.type()
        if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._held = self._point_at(event.position())
            return self._held is not None
        if self._held is None:
            return False
        if kind == QEvent.Type.MouseMove:
            place = np.array([[event.position().x(), event.position().y()]])
            x, y = self._overlay.transform.to_view(place)[0]
            self.point_moved.emit(self._held, float(x), float(y))
            return True
        if kind == QEvent.Type.MouseButtonRelease:
            self._held = None
            return True
        return False

    def _point_at(self, position) -> int | None:
        """The number of the movable point below the mouse."""
        if not self.movable:
            return None
        pixels = self._overlay.transform.to_pixels(np.array(self.movable))
        away = np.hypot(*(pixels - [position.x(), position.y()]).T)
        return int(away.argmin()) if away.min() <= _GRIP else None

    def _lose(self) -> None:
        """The user has chosen a tool of the bar."""
        if self.tool is not None:
            self.tool = self._held = None
            self.tool_changed.emit(None)

    def _picked(self, x: float, y: float) -> None:
        if self.tool is Tool.POINTS:
            self.point_picked.emit(x, y)

    def _drawn(self, line: np.ndarray) -> None:
        if self.tool is Tool.DRAW:
            self.line_drawn.emit(line)


def _lift(button: QAbstractButton) -> None:
    """Let no button of an exclusive group be down."""
    group = button.group()
    if group is not None:
        group.setExclusive(False)
    button.setChecked(False)
    if group is not None:
        group.setExclusive(True)
