"""Where a domain may have gone: every turn up to a limit, every shift by one correlation.

The coarse beginning of a rigid fit (`motion`). It is a matched filter: of all places, the
ones where the domain explains most of the density, with a free grey scale and offset.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """x -> matrix @ (x - centre) + centre + shift, xyz in A from index N // 2.

    `centre` (3,) is a point of the domain, so that shift (3,) says how that point moves.
    """

    matrix: Floats
    shift: Floats
    centre: Floats

    @classmethod
    def rest(cls, centre: npt.ArrayLike) -> "Placement":
        """No motion."""
        return cls(np.eye(3), np.zeros(3), np.asarray(centre, np.float64))

    def __call__(self, xyz: npt.ArrayLike) -> Floats:
        """(..., 3) A -> (..., 3) A."""
        away = np.asarray(xyz, np.float64) - self.centre
        return np.asarray(away @ self.matrix.T + self.centre + self.shift)

    @property
    def degrees(self) -> float:
        """By how much it turns."""
        return float(np.rad2deg(Rotation.from_matrix(self.matrix).magnitude()))

    @property
    def shift_angstrom(self) -> float:
        """By how much the centre moves."""
        return float(np.linalg.norm(self.shift))

    def turned(self, rotvec: npt.ArrayLike, shift: npt.ArrayLike) -> "Placement":
        """Followed by a turn (rotation vector, rad) about where the centre is, and a shift (A)."""
        turn = Rotation.from_rotvec(np.asarray(rotvec, np.float64)).as_matrix()
        return Placement(turn @ self.matrix, self.shift + np.asarray(shift), self.centre)


def grid_positions(box: int, pixel_size_angstrom: float) -> Floats:
    """(z, y, x, 3) xyz in A of the voxels of a cube, from index box // 2."""
    axis = (np.arange(box) - box // 2) * pixel_size_angstrom
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([x, y, z], axis=-1)


def indices_of(xyz: npt.ArrayLike, box: int, pixel_size_angstrom: float) -> Floats:
    """(n, 3) xyz in A -> (3, n) fractional z, y, x indices."""
    return np.asarray(np.asarray(xyz)[:, ::-1].T / pixel_size_angstrom + box // 2)


def rotations_within(degrees: float, step_degrees: float) -> Floats:
    """(n, 3, 3) rotations up to an angle, about evenly spaced: a lattice of rotation vectors.

    The first one is no rotation.
    """
    reach = int(degrees // step_degrees)
    lattice = np.array(list(product(range(-reach, reach + 1), repeat=3)), float) * step_degrees
    angle = np.linalg.norm(lattice, axis=1)
    lattice = lattice[np.argsort(angle, kind="stable")]
    kept = lattice[: int(np.count_nonzero(angle <= degrees + 1e-9))]
    return np.asarray(Rotation.from_rotvec(np.deg2rad(kept)).as_matrix())


def search(
    density: npt.NDArray[np.floating],
    template: npt.NDArray[np.floating],
    support: npt.NDArray[np.bool_],
    pixel_size_angstrom: float,
    centre: npt.NDArray[np.floating],
    rotations: npt.NDArray[np.floating],
    max_shift_angstrom: float,
    count: int,
    stop: Callable[[], bool] = lambda: False,
) -> list[Placement]:
    """The `count` best placements of a template in a density, the best first.

    Each rotation gives its best shift; of placements the gain is the drop of the squared misfit
    over the whole map, when grey scale (not negative) and offset on the moved support are free.

    density, template, support (z, y, x) on the same grid; centre (3,) A of the template; rotations
    (r, 3, 3) about it
    """
    reachable = _shifts_within(len(density), pixel_size_angstrom, max_shift_angstrom)
    transform = fft.rfftn(density)
    wave = np.where(support, template - template[support].mean(), 0.0)
    around = _around(support, centre, pixel_size_angstrom)
    offsets = grid_positions(len(density), pixel_size_angstrom)[around] - centre
    found: list[tuple[float, Placement]] = []
    for matrix in rotations:
        if stop():
            break
        back = (offsets @ matrix + centre).reshape(-1, 3)  # the inverse turn of every voxel
        index = indices_of(back, len(density), pixel_size_angstrom)
        turned = np.zeros(density.shape)
        turned[around] = map_coordinates(wave, index, order=1).reshape(offsets.shape[:-1])
        power = float(np.square(turned[around]).sum())
        overlap = fft.irfftn(transform * fft.rfftn(turned).conj(), s=density.shape)
        overlap[~reachable] = -np.inf
        best = np.unravel_index(int(overlap.argmax()), overlap.shape)
        pixels = [(k + s // 2) % s - s // 2 for k, s in zip(best, density.shape, strict=True)]
        shift = np.array(pixels[::-1], float) * pixel_size_angstrom
        value = max(float(overlap[best]), 0.0) / max(power, 1e-30) ** 0.5
        found.append((value, Placement(matrix, shift, np.asarray(centre, float))))
    found.sort(key=lambda one: -one[0])
    return [placement for _, placement in found[:count]]


def _around(
    support: npt.NDArray[np.bool_], centre: npt.NDArray[np.floating], pixel_size_angstrom: float
) -> tuple[slice, slice, slice]:
    """The block of voxels that the support can come to lie in when it turns about the centre."""
    box = len(support)
    middle = indices_of(centre[None], box, pixel_size_angstrom)[:, 0]
    inside = np.argwhere(support)
    reach = np.linalg.norm(inside - middle, axis=1).max() + 1
    low = np.clip(np.floor(middle - reach), 0, box).astype(int)
    high = np.clip(np.ceil(middle + reach) + 1, 0, box).astype(int)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def _shifts_within(
    box: int, pixel_size_angstrom: float, max_shift_angstrom: float
) -> npt.NDArray[np.bool_]:
    """(z, y, x) of a cyclic correlation: whether the shift at that index is allowed."""
    axis = fft.fftfreq(box, 1 / box) * pixel_size_angstrom
    squared = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
    return np.asarray(squared <= max_shift_angstrom**2)
