"""Reconstructions of a job: a run folder each, from particles to half maps and a report.

`ReconstructionRun` is the handle of one; the other names are its settings, events and results.
"""

from napari_conformix.jobs.reconstruction import events, layout, run, running, sums, warping
from napari_conformix.jobs.reconstruction.events import (
    ReconstructionProgress,
    reconstruction_event,
)
from napari_conformix.jobs.reconstruction.forecast import (
    ReconstructionForecast,
    forecast_reconstruction,
)
from napari_conformix.jobs.reconstruction.page import save_page
from napari_conformix.jobs.reconstruction.report import USE_PLAIN, Curves, ReconstructionReport
from napari_conformix.jobs.reconstruction.run import (
    ReconstructionRun,
    default_folder,
    runs_of,
    to_the_end,
)
from napari_conformix.jobs.reconstruction.spec import SPEC

__all__ = [
    "SPEC",
    "USE_PLAIN",
    "Curves",
    "ReconstructionForecast",
    "ReconstructionProgress",
    "ReconstructionReport",
    "ReconstructionRun",
    "default_folder",
    "events",
    "forecast_reconstruction",
    "layout",
    "reconstruction_event",
    "run",
    "running",
    "runs_of",
    "save_page",
    "sums",
    "to_the_end",
    "warping",
]
