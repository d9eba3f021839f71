"""Forms of the pages: lists that keep their choice, and rows that do not widen the panel."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QComboBox, QDockWidget, QFormLayout, QGroupBox, QWidget

from napari_conformix.widgets.parts.settings_form import ChoiceBox

Entries = list[tuple[str, Any]]


def combo() -> QComboBox:
    """A list that does not widen the panel, and leaves the wheel to the page."""
    box = ChoiceBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    return box


def fill(box: QComboBox, entries: Entries, default: int = 0) -> None:
    """Set the entries of a list and keep the choice if it is still there, without a signal."""
    chosen = box.currentData()
    with QSignalBlocker(box):
        box.clear()
        for text, data in entries:
            box.addItem(text, data)
        place = box.findData(chosen) if chosen is not None else -1
        box.setCurrentIndex(place if place >= 0 else min(default, len(entries) - 1))


def form_of(group: QGroupBox) -> QFormLayout:
    """The rows of a group: a name, and what is chosen."""
    form = QFormLayout(group)
    form.setContentsMargins(8, 6, 8, 8)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form


def dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock that a widget sits in."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent
