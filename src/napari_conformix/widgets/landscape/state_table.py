"""The states of a landscape as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import Signal

from napari_conformix.widgets.parts import CENTRE, Column, Table

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape import Minimum

_MOST_ROWS_SHOWN: Final = 6


class StateTable(Table):
    """One row a state, the deepest first; up to two can be chosen, in the order of the clicks."""

    #: :attr:`chosen` is other
    states_chosen = Signal()

    def __init__(self) -> None:
        self._order: list[int] = []
        super().__init__(_columns("kT"), several=True)
        self.chosen_changed.connect(self._changed)
        self.set_states((), "kT")

    def set_states(self, states: tuple[Minimum, ...], unit: str) -> None:
        """Show the states of another landscape."""
        before, self._order = self._order, []
        self.content.set_rows(states, _columns(unit))
        self.fit_height(_MOST_ROWS_SHOWN)
        if before:
            self.states_chosen.emit()

    @property
    def chosen(self) -> list[int]:
        """Numbers of the chosen states, from 1, in the order in which they were clicked."""
        return [row + 1 for row in self._order]

    def choose(self, *numbers: int) -> None:
        """Choose states by number."""
        self.clearSelection()
        for number in numbers:
            self.add_row(number - 1)

    def _changed(self) -> None:
        now = set(self.chosen_rows)
        self._order = [row for row in self._order if row in now]
        self._order += sorted(now.difference(self._order))
        self.states_chosen.emit()


def _columns(unit: str) -> list[Column]:
    """Of energies in that unit."""
    declared = (
        ("State", lambda state: str(state.number)),
        (f"Energy ({unit})", energy_of),
        ("Particles", share_of),
        (f"Way out ({unit})", barrier_of),
    )
    return [
        Column(
            title,
            text,
            tip=lambda state: state.sentence(),
            alignment=CENTRE,
            stretch=title != "State",
        )
        for title, text in declared
    ]


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
