"""The saved paths of a job: save, show, delete, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
)

from napari_conformix.errors import UserError
from napari_conformix.export.formats import LATENT_FILES
from napari_conformix.widgets.parts import Fold, hint

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.widgets.session import Session

_LINES_SHOWN = 4


class PathList(QGroupBox):
    """Names of the saved paths, and what can be done with the one that is shown."""

    #: a saved path was read: :class:`LatentPath`
    opened = Signal(object)
    #: the path that is shown was saved, under a name that it has now
    saved = Signal(object)
    #: the names of the saved paths
    listed = Signal(list)

    def __init__(self, session: Session) -> None:
        super().__init__("Saved paths")
        self._session = session
        self._path: LatentPath | None = None
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of the path that is shown")
        self.save_button = QPushButton("Save")
        self.names = QListWidget()
        self.names.setToolTip("Click a path to show it")
        line = self.names.fontMetrics().height() + 6
        self.names.setFixedHeight(_LINES_SHOWN * line)
        self.delete_button = QPushButton("Delete")
        self.export_button = QPushButton("Export latents…")
        self.export_button.setToolTip(
            f"One line of numbers for each step: {LATENT_FILES.examples()}"
        )
        self.said = hint()
        self.said.hide()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(90)
        self.fold = Fold("Show command line", self.command)
        self._lay_out()
        self.save_button.clicked.connect(lambda: self.save(self.name.text().strip()))
        self.name.returnPressed.connect(self.save_button.click)
        self.name.textChanged.connect(lambda *_: self._enable())
        self.delete_button.clicked.connect(self._ask_delete)
        self.export_button.clicked.connect(self._ask_export)
        self.names.itemClicked.connect(lambda item: self.open(item.text()))
        self.names.currentRowChanged.connect(lambda *_: self._enable())
        self.set_path(None)

    def _lay_out(self) -> None:
        naming, buttons = QHBoxLayout(), QHBoxLayout()
        naming.addWidget(self.name, 1)
        naming.addWidget(self.save_button)
        buttons.addWidget(self.export_button)
        buttons.addWidget(self.delete_button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addLayout(naming)
        layout.addWidget(self.names)
        layout.addLayout(buttons)
        layout.addWidget(self.said)
        layout.addWidget(self.fold)

    # -- what is shown ----------------------------------------------------------------------------

    def set_path(self, path: LatentPath | None, command: str = "") -> None:
        """The path that is shown now, and the command line that makes it."""
        self._path = path
        with QSignalBlocker(self.names):
            if path is None or not path.name:
                self.names.setCurrentRow(-1)
        if path is not None:
            self.name.setText(path.name)
        self.command.setPlainText(command)
        self._enable()

    def forget(self) -> None:
        """Another job."""
        self.name.clear()
        self.names.clear()
        self._say("")
        self.set_path(None)

    def refresh(self) -> None:
        """List what the job has, also what the command line has saved."""
        job = self._session.job
        if job is not None:
            self._session.run_in_worker(job.paths, self._list, key="job:paths")

    def _list(self, names: list[str]) -> None:
        with QSignalBlocker(self.names):
            self.names.clear()
            self.names.addItems(names)
            if self._path is not None and self._path.name in names:
                self.names.setCurrentRow(names.index(self._path.name))
        self._enable()
        self.listed.emit(names)

    def _enable(self) -> None:
        self.save_button.setEnabled(self._path is not None and bool(self.name.text().strip()))
        self.export_button.setEnabled(self._path is not None)
        self.delete_button.setEnabled(self.chosen is not None)

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))

    @property
    def chosen(self) -> str | None:
        """The name that is marked in the list."""
        item = self.names.currentItem()
        return None if item is None else item.text()

    # -- doing ------------------------------------------------------------------------------------

    def open(self, name: str) -> None:
        """Read a saved path and show it."""
        job = self._session.job
        self._say("")
        self._session.run_in_worker(
            lambda: job.path(name), self.opened.emit, self._failed, key="job:path"
        )

    def save(self, name: str) -> None:
        """Save the path that is shown; asks before it takes the place of another."""
        job, path = self._session.job, self._path
        if job is None or path is None or not name:
            return
        known = [self.names.item(i).text() for i in range(self.names.count())]
        overwrite = name in known
        if overwrite and not self._sure(f"There is a path {name!r} already. Replace it?"):
            return

        def write() -> Any:
            job.save_path(name, path, overwrite=overwrite)
            return job.path(name)

        def done(saved: Any) -> None:
            self._say(f"Saved as {name!r} in {Path(job.folder).name}/paths.")
            self.saved.emit(saved)
            self.refresh()

        self._session.run_in_worker(write, done, self._failed)

    def delete(self, name: str) -> None:
        """Take a saved path out of the job folder; what is shown stays."""
        job = self._session.job

        def done(_: Any) -> None:
            self._say(f"Deleted {name!r}.")
            self.refresh()

        self._session.run_in_worker(lambda: job.delete_path(name), done, self._failed)

    def export(self, file: Path) -> None:
        """Write the latents (n, d) of the path that is shown, in a format of `LATENT_FILES`."""
        path = self._path
        if path is None:
            return

        def done(written: Path) -> None:
            self._say(f"Wrote the latents of {len(path)} steps to {written}.")

        self._session.run_in_worker(lambda: write_latents(path, file), done, self._failed)

    def _failed(self, error: Exception) -> None:
        self._say(f"Not done: {error}")
        self._session.report_error(error)

    def _ask_delete(self) -> None:
        name = self.chosen
        if name is not None and self._sure(f"Delete the path {name!r} from the job folder?"):
            self.delete(name)

    def _sure(self, question: str) -> bool:
        yes = QMessageBox.StandardButton.Yes
        return QMessageBox.question(self, "Paths", question) == yes

    def _ask_export(self) -> None:
        name = self.name.text().strip() or "path"
        begin = f"{name}{LATENT_FILES.usual.suffix}"
        chosen, kind = QFileDialog.getSaveFileName(
            self, "Export latents", begin, LATENT_FILES.filters
        )
        if chosen:
            self.export(LATENT_FILES.complete(Path(chosen), kind))


def write_latents(path: LatentPath, file: Path) -> Path:
    """Write (n, d) latents, a line for each step; UserError for an unknown suffix."""
    kind = LATENT_FILES.of(file)
    if kind is None:
        raise UserError(f"{file.name} must end with {LATENT_FILES.suffixes}.")
    kind.write(path.latents, file, path.sentence())
    return file
