"""The longest time that the window does not answer, while a person uses the Explore page.

A timer that should fire every 5 ms runs through each action; the longest gap between two firings
is how long the window stood still. The last column is the processor time of the window's own
thread in its longest gap, which separates a slow window from a busy machine. Run it on a screen, or
without one:

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/window_stalls.py
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from qtpy.QtCore import QTimer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from explore_fakes import FakeJob
from explore_window import Window, explore_window
from qt_waiting import pause

from napari_conformix.widgets.session.gl import renderer

_BEAT_MS = 5


class Heartbeat:
    """Gaps between the firings of a timer on the window's thread, in milliseconds."""

    def __init__(self) -> None:
        self._gaps: list[tuple[float, float]] = []
        self._last = (0.0, 0.0)
        self._timer = QTimer()
        self._timer.setInterval(_BEAT_MS)
        self._timer.timeout.connect(self._beat)

    def during(self, action: Callable[[], None]) -> tuple[float, float, float]:
        """Longest gap, total time of the action, and most of the thread's own time in a gap."""
        self._gaps = [(0.0, 0.0)]
        began, self._last = time.perf_counter(), _clocks()
        self._timer.start()
        action()
        pause(0.3)
        self._timer.stop()
        wall, own = np.max(self._gaps, axis=0)
        return wall, 1000 * (time.perf_counter() - began) - 300, own

    def _beat(self) -> None:
        now = _clocks()
        self._gaps.append((1000 * (now[0] - self._last[0]), 1000 * (now[1] - self._last[1])))
        self._last = now


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.thread_time()


def actions(window: Window) -> dict[str, Callable[[], None]]:
    """What is measured: name -> action."""
    page = window.page
    circle = [(5 * np.cos(a), 2 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 20, endpoint=False)]

    def refresh() -> None:
        page._take_latents(window.session.latents)
        window.settle()

    return {
        "drag the cursor (live decode)": lambda: (
            window.drag([(x, 0.0) for x in np.linspace(-7, 7, 60)]),
            window.settle(),
        ),
        "draw a lasso": lambda: window.lasso(circle),
        "undo": page.view_panel.bar.undo.click,
        "redo": page.view_panel.bar.redo.click,
        "invert": page.view_panel.bar.invert.click,
        "colour by a number": lambda: window.choose(page.colour_box, "rlnDefocusU"),
        "colour by a name": lambda: window.choose(page.colour_box, "rlnMicrographName"),
        "colour by density": lambda: window.choose(page.colour_box, "density of the map"),
        "another map": lambda: window.choose(page.space_box, "Principal components of half 1"),
        "back to the motion view": lambda: window.choose(
            page.space_box, "Motion view (both halves)"
        ),
        "change the contour": lambda: (page.contour.setValue(0.4), window.settle()),
        "refresh after an epoch": refresh,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, nargs="+", default=[5_000, 100_000])
    options = parser.parse_args()
    heartbeat = Heartbeat()
    with explore_window() as window:
        print(f"OpenGL: {renderer()}")
        for count in options.particles:
            with tempfile.TemporaryDirectory() as folder:
                opening = heartbeat.during(lambda f=folder, n=count: window.open(FakeJob(f, n)))
                head = f"{count:,} particles"
                print(f"\n{head:32}  stall (ms)   total (ms)   own time in a stall (ms)")
                _report("open the job", opening)
                for name, action in actions(window).items():
                    _report(name, heartbeat.during(action))


def _report(name: str, measured: tuple[float, float, float]) -> None:
    wall, total, own = measured
    print(f"{name:32}{wall:12.0f}{total:13.0f}{own:27.0f}", flush=True)


if __name__ == "__main__":
    main()
