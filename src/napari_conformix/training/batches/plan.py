"""The order in which an epoch goes through the particles.

Everything random here is a function of (seed, epoch, half), so that an epoch done again after a
kill is the same epoch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_conformix.training.contract import Batch, Sampler, Subset
from napari_conformix.training.split import Split

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """One batch to come: whose half, what for, and which rows."""

    half: int
    purpose: Literal["train", "held_out", "validate", "encode", "first pass"]
    rows: Rows


def epoch_seed(seed: int, epoch: int) -> int:
    """Seed of torch's generators at the start of an epoch."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)


def cut(rows: Rows, batch_size: int) -> list[Rows]:
    """Batches of nearly equal size, none above `batch_size` (no last batch of one particle)."""
    if len(rows) == 0:
        return []
    return list(np.array_split(rows, -(-len(rows) // batch_size)))


def cut_by_class(
    order: Rows, classes: NDArray[np.int64], batch_size: int, random: np.random.Generator
) -> list[Rows]:
    """Batches of one class each, in random order: every row of `order` once.

    Each class is cut into batches of nearly equal size, so that none is smaller than half of
    `batch_size` unless its whole class is.
    """
    of_order = classes[order]
    batches = [
        batch for one in np.unique(of_order) for batch in cut(order[of_order == one], batch_size)
    ]
    return [batches[i] for i in random.permutation(len(batches))]


def epoch_tasks(
    split: Split,
    halves: tuple[int, ...],
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    held_out: bool,
    classes: NDArray[np.int64] | None = None,
) -> list[Task]:
    """Every training particle once, in random order, the halves taking turns.

    With `held_out`, the encoder of every half also sees all validation particles (paper:
    "held out of both decoders"), spread evenly over the epoch. With `classes` (N,), every training
    batch holds one class only (for example particles seen from about the same side).
    """
    timed: list[tuple[float, int, Task]] = []
    for half in halves:
        random = np.random.default_rng([seed, epoch, half])
        order = random.permutation(split.rows(half, "train"))
        if classes is None:
            train = cut(order, batch_size)
        else:
            train = cut_by_class(order, classes, batch_size, random)
        unseen = random.permutation(split.rows(0, "validation")) if held_out else np.empty(0, int)
        tasks = [Task(half, "train", rows) for rows in train]
        timed += [((i + 0.5) / len(tasks), half, task) for i, task in enumerate(tasks)]
        tasks = [Task(half, "held_out", rows) for rows in cut(unseen, batch_size)]
        timed += [((i + 0.5) / len(tasks), half, task) for i, task in enumerate(tasks)]
    timed.sort(key=lambda entry: entry[:2])  # stable: training before held-out at a tie
    return [task for *_, task in timed]


def validation_tasks(split: Split, halves: tuple[int, ...], batch_size: int) -> list[Task]:
    """The held-out particles of each half, for that half's model."""
    return [
        Task(half, "validate", rows)
        for half in halves
        for rows in cut(split.rows(half, "validation"), batch_size)
    ]


def first_pass_tasks(split: Split, halves: tuple[int, ...], batch_size: int) -> list[Task]:
    """The training particles of each half, in the order of the particle file."""
    return [
        Task(half, "first pass", rows)
        for half in halves
        for rows in cut(split.rows(half, "train"), batch_size)
    ]


def encoding_tasks(split: Split, halves: tuple[int, ...], batch_size: int) -> list[Task]:
    """Every particle for its own half's encoder, and validation particles for both."""
    tasks = []
    for half in halves:
        mine = split.validation | (split.half == half) if half else np.ones(len(split), bool)
        tasks += [Task(half, "encode", rows) for rows in cut(np.flatnonzero(mine), batch_size)]
    return tasks


def make_sampler(
    split: Split, load: Callable[[Rows], Batch], batch_size: int, *, seed: int, epoch: int
) -> Sampler:
    """The sampler of an epoch: the same particles at every call with the same arguments."""

    def sample(half: int, subset: Subset, count: int) -> Iterator[Batch]:
        random = np.random.default_rng([seed, epoch, half, 1 if subset == "train" else 2])
        rows = split.rows(half, subset)
        chosen = random.choice(rows, size=min(count, len(rows)), replace=False)
        for piece in cut(chosen, batch_size):
            yield load(piece)

    return sample
