"""Save the arrows that are shown, for ChimeraX or as a table, and the command for the same."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
)

from napari_conformix.export.formats import ARROW_FILES, FileFormat, FormatTable
from napari_conformix.widgets.parts import Fold, hint

if TYPE_CHECKING:
    from napari_conformix.widgets.motion.source import Found
    from napari_conformix.widgets.session import Session

#: words of a command that the shell is to read as they are
_OPERATORS: Final = (">", "&&")


class SaveGroup(QGroupBox):
    """Buttons for what :meth:`offer` offers."""

    def __init__(self, session: Session) -> None:
        super().__init__("Save")
        self._session = session
        self._found: Found | None = None
        self._name, self._count = "", 1
        self.buttons: list[QPushButton] = []
        self.said = hint()
        self.said.hide()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(110)
        self.fold = Fold("Show command line", self.command)
        row = QHBoxLayout()
        for kind in ARROW_FILES:
            button = QPushButton(kind.button)
            button.setToolTip(kind.entry)
            button.clicked.connect(lambda _=False, asked=kind: self._ask(asked))
            self.buttons.append(button)
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addLayout(row)
        layout.addWidget(self.said)
        layout.addWidget(self.fold)
        self.offer(None)

    def offer(self, found: Found | None, name: str = "", count: int = 1) -> None:
        """What can be saved, the file's name without ending, and how many arrows are shown."""
        if found is not self._found:
            self._say("")
        self._found, self._name = found, name
        for button in self.buttons:
            button.setEnabled(found is not None)
        self.set_count(count)

    def set_count(self, count: int) -> None:
        """Another number of arrows is shown."""
        self._count = count
        if self._found is None:
            self.command.setPlainText("Pick a motion first.")
            return
        file = f"{self._name}{ARROW_FILES.usual.suffix}"
        words = [*self._found.command, "--count", str(count), "-o", file]
        text = " ".join(word if word in _OPERATORS else shlex.quote(word) for word in words)
        self.command.setPlainText(text)

    def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Write what is shown, in a worker: as many arrows as are drawn, or all in a table."""
        job, found = self._session.job, self._found
        if job is None or found is None:
            return
        kind = ARROW_FILES.of(path)
        count = self._count if kind is not None and kind.drawn else None
        self._say(f"Writing {path} …")

        def failed(error: Exception) -> None:
            self._say(f"Not saved: {error}")
            self._session.report_error(error)

        self._session.run_in_worker(
            lambda: job.write_deformation(
                found.deformation, path, count=count, overwrite=overwrite
            ),
            lambda written: self._say(f"Saved {written}"),
            failed,
        )

    def _ask(self, kind: FileFormat) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Save the arrows", f"{self._name}{kind.suffix}", kind.filter
        )
        if not chosen:
            return
        path = FormatTable(kind).complete(Path(chosen))
        self.save(path, overwrite=path == Path(chosen))  # Qt asks before an existing one is chosen

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))
