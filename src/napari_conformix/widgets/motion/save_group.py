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
        self.bild = QPushButton("Arrows for ChimeraX…")
        self.bild.setToolTip("As many arrows as are shown, with their error spheres (.bild)")
        self.table = QPushButton("Table…")
        self.table.setToolTip("Displacement and error at all positions, in Å (.csv)")
        self.said = hint()
        self.said.hide()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(110)
        self.fold = Fold("Show command line", self.command)
        row = QHBoxLayout()
        row.addWidget(self.bild)
        row.addWidget(self.table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addLayout(row)
        layout.addWidget(self.said)
        layout.addWidget(self.fold)
        self.bild.clicked.connect(lambda: self._ask(".bild", "ChimeraX arrows (*.bild)"))
        self.table.clicked.connect(lambda: self._ask(".csv", "Table (*.csv)"))
        self.offer(None)

    def offer(self, found: Found | None, name: str = "", count: int = 1) -> None:
        """What can be saved, the file's name without ending, and how many arrows are shown."""
        if found is not self._found:
            self._say("")
        self._found, self._name = found, name
        for button in (self.bild, self.table):
            button.setEnabled(found is not None)
        self.set_count(count)

    def set_count(self, count: int) -> None:
        """Another number of arrows is shown."""
        self._count = count
        if self._found is None:
            self.command.setPlainText("Pick a motion first.")
            return
        words = [*self._found.command, "--count", str(count), "-o", f"{self._name}.bild"]
        text = " ".join(word if word in _OPERATORS else shlex.quote(word) for word in words)
        self.command.setPlainText(text)

    def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Write what is shown, in a worker: .bild as many arrows as are drawn, .csv all."""
        job, found = self._session.job, self._found
        if job is None or found is None:
            return
        count = self._count if path.suffix.lower() == ".bild" else None
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

    def _ask(self, suffix: str, kind: str) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Save the arrows", f"{self._name}{suffix}", kind
        )
        if not chosen:
            return
        path = Path(chosen)
        asked = path.suffix.lower() == suffix  # Qt asks before an existing file is chosen
        self.save(path if asked else path.with_name(path.name + suffix), overwrite=asked)

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))
