"""The latent space in the window, as several pages share it: its view, the conformation at the
cursor there, and what is selected in it.

The Explore page lays these parts out; other pages are handed them by the panel, so that no page
knows another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_conformix.widgets.conformation import ConformationGroup
from napari_conformix.widgets.latent_view import ViewLetters
from napari_conformix.widgets.scene import Scene
from napari_conformix.widgets.selections import SelectionGroup
from napari_conformix.widgets.session import FileDrop, LatentCursor
from napari_conformix.widgets.spaces import LatentViewPanel, LookingBack, ViewGroup

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import SelectionHistory
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.widgets.latent_view import LatentCanvas
    from napari_conformix.widgets.session import Session


class LatentSpace:
    """One for a window; made before the pages."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.scene = Scene.of(session)
        #: where the cursor of this job's views is, and of those next to them
        self.cursor = LatentCursor()
        self.view_panel = LatentViewPanel(self.cursor)
        FileDrop(self.view_panel, session.open_path)
        self.canvas.failed.connect(session.report_error)
        self.canvas.overlay.hint = "The latent space view appears here after the first epoch."
        self.views = ViewGroup(session, self.scene, self.view_panel)
        self.looking_back = LookingBack(session, self.view_panel.epochs, self.views)
        self.letters = ViewLetters(self.canvas)
        self.conformation = ConformationGroup(session, self.scene, self.canvas, self.letters)
        self.selections = SelectionGroup(session, self.view_panel)

    @property
    def canvas(self) -> LatentCanvas:
        """What draws the view."""
        return self.view_panel.canvas

    @property
    def latent_view(self) -> LatentView | None:
        """What is shown now; None before there are latents."""
        return self.views.latent_view

    @property
    def history(self) -> SelectionHistory | None:
        """The current selection and its steps."""
        return self.selections.history
