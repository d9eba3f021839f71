"""The states of a landscape as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape import Minimum

_ROWS_SHOWN: Final = 6


class StateTable(QTableWidget):
    """One row a state, the deepest first; up to two can be chosen, in the order of the clicks."""

    chosen_changed = Signal()

    def __init__(self) -> None:
        super().__init__(0, 4)
        self._order: list[int] = []
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.itemSelectionChanged.connect(self._changed)
        self.set_states((), "kT")

    def set_states(self, states: tuple[Minimum, ...], unit: str) -> None:
        """Show the states of another landscape."""
        self._order = []
        self.setHorizontalHeaderLabels(
            ["State", f"Energy ({unit})", "Particles", f"Way out ({unit})"]
        )
        self.setRowCount(len(states))
        for row, state in enumerate(states):
            texts = (str(state.number), energy_of(state), share_of(state), barrier_of(state))
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(state.sentence())
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.setItem(row, column, item)
        high = self.horizontalHeader().sizeHint().height() + 4
        high += min(max(len(states), 1), _ROWS_SHOWN) * self.verticalHeader().defaultSectionSize()
        self.setFixedHeight(high)
        self.clearSelection()

    @property
    def chosen(self) -> list[int]:
        """Numbers of the chosen states, from 1, in the order in which they were clicked."""
        return [row + 1 for row in self._order]

    def choose(self, *numbers: int) -> None:
        """Choose states by number."""
        self.clearSelection()
        for number in numbers:
            for column in range(self.columnCount()):
                self.item(number - 1, column).setSelected(True)

    def _changed(self) -> None:
        now = {index.row() for index in self.selectionModel().selectedRows()}
        self._order = [row for row in self._order if row in now]
        self._order += sorted(now.difference(self._order))
        self.chosen_changed.emit()


def energy_of(state: Minimum) -> str:
    """'0.42 ± 0.05'; the deepest is 0 by definition."""
    return "0" if state.number == 1 else f"{state.energy:.2f} ± {state.error:.2f}"


def share_of(state: Minimum) -> str:
    """'31 % (1,550)'."""
    return f"{100 * state.share:.0f} % ({state.count:,})"


def barrier_of(state: Minimum) -> str:
    """'1.2 ± 0.1 to 2', or '> 3.0' where too few particles are on the way."""
    if np.isnan(state.barrier):
        return "–"
    if state.at_least:
        return f"> {state.barrier:.1f}"
    return f"{state.barrier:.2f} ± {state.barrier_error:.2f} to {state.barrier_to}"
