"""How fast the Explore page answers at 100,000 and 1,000,000 particles, and how long it stalls.

Each action is done in a real window with real mouse events, and timed until its result is on the
screen. "CPU-s" is what all threads computed for it meanwhile, "stall" the longest time that the
window did not answer, and "own time" the processor time of the window's own thread in that gap:
both separate a slow window from a busy machine. The particles are made of numbers; nothing is
trained. On a screen, or without one:

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
import path_timing
from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget
from star_reading import write_star
from window_stalls import Heartbeat

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from explore_fakes import FakeJob
from explore_window import Window, explore_window
from path_fakes import PathJob
from paths_window import PathsWindow
from qt_waiting import pause, settle

from napari_conformix.particles import write_map
from napari_conformix.simulation import find_scene
from napari_conformix.simulation.points import density
from napari_conformix.widgets.latent_view import LatentCanvas
from napari_conformix.widgets.latent_view.lasso import Tool
from napari_conformix.widgets.scene import Scene
from napari_conformix.widgets.session.gl import renderer

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
#: frames a second to reach, by box
_FRAMES = {64: 10}
_BOXES = (64, 128)
_BOX_ANGSTROM = 115.0
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
        seconds = cpu = 0.0

        def timed() -> None:
            nonlocal seconds, cpu
            began, cpu_began = time.perf_counter(), time.process_time()
            action()
            self.wait()
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began

        stall, _, own = self.heartbeat.during(timed)
        target = _TARGETS.get(name, "")
        if isinstance(target, dict):
            target = target.get(self.count, "")
        report(name, seconds, target, cpu, stall, own)

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
            pause(0.005)
        settle()
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
        slider = self.page.view_panel.epochs
        slider.slider.setValue(slider.epochs.kept.index(epoch))
        wanted = None if epoch == slider.epochs.shown else epoch
        self.window.wait(lambda: self.page.latent_view.past == wanted)

    def zoom(self) -> None:
        self.window.zoom(1.5)

    def hover(self) -> None:
        """Rest on a particle until it is described."""
        canvas, told = self.page.canvas, []
        canvas.hovered.connect(told.append)
        at = self.window.place(*self.page.latent_view.xy[self.count // 2])
        QTest.mouseMove(canvas.overlay, at + QPoint(40, 40))
        QTest.mouseMove(canvas.overlay, at)
        self.window.wait(lambda: any(row is not None for row in told))
        canvas.hovered.disconnect(told.append)

    def second_canvas(self) -> None:
        """Another canvas of the same particles, in a window of its own."""
        canvas = LatentCanvas()
        canvas.resize(500, 400)
        canvas.show()
        canvas.set_view(self.page.latent_view, self.page.canvas._rgba)
        self.window.wait(lambda: not canvas.drawing)
        canvas.overlay.repaint()
        self._second = canvas  # closed after the measurement

    def close_second(self) -> None:
        self._second.close()


def measure_map(heartbeat: Heartbeat, counts: list[int]) -> None:
    """Everything that is done in the latent space view."""
    with explore_window() as window:
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                head(f"{count:,} particles")
                window.open(ManyParticles(Path(folder), count))
                _measure_one(Bench(window, heartbeat, count), window)
                window.session.close()


def _measure_one(bench: Bench, window: Window) -> None:
    page, bar, time_ = window.page, window.bar, bench.time
    low, high = page.latent_view.extent
    middle, reach = (low + high) / 2, (high - low) / 4
    turn = np.linspace(0, 2 * np.pi, 200)
    ring = [tuple(middle + reach * (np.cos(a), np.sin(a))) for a in turn]
    box = [tuple(middle - reach), tuple(middle + 1.2 * reach)]
    page.views.forget()
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
        time_(name, lambda text=text: window.choose(page.views.colour_box, text))
    time_("zoom in", bench.zoom)
    time_("zoom out to all", page.canvas.fit)
    time_("hover: the particle is described", bench.hover)
    time_("earlier epoch", lambda: bench.look_back(4))
    time_("another earlier epoch", lambda: bench.look_back(8))
    time_("back to the result", lambda: bench.look_back(12))
    time_("principal components", lambda: window.choose(page.views.space_box, _PCA))
    time_("back to the motion view", lambda: window.choose(page.views.space_box, _MOTION))
    time_("another canvas of the same", bench.second_canvas)
    bench.close_second()


_PCA, _MOTION = "Principal components of half 1", "Motion view (both halves)"


class OneMolecule(PathJob):
    """Adenylate kinase, at the resolution that a box of `box` voxels around it allows."""

    def __init__(self, folder: Path, box: int) -> None:
        self.box, self.pixel_size = box, _BOX_ANGSTROM / box
        self.molecule = find_scene("adk")
        super().__init__(folder)
        write_map(self.spec.inputs.consensus, self.volume(0.0), self.pixel_size)

    def volume(self, angle: float) -> np.ndarray:
        """(z, y, x), closed at -40 degrees and open at 40: the way of the fake job's particles."""
        state = round((angle + 40) / 80 * (len(self.molecule) - 1))
        b_factor = 8 * (2 * self.pixel_size) ** 2
        return density(*self.molecule.atoms(state), self.box, self.pixel_size, b_factor)


class Paints(QObject):
    """Counts how often a widget is painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


def measure_path(heartbeat: Heartbeat) -> None:
    """Maps of a path that are decoded already, shown one after the other in the scene."""
    columns = f"{'frames/s':>9}{'target':>8}{'CPU-ms a frame':>16}{'stall (ms)':>12}"
    print(f"\n{'scrubbing a path':32}{columns}")
    window = PathsWindow()
    for box in _BOXES:
        with tempfile.TemporaryDirectory() as folder:
            job = OneMolecule(Path(folder), box)
            window.open(job)
            scrub(window, job, heartbeat)
            drag_player(window, job, heartbeat)
            window.session.close()
    window.close()


def scrub(window: Window, job: OneMolecule, heartbeat: Heartbeat, count: int = 12) -> None:
    """There and back, three times, as fast as the frames come; prints frames a second."""
    scene = Scene.of(window.session)
    angles = np.linspace(-40, 40, count)
    maps = [scene.prepare(job.volume(a), job.pixel_size, scene.threshold) for a in angles]
    paints = Paints(window.viewer.window._qt_viewer.canvas.native)
    steps = [*range(count), *range(count - 2, 0, -1)] * 3
    seconds = cpu = 0.0

    def there_and_back() -> None:
        nonlocal seconds, cpu
        began, cpu_began = time.perf_counter(), time.process_time()
        for step in steps:
            before = paints.count
            scene.show_prepared(maps[step], f"Step {step + 1} of {count}")
            while paints.count == before:
                QApplication.processEvents()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began

    stall, _, _ = heartbeat.during(there_and_back)
    triangles = np.mean([0 if made.mesh is None else len(made.mesh[1]) for made in maps])
    name = f"maps of {job.box}^3, {triangles:,.0f} triangles"
    rate, each = len(steps) / seconds, 1000 * cpu / len(steps)
    print(f"{name:32}{rate:9.1f}{_FRAMES.get(job.box, ''):>8}{each:16.0f}{stall:12.0f}", flush=True)


def drag_player(window: PathsWindow, job: OneMolecule, heartbeat: Heartbeat) -> None:
    """The same in the player of the Paths page: with slider, bars, caption, and ring on the map."""
    window.paths.set_active(True)
    window.paths.form.steps.setValue(12)
    window.make()
    figures = []
    cpu = time.process_time()
    stall, _, _ = heartbeat.during(
        lambda: figures.append(path_timing.scrub(window.player, rounds=3))
    )
    each = 1000 * (time.process_time() - cpu) / figures[0].frames
    name = f"the same in the player, {job.box}^3"
    rate = figures[0].frames_per_second
    print(f"{name:32}{rate:9.1f}{_FRAMES.get(job.box, ''):>8}{each:16.0f}{stall:12.0f}", flush=True)
    window.paths.set_active(False)


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
        report("export", seconds, _TARGETS["export"], time.process_time() - cpu)


def head(what: str) -> None:
    columns = f"{'s':>7}{'target':>8}{'CPU-s':>8}{'stall (ms)':>12}{'own time (ms)':>15}"
    print(f"\n{what:32}{columns}", flush=True)


def report(
    name: str,
    seconds: float,
    target: object,
    cpu: float,
    stall: float = np.nan,
    own: float = np.nan,
) -> None:
    """One line of the table."""
    columns = f"{seconds:7.2f}{target!s:>8}{cpu:8.2f}{stall:12.0f}{own:15.0f}"
    print(f"{name:32}{columns.replace('nan', '   ')}", flush=True)


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
    if "map" in options.only or "path" in options.only:
        print(f"\nOpenGL: {renderer()}")
    if "export" in options.only:
        measure_export()


if __name__ == "__main__":
    main()
