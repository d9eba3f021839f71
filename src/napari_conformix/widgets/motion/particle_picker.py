"""Pick a particle: by its number, or from a list with what is known of its motion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFormLayout,
    QHeaderView,
    QSpinBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.widgets.parts import combo, fill, hint

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.training.latent_table import LatentTable

#: the lists that are always there; others are named after saved selections
HELD_OUT: Final = "held out"
SELECTED: Final = "selected"
_COLUMNS: Final = ("Particle", "Half", "Motion Å", "Error Å", "Ratio")
_TIPS: Final = (
    "Row of the particle in its file, counted from 0",
    "The half set that it belongs to",
    "RMS displacement from the consensus",
    "RMS difference of the halves' models; an estimate for particles that were not held out",
    "Motion over error: below 1 do not believe the motion",
)


class ParticleModel(QAbstractTableModel):
    """Particles by row of the file, sorted by any column."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = np.zeros(0, dtype=np.int64)
        self._latents: LatentTable | None = None
        self._motions: MotionTable | None = None
        self._order: tuple[int, Any] | None = None

    def set_content(
        self, rows: np.ndarray, latents: LatentTable | None, motions: MotionTable | None
    ) -> None:
        """Other particles, or more known of them; the order stays as the user chose it."""
        self.beginResetModel()
        self.rows, self._latents, self._motions = np.asarray(rows, dtype=np.int64), latents, motions
        if motions is not None and latents is not None and len(motions) != len(latents.mean):
            self._motions = None
        if self._order is not None:
            self._sort(*self._order)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return len(_COLUMNS)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section]
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        value = self._values(index.column(), self.rows[index.row() : index.row() + 1])[0]
        if index.column() < 2:
            return str(int(value)) if value else "0" if index.column() == 0 else "–"
        return f"{value:.1f}" if np.isfinite(value) else "–"

    def sort(self, column: int, order: Any = Qt.SortOrder.AscendingOrder) -> None:
        self._order = column, order
        self.layoutAboutToBeChanged.emit()
        self._sort(column, order)
        self.layoutChanged.emit()

    def _sort(self, column: int, order: Any) -> None:
        """What has no value comes last."""
        values = self._values(column, self.rows).astype(float)
        if order == Qt.SortOrder.DescendingOrder:
            values = -values
        self.rows = self.rows[np.argsort(values, kind="stable")]

    def _values(self, column: int, rows: np.ndarray) -> np.ndarray:
        if column == 0:
            return rows
        if column == 1:
            return np.zeros(len(rows)) if self._latents is None else self._latents.half[rows]
        table = self._motions
        if table is None:
            return np.full(len(rows), np.nan)
        names = ("rms_displacement", "estimated_error", "estimated_ratio")
        return getattr(table, names[column - 2])[rows]


class ParticlePicker(QWidget):
    """A number field and a list. `picked(row)` when the user chooses, not when told."""

    picked = Signal(int)
    #: a list of the box is wanted: `HELD_OUT`, `SELECTED` or the name of a saved selection
    list_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.number = QSpinBox()
        self.number.setToolTip("Row of the particle in its file, counted from 0")
        self.number.setKeyboardTracking(False)
        self.list_box = combo()
        self.model = ParticleModel()
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(20)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setFixedHeight(132)
        self.table.setSortingEnabled(True)
        self.table.horizontalHeader().setSortIndicator(2, Qt.SortOrder.DescendingOrder)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        # The sign of the order stands in the middle of a title.
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.setToolTip("Click a row to see that particle, a title to sort by it")
        self.note = hint("Or click in the latent map, or on a point of the plot below.")
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
        own = [("held-out particles", HELD_OUT), ("selected on the latent map", SELECTED)]
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
            self.model.set_content(rows, latents, motions)
        self._point_at(self.number.value())
        empty = len(rows) == 0 and self.chosen_list == SELECTED
        self.note.setText(
            "Nothing is selected: draw around particles in the latent map with the Lasso."
            if empty
            else "Or click in the latent map, or on a point of the plot below."
        )

    def set_current(self, row: int) -> None:
        """Show which particle is picked; tells nobody."""
        with QSignalBlocker(self.number):
            self.number.setValue(row)
        self._point_at(row)

    def _point_at(self, row: int) -> None:
        places = np.flatnonzero(self.model.rows == row)
        with QSignalBlocker(self.table.selectionModel()):
            if len(places):
                self.table.selectRow(int(places[0]))
                self.table.scrollTo(self.model.index(int(places[0]), 0))
            else:
                self.table.clearSelection()
                self.table.setCurrentIndex(QModelIndex())
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
