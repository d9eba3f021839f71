"""The clean pass: latents of all particles, without sampling, by the encoders as they are now."""

import contextlib
from collections.abc import Callable, Generator
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from napari_conformix.training.batches import Batches, Task, encoding_tasks, prefetched
from napari_conformix.training.contract import Method
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.results.motion import motion_coordinates
from napari_conformix.training.split import Split
from napari_conformix.training.stepping import inference

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Floats = NDArray[np.float32]

#: above this many particles a refresh must be cheap next to the training since the last one
MANY_PARTICLES = 200_000
AFFORDABLE_SHARE = 0.1


class LatentSchedule:
    """When the latent space view is refreshed: every n-th epoch and at the end; for sets of more
    than 200,000 particles only once a pass costs less than a tenth of the training since the
    last."""

    def __init__(self, every: int, particles: int) -> None:
        self._every = every
        self._particles = particles
        self._cost = 0.0
        self._last = monotonic()

    def due(self, epoch: int, *, final: bool) -> bool:
        if final:
            return True
        if epoch % self._every != 0 and epoch != 1:
            return False
        affordable = AFFORDABLE_SHARE * (monotonic() - self._last)
        return self._particles <= MANY_PARTICLES or self._cost <= affordable

    def passed(self, seconds: float) -> None:
        """Note what a pass cost."""
        self._cost = seconds
        self._last = monotonic()


def encode_all(
    method: Method,
    data: Batches,
    split: Split,
    *,
    fabric: "Fabric",
    batch_size: int,
    epoch: int,
    seed: int,
    previous: LatentTable | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[tuple[int, int], None, LatentTable | None]:
    """Latents of every particle and their motion coordinates.

    Yields (done, total) encodings after every batch and returns the table, or None when `stop`
    said so meanwhile. With two models, each particle's row comes from the encoder of its own
    half; validation particles are also encoded by both, for the comparison of the halves.
    """
    count, d = len(split), method.latent_dim
    mean = np.zeros((count, d), dtype=np.float32)
    std = np.zeros((count, d), dtype=np.float32)
    held_out = np.flatnonzero(split.validation)
    by_half = {half: np.zeros((count, d), dtype=np.float32) for half in method.halves if half}
    tasks = encoding_tasks(split, method.halves, batch_size)
    done, total = 0, sum(len(task.rows) for task in tasks)
    with contextlib.closing(_encodings(method, data, tasks, fabric)) as encodings:
        for task, means, stds in encodings:
            if stop():
                return None
            if task.half:
                by_half[task.half][task.rows] = means
            own = (split.half[task.rows] == task.half) | (task.half == 0)
            mean[task.rows[own]] = means[own]
            std[task.rows[own]] = stds[own]
            done += len(task.rows)
            yield done, total
    half = split.half if method.independent_halves else np.zeros_like(split.half)
    motion = motion_coordinates(
        method,
        mean,
        half,
        seed=seed,
        previous=previous.motion if previous is not None else None,
        stop=stop,
    )
    if motion is None:
        return None
    return LatentTable(
        mean=mean,
        std=std,
        half=half,
        validation=split.validation,
        epoch=epoch,
        motion=motion.coordinates,
        motion_unit=motion.unit,
        motion_variance=motion.variance,
        validation_rows=held_out if by_half else None,
        mean_half1=by_half[1][held_out] if by_half else None,
        mean_half2=by_half[2][held_out] if by_half else None,
    )


def _encodings(
    method: Method, data: Batches, tasks: list[Task], fabric: "Fabric"
) -> Generator[tuple[Task, Floats, Floats]]:
    """Mean and standard deviation (b, d) of every task's rows; reads images only when needed."""
    first = torch.from_numpy(tasks[0].rows)
    if method.stored_latents(first, tasks[0].half) is not None:
        for task in tasks:
            stored = method.stored_latents(torch.from_numpy(task.rows), task.half)
            assert stored is not None
            yield task, *_numpy(*stored)
        return
    with prefetched(lambda task: data.batch(task.rows), tasks) as batches:
        for task, batch in batches:
            with inference(fabric):
                encoded = method.encode(batch.to(method.device), task.half)
            yield task, *_numpy(*encoded)


def _numpy(mean: torch.Tensor, std: torch.Tensor) -> tuple[Floats, Floats]:
    return mean.float().cpu().numpy(), std.float().cpu().numpy()
