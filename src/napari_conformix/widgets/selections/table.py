"""Named selections: what is saved in the job folder, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import QPoint, Qt, QTimer, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QColorDialog,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.analysis.selections import describe
from napari_conformix.export.formats import FormatTable, offered_to
from napari_conformix.widgets.parts import LAID_OUT_MS, Column, Table, bring_into_view
from napari_conformix.widgets.selections.counts import saved_text
from napari_conformix.widgets.selections.written import WrittenLine

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.training.latent_table import LatentTable

COLOURS: Final = ("#e69f00", "#56b4e9", "#2fc48d", "#cc79a7", "#f0e442", "#e2703a", "#9a8cff")
#: what loading does with the current selection
_LOADS: Final = (
    ("Replace the current selection", "replace"),
    ("Add to it (either: union)", "add"),
    ("Take out of it (difference)", "remove"),
    ("Keep only what is in both (intersection)", "intersect"),
)
_NO_COLOUR: Final = "#888888"
_SAVE_TIP: Final = "Keep the selected particles under this name in the job folder"
#: napari's style draws tool buttons flat, and has no room for the arrow next to the words
_BUTTON: Final = (
    "QToolButton {{ border: none; border-radius: 3px; padding: 4px {right}px 4px 8px;"
    " background: rgba(128, 136, 148, 90); }}"
    "QToolButton::menu-button {{ width: 16px; border: none; }}"
    "QToolButton:disabled {{ color: #7d848e; background: rgba(128, 136, 148, 40); }}"
    "QToolButton:hover {{ background: rgba(128, 136, 148, 150); }}"
)
#: least and most pixels of the table that are seen at once
_HEIGHTS: Final = (96, 260)


@dataclass(frozen=True)
class _Row:
    """A selection, how many particles it has of which kind, and where it was written to."""

    selection: Selection
    counted: str
    path: Path | None = None

    @property
    def made(self) -> str:
        """How it was made, and below it the file."""
        made = describe(self.selection)
        return made if self.path is None else f"{made}\n→ {self.path}"


_COLUMNS: Final = (
    Column(
        "Name",
        lambda row: row.selection.name,
        tip=lambda row: "Click: choose it. Double-click: make it the current selection.",
        swatch=lambda row: row.selection.colour or _NO_COLOUR,
    ),
    Column(
        "Particles",
        lambda row: row.counted,
        tip=lambda row: f"{len(row.selection):,} of {row.selection.total:,} particles",
    ),
    Column(
        "How it was made",
        lambda row: row.made,
        tip=lambda row: describe(row.selection),
        stretch=True,
    ),
)


class SelectionTable(QWidget):
    """The list and its buttons. It asks with signals and shows what it is given."""

    #: a name under which to save what is selected now
    save_asked = Signal(str)
    #: name, and what is done with the current selection
    load_asked = Signal(str, str)
    delete_asked = Signal(str)
    #: the old name and the new one
    rename_asked = Signal(str, str)
    #: name and '#rrggbb'
    colour_asked = Signal(str, str)
    #: name, and the suffix of the file
    export_asked = Signal(str, str)
    #: name: the user wants to choose the place
    export_elsewhere_asked = Signal(str)
    train_asked = Signal(str)
    replay_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choose_next: str | None = None
        self._selections: dict[str, Selection] = {}
        self._said: dict[str, tuple[str, Path | None]] = {}
        self._trainable = True
        self._can_save = False
        self._build_saving()
        self._build_table()
        self._build_buttons()
        self.written = WrittenLine()
        self._lay_out()
        self.set_formats(offered_to("RELION"))
        self.set_can_save(False)
        self._enable()

    # -- what is shown ----------------------------------------------------------------------------

    def set_selections(
        self, selections: Iterable[Selection], latents: LatentTable | None = None
    ) -> None:
        """Fill the table; the latents give the counts by half and of held-out particles."""
        current, self._choose_next = self._choose_next or self.current, None
        self._selections = {selection.name: selection for selection in selections}
        self.table.content.set_rows(
            [
                _Row(selection, saved_text(selection, latents), self._written(name))
                for name, selection in self._selections.items()
            ]
        )
        self._fit_height()
        only = next(iter(self._selections)) if len(self._selections) == 1 else None
        self.select(current or only)

    def choose_when_listed(self, name: str) -> None:
        """Choose the row of that name once the table is filled the next time."""
        self._choose_next = name

    def select(self, name: str | None) -> None:
        """Make a row the current one, or none."""
        self.table.choose_row(self.names.index(name) if name in self._selections else None)
        self._enable()

    @property
    def current(self) -> str | None:
        """The name in the chosen row."""
        rows = self.table.chosen_rows
        return self.names[rows[0]] if rows else None

    @property
    def names(self) -> list[str]:
        """All names in the order of the rows."""
        return list(self._selections)

    def set_can_save(self, can: bool) -> None:
        """Whether there is anything selected to save."""
        self._can_save = can
        self.save.setEnabled(can)
        self.save.setToolTip(_SAVE_TIP if can else "Select particles with the lasso first")

    def set_formats(self, formats: FormatTable[Any]) -> None:
        """What can be written of these particles, the one of the button first."""
        menu = QMenu(self)
        for one in formats:
            action = menu.addAction(one.entry)
            action.triggered.connect(lambda _=False, chosen=one.suffix: self._ask_export(chosen))
        menu.addSeparator()
        menu.addAction("Choose another place…").triggered.connect(self._ask_elsewhere)
        self.export.setMenu(menu)
        self._suffix = formats.usual.suffix
        self.export.setText(f"Export {self._suffix}")

    def say(self, name: str, text: str, path: Path | None = None) -> None:
        """What became of a selection, for example the file that it was written to."""
        self._said[name] = text, path
        if name in self._selections:
            place = self.names.index(name)
            row = self.table.content.rows[place]
            self.table.content.set_row(place, replace(row, path=path))
        self._fit_height()
        self._enable()
        QTimer.singleShot(LAID_OUT_MS, self._come_into_view)

    def _come_into_view(self) -> None:
        bring_into_view(self)

    def forget(self) -> None:
        """Nothing of the job before."""
        self._said.clear()
        self.set_selections([])

    def sure(self, title: str, question: str) -> bool:
        """Ask; No unless the user says Yes."""
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        return QMessageBox.question(self, title, question, yes | no, no) == yes

    # -- inside -----------------------------------------------------------------------------------

    def _build_saving(self) -> None:
        self.name = QLineEdit()
        self.name.setPlaceholderText("name, for example: open")
        self.save = QPushButton("Save selection")
        self.save.clicked.connect(self._ask_save)
        self.name.returnPressed.connect(self._ask_save)

    def _build_table(self) -> None:
        self.table = Table(_COLUMNS)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setWordWrap(True)
        self.table.horizontalHeader().sectionResized.connect(lambda *_: self._fit_height())
        self.table.chosen_changed.connect(self._enable)
        self.table.doubleClicked.connect(lambda _: self._ask_load("replace"))
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)

    def _build_buttons(self) -> None:
        self.load = _split_button("Show in view", "Make it the current selection (can be undone)")
        self.load.clicked.connect(lambda: self._ask_load("replace"))
        loads = QMenu(self)
        for text, action in _LOADS:
            loads.addAction(text).triggered.connect(
                lambda _=False, chosen=action: self._ask_load(chosen)
            )
        self.load.setMenu(loads)
        self.export = _split_button("Export", "Write its particles into the job folder (subsets/)")
        self.export.clicked.connect(lambda: self._ask_export(self._suffix))
        self.train = QPushButton("Train on it…")
        self.train.setToolTip(
            "Make a new job of these particles, with the method, settings and maps of this one"
        )
        self.train.clicked.connect(lambda: self.current and self.train_asked.emit(self.current))
        self.more = QToolButton()
        self.more.setText("More")
        self.more.setStyleSheet(_BUTTON.format(right=16))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.rename = self.menu.addAction("Rename…")
        self.colour = self.menu.addAction("Colour…")
        self.delete = self.menu.addAction("Delete…")
        self.menu.addSeparator()
        self.replay = self.menu.addAction("Replay a selection of another job…")
        for action, ask in (
            (self.rename, self._ask_rename),
            (self.colour, self._ask_colour),
            (self.delete, self._ask_delete),
            (self.replay, self.replay_asked.emit),
        ):
            action.triggered.connect(lambda _=False, ask=ask: ask())
        self.more.setMenu(self.menu)

    def _lay_out(self) -> None:
        saving, acting = QHBoxLayout(), QHBoxLayout()
        saving.addWidget(self.name, stretch=1)
        saving.addWidget(self.save)
        for button in (self.load, self.export, self.train, self.more):
            acting.addWidget(button)
        acting.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(saving)
        layout.addWidget(self.table)
        layout.addLayout(acting)
        layout.addWidget(self.written)

    def set_trainable(self, trainable: bool) -> None:
        """Whether the method of the job can be trained; latents of another program cannot."""
        self._trainable = trainable
        self._enable()

    def _fit_height(self) -> None:
        """As high as its rows, within bounds."""
        self.table.resizeRowsToContents()
        rows = sum(self.table.rowHeight(row) for row in range(len(self.names)))
        wanted = rows + self.table.horizontalHeader().height() + 4
        self.table.setFixedHeight(min(max(wanted, _HEIGHTS[0]), _HEIGHTS[1]))

    def _written(self, name: str) -> Path | None:
        return self._said.get(name, ("", None))[1]

    def _enable(self) -> None:
        chosen = self.current
        for part in (self.load, self.export, self.train, self.rename, self.colour, self.delete):
            part.setEnabled(chosen is not None)
        self.train.setEnabled(chosen is not None and self._trainable)
        self.written.show_text(*(self._said.get(chosen, ("", None)) if chosen else ("", None)))

    def _show_menu(self, place: QPoint) -> None:
        self.menu.popup(self.table.viewport().mapToGlobal(place))

    def ask_name(self) -> bool:
        """Ask for a name in a window of its own, and to save under it; whether that was agreed."""
        name, agreed = QInputDialog.getText(
            self, "Save the selection", "Name:", text=self.name.text().strip() or self._free_name()
        )
        return agreed and self._save_as(name.strip())

    def _ask_save(self) -> None:
        if self._save_as(self.name.text().strip()):
            self.name.clear()

    def _save_as(self, name: str) -> bool:
        """Ask to save what is selected, unless the name is taken and is not to be replaced."""
        if not self._can_save:
            return False
        name = name or self._free_name()
        question = f"There is a selection '{name}' already. Replace it?"
        if name in self.names and not self.sure("Replace the selection?", question):
            return False
        self.save_asked.emit(name)
        return True

    def _free_name(self) -> str:
        number = 1
        while f"selection {number}" in self.names:
            number += 1
        return f"selection {number}"

    def _ask_load(self, action: str) -> None:
        if self.current is not None:
            self.load_asked.emit(self.current, action)

    def _ask_export(self, ending: str) -> None:
        if self.current is not None:
            self.export_asked.emit(self.current, ending)

    def _ask_elsewhere(self) -> None:
        if self.current is not None:
            self.export_elsewhere_asked.emit(self.current)

    def _ask_rename(self) -> None:
        name = self.current
        if name is None:
            return
        new, agreed = QInputDialog.getText(self, "Rename the selection", "New name:", text=name)
        new = new.strip()
        if not agreed or not new or new == name:
            return
        question = f"There is a selection '{new}' already. Replace it?"
        if new not in self.names or self.sure("Replace the selection?", question):
            self.rename_asked.emit(name, new)

    def _ask_colour(self) -> None:
        name = self.current
        if name is None:
            return
        before = QColor(self._selections[name].colour or _NO_COLOUR)
        chosen = QColorDialog.getColor(before, self, f"Colour of '{name}'")
        if chosen.isValid():
            self.colour_asked.emit(name, chosen.name())

    def _ask_delete(self) -> None:
        name = self.current
        if name is not None and self.sure(
            "Delete the selection?",
            f"Delete the selection '{name}' from the job folder? Files that were exported stay.",
        ):
            self.delete_asked.emit(name)


def _split_button(text: str, tip: str) -> QToolButton:
    """A button with a menu next to it."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
    button.setStyleSheet(_BUTTON.format(right=22))
    return button
