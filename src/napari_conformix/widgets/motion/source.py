"""What the Deformation page can show: one particle, two of them, two latents, or a path.

Each source finds its deformation through the job, and the latents whose maps stand at its two
ends. No Qt in this file; everything here runs in a worker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from napari_conformix.analysis.spaces import views
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import Deformation
    from napari_conformix.analysis.spaces import Space, Spot
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable

#: axes offered of each space; those that follow hold next to nothing
_MOST_AXES: Final = 6
#: where an axis ends, and the share of a half's particles that stand for an end
_ENDS_PERCENT: Final = (2.0, 98.0)
_NEAR_SHARE: Final = 0.01


@dataclass(frozen=True)
class State:
    """A conformation: a latent (d,) and the half whose model decodes it (0: there is one model)."""

    latent: np.ndarray
    half: int


@dataclass(frozen=True)
class Found:
    """A deformation and the conformations whose maps stand at its ends; without a start it begins
    at the consensus. `command`: words of the command line that export the same, without the name
    of the file.
    """

    deformation: Deformation
    end: State
    start: State | None
    command: tuple[str, ...]


class Source(Protocol):
    """Where a deformation comes from."""

    def find(self, job: Job, latents: LatentTable) -> Found:
        """Ask the job. UserError where there is no answer."""

    @property
    def file_name(self) -> str:
        """For exported arrows, without an ending."""


@dataclass(frozen=True)
class OneParticle:
    """From the consensus to what a particle shows."""

    row: int

    def find(self, job: Job, latents: LatentTable) -> Found:
        """The arrows begin at the consensus of the particle's own half, whose map is shown."""
        half = int(latents.half[self.row])
        found = job.deformation(self.row, at=half or 1)
        command = _arrows(job, "--particle", str(self.row), "--at", str(half or 1))
        return Found(found, State(latents.mean[self.row], half), None, command)

    @property
    def file_name(self) -> str:
        """'particle_12'."""
        return f"particle_{self.row}"


@dataclass(frozen=True)
class TwoParticles:
    """From what one particle shows to what another one shows."""

    first: int
    last: int

    def find(self, job: Job, latents: LatentTable) -> Found:
        """Both maps are decoded by a half that knows both particles, the last one's own if it
        does; by either's own half if there is none."""
        own = [int(latents.half[row]) for row in (self.first, self.last)]
        at = str(own[1] or 1)
        found = job.deformation_between(self.first, self.last, at=int(at))
        fields = {1: found.half1, 2: found.half2}
        shared = [half for half in (own[1], own[0]) if fields.get(half) is not None]
        halves = [shared[0]] * 2 if shared else own
        start, end = (
            State(_latent_of(latents, row, half), half)
            for row, half in zip((self.first, self.last), halves, strict=True)
        )
        command = _arrows(job, "--between", f"{self.first},{self.last}", "--at", at)
        return Found(found, end, start, command)

    @property
    def file_name(self) -> str:
        """'particle_12_to_34'."""
        return f"particle_{self.first}_to_{self.last}"


@dataclass(frozen=True)
class TwoPoints:
    """From one place of the latent space view to another one."""

    first: Spot
    last: Spot

    def find(self, job: Job, latents: LatentTable) -> Found:
        """Both must be places of one half's latent space."""
        if self.first.half != self.last.half:
            raise UserError(
                f"Point A is a latent of half {self.first.half} and point B of half "
                f"{self.last.half}; the halves were trained independently. Set A again."
            )
        half = self.last.half
        of = f" (half {half})" if half else ""
        label = f"From point A to point B of the latent space view{of}"
        return _between_latents(job, self.first.latent, self.last.latent, half, label)

    @property
    def file_name(self) -> str:
        """'point_A_to_B'."""
        return "point_A_to_B"


@dataclass(frozen=True)
class AlongAxis:
    """Along an axis of a space of `analysis.spaces`, from its 2nd to its 98th percentile."""

    key: str
    component: int
    name: str

    def find(self, job: Job, latents: LatentTable) -> Found:
        """With one half's model; its error is that of held-out particles near either end.

        Latents of the other half at the same place of the motion view would not show an error:
        that view is made of what the latents do, so there both halves do the same.
        """
        half = int(views.halves(latents)[0] if self.key == "motion" else self.key[-1])
        ends = self._ends(views.build(self.key, latents), latents, half)
        label = f"Along {self.name}, from its 2nd to its 98th percentile"
        return _between_latents(job, *ends, half, label)

    def _ends(self, space: Space, latents: LatentTable, half: int) -> list[np.ndarray]:
        """The mean latents (d,) of the particles of a half that are nearest to either end, with
        the other axes at their median: where the view is bent, means over all particles of an end
        would mix its arms.
        """
        mine = np.flatnonzero(latents.half[space.rows] == half)
        count = int(np.clip(len(mine) * _NEAR_SHARE, min(8, len(mine)), 200))
        found = []
        for percent in _ENDS_PERCENT:
            end = np.median(space.coordinates, axis=0)
            end[self.component] = np.percentile(space.coordinates[:, self.component], percent)
            away = np.square(space.coordinates[mine] - end).sum(axis=1)
            near = space.rows[mine[np.argpartition(away, count - 1)[:count]]]
            found.append(latents.mean[near].mean(axis=0))
        return found

    @property
    def file_name(self) -> str:
        """'motion_1'."""
        return self.name.lower().replace(" ", "_")


def axes_of(latents: LatentTable) -> list[AlongAxis]:
    """Every axis along which a motion can be shown, the main one first."""
    found = []
    for key, title in views.available(latents):
        if key.startswith("latent"):
            continue
        table, word = (latents.motion, "Motion") if key == "motion" else (latents.mean, "PC")
        of = title.removeprefix("Principal components") if key != "motion" else ""
        count = min(_MOST_AXES, table.shape[1])
        found += [AlongAxis(key, i, f"{word} {i + 1}{of}") for i in range(count)]
    return found


def _latent_of(latents: LatentTable, row: int, half: int) -> np.ndarray:
    """The latent (d,) that `half` gives a particle."""
    if latents.validation_rows is not None and latents.half[row] != half:
        place = np.flatnonzero(latents.validation_rows == row)
        means = latents.mean_half1 if half == 1 else latents.mean_half2
        if len(place) and means is not None:
            return means[place[0]]
    return latents.mean[row]


def _between_latents(job: Job, start: np.ndarray, end: np.ndarray, half: int, label: str) -> Found:
    """From one latent to another, both of one half; the command line takes them from a file."""
    found = replace(job.deformation_along(np.stack([start, end]), half), label=label)
    lines = [",".join(f"{value:.6g}" for value in latent) for latent in (start, end)]
    command = ("printf", r"%s\n", *lines, ">", "ends.txt", "&&")
    command += _arrows(job, "--path", "ends.txt", *(("--half", str(half)) if half else ()))
    return Found(found, State(end, half), State(start, half), command)


def _arrows(job: Job, *options: str) -> tuple[str, ...]:
    return ("conformix", "arrows", str(job.folder), *options)
