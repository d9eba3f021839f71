"""Maps made ready to be drawn: contours as triangles, and which contour to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from napari_conformix.widgets.session import axes

#: boxes above this are meshed at every second voxel on the CPU
_FINE_BOX: Final = 128

Mesh = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Prepared:
    """A map ready to be drawn: made in a worker, shown on the window's thread."""

    array: np.ndarray
    pixel_size_angstrom: float
    threshold: float
    mesh: Mesh | None


def surface_of(array: np.ndarray, pixel_size_angstrom: float, threshold: float) -> Mesh | None:
    """Vertices (v, 3) in the scene's coordinates, A, and faces (f, 3) of a contour of a map.

    None when the map has no such contour.
    """
    from skimage.measure import marching_cubes

    if not float(array.min()) < threshold < float(array.max()):
        return None
    step = 1 if len(array) <= _FINE_BOX else 2
    vertices, faces, *_ = marching_cubes(array, threshold, step_size=step)
    xyz = (vertices[:, ::-1] - len(array) // 2) * pixel_size_angstrom
    return axes.to_napari(xyz).astype(np.float32), faces.astype(np.int32)


def diameter(prepared: Prepared) -> float:
    """The largest extent of what the contour shows, from the centre to both sides, in A."""
    inside = np.argwhere(prepared.array >= prepared.threshold)
    centre = len(prepared.array) // 2
    reach = int(np.abs(inside - centre).max()) if len(inside) else centre
    return 2 * max(reach, 1) * prepared.pixel_size_angstrom


def suggest_threshold(array: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The contour that training takes too where it is given none; torch is loaded for it."""
    import torch

    from napari_conformix.imaging import choose_threshold

    volume, within = (
        None if a is None else torch.from_numpy(np.asarray(a, dtype=np.float32).copy())
        for a in (array, mask)
    )
    return choose_threshold(volume, within)
