"""Clustering in a process of its own: `python -m napari_conformix.jobs.clustering_process JOB`.

The window starts one, follows it without waiting, and may end it; nothing half-made stays behind.
The process writes one JSON object a line to its standard output, and ends by itself when nobody
reads its progress any more.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters import ClusterSet, Request, make, refuse_taken

if TYPE_CHECKING:
    from napari_conformix.jobs.job import Job

Stage = Literal["starting", "working", "finished", "failed", "cancelled"]


@dataclass(frozen=True)
class ClusteringProgress:
    """Where it is: fraction 0 to 1 of all, and a sentence; for 'failed' what went wrong."""

    stage: Stage = "starting"
    fraction: float = 0.0
    message: str = ""

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.stage in ("finished", "failed", "cancelled")


class ClusteringHandle:
    """A clustering under way. `poll` never blocks."""

    def __init__(self, job: "Job", request: Request) -> None:
        self.job = job
        self.name = request.chosen_name
        self._progress = ClusteringProgress()
        self._cancelled = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has ended
        module = "napari_conformix.jobs.clustering_process"
        with tempfile.TemporaryFile("w+") as asked:  # a pipe would keep the caller waiting
            json.dump(asdict(request) | {"name": self.name}, asked, default=_plain)
            asked.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(job.folder)],
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def poll(self) -> ClusteringProgress:
        """The newest progress."""
        if self._cancelled:
            return ClusteringProgress("cancelled", message="Clustering was cancelled.")
        progress = self._progress
        if progress.done or self._process.poll() is None or self._reader.is_alive():
            return progress
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        reason = last or f"exit status {self._process.returncode}"
        message = f"The process that made the clusters ended early: {reason}."
        self._progress = ClusteringProgress("failed", message=message)
        return self._progress

    def wait(self, timeout: float | None = None) -> ClusteringProgress:
        """Block until it ends; subprocess.TimeoutExpired after `timeout` seconds."""
        self._process.wait(timeout)
        self._reader.join(timeout)
        return self.poll()

    def result(self) -> ClusterSet:
        """The set; UserError unless finished."""
        progress = self.poll()
        if progress.stage != "finished":
            raise UserError(progress.message or f"Clustering is not finished ({progress.stage}).")
        return ClusterSet(self.job, self.name)

    def cancel(self) -> None:
        """End it; what it had begun is removed when clusters are made next."""
        if self._process.poll() is None:
            self._cancelled = True
            self._process.kill()
            self._process.wait()

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                with contextlib.suppress(ValueError, TypeError):  # a library's own print
                    self._progress = ClusteringProgress(**json.loads(line))


def _plain(value: object) -> object:
    """Paths, arrays and ranges as JSON values."""
    if isinstance(value, Path):
        return str(value)
    return np.asarray(value).tolist()


def start_clustering(job: "Job", request: Request) -> ClusteringHandle:
    """Begin to make a set of clusters in another process; UserError when the name is taken."""
    refuse_taken(job, request)
    return ClusteringHandle(job, request)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the set that a request describes, JSON on standard input; 0 when it is there."""
    from napari_conformix.jobs.job import Job

    parser = argparse.ArgumentParser(prog="napari_conformix.jobs.clustering_process")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    if hasattr(os, "nice"):
        os.nice(5)  # the window comes first
    stream = sys.stdout

    def report(stage: Stage, fraction: float, message: str = "") -> None:
        progress = ClusteringProgress(stage, fraction, message)
        print(json.dumps(asdict(progress)), file=stream, flush=True)

    try:
        with contextlib.redirect_stdout(sys.stderr):
            request = Request(**json.load(sys.stdin))
            made = make(Job.open(options.folder), request, lambda share: report("working", share))
    except UserError as error:
        report("failed", 0.0, str(error))
        return 1
    assert made is not None  # nothing asks it to stop
    report("finished", 1.0, made.clustering.sentence())
    return 0


if __name__ == "__main__":
    sys.exit(main())
