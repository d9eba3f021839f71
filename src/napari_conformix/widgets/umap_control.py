"""UMAP on request: a button, progress and Cancel over the process that computes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_conformix.analysis.latent_maps import Space
    from napari_conformix.analysis.umap_process import UmapHandle, UmapParameters
    from napari_conformix.widgets.session import Session

_POLL_MS = 200
_STAGES = {
    "starting": "UMAP: starting",
    "loading": "UMAP: loading (compiles for half a minute the first time)",
    "fitting": "UMAP: laying out",
    "placing": "UMAP: placing the remaining particles",
}


def parameters_of(space: Space) -> UmapParameters:
    """What to embed for a UMAP of a space: the motions of both halves, or one half's latents."""
    from napari_conformix.analysis.umap_process import UmapParameters

    if space.key == "motion":
        return UmapParameters(array="motion")
    return UmapParameters(array="mean", half=space.half or None)


def path_of(folder: Path, parameters: UmapParameters) -> Path:
    """Where the UMAP of those parameters is kept in a job folder."""
    half = f"_half{parameters.half}" if parameters.half else ""
    return Path(folder) / "umap" / f"{parameters.array}{half}.npz"


class UmapControl(QWidget):
    """Starts one UMAP at a time; `finished(space, (N, 2) embedding)` when it is there."""

    finished = Signal(object, object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._space: Space | None = None
        self._running: tuple[Space, UmapHandle] | None = None
        self.start = QPushButton("Compute a UMAP of this map")
        self.start.setToolTip("In a process of its own; kept in the job folder")
        self.start.clicked.connect(self._start)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self._cancel)
        self.said = QLabel()
        self.said.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(self.start)
        row.addWidget(self.progress, stretch=1)
        row.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.said)
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        self._show_running(False)
        self._say("")

    def set_space(self, space: Space | None) -> None:
        """The space that the button embeds; None, or a UMAP itself: nothing to embed."""
        self._space = space
        possible = space is not None and not space.key.startswith("umap")
        self.start.setEnabled(possible)

    def stop(self) -> None:
        """Cancel what runs, for example because the job is closed."""
        if self._running is not None:
            self._running[1].cancel()
        self._finish("")

    def _start(self) -> None:
        from napari_conformix.analysis.umap_process import start_umap

        space, job = self._space, self._session.job
        if space is None or job is None:
            return
        parameters = parameters_of(space)
        folder = Path(job.folder)
        handle = start_umap(folder / "latents.npz", path_of(folder, parameters), parameters)
        self._running = (space, handle)
        self._show_running(True)
        self._say(_STAGES["starting"])
        self._timer.start()

    def _poll(self) -> None:
        if self._running is None:
            return
        space, handle = self._running
        progress = handle.poll()
        if progress.stage == "finished":
            self._finish("")
            self._session.run_in_worker(
                handle.result,
                lambda embedding: self.finished.emit(space, np.asarray(embedding)),
                key="job:umap",
            )
        elif progress.done:
            self._finish(progress.message)
        else:
            self._say(_STAGES.get(progress.stage, progress.stage))
            known = progress.fraction is not None
            self.progress.setRange(0, 100 if known else 0)
            if known:
                self.progress.setValue(round(100 * progress.fraction))

    def _cancel(self) -> None:
        if self._running is not None:
            self._running[1].cancel()
            self._finish("UMAP was cancelled.")

    def _finish(self, text: str) -> None:
        self._timer.stop()
        self._running = None
        self._show_running(False)
        self._say(text)

    def _show_running(self, running: bool) -> None:
        self.start.setVisible(not running)
        self.progress.setVisible(running)
        self.cancel.setVisible(running)

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))
