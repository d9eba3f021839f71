"""Making a set of clusters from the window: what is there already is not made again. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters import ClusteringProgress

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.particles import ParticleSet
    from napari_conformix.widgets.clusters.form import Request

#: columns with more different values are no classes
_MOST_LABELS: Final = 50


@dataclass(frozen=True)
class Making:
    """A set by its name, and what makes it: a `ClusteringHandle`, None where it was there already.

    Without a name, it is only to be said how many clusters there may be (:class:`Suggesting`).
    """

    name: str
    handle: Any = None


class Suggesting:
    """Comparing numbers of clusters in a thread, polled as a process that makes clusters is."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._progress = ClusteringProgress()
        self._stopped = False

    def work(self) -> None:
        """Do it; for a worker."""
        found = self._job.suggest_clusters(progress=self._tell, stop=lambda: self._stopped)
        if found is not None:
            self._progress = ClusteringProgress("finished", 1.0, found.sentence())

    def poll(self) -> ClusteringProgress:
        """The newest progress; when finished, the message is what was found."""
        return self._progress

    def cancel(self) -> None:
        """End it soon."""
        self._stopped = True

    def _tell(self, share: float) -> None:
        self._progress = ClusteringProgress("working", share)


def make_or_find(job: Job, request: Request) -> Making:
    """Start a process that makes the clusters, or find them; known labels are taken up by a set
    that was there. For a worker."""
    from napari_conformix.jobs.folder import known_labels

    if request.labels is not None:
        known_labels(job.particles, request.labels)  # refused now, not when all is done
    epoch = job.latents().epoch
    found = _find(job, request, epoch)
    if found is not None:
        known = found.record.truth
        if request.labels is not None and str(request.labels) != known:
            found.compare_with(request.labels)
        return Making(found.name)
    name = free_name(job, request, epoch)
    labels = request.labels if request.labels is None else str(request.labels)
    handle = job.launch_clustering(request.clusters, request.how, name=name, labels=labels)
    return Making(name, handle)


def free_name(job: Job, request: Request, epoch: int) -> str:
    """'kmeans6', or 'kmeans6_epoch20' where that is of another epoch, or with a number."""
    taken = set(job.cluster_sets())
    first = f"{request.how}{request.clusters}"
    names = [first, f"{first}_epoch{epoch}"]
    names += [f"{names[1]}_{number}" for number in range(2, len(taken) + 3)]
    return next(name for name in names if name not in taken)


def label_columns(particles: ParticleSet) -> list[str]:
    """Columns that may hold known labels: those with a few different values. For a worker."""
    return [
        column
        for column in particles.columns
        if 1 < len(pd.unique(np.asarray(particles.column(column)))) <= _MOST_LABELS
    ]


def _find(job: Job, request: Request, epoch: int) -> Any:
    """A set of the same epoch that was made in the same way."""
    for name in job.cluster_sets():
        try:
            found = job.cluster_set(name)
        except UserError:
            continue
        record = found.record
        if (record.how, record.asked, record.epoch) != (request.how, request.clusters, epoch):
            continue
        everything = int(found.counts.sum()) == len(found.clustering.labels)
        if everything and record.seed == 1 and record.maps:
            return found
    return None
