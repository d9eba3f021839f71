"""What stands in the dock next to the scene: the latent space view with its tools, its
legend, and the slider over its epochs."""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QVBoxLayout, QWidget

from napari_conformix.widgets.colours import LegendBar
from napari_conformix.widgets.latent_view import LatentCanvas, SelectionBar
from napari_conformix.widgets.parts import dock_of
from napari_conformix.widgets.session import FIRST, LatentCursor, LayerDocks
from napari_conformix.widgets.spaces.epoch_slider import EpochSlider

#: a scene narrower than this, in pixels, shows little of a molecule
_SCENE: Final = 300


class LatentViewPanel(QWidget):
    """Tools, view, legend, and the epochs to look back at; :meth:`show_beside` puts all of it into
    the window."""

    def __init__(self, cursor: LatentCursor | None = None, name: str = FIRST) -> None:
        super().__init__()
        self.bar = SelectionBar(self)
        self.canvas = LatentCanvas(self, cursor, name)
        self.legend = LegendBar(self)
        self.epochs = EpochSlider(self)
        self.dock: QDockWidget | None = None
        self.layer_docks = LayerDocks()
        self.bar.tool_chosen.connect(self.canvas.overlay.set_tool)
        self.bar.mode_chosen.connect(lambda mode: setattr(self.canvas.overlay, "mode", mode))
        self.bar.fit_asked.connect(self.canvas.fit)
        self.bar.cancelled.connect(self.canvas.overlay.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        layout.addWidget(self.bar)
        layout.addWidget(self.canvas, stretch=1)
        layout.addWidget(self.legend)
        layout.addWidget(self.epochs)

    def show_beside(self, viewer, page: QWidget) -> None:
        """Dock the view between the scene of a viewer and the dock of a page, once; nothing
        without a window (a viewer model alone)."""
        window = getattr(viewer, "window", None)
        if self.dock is not None or window is None:
            return
        self.dock = window.add_dock_widget(
            self, name="Latent space view", area="right", add_vertical_stretch=False
        )
        # It shares the window's width with the scene, in which a floating dock has no part.
        features = self.dock.features() & ~QDockWidget.DockWidgetFeature.DockWidgetFloatable
        self.dock.setFeatures(features)
        own = dock_of(page)
        if own is not None and not own.isFloating():
            self.dock.window().splitDockWidget(self.dock, own, Qt.Orientation.Horizontal)
            # Qt gives a new dock its size only once it has laid the window out.
            QTimer.singleShot(0, lambda: self._share_width(own))

    def _share_width(self, own: QDockWidget) -> None:
        """View and scene side by side, equally wide."""
        main = self.dock.window()
        both = main.centralWidget().width() + self.dock.width()
        sizes = [both // 2, own.width()]
        main.resizeDocks([self.dock, own], sizes, Qt.Orientation.Horizontal)
        main.installEventFilter(self)
        self._leave_room()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window has another size: the scene must not vanish."""
        if event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self._leave_room)
        return super().eventFilter(watched, event)

    def _leave_room(self) -> None:
        if self.dock.isVisible():
            self.layer_docks.fit(self.dock.window(), _SCENE)
