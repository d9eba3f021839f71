"""How clusters are to be made: method, number, known labels; and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.analysis.spaces import views
from napari_conformix.widgets.parts import Fold, IntBox, combo, fill, hint, sentence, signed
from napari_conformix.widgets.session import commands

if TYPE_CHECKING:
    from napari_conformix.training.latent_table import LatentTable

How = Literal["kmeans", "gmm"]

HOWS: Final = (("k-means", "kmeans"), ("Gaussian mixture", "gmm"))
_HOW_TIP: Final = (
    "k-means cuts the cloud of particles into round pieces; a Gaussian mixture lets pieces be long "
    "and of different density, and needs more particles"
)
_COUNT: Final = (2, 50, 6)
_LABELS_TIP: Final = (
    "If you know a class of every particle (3-D classification, a simulation): the page says how "
    "mixed the clusters are in it. It has no influence on the clusters."
)
_FILE: Final = "file"
_FILTER: Final = "Row by row: numbers or words (*.npy *.txt *.csv);;All files (*)"


@dataclass(frozen=True)
class Request:
    """Clusters to be made. `labels`: a column of the particle file, a path, or None."""

    how: How
    clusters: int
    labels: str | Path | None = None


class ClusterForm(QWidget):
    """Choices, a button, and progress with a way to stop."""

    asked = Signal(object)
    #: how many clusters there may be
    number_asked = Signal()
    stop_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self._build()
        self.how.currentIndexChanged.connect(self._say_command)
        self.count.valueChanged.connect(self._say_command)
        self.labels.activated.connect(self._labels_chosen)
        self.make.clicked.connect(lambda: self.asked.emit(self.request))
        self.how_many.clicked.connect(self.number_asked)
        self.stop.clicked.connect(self._stop)
        self.end()

    def _build(self) -> None:
        self.how, self.count, self.labels = combo(), IntBox(), combo()
        fill(self.how, list(HOWS))
        self.how.setToolTip(_HOW_TIP)
        self.count.setRange(*_COUNT[:2])
        self.count.setValue(_COUNT[2])
        self.count.setToolTip("Begin with about 6; more than there are states cuts states in two")
        self.labels.setToolTip(_LABELS_TIP)
        self.make = QPushButton("Make clusters")
        self.how_many = QPushButton("How many?")
        self.how_many.setToolTip(
            "Compare how well 1 to 10 Gaussians describe the particles (Bayesian information "
            "criterion); may take a minute"
        )
        self.of_what = hint()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.stop = QPushButton("Stop")
        self.said = sentence()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(60)
        self.fold = Fold("Show command line", self.command)
        row, running = QHBoxLayout(), QHBoxLayout()
        row.addWidget(self.count, stretch=1)
        row.addWidget(self.how_many)
        running.addWidget(self.bar, stretch=1)
        running.addWidget(self.stop)
        form = QFormLayout()
        form.addRow("Method", self.how)
        form.addRow("Clusters", row)
        form.addRow("Known labels", self.labels)
        # Sentences stand outside: a form gives them too few lines where it is narrow.
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 4)
        column.addLayout(form)
        column.addWidget(self.of_what)
        column.addWidget(self.make)
        column.addLayout(running)
        column.addWidget(self.said)
        column.addWidget(self.fold)

    # -- what can be chosen -----------------------------------------------------------------------

    @property
    def request(self) -> Request:
        """What is chosen now."""
        return Request(self.how.currentData(), self.count.value(), self.labels.currentData())

    def set_folder(self, folder: Path | None) -> None:
        """The job that the command line names."""
        self._folder = folder
        self.of_what.setText("")
        self.say("")
        self._say_command()

    def set_latents(self, latents: LatentTable) -> None:
        """Say which particles and which coordinates would be grouped."""
        self.of_what.setText(coordinates_in_words(latents))

    def set_columns(self, columns: Sequence[str]) -> None:
        """The columns of the particle file that may hold known labels."""
        entries: list[tuple[str, Any]] = [("none", None), *((name, name) for name in columns)]
        entries.append(("from a file…", _FILE))
        fill(self.labels, entries)

    def set_labels_file(self, path: Path) -> None:
        """Take the known labels from a file, one a particle."""
        place = self.labels.count() - 1
        with QSignalBlocker(self.labels):
            self.labels.insertItem(place, path.name, path)
            self.labels.setCurrentIndex(place)
        self._say_command()

    def _labels_chosen(self, *_: int) -> None:
        if self.labels.currentData() == _FILE:
            self.labels.setCurrentIndex(0)
            chosen, _ = QFileDialog.getOpenFileName(
                self, "Known labels, one for each particle", "", _FILTER
            )
            if chosen:
                self.set_labels_file(Path(chosen))
        self._say_command()

    # -- progress ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Clusters are being made, or numbers of them compared."""
        self.make.setEnabled(False)
        self.how_many.setEnabled(False)
        self.stop.setEnabled(True)
        self.set_progress(0.0)
        for widget in (self.bar, self.stop):
            widget.show()
        self.say("")

    def set_progress(self, share: float) -> None:
        """From 0 to 1; at 0 it has only been started."""
        self.bar.setRange(0, 1000 if share else 0)
        self.bar.setValue(round(1000 * share))

    def end(self) -> None:
        """Nothing is being made."""
        self.make.setEnabled(True)
        self.how_many.setEnabled(True)
        for widget in (self.bar, self.stop):
            widget.hide()

    def say(self, text: str, severity: str = "note") -> None:
        """How it ended; '' for nothing."""
        self.said.setText(signed(severity, text) if text else "")
        self.said.setVisible(bool(text))

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self.stop_asked.emit()

    def _say_command(self, *_: int) -> None:
        if self._folder is None:
            self.command.setPlainText("Open a job first.")
        else:
            self.command.setPlainText(_command(self._folder, self.request))


def coordinates_in_words(latents: LatentTable) -> str:
    """'5,000 particles, epoch 20, by 8 motion coordinates that both halves share (Å RMS).'"""
    two = views.halves(latents) == [1, 2]
    counted = f"{len(latents.mean):,} particles by their"
    if latents.motion is not None and two:
        unit = " (in Å)" if views.in_angstrom(latents) else ""
        axes = (
            f"{latents.motion.shape[1]} motion coordinates{unit}: both halves share them, their "
            "latents mean different things"
        )
    else:
        axes = f"{latents.mean.shape[1]} latent coordinates"
    return f"{counted} {axes}." + (f" Latents of epoch {latents.epoch}." if latents.epoch else "")


def _command(folder: Path, request: Request) -> str:
    return commands.clusters_command(
        folder, how=request.how, clusters=request.clusters, labels=request.labels
    )
