"""Choose whose motion is shown: a particle's, from one to another, or along an axis of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_conformix.widgets.motion.particle_picker import ParticlePicker
from napari_conformix.widgets.motion.source import (
    AlongAxis,
    OneParticle,
    Source,
    TwoParticles,
    TwoPoints,
    axes_of,
)
from napari_conformix.widgets.parts import combo, fill, hint

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import Spot
    from napari_conformix.training.latent_table import LatentTable

PARTICLE, PARTICLES, POINTS, AXIS = "particle", "particles", "points", "axis"
_MODES: Final = (
    ("from the consensus to one particle", PARTICLE),
    ("from particle A to particle B", PARTICLES),
    ("from point A to point B of the latent space view", POINTS),
    ("along an axis of all particles", AXIS),
)
_HELP: Final = {
    PARTICLE: "",
    PARTICLES: "A stays as it is set; what you pick next is B.",
    POINTS: "Click in the latent space view: that is B. Then set A there, and click or drag on.",
    AXIS: "The motion from the particles at one end of the axis to those at the other.",
}


class MotionGroup(QGroupBox):
    """`chosen(source)` when the user has chosen what to show; None: not enough yet."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Motion to show")
        self._row: int | None = None
        self._first: int | None = None
        self._spot: Spot | None = None
        self._first_spot: Spot | None = None
        self._axes: dict[str, AlongAxis] = {}
        self.mode_box, self.axis_box = combo(), combo()
        fill(self.mode_box, list(_MODES))
        self.picker = ParticlePicker()
        self.help = hint()
        self.set_a = QPushButton("Set A here")
        self.set_a.setToolTip("What is shown now becomes A, where the motion starts")
        self.ends = QLabel()
        self.ends.setWordWrap(True)
        self._pins = QWidget()
        row = QHBoxLayout(self._pins)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.ends, stretch=1)
        row.addWidget(self.set_a)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        for widget in (self.mode_box, self.help, self._pins, self.axis_box, self.picker):
            layout.addWidget(widget)
        self.mode_box.currentIndexChanged.connect(self._change_mode)
        self.axis_box.currentIndexChanged.connect(self._tell)
        self.set_a.clicked.connect(self._set_a)
        self.picker.picked.connect(self.pick)
        self._change_mode()

    @property
    def mode(self) -> str:
        """What kind of motion is chosen."""
        return self.mode_box.currentData()

    @property
    def row(self) -> int | None:
        """The particle that was picked last."""
        return self._row

    @property
    def source(self) -> Source | None:
        """What is chosen; None while something is missing."""
        if self.mode == PARTICLE:
            return None if self._row is None else OneParticle(self._row)
        if self.mode == PARTICLES:
            if None in (self._first, self._row) or self._first == self._row:
                return None
            return TwoParticles(self._first, self._row)
        if self.mode == POINTS:
            if self._first_spot is None or self._spot is None or self._spot is self._first_spot:
                return None
            return TwoPoints(self._first_spot, self._spot)
        return self._axes.get(self.axis_box.currentData())

    def forget(self) -> None:
        """Another job, or none."""
        self._row = self._first = self._spot = self._first_spot = None
        self._say_ends()

    def take_latents(self, latents: LatentTable) -> None:
        """Axes and particles that there are; pinned latents of an earlier epoch mean nothing."""
        self._spot = self._first_spot = None
        self.picker.set_total(len(latents.mean))
        self._axes = {axis.name: axis for axis in axes_of(latents)}
        fill(self.axis_box, [(name, name) for name in self._axes])
        self._say_ends()

    def pick(self, row: int) -> None:
        """Show a particle; with two of them it is B."""
        self._row = row
        if self.mode in (POINTS, AXIS):
            self.mode_box.setCurrentIndex(self.mode_box.findData(PARTICLE))
        self.picker.set_current(row)
        self._tell()

    def point(self, spot: Spot) -> None:
        """A point of the latent space view: B of two of them."""
        self._spot = spot
        self._tell()

    def _set_a(self) -> None:
        if self.mode == POINTS:
            self._first_spot = self._spot
        else:
            self._first = self._row
        self._tell()

    def _change_mode(self) -> None:
        mode = self.mode
        self.help.setText(_HELP[mode])
        self.help.setVisible(bool(_HELP[mode]))
        self._pins.setVisible(mode in (PARTICLES, POINTS))
        self.axis_box.setVisible(mode == AXIS)
        self.picker.setVisible(mode in (PARTICLE, PARTICLES))
        if mode == PARTICLES and self._first is None:
            self._first = self._row
        self._tell()

    def _tell(self) -> None:
        self._say_ends()
        self.chosen.emit(self.source)

    def _say_ends(self) -> None:
        if self.mode == POINTS:
            ends = [_spot_text(spot) for spot in (self._first_spot, self._spot)]
            can = self._spot is not None
        else:
            ends = ["not set" if r is None else f"particle {r}" for r in (self._first, self._row)]
            can = self._row is not None
        self.ends.setText(f"A: {ends[0]}\nB: {ends[1]}")
        self.set_a.setEnabled(can)


def _spot_text(spot: Spot | None) -> str:
    if spot is None:
        return "not set"
    of = f", half {spot.half}" if spot.half else ""
    return f"{spot.xy[0]:.2f}, {spot.xy[1]:.2f}{of}, {spot.nearby:,} particles nearby"
