"""How fast the molecule follows the cursor in every mode of the Explore page, on a trained job.

"Shown after" is the time from a mouse move to the decoded state being drawn, of single moves;
"frames/s" how many states are shown while the cursor is dragged on without a pause; "stall" the
longest time that the window did not answer meanwhile, and "own time" the processor time of the
window's own thread in it, which separates a slow window from a busy machine. On a screen, or
without:

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/live_modes.py JOB
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from qtpy.QtTest import QTest
from window_stalls import Heartbeat

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from explore_window import Window, explore_window
from qt_waiting import pause

from napari_conformix.jobs import Job
from napari_conformix.widgets.session.gl import renderer

_MODES = (
    ("volume", "the molecule"),
    ("difference to the average state", "difference to the average state"),
    ("difference to the consensus", "difference to the consensus map"),
)
_SINGLE_MOVES, _DRAG_SECONDS = 12, 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", type=Path)
    job = Job.open(parser.parse_args().job)
    with explore_window() as window:
        window.open(job)
        window.viewer.window.resize(1400, 900)
        box = job.spec.grids.box
        print(f"OpenGL: {renderer()}; {job.spec.method}, maps of {box}^3")
        print(f"\n{'mode':34}shown after (ms)      frames/s   stall (ms)   own time (ms)")
        print(f"{'':34}median     worst")
        for name, mode in _MODES:
            _choose(window, mode)
            _report(window, name)
        _choose(window, "the molecule")
        pieces = window.page.conformation.pieces
        if pieces.isVisibleTo(window.page):
            pieces.setChecked(True)
            _report(window, "Gaussians in the volume")
            pieces.setChecked(False)
        _put(window, _places(window, 1)[0])
        window.page.conformation.pair.keep()
        _report(window, "two states in two colours")
        _choose(window, "difference to A")
        _report(window, "difference to A")
        _choose(window, "the molecule")
        _gallery(window)


def _report(window: Window, name: str) -> None:
    """One line of the table."""
    single = []
    _put(window, _places(window, 1)[0])
    for place in _places(window, _SINGLE_MOVES):
        began = time.perf_counter()
        _put(window, place)
        single.append(1000 * (time.perf_counter() - began))
        window.settle()
    shown: list[object] = []
    window.page.conformation.decode.shown.connect(shown.append)
    wall, total, own = Heartbeat().during(lambda: _drag_on(window))
    window.page.conformation.decode.shown.disconnect(shown.append)
    window.settle()
    print(
        f"{name:34}{np.median(single):6.0f}{max(single):10.0f}"
        f"{1000 * len(shown) / total:14.1f}{wall:13.0f}{own:16.0f}",
        flush=True,
    )


def _put(window: Window, place: tuple[float, float]) -> None:
    """Click there and wait until the state is drawn."""
    shown: list[object] = []
    window.page.conformation.decode.shown.connect(shown.append)
    window.drag([place])
    window.wait(lambda: bool(shown))
    window.page.conformation.decode.shown.disconnect(shown.append)
    pause(0.001)  # the frame itself


def _drag_on(window: Window) -> None:
    """To and fro through the map, a move every 20 ms."""
    places = [window.place(*place) for place in _places(window, 60)]
    widget = window.target(places[0])
    QTest.mousePress(widget, _left(), pos=places[0])
    end, step = time.monotonic() + _DRAG_SECONDS, 0
    while time.monotonic() < end:
        step = (step + 1) % (2 * len(places) - 2)
        QTest.mouseMove(widget, places[min(step, 2 * len(places) - 2 - step)])
        pause(0.02)
    QTest.mouseRelease(widget, _left(), pos=places[0])


def _gallery(window: Window) -> None:
    group = window.page.gallery
    print(f"\n{'gallery of 12 particles':34}done after (ms)   stall (ms)   own time (ms)")

    def until_drawn(action: Callable[[], None]) -> Callable[[], None]:
        def act() -> None:
            drawn: list[object] = []
            group.drawn.connect(lambda: drawn.append(True))
            action()
            window.wait(lambda: bool(drawn))

        return act

    for name, action in (
        ("open it", group.fold.button.click),
        ("another 12", group.form.another.click),
        ("another low-pass", lambda: group.form.low_pass.setValue(30.0)),
    ):
        wall, total, own = Heartbeat().during(until_drawn(action))
        print(f"{name:34}{total:15.0f}{wall:13.0f}{own:16.0f}", flush=True)


def _choose(window: Window, mode: str) -> None:
    box = window.page.conformation.difference.mode_box
    box.setCurrentIndex(box.findText(mode))
    window.settle()


def _places(window: Window, count: int) -> list[tuple[float, float]]:
    """Through the map from left to right, where there are particles."""
    xy = window.page.latent_view.xy
    order = xy[np.argsort(xy[:, 0])]
    edges = np.linspace(0.05, 0.95, count + 1)
    return [tuple(map(float, order[int(e * (len(order) - 1))])) for e in edges[:count]]


def _left():
    from qtpy.QtCore import Qt

    return Qt.MouseButton.LeftButton


if __name__ == "__main__":
    main()
