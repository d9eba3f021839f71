"""What paths of every kind are made of: the particles of a half, means of them, and their count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from napari_conformix.analysis.paths.path import Kind, LatentPath
from napari_conformix.analysis.spaces import DataSupport
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.training.latent_table import LatentTable

#: a mean along a coordinate is over particles within this share of the path's length (a Gaussian)
_ALONG_WIDTH: Final = 0.05
#: particles that take part in such means; more would not change them
_MOST_ALONG: Final = 200_000
#: a mean about a point of a view is over this share of the particles, within these limits
_NEAR_SHARE, NEAR_LEAST, _NEAR_MOST = 0.01, 16, 400

#: of a path, unless something else is asked
STEPS: Final = 20

Floats = NDArray[np.float64]


def support_of(table: LatentTable, half: int) -> DataSupport:
    """What the support of paths of a half is counted with; to be kept where several are made."""
    return DataSupport.of(table.mean[rows_of_half(table, half)])


def rows_of_half(table: LatentTable, half: int) -> NDArray[np.int64]:
    """Rows of a half that have latents; UserError for a half that the table does not have."""
    rows = np.flatnonzero((table.half == half) & np.isfinite(table.mean).all(axis=1))
    if not len(rows):
        known = sorted({int(h) for h in np.unique(table.half)})
        if known == [1, 2] and half == 0:
            raise UserError(
                "Say which half the path is in, 1 or 2: their latents have nothing to do with each "
                "other."
            )
        raise UserError(
            f"No particle of half {half} has latents; there are those of "
            f"{' and '.join(f'half {h}' if h else 'one model (half 0)' for h in known)}."
        )
    return rows.astype(np.int64)


def path_of(
    kind: Kind,
    points: Floats,
    how: dict[str, Any],
    half: int,
    near: DataSupport,
    epoch: int | None,
    where: dict[str, Any] | None = None,
) -> LatentPath:
    """The path of those latents, with the particles near each step counted."""
    latents = np.asarray(points, np.float32)
    return LatentPath(
        latents,
        half,
        near.count(latents),
        kind,
        {"kind": kind, "count": len(latents), **how},
        epoch,
        radius=near.radius,
        typical=near.typical,
        **(where or {}),
    )


def means_near(places: Floats, latents: NDArray[np.float32], xy: Floats, reach: float) -> Floats:
    """(n, d) means of the latents of the particles nearest to places of a view.

    Particles within `reach` count, as many as the share allows, but always the nearest few; the
    weight falls to zero at the last, so that the mean changes without jumps along the path.
    """
    from scipy.spatial import cKDTree

    most = int(np.clip(_NEAR_SHARE * len(places), NEAR_LEAST, _NEAR_MOST))
    tree = cKDTree(places, balanced_tree=False, compact_nodes=False)
    distance, index = tree.query(xy, k=np.arange(1, min(most, len(places)) + 1))
    least = distance[:, min(NEAR_LEAST, distance.shape[1]) - 1]
    edge = np.maximum(least, np.minimum(distance[:, -1], reach))
    edge = 1.0001 * np.maximum(edge, 1e-12)[:, None]
    weight = np.square(np.clip(1 - np.square(distance / edge), 0, None))
    weight /= weight.sum(axis=1, keepdims=True)
    means: Floats = np.einsum("nk,nkd->nd", weight, latents[index].astype(np.float64))
    return means


def means_along(value: Floats, latents: NDArray[np.float32], at: Floats) -> Floats:
    """(n, d) local linear regression of latents on a coordinate: its values at `at` (n,).

    A mean alone would be drawn towards where there are more particles; the line through them is
    not, and a coordinate that is linear in the latents is met exactly (Fan and Gijbels, 1996).
    """
    order = np.argsort(value)
    order = order[:: -(-len(order) // _MOST_ALONG)]  # of very many, evenly along the coordinate
    sorted_values = value[order]
    width = _ALONG_WIDTH * abs(at[-1] - at[0]) or 1.0
    points = []
    for centre in at:
        first, last = np.searchsorted(sorted_values, [centre - 4 * width, centre + 4 * width])
        # where the ends are sparse, reach for the nearest few
        middle = int(np.searchsorted(sorted_values, centre))
        first, last = min(first, max(0, middle - 8)), max(last, middle + 8)
        offset = sorted_values[first:last] - centre
        own = max(width, float(np.abs(offset).max()) / 4)
        weight = np.exp(-0.5 * np.square(offset / own))
        weight /= weight.sum()
        here = latents[order[first:last]].astype(np.float64)
        mean, drift = weight @ here, weight @ offset
        spread = weight @ np.square(offset - drift)
        slope = (weight * (offset - drift)) @ here / spread if spread > 0 else 0.0
        points.append(mean - slope * drift)
    return np.stack(points)
