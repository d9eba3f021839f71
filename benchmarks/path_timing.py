"""How fast the player of paths is: frames a second while scrubbing, longest stall of the window."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from qtpy.QtWidgets import QOpenGLWidget

if TYPE_CHECKING:
    from napari_conformix.widgets.paths import PathPlayer

_HEARTBEAT_MS: Final = 2
_LONGEST_SECONDS: Final = 120.0


@dataclass(frozen=True)
class ScrubFigures:
    """What scrubbing cost.

    frames              drawn by OpenGL, one for each step that the slider was dragged to
    seconds             from the first to the last of them
    longest_stall_ms    the longest time in which the window could not take a mouse event
    """

    frames: int
    seconds: float
    longest_stall_ms: float

    @property
    def frames_per_second(self) -> float:
        """Mean over all frames."""
        return self.frames / self.seconds

    def sentence(self) -> str:
        """For a report."""
        return (
            f"{self.frames_per_second:.1f} frames/s over {self.frames} frames; longest stall "
            f"{self.longest_stall_ms:.0f} ms"
        )


def scrub(player: PathPlayer, rounds: int = 3) -> ScrubFigures:
    """Drag the slider there and back along a path whose maps are all ready, as fast as the window
    draws: the next step is taken when OpenGL has drawn the one before."""
    if player.path is None or len(player.frames.ready_steps) < len(player.path):
        raise ValueError("the maps of the path must be ready before scrubbing is timed")
    there = list(range(len(player.path)))
    meter = _Meter(player, (there + there[-2:0:-1]) * rounds)
    return meter.run()


class _Meter(QObject):
    """Moves the slider after every drawn frame, and feels the window's pulse meanwhile."""

    def __init__(self, player: PathPlayer, steps: list[int]) -> None:
        super().__init__()
        self._player, self._steps = player, steps
        main = player.window()
        self._canvas = max(
            (c for c in main.centralWidget().findChildren(QOpenGLWidget) if c.isVisible()),
            key=lambda canvas: canvas.width() * canvas.height(),
        )
        self._loop = QEventLoop()
        self._pulse = QTimer(self)
        self._pulse.setTimerType(Qt.TimerType.PreciseTimer)
        self._pulse.timeout.connect(self._beat)
        self._beats: list[float] = []
        self._drawn: list[float] = []
        self._waiting = False

    def run(self) -> ScrubFigures:
        """Until every step has been drawn."""
        self._canvas.installEventFilter(self)
        self._pulse.start(_HEARTBEAT_MS)
        QTimer.singleShot(0, self._next)
        QTimer.singleShot(round(1000 * _LONGEST_SECONDS), self._loop.quit)
        self._loop.exec()
        self._pulse.stop()
        self._canvas.removeEventFilter(self)
        if len(self._drawn) < 3:
            raise RuntimeError("nothing was drawn: is the scene visible?")
        stall = 1000 * float(np.diff(self._beats).max())
        return ScrubFigures(len(self._drawn) - 1, self._drawn[-1] - self._drawn[0], stall)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """OpenGL draws: go on when it is done."""
        if event.type() == QEvent.Type.Paint and self._waiting and self._shows():
            self._waiting = False
            QTimer.singleShot(0, self._after)
        return False

    def _shows(self) -> bool:
        return self._player.shown_step == self._player.step

    def _after(self) -> None:
        self._drawn.append(time.perf_counter())
        self._next()

    def _next(self) -> None:
        while self._steps and self._steps[0] == self._player.step:
            self._steps.pop(0)  # it is there: nothing would be drawn
        if not self._steps:
            self._loop.quit()
            return
        self._waiting = True
        self._player.go_to(self._steps.pop(0))

    def _beat(self) -> None:
        self._beats.append(time.perf_counter())
