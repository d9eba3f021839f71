"""A window with the whole panel, and a hand that uses it."""

from collections.abc import Callable

import napari
import qt_waiting
from qt_waiting import handle_events
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QScrollArea, QWidget

from napari_conformix.widgets.panel import show_panel

_BUTTON = Qt.MouseButton.LeftButton


class ShellWindow:
    """napari with the panel open."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(show=True)
        self.panel = show_panel(self.viewer)
        self.panel.window().resize(1400, 900)
        self.session = self.panel.session
        self.messages: list[tuple[str, str]] = []
        self.session.message.connect(lambda text, level: self.messages.append((level, text)))
        self.wait(lambda: self.train.form.settings is not None, 60)

    @property
    def data(self):
        return self.panel.pages["data"]

    @property
    def train(self):
        return self.panel.pages["train"]

    def errors(self) -> list[str]:
        """Messages of errors since :meth:`begin`."""
        return [text for level, text in self.messages if level == "error"]

    def begin(self) -> None:
        """As it is when the panel has just been opened."""
        self.session.close()
        self.messages.clear()
        self.panel.messages.clear()
        self.panel.show_page("data")
        handle_events()

    def leave(self) -> None:
        """At the end of a test: nothing that it started in another process goes on."""
        job = self.session.job
        if job is not None:
            for run in (job, *job.reconstructions()):
                if run.state in ("running", "paused"):
                    run.kill()
        self.begin()

    def open(self, path) -> None:
        """Drop a path on napari and wait until it is read."""
        self.viewer.open(path, plugin="napari-conformix")
        self.wait(lambda: not self.session.workers.busy("open"), 60)

    def open_and_check(self, path) -> None:
        """Open particles and wait for the checks."""
        self.open(path)
        self.wait(lambda: self.session.particles is not None)
        self.wait(lambda: not self.session.workers.busy("data check"), 90)

    def wait(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Until something has happened."""
        qt_waiting.wait(condition, seconds, lambda: self.messages)

    def settle(self) -> None:
        """Until nothing that was asked for is left to do, and the window is drawn."""
        qt_waiting.settle()

    def click(self, widget: QWidget) -> None:
        """Scroll to a widget and press the mouse in its middle."""
        parent = widget.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        if parent is not None:
            parent.ensureWidgetVisible(widget)
        handle_events()
        assert widget.isVisible()
        assert widget.isEnabled(), widget.text()
        QTest.mouseClick(widget, _BUTTON, pos=QPoint(widget.width() // 2, widget.height() // 2))
        handle_events()

    def wait_state(self, state: str, seconds: float = 60.0) -> None:
        """Until the window shows that state of the job."""
        self.wait(lambda: self.panel.chip.text() == state, seconds)

    def close(self) -> None:
        """Close the window as its cross does."""
        self.panel.window().close()
        handle_events()
