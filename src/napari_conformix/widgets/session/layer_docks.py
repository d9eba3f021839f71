"""napari's docks of layers give way where they leave no room for the molecule."""

from __future__ import annotations

from typing import Final

from qtpy.QtWidgets import QDockWidget, QMainWindow

_LAYER_DOCKS: Final = ("layer list", "layer controls")


class LayerDocks:
    """Hides the docks of layers of a window, which its Window menu has, and gives them back."""

    def __init__(self) -> None:
        self._hidden: list[QDockWidget] = []

    def make_room(self, main: QMainWindow, least: int) -> None:
        """Hide them where the scene is narrower than `least` pixels."""
        if main.centralWidget().width() >= least:
            return
        for dock in main.findChildren(QDockWidget):
            if dock.windowTitle() in _LAYER_DOCKS and dock.isVisible():
                dock.hide()
                self._hidden.append(dock)

    def fit(self, main: QMainWindow, least: int) -> None:
        """As :meth:`make_room`; give them back where the scene stays that wide next to them."""
        widest = max((dock.width() for dock in self._hidden), default=0)
        if self._hidden and main.centralWidget().width() - widest >= least:
            self.give_back()
        self.make_room(main, least)

    def give_back(self) -> None:
        """Show what was hidden."""
        while self._hidden:
            self._hidden.pop().show()
