"""A long list to choose from: under headings, and searched by typing a part of a name."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from qtpy.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer
from qtpy.QtGui import QStandardItemModel, QWheelEvent
from qtpy.QtWidgets import QComboBox, QWidget
from superqt import QSearchableComboBox

#: the opened list is at least so wide, in pixels
_WIDE: Final = 340
_SHOWN_AT_ONCE: Final = 24


class Entry(NamedTuple):
    """One thing to choose: what stands in the list, what it is to the program, what it means."""

    text: str
    data: Any
    tip: str = ""


class ColumnBox(QSearchableComboBox):
    """Leaves the wheel to the page; text that is nothing in the list gives way to the choice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setMaxVisibleItems(_SHOWN_AT_ONCE)
        self.view().setMinimumWidth(_WIDE)
        self.completer_object.popup().setMinimumWidth(_WIDE)
        self.completer_object.setMaxVisibleItems(_SHOWN_AT_ONCE)
        self.lineEdit().editingFinished.connect(self._typed)
        self.lineEdit().installEventFilter(self)
        self.currentIndexChanged.connect(self._explain)

    def set_groups(self, groups: list[tuple[str, list[Entry]]], default: Any = None) -> None:
        """Headings and what is below them ('' for no heading); the choice stays if it is still
        there, else it is `default`, else the first. Without a signal."""
        chosen = self.currentData()
        with QSignalBlocker(self):
            self.clear()
            for heading, entries in groups:
                if heading and entries:
                    self._add_heading(heading)
                for entry in entries:
                    self.addItem(entry.text, entry.data)
                    if entry.tip:
                        self.setItemData(self.count() - 1, entry.tip, Qt.ItemDataRole.ToolTipRole)
            places = [self.findData(data) for data in (chosen, default) if data is not None]
            place = next((place for place in places if place >= 0), -1)
            if place < 0:
                place = next((i for i in range(self.count()) if self._choosable(i)), -1)
            self.setCurrentIndex(place)
        self._explain()

    def texts(self) -> list[str]:
        """What can be chosen, as it stands in the list."""
        return [self.itemText(i) for i in range(self.count()) if self._choosable(i)]

    def _add_heading(self, text: str) -> None:
        self.addItem(text)
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        item = model.item(self.count() - 1)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        font = item.font()
        font.setBold(True)
        item.setFont(font)

    def _choosable(self, index: int) -> bool:
        return self.itemData(index) is not None

    def _explain(self) -> None:
        tip = self.itemData(self.currentIndex(), Qt.ItemDataRole.ToolTipRole) or ""
        self.setToolTip("\n".join(filter(None, (tip, "Type a part of a name to search."))))

    def _typed(self) -> None:
        """The first entry whose name has what was typed; without one the choice stays."""
        text = self.lineEdit().text().strip().casefold()
        if text != self.itemText(self.currentIndex()).casefold():
            names = {
                i: self.itemText(i).casefold() for i in range(self.count()) if self._choosable(i)
            }
            exact = [i for i, name in names.items() if name == text]
            parts = [i for i, name in names.items() if text and text in name]
            found = (*exact, *parts)
            if found:
                self.setCurrentIndex(found[0])
        self.setEditText(self.itemText(self.currentIndex()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """What is typed after a click replaces the name."""
        if event.type() == QEvent.Type.FocusIn:
            QTimer.singleShot(0, self.lineEdit().selectAll)
        return super().eventFilter(watched, event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """For the page."""
        event.ignore()
