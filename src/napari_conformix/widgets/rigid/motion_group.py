"""Rigid motion of a domain between clusters: a mask, the fits, the translation-rotation plot."""

from __future__ import annotations

import math
import shlex
import threading
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QSignalBlocker, QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from napari_conformix.widgets.colours import cluster_colour, hex_of
from napari_conformix.widgets.parts import Fold, combo, fill, hint, sentence, signed
from napari_conformix.widgets.rigid.mask_group import DomainMaskGroup
from napari_conformix.widgets.rigid.plot import Disc, MotionPlot
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.jobs.clusters import ClusterSet
    from napari_conformix.jobs.rigid import DomainMotion
    from napari_conformix.widgets.session import Session

_HELP: Final = (
    "How a part of the molecule turns and shifts from cluster to cluster. Paint or choose a mask "
    "of the part on the consensus; the program lays it on the map of every cluster."
)
_PICK: Final = (
    "Click a cluster in the plot, or drag a line around several; Shift adds. A cluster without the "
    "domain is picked by its number below the plot."
)
_MAPS: Final = (("the decoded maps", "decoded"), ("their own particles' maps", "reconstructed"))
_SIZES: Final = ("shift of its centre of mass (Å)", "turn (degrees)")
_SIGNED: Final = ("shift along the main direction (Å)", "turn about the main axis (degrees)")
_POLL_MS: Final = 150
_MEASURE, _LOAD = "job:domain motion", "job:domain motion of set"


class DomainMotionGroup(QGroupBox):
    """Measures when asked to. The page says which set of clusters is open."""

    #: clusters (from 0) picked in the plot
    classes_picked = Signal(list)
    #: rows (n,) of the picked clusters' particles, and how they were found, for the history
    selection_asked = Signal(object, dict)
    #: the consensus is to be seen alone in the scene, to paint on
    painting_changed = Signal(bool)

    def __init__(self, session: Session) -> None:
        super().__init__("Motion of a domain between clusters")
        self._session = session
        self._clusters: ClusterSet | None = None
        self.shown: DomainMotion | None = None
        self._stop: threading.Event | None = None
        self._share = 0.0
        self._build()
        self._lay_out()
        self._connect()
        self.take_cluster_set(None)

    def _build(self) -> None:
        self.mask = DomainMaskGroup(self._session)
        self.fixed_box, self.maps_box, self.reference_box = combo(), combo(), combo()
        self.fixed_box.setToolTip(
            "A part that is taken to be at rest: it is fitted too, and the motion is given "
            "relative to it. Needed where whole maps are turned or shifted"
        )
        self.maps_box.setToolTip(
            "Maps that each cluster's own particles reconstruct to have half maps, which give "
            "honest errors"
        )
        self.reference_box.setToolTip(
            "A cluster, where the motion itself has smeared the domain of the consensus"
        )
        fill(self.maps_box, list(_MAPS))
        self.measure = QPushButton("Measure motion")
        self.cancel = QPushButton("Cancel")
        self.bar = QProgressBar()
        self.bar.setMaximumHeight(14)
        self.said, self.words, self.age = sentence(), sentence(), sentence()
        self.plot = MotionPlot()
        self.signs = QCheckBox("Distinguish directions: negative is the other way")
        self.missing = QLabel()
        self.missing.setWordWrap(True)
        self.pick_hint = hint(_PICK)
        self.select = QPushButton()
        self.selected = sentence()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(80)
        self.fold = Fold("Show command line", self.command)
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Fixed part", self.fixed_box)
        form.addRow("Fit", self.maps_box)
        form.addRow("Relative to", self.reference_box)
        row = QHBoxLayout()
        row.addWidget(self.measure, stretch=1)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 8)
        column.addWidget(hint(_HELP))
        column.addWidget(self.mask)
        column.addLayout(form)
        column.addLayout(row)
        for widget in (self.bar, self.said, self.age, self.plot, self.missing, self.signs):
            column.addWidget(widget)
        for widget in (self.pick_hint, self.select, self.selected, self.words, self.fold):
            column.addWidget(widget)

    def _connect(self) -> None:
        self.mask.chosen.connect(lambda *_: self._say_command())
        self.mask.chosen.connect(lambda *_: self._allow())
        self.mask.listed.connect(self._list_fixed)
        self.mask.painting_changed.connect(self.painting_changed)
        self.mask.painting_changed.connect(lambda *_: self._allow())
        for box in (self.fixed_box, self.maps_box, self.reference_box):
            box.currentIndexChanged.connect(lambda *_: self._say_command())
        self.measure.clicked.connect(self.start)
        self.cancel.clicked.connect(self.stop)
        self.signs.toggled.connect(lambda *_: self._draw())
        self.plot.picked.connect(self._picked)
        self.missing.linkActivated.connect(self._missing_clicked)
        self.select.clicked.connect(self.select_particles)
        self._timer.timeout.connect(self._show_progress)
        self._session.job_closed.connect(lambda: self.take_cluster_set(None))

    # -- what the page says -----------------------------------------------------------------------

    def take_cluster_set(self, clusters: ClusterSet | None) -> None:
        """Another set of clusters is open, or none; what was measured of it before is shown."""
        self.stop()
        self._clusters = clusters
        self._say("")
        self.mask.refresh()
        count = 0 if clusters is None else len(clusters)
        decoded = clusters is None or bool(clusters.record.maps)
        fill(self.maps_box, list(_MAPS if decoded else _MAPS[1:]))
        numbered = [(f"cluster {i + 1}", i) for i in range(count)]
        fill(self.reference_box, [("the consensus", None), *numbered])
        self._show(None)
        self._allow()
        self._say_command()
        if clusters is not None:
            self._session.run_in_worker(
                lambda: _newest(clusters),
                lambda found: self._show(found) if clusters is self._clusters else None,
                key=_LOAD,
            )

    def set_active(self, active: bool) -> None:
        """Whether the page is in front: only then does painting take the mouse in the scene."""
        self.mask.set_active(active)

    @property
    def picked(self) -> list[int]:
        """Clusters (from 0) that are picked in the plot."""
        return sorted(self.plot.chosen | self._missing_picked)

    # -- measuring --------------------------------------------------------------------------------

    def start(self) -> None:
        """Fit the domain in every cluster, in a worker."""
        job, clusters, mask = self._session.job, self._clusters, self.mask.path
        if job is None or clusters is None or mask is None or self._stop is not None:
            return
        stop = self._stop = threading.Event()
        self._share = 0.0
        arguments = {
            "fixed": self.fixed_box.currentData(),
            "maps": self.maps_box.currentData(),
            "reference": self.reference_box.currentData(),
        }

        def tell(share: float) -> None:
            self._share = share  # read by the timer, on the window's thread

        def done(found: DomainMotion | None) -> None:
            if stop is self._stop:
                self._ended("Stopped; nothing was measured." if found is None else "")
                if found is not None:
                    self._show(found)

        def failed(error: Exception) -> None:
            if stop is self._stop:
                self._ended(signed("error", f"Not measured. {error}"))
                self._session.report_error(error)

        self._say("Fitting the domain in every cluster; you can go on working.")
        self._timer.start()
        self._allow()
        self._session.run_in_worker(
            lambda: job.domain_motion(
                clusters.name, mask, progress=tell, stop=stop.is_set, **arguments
            ),
            done,
            failed,
            key=_MEASURE,
        )

    def stop(self) -> None:
        """Measure no further."""
        if self._stop is not None:
            self._stop.set()
            self._session.workers.drop(_MEASURE)
            self._ended("Stopped; nothing was measured.")

    def _ended(self, words: str) -> None:
        self._stop = None
        self._timer.stop()
        self._say(words)
        self._allow()

    def _show_progress(self) -> None:
        self.bar.setValue(round(100 * self._share))

    def _allow(self) -> None:
        """What can be pressed now."""
        running = self._stop is not None
        ready = self._clusters is not None and self.mask.path is not None and not running
        self.measure.setEnabled(ready and not self.mask.painting)
        self.measure.setToolTip("" if ready else "Paint, choose or load a mask of the domain first")
        self.cancel.setVisible(running)
        self.bar.setVisible(running)
        if running:
            self.bar.setValue(0)

    # -- showing ----------------------------------------------------------------------------------

    def _show(self, found: DomainMotion | None) -> None:
        self.shown = found
        self._missing_picked: frozenset[int] = frozenset()
        self.plot.choose(frozenset())
        for widget in (self.plot, self.missing, self.signs, self.pick_hint, self.select):
            widget.setVisible(found is not None)
        self.words.setVisible(found is not None)
        self.selected.hide()
        if found is not None:
            self._describe(found)
        else:
            self.age.hide()
        self._draw()
        self._name_picked()

    def _describe(self, found: DomainMotion) -> None:
        self.words.setText("<br>".join(escape(with_units(line)) for line in found.sentences()))
        of = f"{Path(found.mask).name} in {found.clusters}, {found.of_what}, epoch {found.epoch}."
        self.age.setText(of)
        self.age.setVisible(True)
        twoway = len({np.sign(found.along(i)[0]) for i in found.found}) > 1
        with QSignalBlocker(self.signs):
            self.signs.setChecked(False)
        self.signs.setEnabled(twoway)

    def _draw(self) -> None:
        found = self.shown
        if found is None:
            self.plot.show_discs([], _SIZES)
            return
        with_sign = self.signs.isChecked()
        discs = []
        for index in found.found:
            motion = found.motions[index]
            turn, shift = motion.rotation_degrees, motion.translation_angstrom
            if with_sign:
                turn, shift = found.along(index)
            discs.append(
                Disc(
                    index,
                    shift,
                    turn,
                    motion.translation_error_angstrom,
                    motion.rotation_error_degrees,
                    found.counts[index],
                    cluster_colour(index),
                    _tip(found, index),
                )
            )
        self.plot.show_discs(discs, _SIGNED if with_sign else _SIZES)
        self._list_missing()

    def _list_missing(self) -> None:
        found = self.shown
        lines = [
            f"{self._link(index)} the domain is not there: {_why(found, index)}"
            for index in found.missing
        ]
        if found.unmeasured:
            numbers = " ".join(self._link(index) for index in found.unmeasured)
            lines.append(f"{numbers} not measured: no map of their own particles yet")
        self.missing.setText("<br>".join(lines))
        self.missing.setVisible(bool(lines))

    def _link(self, index: int) -> str:
        colour = hex_of(cluster_colour(index))
        picked = index in self._missing_picked
        mark = "☒" if picked else "☐"
        return (
            f"<a href='{index}' style='text-decoration:none; color:{colour}'>{mark} "
            f"<b>cluster {index + 1}</b></a>"
        )

    # -- picking ----------------------------------------------------------------------------------

    def _picked(self, clusters: list[int]) -> None:
        self._name_picked()
        self.classes_picked.emit(self.picked)

    def _missing_clicked(self, link: str) -> None:
        self._missing_picked ^= {int(link)}
        self._list_missing()
        self._picked([])

    def _name_picked(self) -> None:
        picked, found = self.picked, self.shown
        self.selected.hide()
        self.select.setEnabled(bool(picked))
        if found is None or not picked:
            self.select.setText("Select their particles")
            return
        count = sum(found.counts[index] for index in picked)
        self.select.setText(f"Select their {count:,} particles ({_named(picked)})")

    def select_particles(self) -> None:
        """Ask for the particles of the picked clusters to become the current selection."""
        clusters, picked, found = self._clusters, self.picked, self.shown
        if clusters is None or not picked or found is None:
            return
        rows = np.flatnonzero(np.isin(clusters.clustering.labels, picked))
        how: dict[str, Any] = {
            "kind": "clusters",
            "set": clusters.name,
            "numbers": [index + 1 for index in picked],
            "epoch": clusters.epoch,
            "domain": Path(found.mask).name,
        }
        self.selection_asked.emit(rows, how)
        self.selected.setText(
            f"{len(rows):,} particles of {_named(picked)} are selected now. Undo is above the "
            "latent space view; name, save and export the selection on the Explore page."
        )
        self.selected.show()

    # -- words ------------------------------------------------------------------------------------

    def _list_fixed(self, masks: list[Path]) -> None:
        entries = [("none: the frame of the maps", None)]
        fill(self.fixed_box, entries + [(path.stem, str(path)) for path in masks])

    def _say(self, words: str) -> None:
        self.said.setText(words)
        self.said.setVisible(bool(words))

    def _say_command(self) -> None:
        job, clusters, mask = self._session.job, self._clusters, self.mask.path
        if job is None or clusters is None:
            self.command.setPlainText("Open a job with clusters first.")
            return
        words = ["conformix", "domain-motion", str(job.folder), "--clusters", clusters.name]
        words += ["--mask", str(mask or "MASK.mrc")]
        if self.fixed_box.currentData() is not None:
            words += ["--fixed", str(self.fixed_box.currentData())]
        if self.maps_box.currentData() == "reconstructed":
            words.append("--reconstructed")
        if self.reference_box.currentData() is not None:
            words += ["--reference", str(self.reference_box.currentData() + 1)]
        self.command.setPlainText(shlex.join(words))


def _newest(clusters: ClusterSet) -> DomainMotion | None:
    """What was measured of a set last; None if nothing was."""
    from napari_conformix.jobs.rigid import DomainMotion, measured

    files = measured(clusters)
    return DomainMotion.load(files[0]) if files else None


def _named(clusters: list[int]) -> str:
    word = "cluster" if len(clusters) == 1 else "clusters"
    return f"{word} {', '.join(str(index + 1) for index in clusters)}"


def _why(found: DomainMotion, index: int) -> str:
    motion = found.motions[index]
    if math.isfinite(motion.density):
        return (
            f"{max(round(100 * motion.density), 0)} % of its density, correlation "
            f"{motion.correlation:.2f}"
        )
    return f"correlation {motion.correlation:.2f}"


def _tip(found: DomainMotion, index: int) -> str:
    motion = found.motions[index]
    axis = ", ".join(f"{value:z.2f}" for value in motion.axis)
    return (
        f"Cluster {index + 1}: {found.counts[index]:,} particles\n"
        f"turn {motion.rotation_degrees:.1f} ± {motion.rotation_error_degrees:.1f}° about "
        f"({axis})\n"
        f"shift {motion.translation_angstrom:.1f} ± {motion.translation_error_angstrom:.1f} Å, "
        f"{motion.along_axis_angstrom:z.1f} Å of it along the axis\n"
        f"correlation {motion.correlation_before:.2f} before, {motion.correlation:.2f} after"
    )
