"""A second latent space view in the window: its panel, its choices, and its link to the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psygnal import Signal

from napari_conformix.widgets.second_view import dock
from napari_conformix.widgets.second_view.link import ViewLink
from napari_conformix.widgets.spaces import LatentViewPanel, ViewGroup

if TYPE_CHECKING:
    from napari_conformix.widgets.second_view.rows import RowMapping
    from napari_conformix.widgets.selections import SelectionGroup
    from napari_conformix.widgets.session import Session

#: names of the views for the cursor: of the opened job, and of the other one
SECOND: Final = "second"
OTHER: Final = "beside"


class SecondView:
    """A view of `shown`: of the opened job's session itself, or of another job's."""

    #: it is about to be put into the window, where there is room for one next to the first
    showing = Signal()

    def __init__(
        self,
        session: Session,
        shown: Session,
        first: tuple[LatentViewPanel, ViewGroup],
        selections: SelectionGroup,
        title: str,
    ) -> None:
        self._session, self._shown = session, shown
        self._first, views = first
        same = shown is session
        self.name = SECOND if same else OTHER
        self._cursor = self._first.canvas.cursor
        self.panel = LatentViewPanel(self._cursor, self.name)
        self.panel.canvas.failed.connect(session.report_error)
        self.views = ViewGroup(shown, None, self.panel, title, which="second " if same else "")
        self.link = ViewLink(session, selections, (self._first, self.panel), (views, self.views))

    @property
    def is_open(self) -> bool:
        """Whether it acts as one with the first."""
        return self.link.active

    def show(self, title: str, *, tools: bool) -> None:
        """Put it into the window; `tools`: with tools of its own, where there is room."""
        self.showing.emit()
        job = self._shown.job
        self._cursor.enter(self.name, "" if job is None else str(job.folder))
        dock.show_view(self._session.viewer, self._first, self.panel, title, tools=tools)

    def join(self, rows: RowMapping, jobs: tuple[str, str] = ("", "")) -> None:
        """From now on both views act as one."""
        job = self._shown.job
        other = self._shown is not self._session and job is not None
        self.link.join(rows, jobs, str(job.folder) if other else None)

    def hide(self) -> None:
        """Only the first view is in the window."""
        self.link.leave()
        dock.hide_view(self._first, self.panel)
