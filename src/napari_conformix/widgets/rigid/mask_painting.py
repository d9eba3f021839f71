"""A mask that grows by balls placed on the density of a map; no window is needed.

A ball takes the density above the contour that is connected with its centre, or everything within
it. Every ball can be taken back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter, label, map_coordinates

from napari_conformix.widgets.scene import Mesh
from napari_conformix.widgets.session import axes

#: of the mask that is saved: about the painted voxels, then a raised cosine; A, and at least so
#: many pixels
EXTEND_ANGSTROM, LEAST_EXTEND_PX = 4.0, 1.0
SOFT_EDGE_ANGSTROM, LEAST_SOFT_EDGE_PX = 8.0, 3.0
#: voxels between samples of a ray
_RAY_STEP: Final = 0.5
#: smoothing of what is drawn, and the contour of the smoothed voxels (outside of the map's own)
_DRAWN_SIGMA_PX: Final = 1.0
_DRAWN_LEVEL: Final = 0.3
_DRAWN_MARGIN: Final = 4


@dataclass(frozen=True)
class Ball:
    """Where the brush is: xyz and radius in A."""

    centre: tuple[float, float, float]
    radius_angstrom: float


class MaskPaint:
    """The voxels painted so far, with undo and redo.

    density (z, y, x) is the map that is painted on, `contour` its surface in its own grey values.
    Positions are xyz in A from index N // 2.
    """

    def __init__(self, density: np.ndarray, pixel_size_angstrom: float, contour: float) -> None:
        self.density = density
        self.pixel_size_angstrom = pixel_size_angstrom
        self.contour = contour
        self.inside = np.zeros(density.shape, dtype=bool)
        self._done: list[np.ndarray] = []  # flat indices that each step has flipped
        self._undone: list[np.ndarray] = []

    # -- finding a place --------------------------------------------------------------------------

    def ball_on_ray(
        self, origin: np.ndarray, direction: np.ndarray, radius_angstrom: float
    ) -> Ball | None:
        """The ball that a ray (any point of it, and where it goes, xyz in A) places: in the middle
        of the first density that it meets, but not deeper in than its radius. None: it misses."""
        direction = np.asarray(direction, float) / np.linalg.norm(direction)
        step = _RAY_STEP * self.pixel_size_angstrom
        reach = np.sqrt(3) * len(self.density) * self.pixel_size_angstrom
        nearest = float(-np.dot(origin, direction))  # of the ray to the centre of the box
        along = nearest + np.arange(-reach, reach, step)
        places = np.asarray(origin, float) + along[:, None] * direction
        index = places[:, ::-1].T / self.pixel_size_angstrom + len(self.density) // 2
        high = map_coordinates(self.density, index, order=1, cval=-np.inf) >= self.contour
        if not high.any():
            return None
        first = int(high.argmax())
        beyond = np.flatnonzero(~high[first:])
        thick = (int(beyond[0]) if len(beyond) else len(high) - first) * step
        centre = places[first] + min(thick / 2, radius_angstrom) * direction
        x, y, z = map(float, centre)
        return Ball((x, y, z), radius_angstrom)

    # -- painting ---------------------------------------------------------------------------------

    def add(self, ball: Ball, *, within_density: bool = True) -> bool:
        """Take a ball in; False if nothing changed. `within_density`: only what is above the
        contour and connected with the ball's centre."""
        block, inside = self._voxels(ball)
        if within_density:
            inside &= self.density[block] >= self.contour
            inside = self._connected(inside, block, ball)
        return self._flip(block, inside & ~self.inside[block])

    def remove(self, ball: Ball) -> bool:
        """Take everything within a ball out; False if nothing changed."""
        block, inside = self._voxels(ball)
        return self._flip(block, inside & self.inside[block])

    def clear(self) -> bool:
        """Take everything out; one step."""
        everything = (slice(None),) * 3
        return self._flip(everything, self.inside.copy())

    def undo(self) -> None:
        """Take the last step back."""
        self._travel(self._done, self._undone)

    def redo(self) -> None:
        """Do the last undone step again."""
        self._travel(self._undone, self._done)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return bool(self._undone)

    @property
    def empty(self) -> bool:
        """Whether nothing is painted."""
        return not self.inside.any()

    @property
    def volume_angstrom3(self) -> float:
        """What is painted."""
        return float(np.count_nonzero(self.inside) * self.pixel_size_angstrom**3)

    def soft(self) -> np.ndarray:
        """(z, y, x) float32: the mask with its margin and soft edge, as it is saved."""
        import torch

        from napari_conformix.imaging import soft_mask

        pixel = self.pixel_size_angstrom
        # relion_mask_create takes what is nearer than the margin: half a pixel more takes it all
        extend = max(EXTEND_ANGSTROM / pixel, LEAST_EXTEND_PX) + 0.5
        edge = max(SOFT_EDGE_ANGSTROM / pixel, LEAST_SOFT_EDGE_PX)
        mask = np.zeros(self.inside.shape, dtype=np.float32)
        if not self.empty:
            block = _around(self.inside, math.ceil(extend + edge) + 1)  # distances are slow
            core = torch.from_numpy(self.inside[block].astype(np.float32))
            mask[block] = soft_mask(core, 0.5, extend, edge).numpy()
        return mask

    # -- inside -----------------------------------------------------------------------------------

    def _voxels(self, ball: Ball) -> tuple[tuple[slice, ...], np.ndarray]:
        """The block about a ball, and which of its voxels are in the ball."""
        n, px = len(self.density), self.pixel_size_angstrom
        middle = np.array(ball.centre[::-1]) / px + n // 2
        radius = ball.radius_angstrom / px
        low = np.clip(np.ceil(middle - radius), 0, n).astype(int)
        high = np.clip(np.floor(middle + radius) + 1, low, n).astype(int)
        block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        grids = np.ogrid[block]
        away = sum((grid - m) ** 2 for grid, m in zip(grids, middle, strict=True))
        return block, np.broadcast_to(away <= radius**2, [s.stop - s.start for s in block]).copy()

    def _connected(self, inside: np.ndarray, block: tuple[slice, ...], ball: Ball) -> np.ndarray:
        """Of voxels of a block those that hang together with the one nearest to the centre."""
        if not inside.any():
            return inside
        pieces, _ = label(inside)
        middle = np.array(ball.centre[::-1]) / self.pixel_size_angstrom + len(self.density) // 2
        there = np.argwhere(inside) + [s.start for s in block]
        nearest = there[np.square(there - middle).sum(axis=1).argmin()]
        own = pieces[tuple(nearest - [s.start for s in block])]
        return np.asarray(pieces == own)

    def _flip(self, block: tuple[slice, ...], change: np.ndarray) -> bool:
        if not change.any():
            return False
        self.inside[block] ^= change
        local = np.argwhere(change) + [s.start or 0 for s in block]
        self._done.append(np.ravel_multi_index(tuple(local.T), self.inside.shape))
        self._undone.clear()
        return True

    def _travel(self, source: list[np.ndarray], target: list[np.ndarray]) -> None:
        if source:
            step = source.pop()
            self.inside.flat[step] ^= True
            target.append(step)


def mask_mesh(inside: np.ndarray, pixel_size_angstrom: float) -> Mesh | None:
    """The smoothed surface of voxels (z, y, x) that are True, a little outside of them: vertices
    (v, 3) in the scene's coordinates and faces (f, 3); None when there are none."""
    from skimage.measure import marching_cubes

    if not inside.any():
        return None
    block = _around(inside, _DRAWN_MARGIN)
    smooth = gaussian_filter(np.pad(inside[block], 1).astype(np.float32), _DRAWN_SIGMA_PX)
    if not smooth.min() < _DRAWN_LEVEL < smooth.max():
        return None
    vertices, faces, *_ = marching_cubes(smooth, _DRAWN_LEVEL)
    index = vertices - 1 + [part.start for part in block]
    xyz = (index[:, ::-1] - len(inside) // 2) * pixel_size_angstrom
    return axes.to_napari(xyz).astype(np.float32), faces.astype(np.int32)


def _around(inside: np.ndarray, margin: int) -> tuple[slice, ...]:
    """The block of voxels that are True, and a margin."""
    block = []
    for axis in range(3):
        there = np.flatnonzero(inside.any(axis=tuple(k for k in range(3) if k != axis)))
        block.append(slice(max(int(there[0]) - margin, 0), int(there[-1]) + margin + 1))
    return tuple(block)
