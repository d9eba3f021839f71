"""What a run will take, measured before it starts on a copy that is then thrown away."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import torch

from napari_conformix.training.batches import Batches, Task
from napari_conformix.training.contract import Batch, Method, Sampler
from napari_conformix.training.monitor import free_memory_bytes, memory_bytes
from napari_conformix.training.stepping import Stepper, inference

if TYPE_CHECKING:
    from lightning_fabric import Fabric

#: batch sizes that the automatic choice picks from
BATCH_SIZES = (256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
MOST_OF_MEMORY = 0.6
LARGEST_AUTOMATIC = 128
#: an epoch shall have about this many steps a half, or small sets learn too little in it
STEPS_AN_EPOCH = 64
#: gradients of fewer particles than this are so noisy that training may diverge
SMALLEST_SENSIBLE = 32
#: steps of which the time is taken; the first one pays for set-up and is left out
MEASURED_STEPS = 3


@dataclass(frozen=True)
class Estimate:
    """Seconds of an epoch, peak memory in bytes, and the batch size that fitted.

    first_pass_seconds   of the pass over all training particles before epoch 1, if there is one
    """

    epoch_seconds: float
    memory_bytes: int
    batch_size: int
    first_pass_seconds: float = 0.0


def choose_batch_size(method: Method, wanted: int, smallest_half: int) -> int:
    """The batch size of a run: what is wanted, or the largest sensible batch that fits in memory.

    Parameters
    ----------
    method : Method
        Says how much memory a step takes.
    wanted : int
        The setting; 0 leaves the choice to the free memory.
    smallest_half : int
        Particles of the smallest half: an epoch shall have about 64 steps, yet no batch is made
        smaller than 32 for that.

    Returns
    -------
    int
        At least 1; at most 128 when chosen here.
    """
    if wanted:
        return wanted
    budget = MOST_OF_MEMORY * free_memory_bytes(method.device)
    most = min(LARGEST_AUTOMATIC, max(SMALLEST_SENSIBLE, smallest_half // STEPS_AN_EPOCH))
    for size in BATCH_SIZES:
        if size <= most and method.memory_bytes(size) <= budget:
            return size
    return 1


def measure(
    method: Method,
    data: Batches,
    tasks: Sequence[Task],
    *,
    fabric: "Fabric",
    batch_size: int,
    epoch: int,
    sampler: Sampler,
    trained: int,
    particles: int,
) -> Estimate:
    """Run a few steps on a copy of the method and scale them to an epoch.

    The method itself is not touched and torch's random state is put back, so that a run that was
    measured is the same run. Out-of-memory errors shrink the batch here already.

    Parameters
    ----------
    method : Method
        As it would be trained.
    data : Batches
        Where batches come from.
    tasks : sequence of Task
        Steps of an epoch, or the first of them.
    fabric : lightning_fabric.Fabric
        Precision of the run.
    batch_size : int
        To begin with.
    epoch : int
        Whose schedule is followed, counted from 1.
    sampler : Sampler
        Given to the method's `start_epoch`.
    trained : int
        Particles that an epoch trains on, those of `tasks` or more.
    particles : int
        Particles that it encodes.

    Returns
    -------
    Estimate
        Seconds, bytes and the batch size that fitted.
    """
    with torch.random.fork_rng(devices=_cuda_devices(method.device)):
        trial = copy.deepcopy(method)
        first_pass = _first_pass_seconds_a_particle(trial, data, tasks, fabric)
        start = perf_counter()
        trial.start_epoch(epoch, sampler)
        _wait(method.device)
        set_up = perf_counter() - start
        stepper = Stepper(trial, fabric, batch_size)
        stepper.start_epoch(len(tasks))
        step = _seconds_a_particle(stepper, data, tasks, epoch)
        encode = _encode_seconds_a_particle(trial, data, tasks[0], fabric, stepper.batch_size)
        peak = memory_bytes(method.device)
    return Estimate(
        epoch_seconds=set_up + step * trained + encode * particles,
        memory_bytes=peak,
        batch_size=stepper.batch_size,
        first_pass_seconds=first_pass * trained,
    )


def _first_pass_seconds_a_particle(
    method: Method, data: Batches, tasks: Sequence[Task], fabric: "Fabric"
) -> float:
    """0 without a first pass; else of the steps that are measured next, so that they find in the
    method's memory what later steps will."""
    if not method.needs_first_pass:
        return 0.0
    count = 0
    start = perf_counter()
    for task in tasks[:MEASURED_STEPS]:
        with inference(fabric):
            method.first_pass(data.batch(task.rows).to(method.device), task.half)
        count += len(task.rows)
    _wait(method.device)
    return (perf_counter() - start) / max(count, 1)


def _seconds_a_particle(
    stepper: Stepper, data: Batches, tasks: Sequence[Task], epoch: int
) -> float:
    """The first step pays for set-up of many kinds and is not counted if there is another."""
    times = []
    for task in tasks[:MEASURED_STEPS]:
        start = perf_counter()
        stepper.method.begin_step(epoch - 0.5)
        batch: Batch = data.batch(task.rows).to(stepper.method.device)
        stepper.step(batch, task.half, held_out=task.purpose == "held_out")
        _wait(stepper.method.device)
        times.append((perf_counter() - start) / len(task.rows))
    counted = times[1:] or times
    return sum(counted) / len(counted)


def _encode_seconds_a_particle(
    method: Method, data: Batches, task: Task, fabric: "Fabric", batch_size: int
) -> float:
    rows = task.rows[:batch_size]
    start = perf_counter()
    with inference(fabric):
        method.encode(data.batch(rows).to(method.device), task.half)
    _wait(method.device)
    return (perf_counter() - start) / len(rows)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _cuda_devices(device: torch.device) -> list[int]:
    return [device.index or 0] if device.type == "cuda" else []
