"""What became of a selection: a sentence, and what to do with the file that was written."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QApplication, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_conformix.widgets.parts import sentence


class WrittenLine(QWidget):
    """Hidden while there is nothing to say; the buttons come with a path."""

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self.label = sentence()
        self.copy = QPushButton("Copy path")
        self.copy.setToolTip("Put the path of the file on the clipboard")
        self.folder = QPushButton("Show in folder")
        self.folder.setToolTip("Open the folder of the file")
        self.copy.clicked.connect(self._copy)
        self.folder.clicked.connect(self._open_folder)
        row = QHBoxLayout()
        row.addWidget(self.copy)
        row.addWidget(self.folder)
        row.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.label)
        layout.addLayout(row)
        self.show_text("")

    def text(self) -> str:
        """What is said."""
        return self.label.text()

    def show_text(self, text: str, path: Path | None = None) -> None:
        """Say something, of a file where there is one."""
        self._path = path
        self.label.setText(text)
        self.setVisible(bool(text))
        for button in (self.copy, self.folder):
            button.setVisible(path is not None)

    def _copy(self) -> None:
        QApplication.clipboard().setText(str(self._path))

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._path.parent)))
