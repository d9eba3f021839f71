"""Tiles in rows as wide as the page: where they are, a tip and a click for each."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget


class TileGrid(QWidget):
    """Lays out :attr:`tiles`, which have a `tip` each; a gallery says how large they are, paints
    them, and what a click does."""

    #: of the gaps between tiles, of all as it likes to be, and at least; in pixels of the screen
    gap, wanted_width, least_width = 8, 400, 200

    def __init__(self) -> None:
        super().__init__()
        self.tiles: list[Any] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def place(self, index: int) -> QRect:
        """Where a tile is, its words included."""
        columns, side = self._grid(self.width())
        row, column = divmod(index, columns)
        width, height = self._tile(side)
        return QRect(column * (width + self.gap), row * (height + self.gap), width, height)

    # -- of a gallery -----------------------------------------------------------------------------

    def _grid(self, width: int) -> tuple[int, int]:
        """Columns, and the side of a picture."""
        raise NotImplementedError

    def _tile(self, side: int) -> tuple[int, int]:
        """Width and height of a tile."""
        raise NotImplementedError

    def _paint(self, painter: QPainter, place: QRect, index: int, tile: Any) -> None:
        raise NotImplementedError

    def _click(self, index: int, event: QMouseEvent) -> None:
        raise NotImplementedError

    # -- size -------------------------------------------------------------------------------------

    def hasHeightForWidth(self) -> bool:
        """Tiles wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As many rows as the tiles need."""
        columns, side = self._grid(width)
        rows = -(-len(self.tiles) // columns)
        return max(rows * (self._tile(side)[1] + self.gap), 1)

    def sizeHint(self) -> QSize:
        """As high as needed at the present width."""
        wanted = self.wanted_width
        return QSize(wanted, self.heightForWidth(max(self.width(), wanted)))

    def minimumSizeHint(self) -> QSize:
        """As high as needed at the present width, as narrow as can be."""
        return QSize(self.least_width, self.heightForWidth(max(self.width(), 1)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The last row is never cut off, whatever a layout has made of the height."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit_height()

    def _fit_height(self) -> None:
        self.setMinimumHeight(self.heightForWidth(self.width()))

    # -- painting and the mouse -------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Those tiles that are to be seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for index, tile in enumerate(self.tiles):
            place = self.place(index)
            if place.intersects(event.rect()):
                self._paint(painter, place, index, tile)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The left button clicks a tile."""
        index = self._at(event.position().toPoint())
        if index is None or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._click(index, event)

    def event(self, event: QEvent) -> bool:
        """Each tile has a tip of its own."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._at(event.pos())
            if index is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self.tiles[index].tip, self)
            return True
        return super().event(event)

    def _at(self, point: QPoint) -> int | None:
        for index in range(len(self.tiles)):
            if self.place(index).contains(point):
                return index
        return None
