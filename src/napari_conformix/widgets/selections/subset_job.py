"""Where the job that is trained on a selection is made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.widgets.parts import Fold, hint, sentence
from napari_conformix.widgets.session import commands, free_name

if TYPE_CHECKING:
    from napari_conformix.jobs import Job


class SubsetJobDialog(QDialog):
    """Asks for a new folder; :attr:`folder` is what the user agreed to."""

    def __init__(self, parent: QWidget, job: Job, name: str, place: Path) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train on a selection")
        self._job, self._name = job, name
        self.edit = QLineEdit(str(place))
        self.edit.setMinimumWidth(420)
        browse = QPushButton("Browse…")
        browse.clicked.connect(self._browse)
        self.said = hint()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(60)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.edit, 1)
        row.addWidget(browse)
        layout = QVBoxLayout(self)
        layout.addWidget(
            sentence(
                f"A new job of the particles of '{name}', with the method, settings, maps and half "
                f"sets of {Path(job.folder).name}. It is opened on the Train page, where Train "
                "starts it. This job stays as it is."
            )
        )
        layout.addLayout(row)
        layout.addWidget(self.said)
        layout.addWidget(Fold("Show command line", self.command))
        layout.addWidget(self.buttons)
        self.edit.textChanged.connect(lambda *_: self._check())
        self._check()

    @property
    def folder(self) -> Path:
        """The new folder, absolute."""
        return Path(self.edit.text().strip()).expanduser().absolute()

    def _check(self) -> None:
        folder = self.folder
        used = folder.is_file() or (folder.is_dir() and any(folder.iterdir()))
        self.said.setText(
            f"{folder} is there already and is not empty; give the name of a new folder."
            if used
            else ""
        )
        self.said.setVisible(used)
        named = bool(self.edit.text().strip())
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(named and not used)
        self.command.setPlainText(
            commands.train_on_command(folder, Path(self._job.folder), self._name)
        )

    def _browse(self) -> None:
        here = self.folder
        chosen = QFileDialog.getExistingDirectory(self, "Make the job folder in", str(here.parent))
        if chosen:
            self.edit.setText(str(free_name(Path(chosen), here.name)))
