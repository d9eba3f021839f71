"""The reconstructions of a job: also those of the command line, and those that still run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import Signal

from napari_conformix.errors import UserError
from napari_conformix.widgets.parts import STATE_COLOURS, Column, Table

if TYPE_CHECKING:
    from napari_conformix.jobs import Job

_MOST_ROWS_SHOWN: Final = 5
#: of states that have no colour of their own: something is wrong
_OTHER_COLOUR: Final = "#e05a4e"


@dataclass(frozen=True)
class Entry:
    """A row of the table. `run` is a ReconstructionRun."""

    run: Any
    name: str
    kind: str
    particles: str
    resolution: str
    state: str


def entries_of(job: Job) -> list[Entry]:
    """All reconstructions of a job, the newest first; reads their reports, so in a worker."""
    return [_entry(run) for run in reversed(job.reconstructions())]


def _entry(run: Any) -> Entry:
    state, particles, resolution = run.state, "", ""
    if state == "finished":
        try:
            report = run.report()
            particles = f"{sum(report.particles):,}"
            resolution = _reached(report.curves)
            if report.plain is not None:
                resolution += f" (plain {_reached(report.plain)})"
        except UserError:
            state = "unreadable"
    kind = "deformed" if run.deformed else "plain"
    return Entry(run, run.name, kind, particles, resolution, state)


def _reached(curves: Any) -> str:
    """'8.21', or '<8.00' where the curve does not fall to its threshold up to Nyquist."""
    from napari_conformix.jobs.clusters import in_angstrom

    return in_angstrom(curves.resolution_angstrom, curves.reached)


def _tip(entry: Entry) -> str:
    how = {"deformed": "with the motion undone", "plain": "as if nothing moved"}[entry.kind]
    counted = f", {entry.particles} particles" if entry.particles else ""
    return f"{entry.name}: {how}{counted}\n{entry.run.folder}"


_COLUMNS: Final = (
    Column("Name", lambda entry: entry.name, tip=_tip, stretch=True),
    Column("Map", lambda entry: entry.kind, tip=_tip),
    Column("Resolution (Å)", lambda entry: entry.resolution, tip=_tip),
    Column(
        "State",
        lambda entry: entry.state,
        tip=_tip,
        colour=lambda entry: STATE_COLOURS.get(entry.state, _OTHER_COLOUR),
    ),
)


class ReconstructionList(Table):
    """One row each; the chosen one is what the page is about."""

    #: the :class:`Entry` chosen, or None
    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__(_COLUMNS)
        self.entries: list[Entry] = []
        self.chosen_changed.connect(lambda: self.chosen.emit(self.current))

    @property
    def current(self) -> Entry | None:
        """The chosen row."""
        rows = self.chosen_rows
        return self.entries[rows[0]] if rows else None

    def show_entries(self, entries: Iterable[Entry]) -> None:
        """Fill the table; the choice stays."""
        current, entries = self.current, list(entries)
        if [_texts(e) for e in entries] == [_texts(e) for e in self.entries]:
            return
        self.entries = entries
        self.content.set_rows(entries)
        self.fit_height(_MOST_ROWS_SHOWN)
        if current is not None:
            self.choose(current.name)

    def choose(self, name: str) -> None:
        """Make a row the current one."""
        for row, entry in enumerate(self.entries):
            if entry.name == name:
                self.choose_row(row)
                return


def _texts(entry: Entry) -> list[str]:
    return [column.text(entry) for column in _COLUMNS]
