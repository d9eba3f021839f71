"""A folder in which one process works: its layout, files that are whole or absent, lock, event
log, control by files, launching and worker processes.

Training and reconstruction are two users of it; it knows nothing of either, and needs no torch.
"""

from napari_conformix.runs import events, files, formats, launching, layout, lock, worker_process
from napari_conformix.runs.control import Control, FolderControl
from napari_conformix.runs.event_log import EventLog, EventReader, logged
from napari_conformix.runs.events import Event, Failed, Warning, parser, to_line
from napari_conformix.runs.failures import guarded, is_out_of_memory
from napari_conformix.runs.files import (
    TEMPORARY_MARK,
    atomic_json,
    atomic_npz,
    atomic_path,
    atomic_save,
    atomic_write,
    is_disk_full,
    remove_leftovers,
    remove_leftovers_of,
    temporary_name,
    whole_file,
)
from napari_conformix.runs.folder import RunFolder, State
from napari_conformix.runs.launching import follow_to_the_end
from napari_conformix.runs.layout import EVENTS, RECONSTRUCTION
from napari_conformix.runs.running import run_in_folder
from napari_conformix.runs.signals import stop_on_signals
from napari_conformix.runs.versions import program_version, versions
from napari_conformix.runs.worker_process import Reporter, WorkerProcess, WorkerProgress

__all__ = [
    "EVENTS",
    "RECONSTRUCTION",
    "TEMPORARY_MARK",
    "Control",
    "Event",
    "EventLog",
    "EventReader",
    "Failed",
    "FolderControl",
    "Reporter",
    "RunFolder",
    "State",
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
    "follow_to_the_end",
    "formats",
    "guarded",
    "is_disk_full",
    "is_out_of_memory",
    "launching",
    "layout",
    "lock",
    "logged",
    "parser",
    "program_version",
    "remove_leftovers",
    "remove_leftovers_of",
    "run_in_folder",
    "stop_on_signals",
    "temporary_name",
    "to_line",
    "versions",
    "whole_file",
    "worker_process",
]
