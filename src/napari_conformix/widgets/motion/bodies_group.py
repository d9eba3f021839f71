"""Motion by domains: which parts of the molecule move as rigid bodies, in colour and in words.

The job finds the bodies, in a worker; here they are drawn in the scene, described one a line, and
written as soft masks for RELION's multi-body refinement.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from napari_conformix.analysis.motion import MOST_BODIES
from napari_conformix.export.multibody import STAR_NAME
from napari_conformix.widgets.colours import palette
from napari_conformix.widgets.parts import Banner, Fold, IntBox, hint, sentence, signed
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import Domains
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Session

_HELP: Final = (
    "Groups the parts of the molecule that move together: in every particle a body keeps its shape "
    "and only turns and shifts."
)
_DOUBT: Final = "Do not take these bodies for domains", "The text below the table says why."
_FEWEST_TO_WRITE: Final = 2
#: diameter of the drawn spheres over the spacing of the points, so that a body looks solid
_SPHERE_OVER_SPACING: Final = 1.6
_FOLDER: Final = "bodies"


@dataclass(frozen=True)
class Found:
    """Bodies, how they were asked for, and how they are drawn: rgba (p, 4), diameter in A."""

    domains: Domains
    asked: int
    epoch: int
    rgba: np.ndarray
    diameter: float

    @classmethod
    def by(cls, job: Job, bodies: int, epoch: int) -> Found:
        """Ask the job; slow, for a worker."""
        domains = job.domains(bodies)
        colours = np.array([(*palette(place), 1.0) for place in range(len(domains.bodies))])
        return cls(domains, bodies, epoch, colours[domains.labels], _diameter(domains.positions))


class BodiesGroup(QGroupBox):
    """Finds bodies when asked to; `shown_changed` says whether they are in the scene."""

    shown_changed = Signal(bool)

    def __init__(self, session: Session, scene: Scene) -> None:
        super().__init__("Rigid bodies")
        self._session, self._scene = session, scene
        self.found: Found | None = None
        self._wanted: int | None = None  # bodies being looked for
        self._active = self._told = False
        self._folder: Path | None = None  # of the masks that were written
        self._build()
        self._lay_out()
        self.count.valueChanged.connect(lambda *_: self._say_command())
        self.find.clicked.connect(self._find)
        self.show_box.toggled.connect(self._show_toggled)
        self.write.clicked.connect(self._ask_folder)
        session.job_opened.connect(lambda *_: self.clear())
        session.job_closed.connect(self.clear)
        session.latents_changed.connect(self._take_latents)
        self.clear()

    def _build(self) -> None:
        self.count = IntBox()
        self.count.setRange(1, MOST_BODIES)
        self.count.setValue(2)
        self.count.setToolTip("Begin with 2; what is found says whether more would be worth it")
        self.find = QPushButton("Find bodies")
        self.busy_bar = QProgressBar()
        self.busy_bar.setRange(0, 0)
        self.busy_bar.setTextVisible(False)
        self.busy_bar.setMaximumHeight(6)
        self.said, self.age, self.note = sentence(), sentence(), hint()
        self.doubt, self.table, self.verdict = Banner(), QLabel(), sentence()
        self.show_box = QCheckBox("Show the bodies in the scene, in place of arrows")
        self.write = QPushButton("Write masks for RELION multi-body…")
        self.saved = sentence()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(110)
        self.fold = Fold("Show command line", self.command)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Number of bodies"))
        row.addWidget(self.count)
        row.addWidget(self.find, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(hint(_HELP))
        layout.addLayout(row)
        for widget in (self.busy_bar, self.said, self.show_box, self.doubt, self.table):
            layout.addWidget(widget)
        for widget in (self.note, self.verdict, self.age, self.write, self.saved, self.fold):
            layout.addWidget(widget)

    # -- what the page asks -----------------------------------------------------------------------

    @property
    def shown(self) -> bool:
        """Whether bodies are in the scene, or would be if the page were in front."""
        return self.found is not None and self.show_box.isChecked()

    def set_active(self, active: bool) -> None:
        """Whether the page is in front: only then are bodies in the scene."""
        self._active = active
        self._draw()

    def give_way(self) -> None:
        """Something else is to be seen in the scene."""
        self.show_box.setChecked(False)

    def clear(self) -> None:
        """Nothing was found."""
        self._wanted, self._folder = None, None
        for label in (self.said, self.saved, self.age):
            _say(label, "")
        self._take(None)

    # -- finding ----------------------------------------------------------------------------------

    def _find(self) -> None:
        job, latents, bodies = self._session.job, self._session.latents, self.count.value()
        if job is None or latents is None:
            return
        self._wanted = bodies
        epoch = latents.epoch
        self._begin(f"Finding {_bodies(bodies)} …")

        def done(found: Found) -> None:
            if found.asked == self._wanted:  # else the user has asked for another number since
                self._wanted = None
                _say(self.said, "")
                self._take(found)

        def failed(error: Exception) -> None:
            if bodies == self._wanted:
                self._wanted = None
                self._take(None)
                _say(self.said, signed("error", f"No bodies were found. {error}"))
                self._session.report_error(error)

        self._session.run_in_worker(
            lambda: Found.by(job, bodies, epoch), done, failed, key="job:bodies"
        )

    def _begin(self, words: str) -> None:
        self.busy_bar.show()
        _say(self.said, words + " It can take a minute; you can go on working.")
        _say(self.saved, "")

    def _take(self, found: Found | None) -> None:
        self.found, self._folder = found, None
        self.busy_bar.setVisible(self._wanted is not None)
        for widget in (self.table, self.verdict, self.note, self.show_box, self.write):
            widget.setVisible(found is not None)
        _say(self.age, "")
        _say(self.saved, "")
        self.doubt.say("neutral", "")
        if found is not None:
            self._describe(found.domains)
            latents = self._session.latents
            if latents is not None:
                self._take_latents(latents)
        with QSignalBlocker(self.show_box):
            self.show_box.setChecked(found is not None)
        self._show_toggled()
        self._say_command()

    def _describe(self, domains: Domains) -> None:
        self.table.setText(legend(domains))
        several = len(domains.bodies) > 1
        seen = "Rotation and shift: RMS over particles, as seen from body 1, the largest. "
        left = f"Left over: what is not rigid motion (RMS). From {domains.particles:,} particles."
        self.note.setText((seen if several else "") + left)
        if domains.doubtful:
            self.doubt.say("doubt", *_DOUBT)
        words = with_units(domains.sentence())
        self.verdict.setText(signed("warning" if domains.doubtful else "note", words))
        self.write.setEnabled(len(domains.bodies) >= _FEWEST_TO_WRITE)
        self.write.setToolTip(
            "A soft mask of each body (.mrc) and the table that multi-body refinement takes"
            if several
            else "Multi-body refinement needs at least two bodies"
        )

    def _take_latents(self, latents: LatentTable) -> None:
        """Bodies stay as they were found when the training goes on, and say so."""
        if self.found is not None and self.found.epoch != latents.epoch:
            old = f"These bodies are of epoch {self.found.epoch}; the model is at {latents.epoch}."
            _say(self.age, signed("warning", f"{old} Find them again to see the newest."))

    # -- showing ----------------------------------------------------------------------------------

    def _show_toggled(self, *_: bool) -> None:
        if self.shown != self._told:
            self._told = self.shown
            self.shown_changed.emit(self.shown)
        self._draw()

    def _draw(self) -> None:
        if self._active and self.shown:
            found = self.found
            self._scene.show_bodies(found.domains.positions, found.rgba, found.diameter)
            words = _bodies(len(found.domains.bodies))
            self._scene.set_label(f"{words}\nhalf 1, epoch {found.epoch}")
        else:
            self._scene.show_bodies(None)

    # -- masks ------------------------------------------------------------------------------------

    def write_masks(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the masks of the bodies that are shown and RELION's table, in a worker."""
        job, found = self._session.job, self.found
        if job is None or found is None:
            return
        _say(self.saved, "Writing masks …")

        def done(paths: list[Path]) -> None:
            if found is not self.found:
                return
            self._folder = folder
            masks = len(paths) - 1
            _say(
                self.saved,
                f"Wrote {masks} masks and <b>{STAR_NAME}</b> to folder “{escape(folder.name)}”. "
                "In RELION, start a 3D multi-body job from a finished 3D auto-refinement and give "
                f"it {STAR_NAME} as body STAR file. The command line below does the same.",
            )
            self.saved.setToolTip("\n".join(map(str, paths)))
            self._say_command()

        def failed(error: Exception) -> None:
            _say(self.saved, signed("error", f"No masks were written. {error}"))
            self._session.report_error(error)

        self._session.run_in_worker(
            lambda: job.write_body_masks(found.domains, folder, overwrite=overwrite),
            done,
            failed,
            key="job:body masks",
        )

    def _ask_folder(self) -> None:
        begin = str(self._session.job.folder)
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the body masks", begin)
        if not chosen:
            return
        folder = Path(chosen)
        there = (folder / STAR_NAME).exists() or any(folder.glob("body_*_mask.mrc"))
        if not there or self._may_replace(folder):
            self.write_masks(folder, overwrite=there)

    def _may_replace(self, folder: Path) -> bool:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = f"There are masks of bodies in {folder} already. Replace them?"
        return QMessageBox.question(self, "Replace masks", question, yes | no, no) == yes

    def _say_command(self) -> None:
        job = self._session.job
        if job is None:
            self.command.setPlainText("Open a job first.")
            return
        found = self.found
        bodies = self.count.value() if found is None else found.asked
        words = ["conformix", "domains", str(job.folder), "--bodies", str(bodies)]
        if bodies >= _FEWEST_TO_WRITE:
            words += ["-o", str(self._folder or Path(job.folder) / _FOLDER)]
        lines = [shlex.join(words)]
        if self._folder is not None:
            star = shlex.quote(str(self._folder / STAR_NAME))
            refine = "relion_refine_mpi --continue run_itNNN_optimiser.star --multibody_masks"
            lines.append(f"{refine} {star} …")
        self.command.setPlainText("\n\n".join(lines))


def legend(domains: Domains) -> str:
    """A table with one line a body, as rich text."""
    head = ("", domains.pieces[:1].upper() + domains.pieces[1:], "rotation", "shift", "left over")
    rows = ["".join(f"<td align='right'>&nbsp;&nbsp;{title}</td>" for title in head)]
    for place, body in enumerate(domains.bodies):
        colour = QColor.fromRgbF(*palette(place)).name()
        name = f"<span style='color:{colour}'>⬤</span>&nbsp; body {place + 1}"
        moves = (f"{body.rotation_degrees:.1f}°", f"{body.shift_angstrom:.1f} Å")
        if not place:
            moves = ("reference", "") if len(domains.bodies) > 1 else ("–", "–")
        cells = (f"{body.points:,}", *moves, f"{body.residual_angstrom:.2f} Å")
        numbers = "".join(f"<td align='right'>&nbsp;&nbsp;{cell}</td>" for cell in cells)
        rows.append(f"<td>{name}</td>{numbers}")
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _diameter(positions: np.ndarray) -> float:
    """Of the spheres drawn at points (p, 3), A: neighbours touch."""
    from scipy.spatial import cKDTree

    near = cKDTree(positions).query(positions, k=min(4, len(positions)))[0]
    return _SPHERE_OVER_SPACING * float(np.median(near[:, -1]))


def _bodies(count: int) -> str:
    return "1 rigid body" if count == 1 else f"{count} rigid bodies"


def _say(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
