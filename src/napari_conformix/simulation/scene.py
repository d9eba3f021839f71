"""What is simulated: a molecule, its states, and how often each occurs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
#: positions (atoms, 3) xyz in A from the centre of rotation, and weights (atoms,)
Atoms = tuple[Array, Array]


@dataclass(frozen=True)
class Scene:
    """States of one molecule. A continuous motion is many states in order.

    name         as given to `simulate`
    title        what it is, in a sentence
    kind         'continuous', 'discrete', or 'rigid' (one state)
    values       (S,) what is true of each state, in order along the motion
    value_name   what `values` measures, with its unit
    populations  (S,) share of the particles in each state; the sum is 1
    labels       (S,) names of the states; empty for a continuous motion
    atoms        state -> positions and weights
    """

    name: str
    title: str
    kind: Literal["continuous", "discrete", "rigid"]
    values: Array
    value_name: str
    populations: Array
    labels: tuple[str, ...]
    atoms: Callable[[int], Atoms]

    def __post_init__(self) -> None:
        if len(self.values) != len(self.populations):
            raise ValueError("a scene needs one population for each state")
        if not np.isclose(self.populations.sum(), 1.0) or (self.populations < 0).any():
            raise ValueError("the populations of a scene must be shares that add up to 1")
        if self.labels and len(self.labels) != len(self.values):
            raise ValueError("a scene needs one label for each state, or none")

    def __len__(self) -> int:
        return len(self.values)

    def landmarks(self, count: int) -> list[int]:
        """At most `count` states evenly along the scene, both ends included."""
        return sorted({round(i) for i in np.linspace(0, len(self) - 1, min(count, len(self)))})

    def radius_angstrom(self) -> float:
        """The farthest that an atom gets from the centre of rotation."""
        radii = [np.linalg.norm(self.atoms(i)[0], axis=1).max() for i in self.landmarks(11)]
        return float(max(radii))
