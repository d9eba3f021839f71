"""Images of the selected particles, drawn at random, next to the projections of their states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog, QGroupBox, QPlainTextEdit, QVBoxLayout, QWidget

from napari_conformix.errors import UserError
from napari_conformix.export.formats import PICTURE_FILES
from napari_conformix.widgets.explore.gallery import CURRENT, ParticleGallery, legend_of, tiles_of
from napari_conformix.widgets.explore.gallery_form import COUNT, NEAREST, GalleryForm
from napari_conformix.widgets.latent_view import Mark
from napari_conformix.widgets.parts import Fold, hint, sentence, signed
from napari_conformix.widgets.session import particles_command, with_units

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import SelectionHistory
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.jobs.pictures import PictureMaker, Pictures, RawPictures
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.conformation import ConformationGroup
    from napari_conformix.widgets.latent_view import ViewLetters
    from napari_conformix.widgets.selections import SelectionGroup
    from napari_conformix.widgets.session import Session

#: milliseconds that a selection must rest before its images are read
_REST: Final = 250
_READ, _FILTER = "job:particle pictures", "job:filter pictures"


@dataclass
class _Shown:
    """What the tiles show: rows of the file, and what was read of them."""

    rows: np.ndarray
    raw: RawPictures
    pictures: Pictures


class ParticleGalleryGroup(QGroupBox):
    """Reads images only while it is open; the newest request wins."""

    #: other pictures are on the screen
    drawn = Signal()

    def __init__(
        self,
        session: Session,
        selections: SelectionGroup,
        conformation: ConformationGroup,
        letters: ViewLetters,
    ) -> None:
        super().__init__("Particles")
        self._session, self._selections = session, selections
        self._conformation, self._letters = conformation, letters
        self._view: LatentView | None = None
        self._maker: PictureMaker | None = None
        self._shown: _Shown | None = None
        self._seed = 0
        self._from = ""
        self._wanted: object = None
        self._outdated = True
        self._build()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_REST)
        self._later.timeout.connect(self.redraw)
        self.fold.button.toggled.connect(self._opened)
        self.form.others_asked.connect(self.draw_others)
        self.form.source_changed.connect(self._source_changed)
        self.form.filter_changed.connect(self._filter)
        self.form.save_asked.connect(self._ask_file)
        self.gallery.picked.connect(self.pick)
        selections.selection_changed.connect(self._selection_changed)
        conformation.decode.shown.connect(self._something_decoded)

    def _build(self) -> None:
        self.form = GalleryForm()
        self.said = sentence()
        self.legend = hint()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(70)
        self.gallery = ParticleGallery()
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 4, 0, 0)
        for widget in (self.form, self.said, self.gallery, self.legend):
            column.addWidget(widget)
        column.addWidget(Fold("Show command line", self.command))
        self.fold = Fold("Images of the particles, next to what the model sees in them", content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(self.fold)

    # -- what is open -----------------------------------------------------------------------------

    def forget(self) -> None:
        """Nothing of the job before is shown."""
        self._view = self._maker = self._shown = self._wanted = None
        self._seed, self._outdated = 0, True
        self._session.workers.drop(_READ)
        self._session.workers.drop(_FILTER)
        self._clear("")

    def take_latents(self, latents: LatentTable) -> None:
        """The same particles in newer states."""
        from napari_conformix.jobs.pictures import PictureMaker

        self._maker = PictureMaker(self._session.job)
        self.form.projection_ctf.setVisible(
            self._session.has_decoder
        )  # else there are no projections
        rows = None if self._shown is None else self._shown.rows
        self._outdated = True
        if self._open:
            self._read(rows) if rows is not None else self.redraw()

    def take_view(self, view: LatentView) -> None:
        """The view shows something else: the letters go to where the particles are now."""
        before, self._view = self._view, view
        self._mark()
        if self._open and (before is None or self._outdated):
            self.redraw()

    # -- drawing ----------------------------------------------------------------------------------

    def draw_others(self) -> None:
        """Other particles of the same, at random."""
        self._seed += 1
        self.redraw()

    def redraw(self) -> None:
        """Draw from what is chosen now; nothing while the group is shut."""
        if not self._open or self._view is None or self._maker is None:
            self._outdated = True
            return
        from napari_conformix.jobs.pictures import draw_rows

        candidates, words = self._candidates()
        if not len(candidates):
            self._clear(words)
            return
        self._from = words
        self._read(draw_rows(candidates, COUNT, self._seed))

    def _candidates(self) -> tuple[np.ndarray, str]:
        """Rows to draw from, and what they are."""
        view, history, source = self._view, self._history, self.form.source
        if source == "selection" and history is not None and history.count:
            return history.rows, f"the {history.count:,} selected"
        if source == "cursor":
            xy = self._conformation.cursor
            if xy is None:
                return np.zeros(0, np.int64), "Click in the view first: there is no cursor."
            distance = np.square(view.xy - np.asarray(xy)).sum(axis=1)
            near = min(NEAREST, len(distance))
            return view.rows[np.argpartition(distance, near - 1)[:near]], "those near the cursor"
        return view.rows, f"all {len(view.rows):,} of the view"

    def _read(self, rows: np.ndarray) -> None:
        """Read the images and decode the states, in a worker."""
        maker, options, token = self._maker, self.form.options, object()
        self._wanted, self._outdated = token, False
        self.gallery.mark_stale()

        def work() -> _Shown | None:
            raw = maker.read(rows, stop=lambda: self._wanted is not token)
            return None if raw is None else _Shown(rows, raw, raw.shown(options))

        def done(shown: _Shown | None) -> None:
            if shown is not None and token is self._wanted:
                self._show(shown)

        def failed(error: Exception) -> None:
            if token is not self._wanted:
                return
            self._clear(signed("warning", str(error)))
            if not isinstance(error, UserError):
                self._session.report_error(error)

        self._session.run_in_worker(work, done, failed, key=_READ)

    def _filter(self) -> None:
        """The same particles as chosen now: nothing is read again."""
        shown, options, token = self._shown, self.form.options, self._wanted
        if shown is None:
            return

        def done(pictures: Pictures) -> None:
            if token is self._wanted and shown is self._shown:
                shown.pictures = pictures
                self._paint(keep_current=True)

        self._session.run_in_worker(
            partial(shown.raw.shown, options), done, self._session.report_error, key=_FILTER
        )

    # -- showing ----------------------------------------------------------------------------------

    def _show(self, shown: _Shown) -> None:
        same = self._shown is not None and np.array_equal(self._shown.rows, shown.rows)
        self._shown = shown
        self._paint(keep_current=same)
        if shown.pictures.options != self.form.options:
            self._filter()

    def _paint(self, *, keep_current: bool) -> None:
        pictures = self._shown.pictures
        self.gallery.show_tiles(tiles_of(pictures), keep_current=keep_current)
        drawn = f"{len(pictures)} at random of {self._from}. " if self._from else ""
        self.said.setText(with_units(drawn + " ".join(pictures.sentences())))
        self.legend.setText(legend_of(pictures))
        folder = self._session.job.folder
        self.command.setPlainText(particles_command(folder, self._shown.rows, pictures.options))
        self.form.save_button.setEnabled(True)
        self._mark()
        self.drawn.emit()

    def _clear(self, words: str) -> None:
        self._shown = None
        self._from = ""
        self.gallery.show_tiles([])
        self.said.setText(words)
        self.legend.clear()
        self.command.clear()
        self.form.save_button.setEnabled(False)
        self._letters.put("gallery", [])

    def _mark(self) -> None:
        """The letters in the view, of the particles that it shows, while the gallery is open."""
        view, shown = self._view, self._shown
        if view is None or shown is None or not self._open:
            self._letters.put("gallery", [])
            return
        current = self.gallery.current
        marks = []
        for index, (row, tile) in enumerate(zip(shown.rows, self.gallery.tiles, strict=True)):
            xy = view.place_of(int(row))
            if xy is not None:
                marks.append(Mark(xy, tile.letter, CURRENT if index == current else None))
        marks.sort(key=lambda mark: mark.colour is not None)  # painted last: never covered
        self._letters.put("gallery", marks)

    # -- picking ----------------------------------------------------------------------------------

    def pick(self, index: int) -> None:
        """Put the cursor on a particle and show its state in the scene."""
        if self._shown is None:
            return
        self._conformation.show_particle(int(self._shown.rows[index]))
        self.gallery.mark(index)
        self._mark()

    def _something_decoded(self, decoded: Any) -> None:
        """The cursor has been dragged on: no tile is in the scene any more."""
        current, shown = self.gallery.current, self._shown
        if current is not None and shown is not None and decoded.particle != shown.rows[current]:
            self.gallery.mark(None)
            self._mark()

    # -- when to draw -----------------------------------------------------------------------------

    @property
    def _open(self) -> bool:
        return self.fold.button.isChecked() and self.isVisible()

    @property
    def _history(self) -> SelectionHistory | None:
        return self._selections.history

    def _opened(self, opened: bool) -> None:
        if opened and (self._outdated or self._shown is None):
            self.redraw()
        self._mark()

    def _selection_changed(self) -> None:
        if self.form.source == "selection":
            self._outdated = True
            if self._open:
                self._later.start()

    def _source_changed(self) -> None:
        self._outdated = True
        self.redraw()

    def showEvent(self, event: QShowEvent) -> None:
        """The page is in front again."""
        super().showEvent(event)
        if self.fold.button.isChecked() and self._outdated:
            self._later.start()
        self._mark()

    def hideEvent(self, event: QHideEvent) -> None:
        """Another page is in front."""
        super().hideEvent(event)
        self._mark()

    # -- saving -----------------------------------------------------------------------------------

    def _ask_file(self) -> None:
        start = str(Path(self._session.job.folder) / f"particles{PICTURE_FILES.usual.suffix}")
        name, _ = QFileDialog.getSaveFileName(
            self, "Save these pictures", start, PICTURE_FILES.filters
        )
        if name:
            self.save(Path(name))

    def save(self, path: Path) -> None:
        """Write the pictures as they are shown; a dialog has asked whether to replace."""
        pictures = self._shown.pictures

        def write() -> Path:
            from napari_conformix.jobs.pictures import write_pictures

            return write_pictures(pictures, path, overwrite=True)

        self._session.run_in_worker(
            write, lambda written: self._session.message.emit(f"Saved {written}.", "info")
        )
