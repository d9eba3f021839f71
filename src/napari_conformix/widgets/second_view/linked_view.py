"""A second view of the opened job next to the first: the same particles, other axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QPushButton, QVBoxLayout

from napari_conformix.widgets.parts import hint
from napari_conformix.widgets.second_view import dock
from napari_conformix.widgets.second_view.rows import RowMapping
from napari_conformix.widgets.second_view.second import SecondView

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import Past
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.selections import SelectionGroup
    from napari_conformix.widgets.session import Session
    from napari_conformix.widgets.spaces import LatentViewPanel, ViewGroup

_DOCK: Final = "Second latent space view"
_ABOUT: Final = (
    "The same particles in a second view, for example components next to a UMAP. Selection, lasso, "
    "cursor and the particle under the mouse are shared."
)


class LinkedViewGroup(QGroupBox):
    """Opens and closes the second view, and holds its choices."""

    def __init__(
        self, session: Session, panel: LatentViewPanel, views: ViewGroup, selections: SelectionGroup
    ) -> None:
        super().__init__("Second view")
        self._session, self._first_views = session, views
        self.second = SecondView(
            session, session, (panel, views), selections, "Second latent space view"
        )
        self.panel, self.views = self.second.panel, self.second.views
        self.panel.canvas.overlay.hint = "The second view of the same particles appears here."
        self.button = QPushButton("Second view")
        self.button.setToolTip(_ABOUT)
        self.close_button = QPushButton("Close it")
        self.said = hint(_ABOUT)
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, stretch=1)
        buttons.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addLayout(buttons)
        layout.addWidget(self.said)
        layout.addWidget(self.views)
        self.button.clicked.connect(self.open_view)
        self.close_button.clicked.connect(self.close_view)
        self.second.link.pairs_said.connect(self.said.setText)
        views.looked_back.connect(self._look_back)
        self.views.range_asked.connect(views.range_asked)
        self.views.category_asked.connect(views.category_asked)
        self._show(False)

    @property
    def is_open(self) -> bool:
        """Whether there is a second view."""
        return self.second.is_open

    def open_view(self) -> None:
        """Show the second view: a UMAP if there is one, else other axes than the first shows."""
        latents = self._session.latents
        if latents is None or self.is_open:
            return
        self.second.show(_DOCK, tools=False)
        self.panel.legend.compact = not dock.is_wide(self.panel)
        self._show(True)
        self.second.join(RowMapping())
        self.views.take_latents(latents)
        self.views.show_past(self._first_views.past)
        self._choose()

    def close_view(self) -> None:
        """Only the first view; the second is hidden, and found as it was when opened again."""
        if not self.is_open:
            return
        self.second.hide()
        self.said.setText(_ABOUT)
        self._show(False)

    def forget(self) -> None:
        """The job is another one, or none."""
        self.close_view()
        self.views.forget()

    def take_latents(self, latents: LatentTable) -> None:
        """Newer latents of the job."""
        if self.is_open:
            self.views.take_latents(latents)

    def _look_back(self, past: Past | None) -> None:
        """Go along with the first view, unless nobody sees it: its axes may be of another job."""
        if self.is_open:
            self.views.show_past(past)

    def _show(self, opened: bool) -> None:
        self.views.setVisible(opened)
        self.close_button.setVisible(opened)
        self.button.setEnabled(not opened)

    def _choose(self) -> None:
        """Something else than the first view, unless the user has chosen before."""
        box, first = self.views.space_box, self._first_views.space_box.currentData()
        if self.views.latent_view is not None:
            return
        keys = [box.itemData(i) for i in range(box.count())]
        umaps = [key for key in keys if key.startswith("umap") and key != first]
        others = [key for key in keys if key.startswith("pca") and key != first]
        chosen = (*umaps, *others)
        if chosen:
            self.views.show_space(chosen[0])
        elif self.views.x_box.count() > 3:  # the same components: the two that follow
            self.views.x_box.setCurrentIndex(2)
            self.views.y_box.setCurrentIndex(3)
