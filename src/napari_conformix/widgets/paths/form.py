"""Make a path: how, with how many steps, in which half."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_conformix.analysis.spaces import views
from napari_conformix.widgets.parts import combo, fill, form_of, sentence, signed
from napari_conformix.widgets.paths.kinds import (
    KINDS,
    AxisForm,
    ClustersForm,
    DrawForm,
    KindForm,
    ParticlesForm,
    PointsForm,
    StatesForm,
)

if TYPE_CHECKING:
    from napari_conformix.training.latent_table import LatentTable

_STEPS: Final = (2, 200, 24)
_AXES_OFFERED: Final = 6
#: kinds that lead over places of the view that is shown
_ON_VIEW: Final = ("points", "drawn", "states")


class PathForm(QGroupBox):
    """Asks for a path with `asked`: what :meth:`request` returns.

    Points and lines drawn in the view make their path as soon as they can; the others at a press of
    the button.
    """

    asked = Signal(object)
    marks_changed = Signal()
    tool_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__("Make a path")
        self.axis, self.by_points, self.by_hand = AxisForm(), PointsForm(), DrawForm()
        self.particles, self.clusters, self.states = ParticlesForm(), ClustersForm(), StatesForm()
        forms: tuple[KindForm, ...] = (
            self.axis, self.by_points, self.by_hand, self.particles, self.clusters, self.states
        )  # fmt: skip
        self.forms: dict[str, KindForm] = {
            kind: form for (kind, _), form in zip(KINDS, forms, strict=True)
        }
        self.kind_box, self.half_box = combo(), combo()
        fill(self.kind_box, [(text, kind) for kind, text in KINDS])
        self.steps = QSpinBox()
        self.steps.setRange(*_STEPS[:2])
        self.steps.setValue(_STEPS[2])
        self.steps.setToolTip("Maps that are decoded along the path")
        self.make = QPushButton("Make path")
        self.said = sentence()
        self._lay_out()
        for form in forms:
            form.complete.connect(self.ask)
            form.marks_changed.connect(self.marks_changed)
            form.tool_asked.connect(self.tool_asked)
        self.kind_box.currentIndexChanged.connect(lambda *_: self._show_kind())
        self.half_box.currentIndexChanged.connect(lambda *_: self._fill_axes())
        self.make.clicked.connect(self.ask)
        self._table: LatentTable | None = None
        self._half_of_view = 0
        self._show_kind()
        self.say("")

    def _lay_out(self) -> None:
        kinds = QWidget()
        column = QVBoxLayout(kinds)
        column.setContentsMargins(0, 0, 0, 0)
        for kind_form in self.forms.values():
            column.addWidget(kind_form)
        form = form_of(self)
        form.addRow("Path", self.kind_box)
        form.addRow(kinds)
        form.addRow("Steps", self.steps)
        form.addRow("Half", self.half_box)
        form.addRow(self.make)
        form.addRow(self.said)
        self.half_label = form.labelForField(self.half_box)

    # -- what there is ----------------------------------------------------------------------------

    def take_latents(self, latents: LatentTable) -> None:
        """Halves and axes of new latents; what was chosen stays chosen."""
        self._table = latents
        halves = [half for half in views.halves(latents) if half]
        fill(self.half_box, [(f"half {half}", half) for half in halves])
        for widget in (self.half_box, self.half_label):
            widget.setVisible(len(halves) > 1)
        self.particles.set_count(len(latents.mean))
        self._fill_axes()

    def forget(self) -> None:
        """Another job: nothing picked before means anything."""
        self.say("")
        self.lose_view()
        self.particles.set_count(0)
        self.clusters.set_names([])
        self.states.set_states(0)

    def lose_view(self) -> None:
        """The view has other axes."""
        for form in self.forms.values():
            form.lose_view()

    def lose_tool(self) -> None:
        """The mouse of the view is no longer the form's."""
        for form in self.forms.values():
            form.lose_tool()

    def set_half_of_view(self, half: int) -> None:
        """The half that the view shows alone, and paths in it are of; 0: both or one model."""
        self._half_of_view = half
        bound = bool(half) and self.kind in _ON_VIEW
        if bound:
            self.half_box.setCurrentIndex(self.half_box.findData(half))
        self.half_box.setEnabled(not bound)

    def _fill_axes(self) -> None:
        latents = self._table
        if latents is None:
            return
        axes: list[tuple[str, Any]] = []
        if latents.motion is not None and views.has_motion(latents):
            count = min(latents.motion.shape[1], _AXES_OFFERED)
            axes += [(f"Motion {i}", ("motion", i)) for i in range(1, count + 1)]
        count = min(latents.mean.shape[1], _AXES_OFFERED)
        of = f" of half {self.half}" if self.half else ""
        axes += [(f"PC {i}{of}", ("component", i)) for i in range(1, count + 1)]
        self.axis.set_axes(axes)

    # -- what is wanted ---------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """Which of :data:`kinds.KINDS`."""
        return str(self.kind_box.currentData())

    @property
    def form(self) -> KindForm:
        """The rows of the kind that is chosen."""
        return self.forms[self.kind]

    @property
    def half(self) -> int:
        """The half whose latents the path leads through; 0 for a method with one model."""
        return int(self.half_box.currentData() or 0)

    def choose_kind(self, kind: str) -> None:
        """Show the rows of a kind."""
        self.kind_box.setCurrentIndex(self.kind_box.findData(kind))

    def request(self) -> dict[str, Any] | None:
        """What is asked for; None while something is missing."""
        choice = self.form.choice
        if choice is None:
            return None
        return {**choice, "count": self.steps.value()}

    def ask(self) -> None:
        """Make the path, or say what is missing."""
        request = self.request()
        if request is None:
            self.say(self.form.missing, "warning")
        else:
            self.asked.emit(request)

    def say(self, text: str, severity: str = "") -> None:
        """What came of it."""
        self.said.setText(signed(severity, text) if severity else text)
        self.said.setVisible(bool(text))

    def _show_kind(self) -> None:
        for kind, form in self.forms.items():
            form.setVisible(kind == self.kind)
            if kind != self.kind:
                form.lose_tool()
        self.say("")
        self.set_half_of_view(self._half_of_view)
        self.marks_changed.emit()
