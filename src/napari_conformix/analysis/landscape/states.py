"""States of a landscape, and how far two halves agree on it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Minimum:
    """A state: a place of the view where particles are denser than all about it.

    number           from 1, the deepest first
    xy               its place
    energy, error    kT above the deepest minimum, and the standard error of that
    count, share     particles in its basin, and their share of those in the view
    share_error      standard error of the share
    barrier          kT from here to the lowest pass into another basin; NaN if there is no other
    barrier_error    its standard error
    barrier_to       the number of the minimum beyond that pass; None where no pass is known
    at_least         no particles, or too few, are on the way out: the barrier is at least so high
                     (95 %)
    """

    number: int
    xy: tuple[float, float]
    energy: float
    error: float
    count: int
    share: float
    share_error: float
    barrier: float = float("nan")
    barrier_error: float = float("nan")
    barrier_to: int | None = None
    at_least: bool = False

    def sentence(self, unit: str = "kT") -> str:
        """'State 2: 31 % of the particles, 0.42 ± 0.05 kT above state 1; ...'."""
        text = f"State {self.number}: {100 * self.share:.0f} % of the particles"
        if self.number > 1:
            text += f", {self.energy:.2f} ± {self.error:.2f} {unit} above state 1"
        if np.isnan(self.barrier):
            return f"{text}."
        if self.at_least:
            return (
                f"{text}; the lowest pass is at least {self.barrier:.1f} {unit} high: too few "
                "particles are on it."
            )
        return (
            f"{text}; the lowest pass, to state {self.barrier_to}, is {self.barrier:.2f} ± "
            f"{self.barrier_error:.2f} {unit} high."
        )


@dataclass(frozen=True)
class HalvesAgreement:
    """How far the landscapes of both halves differ, weighted by density: observed and what
    counting alone makes of it, in kT RMS, relative to the deepest minimum; NaN where the halves
    have no place in common."""

    observed: float
    expected: float

    @property
    def model_error(self) -> float:
        """kT: what the models add to the error of the landscape of both halves together."""
        if np.isnan(self.observed):
            return 0.0
        return 0.5 * float(np.sqrt(max(self.observed**2 - self.expected**2, 0.0)))
