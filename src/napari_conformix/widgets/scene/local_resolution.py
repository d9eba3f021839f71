"""The surface of a map coloured by the resolution around every point of it. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from napari.utils.colormaps import Colormap

from napari_conformix.widgets.colours import Legend
from napari_conformix.widgets.scene.surfaces import Mesh, surface_of

#: from the finest to the coarsest, distinguishable with every kind of colour vision (from viridis)
_FINEST_FIRST: Final = ("#fde725", "#5ec962", "#21918c", "#3b528b", "#440154")
_STEPS: Final = 64
#: shares of the surface that may lie beyond either end of the colours
_CLIPPED_PERCENT: Final = (2.0, 98.0)


@dataclass(frozen=True)
class Coloured:
    """A mesh with the local resolution in A at each of its vertices (v,); None if not known."""

    mesh: Mesh
    resolution: np.ndarray | None


def coloured_surface(
    array: np.ndarray, local: np.ndarray | None, pixel_size_angstrom: float, threshold: float
) -> Coloured | None:
    """The contour of a map with local resolution, both (z, y, x); None if there is no contour."""
    mesh = surface_of(np.ascontiguousarray(array, np.float32), pixel_size_angstrom, threshold)
    if mesh is None:
        return None
    values = None if local is None else at_vertices(local, mesh[0], pixel_size_angstrom)
    return Coloured(mesh, values)


def at_vertices(local: np.ndarray, vertices: np.ndarray, pixel_size_angstrom: float) -> np.ndarray:
    """Values of a cubic (z, y, x) map at vertices (v, 3) in the scene's coordinates, A.

    Trilinear between voxels that have a value; where there is none around, that of the nearest.
    """
    from scipy.ndimage import distance_transform_edt, map_coordinates

    local = np.asarray(local, dtype=np.float32)
    valued = np.isfinite(local) & (local > 0)
    if not valued.any():
        return np.full(len(vertices), np.nan, dtype=np.float32)
    if not valued.all():
        nearest = distance_transform_edt(~valued, return_distances=False, return_indices=True)
        local = local[tuple(nearest)]
    z, y, x = vertices[:, 0], -vertices[:, 1], vertices[:, 2]
    index = np.stack([z, y, x]) / pixel_size_angstrom + len(local) // 2
    return map_coordinates(local, index, order=1, mode="nearest").astype(np.float32)


def colour_range(*resolutions: np.ndarray) -> tuple[float, float]:
    """Finest and coarsest resolution in A that the colours span, the same for several maps."""
    values = np.concatenate([r[np.isfinite(r)] for r in resolutions])
    if not len(values):
        return 1.0, 2.0
    low, high = (float(value) for value in np.percentile(values, _CLIPPED_PERCENT))
    return (low, high) if high > low else (low, low + 1.0)


def colormap() -> Colormap:
    """Yellow is fine, violet coarse."""
    return Colormap(_table(), name="conformix local resolution")


def legend(limits: tuple[float, float]) -> Legend:
    """What the colours mean."""
    return Legend(
        "Local resolution", "Å", low=limits[0], high=limits[1], gradient=_table(),
        note="on the surface of the map; smaller is finer",
    )  # fmt: skip


def _table() -> np.ndarray:
    stops = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in _FINEST_FIRST])
    places = np.linspace(0, len(stops) - 1, _STEPS)
    return np.stack([np.interp(places, range(len(stops)), stops[:, i]) for i in range(3)], axis=1)
