"""Buttons, colours and words of the table of selections."""

from __future__ import annotations

from typing import Final

from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QToolButton

#: napari's style draws tool buttons flat, and has no room for the arrow beside the words
BUTTON: Final = (
    "QToolButton {{ border: none; border-radius: 3px; padding: 4px {right}px 4px 8px;"
    " background: rgba(128, 136, 148, 90); }}"
    "QToolButton::menu-button {{ width: 16px; border: none; }}"
    "QToolButton:disabled {{ color: #7d848e; background: rgba(128, 136, 148, 40); }}"
    "QToolButton:hover {{ background: rgba(128, 136, 148, 150); }}"
)


def split_button(text: str, tip: str) -> QToolButton:
    """A button with a menu beside it."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
    button.setStyleSheet(BUTTON.format(right=22))
    return button


def swatch(colour: str) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(colour or "#888888"))
    return QIcon(pixmap)
