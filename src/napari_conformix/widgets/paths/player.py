"""The player of a path: scrub, play, and say what stands behind each step.

The contour is one for all steps, the scene's. What is not decoded yet is waited for: no step is
skipped, and the caption in the scene is always that of the map next to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.widgets.conformation import LinkedContour
from napari_conformix.widgets.movies import Head, PathFrames, caption, place_in_words, title_of
from napari_conformix.widgets.parts import combo, fill, hint, in_bytes, sentence, signed
from napari_conformix.widgets.paths.strip import SupportStrip
from napari_conformix.widgets.scene import EXTRAPOLATED

if TYPE_CHECKING:
    from superqt import QLabeledDoubleSlider

    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Session

_NO_PATH: Final = "No path yet: make one above, or open a saved one."
NO_DECODER: Final = (
    "These latents come from another program and have no decoder here, so there is no molecule to "
    "show. The path can be seen in the view, saved and exported."
)
#: paths that go where the user leads them, particles or not
_BLIND: Final = ("component", "motion", "points", "drawn")
_THROUGH_DATA: Final = (
    "A path between two particles, through the data, avoids such gaps where it can."
)
_MODES: Final = [("There and back", "bounce"), ("Loop", "loop"), ("Once", "once")]
_FASTEST: Final = 30


class PathPlayer(QGroupBox):
    """Slider, play and support of one path; :meth:`set_path` gives it another."""

    #: the step that the slider is at, from 0
    step_changed = Signal(int)
    #: the step whose map is in the scene now
    shown = Signal(int)
    #: the path is of an older epoch, and the user wants the same of the newest
    again_asked = Signal()

    def __init__(self, session: Session, scene: Scene, contour: QLabeledDoubleSlider) -> None:
        super().__init__("Play")
        self._session, self._scene = session, scene
        self.frames = PathFrames(session, scene)
        self.path: LatentPath | None = None
        self.active, self._direction = False, 1
        self.shown_step: int | None = None
        self.contour = LinkedContour(contour)
        self._build()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderPressed.connect(lambda: self.play.setChecked(False))
        self.strip.picked.connect(self._picked)
        self.play.toggled.connect(self._play)
        self.speed.valueChanged.connect(lambda *_: self._set_interval())
        self.mode_box.currentIndexChanged.connect(lambda *_: self._want())
        self.again.clicked.connect(self.again_asked)
        self.ghost.toggled.connect(scene.set_ghost)
        scene.ghost_changed.connect(self._show_ghost)
        contour.valueChanged.connect(self._contour_changed)
        self.frames.ready.connect(self._ready)
        self.frames.failed.connect(self._failed)
        self.set_path(None)

    def _build(self) -> None:
        self.title_label, self.support_label = sentence(), sentence()
        self.problem, self.old = sentence(), sentence()
        self.again = QPushButton("Make it again")
        self.again.setToolTip("The same path through the newest latents")
        self.play = QToolButton()
        self.play.setCheckable(True)
        self.play.setText("▶")
        self.play.setToolTip("Play the path (space bar, while the slider has the focus)")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(1)
        space = QShortcut(QKeySequence("Space"), self.slider)
        space.setContext(Qt.ShortcutContext.WidgetShortcut)
        space.activated.connect(self.play.click)
        self.slider.setToolTip("Drag along the path; the arrow keys go step by step")
        self.strip = SupportStrip()
        self.number, self.place = QLabel(), sentence()
        self.progress = hint()
        self.mode_box = combo()
        fill(self.mode_box, _MODES)
        self.speed = QSpinBox()
        self.speed.setRange(1, _FASTEST)
        self.speed.setValue(8)
        self.speed.setSuffix(" steps/s")
        self.ghost = QCheckBox("Consensus around it, translucent")
        self.ghost.setChecked(self._scene.ghost)
        self._lay_out()

    def _lay_out(self) -> None:
        self.body = QWidget()
        old = QHBoxLayout()
        old.addWidget(self.old, 1)
        old.addWidget(self.again)
        track = QGridLayout()
        track.setVerticalSpacing(2)
        track.addWidget(self.play, 0, 0)
        track.addWidget(self.slider, 0, 1)
        track.addWidget(self.number, 0, 2)
        track.addWidget(self.strip, 1, 1)
        track.setColumnStretch(1, 1)
        how = QHBoxLayout()
        how.addWidget(self.mode_box, 1)
        how.addWidget(self.speed)
        contour = QHBoxLayout()
        contour.addWidget(QLabel("Contour"))
        contour.addWidget(self.contour, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(self.title_label)
        layout.addWidget(self.support_label)
        layout.addLayout(old)
        layout.addWidget(self.problem)
        layout.addWidget(self.body)
        below = QVBoxLayout(self.body)
        below.setContentsMargins(0, 0, 0, 0)
        below.addLayout(track)
        below.addWidget(self.place)
        below.addLayout(how)
        below.addLayout(contour)
        below.addWidget(self.ghost)
        below.addWidget(self.progress)

    # -- what is played ---------------------------------------------------------------------------

    def set_path(self, path: LatentPath | None) -> None:
        """Another path, shown from its first step; None: nothing to play."""
        self.play.setChecked(False)
        self.path, self.shown_step, self._direction = path, None, 1
        self.frames.set_path(path)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(len(path) - 1, 0) if path is not None else 0)
            self.slider.setValue(0)
        self.body.setVisible(path is not None)
        self.strip.set_support([] if path is None else path.support)
        self.title_label.setText(_NO_PATH if path is None else title_of(path))
        self._say_support()
        self.say_problem("")
        self.look_at_epoch()
        self._say_progress()
        self._moved()

    def set_active(self, active: bool) -> None:
        """Whether the scene is this player's."""
        self.active = active
        self.shown_step = None
        self.frames.set_enabled(active and self._decodes)
        if active:
            self.contour.copy()
            self._moved()
        else:
            self.play.setChecked(False)
            self._scene.tint_conformation(None)

    def rename(self, path: LatentPath) -> None:
        """The same path under another name: its maps stay."""
        self.path = path
        self.title_label.setText(title_of(path))

    def consensus_changed(self) -> None:
        """A map to compare with, and the contour, have come or gone."""
        self.contour.copy()
        self._want()

    def forget(self) -> None:
        """Another job."""
        self.set_path(None)

    @property
    def step(self) -> int:
        """The step that the slider is at, from 0."""
        return self.slider.value()

    @property
    def head(self) -> Head:
        """Where the player is, and where it goes next."""
        count = 0 if self.path is None else len(self.path)
        return Head(self.step, count, self._direction, self.mode_box.currentData())

    @property
    def _decodes(self) -> bool:
        return self._session.job is not None and self._session.has_decoder

    # -- what is said -----------------------------------------------------------------------------

    def _say_support(self) -> None:
        path = self.path
        text = "" if path is None else path.support_sentence()
        lacking = path is not None and not path.supported.all()
        if lacking and path.kind in _BLIND:
            text = f"{text} {_THROUGH_DATA}"
        self.support_label.setText(signed("warning", text) if lacking else text)
        self.support_label.setVisible(bool(text))

    def say_problem(self, text: str) -> None:
        """Why there is no molecule; nothing for ''."""
        if not text and self.path is not None and not self._decodes:
            text = NO_DECODER
        self.problem.setText(signed("note", text) if text else "")
        self.problem.setVisible(bool(text))

    def look_at_epoch(self) -> None:
        """Say when the path belongs to an older epoch than the latents that are shown now."""
        latents, path = self._session.latents, self.path
        stale = (
            path is not None
            and latents is not None
            and path.epoch is not None
            and path.epoch != latents.epoch
        )
        self.old.setVisible(stale)
        self.again.setVisible(stale)
        if stale:
            self.old.setText(
                signed(
                    "warning",
                    f"This path is of epoch {path.epoch}; the latents are of epoch "
                    f"{latents.epoch} now.",
                )
            )

    def _say_progress(self) -> None:
        cache = self.frames.cache
        ready = self.frames.ready_steps if self.path is not None else set()
        self.strip.set_ready(ready)
        shown = self.path is not None and self._decodes
        self.progress.setVisible(shown)
        if shown:
            self.progress.setText(
                f"{len(ready)} of {len(self.path)} maps ready, {in_bytes(cache.bytes)} of at most "
                f"{in_bytes(cache.most_bytes)} of memory."
            )

    # -- moving -----------------------------------------------------------------------------------

    def go_to(self, step: int) -> None:
        """Move the slider to a step, from 0."""
        self.slider.setValue(step)

    def _picked(self, step: int) -> None:
        self.play.setChecked(False)
        self.go_to(step)

    def _moved(self) -> None:
        path, step = self.path, self.step
        self.strip.set_step(step)
        self.number.setText("" if path is None else f"{step + 1} / {len(path)}")
        self.place.setText("" if path is None else place_in_words(path, step))
        self._want()
        # In the same turn as the slider and the ring: the window is put together once, which costs
        # a third of a frame where OpenGL is computed on the CPU.
        self._draw()
        self.step_changed.emit(step)

    def _want(self) -> None:
        if self.path is not None:
            self.frames.want(self.head, self.play.isChecked())

    def _draw(self) -> None:
        """Show the map of the present step, if it is ready and not there already."""
        if not self.active or self.path is None or self.shown_step == self.step:
            return
        frame = self.frames.frame(self.step)
        if frame is None:
            return
        self.shown_step = self.step
        self._scene.show_prepared(frame, caption(self.path, self.step))
        supported = self.path.support[self.step] > 0  # else grey, as in movies
        self._scene.tint_conformation(None if supported else EXTRAPOLATED)
        self.shown.emit(self.step)

    def _ready(self, step: int) -> None:
        self._say_progress()
        if step == self.step:
            self.shown_step = None
            self._draw()

    def _failed(self, error: Exception) -> None:
        self.play.setChecked(False)
        self.say_problem(f"No molecule can be shown. {error}")

    def _contour_changed(self, value: float) -> None:
        """The scene meshes what it shows; the other steps follow here."""
        self.frames.contour_changed()
        self._say_progress()

    def _show_ghost(self, ghost: bool) -> None:
        self.ghost.setChecked(ghost)

    # -- playing ----------------------------------------------------------------------------------

    def _play(self, on: bool) -> None:
        self.play.setText("■" if on else "▶")
        if not on:
            self._timer.stop()
            self._want()
            return
        if self.head.next() is None:  # once more from the beginning
            self._direction = 1
            self.go_to(0)
        self._set_interval()
        self._timer.start()
        self._want()

    def _set_interval(self) -> None:
        self._timer.setInterval(round(1000 / self.speed.value()))

    def _tick(self) -> None:
        """One step further, once the present one is on the screen."""
        if self._decodes and self.active and self.shown_step != self.step:
            return
        head = self.head.next()
        if head is None:
            self.play.setChecked(False)
            return
        self._direction = head.direction
        self.go_to(head.step)
