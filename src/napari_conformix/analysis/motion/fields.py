"""Displacement fields of a trained method, and their errors from the held-out particles.

Everything is computed when it is asked for, a chunk of particles at a time: the fields of a whole
data set at all positions would not fit in memory.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from napari_conformix.analysis.motion.deformation import Deformation, ErrorSource, Floats
from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.training.contract import Method
from napari_conformix.training.latent_table import LatentTable

#: positions times particles decoded at once: about 30 MB for each layer of the decoder
EVALUATIONS_AT_ONCE = 2**18
#: held-out particles whose errors stand for that of a latent next to them
NEIGHBOURS = 8
#: held-out particles from which the halves' mean fields are taken
MOST_AVERAGED = 256
#: positions at which tables of all particles are made
TABLE_POSITIONS = 512


class Fields:
    """The fields of one method and its latents. Safe to keep while both stay as they are."""

    def __init__(self, method: Method, table: LatentTable) -> None:
        self.method = method
        self.table = table
        self._positions: dict[int, Floats] = {}
        self._means: dict[int, tuple[Floats, Floats]] = {}
        rows = table.validation_rows
        self._held_out = {} if rows is None else {int(row): i for i, row in enumerate(rows)}

    # -- positions and fields ---------------------------------------------------------------------

    @property
    def paired(self) -> bool:
        """Whether there are held-out particles with a latent from either half."""
        return bool(self._held_out) and self.table.mean_half1 is not None

    def model_of(self, half: int) -> int:
        """The half whose model answers: `half`, or 0 for a method with one model."""
        if not self.method.independent_halves:
            return 0
        if half not in self.method.halves:
            raise UserError(f"There is no half {half}; this job has halves 1 and 2.")
        return half

    def positions(self, at: int) -> Floats:
        """(p, 3) xyz in A: consensus positions of half `at`."""
        at = self.model_of(at)
        if at not in self._positions:
            there = self.method.consensus_positions(at)
            if there is None:
                raise NotSupportedError(
                    f"{self.method.title} has no positions at which displacements could be drawn."
                )
            self._positions[at] = there.float().cpu().numpy().copy()
        return self._positions[at]

    @cached_property
    def table_positions(self) -> Floats:
        """(p', 3) consensus positions of half 1 that stand for all, where particles are compared.

        As dense as the molecule is, so that a mean over them is one over all positions.
        """
        positions = self.positions(1)
        nearby = cKDTree(positions).indices  # neighbours in space are neighbours in this order
        count = min(TABLE_POSITIONS, len(positions))
        chosen = nearby[((np.arange(count) + 0.5) * len(positions) / count).astype(np.int64)]
        standing_for_all: Floats = positions[np.sort(chosen)]
        return standing_for_all

    def evaluate(self, latents: Floats, positions: Floats, half: int) -> Floats:
        """(n, d), (p, 3) A -> (n, p, 3) float32 A, all in memory."""
        parts = [field for _, field in self.chunks(latents, positions, half)]
        return np.concatenate(parts) if parts else np.empty((0, len(positions), 3), np.float32)

    def chunks(
        self, latents: Floats, positions: Floats, half: int
    ) -> Iterator[tuple[slice, Floats]]:
        """As `evaluate`, in turn: which latents, and their (m, p, 3)."""
        import torch

        step = max(1, EVALUATIONS_AT_ONCE // max(1, len(positions)))
        points = torch.from_numpy(np.ascontiguousarray(positions, np.float32))
        points = points.to(self.method.device)
        for first in range(0, len(latents), step):
            rows = slice(first, min(first + step, len(latents)))
            chunk = np.ascontiguousarray(latents[rows], np.float32)
            with torch.no_grad():
                field = self.method.displacement(
                    torch.from_numpy(chunk).to(self.method.device), points, self.model_of(half)
                )
            yield rows, field.float().cpu().numpy()

    # -- latents of particles ---------------------------------------------------------------------

    def latents_of(self, row: int) -> dict[int, Floats]:
        """The latents (d,) that are known of a particle, by half; 0 for a method with one model."""
        if not 0 <= row < len(self.table):
            raise UserError(f"There is no particle {row}; rows go from 0 to {len(self.table) - 1}.")
        if not self.method.independent_halves:
            return {0: self.table.mean[row]}
        if row in self._held_out:
            both = self.held_out_latents([self._held_out[row]])
            return {1: both[0][0], 2: both[1][0]}
        return {int(self.table.half[row]): self.table.mean[row]}

    def held_out_latents(self, index: npt.ArrayLike | None = None) -> tuple[Floats, Floats]:
        """(v, d) of half 1 and of half 2, of the held-out particles or those at `index` in them."""
        first, second = self.table.mean_half1, self.table.mean_half2
        assert first is not None
        assert second is not None
        if index is None:
            return first, second
        return first[np.asarray(index)], second[np.asarray(index)]

    def held_out_sample(self, count: int, seed: int = 0) -> npt.NDArray[np.int64]:
        """Indices of at most `count` held-out particles, sorted."""
        total = len(self._held_out)
        if total <= count:
            return np.arange(total)
        return np.sort(np.random.default_rng(seed).choice(total, count, replace=False))

    # -- errors -----------------------------------------------------------------------------------

    def mean_fields(self, at: int) -> tuple[Floats, Floats]:
        """(p, 3) A of either half: the mean field over held-out particles."""
        at = self.model_of(at)
        if at not in self._means:
            sample = self.held_out_sample(MOST_AVERAGED)
            first, second = (
                _mean(field for _, field in self.chunks(latents, self.positions(at), half))
                for half, latents in zip((1, 2), self.held_out_latents(sample), strict=True)
            )
            self._means[at] = first, second
        return self._means[at]

    def systematic(self, at: int) -> Floats | None:
        """(p,) A: how far the halves' mean fields are apart; None without held-out particles."""
        if not self.paired:
            return None
        first, second = self.mean_fields(at)
        return np.asarray(np.linalg.norm(first - second, axis=1))

    def _error_near(
        self, latent: Floats, half: int, at: int, *, random_only: bool = False
    ) -> Floats:
        """(p,) A: RMS of the halves' difference over the held-out particles nearest to `latent` in
        the latent space of `half`. `random_only` leaves the shared, systematic part out."""
        tree = self._trees[half]
        _, near = tree.query(latent, k=np.arange(1, min(NEIGHBOURS, tree.n) + 1))
        first, second = self.held_out_latents(near)
        positions = self.positions(at)
        difference = self.evaluate(first, positions, 1) - self.evaluate(second, positions, 2)
        if random_only:
            means = self.mean_fields(at)
            difference -= means[0] - means[1]
        return np.asarray(np.sqrt(np.square(difference).sum(axis=2).mean(axis=0)))

    @cached_property
    def _trees(self) -> dict[int, cKDTree]:
        first, second = self.held_out_latents()
        return {1: cKDTree(first), 2: cKDTree(second)}

    # -- deformations -----------------------------------------------------------------------------

    def of_particle(self, row: int, at: int = 1) -> Deformation:
        """From the consensus to what a particle shows."""
        latents = self.latents_of(row)
        what = "held out" if len(latents) == 2 else "no half sets" if 0 in latents else "trained"
        if what == "trained":
            what = f"in half {next(iter(latents))}"
        return self.of_latents(latents, at, f"Particle {row} ({what})")

    def of_latents(self, latents: dict[int, Floats], at: int, label: str) -> Deformation:
        """From the consensus to one latent (d,) of one half, or the latents of both."""
        at = self.model_of(at)
        positions = self.positions(at)
        fields = {
            half: self.evaluate(latent[None], positions, half)[0]
            for half, latent in latents.items()
        }
        error, source = self._error(fields, latents, at)
        return Deformation(
            positions=positions,
            half1=fields.get(1, fields.get(0)),
            half2=fields.get(2),
            at=at,
            label=label,
            error=error,
            error_source=source,
            systematic=self.systematic(at),
        )

    def between(
        self, first: dict[int, Floats], last: dict[int, Floats], at: int, label: str
    ) -> Deformation:
        """From one latent to another, given by half, in every half that knows both.

        What all particles share cancels. If no half knows both, each is decoded by its own half
        and taken relative to the mean field of that half.
        """
        at = self.model_of(at)
        positions = self.positions(at)
        fields = {}
        for half in sorted(first.keys() & last.keys()):
            start, end = self.evaluate(np.stack([first[half], last[half]]), positions, half)
            fields[half] = end - start
        error, source = self._error(fields, {}, at)
        if error is None and self.paired:
            error, source = self._error_of_both_ends(first, last, at), "held-out neighbours"
        return Deformation(
            positions=positions,
            half1=fields.get(1, fields.get(0)),
            half2=fields.get(2),
            at=at,
            label=label,
            error=error,
            error_source=source,
            mixed=None if fields else self._from_own_means(first, last, at),
            # by the halves that give the displacement: then the arrows end where the last latent is
            start=self._displacement({half: first[half] for half in fields} or first, positions),
        )

    def _displacement(self, latents: dict[int, Floats], positions: Floats) -> Floats:
        """(p, 3) A from the consensus to a latent, the mean of the halves that know it."""
        fields = [self.evaluate(z[None], positions, half)[0] for half, z in latents.items()]
        return np.asarray(np.mean(fields, axis=0), np.float32)

    def _from_own_means(self, first: dict[int, Floats], last: dict[int, Floats], at: int) -> Floats:
        """(p, 3) A between latents of different halves, each relative to its half's mean field."""
        ends = []
        for latents in (first, last):
            half, latent = next(iter(latents.items()))
            field = self.evaluate(latent[None], self.positions(at), half)[0]
            ends.append(field - self.mean_fields(at)[half - 1] if self.paired else field)
        return np.asarray(ends[1] - ends[0])

    def _error_of_both_ends(
        self, first: dict[int, Floats], last: dict[int, Floats], at: int
    ) -> Floats:
        """(p,) A: the random errors next to two latents, added as independent ones are."""
        ends = []
        for latents in (first, last):
            half, latent = next(iter(latents.items()))
            ends.append(self._error_near(latent, half, at, random_only=True))
        return np.asarray(np.hypot(*ends))

    def along(self, latents: Floats, half: int) -> Deformation:
        """What happens along a path (n, d) of one half: from its start to the point of it that is
        deformed most against the start, so that a path that comes back does not give nothing."""
        half = self.model_of(half)
        if len(latents) < 2:
            raise UserError("A path needs two points at least.")
        fields = self.evaluate(latents, self.table_positions, half)
        far = int(np.square(fields - fields[0]).sum(axis=(1, 2)).argmax())
        return self.between(
            {half: latents[0]},
            {half: latents[far]},
            half,
            f"Along the path, from its start to its farthest point ({far + 1} of {len(latents)})",
        )

    def _error(
        self, fields: dict[int, Floats], latents: dict[int, Floats], at: int
    ) -> tuple[Floats | None, ErrorSource]:
        """Error (p,) of fields (p, 3) by half, from both or from the neighbours of the latent."""
        if len(fields) == 2:
            return np.linalg.norm(fields[1] - fields[2], axis=1), "both halves"
        if latents and self.paired:
            half, latent = next(iter(latents.items()))
            return self._error_near(latent, half, at), "held-out neighbours"
        return None, "none"


def _mean(fields: Iterator[Floats]) -> Floats:
    """Mean over the first axis of fields that come in chunks."""
    total: npt.NDArray[np.float64] | None = None
    count = 0
    for field in fields:
        part = field.sum(axis=0, dtype=np.float64)
        total = part if total is None else total + part
        count += len(field)
    assert total is not None
    return (total / count).astype(np.float32)
