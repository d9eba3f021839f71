"""A window with the Explore page, and a hand that moves the mouse in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import napari
import numpy as np
import qt_waiting
from explore_fakes import FakeJob
from qt_waiting import handle_events
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QScrollArea
from superqt.utils import qimage_to_array

from napari_conformix.widgets.explore import ExplorePage
from napari_conformix.widgets.latent_space import LatentSpace
from napari_conformix.widgets.latent_view.lasso import Mode, Tool
from napari_conformix.widgets.session import Session

#: outlines in the motion view of a FakeJob, around particles of either end
RIGHT = [(4.0, -3.0), (9.0, -3.0), (9.0, 3.0), (4.0, 3.0)]
LEFT = [(-9.0, -3.0), (-5.0, -3.0), (-5.0, 3.0), (-9.0, 3.0)]

_BUTTON = Qt.MouseButton.LeftButton
_PLAIN = Qt.KeyboardModifier.NoModifier


class Window:
    """The page with a job open, and what a person does with it."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1500, 900)
        self.session = Session.of(self.viewer)
        self.messages: list[str] = []
        self.session.message.connect(lambda text, level: self.messages.append(text))
        self.page = ExplorePage(LatentSpace(self.session))
        area = QScrollArea()  # or the window would be as high as the page
        area.setWidgetResizable(True)
        area.setWidget(self.page)
        area.setMinimumWidth(self.page.minimumSizeHint().width() + 20)
        self.viewer.window.add_dock_widget(area, name="Explore", area="right")
        handle_events()

    def open(self, job: FakeJob) -> None:
        """Open a job and wait until it is shown, with every tool as at the beginning."""
        self.job = job
        self.messages.clear()
        self.session.open_job(job)
        self.wait(
            lambda: self.page.latent_view is not None and self.page.scene.threshold is not None
        )
        self.bar.choose_tool(Tool.CURSOR)
        self.bar.choose_mode(Mode.NEW)
        for box in (
            self.page.views.space_box,
            self.page.views.colour_box,
            self.page.views.show_box,
        ):
            box.setCurrentIndex(0)
        self.settle()
        self.page.canvas.fit()
        self.settle()

    def leave(self) -> None:
        """At the end of a test: nothing follows the job any more."""
        self.session.close()

    @property
    def overlay(self):
        return self.page.canvas.overlay

    @property
    def bar(self):
        return self.page.view_panel.bar

    @property
    def selected(self) -> np.ndarray:
        return self.page.history.rows

    def wait(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Until something has happened."""
        qt_waiting.wait(condition, seconds, lambda: self.messages)

    def settle(self) -> None:
        """Until nothing that was asked for is left to do, and the window is drawn."""
        qt_waiting.settle()

    def place(self, x: float, y: float) -> QPoint:
        """Where a point of the view is on the canvas."""
        pixel = self.overlay.transform.to_pixels(np.array([[x, y]]))[0]
        return QPoint(round(pixel[0]), round(pixel[1]))

    def zoom(self, factor: float) -> None:
        """Come nearer to the middle of the view."""
        view = self.overlay.transform
        view.look_at(*view.centre, factor * view.zoom)

    def target(self, place: QPoint):
        """The widget that gets a mouse event at a place of the canvas, as Qt finds it."""
        native = self.page.canvas.native
        return native.childAt(place) or native

    def drag(self, places: list[tuple[float, float]], modifier=_PLAIN) -> np.ndarray:
        """Press, move through places of the view and let go; returns the pixels visited (n, 2)."""
        points = [self.place(*place) for place in places]
        widget = self.target(points[0])
        QTest.mousePress(widget, _BUTTON, modifier, points[0])
        for point in points[1:]:
            QTest.mouseMove(widget, point)
            QApplication.processEvents()
        QTest.mouseRelease(widget, _BUTTON, modifier, points[-1])
        QApplication.processEvents()
        return np.array([[point.x(), point.y()] for point in points], dtype=float)

    def lasso(self, corners: list[tuple[float, float]], modifier=_PLAIN) -> np.ndarray:
        """Draw a lasso through corners, slowly; returns its polygon in view coordinates."""
        self.bar.tools[Tool.LASSO].click()
        ring = [*corners, corners[0]]
        places = [
            tuple(np.array(a) + t * (np.array(b) - a))
            for a, b in itertools.pairwise(ring)
            for t in np.linspace(0, 1, 6, endpoint=False)
        ]
        before = len(self.page.history.steps)
        pixels = self.drag(places, modifier)
        self.wait(lambda: len(self.page.history.steps) > before)
        self.settle()
        return self.overlay.transform.to_view(pixels)

    def choose(self, box, text: str) -> None:
        """Pick an entry of a list."""
        index = box.findText(text)
        assert index >= 0, [box.itemText(i) for i in range(box.count())]
        box.setCurrentIndex(index)
        self.settle()

    def scene_picture(self) -> np.ndarray:
        """(h, w, 3) of the 3-D scene."""
        self.settle()
        return self.viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)

    def map_picture(self) -> np.ndarray:
        """(h, w, 3) of the latent space view's particles, without what is painted over them."""
        self.settle()
        picture = self.page.canvas.overlay.picture
        if picture is None:
            return np.zeros((self.overlay.height(), self.overlay.width(), 3), dtype=int)
        rgba = qimage_to_array(picture[0]).astype(int)
        return rgba[..., :3] * rgba[..., 3:] // 255

    def close(self) -> None:
        self.session.shut_down()
        self.viewer.close()
        handle_events()


@contextmanager
def explore_window() -> Iterator[Window]:
    """A window without a job."""
    window = Window()
    try:
        yield window
    finally:
        window.close()
