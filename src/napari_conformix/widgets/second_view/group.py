"""Another job next to the one that is open: choose it, and see the same particles in both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.widgets.parts import hint, sentence, signed
from napari_conformix.widgets.second_view import dock
from napari_conformix.widgets.second_view.agreement import AgreementBox
from napari_conformix.widgets.second_view.conformation import OtherConformation
from napari_conformix.widgets.second_view.offers import ColourOffers
from napari_conformix.widgets.second_view.rows import RowMapping
from napari_conformix.widgets.second_view.second import SecondView
from napari_conformix.widgets.second_view.store import Beside
from napari_conformix.widgets.session import FileDrop
from napari_conformix.widgets.spaces import LookingBack

if TYPE_CHECKING:
    from napari_conformix.analysis.comparison import Matching
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.conformation import ConformationGroup
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.selections import SelectionGroup
    from napari_conformix.widgets.session import Session
    from napari_conformix.widgets.spaces import LatentViewPanel, ViewGroup

_DOCK: Final = "Latent space view of the other job"
_EMPTY: Final = (
    "Put another job of the same particles next to this one, for example of the other method: two "
    "latent space views with one selection. Choose its folder, or drop it here."
)


class CompareGroup(QGroupBox):
    """Opens the other job; its parts connect its view, its conformation and its colours."""

    def __init__(
        self,
        session: Session,
        scene: Scene,
        panel: LatentViewPanel,
        views: ViewGroup,
        selections: SelectionGroup,
        conformation: ConformationGroup,
    ) -> None:
        super().__init__("Another job next to this one")
        self._session, self._first = session, panel
        self.beside = beside = Beside(session)
        self.second = SecondView(
            session, beside.other, (panel, views), selections, "Latent space view"
        )
        self.panel, self.views = self.second.panel, self.second.views
        self.looking_back = LookingBack(beside.other, self.panel.epochs, self.views)
        self.offers = ColourOffers(beside, (views, self.views))
        self.conformation = OtherConformation(beside, scene, self.views, self.panel.canvas)
        self.agreement = AgreementBox(beside)
        self._build()
        FileDrop(self, beside.open)
        FileDrop(self.panel, beside.open)
        self.choose.clicked.connect(self._ask)
        self.close_button.clicked.connect(lambda: beside.close())
        beside.opened.connect(self._opened)
        beside.closed.connect(self._closed)
        beside.matched.connect(self._matched)
        beside.other.job_closed.connect(self._forget_other)
        beside.other.latents_changed.connect(self._take_latents)
        beside.other.particles_opened.connect(lambda *_: self.views.fill_colours())
        self.second.link.selection_said.connect(self.selected.setText)
        self.second.link.marked.connect(self.conformation.mark)
        conformation.active_changed.connect(self.conformation.set_active)

    def _build(self) -> None:
        self.choose = QPushButton("Compare with another job…")
        self.close_button = QPushButton("Close it")
        self.said = sentence(_EMPTY)
        self.selected = hint()
        buttons = QHBoxLayout()
        buttons.addWidget(self.choose, stretch=1)
        buttons.addWidget(self.close_button)
        self.content = QWidget()
        inner = QVBoxLayout(self.content)
        inner.setContentsMargins(0, 0, 0, 0)
        for widget in (self.selected, self.views, self.conformation, self.agreement):
            inner.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addLayout(buttons)
        layout.addWidget(self.said)
        layout.addWidget(self.content)
        self._show_open(False)

    def forget(self) -> None:
        """The opened job is another one; what stood next to it closes itself."""

    def take_latents(self, latents: LatentTable) -> None:
        """Newer latents of the opened job."""
        self.agreement.forget()

    def showEvent(self, event: QShowEvent) -> None:
        """Clusters and selections may have been made on other pages meanwhile."""
        super().showEvent(event)
        self.offers.refresh()

    # -- inside -----------------------------------------------------------------------------------

    def _ask(self) -> None:
        job = self._session.job
        start = str(Path(job.folder).parent) if job is not None else ""
        folder = QFileDialog.getExistingDirectory(self, "Folder of the other job", start)
        if folder:
            self.beside.open(folder)

    def _show_open(self, opened: bool) -> None:
        self.content.setVisible(opened)
        self.close_button.setVisible(opened)

    def _opened(self, this: str, other: str) -> None:
        self.agreement.forget()
        self.said.setText(f"{this} and {other}: finding which particles are in both …")
        self.views.setTitle(f"Latent space view of {other}")
        self.conformation.set_names(this, other)
        self.panel.canvas.overlay.hint = f"The latent space view of {other} appears here."
        self.second.show(_DOCK, tools=True)
        dock.set_title(self._first, f"Latent space view: {this}")
        dock.set_title(self.panel, f"Latent space view: {other}")
        self._show_open(True)

    def _forget_other(self) -> None:
        self.second.link.leave()
        for part in (self.views, self.conformation, self.agreement):
            part.forget()

    def _closed(self, why: str) -> None:
        self.second.hide()
        self.said.setText(f"{why} {_EMPTY}".strip())
        self._show_open(False)

    def _matched(self, matching: Matching) -> None:
        self.second.join(RowMapping(matching), self.beside.names)
        self._say_matched(matching)

    def _say_matched(self, matching: Matching) -> None:
        this, other = self.beside.names
        text = f"{this} and {other}: {matching.sentence()}"
        if self.beside.other.latents is None:
            text += f" {other} has no latents yet; they come after its first epoch."
        self.said.setText(signed("warning", text) if matching.caution else text)

    def _take_latents(self, latents: LatentTable) -> None:
        self.agreement.forget()
        self.views.take_latents(latents)
        if self.beside.matching is not None:
            self._say_matched(self.beside.matching)
