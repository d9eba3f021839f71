"""How the particles of a latent space view are coloured: the list, the legend with its range, and
what is said of the particle under the mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QObject, Qt, Signal

from napari_conformix.analysis.spaces import views
from napari_conformix.widgets.colours import (
    CLUSTERS,
    CURRENT,
    OTHERS,
    Choice,
    Known,
    Painters,
    colouring,
    motion,
)
from napari_conformix.widgets.latent_view import mode_of
from napari_conformix.widgets.parts import ColumnBox, Entry
from napari_conformix.widgets.spaces.motion_store import MotionStore
from napari_conformix.widgets.spaces.particle_words import ParticleWords

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.colours import Colouring, Parts
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Session
    from napari_conformix.widgets.spaces.panel import LatentViewPanel

_COMPUTING: Final = "Motions of all particles are being computed"


class ViewColours(QObject):
    """The colours of one view. `changed()` asks for the view to be painted again."""

    changed = Signal()
    #: name of the column, lowest and highest value, (N,) bool of the particles in between
    range_asked = Signal(str, float, float, object)
    #: (N,) bool of a category's particles, how they were found, and what becomes of the selection
    category_asked = Signal(object, dict, object)

    def __init__(
        self, session: Session, scene: Scene | None, panel: LatentViewPanel, which: str = ""
    ) -> None:
        super().__init__()
        self._session, self._scene, self._panel = session, scene, panel
        self._key = f"job:{which}recolour"
        self._names_key = f"job:{which}colour names"
        self.motions = MotionStore.of(session)
        self.words = ParticleWords(session, f"job:{which}particle words")
        self._parts: tuple[int, Parts] | None = None
        self._offered: dict[str, Painters] = {}
        self._names: tuple[list[str], list[str]] = ([], [])
        self._choices: dict[str, Choice] = {}
        self._selected: np.ndarray | None = None
        self._limits: dict[str, tuple[float, float]] = {}
        self._grey = False
        self._made: tuple[str, Colouring] | None = None
        self.box = ColumnBox()
        self.box.currentIndexChanged.connect(self.changed)
        self.motions.table_changed.connect(self._take_motions)
        panel.canvas.describe = self._describe
        legend = panel.legend
        legend.range_changed.connect(self._range_changed)
        legend.range_reset.connect(self._range_reset)
        legend.outside_changed.connect(self._outside_changed)
        legend.select_asked.connect(self._ask_range)
        legend.category_clicked.connect(self._ask_category)

    @property
    def chosen(self) -> str:
        """The name of what is chosen; '' for none."""
        return self.box.currentData() or ""

    @property
    def made(self) -> Colouring | None:
        """The colours that are shown."""
        return self._made[1] if self._made is not None else None

    def forget(self) -> None:
        """Nothing of the job before is shown."""
        self._parts = self._made = self._selected = None
        self._names = ([], [])
        self._limits.clear()
        self.words.forget()
        if self._scene is not None:
            self._scene.show_parts(None)
        self._panel.legend.set_legend(colouring.Legend(""))

    # -- the list ---------------------------------------------------------------------------------

    def fill(self) -> None:
        """Everything that particles can be coloured by."""
        latents = self._session.latents
        if latents is None:
            return
        by_motion = self._by_motion() if views.in_angstrom(latents) else ()
        known = Known(
            latents,
            self._session.particles,
            self._session.job,
            *self._names,
            offered=self._offered,
            by_motion=by_motion,
            selected=lambda: self._selected,
        )
        groups = known.groups()
        self._choices = {choice.name: choice for _, choices in groups for choice in choices}
        self.box.set_groups(
            [
                (heading, [Entry(choice.name, choice.name, choice.meaning) for choice in choices])
                for heading, choices in groups
            ]
        )

    def find_names(self) -> None:
        """Look, in a worker, which clusters and saved selections the job has now."""
        job = self._session.job
        if job is None or self._session.latents is None:
            return

        def show(names: tuple[list[str], list[str]]) -> None:
            if job is not self._session.job or self._session.latents is None:
                return
            if names != self._names:
                self._names, chosen = names, self.chosen
                self.words.find_clusters(names[0])
                self.fill()
                if self.chosen != chosen:  # it is not there any more
                    self.changed.emit()

        self._session.run_in_worker(
            lambda: (job.cluster_sets(), job.selections()), show, key=self._names_key
        )

    def offer(self, source: str, painters: Painters) -> None:
        """More to colour by, in place of what the same source offered before."""
        chosen = self.chosen
        self._offered[source] = painters
        self.fill()
        if self.chosen != chosen or chosen in painters:
            self.changed.emit()
        self.find_names()

    def set_selection(self, mask: np.ndarray) -> None:
        """(N,) bool what is selected now."""
        self._selected = mask
        if self.chosen == CURRENT:
            self.changed.emit()

    def _by_motion(self) -> tuple[str, ...]:
        """Names of the colours by motion; places of it only where a scene can show them."""
        return tuple(
            name
            for name, colour in motion.BY_MOTION.items()
            if self._scene is not None or not colour.needs_parts
        )

    # -- painting ---------------------------------------------------------------------------------

    def painter(self, latents: LatentTable) -> Callable[[LatentView], tuple[str, Colouring]]:
        """A function that colours a view as chosen, for a worker; it gives the name too."""
        name, count = self.chosen, len(latents.mean)
        choice = self._choices.get(name)
        if choice is None:
            return lambda view: (name, colouring.one_colour(count))
        paint = choice.paint or self._motion_painter(name, count)
        limits, grey = self._limits.get(name), self._grey

        def painted(view: LatentView) -> tuple[str, Colouring]:
            made = paint(view)
            if made.legend.histogram is not None and (limits or grey):
                low, high = limits or (made.legend.low, made.legend.high)
                made = made.limited(low, high, grey_outside=grey)
            return name, made

        return painted

    def show(self, made: tuple[str, Colouring]) -> None:
        """These colours are drawn: show what they mean."""
        self._made = made
        name, colours = made
        self._panel.legend.set_legend(colours.legend, clickable=colours.labels is not None)
        if colours.legend.histogram is not None:
            self._count(colours)
        self._show_parts(name)

    def _count(self, colours: Colouring) -> None:
        bar = self._panel.legend.bar
        inside = colours.between(bar.low, bar.high)
        self._panel.legend.set_count(int(np.count_nonzero(inside)))

    # -- range and categories ---------------------------------------------------------------------

    def _range_changed(self, low: float, high: float) -> None:
        if self._made is None:
            return
        self._limits[self._made[0]] = (low, high)
        self._recolour()

    def _range_reset(self) -> None:
        """As the program chose; the painter knows it."""
        if self._made is not None:
            self._limits.pop(self._made[0], None)
            self.changed.emit()

    def _outside_changed(self, grey: bool) -> None:
        self._grey = grey
        self._recolour()

    def _recolour(self) -> None:
        """The same values in other colours: a table look-up, in a worker."""
        if self._made is None or self._made[1].legend.histogram is None:
            return
        (name, made), bar, grey = self._made, self._panel.legend.bar, self._grey
        low, high = bar.low, bar.high
        self._count(made)

        def show(colours: Colouring) -> None:
            if self._made is not None and self._made[1].values is made.values:
                self._made = name, colours
                self._panel.canvas.set_colours(colours.rgba)

        self._session.run_in_worker(
            lambda: made.limited(low, high, grey_outside=grey), show, key=self._key
        )

    def _ask_range(self) -> None:
        if self._made is not None:
            name, made = self._made
            bar = self._panel.legend.bar
            self.range_asked.emit(name, bar.low, bar.high, made.between(bar.low, bar.high))

    def _ask_category(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        if self._made is not None:
            name, made = self._made
            label = made.legend.categories[place].label
            mode = mode_of(modifiers, self._panel.canvas.overlay.mode)
            self.category_asked.emit(made.of_category(place), category_step(name, label), mode)

    # -- motions of the particles -----------------------------------------------------------------

    def _motion_painter(self, name: str, count: int) -> Callable[[LatentView], Colouring]:
        """All grey until the motions of all particles are computed."""
        self.motions.want_table()
        table, colour = self.motions.table, motion.BY_MOTION[name]
        if table is None or len(table) != count:
            waiting = colouring.one_colour(count, _COMPUTING)
            return lambda view: waiting
        if not colour.needs_parts:
            return lambda view: colour.paint(table)
        job, known = self._session.job, self._parts

        def by_place(view: LatentView) -> Colouring:
            parts = known if known is not None and known[0] == table.epoch else None
            if parts is None:
                positions = job.method().consensus_positions(job.method().halves[0])
                parts = table.epoch, motion.find_parts(positions)
            self._parts = parts
            return colour.paint(table, parts[1])

        return by_place

    def _show_parts(self, name: str) -> None:
        """The parts of the molecule in the scene, while particles are coloured by them."""
        if self._scene is None:
            return
        colour = motion.BY_MOTION.get(name)
        by_part = colour is not None and colour.needs_parts
        if not by_part or None in (self._parts, self.motions.table):
            self._scene.show_parts(None)
        else:
            parts = self._parts[1]
            self._scene.show_parts(parts.positions, parts.colours)

    def _take_motions(self, table: MotionTable | None) -> None:
        if table is not None and self.chosen in motion.BY_MOTION:
            self.changed.emit()

    # -- the particle under the mouse -------------------------------------------------------------

    def _describe(self, row: int) -> str:
        return self.words.of(row, self._made)


def category_step(name: str, label: str) -> dict[str, Any]:
    """How the particles of a category are named in a selection's record."""
    if name.startswith(CLUSTERS):
        return {"kind": "cluster", "set": name.removeprefix(CLUSTERS), "numbers": [int(label)]}
    if label == OTHERS:
        return {"kind": f"other values of {name}"}
    try:
        number = float(label)
    except ValueError:
        return {"kind": "category", "column": name, "value": label}
    return {"kind": "range", "column": name, "low": number, "high": number}
