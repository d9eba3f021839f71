"""The Paths page: ways through the latent space, played as a moving molecule.

The page connects what makes paths (`form`), keeps them (`saved`), plays them (`player`) and finds
states (`landscape.group`); the job computes, in workers.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QLabel, QVBoxLayout

from napari_conformix.analysis.paths import place_on_view
from napari_conformix.widgets.landscape import LandscapeGroup
from napari_conformix.widgets.latent_view import Mark, ViewPicking
from napari_conformix.widgets.movies import MovieGroup
from napari_conformix.widgets.page import Page
from napari_conformix.widgets.parts import BiasBanner, DoubtBanner, Fold
from napari_conformix.widgets.paths.command import path_command
from napari_conformix.widgets.paths.form import PathForm
from napari_conformix.widgets.paths.player import PathPlayer
from napari_conformix.widgets.paths.request import Made, PathRequest, Supports
from napari_conformix.widgets.paths.saved import PathList
from napari_conformix.widgets.session import FIRST

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.latent_space import LatentSpace
    from napari_conformix.widgets.session import CursorPlace

_NO_JOB: Final = "Open a job folder on the Data page to make paths through its conformations."
_UNTRAINED: Final = (
    "Paths can be made after the first epoch of training. Start the run on the Train page."
)
_PICKED: Final = (0.95, 0.75, 0.2)


class PathsPage(Page):
    """Make paths, play them, see the states between them, and write movies."""

    name, title = "paths", "Paths"
    tip = "Make paths through the latent space, play them, record movies"

    def __init__(self, space: LatentSpace) -> None:
        super().__init__(space)
        session = space.session
        self.scene, self._canvas = space.scene, space.canvas
        self.active = False
        self.path: LatentPath | None = None
        self._supports = Supports()
        self._places: np.ndarray | None = None
        self.bias, self.doubt = BiasBanner(session), DoubtBanner(session)
        self.hint = QLabel(_NO_JOB)
        self.hint.setWordWrap(True)
        self.picking = ViewPicking(space.canvas, space.view_panel.bar)
        self.form = PathForm()
        self.player = PathPlayer(session, self.scene, space.conformation.contour)
        self.list = PathList(session)
        self.movie = MovieGroup(session, self._canvas)
        self.landscape = LandscapeGroup(session, space)
        self.groups = [self.form, self.player, self.movie, self.list, self.landscape]
        self._lay_out()
        self._connect()
        self._forget(_NO_JOB)

    def _lay_out(self) -> None:
        self.folds = {
            "movie": Fold("Movie, maps for ChimeraX", self.movie),
            "list": Fold("Save and open paths", self.list),
            "landscape": Fold("Landscape: where particles are many, as energy", self.landscape),
        }
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 6, 2, 6)
        for group in (self.movie, self.list, self.landscape):
            group.setTitle("")
        for widget in (self.bias, self.doubt, self.hint, self.form, self.player):
            column.addWidget(widget)
        for fold in self.folds.values():
            column.addWidget(fold)
        column.addStretch()

    def _connect(self) -> None:
        session, form = self.session, self.form
        session.job_opened.connect(lambda job: self._forget(_UNTRAINED))
        session.job_closed.connect(lambda: self._forget(_NO_JOB))
        session.latents_changed.connect(self._take_latents)
        session.consensus_changed.connect(lambda *_: self.player.consensus_changed())
        self.space.views.shown.connect(self._take_view)
        self.space.cursor.moved.connect(self._cursor_moved)
        form.asked.connect(self.make)
        form.tool_asked.connect(self._want_tool)
        form.marks_changed.connect(self._mark)
        self.picking.point_picked.connect(self._picked)
        self.picking.point_moved.connect(form.by_points.move)
        self.picking.line_drawn.connect(form.by_hand.take)
        self.picking.tool_changed.connect(self._tool_changed)
        self.player.step_changed.connect(lambda step: self._draw_path())
        self.player.again_asked.connect(self.make_again)
        self.list.opened.connect(self.show_path)
        self.list.saved.connect(self._saved)
        self.landscape.changed.connect(self._take_landscape)
        self.landscape.path_asked.connect(self._path_between)

    def minimumSizeHint(self) -> QSize:
        """As high as it is at its width: Qt adds up what wrapped lines need where narrowest."""
        size, layout = super().minimumSizeHint(), self.layout()
        size.setHeight(layout.heightForWidth(max(self.width(), size.width())))
        return size

    # -- what is open -----------------------------------------------------------------------------

    def set_active(self, active: bool) -> None:
        """Whether this page is the one in front: only then are scene and view its own."""
        if active == self.active:
            return
        self.active = active
        if active:  # taken before anything is put there, and given back when all of it is gone
            self.space.conformation.set_active(False)
            self.scene.hide_conformation()
            self.space.cursor.lend(FIRST)
            self.refresh()
        else:
            self.picking.give_back()
            self._canvas.set_marks([])
        self.player.set_active(active)
        self.landscape.set_active(active)
        self._mark()
        self._place()
        if not active:
            self.space.cursor.give_back(FIRST)
            self.space.conformation.set_active(True)

    def refresh(self) -> None:
        """See what the job has now, also what the command line has made."""
        job = self.session.job
        if job is None or self.session.latents is None:
            return
        self.list.refresh()
        self.doubt.refresh()
        self.session.run_in_worker(
            job.cluster_sets, self.form.clusters.set_names, key="job:sets for paths"
        )

    def _forget(self, why: str) -> None:
        """Nothing of the job before is shown."""
        self.path = self._places = None
        self._supports = Supports()
        for group in self.groups:
            group.forget()
            group.setEnabled(False)
        self.picking.give_back()
        self.hint.setText(why)
        self.hint.show()
        self._draw_path()
        self._mark()

    def _take_latents(self, latents: LatentTable) -> None:
        self.hint.hide()
        for group in self.groups:
            group.setEnabled(True)
        self.form.take_latents(latents)
        self._look_at_half()
        self.player.look_at_epoch()
        if self.active:
            self.refresh()

    # -- making -----------------------------------------------------------------------------------

    def make(self, choice: dict[str, Any]) -> None:
        """Make a path as the form asks, in a worker; the newest request wins."""
        view = self.space.latent_view if choice["kind"] in ("points", "drawn") else None
        found = None
        if choice["kind"] == "least energy":
            found, view = self.landscape.found, self.landscape.drawn.view
        self._make(PathRequest(choice, self.form.half, view, landscape=found))

    def make_again(self) -> None:
        """The same path through the latents as they are now."""
        if self.path is not None:
            self._make(PathRequest.again(self.path))

    def show_path(self, path: LatentPath | None) -> None:
        """Play a path from its beginning."""
        self.path, self._places = path, None
        self.player.set_path(path)
        self.list.set_path(path, self._command())
        self.movie.set_path(path)
        self._place()

    def _make(self, request: PathRequest) -> None:
        job, latents = self.session.job, self.session.latents
        if job is None or latents is None:
            return
        self.form.say("Making the path …")
        self.session.run_in_worker(
            partial(request.make, job, latents, self._supports),
            partial(self._made, job),
            self._not_made,
            key="job:make path",
        )

    def _made(self, job: Job, made: Made) -> None:
        if job is not self.session.job:
            return
        self.form.say("" if made.way is None else made.way.sentence())
        if made.way is not None:
            self.landscape.take_way(made.way)
        self.show_path(made.path)

    def _not_made(self, error: Exception) -> None:
        self.form.say(f"No path was made. {error}", "warning")

    def _saved(self, path: LatentPath) -> None:
        """What is shown has a name now; maps that are decoded stay."""
        self.path = path
        self.player.rename(path)
        self.list.set_path(path, self._command())
        self.movie.set_path(path)

    def _command(self) -> str:
        job, path = self.session.job, self.path
        return "" if job is None or path is None else path_command(Path(job.folder), path)

    # -- the latent space view ---------------------------------------------------------------------

    def _take_view(self, view: LatentView, moved: bool) -> None:
        """The view shows something else."""
        if moved:
            self.form.lose_view()
        self.landscape.take_view(view)
        self._look_at_half()
        self._mark()
        self._place()

    def _take_landscape(self) -> None:
        """There are other states, or none."""
        found = self.landscape.found
        self.form.states.set_states(0 if found is None else len(found.minima), found is not None)
        self._mark()

    def _path_between(self, first: int, last: int) -> None:
        """Two states were chosen in the table."""
        self.form.choose_kind("states")
        self.form.states.choose(first, last)
        self.form.ask()

    def _look_at_half(self) -> None:
        view = self.space.latent_view
        self.form.set_half_of_view(0 if view is None else view.space.half)

    def _want_tool(self, tool: Any) -> None:
        if tool is None:
            self.picking.give_back()
        elif self.active:
            self.picking.take(tool)
        self._mark()

    def _tool_changed(self, tool: Any) -> None:
        if tool is None:
            self.form.lose_tool()

    def _picked(self, x: float, y: float) -> None:
        view = self.space.latent_view
        if view is None:
            return
        if self.form.kind == "points":
            self.form.by_points.add(x, y)
        elif self.form.kind == "data":
            row = nearest_row(view, (x, y), self.form.half)
            if row is not None:
                self.form.particles.take(row)

    def _cursor_moved(self, place: CursorPlace) -> None:
        """Here the cursor takes the nearest step of the path; it stands for no place of its own."""
        if self.active and place.view == FIRST and self._places is not None:
            to_pixels = self._canvas.overlay.transform.to_pixels
            at, steps = (to_pixels(xy) for xy in (np.array([place.xy]), self._places))
            self.player.go_to(int(np.linalg.norm(steps - at, axis=1).argmin()))

    def _marks(self) -> list[Mark]:
        """Picked points by number, or the two particles as A and B; until there are some, and for
        other kinds of paths, states by number."""
        view = self.space.latent_view
        picked: list[Mark] = []
        if view is None:
            return picked
        if self.form.kind == "points":
            numbered = enumerate(self.form.by_points.points, start=1)
            picked = [Mark(xy, str(number), _PICKED) for number, xy in numbered]
        elif self.form.kind == "data":
            ends = zip("AB", map(view.place_of, self.form.particles.given), strict=False)
            picked = [Mark(xy, letter, _PICKED) for letter, xy in ends if xy is not None]
        return picked or self.landscape.marks

    def _mark(self) -> None:
        self.picking.movable = self.form.by_points.points if self.form.kind == "points" else []
        if self.active:
            self._canvas.set_marks(self._marks())

    def _place(self) -> None:
        """Find where the path lies in the view that is shown, and draw it."""
        view, path = self.space.latent_view, self.path
        if not self.active or view is None or path is None:
            self._places = None
            self._draw_path()
            return

        def done(xy: np.ndarray | None) -> None:
            if path is self.path and view is self.space.latent_view and self.active:
                self._places = xy
                self._draw_path()

        self.session.run_in_worker(lambda: place_on_view(path, view), done, key="job:place path")

    def _draw_path(self) -> None:
        if not self.active or self._places is None or self.path is None:
            self._canvas.set_path(None, None, None)
        else:
            self._canvas.set_path(self._places, self.path.support, float(self.player.step))


def nearest_row(view: LatentView, xy: tuple[float, float], half: int) -> int | None:
    """The particle of a half that lies nearest to a place of the view; 0: of any."""
    mine = np.flatnonzero(view.row_half == half)
    if not len(mine):
        return None
    away = np.square((view.xy[mine] - np.asarray(xy)) * [1.0, view.stretch]).sum(axis=1)
    return int(view.rows[mine[int(away.argmin())]])
