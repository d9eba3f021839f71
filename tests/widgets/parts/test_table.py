"""A table of declared columns: what it shows, sorts and lets choose."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QAbstractItemModelTester

from napari_conformix.widgets.parts import RIGHT, Column, Table

FRUIT = [("pear", 3.0), ("fig", float("nan")), ("apple", 1.0), ("plum", 2.0)]
COLUMNS = (
    Column("Name", lambda row: row[0], "What it is", tip=lambda row: f"a {row[0]}", stretch=True),
    Column(
        "Weight",
        lambda row: f"{row[1]:.1f}",
        alignment=RIGHT,
        colour=lambda row: "#ff0000" if row[1] > 2 else "#00ff00",
        swatch=lambda row: "#0000ff",
        sort_key=lambda rows: np.array([row[1] for row in rows]),
    ),
)


@pytest.fixture
def table(qtbot) -> Table:
    made = Table(COLUMNS, several=True)
    qtbot.addWidget(made)
    made.content.set_rows(FRUIT)
    return made


def names(table: Table) -> list[str]:
    return [table.text(row, 0) for row in range(table.content.rowCount())]


def test_cells_are_what_the_columns_declare(table: Table) -> None:
    QAbstractItemModelTester(table.content)
    roles = Qt.ItemDataRole
    cell, weight = table.content.index(0, 0), table.content.index(0, 1)
    assert (table.text(0, 0), table.text(0, 1)) == ("pear", "3.0")
    assert cell.data(roles.ToolTipRole) == "a pear"
    assert weight.data(roles.ToolTipRole) is None
    assert weight.data(roles.TextAlignmentRole) == RIGHT
    assert weight.data(roles.ForegroundRole).color().name() == "#ff0000"
    pixels = weight.data(roles.DecorationRole).pixmap(12, 12).toImage()
    assert pixels.pixelColor(6, 6).name() == "#0000ff"
    head = table.content.headerData
    assert head(0, Qt.Orientation.Horizontal, roles.DisplayRole) == "Name"
    assert head(0, Qt.Orientation.Horizontal, roles.ToolTipRole) == "What it is"


def test_rows_are_sorted_with_what_has_no_value_last_and_stay_so(table: Table) -> None:
    table.content.sort(1, Qt.SortOrder.DescendingOrder)
    assert names(table) == ["pear", "plum", "apple", "fig"]
    table.content.sort(0)  # no key is declared
    assert names(table) == ["pear", "plum", "apple", "fig"]
    table.content.set_rows([*FRUIT, ("melon", 9.0)])
    assert names(table)[:2] == ["melon", "pear"]


def test_an_array_of_rows_stays_an_array(qtbot) -> None:
    column = Column("Number", lambda row: str(int(row)), sort_key=lambda rows: -rows)
    table = Table([column])
    qtbot.addWidget(table)
    table.content.set_rows(np.array([4, 7, 5]))
    table.content.sort(0)
    assert table.content.rows.tolist() == [7, 5, 4]
    assert table.text(0, 0) == "7"


def test_choosing_is_reported_and_other_rows_are_not_chosen(table: Table) -> None:
    told: list[list[int]] = []
    table.chosen_changed.connect(lambda: told.append(table.chosen_rows))
    table.choose_row(2)
    table.add_row(0)
    assert told == [[2], [0, 2]]
    table.choose_row(None)
    assert table.chosen_rows == []
    table.choose_row(1)
    table.content.set_rows(FRUIT[:2])
    assert table.chosen_rows == []


def test_a_row_that_changes_stays_chosen(table: Table) -> None:
    table.choose_row(1)
    table.content.set_row(1, ("date", 0.5))
    assert table.text(1, 0) == "date"
    assert table.chosen_rows == [1]


def test_the_height_is_that_of_the_rows_within_bounds(table: Table) -> None:
    each = table.rowHeight(0)
    table.fit_height(10)
    four = table.height()
    table.fit_height(2)
    assert four - table.height() == 2 * each
    table.content.set_rows([])
    table.fit_height(2)
    assert table.height() > 0
