"""The mask of a domain: chosen among the job's, loaded from a file, or painted in the scene."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.widgets.parts import combo, fill, hint, sentence, signed
from napari_conformix.widgets.rigid.mask_brush import MaskBrush
from napari_conformix.widgets.rigid.mask_paint_tools import MaskPaintTools
from napari_conformix.widgets.rigid.mask_painting import MaskPaint
from napari_conformix.widgets.scene import Scene

if TYPE_CHECKING:
    from napari_conformix.widgets.session import Session

_NONE: Final = (
    "No mask yet. Paint one on the consensus, or load an MRC file on its grid. Masks of rigid "
    "bodies that the Deformation page wrote into the job are listed too."
)
_LIST, _READ, _SAVE = "job:masks", "job:read mask", "job:save mask"


class DomainMaskGroup(QWidget):
    """`path` is the mask that is chosen; `chosen(path)` when it is another, `listed(paths)` when
    other masks are known."""

    chosen = Signal(object)
    listed = Signal(list)
    painting_changed = Signal(bool)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._scene = Scene.of(session)
        self._loaded: list[Path] = []
        self._active = self.painting = False
        self.brush = MaskBrush(session, self._scene)
        self.box = combo()
        self.box.setToolTip("The mask of the domain; it is shown in orange in the scene")
        self.load, self.begin = QPushButton("Load…"), QPushButton("Paint…")
        self.load.setToolTip("A soft mask (MRC) on the grid of the consensus map")
        self.begin.setToolTip("Paint a mask on the consensus in the scene")
        self.said, self.none = sentence(), hint(_NONE)
        self.tools = MaskPaintTools(self.brush)
        self._lay_out()
        self.box.currentIndexChanged.connect(lambda *_: self._choose())
        self.load.clicked.connect(self._ask_file)
        self.begin.clicked.connect(self.start_painting)
        self.tools.save_asked.connect(self.save)
        self.tools.cancel_asked.connect(self.end_painting)
        session.job_closed.connect(self._forget)
        self._show_list([])

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Mask"))
        row.addWidget(self.box, stretch=1)
        row.addWidget(self.load)
        row.addWidget(self.begin)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        for widget in (self.none, self.said, self.tools):
            column.addWidget(widget)
        self.tools.hide()

    @property
    def path(self) -> Path | None:
        """The mask that is chosen."""
        return self.box.currentData()

    def set_active(self, active: bool) -> None:
        """Whether the page is in front: only then are mask and brush in the scene."""
        self._active = active
        self.brush.set_on(active and self.painting)
        if not active:
            self.brush.show_mask(None)
        elif self.painting:
            self.brush.show_paint()
        else:
            self._read()

    def refresh(self) -> None:
        """See which masks there are in the job."""
        job = self._session.job
        if job is None:
            self._show_list([])
            return
        from napari_conformix.jobs.rigid import masks_of

        self._session.run_in_worker(lambda: masks_of(job), self._show_list, key=_LIST)

    # -- choosing ---------------------------------------------------------------------------------

    def take_file(self, path: Path) -> None:
        """Choose a mask file, if it fits the job's maps."""
        from napari_conformix.jobs.rigid import read_mask

        job = self._session.job

        def done(_: np.ndarray) -> None:
            if path not in self._loaded:
                self._loaded.append(path)
            self._say("")
            self._show_list(self._own, choose=path)

        def failed(error: Exception) -> None:
            self._say(signed("error", str(error)))

        if job is not None:
            self._session.run_in_worker(lambda: read_mask(job, path), done, failed, key=_READ)

    def _ask_file(self) -> None:
        start = str(self._session.job.folder) if self._session.job is not None else ""
        name, _ = QFileDialog.getOpenFileName(
            self, "Mask of the domain", start, "Maps (*.mrc *.map *.mrc.gz)"
        )
        if name:
            self.take_file(Path(name))

    def _show_list(self, own: list[Path], choose: Path | None = None) -> None:
        self._own = own
        paths = own + [path for path in self._loaded if path not in own]
        before = self.path
        fill(self.box, [(_title(path, own), path) for path in paths])
        if choose is not None:
            place = self.box.findData(choose)
            self.box.blockSignals(True)
            self.box.setCurrentIndex(place)
            self.box.blockSignals(False)
        self.box.setEnabled(bool(paths))
        self.none.setVisible(not paths and not self.painting)
        self.listed.emit(paths)
        if self.path != before or choose is not None:
            self._choose()

    def _choose(self) -> None:
        self.box.setToolTip(str(self.path or ""))
        self.chosen.emit(self.path)
        self._read()

    def _read(self) -> None:
        """Show the chosen mask in the scene."""
        job, path = self._session.job, self.path
        if job is None or path is None or self.painting or not self._active:
            if not self.painting:
                self.brush.show_mask(None)
            return
        from napari_conformix.jobs.rigid import read_mask

        def show(mask: np.ndarray) -> None:
            if self._active and not self.painting and path == self.path:
                self.brush.show_mask(mask > 0.5, job.spec.grids.pixel_size_angstrom)

        def failed(error: Exception) -> None:
            self._say(signed("error", str(error)))

        self._session.run_in_worker(lambda: read_mask(job, path), show, failed, key=_READ)

    # -- painting ---------------------------------------------------------------------------------

    def start_painting(self) -> None:
        """Clicks in the scene paint from now on."""
        consensus, contour = self._session.consensus, self._scene.threshold
        if consensus is None or contour is None:
            self._say(signed("error", "There is no consensus map to paint on; give the job one."))
            return
        self.painting = True
        self.brush.paint = MaskPaint(consensus.array, consensus.pixel_size_angstrom, contour)
        self._say("")
        self.tools.name.setText(self._free_name())
        self._show_tools()
        self.painting_changed.emit(True)
        self._scene.hide_conformation()
        self.brush.show_mask(None)
        self.brush.set_on(self._active)
        self.tools.refresh()

    def end_painting(self) -> None:
        """The mouse is the camera's again; what was not saved is gone."""
        if not self.painting:
            return
        self.painting = False
        self.brush.set_on(False)
        self.brush.paint = None
        self._show_tools()
        self.painting_changed.emit(False)
        self._read()

    def save(self, name: str, *, overwrite: bool = False) -> None:
        """Keep what is painted as a soft mask in the job, in a worker, and choose it."""
        from napari_conformix.jobs.rigid import save_mask
        from napari_conformix.runs import layout

        job, paint = self._session.job, self.brush.paint
        if job is None or paint is None or paint.empty:
            return
        if not overwrite and (Path(job.folder) / layout.MASKS / f"{name}.mrc").exists():
            if not self._may_replace(name):
                return
            overwrite = True

        def done(path: Path) -> None:
            self.end_painting()
            self._say(f"Saved as {layout.MASKS}/{path.name} in the job.")
            self._show_list(sorted({*self._own, path}), choose=path)

        def failed(error: Exception) -> None:
            self._say(signed("error", f"Not saved. {error}"))

        self._session.run_in_worker(
            lambda: save_mask(job, name, paint.soft(), overwrite=overwrite),
            done,
            failed,
            key=_SAVE,
        )

    def _free_name(self) -> str:
        """A name that no mask of the job has."""
        taken = {path.stem for path in self._own}
        return next(n for n in map(_numbered, itertools.count(1)) if n not in taken)

    def _may_replace(self, name: str) -> bool:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = f"There is a mask {name!r} in the job already. Replace it?"
        return QMessageBox.question(self, "Replace mask", question, yes | no, no) == yes

    def _show_tools(self) -> None:
        self.tools.setVisible(self.painting)
        self.begin.setEnabled(not self.painting)
        self.load.setEnabled(not self.painting)
        self.box.setEnabled(not self.painting and self.box.count() > 0)
        self.none.setVisible(not self.painting and self.box.count() == 0)

    def _forget(self) -> None:
        self.end_painting()
        self._loaded = []
        self._say("")
        self._show_list([])
        self.brush.show_mask(None)

    def _say(self, words: str) -> None:
        self.said.setText(words)
        self.said.setVisible(bool(words))


def _numbered(number: int) -> str:
    return "domain" if number == 1 else f"domain_{number}"


def _title(path: Path, own: list[Path]) -> str:
    """How a mask is listed: those of the job by folder and name."""
    return f"{path.parent.name}/{path.stem}" if path in own else path.name
