"""A window with the Paths page next to the Explore page."""

from __future__ import annotations

import numpy as np
from explore_window import Window
from qt_waiting import handle_events, pause
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QScrollArea, QStyle, QStyleOptionSlider, QWidget

from napari_conformix.widgets.paths import PathsPage

_LEFT = Qt.MouseButton.LeftButton


class PathsWindow(Window):
    """As a person uses it: buttons and the view are clicked with the mouse."""

    def __init__(self) -> None:
        super().__init__()
        self.paths = PathsPage(self.page.space)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setWidget(self.paths)
        self.area.setMinimumWidth(480)
        self.viewer.window.add_dock_widget(self.area, name="Paths", area="left")
        handle_events()

    @property
    def player(self):
        return self.paths.player

    @property
    def decorations(self):
        return self.overlay.decorations

    def press(self, widget: QWidget) -> None:
        """Scroll to a button and press the mouse in its middle."""
        self.area.ensureWidgetVisible(widget)
        handle_events()
        assert widget.isVisible()
        assert widget.isEnabled()
        QTest.mouseClick(widget, _LEFT, pos=QPoint(widget.width() // 2, widget.height() // 2))
        handle_events()

    def kind(self, name: str) -> None:
        """Choose how the path is made."""
        self.paths.form.choose_kind(name)
        handle_events()

    def click_map(self, x: float, y: float) -> None:
        """Click at a place of the latent space view."""
        place = self.place(x, y)
        QTest.mouseClick(self.target(place), _LEFT, pos=place)
        handle_events()

    def make(self) -> None:
        """Press Make path, and wait until all its maps are ready."""
        self.press(self.paths.form.make)
        self.ready()

    def ready(self) -> None:
        """Until a path is there and its maps are ready."""
        self.settle()
        assert self.paths.path is not None, self.paths.form.said.text()
        if self.job.method_class.has_decoder:
            self.wait(lambda: len(self.player.frames.ready_steps) == len(self.paths.path))
        self.settle()

    def drag_slider(self, step: int) -> None:
        """Take the handle with the mouse and drag it to a step."""
        slider = self.player.slider
        self.area.ensureWidgetVisible(slider)
        handle_events()
        start, end = (self._handle(at) for at in (slider.value(), step))
        QTest.mousePress(slider, _LEFT, pos=start)
        for share in np.linspace(0, 1, 6)[1:]:
            x = round(start.x() + share * (end.x() - start.x()))
            QTest.mouseMove(slider, QPoint(x, end.y()))
            pause(0.01)
        QTest.mouseRelease(slider, _LEFT, pos=end)
        handle_events()

    def _handle(self, step: int) -> QPoint:
        slider = self.player.slider
        option = QStyleOptionSlider()
        slider.initStyleOption(option)
        option.sliderPosition = step
        handle = slider.style().subControlRect(
            QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, slider
        )
        return handle.center()

    def layer(self, name: str):
        return next(layer for layer in self.viewer.layers if layer.name == name)
