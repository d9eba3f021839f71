"""The Data page: the files, what is in them, and what is wrong with them."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QImage, QPixmap, QShowEvent
from qtpy.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from napari_conformix.widgets.data.inputs_form import InputsForm
from napari_conformix.widgets.data.latents_import import LatentsImport
from napari_conformix.widgets.page import Page
from napari_conformix.widgets.parts import (
    SEVERITY_COLOURS,
    SEVERITY_SIGNS,
    DirectionPlot,
    EnclosedVolume,
    Fold,
    HistogramPlot,
    Summary,
    data_summary,
    heading,
    hint,
    kilodaltons,
    sentence,
)
from napari_conformix.widgets.scene import Scene, suggest_threshold

if TYPE_CHECKING:
    from pathlib import Path

    from napari_conformix.jobs import Job
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.preflight import Report
    from napari_conformix.widgets.latent_space import LatentSpace
    from napari_conformix.widgets.session import Inputs, Map, Session

_PICTURE = 84
_COLUMNS = 4
_MOST_PROBLEMS = 40
_THRESHOLD_DELAY_MS = 120
_WELCOME = (
    "Drop a particle file (.star of RELION, .cs of cryoSPARC) or a job folder here or anywhere on "
    "the panel, or choose one below. To try the program without data, take "
    "File ▸ Open Sample ▸ Conformix."
)


class DataPage(Page):
    """Open a data set and see whether it is fit for training."""

    name, title = "data", "Data"
    tip = "Open particles, maps or a job, and see whether they are fit for training"

    def __init__(self, space: LatentSpace) -> None:
        super().__init__(space)
        session = space.session
        self.welcome = hint(_WELCOME)
        self.form = InputsForm()
        self.imports = LatentsImport(session)
        self.import_fold = Fold("Open latents of another program…", self.imports)
        self.summary = SummaryView()
        self.samples = SampleStrip()
        self.contour = ContourView(session)
        self.problems = ProblemsView()
        self.check_button = QPushButton("Check again")
        self.check_button.setToolTip("Look at all files once more and list everything found")
        self.next_button = QPushButton("Go to Train ▸")

        buttons = QHBoxLayout()
        buttons.addWidget(self.check_button)
        buttons.addStretch(1)
        buttons.addWidget(self.next_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.welcome)
        layout.addWidget(self.form)
        layout.addWidget(self.import_fold)
        layout.addWidget(self.problems)
        layout.addLayout(buttons)
        layout.addWidget(self.contour)
        layout.addWidget(self.summary)
        layout.addWidget(self.samples)
        layout.addStretch(1)

        self.form.changed.connect(self._inputs_edited)
        self.check_button.clicked.connect(self.check)
        self.next_button.clicked.connect(lambda: session.page_requested.emit("train"))
        session.latents_offered.connect(self._offer_latents)
        session.inputs_changed.connect(self._inputs_changed)
        session.particles_opened.connect(self._show_particles)
        session.job_opened.connect(self._job_opened)
        session.job_closed.connect(self._job_closed)
        self.form.show_inputs(session.inputs)
        self._show_nothing()
        if session.particles is not None:
            self._show_particles(session.particles)

    # -- what is open -----------------------------------------------------------------------------

    def _show_nothing(self) -> None:
        for widget in (self.summary, self.samples, self.problems):
            widget.hide()
        self.check_button.setEnabled(False)
        self.next_button.setEnabled(False)

    def _inputs_changed(self, inputs: Inputs) -> None:
        self.form.show_inputs(inputs)
        if inputs.particles is None:
            self._show_nothing()

    def _inputs_edited(self, inputs: Inputs) -> None:
        """A field was changed: read the particles again, or only the maps."""
        before = self.session.inputs
        if inputs.particles is None:
            self.session.set_inputs(inputs)
            return
        same_files = (before.particles, before.datadir, before.passthrough) == (
            inputs.particles,
            inputs.datadir,
            inputs.passthrough,
        )
        if same_files and self.session.particles is not None:
            self.session.set_inputs(inputs)
            self.check()
        elif inputs.particles != before.particles:
            self.session.open_path(inputs.particles)
        else:
            self.session.open_particles(
                inputs.particles,
                datadir=inputs.datadir,
                passthrough=inputs.passthrough,
                consensus=inputs.consensus,
                mask=inputs.mask,
            )

    def _job_opened(self, job: Job) -> None:
        self.import_fold.button.setChecked(False)
        self.form.set_read_only(True)
        self.problems.hide()
        self.check_button.setEnabled(False)
        self.contour.use_button.setEnabled(False)

    def _job_closed(self) -> None:
        self.form.set_read_only(False)
        self.contour.use_button.setEnabled(True)

    def _show_particles(self, particles: ParticleSet) -> None:
        self.welcome.hide()
        self.check_button.setEnabled(True)
        self.next_button.setEnabled(self.session.has_decoder)
        self._request_summary(particles)
        if self.session.job is None:
            self.check()

    def _request_summary(self, particles: ParticleSet) -> None:
        def summarise() -> Summary:
            return data_summary.summarise(particles, data_summary.image_box(particles))

        rows = data_summary.sample_rows(len(particles))
        run = self.session.run_in_worker
        run(summarise, self.summary.show_summary, key="data summary")
        run(
            lambda: data_summary.sample_images(particles, rows),
            partial(self.samples.show_images, rows),
            self.samples.show_failure,
            key="data samples",
        )

    def _offer_latents(self, path: Path) -> None:
        """Latents were dropped: ask whose they are."""
        self.imports.set_latents(path)
        self.import_fold.button.setChecked(True)

    # -- checks -----------------------------------------------------------------------------------

    def check(self) -> None:
        """Run all checks, with the settings of the Train page, and list what they find."""
        particles, inputs = self.session.particles, self.session.inputs
        settings = self.session.draft_settings
        if particles is None:
            return

        def look() -> Report:
            from napari_conformix.training.preflight import preflight
            from napari_conformix.training.settings import TrainingSettings

            return preflight(
                particles, inputs.consensus, inputs.mask, settings or TrainingSettings()
            )

        self.problems.show_busy()
        self.session.run_in_worker(
            look, self.problems.show_report, self._check_failed, key="data check"
        )

    def _check_failed(self, error: Exception) -> None:
        self.problems.hide()
        self.session.report_error(error)


class ProblemsView(QWidget):
    """Everything the checks found, in sentences, errors first."""

    def __init__(self) -> None:
        super().__init__()
        self.title = heading("Checks")
        self.text = sentence()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.title)
        layout.addWidget(self.text)

    def show_busy(self) -> None:
        """While the checks run."""
        self.show()
        self.title.setText("Checks")
        self.text.setText("Looking at the files …")

    def show_report(self, report: Report) -> None:
        """List what was found."""
        problems = report.problems
        counts = {s: sum(p.severity == s for p in problems) for s in SEVERITY_SIGNS}
        self.title.setText(_verdict(counts))
        lines = [_in_html(problem) for problem in problems[:_MOST_PROBLEMS]]
        if len(problems) > _MOST_PROBLEMS:
            lines.append(f"… and {len(problems) - _MOST_PROBLEMS} more.")
        self.text.setText("".join(lines))
        self.text.setVisible(bool(lines))
        self.show()


def _verdict(counts: dict[str, int]) -> str:
    def many(count: int, what: str) -> str:
        return f"{count} {what}{'s' if count != 1 else ''}"

    if counts["error"]:
        return f"Checks: {many(counts['error'], 'problem')} to fix before training"
    if counts["warning"]:
        return f"Checks: ready to train, with {many(counts['warning'], 'warning')}"
    return "Checks: ready to train"


def _in_html(problem) -> str:
    colour, sign = SEVERITY_COLOURS[problem.severity], SEVERITY_SIGNS[problem.severity]
    where = (
        f" <span style='color:#7d848e'>({escape(problem.where)})</span>" if problem.where else ""
    )
    return (
        f"<p style='margin:2px 0'><span style='color:{colour}'>{sign}</span> "
        f"{escape(problem.message)}{where}</p>"
    )


class SummaryView(QWidget):
    """Counts, directions of view, and defocus."""

    def __init__(self) -> None:
        super().__init__()
        self._facts = QFormLayout()
        self._facts.setContentsMargins(0, 0, 0, 0)
        self._facts.setVerticalSpacing(2)
        self.directions = DirectionPlot()
        self.directions_text = hint()
        self.defocus = HistogramPlot("Defocus", "µm")
        plots = QGridLayout()
        plots.setContentsMargins(0, 4, 0, 0)
        plots.addWidget(QLabel("Directions of view"), 0, 0)
        plots.addWidget(QLabel("Defocus of the particles"), 0, 1)
        plots.addWidget(self.directions, 1, 0)
        plots.addWidget(self.defocus, 1, 1)
        plots.setColumnStretch(0, 1)
        plots.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(heading("The particles"))
        layout.addLayout(self._facts)
        layout.addLayout(plots)
        layout.addWidget(self.directions_text)

    def show_summary(self, summary: Summary) -> None:
        """Replace what is shown."""
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in summary.facts:
            self._facts.addRow(name, sentence(value))
        self.directions.setVisible(summary.directions is not None)
        if summary.directions is None:
            self.directions_text.setText("The file has no poses.")
        else:
            self.directions.show_chart(summary.directions)
            self.directions_text.setText(_coverage(summary.empty_directions))
        self.defocus.show_values(summary.defocus)
        self.show()


def _coverage(empty: float) -> str:
    if empty < 0.005:
        return "Every direction is seen (7° cells; equal-area projection, yellow: most particles)."
    return (
        f"{100 * empty:.0f} % of the directions (7° cells) are seen by no particle "
        "(equal-area projection, yellow: most particles)."
    )


class SampleStrip(QWidget):
    """Some images of the file, low-passed."""

    def __init__(self) -> None:
        super().__init__()
        self._text = hint()
        self._pictures = [QLabel() for _ in range(8)]
        grid = QGridLayout()
        grid.setSpacing(4)
        for i, picture in enumerate(self._pictures):
            picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
            grid.addWidget(picture, i // _COLUMNS, i % _COLUMNS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(heading("Sample images"))
        layout.addLayout(grid)
        layout.addWidget(self._text)

    def show_images(self, rows: np.ndarray, images: list[np.ndarray]) -> None:
        """Pictures (h, w) uint8 of the particles at `rows`."""
        for i, label in enumerate(self._pictures):
            label.setVisible(i < len(images))
            if i < len(images):
                label.setPixmap(_pixmap(images[i]))
                label.setToolTip(f"Particle {rows[i] + 1:,} of the file")
        self._text.setText(
            "Low-passed for the eye. The particle should be brighter than the background."
        )
        self.show()

    def show_failure(self, error: Exception) -> None:
        """The images cannot be read: say why, in their place."""
        for label in self._pictures:
            label.hide()
        self._text.setText(str(error))
        self.show()


def _pixmap(image: np.ndarray) -> QPixmap:
    height, width = image.shape
    picture = QImage(image.data, width, height, width, QImage.Format.Format_Grayscale8).copy()
    return QPixmap.fromImage(picture).scaled(
        _PICTURE,
        _PICTURE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


class ContourView(QWidget):
    """The contour at which the consensus is drawn, and what it encloses."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.scene = Scene.of(session)
        self._volume: EnclosedVolume | None = None
        self.slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Contour of the consensus map in the map's own grey values")
        self.text = sentence()
        self.use_button = QPushButton("Train with this contour")
        self.use_button.setToolTip(
            "Where the method needs a contour of the consensus map, use this one, in a new job"
        )
        row = QHBoxLayout()
        row.addWidget(self.text, 1)
        row.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(heading("Contour of the consensus map"))
        layout.addWidget(self.slider)
        layout.addLayout(row)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_THRESHOLD_DELAY_MS)
        self._timer.timeout.connect(lambda: self.scene.set_threshold(self.slider.value()))
        self.slider.valueChanged.connect(self._moved)
        self.use_button.clicked.connect(self._use)
        session.consensus_changed.connect(self._take)
        self.hide()
        if session.consensus is not None:
            self._take(session.consensus)

    def _take(self, consensus: Map | None) -> None:
        self.setVisible(consensus is not None)
        if consensus is None:
            self.scene.clear()
        else:
            mask = self.session.inputs.mask
            self.session.run_in_worker(
                lambda: _look_at(consensus, mask),
                lambda made: self._show(*made),
                key="data contour",
            )

    def _show(self, volume: EnclosedVolume, threshold: float) -> None:
        self._volume = volume
        top = float(volume.voxels[-1])
        low = min(0.0, threshold)
        self.slider.blockSignals(True)
        decimals = int(np.clip(3 - np.floor(np.log10(max(top, 1e-12))), 0, 9))
        self.slider.setDecimals(decimals)
        self.slider.setRange(low, top)
        self.slider.setSingleStep((top - low) / 100)
        self.slider.setValue(threshold)
        self.slider.blockSignals(False)
        if self.scene.threshold is not None and not np.isclose(self.scene.threshold, threshold):
            self.scene.set_threshold(threshold)  # a mask moves it
        self._say()

    def _moved(self) -> None:
        self._say()
        self._timer.start()

    def _say(self) -> None:
        if self._volume is None:
            return
        volume = self._volume.above(self.slider.value())
        said = f"Encloses {volume:,.0f} Å³, about {kilodaltons(volume):,.0f} kDa of protein"
        settings = self.session.draft_settings
        needed = settings.for_enclosed_volume(volume) if settings is not None else ""
        self.text.setText(f"{said}: {needed}." if needed else f"{said}.")

    def showEvent(self, event: QShowEvent) -> None:
        """The settings may have been changed on the Train page."""
        super().showEvent(event)
        self._say()

    def _use(self) -> None:
        self.session.threshold_chosen.emit(self.slider.value())
        self.session.message.emit(
            f"Training will use the contour {self.slider.value():.4g} (see the Train page).", "info"
        )


def _look_at(consensus: Map, mask: Path | None) -> tuple[EnclosedVolume, float]:
    """What contours enclose, and the one that training would choose (in a worker)."""
    from napari_conformix.particles import read_map

    within = None if mask is None else read_map(mask)[0]
    if within is not None and within.shape != consensus.array.shape:
        within = None  # the checks above say so
    volume = EnclosedVolume.of(consensus.array, consensus.pixel_size_angstrom)
    return volume, suggest_threshold(consensus.array, within)
