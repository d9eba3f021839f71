"""Runs in other processes, training or reconstruction, as pages show them: which buttons can be
pressed, how far the run is, and how it ended.

What differs between kinds of runs is declared: :class:`RunRules`, and a :class:`RunStatus` that
reads their events.
"""

from napari_conformix.widgets.runs.buttons import RunButtons
from napari_conformix.widgets.runs.progress import RunProgress
from napari_conformix.widgets.runs.reconstruction_status import ReconstructionStatus
from napari_conformix.widgets.runs.rules import RunRules
from napari_conformix.widgets.runs.status import Progress, RunStatus

__all__ = [
    "Progress",
    "ReconstructionStatus",
    "RunButtons",
    "RunProgress",
    "RunRules",
    "RunStatus",
]
