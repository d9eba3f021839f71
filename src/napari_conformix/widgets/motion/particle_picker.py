"""Pick a particle: by its number, or from a list with what is known of its motion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QModelIndex, QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QFormLayout, QSpinBox, QVBoxLayout, QWidget

from napari_conformix.widgets.parts import RIGHT, Column, Table, combo, fill, hint

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.training.latent_table import LatentTable

#: the lists that are always there; others are named after saved selections
HELD_OUT: Final = "held out"
SELECTED: Final = "selected"


class _Known:
    """What the columns say of particles, by row of the file."""

    def __init__(self) -> None:
        self.latents: LatentTable | None = None
        self.motions: MotionTable | None = None

    def set(self, latents: LatentTable | None, motions: MotionTable | None) -> None:
        """More is known, or something of another job. Motions of other latents are not taken."""
        self.latents, self.motions = latents, motions
        if motions is not None and latents is not None and len(motions) != len(latents.mean):
            self.motions = None

    def columns(self) -> list[Column]:
        """Numbers that can be sorted by."""
        return [
            Column(
                "Particle",
                lambda row: str(int(row)),
                "Row of the particle in its file, counted from 0",
                alignment=RIGHT,
                sort_key=lambda rows: rows,
                stretch=True,
            ),
            self._column(
                "Half",
                "The half set that it belongs to",
                self._halves,
                lambda half: str(int(half)) if half else "–",
            ),
            self._motion("Motion Å", "RMS displacement from the consensus", "rms_displacement"),
            self._motion(
                "Error Å",
                "RMS difference of the halves' models; an estimate for particles that were not "
                "held out",
                "estimated_error",
            ),
            self._motion(
                "Ratio", "Motion over error: below 1 do not believe the motion", "estimated_ratio"
            ),
        ]

    def _motion(self, title: str, tip: str, name: str) -> Column:
        """A column of the table of motions."""

        def values(rows: np.ndarray) -> np.ndarray:
            table = self.motions
            return np.full(len(rows), np.nan) if table is None else getattr(table, name)[rows]

        return self._column(title, tip, values, lambda v: f"{v:.1f}" if np.isfinite(v) else "–")

    def _column(
        self,
        title: str,
        tip: str,
        values: Callable[[np.ndarray], np.ndarray],
        words: Callable[[Any], str],
    ) -> Column:
        def text(row: Any) -> str:
            return words(values(np.array([row]))[0])

        return Column(title, text, tip, alignment=RIGHT, sort_key=values, stretch=True)

    def _halves(self, rows: np.ndarray) -> np.ndarray:
        return np.zeros(len(rows)) if self.latents is None else self.latents.half[rows]


class ParticlePicker(QWidget):
    """A number field and a list. `picked(row)` when the user chooses, not the program."""

    picked = Signal(int)
    #: a list of the box is wanted: `HELD_OUT`, `SELECTED` or the name of a saved selection
    list_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.number = QSpinBox()
        self.number.setToolTip("Row of the particle in its file, counted from 0")
        self.number.setKeyboardTracking(False)
        self.list_box = combo()
        self._known = _Known()
        self.table = Table(self._known.columns())
        self.model = self.table.content
        self.table.verticalHeader().setDefaultSectionSize(20)
        self.table.setFixedHeight(132)
        self.table.setSortingEnabled(True)
        self.table.horizontalHeader().setSortIndicator(2, Qt.SortOrder.DescendingOrder)
        # The sign of the order stands in the middle of a title.
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.setToolTip("Click a row to see that particle, a title to sort by it")
        self.note = hint("Or click in the latent space view, or on a point of the plot below.")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Particle", self.number)
        form.addRow("List", self.list_box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.table)
        layout.addWidget(self.note)
        self.set_names([])
        self.number.valueChanged.connect(self.picked)
        # Return asks for the number that stands there too, which is no change of value.
        self.number.lineEdit().returnPressed.connect(self._number_entered)
        self.list_box.currentIndexChanged.connect(
            lambda *_: self.list_chosen.emit(self.list_box.currentData())
        )
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)

    @property
    def chosen_list(self) -> str:
        """Which list is shown."""
        return self.list_box.currentData()

    def set_names(self, names: list[str]) -> None:
        """The saved selections that can be listed."""
        own = [("held-out particles", HELD_OUT), ("selected in the latent space view", SELECTED)]
        saved = [(f"saved selection '{name}'", f"saved {name}") for name in names]
        fill(self.list_box, [*own, *saved])

    def set_total(self, count: int) -> None:
        """Particles of the file."""
        with QSignalBlocker(self.number):
            self.number.setRange(0, max(count - 1, 0))
            self.number.setSuffix(f"   (0 to {max(count - 1, 0):,})")

    def set_list(
        self, rows: np.ndarray, latents: LatentTable | None, motions: MotionTable | None
    ) -> None:
        """The particles of the chosen list."""
        with QSignalBlocker(self.table.selectionModel()):
            self._known.set(latents, motions)
            self.model.set_rows(np.asarray(rows, dtype=np.int64))
        self._point_at(self.number.value())
        empty = len(rows) == 0 and self.chosen_list == SELECTED
        self.note.setText(
            "Nothing is selected: draw around particles in the latent space view with the Lasso."
            if empty
            else "Or click in the latent space view, or on a point of the plot below."
        )

    def set_current(self, row: int) -> None:
        """Show which particle is picked, without a signal."""
        with QSignalBlocker(self.number):
            self.number.setValue(row)
        self._point_at(row)

    def _point_at(self, row: int) -> None:
        places = np.flatnonzero(self.model.rows == row)
        with QSignalBlocker(self.table.selectionModel()):
            if len(places):
                self.table.choose_row(int(places[0]))
                self.table.scrollTo(self.model.index(int(places[0]), 0))
            else:
                self.table.choose_row(None)
        self.table.viewport().update()

    def _number_entered(self) -> None:
        self.number.interpretText()
        self.picked.emit(self.number.value())

    def _row_chosen(self, index: QModelIndex) -> None:
        if index.isValid():
            row = int(self.model.rows[index.row()])
            with QSignalBlocker(self.number):
                self.number.setValue(row)
            self.picked.emit(row)
