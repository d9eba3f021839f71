"""Particles that are selected: the record of how it was done, undo, and doing it again elsewhere.

`Selection` is what is saved, `SelectionHistory` what the lasso works on, `replay_steps` repeats
steps.
"""

from napari_conformix.analysis.selections import view_steps, words
from napari_conformix.analysis.selections.history import SelectionHistory
from napari_conformix.analysis.selections.motion_limits import MotionLimits
from napari_conformix.analysis.selections.polygon import (
    SortedPoints,
    points_in_polygon,
    rectangle_corners,
)
from napari_conformix.analysis.selections.replay import (
    CannotReplayError,
    Ground,
    in_limits,
    replay_steps,
    view_of_quantity,
)
from napari_conformix.analysis.selections.selection import (
    Action,
    Mask,
    Selection,
    Step,
    check_name,
)
from napari_conformix.analysis.selections.words import describe

__all__ = [
    "Action",
    "CannotReplayError",
    "Ground",
    "Mask",
    "MotionLimits",
    "Selection",
    "SelectionHistory",
    "SortedPoints",
    "Step",
    "check_name",
    "describe",
    "in_limits",
    "points_in_polygon",
    "rectangle_corners",
    "replay_steps",
    "view_of_quantity",
    "view_steps",
    "words",
]
