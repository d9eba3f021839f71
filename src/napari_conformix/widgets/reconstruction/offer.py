"""What of a job can be reconstructed, and why not where it cannot. No Qt; made in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_conformix.jobs import Job


@dataclass(frozen=True)
class Choice:
    """Particles that can be chosen: `selection` is None for all of them."""

    selection: str | None
    halves: tuple[int, int]

    @property
    def count(self) -> int:
        """Particles of both half sets."""
        return sum(self.halves)

    @property
    def title(self) -> str:
        """'open: 1,204 particles (600 + 604)'."""
        name = "All particles" if self.selection is None else self.selection
        return f"{name}: {self.count:,} ({self.halves[0]:,} + {self.halves[1]:,})"

    @property
    def problem(self) -> str:
        """Why no half maps can be made of them, in a sentence; '' if they can."""
        empty = [half for half, count in enumerate(self.halves, start=1) if not count]
        what = "The file" if self.selection is None else f"The selection “{self.selection}”"
        if len(empty) == 2:
            return f"{what} has no particles in either half set."
        if empty:
            return (
                f"{what} has no particles of half {empty[0]}. The resolution is measured between "
                "two half maps, so choose particles of both halves (on the Explore page, show all "
                "particles before drawing the lasso)."
            )
        return ""


@dataclass(frozen=True)
class Offer:
    """The state of a job as far as reconstructing goes.

    epoch      of the newest checkpoint, 0 when there is none
    deformable whether the method moves matter
    missing    image stacks that are not where the particle file says
    names      of the reconstructions that there are
    biased     a sentence when an atomic model took part in the training
    """

    choices: tuple[Choice, ...]
    epoch: int
    deformable: bool
    method: str
    missing: tuple[Path, ...]
    stacks: int
    mask: Path | None
    names: frozenset[str]
    biased: str | None = None

    def cannot(self, choice: Choice, *, deformed: bool) -> str:
        """One sentence that says why this cannot be done and what to do; '' if it can."""
        if self.missing:
            some = f"{len(self.missing):,} of {self.stacks:,} image stacks are" if (
                self.stacks > 1
            ) else "The image stack is"  # fmt: skip
            return (
                f"{some} not where the particle file says, for example {self.missing[0]}; put "
                "them back, or make the job again with the right folder of images."
            )
        if deformed and not self.deformable:
            return f"{self.method} has no displacement field, so only a plain map can be made."
        if deformed and not self.epoch:
            return (
                "The job has not been trained yet, so no motion is known; train it first, or "
                "choose the plain reconstruction, which needs no model."
            )
        return choice.problem

    def free_name(self, choice: Choice, *, deformed: bool) -> str:
        """A name that is not taken: 'all_deformed', 'open', 'open_2'."""
        stem = (choice.selection or "all") + ("_deformed" if deformed else "")
        number, name = 1, stem
        while name in self.names:
            number += 1
            name = f"{stem}_{number}"
        return name


def offer_of(job: Job) -> Offer:
    """Look at a job: its half sets, selections, stacks, checkpoints and reconstructions."""
    particles = job.particles
    half = _half_sets(job)
    choices = [Choice(None, _counts(half))]
    choices += [Choice(s, _counts(half[job.selection(s).rows])) for s in job.selections()]
    missing = tuple(stack for stack in particles.stacks if not stack.is_file())

    return Offer(
        choices=tuple(choices),
        epoch=job.checkpoints.last() or 0,
        deformable=job.method_class.has_displacement,
        method=job.method_class.title,
        missing=missing,
        stacks=len(particles.stacks),
        mask=job.spec.inputs.mask,
        names=frozenset(run.name for run in job.reconstructions()),
        biased=job.model_biased,
    )


def _half_sets(job: Job) -> np.ndarray:
    """(N,) 1 and 2; before the first training, those of the file or else to be made alike."""
    from napari_conformix.errors import UserError

    try:
        return job.split.half
    except UserError:
        half = job.particles.half
        return half if half.any() else 1 + np.arange(len(half)) % 2


def _counts(half: np.ndarray) -> tuple[int, int]:
    return int(np.sum(half == 1)), int(np.sum(half == 2))
