"""UMAPs of a job: their parameters, progress and Cancel of the process that computes one, and those
that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.analysis.spaces import views
from napari_conformix.jobs.spaces import umaps
from napari_conformix.runs import layout
from napari_conformix.widgets.parts import combo, fill, hint, sentence
from napari_conformix.widgets.spaces.umap_store import UmapStore

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import Space, UmapHandle, UmapParameters
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.session import Session

_POLL_MS: Final = 200
_STAGES: Final = {
    "starting": "UMAP: starting",
    "loading": "UMAP: loading (compiles for half a minute)",
    "fitting": "UMAP: laying out",
    "placing": "UMAP: placing the other particles",
}
_ABOUT: Final = (
    "UMAP lays particles out so that neighbours in latent space stay neighbours. What it takes to "
    "be close follows from the number of neighbours: few show fine structure, many the whole."
)


class UmapControl(QWidget):
    """Starts one UMAP at a time; `finished(key)` when it is there, under that key of the store."""

    finished = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self.store = session, UmapStore.of(session)
        self._running: tuple[UmapParameters, UmapHandle] | None = None
        self._build()
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self._cancel)
        self.delete.clicked.connect(self._delete)
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        self.store.changed.connect(self._list)
        self._show_running(False)
        self._say("")
        self._list()

    def _build(self) -> None:
        from napari_conformix.analysis.spaces import UmapParameters

        plain = UmapParameters()
        self.of_box = combo()
        self.neighbours = QSpinBox()
        self.neighbours.setRange(2, 500)
        self.neighbours.setValue(plain.neighbours)
        self.neighbours.setToolTip("How many nearest particles a particle is kept close to")
        self.min_dist = QDoubleSpinBox()
        self.min_dist.setRange(0.0, 1.0)
        self.min_dist.setSingleStep(0.05)
        self.min_dist.setValue(plain.min_dist)
        self.min_dist.setToolTip("How close particles may lie in the view; small: tight clumps")
        self.fit_rows = QSpinBox()
        self.fit_rows.setRange(1_000, 10_000_000)
        self.fit_rows.setSingleStep(10_000)
        self.fit_rows.setGroupSeparatorShown(True)
        self.fit_rows.setValue(plain.fit_rows)
        self.fit_rows.setToolTip(
            "UMAP is fitted to so many particles, chosen at random; the others are placed among "
            "them, each by its nearest fitted ones. Fewer is faster."
        )
        self.fast = QCheckBox("All cores: faster, not exactly repeatable")
        self.fast.setToolTip("UMAP gives the same coordinates at every run only with one core")
        self.start = QPushButton("Compute a UMAP")
        self.start.setToolTip("In a process of its own; kept in the job folder")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.cancel = QPushButton("Cancel")
        self.said = sentence()
        self.kept_box = combo()
        self.delete = QPushButton("Delete")
        self.delete.setToolTip("Take this UMAP out of the job folder")
        self._lay_out()

    def _lay_out(self) -> None:
        run, kept = QHBoxLayout(), QHBoxLayout()
        for widget, stretch in ((self.start, 0), (self.progress, 1), (self.cancel, 0)):
            run.addWidget(widget, stretch=stretch)
        kept.addWidget(self.kept_box, stretch=1)
        kept.addWidget(self.delete)
        form = QFormLayout()
        form.addRow("Of", self.of_box)
        form.addRow("Neighbours", self.neighbours)
        form.addRow("Minimum distance", self.min_dist)
        form.addRow("Fitted to at most", self.fit_rows)
        form.addRow(self.fast)
        form.addRow(run)
        form.addRow(self.said)
        form.addRow("Kept", kept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 0, 0, 0)
        layout.addWidget(hint(_ABOUT))
        layout.addLayout(form)

    def take_latents(self, latents: LatentTable) -> None:
        """What can be embedded: the motions of both halves, or one half's latents."""
        entries = []
        for key, title in views.available(latents):
            if key == "motion":
                entries.append((title, key))
            elif key.startswith("pca"):
                of = f" of half {key[-1]}" if key[-1] != "0" else ""
                entries.append((f"Latents{of}", key))
        fill(self.of_box, entries)
        self.start.setEnabled(bool(entries))

    def set_space(self, space: Space) -> None:
        """The view that is shown: its latents are the ones to embed, unless others are chosen."""
        key = space.key.replace("latent", "pca")
        place = self.of_box.findData(key)
        if place >= 0 and self._running is None:
            self.of_box.setCurrentIndex(place)

    @property
    def parameters(self) -> UmapParameters:
        """As they stand in the fields."""
        from napari_conformix.analysis.spaces import UmapParameters

        key = self.of_box.currentData()
        return UmapParameters(
            array="motion" if key == "motion" else "mean",
            half=None if key == "motion" else int(key[-1]) or None,
            neighbours=self.neighbours.value(),
            min_dist=round(self.min_dist.value(), 3),
            fit_rows=self.fit_rows.value(),
            repeatable=not self.fast.isChecked(),
        )

    def stop(self) -> None:
        """Cancel what runs, for example because the job is closed."""
        if self._running is not None:
            self._running[1].cancel()
        self._finish("")

    # -- kept ones --------------------------------------------------------------------------------

    def _list(self) -> None:
        fill(self.kept_box, [(space.title, key) for key, space in self.store.spaces.items()])
        for index in range(self.kept_box.count()):
            tip = self.kept_box.itemText(index)
            self.kept_box.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
        some = self.kept_box.count() > 0
        self.kept_box.setEnabled(some)
        self.delete.setEnabled(some)

    def _delete(self) -> None:
        key = self.kept_box.currentData()
        if key is not None:
            self.store.delete(key)

    # -- the running one --------------------------------------------------------------------------

    def _start(self) -> None:
        from napari_conformix.analysis.spaces import start_umap

        job = self._session.job
        if job is None or self.of_box.currentData() is None:
            return
        parameters = self.parameters
        out = umaps.folder_of(job) / f"{parameters.name}.npz"
        handle = start_umap(Path(job.folder) / layout.LATENTS, out, parameters)
        self._running = (parameters, handle)
        self._show_running(True)
        self._say(_STAGES["starting"])
        self._timer.start()

    def _poll(self) -> None:
        if self._running is None:
            return
        parameters, handle = self._running
        progress = handle.poll()
        if progress.stage == "finished":
            self._finish("")
            self._take(parameters, handle)
        elif progress.done:
            self._finish(progress.message)
        else:
            self._say(_STAGES.get(progress.stage, progress.stage))
            known = progress.fraction is not None
            self.progress.setRange(0, 100 if known else 0)
            if known:
                self.progress.setValue(round(100 * progress.fraction))

    def _take(self, parameters: UmapParameters, handle: UmapHandle) -> None:
        """Read what the process wrote, in a worker."""
        from napari_conformix.analysis.spaces import KeptUmap

        latents, kept = self._session.latents, KeptUmap(handle.out, parameters)

        def show(space: Space) -> None:
            self.store.add(kept, space)
            self.finished.emit(space.key)

        self._session.run_in_worker(
            lambda: umaps.space_of(kept, handle.result(), latents), show, key="job:umap"
        )

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
