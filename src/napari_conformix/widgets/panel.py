"""The panel next to the viewer: what is open, messages, and the pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import napari
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_conformix.widgets.clusters import ClustersPage
from napari_conformix.widgets.data import DataPage
from napari_conformix.widgets.explore import ExplorePage
from napari_conformix.widgets.latent_space import LatentSpace
from napari_conformix.widgets.motion import DeformationPage
from napari_conformix.widgets.page import Page
from napari_conformix.widgets.parts import Chip, MessageBar
from napari_conformix.widgets.paths import PathsPage
from napari_conformix.widgets.reconstruction import ReconstructPage
from napari_conformix.widgets.scene import Scene
from napari_conformix.widgets.session import FileDrop, Session
from napari_conformix.widgets.training import TrainPage

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.particles import ParticleSet

TITLE = "Conformix"
#: every page, in the order of the tabs: the one place that a new page is added to
PAGES: Final[tuple[type[Page], ...]] = (
    DataPage,
    TrainPage,
    ExplorePage,
    PathsPage,
    ClustersPage,
    DeformationPage,
    ReconstructPage,
)
_WIDTH = 500


class ConformixPanel(QWidget):
    """The pages for one viewer."""

    def __init__(self, viewer: napari.viewer.Viewer, pages: tuple[type[Page], ...] = PAGES) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        self.scene = Scene.of(session)
        FileDrop(self, session.open_path)

        self.title = QLabel("Nothing is open yet")
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.chip = Chip()
        self.messages = MessageBar()
        space = LatentSpace(session)
        self.pages = {kind.name: kind(space) for kind in pages}
        self.tabs = QTabWidget()
        for index, page in enumerate(self.pages.values()):
            self.tabs.addTab(_PageArea(page), page.title)
            self.tabs.setTabToolTip(index, page.tip)

        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.chip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(top)
        layout.addWidget(self.messages)
        layout.addWidget(self.tabs, 1)

        self.tabs.currentChanged.connect(self._page_changed)
        session.message.connect(self.messages.show_message)
        # What was said of the files before does not hold for others.
        session.inputs_changed.connect(lambda *_: self.messages.clear())
        session.busy_changed.connect(self.messages.set_busy)
        session.page_requested.connect(self.show_page)
        session.job_opened.connect(self._job_opened)
        session.job_closed.connect(self._job_closed)
        session.particles_opened.connect(self._particles_opened)
        session.state_changed.connect(self.chip.set_state)
        self._window: QWidget | None = None
        self.destroyed.connect(lambda *_: session.shut_down())

    def sizeHint(self) -> QSize:
        return QSize(_WIDTH, 760)

    def show_page(self, name: str) -> None:
        """Bring a page to the front, by its `Page.name`."""
        self.tabs.setCurrentIndex(list(self.pages).index(name))

    def _page_changed(self, index: int) -> None:
        """The scene belongs to the page in front, and is given back before another takes it."""
        pages = list(self.pages.values())
        in_front = pages.pop(index) if index >= 0 else None
        for page in pages:
            page.set_active(False)
        if in_front is not None:
            in_front.set_active(True)

    # -- what is open -----------------------------------------------------------------------------

    def _particles_opened(self, particles: ParticleSet) -> None:
        if self.session.job is None:
            self.title.setText(f"{particles.source.path.name}: {len(particles):,} particles")

    def _job_opened(self, job: Job) -> None:
        self.title.setText(f"Job {Path(job.folder).name}")
        self.title.setToolTip(str(job.folder))
        self.messages.clear()
        self.show_page("train" if self.session.has_decoder else "explore")

    def _job_closed(self) -> None:
        self.title.setText("No job is open")
        self.title.setToolTip("")
        self.chip.set_state("")

    # -- Qt ---------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        window = self.window()
        if window is not self._window and window is not self:
            self._window = window
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A dock gets no sign that the window closes. A run goes on, but nobody follows it here.
        if event.type() == QEvent.Type.DeferredDelete and watched is self._window:
            self.session.shut_down()
        return super().eventFilter(watched, event)


class _PageArea(QScrollArea):
    """Scrolls a page up and down, and is never narrower than the page can be."""

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(page)

    def minimumSizeHint(self) -> QSize:
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(self.widget().minimumSizeHint().width() + bar, 200)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The page wants more room than before: the dock must know, or it is cut off."""
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


def show_panel(viewer: napari.viewer.Viewer | None = None) -> ConformixPanel:
    """The panel of a viewer (the current one by default), opened if it is not there yet."""
    viewer = viewer or napari.current_viewer()
    dock, panel = viewer.window.add_plugin_dock_widget("napari-conformix", TITLE)
    dock.show()
    dock.raise_()
    return panel
