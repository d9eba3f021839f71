"""Adenylate kinase, a 24 kDa enzyme whose LID and NMP domains close over its substrates.

The coordinates and where they are from: `data/README.txt`.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from napari_conformix.simulation.scene import Array, Atoms, Scene

_STATES = 100


@dataclass(frozen=True)
class Path:
    """Frames of the closing motion; (F, atoms, 3) A, (F,) opening from 0 to 1, (atoms,) each."""

    positions: Array
    opening: Array
    residue: npt.NDArray[np.int64]
    atomic_number: Array

    def at(self, opening: float) -> Array:
        """(atoms, 3) in A, linear between neighbouring frames (about 1 A apart)."""
        upper = int(np.clip(np.searchsorted(self.opening, opening), 1, len(self.opening) - 1))
        low, high = self.opening[upper - 1], self.opening[upper]
        t = (opening - low) / (high - low)
        return np.asarray((1 - t) * self.positions[upper - 1] + t * self.positions[upper])

    @property
    def lid(self) -> npt.NDArray[np.bool_]:
        """(atoms,) the LID domain."""
        return np.asarray((self.residue >= 122) & (self.residue <= 159))


@lru_cache(maxsize=1)
def path() -> Path:
    """The bundled table."""
    table = files("napari_conformix.simulation") / "data" / "adenylate_kinase.npz"
    with table.open("rb") as file, np.load(file, allow_pickle=False) as data:
        return Path(
            positions=data["positions_centiangstrom"] / 100.0,
            opening=data["opening"].astype(np.float64),
            residue=data["residue"].astype(np.int64),
            atomic_number=data["atomic_number"].astype(np.float64),
        )


def opening() -> Scene:
    """The whole motion, every opening equally often."""
    values = np.linspace(0.0, 1.0, _STATES)

    def atoms(state: int) -> Atoms:
        return path().at(values[state]), path().atomic_number

    return Scene(
        name="adk",
        title="Adenylate kinase opens and closes: LID moves 15 A, NMP 11 A",
        kind="continuous",
        values=values,
        value_name="opening (0 closed, 1 open)",
        populations=np.full(_STATES, 1 / _STATES),
        labels=(),
        atoms=atoms,
    )


def states() -> Scene:
    """Three conformations, and one composition: open with the LID domain missing."""
    openings = (0.0, 0.5, 1.0, 1.0)
    labels = ("closed", "half open", "open", "open, LID absent")

    def atoms(state: int) -> Atoms:
        positions, weights = path().at(openings[state]), path().atomic_number
        keep = ~path().lid if state == 3 else np.ones(len(weights), dtype=bool)
        return positions[keep], weights[keep]

    return Scene(
        name="adk-states",
        title="Adenylate kinase closed, half open, open, and open without its LID domain",
        kind="discrete",
        values=np.arange(4.0),
        value_name="state",
        populations=np.array([0.4, 0.15, 0.25, 0.2]),
        labels=labels,
        atoms=atoms,
    )


def rigid() -> Scene:
    """The null case: whatever a method finds here is not there."""
    return Scene(
        name="rigid",
        title="Adenylate kinase, open and rigid: nothing to be found",
        kind="rigid",
        values=np.zeros(1),
        value_name="state",
        populations=np.ones(1),
        labels=("open",),
        atoms=lambda state: (path().at(1.0), path().atomic_number),
    )
