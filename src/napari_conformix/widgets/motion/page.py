"""The Deformation page: how a particle is deformed, and how far to believe it.

Arrows lead from the consensus to where matter is in the particle; the spheres at their ends are
the error. The page connects what is chosen (`source_group`) with what is drawn (`arrows_group`)
and said (`belief_group`); the job computes, in a worker.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtWidgets import QLabel, QVBoxLayout

from napari_conformix.analysis.spaces import views
from napari_conformix.errors import NotSupportedError
from napari_conformix.widgets.colours import motion
from napari_conformix.widgets.motion import source_group
from napari_conformix.widgets.motion.arrows_group import ArrowsGroup
from napari_conformix.widgets.motion.belief_group import BeliefGroup
from napari_conformix.widgets.motion.bodies_group import BodiesGroup
from napari_conformix.widgets.motion.particle_picker import HELD_OUT, SELECTED
from napari_conformix.widgets.motion.save_group import SaveGroup
from napari_conformix.widgets.motion.source import Found, OneParticle, Source, State
from napari_conformix.widgets.motion.source_group import MotionGroup
from napari_conformix.widgets.page import Page
from napari_conformix.widgets.parts import NO_MOTION, Banner, BiasBanner, hint, sentence, signed
from napari_conformix.widgets.scene import Arrows, Limits
from napari_conformix.widgets.session import FIRST, with_units
from napari_conformix.widgets.spaces import MotionStore

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.latent_space import LatentSpace
    from napari_conformix.widgets.scene import Prepared
    from napari_conformix.widgets.session import CursorPlace

_NO_JOB: Final = "Open a job folder on the Data page to see how its particles are deformed."
_UNTRAINED: Final = (
    "Deformations can be seen after the first epoch of training. Start the run on the Train page."
)
_NO_FIELD: Final = (
    "The method of this job makes maps and has no displacements, so there are no arrows to show: "
    "see on the Clusters page what changes between particles, and on the Explore page whether it "
    "can be believed."
)
_VERDICT_LEVELS: Final = {"clear": "good", "weak": "doubt", "unknown": "neutral"}
_UNKNOWN: Final = "It cannot be said whether the motion is real"
#: ends of the colour bars for all particles: of their largest displacements, and above their RMS
#: errors, as the error of a single position exceeds that of the whole
_RANGE_PERCENT, _ERROR_OVER_RMS = 95.0, 3.0


@dataclass(frozen=True)
class Shown:
    """A deformation as the scene shows it."""

    source: Source
    found: Found
    arrows: Arrows
    end: Prepared | None
    start: Prepared | None
    epoch: int


class DeformationPage(Page):
    """Pick a motion; see arrows, error spheres, both maps, and whether to believe it."""

    name, title = "deformation", "Deformation"
    tip = "How the molecule moves, and how far to believe it"

    def __init__(self, space: LatentSpace) -> None:
        super().__init__(space)
        session = space.session
        self.scene = space.scene
        self.motions = MotionStore.of(session)
        self.active = False
        self.shown: Shown | None = None
        self._common: Limits | None = None
        self.verdict, self.bias = Banner(), BiasBanner(session)
        self.advice, self.warnings = hint(), sentence()
        self.hint = QLabel(_NO_JOB)
        self.hint.setWordWrap(True)
        self.motion = MotionGroup()
        self.arrows = ArrowsGroup(self.scene)
        self.belief = BeliefGroup()
        self.save = SaveGroup(session)
        self.bodies = BodiesGroup(session, self.scene)
        self.groups = [self.motion, self.belief, self.arrows, self.save, self.bodies]
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 6, 2, 6)
        above = (self.verdict, self.warnings, self.advice, self.bias, self.hint)
        for widget in (*above, *self.groups):
            column.addWidget(widget)
        column.addStretch(1)  # or groups with wrapped lines share what is left
        self._connect()
        self._enable(False, _NO_JOB)

    def _connect(self) -> None:
        session, space, picker = self.session, self.space, self.motion.picker
        session.job_opened.connect(self._open_job)
        session.job_closed.connect(self._close_job)
        session.latents_changed.connect(self._take_latents)
        session.consensus_changed.connect(lambda *_: self._again())
        self.motions.table_changed.connect(self._take_table)
        self.motions.verdict_changed.connect(self._take_verdict)
        self.motions.said.connect(self.belief.say_progress)
        self.motion.chosen.connect(self._choose)
        self.bodies.shown_changed.connect(self._bodies_shown)
        self.belief.particle_picked.connect(self.motion.pick)
        self.arrows.count_slider.valueChanged.connect(self.save.set_count)
        picker.list_chosen.connect(self._fill_list)
        space.cursor.moved.connect(self._cursor_moved)
        space.views.shown.connect(lambda *_: self._mark_on_view())
        space.selections.listed.connect(self._list_names)
        space.selections.selection_changed.connect(self._selection_changed)

    def _enable(self, enabled: bool, why: str = "", *, apply: bool = True) -> None:
        """`apply`: whether the controls, though perhaps not yet, are for the method of the job."""
        self.hint.setText(why)
        self.hint.setVisible(bool(why))
        for group in self.groups:
            group.setEnabled(enabled)
            group.setVisible(apply)

    # -- what is open -----------------------------------------------------------------------------

    def set_active(self, active: bool) -> None:
        """Whether this page is the one in front: only then are its arrows in the scene."""
        if active == self.active:
            return
        self.active = active
        self.space.conformation.set_active(not active)
        if active:
            self._want()
            self._again()
        else:
            self._clear_scene()
        self.bodies.set_active(active)

    def _open_job(self, job: Job) -> None:
        self._forget(_UNTRAINED)

    def _close_job(self) -> None:
        self._forget(_NO_JOB)

    def _forget(self, why: str) -> None:
        """Nothing of the job before is shown."""
        self._show_nothing()
        self.motion.forget()
        self.belief.show_table(None)
        self.motion.picker.set_list(np.zeros(0, dtype=np.int64), None, None)
        self._take_verdict(None)
        self._enable(False, why)

    def _take_latents(self, latents: LatentTable) -> None:
        """A new epoch: what is shown is asked for again."""
        if not views.in_angstrom(latents):
            why = _NO_FIELD if self.session.has_decoder else NO_MOTION
            self._enable(False, why, apply=False)
            return
        self._enable(True)
        self.motion.take_latents(latents)
        self._fill_list(self.motion.picker.chosen_list)
        if self.active:
            self._want()
            self._again()

    def _want(self) -> None:
        """Motions of all particles and the verdict, if they are not there yet."""
        latents = self.session.latents
        if latents is None or not views.in_angstrom(latents):
            return
        if self.motions.verdict is None:
            self.verdict.say("neutral", "Testing whether the motion exceeds its error …")
        self.motions.want_verdict()
        self.motions.want_table()

    def _take_verdict(self, verdict: Any) -> None:
        if verdict is None:
            self.verdict.say("neutral", "")
            self.advice.hide()
            self.warnings.hide()
            return
        level, folder = _VERDICT_LEVELS.get(verdict.level, "bad"), str(self.session.job.folder)
        headline, colon, details = with_units(verdict.sentence).partition(": ")
        if verdict.level == "unknown" or not colon:
            headline, details = _UNKNOWN, with_units(verdict.sentence)
        self.verdict.say(level, headline, details[:1].upper() + details[1:])
        self.advice.setText(with_units(verdict.advice).replace(" JOB ", f" {shlex.quote(folder)} "))
        self.advice.setVisible(bool(verdict.advice))
        warnings = "<br>".join(signed("warning", with_units(text)) for text in verdict.warnings)
        self.warnings.setText(warnings)
        self.warnings.setVisible(bool(warnings))

    def _take_table(self, table: Any) -> None:
        self.belief.show_table(table)
        self._common = None if table is None else _limits_of(table)
        self._fill_list(self.motion.picker.chosen_list)
        if self.shown is not None:
            self._draw(self.shown)

    # -- lists of particles -----------------------------------------------------------------------

    def _list_names(self, names: list[str]) -> None:
        self.motion.picker.set_names(names)
        self._fill_list(self.motion.picker.chosen_list)

    def _selection_changed(self) -> None:
        if self.motion.picker.chosen_list == SELECTED:
            self._fill_list(SELECTED)

    def _fill_list(self, name: str) -> None:
        """The particles of a list, with what is known of them."""
        latents, job, table = self.session.latents, self.session.job, self.motions.table
        picker = self.motion.picker
        if latents is None or job is None:
            return
        if name == HELD_OUT:
            picker.set_list(np.flatnonzero(latents.validation), latents, table)
        elif name == SELECTED:
            history = self.space.history
            rows = np.zeros(0, dtype=np.int64) if history is None else history.rows
            picker.set_list(rows, latents, table)
        else:
            self.session.run_in_worker(
                lambda: job.selection(name.removeprefix("saved ")).rows,
                lambda rows: picker.set_list(rows, latents, table),
                key="job:particle list",
            )

    # -- picking ----------------------------------------------------------------------------------

    def _cursor_moved(self, place: CursorPlace) -> None:
        """The cursor of the latent space view: a particle, or a point where points are compared."""
        view = self.space.latent_view
        if not self.active or view is None or not len(view.xy) or place.view != FIRST:
            return
        if self.motion.mode == source_group.POINTS:
            half = view.space.half or self.space.conformation.half
            self.motion.point(view.spot(place.xy, half))
        else:
            self.motion.pick(view.row_near(place.xy))

    def _mark_on_view(self) -> None:
        """Put the view's cursor on the particle that is shown."""
        view, row, mode = self.space.latent_view, self.motion.row, self.motion.mode
        if not self.active or None in (view, row, self.shown):
            return
        if mode in (source_group.PARTICLE, source_group.PARTICLES):
            self.space.cursor.put(FIRST, view.place_of(row), "motion")

    # -- showing ----------------------------------------------------------------------------------

    def _choose(self, source: Source | None) -> None:
        """The user wants to see a motion."""
        self.bodies.give_way()
        self._show(source)

    def _bodies_shown(self, shown: bool) -> None:
        """Bodies take the place of arrows in the scene: they would hide each other."""
        if shown:
            self._clear_scene()
        elif self.shown is not None and self.session.job is not None:
            self._draw(self.shown)

    def _again(self) -> None:
        self._show(self.motion.source)

    def _show(self, source: Source | None) -> None:
        """Compute and draw a motion, in a worker; the newest wins."""
        job, latents, consensus = self.session.job, self.session.latents, self.session.consensus
        if not self.active or job is None or latents is None:
            return
        if source is None:
            self._show_nothing()
            return
        scene, threshold = self.scene, self.scene.threshold

        def map_of(state: State | None) -> Prepared | None:
            if state is None or consensus is None or threshold is None:
                return None
            array = job.decode(state.latent, half=state.half or None)
            return scene.prepare(array, consensus.pixel_size_angstrom, threshold)

        def work() -> Shown:
            found = source.find(job, latents)
            arrows = Arrows.of(found.deformation)
            return Shown(
                source, found, arrows, map_of(found.end), map_of(found.start), latents.epoch
            )

        self.session.run_in_worker(work, self._take_shown, self._failed, key="job:deformation")

    def _take_shown(self, shown: Shown) -> None:
        if not self.active or shown.source != self.motion.source:
            return  # the user has gone on
        self.shown = shown
        self._draw(shown)
        self._mark_on_view()

    def _draw(self, shown: Shown) -> None:
        if not self.active:
            return
        deformation = shown.found.deformation
        if not self.bodies.shown:
            self._draw_motion(shown)
        row = shown.source.row if isinstance(shown.source, OneParticle) else None
        self.belief.show_deformation(deformation, row)
        self.save.offer(shown.found, shown.source.file_name, self.arrows.count)

    def _draw_motion(self, shown: Shown) -> None:
        self.scene.set_glass(True)
        self.scene.show_start(shown.start)
        if shown.end is not None:
            half = shown.found.end.half
            model = f"half {half}, " if half else ""
            self.scene.show_prepared(
                shown.end, f"{shown.found.deformation.label}\n{model}epoch {shown.epoch}".strip()
            )
        self.arrows.show_arrows(shown.arrows, self._limits(shown.arrows))

    def _limits(self, arrows: Arrows) -> Limits:
        """Colour bars that are the same for every particle, once all are known."""
        own, common = arrows.limits(), self._common
        if common is None:
            return own
        return common if common.error else Limits(common.amount, own.error)

    def _failed(self, error: Exception) -> None:
        self._show_nothing()
        if isinstance(error, NotSupportedError):
            self._enable(False, str(error), apply=False)
        else:
            self.session.report_error(error)

    def _show_nothing(self) -> None:
        self.shown = None
        self.belief.show_deformation(None)
        self.save.offer(None)
        self._clear_scene()

    def _clear_scene(self) -> None:
        self.arrows.show_arrows(None)
        self.scene.show_start(None)
        self.scene.set_glass(False)
        self.scene.set_conformation_shown(True)
        if self.active:
            self.scene.hide_conformation()


def _limits_of(table: MotionTable) -> Limits:
    """Ends of colour bars that suit all but a few particles; an error of 0 where none is known."""
    amount = float(np.percentile(table.peak_displacement, _RANGE_PERCENT))
    error = table.estimated_error[np.isfinite(table.estimated_error)]
    most = _ERROR_OVER_RMS * float(np.percentile(error, _RANGE_PERCENT)) if len(error) else 0.0
    return Limits(motion.round_up(amount), motion.round_up(most) if most else 0.0)
