"""The buttons of a run."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

if TYPE_CHECKING:
    from napari_conformix.widgets.runs.rules import RunRules


class RunButtons(QWidget):
    """A button for each action of the rules, side by side."""

    #: the name of the one that was pressed
    pressed = Signal(str)

    def __init__(self, rules: RunRules) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for name, tip in rules.tips.items():
            button = self.buttons[name] = QPushButton(name.capitalize())
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, name=name: self.pressed.emit(name))
            row.addWidget(button)

    def enable(self, names: Collection[str]) -> None:
        """These can be pressed, the others not."""
        for name, button in self.buttons.items():
            button.setEnabled(name in names)
