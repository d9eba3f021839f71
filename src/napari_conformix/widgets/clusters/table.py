"""The clusters of a set, one a row: how many particles, of which halves, and what is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from qtpy.QtCore import QItemSelectionModel, QSignalBlocker, Signal

from napari_conformix.widgets.colours import cluster_colour, hex_of
from napari_conformix.widgets.parts import CENTRE, RIGHT, Column, Table

NUMBER, PARTICLES, HALF_1, HALF_2, RESOLUTION, ENTROPY, MAINLY = range(7)
_MOST_ROWS_SHOWN: Final = 8
_NOT_RECONSTRUCTED: Final = "Not reconstructed yet: press Reconstruct below"


@dataclass(frozen=True)
class Row:
    """What the table says of a cluster; '' where nothing is known."""

    particles: int
    share: float
    halves: tuple[int, int] | None = None
    entropy: float | None = None
    mainly: str = ""
    tip: str = ""


@dataclass(frozen=True)
class _Shown:
    """A row, and how far the reconstruction of its cluster is."""

    cluster: int
    row: Row
    resolution: str = "–"
    tip: str = _NOT_RECONSTRUCTED


def _half(half: int):
    return lambda shown: "" if shown.row.halves is None else f"{shown.row.halves[half]:,}"


def _entropy(shown: _Shown) -> str:
    return "" if shown.row.entropy is None else f"{shown.row.entropy:.2f}"


def _tip(shown: _Shown) -> str:
    return shown.row.tip


#: in the order of the numbers above
_COLUMNS: Final = (
    Column(
        "",
        lambda shown: str(shown.cluster + 1),
        "Number of the cluster, in order of size, and its colour everywhere in the window",
        _tip,
        swatch=lambda shown: hex_of(cluster_colour(shown.cluster)),
    ),
    Column(
        "Particles",
        lambda shown: f"{shown.row.particles:,} ({100 * shown.row.share:.1f} %)",
        "Particles of the cluster, and their share of all that were clustered",
        _tip,
        RIGHT,
    ),
    Column("Half 1", _half(0), "Particles of half set 1", _tip, RIGHT),
    Column("Half 2", _half(1), "Particles of half set 2", _tip, RIGHT),
    Column(
        "Own map (Å)",
        lambda shown: shown.resolution,
        "Resolution of what its particles reconstruct to by themselves: half maps, FSC 0.143, "
        "corrected for the mask",
        lambda shown: shown.tip,
        CENTRE,
    ),
    Column(
        "Entropy",
        _entropy,
        "How mixed the known labels are in the cluster: 0 when all its particles have one label "
        "(base 10, as published)",
        _tip,
        CENTRE,
    ),
    Column(
        "Mainly",
        lambda shown: shown.row.mainly,
        "The most frequent known label in the cluster, and its share of the particles",
        _tip,
    ),
)


class ClusterTable(Table):
    """Rows are chosen by click, arrow keys, and with Ctrl several; the last one is current."""

    #: other clusters are chosen: the current one (or None), and all, both from 0
    chosen = Signal(object, object)

    def __init__(self) -> None:
        super().__init__(_COLUMNS, several=True)
        self.horizontalHeader().setStretchLastSection(True)
        self.chosen_changed.connect(self._say_chosen)

    # -- what is shown ----------------------------------------------------------------------------

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Other clusters; none of them is chosen."""
        self.content.set_rows([_Shown(cluster, row) for cluster, row in enumerate(rows)])
        self.setColumnHidden(HALF_1, not any(row.halves for row in rows))
        self.setColumnHidden(HALF_2, not any(row.halves for row in rows))
        self.setColumnHidden(ENTROPY, all(row.entropy is None for row in rows))
        self.setColumnHidden(MAINLY, not any(row.mainly for row in rows))
        # names may be wider than the page
        self.fit_height(_MOST_ROWS_SHOWN, more=self.horizontalScrollBar().sizeHint().height())

    def set_resolution(self, cluster: int, text: str, tip: str = "") -> None:
        """'12.3', or how far its reconstruction is."""
        shown = self.content.rows[cluster]
        self.content.set_row(cluster, replace(shown, resolution=text, tip=tip))

    # -- choosing ---------------------------------------------------------------------------------

    @property
    def current(self) -> int | None:
        """The cluster that was chosen last and still is."""
        rows, current = self.rows, self.currentIndex().row()
        return current if current in rows else min(rows, default=None)

    @property
    def rows(self) -> frozenset[int]:
        """All that are chosen."""
        return frozenset(self.chosen_rows)

    def choose(self, cluster: int, *, add: bool = False) -> None:
        """Choose a cluster alone, or one more, or one less if it was chosen already."""
        flags = QItemSelectionModel.SelectionFlag
        how = (flags.Toggle if add else flags.ClearAndSelect) | flags.Rows
        self.selectionModel().setCurrentIndex(self.content.index(cluster, 0), how)

    def restore(self, current: int | None, rows: Iterable[int]) -> None:
        """Choose as before, after the rows were filled again."""
        with QSignalBlocker(self):
            for cluster in sorted(rows, key=lambda cluster: cluster == current):
                if cluster < self.content.rowCount():
                    self.choose(cluster, add=True)
        self._say_chosen()

    def _say_chosen(self) -> None:
        self.chosen.emit(self.current, self.rows)
