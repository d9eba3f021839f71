"""The landscape of the latent space view: states, barriers, and what may be read from them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
)

from napari_conformix.analysis.landscape import BLURRED, DISAGREE
from napari_conformix.analysis.selections import view_steps
from napari_conformix.export.formats import FIGURE_FILES
from napari_conformix.jobs.landscape import write_figure
from napari_conformix.widgets.landscape.picture import (
    EnergyBar,
    ground,
    lines,
    top_of,
)
from napari_conformix.widgets.landscape.state_table import StateTable
from napari_conformix.widgets.latent_view import Mark
from napari_conformix.widgets.parts import Fold, hint, sentence, signed

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape import EnergyPath, Landscape
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.widgets.latent_space import LatentSpace
    from napari_conformix.widgets.session import Session

_KEY: Final = "job:landscape"
_STATE: Final = (1.0, 1.0, 1.0)
_UMAP: Final = (
    "A UMAP makes particles about equally crowded: heights here mean nothing as energies. Take the "
    "motion view or principal components."
)
_BLURRED: Final = (
    "Particles are placed so uncertainly that states look wider, and barriers lower, than they are."
)
_CAUTION: Final = (
    "Of the particles that were picked and kept, in this view: not an equilibrium of the molecule."
)


@dataclass(frozen=True)
class Drawn:
    """A landscape of a latent space view, with its pictures."""

    found: Landscape
    view: LatentView
    ground: np.ndarray
    lines: list[Any]

    @classmethod
    def of(cls, view: LatentView, found: Landscape) -> Drawn:
        """For a worker."""
        return cls(found, view, ground(found), lines(found))


class LandscapeGroup(QGroupBox):
    """Shows the view that is on the Explore page as energy, while its page is in front."""

    #: another landscape, or none
    changed = Signal()
    #: a path between two states, by number from 1
    path_asked = Signal(int, int)

    def __init__(self, session: Session, space: LatentSpace) -> None:
        super().__init__("Landscape")
        self._session, self._space, self._canvas = session, space, space.canvas
        self.drawn: Drawn | None = None
        #: the path of least energy that was made last, which the figure shows, too
        self.way: EnergyPath | None = None
        self.active = False
        self._build()
        self._lay_out()
        self.show_button.toggled.connect(self._toggled)
        self.table.states_chosen.connect(self._enable)
        self.path_button.clicked.connect(lambda: self.path_asked.emit(*self.table.chosen))
        self.select_button.clicked.connect(self.select_particles)
        self.save_button.clicked.connect(self._ask_save)
        self._say_nothing()

    def _build(self) -> None:
        self.show_button = QPushButton("Show as energy")
        self.show_button.setCheckable(True)
        self.show_button.setToolTip(
            "How densely particles lie in the view that is shown, as energy: -ln of the density"
        )
        self.where = hint()
        self.bar = EnergyBar()
        self.finding, self.caution = sentence(), sentence()
        self.said = hint()
        self.meaning = sentence()
        self.meaning_fold = Fold("What it means, and what not", self.meaning)
        self.table = StateTable()
        self.path_button = QPushButton("Path of least energy")
        self.path_button.setToolTip("Choose two states in the table (Ctrl-click the second)")
        self.select_button = QPushButton("Select particles")
        self.select_button.setToolTip("Select the particles of the chosen states")
        self.save_button = QPushButton("Save figure…")
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(90)
        self.fold = Fold("Show command line", self.command)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.path_button, self.select_button, self.save_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        for widget in (self.show_button, self.where, self.bar, self.finding, self.caution,
                       self.table):  # fmt: skip
            layout.addWidget(widget)
        layout.addLayout(buttons)
        for widget in (self.said, self.meaning_fold, self.fold):
            layout.addWidget(widget)

    # -- what is shown ----------------------------------------------------------------------------

    @property
    def found(self) -> Landscape | None:
        """The landscape that is shown."""
        return None if self.drawn is None else self.drawn.found

    @property
    def marks(self) -> list[Mark]:
        """The states by number."""
        if self.drawn is None:
            return []
        return [Mark(state.xy, str(state.number), _STATE) for state in self.drawn.found.minima]

    def set_active(self, active: bool) -> None:
        """Whether the page is in front: only then is the landscape in the view."""
        self.active = active
        self._draw()
        if active and self.show_button.isChecked():
            self._look_again()

    def forget(self) -> None:
        """Another job."""
        self.show_button.setChecked(False)
        self._say("")

    def take_view(self, view: LatentView) -> None:
        """The view shows something else: its landscape is another."""
        self._say_where()
        if self.active and self.show_button.isChecked():
            self._look_again()

    def _look_again(self) -> None:
        """Make the landscape of what the view shows, unless it is the one that is here."""
        view, job, latents = self._space.latent_view, self._session.job, self._session.latents
        if view is None or job is None or latents is None:
            return
        if view.past is not None:
            self._say("It is of the result; the view looks back at an earlier epoch now.")
            self._draw()
            return
        if self.drawn is not None and self.drawn.view is view:
            self._draw()
            return
        self._say("Making the landscape …")

        def make() -> Drawn:
            from napari_conformix.jobs.landscape import of_view

            return Drawn.of(view, of_view(job, view, latents))

        self._session.run_in_worker(make, self._take, self._failed, key=_KEY)

    def _toggled(self, on: bool) -> None:
        if on:
            self._look_again()
            return
        self._session.workers.drop(_KEY)
        self.drawn = self.way = None
        self._say_nothing()
        self._draw()
        self.changed.emit()

    def _take(self, drawn: Drawn) -> None:
        if drawn.view is not self._space.latent_view or not self.show_button.isChecked():
            return
        self.drawn, self.way = drawn, None
        found = drawn.found
        self._say("")
        self.bar.set_top(top_of(found), found.unit)
        text = found.sentences()
        self.finding.setText(text[0])
        self.caution.setText("<br>".join(short_cautions(found)))
        self.meaning.setText("\n\n".join(text[1:]))
        self.table.set_states(found.minima, found.unit)
        self.command.setPlainText(self._command())
        self._show_all(True)
        self._draw()
        self.changed.emit()

    def _failed(self, error: Exception) -> None:
        self.show_button.setChecked(False)
        self._say(f"There is no landscape. {error}")

    def _draw(self) -> None:
        """In the view, or away from it."""
        drawn = self.drawn
        if drawn is None or not self.active or drawn.view is not self._space.latent_view:
            self._canvas.set_backdrop(None)
            self._canvas.set_contours(None)
            return
        self._canvas.set_backdrop(drawn.ground, drawn.found.extent)
        self._canvas.set_contours(drawn.lines)

    # -- what is said -----------------------------------------------------------------------------

    def _say_nothing(self) -> None:
        self._show_all(False)
        self.table.set_states((), "kT")
        self._say_where()

    def _show_all(self, shown: bool) -> None:
        buttons = self.path_button, self.select_button, self.save_button
        words = self.finding, self.caution, self.meaning_fold, self.fold
        for widget in (self.bar, self.table, *buttons, *words):
            widget.setVisible(shown)
        self.where.setVisible(not shown)
        self._enable()

    def _say_where(self) -> None:
        view = self._space.latent_view
        title = "the latent space view" if view is None else f"“{view.space.title}”"
        self.where.setText(
            f"Of the view that is shown: {title}. Choose another on the Explore page."
        )

    def take_way(self, way: EnergyPath) -> None:
        """A path of least energy was made: say how high it leads, and draw it in the figure."""
        self.way = way
        self._say(way.sentence())

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def _enable(self) -> None:
        chosen = self.table.chosen
        self.path_button.setEnabled(len(chosen) == 2)
        self.select_button.setEnabled(bool(chosen))

    def _command(self) -> str:
        """The command lines for the figure, and for the path between the chosen states."""
        job, drawn = self._session.job, self.drawn
        if job is None or drawn is None:
            return ""
        return landscape_command(Path(job.folder), drawn.view)

    # -- doing ------------------------------------------------------------------------------------

    def select_particles(self) -> None:
        """Select the particles of the chosen states."""
        drawn, numbers = self.drawn, self.table.chosen
        if drawn is None or not numbers:
            return
        view = drawn.view
        how = {"kind": "state", "numbers": sorted(numbers), **view_steps.where(view)}

        def select(rows: np.ndarray) -> None:
            self._space.selections.select(rows, "replace", **how)
            self._say(f"Selected {len(rows):,} particles of {_states(numbers)}.")

        self._session.run_in_worker(
            lambda: view.rows[np.isin(drawn.found.state_of(view.xy), numbers)],
            select,
            key="job:particles of states",
        )

    def save_figure(self, file: Path) -> None:
        """Write the figure in a format of `FIGURE_FILES`, in a worker."""
        drawn, way = self.drawn, self.way
        if drawn is None:
            return
        self._session.run_in_worker(
            lambda: write_figure(drawn.found, file, way),
            lambda written: self._say(f"Saved {written}"),
            lambda error: self._say(f"Not saved: {error}"),
        )

    def _ask_save(self) -> None:
        kinds, job = FIGURE_FILES, self._session.job
        begin = str(Path(job.folder if job is not None else "") / kinds.usual.example)
        chosen, kind = QFileDialog.getSaveFileName(self, "Save figure", begin, kinds.filters)
        if chosen:
            self.save_figure(kinds.complete(Path(chosen), kind))


def short_cautions(found: Landscape) -> list[str]:
    """What must be seen next to the picture, a line each; the fold has all of it at length."""
    text = [signed("warning", found.doubt)] if found.doubt else []
    if found.key.startswith("umap"):
        return [*text, signed("warning", _UMAP)]
    text.append(signed("note", _CAUTION))
    halves = found.halves
    if halves is not None and halves.observed >= DISAGREE * halves.expected:
        text.append(
            signed(
                "warning",
                f"The two halves differ by {halves.observed:.2f} kT where counting alone makes "
                f"{halves.expected:.2f}: their models do not place particles alike.",
            )
        )
    if found.blur is not None and found.blur >= BLURRED:
        text.append(signed("warning", _BLURRED))
    return text


def landscape_command(folder: Path, view: LatentView) -> str:
    """`conformix landscape` for a view."""
    from napari_conformix.analysis.paths import axes_of

    axes = ",".join(a if isinstance(a, str) else str(a + 1) for a in axes_of(view))
    words = ["conformix", "landscape", str(folder), "--view", view.space.key, "--axes", axes]
    return shlex.join([*words, "-o", FIGURE_FILES.usual.example])


def _states(numbers: list[int]) -> str:
    """'state 2', 'states 1 and 3'."""
    if len(numbers) == 1:
        return f"state {numbers[0]}"
    first = ", ".join(map(str, sorted(numbers)[:-1]))
    return f"states {first} and {max(numbers)}"
