"""Projections and maps of atoms as points: no voxel is ever rotated or interpolated.

Points are spread on a grid of half the pixel size with cubic B-splines, whose known transform is
divided out; what is left of aliasing is below 2 % of an atom at the image's Nyquist frequency and
0.05 % at half of it. This shares nothing with the projectors that are tested against it.
"""

import numpy as np
import numpy.typing as npt
import scipy.fft

Float = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex64]

_OVERSAMPLING = 2
_AT_ONCE = 2_000_000  # grid values touched in one call of bincount


def spread(points: Float, weights: Float, size: int) -> npt.NDArray[np.float32]:
    """Cubic B-splines at points, on periodic grids.

    Parameters
    ----------
    points: (b, atoms, d) in grid steps from the centre, x first.
    weights: (atoms,)
    size: of the grid; its centre is index size // 2.

    Returns
    -------
    (b, size, ..., size) float32, x is the last axis.
    """
    b, count, d = points.shape
    grid = np.zeros(b * size**d)
    chunk = max(1, _AT_ONCE // (b * 4**d))
    for first in range(0, count, chunk):
        part = points[:, first : first + chunk] + size // 2
        n = part.shape[1]
        base = np.floor(part).astype(np.int64)
        factor = _cubic(part - base)  # (b, n, d, 4)
        index = (base[..., None] + np.arange(-1, 3)) % size  # (b, n, d, 4)
        value = np.broadcast_to(weights[None, first : first + chunk, None], (b, n, 1))
        flat = np.broadcast_to(np.arange(b)[:, None, None], (b, n, 1))
        for axis in reversed(range(d)):  # z, y, x: x runs fastest
            value = (value[..., None] * factor[:, :, axis, None, :]).reshape(b, n, -1)
            flat = (flat[..., None] * size + index[:, :, axis, None, :]).reshape(b, n, -1)
        grid += np.bincount(flat.ravel(), value.ravel(), minlength=grid.size)
    return grid.astype(np.float32).reshape((b,) + (size,) * d)


def _cubic(t: Float) -> Float:
    """(..., 4) values of the cubic B-spline at the four grid points around fraction t."""
    return np.stack(
        [
            (1 - t) ** 3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
            t**3 / 6,
        ],
        axis=-1,
    )


def projection_rfft(points_xy: Float, weights: Float, box: int, pixel_size: float) -> Complex:
    """Fourier transform of projected points.

    Parameters
    ----------
    points_xy: (b, atoms, 2) in A from the image centre.
    weights: (atoms,)
    box: even; pixel_size: A

    Returns
    -------
    (b, box, box // 2 + 1) complex64, rfft layout, phases relative to the centre (index box // 2).
    """
    fine = box * _OVERSAMPLING
    image = spread(points_xy * (_OVERSAMPLING / pixel_size), weights, fine)
    ft = scipy.fft.rfft2(np.fft.ifftshift(image, axes=(1, 2)))
    rows = scipy.fft.fftfreq(box, 1 / box).astype(int)  # negative ones count from the end
    blur = np.sinc(np.arange(box // 2 + 1) / fine) ** 4
    blur_y = np.sinc(rows / fine) ** 4
    return np.asarray(ft[:, rows, : box // 2 + 1] / (blur_y[:, None] * blur), np.complex64)


def density(
    points: Float, weights: Float, box: int, pixel_size: float, b_factor: float = 0.0
) -> npt.NDArray[np.float32]:
    """The map of points, band-limited below Nyquist.

    Its plain sums along lines are the images that :func:`projection_rfft` gives: the sum of the
    map is the sum of the weights.

    Parameters
    ----------
    points: (atoms, 3) xyz in A from the centre.
    b_factor: A^2; every atom is damped by exp(-B s^2 / 4).

    Returns
    -------
    (box, box, box) float32, (z, y, x), centre at index box // 2.
    """
    fine = box * _OVERSAMPLING
    grid = spread(points[None] * (_OVERSAMPLING / pixel_size), weights, fine)[0]
    ft = scipy.fft.rfftn(np.fft.ifftshift(grid))
    del grid
    rows = scipy.fft.fftfreq(box, 1 / box).astype(int)
    ft = ft[np.ix_(rows, rows, np.arange(box // 2 + 1))]
    kz, ky, kx = np.meshgrid(rows, rows, np.arange(box // 2 + 1), indexing="ij", sparse=True)
    ft /= (np.sinc(kz / fine) * np.sinc(ky / fine) * np.sinc(kx / fine)) ** 4
    s2 = ((kz**2 + ky**2 + kx**2) / (box * pixel_size) ** 2).astype(np.float32)
    ft *= damping(s2, pixel_size, b_factor)
    volume = np.fft.fftshift(scipy.fft.irfftn(ft, s=(box,) * 3))
    return np.asarray(np.ascontiguousarray(volume), np.float32)


def damping(
    s2: npt.NDArray[np.floating], pixel_size: float, b_factor: float
) -> npt.NDArray[np.float32]:
    """exp(-B s^2 / 4) below Nyquist and 0 from there on; `s2` in 1/A^2."""
    kept = s2 < (0.4999 / pixel_size) ** 2
    return np.asarray(np.exp(-b_factor / 4 * s2) * kept, np.float32)
