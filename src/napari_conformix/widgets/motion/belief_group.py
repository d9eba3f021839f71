"""Whether what is shown can be believed: a sentence, and error against motion of all particles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QVBoxLayout

from napari_conformix.widgets.motion.error_plot import ErrorPlot
from napari_conformix.widgets.parts import hint, sentence, signed
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import Deformation, MotionTable

_PICK = "Pick a motion above to see how large it is and how far to believe it."
_NO_PAIRS = (
    "No held-out particle has a latent from both halves, so this job cannot give the error of its "
    "motions."
)


class BeliefGroup(QGroupBox):
    """`particle_picked(row)` when a point of the plot is clicked."""

    particle_picked = Signal(int)

    def __init__(self) -> None:
        super().__init__("Can it be believed?")
        self._deformation: Deformation | None = None
        self._row: int | None = None
        self._table: MotionTable | None = None
        self.sentence = sentence(_PICK)
        self.progress = hint()
        self.progress.hide()
        self.plot = ErrorPlot()
        self.note = hint()
        self.plot.particle_picked.connect(self.particle_picked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        for widget in (self.sentence, self.progress, self.plot, self.note):
            layout.addWidget(widget)
        self.show_table(None)

    def show_deformation(self, deformation: Deformation | None, row: int | None = None) -> None:
        """Say whether it exceeds its error, and mark the particle `row` in the plot."""
        self._deformation, self._row = deformation, row
        if deformation is None:
            self.sentence.setText(_PICK)
        else:
            level = "note" if deformation.exceeds_error else "warning"
            self.sentence.setText(signed(level, with_units(deformation.sentence())))
        self._mark()

    def _mark(self) -> None:
        """By the same figures as the points, where they are known."""
        deformation, row, table = self._deformation, self._row, self._table
        if deformation is None or row is None:
            self.plot.mark(None, None, estimated=False)
        elif table is not None and row < len(table):
            estimated = not np.isfinite(table.rms_error[row])
            motion, error = table.rms_displacement[row], table.estimated_error[row]
            self.plot.mark(float(motion), float(error), estimated=estimated)
        else:
            estimated = deformation.error_source != "both halves"
            motion, error = deformation.rms_displacement, deformation.rms_error
            self.plot.mark(motion, error, estimated=estimated)

    def show_table(self, table: MotionTable | None) -> None:
        """Draw all held-out particles."""
        self._table = table
        self.plot.show_table(table)
        self._mark()
        total, above = self.plot.counts
        self.plot.setVisible(total > 0)
        if table is None:
            self.note.clear()
        elif not total:
            self.note.setText(_NO_PAIRS)
        else:
            self.note.setText(
                f"Each point is a held-out particle, seen by both halves: {above:,} of {total:,} "
                f"({100 * above / total:.0f} %, blue) move by more than their error. Ring: the "
                "particle shown; a diamond where its error is estimated from its neighbours. "
                "Click a point to go to that particle."
            )

    def say_progress(self, text: str) -> None:
        """How far the computation of all motions is."""
        self.progress.setText(text)
        self.progress.setVisible(bool(text))
