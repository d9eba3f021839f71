"""Movies of a path: a form, a button, progress, and where the file went."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
)

from napari_conformix.errors import UserError
from napari_conformix.export.formats import MOVIE_FILES
from napari_conformix.export.map_series import SeriesFiles, refuse_used
from napari_conformix.export.movie_file import check_ffmpeg
from napari_conformix.export.movie_plan import MovieOptions, check_file, loops
from napari_conformix.jobs.folder import refuse_without_decoder
from napari_conformix.runs import layout
from napari_conformix.widgets.movies.command import movie_command
from napari_conformix.widgets.movies.form import MovieForm
from napari_conformix.widgets.movies.frames import InsetView, Look
from napari_conformix.widgets.movies.maps import MapsRun
from napari_conformix.widgets.movies.movie import make_film
from napari_conformix.widgets.movies.recorder import MovieRecorder
from napari_conformix.widgets.movies.studio import view_of
from napari_conformix.widgets.parts import NO_MOVIE, Fold, sentence, signed
from napari_conformix.widgets.scene import Scene

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.latent_view import LatentCanvas
    from napari_conformix.widgets.session import Session

_NO_COMMAND: Final = "Save the path under a name; the command line can then ask for it."


class MovieGroup(QGroupBox):
    """Records the path that it is given; :meth:`set_path` and :meth:`set_name` say which."""

    def __init__(self, session: Session, canvas: LatentCanvas) -> None:
        super().__init__("Movie")
        self._session, self._canvas = session, canvas
        self.path: LatentPath | None = None
        self._name = ""
        self._own_file = False
        #: what the user has agreed to replace, in the dialog that asks for a file
        self._replaceable: Path | None = None
        self._written: Path | None = None
        self.recorder = MovieRecorder(session)
        self._maps = MapsRun(session, self._maps_progress)
        self._build()
        self._lay_out()
        self._connect()
        self._arrange()

    # -- what is to be shown ----------------------------------------------------------------------

    def set_path(self, path: LatentPath | None) -> None:
        """Another path, or none. A movie that is being made goes on."""
        self.path = path
        self.set_name(path.name if path is not None else "")

    def set_name(self, name: str) -> None:
        """The name that the path is saved under; '' while it has none."""
        self._name = name
        self._suggest()
        self._arrange()

    def forget(self) -> None:
        """Another job, or none."""
        self._own_file = False
        self.file_edit.clear()
        self.set_path(None)
        self._say("")
        self.open_folder.hide()

    @property
    def running(self) -> bool:
        """Whether a movie or maps are being made."""
        return self.recorder.running or self._maps.running

    @property
    def file(self) -> Path:
        """Where the movie goes."""
        return Path(self.file_edit.text().strip()).expanduser()

    # -- the form ---------------------------------------------------------------------------------

    def _build(self) -> None:
        self.file_edit = QLineEdit()
        self.file_edit.setToolTip(", ".join(f"{one.suffix} {one.line}" for one in MOVIE_FILES))
        self.choose = QToolButton()
        self.choose.setText("…")
        self.choose.setToolTip("Choose another file")
        self.form = MovieForm()
        self.make = QPushButton("Make movie")
        self.make.setToolTip(
            "Drawn off the screen with the scene's camera, contour and colours as they are now; "
            "you can go on working"
        )
        self.save_maps = QPushButton("Save maps and ChimeraX script…")
        self.save_maps.setToolTip(
            "An MRC map for every step, the latents, and a script with which ChimeraX plays them"
        )
        self.bar = QProgressBar()
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Ends it; no half file is left")
        self.said = sentence()
        self.open_folder = QPushButton("Open folder")
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(110)
        self.fold = Fold("Show command line", self.command)

    def _lay_out(self) -> None:
        where, buttons, run, result = (QHBoxLayout() for _ in range(4))
        where.addWidget(self.file_edit, 1)
        where.addWidget(self.choose)
        buttons.addWidget(self.make)
        buttons.addWidget(self.save_maps)
        run.addWidget(self.bar, 1)
        run.addWidget(self.stop)
        result.addWidget(self.said, 1)
        result.addWidget(self.open_folder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addLayout(where)
        layout.addWidget(self.form)
        for row in (buttons, run, result):
            layout.addLayout(row)
        layout.addWidget(self.fold)
        self.said.hide()
        self.open_folder.hide()

    def _connect(self) -> None:
        self.file_edit.textEdited.connect(self._file_edited)
        self.file_edit.textChanged.connect(self._arrange)
        self.choose.clicked.connect(self._choose_file)
        self.form.changed.connect(self._arrange)
        self.fold.button.toggled.connect(self._show_command)
        self.make.clicked.connect(lambda: self.make_movie())
        self.save_maps.clicked.connect(self._choose_folder)
        self.stop.clicked.connect(self.stop_now)
        self.open_folder.clicked.connect(self._open_folder)
        self.recorder.progressed.connect(self._progress)
        self.recorder.finished.connect(self._finished)
        self.recorder.stopped.connect(lambda: self._ended("Stopped; no file was written."))
        self.recorder.failed.connect(self._failed)
        self._session.job_closed.connect(self._maps.stop)

    def _file_edited(self, text: str) -> None:
        self._own_file = bool(text.strip())

    def _suggest(self) -> None:
        """A name in the job's folder, until the user types another."""
        job = self._session.job
        if self._own_file or job is None or self.path is None:
            return
        folder = Path(job.folder) / layout.MOVIES
        self.file_edit.setText(str(_free(folder, _stem(self.path, self._name))))

    def _arrange(self, *_: object) -> None:
        """What can be done now."""
        there = self._session.has_decoder
        ready = self.path is not None and self._session.job is not None and there
        if not there:
            self._say(NO_MOVIE, "note")
        running = self.running
        for widget in (self.make, self.save_maps):
            widget.setEnabled(ready and not running)
        for widget in (self.bar, self.stop):
            widget.setVisible(running)
        steps = len(self.path) if self.path is not None else 0
        self.form.say_length(steps, loops=loops(self.file))
        self._show_command()

    def _show_command(self, *_: object) -> None:
        if not self.fold.button.isChecked():
            return
        job = self._session.job
        if job is None or self.path is None:
            self.command.setPlainText("")
            return
        options = self._options(self._session)
        lines = [
            movie_command(Path(job.folder), self.path, self._name, options, file=file)
            for file in (self.file, None)
        ]
        self.command.setPlainText("\n".join(lines) if all(lines) else _NO_COMMAND)

    def _options(self, session: Session) -> MovieOptions:
        """With camera and contour of the scene, as the command line needs them."""
        scene = Scene.of(session)
        return self.form.options(
            view=view_of(session.viewer), contour=scene.threshold, consensus=scene.ghost
        )

    # -- the movie --------------------------------------------------------------------------------

    def make_movie(self, *, overwrite: bool = False) -> None:
        """Record the path into the file of the form."""
        job = self._session.job
        if job is None or self.path is None or self.running:
            return
        try:
            replace = overwrite or self.file == self._replaceable
            self._start(job, self.path, overwrite=replace)
        except UserError as error:
            self._say(str(error), "error")
        self._arrange()

    def _start(self, job: Job, path: LatentPath, *, overwrite: bool) -> None:
        refuse_without_decoder(job.method_class, "be made into a movie")
        file = self.file
        if file.parent == Path(job.folder) / layout.MOVIES:
            file.parent.mkdir(exist_ok=True)
        check_file(file, overwrite=overwrite)
        check_ffmpeg()
        film = make_film(
            job,
            path,
            self.form.options(),
            session=self._session,
            inset=self._view_in_window(),
            loops=loops(file),
        )
        self._say("")
        self.open_folder.hide()
        self._progress(0, len(film))
        self.recorder.start(film, file)

    def _view_in_window(self) -> InsetView | None:
        """The view of the Explore page in its colours; None while it shows nothing."""
        canvas = self._canvas
        if canvas.latent_view is None:
            return None
        return InsetView(canvas.latent_view, canvas.drawn_colours)

    def stop_now(self) -> None:
        """End what is being made; nothing is left of it."""
        self.recorder.stop()
        self._maps.stop()
        self.stop.setEnabled(False)

    def _progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat(f"frame {done} of {total}" if done else "preparing")

    def _finished(self, file: Path) -> None:
        size = file.stat().st_size / 1e6
        self._written = file
        self._ended(f"Saved {file} ({size:.1f} MB).")
        self._own_file = False
        self._suggest()

    def _failed(self, error: Exception) -> None:
        self._session.report_error(error)
        self._ended(f"No movie was made. {error}", "error")

    # -- the maps ---------------------------------------------------------------------------------

    def write_maps(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the series of maps with its script, in a worker."""
        job, path = self._session.job, self.path
        if job is None or path is None or self.running:
            return
        try:
            refuse_without_decoder(job.method_class, "be written as maps")
            refuse_used(folder, overwrite=overwrite)
            look = Look.of_session(self._session)
        except UserError as error:
            self._say(str(error), "error")
            return
        self._maps.start(
            job,
            path,
            folder,
            look,
            self.form.options(),
            overwrite=overwrite,
            done=self._maps_done,
            failed=self._failed,
        )
        self._say("")
        self.open_folder.hide()
        self._arrange()

    def _maps_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat(f"map {done} of {total}")

    def _maps_done(self, written: SeriesFiles | None) -> None:
        if written is None:
            self._ended("Stopped; no map was written.")
            return
        self._written = written.script
        self._ended(
            f"Saved {len(written.maps)} maps in {written.folder}. In ChimeraX: open "
            f"{written.script}"
        )

    # -- afterwards -------------------------------------------------------------------------------

    def _ended(self, text: str, severity: str = "") -> None:
        self.stop.setEnabled(True)
        self.open_folder.setVisible(self._written is not None and text.startswith("Saved"))
        self._say(text, severity)
        self._arrange()

    def _say(self, text: str, severity: str = "") -> None:
        self.said.setText(signed(severity, text) if severity else text)
        self.said.setVisible(bool(text))

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written.parent.resolve())))

    def _choose_file(self) -> None:
        chosen, kind = QFileDialog.getSaveFileName(
            self, "Movie", str(self.file), MOVIE_FILES.filters
        )
        if not chosen:
            return
        path = MOVIE_FILES.complete(Path(chosen), kind)
        if path == Path(chosen):  # Qt has asked whether it may be replaced
            self._replaceable = path
        self._own_file = True
        self.file_edit.setText(str(path))

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "Folder for the maps", str(self.file.parent)
        )
        if chosen:
            self.write_maps(Path(chosen) / f"{self.file.stem}_maps")


def _stem(path: LatentPath, name: str) -> str:
    """A file's name for a path: its own, or what it runs along."""
    text = name or path.axis or path.kind
    half = f" half{path.half}" if path.half and not name else ""
    return re.sub(r"[^\w.-]+", "_", f"{text}{half}".lower()).strip("_") or "path"


def _free(folder: Path, stem: str) -> Path:
    """A name that no movie has yet."""
    suffix = MOVIE_FILES.usual.suffix
    path, number = folder / f"{stem}{suffix}", 2
    while path.exists():
        path, number = folder / f"{stem}_{number}{suffix}", number + 1
    return path
