"""What the scene shows of a decoded state: the molecule, or what differs from a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_conformix.widgets.parts import combo, fill, hint
from napari_conformix.widgets.scene import LESS, MORE, Lobes

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_conformix.jobs.motion import AverageStates
    from napari_conformix.widgets.conformation.live_decode import Decoded
    from napari_conformix.widgets.session import Map

Mode = Literal["molecule", "consensus", "average", "A"]

_MODES: Final = (
    ("the molecule", "molecule"),
    ("difference to the average state", "average"),
    ("difference to the consensus map", "consensus"),
)
_TO_A: Final[tuple[str, Mode]] = ("difference to A", "A")
_WORDS: Final[dict[Mode, str]] = {
    "average": "average",
    "consensus": "consensus",
    "A": "A",
}
_NOTES: Final[dict[Mode, str]] = {
    "average": "The average of 8 states drawn at random, decoded by the same model: as sharp as "
    "the map it is taken from, so what is left is the state.",
    "consensus": "The consensus map as given. Where it is sharper or less sharp than decoded maps, "
    "that shows too, in every state alike.",
    "A": "The state kept as A, decoded like the one at the cursor.",
}


@dataclass(frozen=True)
class Difference:
    """Lobes of a decoded map against a reference, and how much differs."""

    lobes: Lobes
    mode: Mode
    rms: float
    masked: bool

    @property
    def label(self) -> str:
        """For the corner of the scene."""
        return (
            f"Blue: more density\nOrange: less\nthan {_WORDS[self.mode]}\n"
            f"at ±{self.lobes.contour:.3g} grey units"
        )

    @property
    def sentence(self) -> str:
        """For the page."""
        where = "inside the mask" if self.masked else "over the whole box"
        nothing = self.lobes.more is None and self.lobes.less is None
        seen = " Nothing reaches this contour." if nothing else ""
        return f"RMS difference {self.rms:.3g} grey units {where}.{seen}"


class DifferenceGroup(QWidget):
    """Chooses the mode; its :meth:`maker` makes differences in the worker that decodes."""

    #: another mode, contour or mask
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        #: of the job that is open
        self.consensus: Map | None = None
        self.averages: AverageStates | None = None
        self.mask: Callable[[], np.ndarray | None] = lambda: None
        self._a: Decoded | None = None
        self.mode_box = combo()
        fill(self.mode_box, list(_MODES))
        self.contour = QDoubleSpinBox()
        self.contour.setKeyboardTracking(False)
        self.contour.setPrefix("± ")
        self.contour.setToolTip("In the maps' own grey values; the same for every state")
        self.in_mask = QCheckBox("inside the mask only")
        self.key = QLabel(
            f"<span style='color:{MORE}'>■</span> more density &nbsp; "
            f"<span style='color:{LESS}'>■</span> less density"
        )
        self.note = hint()
        self.details = QWidget()
        row = QHBoxLayout()
        row.addWidget(QLabel("Lobes at"))
        row.addWidget(self.contour)
        row.addWidget(QLabel("grey units"))
        row.addStretch()
        row.addWidget(self.in_mask)
        column = QVBoxLayout(self.details)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.key)
        column.addWidget(self.note)
        self.details.hide()
        self.mode_box.currentIndexChanged.connect(self._mode_changed)
        self.contour.valueChanged.connect(lambda *_: self.changed.emit())
        self.in_mask.toggled.connect(lambda *_: self.changed.emit())

    @property
    def mode(self) -> Mode:
        """What is shown."""
        return self.mode_box.currentData()

    def set_scale(self, contour: float, peak: float, decimals: int) -> None:
        """Another job: lobes at the contour of its maps, to begin with."""
        with QSignalBlocker(self.contour):
            self.contour.setDecimals(decimals)
            self.contour.setRange(peak / 1000, peak)
            self.contour.setSingleStep(peak / 100)
            self.contour.setValue(contour)

    def set_mask_there(self, there: bool) -> None:
        """Whether the job has a mask."""
        self.in_mask.setVisible(there)
        with QSignalBlocker(self.in_mask):
            self.in_mask.setChecked(there)

    def set_a(self, a: Decoded | None) -> None:
        """The state A, or none."""
        self._a = a
        modes = [*_MODES, *([_TO_A] if a is not None else [])]
        if self.mode_box.count() != len(modes):
            lost = a is None and self.mode == "A"
            fill(self.mode_box, modes)
            if lost:
                self._mode_changed()
        elif self.mode == "A":
            self.changed.emit()

    def _mode_changed(self) -> None:
        self.details.setVisible(self.mode != "molecule")
        self.note.setText(_NOTES.get(self.mode, ""))
        self.changed.emit()

    def maker(self) -> Callable[[np.ndarray, int, int | None], Difference] | None:
        """(map, half, past epoch) -> Difference, as chosen now; None while the molecule is shown.
        It is called in a worker."""
        mode, contour, consensus = self.mode, self.contour.value(), self.consensus
        averages, a = self.averages, self._a
        read_mask = self.mask if self.in_mask.isChecked() else None
        if mode == "molecule" or consensus is None or (mode == "A" and a is None):
            return None

        def make(array: np.ndarray, half: int, past: int | None) -> Difference:
            from napari_conformix.analysis.comparison import difference

            reference: Any = consensus.array
            if mode == "A":
                reference = a.prepared.array
            elif mode == "average":
                reference = averages.of(half, past)
            mask = None if read_mask is None else read_mask()
            unmasked = difference(array, reference)
            inside = unmasked if mask is None else unmasked[mask > 0.5]
            rms = float(np.sqrt(np.square(inside, dtype=np.float64).mean()))
            less = unmasked if mask is None else difference(array, reference, mask)
            lobes = Lobes.of(less, consensus.pixel_size_angstrom, contour)
            return Difference(lobes, mode, rms, mask is not None)

        return make
