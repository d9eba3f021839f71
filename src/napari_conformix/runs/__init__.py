"""A folder in which one process works: its layout, files that are whole or absent, lock, event
log, control by files, launching and worker processes.

Training and reconstruction are two users of it; it knows nothing of either, and needs no torch.
"""

from napari_conformix.runs import events, files, launching, layout, lock, worker_process
from napari_conformix.runs.control import Control, FolderControl
from napari_conformix.runs.event_log import EventLog, EventReader, logged
from napari_conformix.runs.events import (
    FIRST_PASS,
    Checkpoint,
    Epoch,
    Event,
    Failed,
    Finished,
    Latents,
    Notice,
    Paused,
    Preparing,
    Started,
    Step,
    Terms,
    Unpaused,
    Warning,
    from_line,
)
from napari_conformix.runs.files import (
    TEMPORARY_MARK,
    atomic_json,
    atomic_npz,
    atomic_path,
    atomic_save,
    atomic_write,
    is_disk_full,
    remove_leftovers,
)
from napari_conformix.runs.folder import RunFolder, State
from napari_conformix.runs.layout import EVENTS, RECONSTRUCTION
from napari_conformix.runs.quantities import Quantity, quantity_of
from napari_conformix.runs.signals import stop_on_signals
from napari_conformix.runs.versions import program_version, versions
from napari_conformix.runs.worker_process import Reporter, WorkerProcess, WorkerProgress

__all__ = [
    "EVENTS",
    "FIRST_PASS",
    "RECONSTRUCTION",
    "TEMPORARY_MARK",
    "Checkpoint",
    "Control",
    "Epoch",
    "Event",
    "EventLog",
    "EventReader",
    "Failed",
    "Finished",
    "FolderControl",
    "Latents",
    "Notice",
    "Paused",
    "Preparing",
    "Quantity",
    "Reporter",
    "RunFolder",
    "Started",
    "State",
    "Step",
    "Terms",
    "Unpaused",
    "Warning",
    "WorkerProcess",
    "WorkerProgress",
    "atomic_json",
    "atomic_npz",
    "atomic_path",
    "atomic_save",
    "atomic_write",
    "events",
    "files",
    "from_line",
    "is_disk_full",
    "launching",
    "layout",
    "lock",
    "logged",
    "program_version",
    "quantity_of",
    "remove_leftovers",
    "stop_on_signals",
    "versions",
    "worker_process",
]
