"""The Explore page: the latent space view, the conformation at its cursor, and selections of
particles.

The page lays out the parts of a :class:`LatentSpace` (what its view shows, live decoding into the
scene, selections), which other pages share, and adds its own: images of particles, checks, and
another job next to the open one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qtpy.QtWidgets import QLabel, QVBoxLayout

from napari_conformix.widgets.explore.checks_group import ChecksGroup
from napari_conformix.widgets.explore.gallery_group import ParticleGalleryGroup
from napari_conformix.widgets.page import Page
from napari_conformix.widgets.parts import BiasBanner
from napari_conformix.widgets.second_view import CompareGroup, LinkedViewGroup
from napari_conformix.widgets.selections import ACTIONS
from napari_conformix.widgets.session import FIRST

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import SelectionHistory
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.latent_space import LatentSpace
    from napari_conformix.widgets.latent_view import LatentCanvas

_EMPTY: Final = (
    "The latent space view appears here after the first epoch of training. Open a job folder on "
    "the Data page, or start a run on the Train page."
)


class ExplorePage(Page):
    """Choose a view, colour it, move through it, select and export."""

    name, title = "explore", "Explore"
    tip = "The latent space: colour it, move through it, select particles"

    def __init__(self, space: LatentSpace) -> None:
        super().__init__(space)
        session = space.session
        self.scene = space.scene
        self.view_panel, self.views = space.view_panel, space.views
        self.looking_back = space.looking_back
        self.conformation, self.selections = space.conformation, space.selections
        self.cursor = space.cursor
        self.hint = QLabel(_EMPTY)
        self.hint.setWordWrap(True)
        self.gallery = ParticleGalleryGroup(
            session, self.selections, self.conformation, space.letters
        )
        self.compare = CompareGroup(
            session, self.scene, self.view_panel, self.views, self.selections, self.conformation
        )
        self.linked = LinkedViewGroup(session, self.view_panel, self.views, self.selections)
        self.checks = ChecksGroup(session)
        self.groups = [
            self.views,
            self.linked,
            self.conformation,
            self.selections,
            self.gallery,
            self.checks,
            self.compare,
        ]
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 6, 2, 6)
        column.addWidget(BiasBanner(session))
        column.addWidget(self.hint)
        for group in self.groups:
            column.addWidget(group)
        column.addStretch(1)  # or groups with wrapped lines share what is left
        session.job_opened.connect(self._open_job)
        session.job_closed.connect(self._close_job)
        session.particles_opened.connect(self._take_particles)
        session.latents_changed.connect(self._take_latents)
        self.views.shown.connect(self._take_view)
        self.views.range_asked.connect(self.selections.take_range)
        self.selections.selection_changed.connect(self._share_selection)
        self.selections.listed.connect(lambda names: self.views.colours.find_names())
        self._connect_legend()
        self._enable(False)

    def _connect_legend(self) -> None:
        """What is clicked in a legend is selected; there is room for one view next to the first."""
        self.views.category_asked.connect(
            lambda rows, step, mode: self.selections.select(rows, ACTIONS[mode], **step)
        )
        self.compare.second.showing.connect(self.linked.close_view)
        self.linked.second.showing.connect(lambda: self.compare.beside.close())

    @property
    def canvas(self) -> LatentCanvas:
        """The latent space view's canvas."""
        return self.space.canvas

    @property
    def latent_view(self) -> LatentView | None:
        """What the view shows now."""
        return self.space.latent_view

    @property
    def history(self) -> SelectionHistory | None:
        """The current selection and its steps."""
        return self.space.history

    def _enable(self, enabled: bool) -> None:
        self.hint.setVisible(not enabled)
        self.view_panel.bar.setEnabled(enabled)
        for group in self.groups:
            group.setEnabled(enabled)

    def _open_job(self, job: Job) -> None:
        self._forget()
        self.cursor.enter(FIRST, str(job.folder))
        self.view_panel.show_beside(self.session.viewer, self)
        self.selections.list_saved()

    def _close_job(self) -> None:
        self._forget()
        self.cursor.enter(FIRST, "")
        self.scene.clear()

    def _forget(self) -> None:
        """Nothing of the job before is shown."""
        for group in self.groups:
            group.forget()
        self._enable(False)

    def _take_particles(self, particles: Any) -> None:
        self.views.fill_colours()
        self.selections.fill_form()

    def _share_selection(self) -> None:
        if self.history is not None:
            self.views.set_selection(self.history.mask)

    def _take_latents(self, latents: LatentTable) -> None:
        for group in self.groups:
            group.take_latents(latents)
        self._enable(True)

    def _take_view(self, view: LatentView, moved: bool) -> None:
        self.selections.latent_view = view
        self.conformation.take_view(view, moved)
        self.gallery.take_view(view)
