"""The average of some states of a job: what a single state is to be compared with.

Unlike the consensus map it comes from the same decoder, so it is as sharp, on the same grey scale,
and a difference from it is one of the state.
"""

import threading
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.jobs.folder import JobFolder

#: states, drawn at random among the particles of a half
AVERAGED_STATES: Final = 8


class AverageStates:
    """Average maps of a job by half, each made once; may be used from several threads."""

    def __init__(self, job: "JobFolder") -> None:
        self._job = job
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, int], NDArray[np.float32]] = {}

    def of(self, half: int, epoch: int | None = None) -> NDArray[np.float32]:
        """(z, y, x): the mean of the maps of states drawn at random among all particles of `half`
        (0: of a method with one model), by the model of an epoch; None: of the result."""
        table = self._job.latents(epoch)
        key = (table.epoch, half)
        with self._lock:
            if key not in self._kept:
                there = (table.half == half) & np.isfinite(table.mean).all(axis=1)
                rows = np.flatnonzero(there)
                if not len(rows):
                    raise UserError(f"No particle of half {half} has a latent to decode.")
                chosen = np.random.default_rng(0).choice(
                    rows, min(AVERAGED_STATES, len(rows)), replace=False
                )
                total = np.zeros(1)
                for row in chosen:
                    total = total + self._job.decode(
                        table.mean[row], half=half or None, epoch=epoch
                    )
                self._kept = {k: v for k, v in self._kept.items() if k[0] == table.epoch}
                self._kept[key] = (total / len(chosen)).astype(np.float32)
            return self._kept[key]
