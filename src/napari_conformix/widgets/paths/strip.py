"""Under the slider of a path: how many particles support each step, and which maps are ready."""

from __future__ import annotations

from typing import Final

import numpy as np
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

_SUPPORTED: Final = QColor("#56b4e9")
_UNSUPPORTED: Final = QColor(128, 132, 140)
_READY: Final = QColor("#2e9e5b")
_GROUND: Final = QColor(128, 136, 148, 60)
_BARS, _READY_HEIGHT, _GAP = 38, 5, 3


class SupportStrip(QWidget):
    """A bar a step, aligned with a slider above it; a click on a bar picks the step."""

    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._support = np.zeros(0, dtype=np.int64)
        self._ready: set[int] = set()
        self._step = 0
        #: half of the slider's handle, in pixels: its first and last position lie so far inside
        self.inset = 8
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("Particles that support each step of the path")

    def sizeHint(self) -> QSize:
        return QSize(240, _BARS + _GAP + _READY_HEIGHT)

    def set_support(self, support: np.ndarray) -> None:
        """(n,) particles near each step; nothing is ready yet."""
        self._support, self._ready = np.asarray(support), set()
        self.update()

    def set_ready(self, steps: set[int]) -> None:
        """Steps whose maps are ready."""
        if steps != self._ready:
            self._ready = set(steps)
            self.update()

    def set_step(self, step: int) -> None:
        """The step that is shown."""
        self._step = step
        self.update()

    @property
    def ready(self) -> set[int]:
        """Steps that are drawn as ready."""
        return set(self._ready)

    # -- places -----------------------------------------------------------------------------------

    def centre(self, step: int) -> float:
        """Where a step is, in pixels from the left."""
        room = self.width() - 2 * self.inset
        return self.inset + room * step / max(len(self._support) - 1, 1)

    def step_at(self, x: float) -> int:
        """The step nearest to a place, in pixels from the left."""
        room = max(self.width() - 2 * self.inset, 1)
        share = (x - self.inset) / room
        return int(np.clip(round(share * (len(self._support) - 1)), 0, len(self._support) - 1))

    def bar(self, step: int) -> QRectF:
        """The bar of a step. Heights go with the square root: a step that few support is seen
        next to one that thousands do."""
        most = max(int(self._support.max(initial=0)), 1)
        high = _BARS * np.sqrt(self._support[step] / most)
        high = 3.0 if self._support[step] == 0 else max(high, 4.0)
        spacing = (self.width() - 2 * self.inset) / max(len(self._support) - 1, 1)
        wide = float(np.clip(spacing - 1.5, 1.0, 14.0))
        return QRectF(self.centre(step) - wide / 2, _BARS - high, wide, high)

    # -- Qt ---------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A press or a drag picks the step below the mouse."""
        if event.button() == Qt.MouseButton.LeftButton and len(self._support):
            self.picked.emit(self.step_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and len(self._support):
            self.picked.emit(self.step_at(event.position().x()))

    def event(self, event: QEvent) -> bool:
        """The tooltip is of the bar below the mouse."""
        if event.type() == QEvent.Type.ToolTip and len(self._support):
            step = self.step_at(event.pos().x())
            QToolTip.showText(event.globalPos(), self.words(step), self)
            return True
        return super().event(event)

    def words(self, step: int) -> str:
        """'Step 3: 41 particles near, map ready'."""
        count = int(self._support[step])
        near = "no particle near: extrapolated" if not count else f"{count:,} particles near"
        ready = "map ready" if step in self._ready else "map not decoded yet"
        return f"Step {step + 1}: {near}; {ready}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars, the line they stand on, and below it what is ready."""
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        under = QRectF(self.inset - 4, _BARS + _GAP, self.width() - 2 * self.inset + 8,
                       _READY_HEIGHT)  # fmt: skip
        painter.fillRect(under, _GROUND)
        spacing = (self.width() - 2 * self.inset) / max(len(self._support) - 1, 1)
        for step, count in enumerate(self._support):
            painter.fillRect(self.bar(step), _SUPPORTED if count else _UNSUPPORTED)
            if step in self._ready:
                done = QRectF(self.centre(step) - spacing / 2, under.top(), spacing, _READY_HEIGHT)
                painter.fillRect(done.intersected(under), _READY)
        if len(self._support):
            x = self.centre(self._step)
            painter.setPen(QPen(self.palette().text().color(), 1.4))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.end()
