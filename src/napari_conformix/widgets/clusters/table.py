"""The clusters of a set, one a row: how many particles, of which halves, and what is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from qtpy.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_conformix.widgets.colours import cluster_colour

NUMBER, PARTICLES, HALF_1, HALF_2, RESOLUTION, ENTROPY, MAINLY = range(7)
_HEADS: Final = (
    ("", "Number of the cluster, in order of size, and its colour everywhere in the window"),
    ("Particles", "Particles of the cluster, and their share of all that were clustered"),
    ("Half 1", "Particles of half set 1"),
    ("Half 2", "Particles of half set 2"),
    (
        "Own map (Å)",
        "Resolution of what its particles reconstruct to by themselves: half maps, FSC 0.143, "
        "corrected for the mask",
    ),
    (
        "Entropy",
        "How mixed the known labels are in the cluster: 0 when all its particles have one label "
        "(base 10, as published)",
    ),
    ("Mainly", "The most frequent known label in the cluster, and its share of the particles"),
)
_MOST_ROWS_SHOWN: Final = 8


@dataclass(frozen=True)
class Row:
    """What the table says of a cluster; '' where nothing is known."""

    particles: int
    share: float
    halves: tuple[int, int] | None = None
    entropy: float | None = None
    mainly: str = ""
    tip: str = ""


class ClusterTable(QTableWidget):
    """Rows are chosen by click, arrow keys, and with Ctrl several; the last one is current."""

    #: other clusters are chosen: the current one (or None), and all, both from 0
    chosen = Signal(object, object)

    def __init__(self) -> None:
        super().__init__(0, len(_HEADS))
        self.setHorizontalHeaderLabels([title for title, _ in _HEADS])
        for column, (_, tip) in enumerate(_HEADS):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.itemSelectionChanged.connect(self._tell)

    # -- what is shown ----------------------------------------------------------------------------

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Other clusters; none of them is chosen."""
        with QSignalBlocker(self):
            self.setRowCount(len(rows))
            for cluster, row in enumerate(rows):
                self._fill(cluster, row)
            self.clearSelection()
            self.setCurrentCell(-1, -1)
        self.setColumnHidden(HALF_1, not any(row.halves for row in rows))
        self.setColumnHidden(HALF_2, not any(row.halves for row in rows))
        self.setColumnHidden(ENTROPY, all(row.entropy is None for row in rows))
        self.setColumnHidden(MAINLY, not any(row.mainly for row in rows))
        self._fit_height()

    def set_resolution(self, cluster: int, text: str, tip: str = "") -> None:
        """'12.3', or how far its reconstruction is."""
        item = self.item(cluster, RESOLUTION)
        item.setText(text)
        item.setToolTip(tip)

    def _fill(self, cluster: int, row: Row) -> None:
        halves = ("", "") if row.halves is None else tuple(f"{count:,}" for count in row.halves)
        texts = (
            str(cluster + 1),
            f"{row.particles:,} ({100 * row.share:.1f} %)",
            *halves,
            "–",
            "" if row.entropy is None else f"{row.entropy:.2f}",
            row.mainly,
        )
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            if PARTICLES <= column <= HALF_2:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            elif column in (RESOLUTION, ENTROPY):
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            item.setToolTip(row.tip)
            self.setItem(cluster, column, item)
        self.item(cluster, NUMBER).setIcon(_swatch(cluster))
        self.item(cluster, RESOLUTION).setToolTip("Not reconstructed yet: press Reconstruct below")

    # -- choosing ---------------------------------------------------------------------------------

    @property
    def current(self) -> int | None:
        """The cluster that was chosen last and still is."""
        rows = self.rows
        return self.currentRow() if self.currentRow() in rows else min(rows, default=None)

    @property
    def rows(self) -> frozenset[int]:
        """All that are chosen."""
        return frozenset(index.row() for index in self.selectedIndexes())

    def choose(self, cluster: int, *, add: bool = False) -> None:
        """Choose a cluster alone, or one more, or one less if it was chosen already."""
        flags = QItemSelectionModel.SelectionFlag
        how = (flags.Toggle if add else flags.ClearAndSelect) | flags.Rows
        self.selectionModel().setCurrentIndex(self.model().index(cluster, 0), how)

    def restore(self, current: int | None, rows: Iterable[int]) -> None:
        """Choose as before, after the rows were filled anew."""
        with QSignalBlocker(self):
            for cluster in sorted(rows, key=lambda cluster: cluster == current):
                if cluster < self.rowCount():
                    self.choose(cluster, add=True)
        self._tell()

    def _tell(self) -> None:
        self.chosen.emit(self.current, self.rows)

    def _fit_height(self) -> None:
        rows = min(max(self.rowCount(), 1), _MOST_ROWS_SHOWN)
        height = self.horizontalHeader().sizeHint().height() + 4
        height += rows * (self.rowHeight(0) if self.rowCount() else 24)
        height += self.horizontalScrollBar().sizeHint().height()  # of names wider than the page
        self.setFixedHeight(height)


def _swatch(cluster: int) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor.fromRgbF(*cluster_colour(cluster)))
    return QIcon(pixmap)
