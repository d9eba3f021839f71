"""How fast the Explore page answers at 100,000 and 1,000,000 particles, and how long it stalls.

Each action is done in a real window with real mouse events, and timed until its result is on the
screen. The second column is the longest time that the window did not answer meanwhile, the third
the processor time of the window's own thread in that gap, which tells a slow window from a busy
machine. The particles are made of numbers; nothing is trained. On a screen, or without one:

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/explore_speed.py

`--only map path export` chooses parts, `--particles` the sizes of the map.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from star_reading import write_star
from window_stalls import Heartbeat

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "widgets"))

from explore_fakes import FakeJob
from explore_window import Window, explore_window, process_events

from napari_conformix.widgets.gl import renderer
from napari_conformix.widgets.lasso import Tool
from napari_conformix.widgets.latent_canvas import LatentCanvas
from napari_conformix.widgets.scene import Scene

_PARTS = ("map", "path", "export")
#: seconds that an action should take at most: by name, and by number of particles where it matters
_TARGETS = {
    "first draw of the map": {100_000: 0.5, 1_000_000: 2.0},
    "lasso": 0.3,
    "rectangle": 0.3,
    "clear": 0.1,
    "colour by a number": 0.5,
    "export": 20.0,
}
_BUTTON = Qt.MouseButton.LeftButton


class ManyParticles(FakeJob):
    """Latents that are at hand: making them is not what is measured."""

    def __init__(self, folder: Path, count: int) -> None:
        super().__init__(folder, count)
        self._kept = {}
        self.past = [4, 8]
        for epoch in (4, 8, None):
            self._kept[epoch] = super().latents(epoch)

    def latents(self, epoch: int | None = None):
        return self._kept[None if epoch == self.epoch else epoch]


class Bench:
    """A window with a job of many particles, and a stopwatch."""

    def __init__(self, window: Window, heartbeat: Heartbeat, count: int) -> None:
        self.window, self.page, self.count = window, window.page, count
        self.heartbeat = heartbeat

    def time(self, name: str, action: Callable[[], object]) -> None:
        """Do it, wait until its result is painted, and print what it took."""
        seconds = 0.0

        def timed() -> None:
            nonlocal seconds
            began = time.perf_counter()
            action()
            self.wait()
            seconds = time.perf_counter() - began

        stall, _, own = self.heartbeat.during(timed)
        target = _TARGETS.get(name, "")
        if isinstance(target, dict):
            target = target.get(self.count, "")
        report(name, seconds, target, stall, own)

    def wait(self) -> None:
        """Until threads have nothing to do for the map, and everything is painted."""
        canvas = self.page.canvas
        self.window.wait(lambda: not (self.window._busy() or canvas.drawing))
        self.window.wait(lambda: not self.page.canvas._workers.busy("picture"))
        canvas.overlay.repaint()

    # -- actions ----------------------------------------------------------------------------------

    def draw(self) -> None:
        """The map of latents that have just been read."""
        self.page._take_latents(self.window.session.latents)

    def outline(self, tool: Tool, places: list[tuple[float, float]]) -> Callable[[], None]:
        """Draw a line, of which only the release is timed; returns that release."""
        window = self.window
        window.bar.tools[tool].click()
        points = [window.place(*place) for place in places]
        widget = window.target(points[0])
        QTest.mousePress(widget, _BUTTON, pos=points[0])
        for point in points[1:]:
            QTest.mouseMove(widget, point)
            process_events(0.005)
        process_events(0.3)
        before = len(self.page.history.steps)

        def release() -> None:
            QTest.mouseRelease(widget, _BUTTON, pos=points[-1])
            window.wait(lambda: len(self.page.history.steps) > before)

        return release

    def drag_line(self, places: list[tuple[float, float]]) -> None:
        """Draw a lasso with its live count, and drop it."""
        self.outline(Tool.LASSO, places)
        self.page.canvas.overlay.cancel()

    def look_back(self, epoch: int) -> None:
        """Move the slider under the map."""
        slider = self.page.map_panel.epochs
        slider.slider.setValue(slider.epochs.kept.index(epoch))
        wanted = None if epoch == slider.epochs.shown else epoch
        self.window.wait(lambda: self.page.map_view.past == wanted)

    def zoom(self) -> None:
        self.window.zoom(1.5)

    def hover(self) -> None:
        """Rest on a particle until it is told."""
        canvas, told = self.page.canvas, []
        canvas.hovered.connect(told.append)
        at = self.window.place(*self.page.map_view.xy[self.count // 2])
        QTest.mouseMove(canvas.overlay, at + QPoint(40, 40))
        QTest.mouseMove(canvas.overlay, at)
        self.window.wait(lambda: any(row is not None for row in told))
        canvas.hovered.disconnect(told.append)

    def second_canvas(self) -> None:
        """Another canvas of the same particles, in a window of its own."""
        canvas = LatentCanvas()
        canvas.resize(500, 400)
        canvas.show()
        canvas.set_map(self.page.map_view, self.page.canvas._rgba)
        self.window.wait(lambda: not canvas.drawing)
        canvas.overlay.repaint()
        self._second = canvas  # closed after the measurement

    def close_second(self) -> None:
        self._second.close()


def measure_map(heartbeat: Heartbeat, counts: list[int]) -> None:
    """Everything that is done in the latent map."""
    with explore_window() as window:
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                head(f"{count:,} particles")
                window.open(ManyParticles(Path(folder), count))
                _measure_one(Bench(window, heartbeat, count), window)
                window.session.close()


def _measure_one(bench: Bench, window: Window) -> None:
    page, bar, time_ = window.page, window.bar, bench.time
    low, high = page.map_view.extent
    middle, reach = (low + high) / 2, (high - low) / 4
    turn = np.linspace(0, 2 * np.pi, 200)
    ring = [tuple(middle + reach * (np.cos(a), np.sin(a))) for a in turn]
    box = [tuple(middle - reach), tuple(middle + 1.2 * reach)]
    page.maps.forget()
    time_("first draw of the map", bench.draw)
    time_("lasso", bench.outline(Tool.LASSO, ring))
    time_("clear", bar.clear.click)
    time_("undo", bar.undo.click)
    time_("invert", bar.invert.click)
    if Tool.RECTANGLE in bar.tools:
        time_("rectangle", bench.outline(Tool.RECTANGLE, box))
    time_("lasso while it is drawn", lambda: bench.drag_line(ring))
    for name, text in (
        ("colour by a number", "rlnDefocusU"),
        ("colour by a name", "rlnMicrographName"),
        ("colour by density", "density of the map"),
        ("one colour", "one colour"),
    ):
        time_(name, lambda text=text: window.choose(page.maps.colour_box, text))
    time_("zoom in", bench.zoom)
    time_("zoom out to all", page.canvas.fit)
    time_("hover: the particle is told", bench.hover)
    time_("earlier epoch", lambda: bench.look_back(4))
    time_("another earlier epoch", lambda: bench.look_back(8))
    time_("back to the result", lambda: bench.look_back(12))
    time_("principal components", lambda: window.choose(page.maps.space_box, _PCA))
    time_("back to the motion map", lambda: window.choose(page.maps.space_box, _MOTION))
    time_("another canvas of the same", bench.second_canvas)
    bench.close_second()
    time_("picture for a movie", lambda: page.canvas.picture(320, 320))


_PCA, _MOTION = "Principal components of half 1", "Motion map (both halves)"


def measure_path(heartbeat: Heartbeat, boxes: tuple[int, ...] = (64, 128)) -> None:
    """Maps that are decoded already, shown one after the other by the scene."""
    with explore_window() as window, tempfile.TemporaryDirectory() as folder:
        window.open(FakeJob(Path(folder)))
        scene = Scene.of(window.session)
        for box in boxes:
            head(f"scrubbing maps of {box}^3")
            scrub(window, scene, heartbeat, box)


def scrub(window: Window, scene: Scene, heartbeat: Heartbeat, box: int, count: int = 12) -> None:
    """Frames a second of a path of `count` maps, forth and back."""
    raise NotImplementedError


def measure_export(rows: int = 1_000_000, chosen: int = 300_000) -> None:
    """A subset of a STAR file with 26 columns."""
    from napari_conformix.particles import read_particles, write_particles

    head(f"STAR export of {chosen:,} of {rows:,} rows")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "particles.star"
        write_star(source, rows, 5_000)
        particles = read_particles(source)
        picked = np.sort(np.random.default_rng(0).permutation(rows)[:chosen])
        began, cpu = time.perf_counter(), time.process_time()
        write_particles(particles, picked, Path(folder) / "subset.star")
        seconds = time.perf_counter() - began
        report("export", seconds, _TARGETS["export"], own=1000 * (time.process_time() - cpu))


def head(what: str) -> None:
    print(f"\n{what:32}{'s':>8}{'target':>9}{'stall (ms)':>12}{'own time (ms)':>15}", flush=True)


def report(name: str, seconds: float, target: object = "", stall: float = np.nan, own=np.nan):
    print(f"{name:32}{seconds:8.2f}{target!s:>9}{stall:12.0f}{own:15.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=list(_PARTS))
    options = parser.parse_args()
    heartbeat = Heartbeat()
    if "map" in options.only:
        measure_map(heartbeat, options.particles)
    if "path" in options.only:
        measure_path(heartbeat)
    if "export" in options.only:
        measure_export()
    print(f"\nOpenGL: {renderer()}")


if __name__ == "__main__":
    main()
