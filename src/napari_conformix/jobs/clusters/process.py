"""Clustering in a process of its own: `python -m napari_conformix.jobs.clusters.process JOB`.

The window starts one, follows it without waiting, and may end it; nothing half-made stays behind.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters.clusters import ClusterSet, Request, make_clusters, refuse_taken
from napari_conformix.runs import Reporter, WorkerProcess, WorkerProgress

if TYPE_CHECKING:
    from napari_conformix.jobs.folder import JobFolder

ClusteringProgress = WorkerProgress


class ClusteringHandle(WorkerProcess):
    """A clustering under way. `poll` never blocks; what a cancelled one had begun is removed when
    clusters are made next."""

    def __init__(self, job: "JobFolder", request: Request) -> None:
        self.job = job
        self.name = request.chosen_name
        command = [sys.executable, "-m", "napari_conformix.jobs.clusters.process"]
        asked = json.dumps(asdict(request) | {"name": self.name}, default=_plain)
        super().__init__([*command, str(job.folder)], "Clustering", stdin=asked)

    def result(self) -> ClusterSet:
        """The set; UserError unless finished."""
        progress = self.poll()
        if progress.stage != "finished":
            raise UserError(progress.message or f"Clustering is not finished ({progress.stage}).")
        return ClusterSet(self.job, self.name)


def _plain(value: object) -> object:
    """Paths, arrays and ranges as JSON values."""
    if isinstance(value, Path):
        return str(value)
    return np.asarray(value).tolist()


def start_clustering(job: "JobFolder", request: Request) -> ClusteringHandle:
    """Begin to make a set of clusters in another process; UserError when the name is taken."""
    refuse_taken(job, request)
    return ClusteringHandle(job, request)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the set that a request describes, JSON on standard input; 0 when it is there."""
    from napari_conformix.jobs.folder import JobFolder

    parser = argparse.ArgumentParser(prog="napari_conformix.jobs.clusters.process")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    if hasattr(os, "nice"):
        os.nice(5)  # the window comes first
    report = Reporter(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            request = Request(**json.load(sys.stdin))
            made = make_clusters(
                JobFolder.open(options.folder), request, lambda share: report("working", share)
            )
    except UserError as error:
        report("failed", 0.0, str(error))
        return 1
    assert made is not None  # nothing asks it to stop
    report("finished", 1.0, made.clustering.sentence())
    return 0


if __name__ == "__main__":
    sys.exit(main())
