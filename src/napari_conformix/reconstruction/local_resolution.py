"""Local resolution: the FSC between half maps in soft spherical windows (Cardone et al. 2013).

A window of diameter w resolves shells 1 / w apart, and its own transform correlates neighbouring
shells: a small window cannot show a resolution near w, and one that is too large sees its
surroundings. The default, five times the resolution of the whole map and no less than 16 voxels,
is a compromise; so is the threshold of 0.5, which is kept for windows because the few voxels of a
shell there let the FSC of pure noise reach 0.143 by chance.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import distance_transform_edt

from napari_conformix.errors import UserError
from napari_conformix.imaging import rfft_shell, sphere_mask

#: voxels; a smaller window has too few shells to interpolate between
LEAST_WINDOW = 16
WINDOW_PER_RESOLUTION = 5.0
#: voxels of windows transformed at once; bounds the scratch memory to about 100 MB
_VOXELS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class LocalResolutionMap:
    """Resolution in A at every voxel, and at the places where it was measured.

    map      (z, y, x) float32; outside of the mask the value of the nearest place within
    places   (p, 3) int64, index z, y, x
    values   (p,) float64 A, at least the Nyquist limit, at most the window
    """

    map: torch.Tensor
    places: torch.Tensor
    values: torch.Tensor

    def quantiles(self, *shares: float) -> list[float]:
        """Quantiles of the resolution over the places within the mask.

        Parameters
        ----------
        *shares : float
            From 0 to 1.

        Returns
        -------
        list of float
            One for each share, in A.
        """
        return [float(q) for q in np.quantile(self.values.numpy(), shares)]


def default_window(resolution_angstrom: float, box: int, pixel_size_angstrom: float) -> float:
    """Diameter of the window for maps of this overall resolution.

    Five times the resolution and no less than 16 voxels; the box at most.

    Parameters
    ----------
    resolution_angstrom : float
        Of the whole map, in A.
    box : int
        Voxels along an edge.
    pixel_size_angstrom : float
        Edge of a voxel, in A.

    Returns
    -------
    float
        In A.
    """
    wanted = max(WINDOW_PER_RESOLUTION * resolution_angstrom, LEAST_WINDOW * pixel_size_angstrom)
    return min(wanted, box * pixel_size_angstrom)


def local_resolution(
    half1: torch.Tensor,
    half2: torch.Tensor,
    mask: torch.Tensor,
    pixel_size_angstrom: float,
    *,
    window_angstrom: float,
    threshold: float = 0.5,
    step: int | None = None,
) -> LocalResolutionMap:
    """Where the FSC in a window falls below a threshold, on a lattice within the mask.

    What lies between the places of the lattice is interpolated linearly.

    Parameters
    ----------
    half1, half2 : torch.Tensor
        (n, n, n), the half maps.
    mask : torch.Tensor
        (n, n, n); places are where it is above 0.5.
    pixel_size_angstrom : float
        Edge of a voxel, in A.
    window_angstrom : float
        Diameter of the soft spherical window, in A.
    threshold : float
        Of the FSC.
    step : int, optional
        Voxels between two places along an axis; an eighth of the window by default.

    Returns
    -------
    LocalResolutionMap
        Resolution in A, at every voxel and at the places.

    Raises
    ------
    UserError
        If the window does not fit in the box or the mask is empty.
    """
    n = half1.shape[0]
    width = 2 * max(round(window_angstrom / pixel_size_angstrom / 2), 2)
    if width > n:
        raise UserError(
            f"A window of {window_angstrom:.0f} A is larger than the box of "
            f"{n * pixel_size_angstrom:.0f} A; choose a smaller one."
        )
    step = step or max(1, width // 8)
    lattice = torch.arange(n // 2 % step, n, step)
    grid = torch.stack(torch.meshgrid(lattice, lattice, lattice, indexing="ij"), -1)
    inside = mask.cpu()[tuple(grid.unbind(-1))] > 0.5  # (k, k, k)
    places = grid[inside]  # (p, 3)
    if len(places) == 0:
        raise UserError("The mask is empty, so there is no place to ask for its resolution.")
    values = _at_places(half1, half2, places, width, pixel_size_angstrom, threshold)
    coarse = torch.full(inside.shape, torch.nan, dtype=torch.float64)
    coarse[inside] = values
    volume = _interpolated(_filled(coarse.numpy(), inside.numpy()), lattice.numpy(), n)
    return LocalResolutionMap(torch.from_numpy(volume.astype(np.float32)), places, values)


def _at_places(
    half1: torch.Tensor,
    half2: torch.Tensor,
    places: torch.Tensor,
    width: int,
    pixel_size_angstrom: float,
    threshold: float,
) -> torch.Tensor:
    """(p,) A: the resolution in a window of `width` voxels at each place (p, 3)."""
    window = sphere_mask(width, width / 4, width / 4)
    shell = rfft_shell(width, 3).flatten()
    pad = width // 2
    padded = [torch.nn.functional.pad(h.cpu().float(), [pad] * 6) for h in (half1, half2)]
    offset = torch.arange(width)
    at_once = max(1, _VOXELS_AT_ONCE // width**3)
    resolutions = []
    for some in places.split(at_once):
        z, y, x = (some[:, axis, None] + offset for axis in range(3))  # (b, width) in `padded`
        index = (z[:, :, None, None], y[:, None, :, None], x[:, None, None, :])
        first, second = (torch.fft.rfftn(h[index] * window, dim=(1, 2, 3)) for h in padded)
        curves = _fsc_by_shell(first.flatten(1), second.flatten(1), shell, width // 2)
        resolutions.append(_crossings(curves, threshold, width * pixel_size_angstrom))
    return torch.cat(resolutions)


def _fsc_by_shell(
    first: torch.Tensor, second: torch.Tensor, shell: torch.Tensor, last: int
) -> torch.Tensor:
    """(b, k) complex each -> FSC (b, last + 1)."""

    def summed(values: torch.Tensor) -> torch.Tensor:
        total = values.new_zeros(len(values), int(shell.max()) + 1, dtype=torch.float64)
        return total.index_add(1, shell, values.double())[:, : last + 1]

    cross = summed((first * second.conj()).real)
    norm = (summed(first.abs().square()) * summed(second.abs().square())).sqrt()
    return torch.where(norm > 0, cross / norm.clamp_min(1e-300), 0)


def _crossings(curves: torch.Tensor, threshold: float, extent_angstrom: float) -> torch.Tensor:
    """(b, s) -> (b,) A: where each curve first falls below the threshold, linear between shells;
    shell 0 is not looked at."""
    below = curves[:, 1:] < threshold
    last = curves.shape[1] - 1
    first = torch.where(below.any(1), below.int().argmax(1) + 1, last)
    under = curves.gather(1, first[:, None])[:, 0]
    above = curves.gather(1, first[:, None] - 1)[:, 0]
    share = ((above - threshold) / (above - under).clamp_min(1e-9)).clamp(0, 1)
    shell = torch.where(below.any(1), first - 1 + share, last)
    return extent_angstrom / shell.clamp_min(1.0)


def _filled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown values replaced by the nearest known one."""
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled: np.ndarray = values[tuple(nearest)]
    return filled


def _interpolated(values: np.ndarray, lattice: np.ndarray, n: int) -> np.ndarray:
    """Values (k, k, k) at the lattice -> (n, n, n), linear between, constant beyond its ends."""
    axis = np.clip(np.arange(n), lattice[0], lattice[-1])
    interpolate = RegularGridInterpolator((lattice,) * 3, values)
    volume = np.empty((n, n, n), np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    for k, z in enumerate(axis):  # a plane at a time, to bound the memory
        volume[k] = interpolate(np.stack([np.full_like(y, z), y, x], axis=-1))
    return volume
