"""Which latent to decode for a place in a two-dimensional view of the particles.

A UMAP cannot be inverted, and the inverse of a projection may lead where no particle is. Instead
the latent is a mean of the nearest particles' latents, so that what is decoded is always near
data, and the number of particles that support it can be said.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from napari_conformix.errors import UserError


@dataclass(frozen=True)
class SupportedLatent:
    """A latent and what stands behind it.

    latent     (d,) float32
    half       the half set that it belongs to
    rows       (k,) the particles it was averaged from, nearest first
    weights    (k,) their weights; the sum is 1
    distance   from the asked point to the nearest particle, in units of the view
    radius     within which `support` particles of this half lie
    support    0 means that the point is outside the data
    """

    latent: npt.NDArray[np.float32]
    half: int
    rows: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    distance: float
    radius: float
    support: int


class NearestLatents:
    """Answers for points of one view; build it once a view, ask it at every move of the cursor.

    Parameters
    ----------
    embedding: (N, 2) view of the particles; rows with NaN are left out.
    latents: (N, d)
    half: (N,) half set of each particle, or None for methods with one model (half 0).
    neighbours: how many particles are averaged.
    radius: for counting the support; default 2 % of the view's diagonal (1st to 99th percentile).
    """

    def __init__(
        self,
        embedding: npt.ArrayLike,
        latents: npt.ArrayLike,
        half: npt.ArrayLike | None = None,
        *,
        neighbours: int = 16,
        radius: float | None = None,
    ) -> None:
        xy = np.asarray(embedding, np.float64)
        self.latents = np.asarray(latents, np.float32)
        halves = np.zeros(len(xy), np.int8) if half is None else np.asarray(half)
        if xy.ndim != 2 or not len(xy) == len(self.latents) == len(halves):
            raise ValueError("embedding (N, 2), latents (N, d) and half (N,) must agree in N")
        if neighbours < 1:
            raise ValueError("neighbours must be at least 1")
        usable = np.isfinite(xy).all(axis=1) & np.isfinite(self.latents).all(axis=1)
        if not usable.any():
            raise UserError("No particle has both a place in this view and a latent; train first.")
        extent = np.ptp(np.percentile(xy[usable], [1, 99], axis=0), axis=0)
        self.radius = 0.02 * float(np.linalg.norm(extent)) if radius is None else radius
        self.neighbours = neighbours
        self._rows = {
            int(h): np.flatnonzero(usable & (halves == h)) for h in np.unique(halves[usable])
        }
        # unbalanced trees are built twice as fast and answer as quickly on such views
        self._trees = {
            h: cKDTree(xy[rows], balanced_tree=False, compact_nodes=False)
            for h, rows in self._rows.items()
        }

    @property
    def halves(self) -> tuple[int, ...]:
        """The half sets that have particles in this view."""
        return tuple(self._trees)

    def query(self, point: npt.ArrayLike, half: int = 0) -> SupportedLatent:
        """The latent at a point (2,) of the view, from particles of one half set.

        The weight falls to zero at the first particle that is not taken, so the latent changes
        without jumps while the cursor moves.
        """
        if half not in self._trees:
            known = ", ".join(map(str, self._trees))
            raise UserError(f"This view has no particles of half set {half}; it has {known}.")
        tree, rows = self._trees[half], self._rows[half]
        where = np.asarray(point, np.float64).reshape(2)
        k = min(self.neighbours + 1, len(rows))
        distance, near = tree.query(where, k=np.arange(1, k + 1))
        weight = _weights(distance, taken=min(self.neighbours, k))
        taken = rows[near[: len(weight)]]
        return SupportedLatent(
            latent=(weight @ self.latents[taken].astype(np.float64)).astype(np.float32),
            half=half,
            rows=taken,
            weights=weight,
            distance=float(distance[0]),
            radius=self.radius,
            support=int(tree.query_ball_point(where, self.radius, return_length=True)),
        )


def _weights(distance: npt.NDArray[np.float64], taken: int) -> npt.NDArray[np.float64]:
    """Bisquare weights of the `taken` nearest; the last distance is where they reach zero."""
    edge = distance[-1]
    if len(distance) == taken or edge == distance[0]:
        return np.full(taken, 1 / taken)
    weight = (1 - (distance[:taken] / edge) ** 2) ** 2
    return np.asarray(weight / weight.sum())
