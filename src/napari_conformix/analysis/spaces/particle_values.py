"""Everything that is known of a particle as one number or word, by name.

The names are those of the list of colours, of the axes of a view of any two columns, and of ranges
in a selection's record, so that a range of one job can be asked of another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.analysis.spaces import spaces
from napari_conformix.analysis.spaces.column_units import meaning_of, unit_of
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.latent_table import LatentTable

#: a ratio of motion and error above this is as good as any
MOST_RATIO: Final = 20.0
#: what the table of motions says, which takes a while to compute
NEEDS_MOTIONS: Final = ("amount of motion", "error of the motion", "motion / error")
#: the group of the columns of the file, in its own names
FILE_COLUMNS: Final = "Columns of the particle file"
#: columns that are words for certain, without reading them
_WORDS: Final = ("Name", "path", "uid")

Values = np.ndarray


@dataclass(frozen=True)
class Quantity:
    """One thing known of every particle. `values()` gives (N,) numbers, NaN where there is none, or
    words; it may take a while, and belongs into a worker."""

    name: str
    group: str
    unit: str
    meaning: str
    values: Callable[[], Values]

    @property
    def title(self) -> str:
        """'rlnDefocusU (Å)'."""
        return self.name + (f" ({self.unit})" if self.unit else "")


def quantities(
    latents: LatentTable,
    particles: ParticleSet | None = None,
    motions: Callable[[], MotionTable | None] | None = None,
) -> list[Quantity]:
    """What is known of the particles of a job, in groups, the most telling first.

    `motions` gives the motions of all particles; without it they are left out.
    """
    found = [*_motion_axes(latents)]
    if motions is not None and spaces.in_angstrom(latents):
        found += _amounts(motions)
    for half in spaces.halves(latents):
        found += _axes_of(latents, half)
    if np.isfinite(latents.std).any():
        found.append(_uncertainty(latents))
    if particles is not None:
        found += [
            Quantity(
                column,
                FILE_COLUMNS,
                unit_of(column),
                meaning_of(column),
                partial(particles.column, column),
            )
            for column in particles.columns
        ]
    return found


def quantity(
    name: str,
    latents: LatentTable,
    particles: ParticleSet | None = None,
    motions: Callable[[], MotionTable | None] | None = None,
) -> Quantity:
    """The one of that name; UserError where there is none."""
    offered = quantities(latents, particles, motions)
    found = next((one for one in offered if one.name == name), None)
    if found is None:
        raise UserError(
            f"Nothing is called '{name}' here; there are: {', '.join(one.name for one in offered)}."
        )
    return found


def may_be_axis(one: Quantity) -> bool:
    """Whether its values can be numbers, known without reading them."""
    return not one.name.split("/")[-1].endswith(_WORDS)


def _motion_axes(latents: LatentTable) -> list[Quantity]:
    motion = latents.motion
    if motion is None or not spaces.has_motion(latents):
        return []
    unit = "Å RMS" if spaces.in_angstrom(latents) else latents.motion_unit
    meaning = (
        "How far a particle is along this motion of the molecule: the root mean square displacement"
        " that goes with it. It means the same in both halves."
    )
    return [
        Quantity(f"motion {i + 1}", "Motion coordinates", unit, meaning, partial(_of, motion, i))
        for i in range(motion.shape[1])
    ]


def _of(table: np.ndarray, axis: int) -> Values:
    values: Values = table[:, axis]
    return values


def _amounts(motions: Callable[[], MotionTable | None]) -> list[Quantity]:
    """What the table of motions says as one number a particle."""

    def column(name: str) -> Values:
        table = motions()
        if table is None:
            raise UserError("The motions of all particles are not computed yet; try again later.")
        values: Values = getattr(table, name)
        return values

    def ratio() -> Values:
        ratios: Values = np.minimum(column("estimated_ratio"), MOST_RATIO)
        return ratios

    group, rms = "Motion and its error", "Å RMS"
    return [
        Quantity(
            "amount of motion",
            group,
            rms,
            "How far a particle is from the consensus: the root mean square displacement over the "
            "molecule.",
            partial(column, "rms_displacement"),
        ),
        Quantity(
            "error of the motion",
            group,
            rms,
            "How much the two halves' models differ on the motion: measured for held-out "
            "particles, estimated from those near them for the others.",
            partial(column, "estimated_error"),
        ),
        Quantity(
            "motion / error",
            group,
            "times",
            "Below 1 the motion is not larger than its error: do not believe it.",
            ratio,
        ),
    ]


def _axes_of(latents: LatentTable, half: int) -> list[Quantity]:
    """Principal components and latent axes, of one half's particles where there are two models."""
    count, d = latents.mean.shape
    of = f" of half {half}" if half else ""
    unrelated = (
        f" Only particles of half {half} have it: the halves were trained independently."
        if half
        else ""
    )

    @cache
    def space(kind: str) -> spaces.Space:
        return spaces.build(f"{kind}{half}", latents)

    def column(kind: str, axis: int) -> Values:
        return spaces.component(space(kind), axis, count)

    components = [
        Quantity(
            f"PC {i + 1}{of}",
            "Principal components of the latents",
            "",
            "A direction of the latent space, in its own units; the first varies most." + unrelated,
            partial(column, "pca", i),
        )
        for i in range(d)
    ]
    axes = [
        Quantity(
            f"latent {i + 1}{of}",
            "Latent axes",
            "",
            "What the encoder gives for a particle, in units of the latent space." + unrelated,
            partial(column, "latent", i),
        )
        for i in range(d)
    ]
    return components + axes


def _uncertainty(latents: LatentTable) -> Quantity:
    def values() -> Values:
        spread: Values = np.sqrt(np.square(latents.std).mean(axis=1))
        return spread

    return Quantity(
        "uncertainty of the latent",
        "Motion and its error",
        "",
        "How unsure the encoder is of a particle's latent (root mean square of its standard "
        "deviations, in units of the latent space): what one noisy image leaves open.",
        values,
    )
