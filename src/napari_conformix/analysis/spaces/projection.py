"""Principal components of latents: the first picture of a landscape, in a fraction of a second."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError

_CHUNK = 65_536  # rows taken to float64 at a time


@dataclass(frozen=True)
class Projection:
    """A linear map from latents (d) to principal coordinates (k), in the latents' own units.

    mean                      (d,)
    components                (k, d), orthonormal rows; largest variance first
    explained_variance_ratio  (k,), share of the total variance; zeros when there is none
    """

    mean: npt.NDArray[np.float64]
    components: npt.NDArray[np.float64]
    explained_variance_ratio: npt.NDArray[np.float64]

    def transform(self, latents: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(..., d) latents to (..., k) coordinates; NaN rows give NaN."""
        return np.asarray((np.asarray(latents, np.float64) - self.mean) @ self.components.T)

    def inverse(self, coordinates: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(..., m) coordinates, m <= k, to (..., d) latents; components left out are zero."""
        coordinates = np.asarray(coordinates, np.float64)
        return np.asarray(self.mean + coordinates @ self.components[: coordinates.shape[-1]])


def pca(
    latents: npt.ArrayLike,
    rows: npt.ArrayLike | None = None,
    n_components: int | None = None,
) -> Projection:
    """Principal components of (N, d) latents.

    Rows with a NaN or infinity are left out. The sign of a component is chosen so that its entry
    of largest magnitude is positive, so that a refreshed view does not flip over. There are always
    `n_components` (default d) orthonormal components; those beyond the rank explain nothing.

    Parameters
    ----------
    latents: (N, d)
    rows: indices or (N,) bool; which particles to take, by default all.
    n_components: how many components to keep.

    Raises UserError when no row is left.
    """
    values = np.asarray(latents)
    if values.ndim != 2:
        raise ValueError(f"latents must be (N, d), not {values.shape}")
    if rows is not None:
        values = values[np.asarray(rows)]
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        raise UserError(
            "There is no particle with a latent to compute principal components from; "
            "train for at least one epoch, or choose other particles."
        )
    mean = values.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((values.shape[1], values.shape[1]))
    for first in range(0, len(values), _CHUNK):
        centred = values[first : first + _CHUNK] - mean
        scatter += centred.T @ centred
    variance, vectors = np.linalg.eigh(scatter)
    variance, components = np.clip(variance[::-1], 0.0, None), vectors.T[::-1]
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    components = components * np.where(largest < 0, -1.0, 1.0)
    total = variance.sum()
    ratio = variance / total if total > 0 else np.zeros_like(variance)
    return Projection(mean, components[:n_components].copy(), ratio[:n_components].copy())
