"""Tables of rows. What a column shows is declared; how a table is filled, sorted and clicked is
here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

CENTRE: Final = Qt.AlignmentFlag.AlignCenter
RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_SWATCH_PIXELS: Final = 12


@dataclass(frozen=True)
class Column:
    """What a column says of a row, and of itself.

    title, title_tip  of its head
    text        of a row's cell
    tip         shown when the mouse rests on the cell
    alignment   of the words; to the left without
    colour      '#rrggbb' of the words
    swatch      '#rrggbb' of a small square before the words
    sort_key    (n,) numbers of n rows to sort by, NaN last; None: the column is not sorted by
    stretch     whether it takes the room that others leave; else it is as wide as its words
    """

    title: str
    text: Callable[[Any], str]
    title_tip: str = ""
    tip: Callable[[Any], str] | None = None
    alignment: Qt.AlignmentFlag | None = None
    colour: Callable[[Any], str] | None = None
    swatch: Callable[[Any], str] | None = None
    sort_key: Callable[[Any], np.ndarray] | None = None
    stretch: bool = False


class TableModel(QAbstractTableModel):
    """Rows of any kind, which only the columns look into: a list, or an array of row numbers where
    there may be a million. A cell is asked for when it is drawn."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.rows: Any = []
        self._order: tuple[int, Qt.SortOrder] | None = None

    def set_rows(self, rows: Any, columns: Sequence[Column] | None = None) -> None:
        """Other rows, in the order that the user chose last; none of them is chosen. Other columns
        where they are given."""
        self.beginResetModel()
        self.rows = rows if isinstance(rows, np.ndarray) else list(rows)
        if columns is not None:
            self.columns = tuple(columns)
        if self._order is not None:
            self._sort(*self._order)
        self.endResetModel()

    def set_row(self, place: int, row: Any) -> None:
        """Something else is known of a row."""
        self.rows[place] = row
        last = self.index(place, len(self.columns) - 1)
        self.dataChanged.emit(self.index(place, 0), last)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.columns[section].title_tip
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        column, row = self.columns[index.column()], self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.ToolTipRole and column.tip is not None:
            return column.tip(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.alignment
        if role == Qt.ItemDataRole.ForegroundRole and column.colour is not None:
            return QBrush(QColor(column.colour(row)))
        if role == Qt.ItemDataRole.DecorationRole and column.swatch is not None:
            return _swatch(column.swatch(row))
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if not 0 <= column < len(self.columns) or self.columns[column].sort_key is None:
            return
        self._order = column, order
        self.layoutAboutToBeChanged.emit()
        self._sort(column, order)
        self.layoutChanged.emit()

    def _sort(self, column: int, order: Qt.SortOrder) -> None:
        """What has no value comes last."""
        values = np.asarray(self.columns[column].sort_key(self.rows)).astype(float)
        if order == Qt.SortOrder.DescendingOrder:
            values = -values
        places = np.argsort(values, kind="stable")
        if isinstance(self.rows, np.ndarray):
            self.rows = self.rows[places]
        else:
            self.rows = [self.rows[place] for place in places]


class Table(QTableView):
    """Whole rows are chosen: one, or with `several` more by Ctrl and Shift. Nothing is edited."""

    #: other rows are chosen
    chosen_changed = Signal()

    def __init__(self, columns: Sequence[Column], *, several: bool = False) -> None:
        super().__init__()
        self.content = TableModel(columns)
        self.setModel(self.content)
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        modes = QAbstractItemView.SelectionMode
        self.setSelectionMode(modes.ExtendedSelection if several else modes.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        for place, column in enumerate(self.content.columns):
            modes = QHeaderView.ResizeMode
            mode = modes.Stretch if column.stretch else modes.ResizeToContents
            self.horizontalHeader().setSectionResizeMode(place, mode)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())

    def text(self, row: int, column: int) -> str:
        """What stands in a cell."""
        return self.content.index(row, column).data()

    @property
    def chosen_rows(self) -> list[int]:
        """Places of the chosen rows, from the top."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def choose_row(self, place: int | None) -> None:
        """Choose this row alone, or none."""
        if place is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        else:
            self.selectRow(place)

    def add_row(self, place: int) -> None:
        """Choose this row too."""
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(self.content.index(place, 0), flags.Select | flags.Rows)

    def fit_height(self, most_rows: int, *, more: int = 0) -> None:
        """As high as its rows, but at least one and at most so many, and `more` pixels."""
        count = self.content.rowCount()
        each = self.rowHeight(0) if count else self.verticalHeader().defaultSectionSize()
        height = self.horizontalHeader().sizeHint().height() + 4 + more
        self.setFixedHeight(height + min(max(count, 1), most_rows) * each)


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(_SWATCH_PIXELS, _SWATCH_PIXELS)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)
