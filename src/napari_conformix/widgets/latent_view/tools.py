"""What the left mouse button does in the latent space view, and what is done with what it drew."""

from __future__ import annotations

from enum import Enum
from typing import Final

from qtpy.QtCore import Qt


class Tool(Enum):
    """What the left mouse button does in the view."""

    CURSOR = "cursor"
    LASSO = "lasso"
    RECTANGLE = "rectangle"
    PAN = "pan"
    POINTS = "points"
    DRAW = "draw"


class Mode(Enum):
    """What a finished lasso or rectangle does to the selection."""

    NEW = "new"
    ADD = "add"
    REMOVE = "remove"
    INTERSECT = "intersect"


#: the mouse pointer of each tool
POINTERS: Final = {
    Tool.CURSOR: Qt.CursorShape.CrossCursor,
    Tool.LASSO: Qt.CursorShape.PointingHandCursor,
    Tool.RECTANGLE: Qt.CursorShape.PointingHandCursor,
    Tool.PAN: Qt.CursorShape.OpenHandCursor,
    Tool.POINTS: Qt.CursorShape.PointingHandCursor,
    Tool.DRAW: Qt.CursorShape.PointingHandCursor,
}


def mode_of(modifiers: Qt.KeyboardModifier, chosen: Mode) -> Mode:
    """Shift adds, Alt removes, both intersect; else as chosen."""
    shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    alt = bool(modifiers & Qt.KeyboardModifier.AltModifier)
    if shift and alt:
        return Mode.INTERSECT
    if shift:
        return Mode.ADD
    return Mode.REMOVE if alt else chosen
