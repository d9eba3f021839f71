"""Which latent space view is shown, of which particles, in which colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel

from napari_conformix.analysis.spaces import COLUMNS, NEEDS_MOTIONS, LatentView, Space, views
from napari_conformix.widgets.colours import Painters
from napari_conformix.widgets.parts import ColumnBox, Fold, combo, fill, form_of, hint, sentence
from napari_conformix.widgets.spaces.axes import axis_groups, column_groups, columns_of
from napari_conformix.widgets.spaces.colours import ViewColours
from napari_conformix.widgets.spaces.umap_control import UmapControl
from napari_conformix.widgets.spaces.umap_store import UmapStore

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.colours import Colouring
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Session
    from napari_conformix.widgets.spaces.panel import LatentViewPanel

__all__ = ["Painters", "ViewGroup"]

_SHOW: Final = (
    ("all particles", "all"),
    ("half 1 only", "half 1"),
    ("half 2 only", "half 2"),
    ("held out (validation)", "validation"),
)
#: a view, the name of what colours it, and the colours
Made = tuple[LatentView, "tuple[str, Colouring]"]


class ViewGroup(QGroupBox):
    """Choices of the latent space view; views and colours are made in a worker, then drawn.

    `shown(view, moved)` says what is drawn now, and whether it has other axes than before. With a
    scene, parts of the molecule can be shown there in the colours of the view. Two views of one
    session are distinguished by `which`; UMAPs are made where there is none before it.
    """

    shown = Signal(object, bool)
    #: the earlier epoch that is looked back at, None for the result so far
    looked_back = Signal(object)
    #: of the legend: the name of a column, lowest and highest value, (N,) bool of the particles
    range_asked = Signal(str, float, float, object)
    #: of the legend: (N,) bool of a category's particles, how they were found, a `Mode`
    category_asked = Signal(object, dict, object)

    def __init__(
        self,
        session: Session,
        scene: Scene | None,
        panel: LatentViewPanel,
        title: str = "Latent space view",
        which: str = "",
    ) -> None:
        super().__init__(title)
        self._session, self._panel, self._key = session, panel, f"job:{which}map"
        self.colours = ViewColours(session, scene, panel, which)
        self.colour_box = self.colours.box
        self.umaps = UmapStore.of(session)
        self.umap = None if which else UmapControl(session)
        self.latent_view: LatentView | None = None
        self._past: views.Past | None = None
        self._spaces: dict[str, Space] = {}
        self._columns: list[str] = []
        self._build()
        self.space_box.currentIndexChanged.connect(self._choose_space)
        for box in (self.x_box, self.y_box, self.show_box):
            box.currentIndexChanged.connect(self.refresh)
        self.colours.changed.connect(self.refresh)
        self.colours.range_asked.connect(self.range_asked)
        self.colours.category_asked.connect(self.category_asked)
        self.colours.motions.said.connect(self._say_progress)
        self.colours.motions.table_changed.connect(self._take_motions)
        self.umaps.changed.connect(self._umaps_changed)
        session.particles_opened.connect(self._take_particles)
        if self.umap is not None:
            self.umap.finished.connect(self.show_space)

    def _build(self) -> None:
        self.space_box, self.x_box, self.y_box = combo(), ColumnBox(), ColumnBox()
        self.show_box = combo()
        for text, show in _SHOW:
            self.show_box.addItem(text, show)
        self.explanation = sentence()
        self.progress = hint()
        self.progress.hide()
        axes = QHBoxLayout()
        axes.addWidget(self.x_box, stretch=1)
        axes.addWidget(QLabel("×"))
        axes.addWidget(self.y_box, stretch=1)
        form = form_of(self)
        form.addRow("Show", self.space_box)
        form.addRow("Axes", axes)
        form.addRow("Particles", self.show_box)
        form.addRow("Colour by", self.colour_box)
        form.addRow(self.progress)
        form.addRow(self.explanation)
        if self.umap is not None:
            form.addRow(Fold("UMAP", self.umap))

    def forget(self) -> None:
        """Nothing of the job before is shown."""
        if self.umap is not None:
            self.umap.stop()
        self.latent_view = self._past = None
        self._spaces.clear()
        self._columns = []
        self.colours.forget()
        self._panel.canvas.clear()

    def take_latents(self, latents: LatentTable) -> None:
        """Draw new latents, as chosen."""
        self._fill_spaces(latents)
        halves = views.halves(latents)
        both = len([half for half in halves if half > 0]) > 1
        fill(self.show_box, [e for e in _SHOW if not e[1].startswith("half") or both])
        self.fill_colours()
        if self.umap is not None:
            self.umap.take_latents(latents)
        self.refresh()
        self.colours.find_names()

    @property
    def past(self) -> views.Past | None:
        """The earlier epoch that the view looks back at; None: the job's result so far."""
        return self._past

    def show_past(self, past: views.Past | None) -> None:
        """Look back at an earlier epoch; None: at the job's result so far."""
        if past is not self._past:
            self._past = past
            self.refresh()
            self.looked_back.emit(past)

    def show_space(self, key: str) -> None:
        """Choose a space by its key, for example of a UMAP."""
        place = self.space_box.findData(key)
        if place >= 0 and place != self.space_box.currentIndex():
            self.space_box.setCurrentIndex(place)
        else:
            self.refresh()  # the same UMAP, made again

    def showEvent(self, event: QShowEvent) -> None:
        """Clusters and selections may have been made on other pages meanwhile."""
        super().showEvent(event)
        self.colours.find_names()

    # -- choices ----------------------------------------------------------------------------------

    def _fill_spaces(self, latents: LatentTable) -> None:
        umaps = [(space.title, key) for key, space in self.umaps.spaces.items()]
        spaces = [(title, key) for key, title in views.available(latents)]
        fill(self.space_box, [*spaces, *umaps, ("Any two columns", COLUMNS)])
        self._fill_axes()

    def _fill_axes(self) -> None:
        """Axes of the chosen space, the first two if it has others than the space before."""
        latents, key = self._session.latents, self.space_box.currentData()
        if latents is None or key is None:
            return
        if key == COLUMNS:
            groups = column_groups(latents, self._session.particles, self._motions)
            x, y = self._columns or (groups[0][1][0].data, groups[-1][1][0].data)
        else:
            groups, (x, y) = axis_groups(key, latents, self.umaps.spaces), (0, 1)
            if [entry.text for entry in groups[0][1]] == self.x_box.texts():
                return
            y = min(y, len(groups[0][1]) - 1)
        self.x_box.set_groups(groups, x)
        self.y_box.set_groups(groups, y)

    def fill_colours(self) -> None:
        """Everything that particles can be coloured by, and columns that can be axes."""
        self.colours.fill()
        if self.space_box.currentData() == COLUMNS:
            self._fill_axes()

    def offer_colours(self, source: str, painters: Painters) -> None:
        """More to colour by, in place of what the same source offered before.

        A painter gives the colours of all rows of the file; it is called in a worker.
        """
        self.colours.offer(source, painters)

    def set_selection(self, mask: np.ndarray) -> None:
        """(N,) bool what is selected now, which can be coloured by."""
        self.colours.set_selection(mask)

    def _choose_space(self) -> None:
        self._fill_axes()
        self.refresh()

    def _take_particles(self, particles: ParticleSet) -> None:
        self.colours.words.take_particles(particles)

    def _umaps_changed(self) -> None:
        """There are others; one that is shown and deleted gives way to the first view."""
        latents = self._session.latents
        if latents is None:
            return
        before = self.space_box.currentData()
        self._fill_spaces(latents)
        if self.latent_view is not None and self.space_box.currentData() != before:
            self.refresh()

    # -- view --------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Make and show the chosen view, in a worker."""
        latents, key = self._session.latents, self.space_box.currentData()
        x, y = self.x_box.currentData(), self.y_box.currentData()
        if latents is None or key is None or x is None or y is None:
            return
        space_of, shown = self._space_maker(key, latents, x, y), self.latent_view
        axes = (0, 1) if key == COLUMNS else (x, y)
        show, paint, past = self.show_box.currentData(), self.colours.painter(latents), self._past

        def make() -> Made:
            space = space_of()
            if past is not None:
                then = views.at_epoch(space, past.latents)
                view = views.view(then, axes, show, past.latents, past)
                return view, paint(view)
            view = shown
            if view is None or view.space is not space or (view.axes, view.show) != (axes, show):
                view = views.view(space, axes, show, latents)
            return view, paint(view)

        self._session.run_in_worker(make, self._show, key=self._key)

    def _space_maker(
        self, key: str, latents: LatentTable, x: int | str, y: int | str
    ) -> Callable[[], Space]:
        """What gives the space of a key, in a worker; the one before where it is still good."""
        previous = self._spaces.get(key)
        if key in self.umaps.spaces:
            umap = self.umaps.spaces[key]
            return lambda: umap
        same = previous is not None and previous.epoch == latents.epoch
        if key == COLUMNS:
            self._columns = [x, y]
            if same and previous.axes == (x, y):
                return lambda: previous
            if any(name in NEEDS_MOTIONS for name in (x, y)):
                self.colours.motions.want_table()
            return columns_of(x, y, latents, self._session.particles, self._motions)
        return lambda: previous if same else views.build(key, latents, previous)

    def _motions(self) -> MotionTable | None:
        """The motions of all particles, once they are computed."""
        return self.colours.motions.table

    def _take_motions(self, table: MotionTable | None) -> None:
        axes = (self.x_box.currentData(), self.y_box.currentData())
        if table is not None and any(name in NEEDS_MOTIONS for name in axes):
            self.refresh()

    def _show(self, made: Made) -> None:
        view, colours = made
        before, self.latent_view = self.latent_view, view
        moved = before is None or _axes_of(before) != _axes_of(view)
        if view.past is None:
            self._spaces[view.space.key] = view.space
        if moved:
            self._panel.canvas.cursor.lift(self._panel.canvas.name)
        self._panel.canvas.set_view(view, colours[1].rgba)
        self.colours.show(colours)
        self.explanation.setText(view.space.explanation)
        if view.past is None and self.umap is not None:  # a UMAP is made of the result's latents
            self.umap.set_space(view.space)
        self._say_what_is_shown(view)
        self.shown.emit(view, moved)

    def _say_what_is_shown(self, view: LatentView) -> None:
        """What the lasso can and cannot take in this view."""
        note = ""
        if view.show != "all":
            what = "held-out particles" if view.show == "validation" else view.show
            note = f"This view shows {what} only: the lasso takes no others."
        elif view.space.half:
            note = f"This view shows half {view.space.half} only: the lasso takes no others."
        elif len(view.rows) < len(self._session.latents.mean):
            count = len(self._session.latents.mean) - len(view.rows)
            note = f"{count:,} particles have no place in this view: the lasso takes no others."
        self._panel.bar.set_note(note)

    def _say_progress(self, text: str) -> None:
        self.progress.setText(text)
        self.progress.setVisible(bool(text))


def _axes_of(view: LatentView) -> tuple[str, tuple[int, int], tuple[str, ...]]:
    """What a place of the view stands for."""
    return view.space.key, view.axes, view.space.axes
