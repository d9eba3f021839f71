"""Shifts, changes of grid, and shells in Fourier space.

Images are (y, x) and maps (z, y, x) with the centre at index N // 2. Half transforms are those of
`torch.fft.rfft2` and `rfftn` of the arrays as they lie in memory, zero frequency at [0, 0]:
a real, even transfer function (a CTF) multiplies them without moving the centre.
"""

from math import ceil

import torch
from torch_fourier_shift import fourier_shift_dft_2d


def fourier_shift(image_rfft: torch.Tensor, shift_xy_pixels: torch.Tensor) -> torch.Tensor:
    """Move images: what sat at p sits at p + shift afterwards.

    Parameters
    ----------
    image_rfft : torch.Tensor
        (..., n, n // 2 + 1) complex, of square images with even n.
    shift_xy_pixels : torch.Tensor
        (..., 2), x and y in pixels.

    Returns
    -------
    torch.Tensor
        The same shape and dtype as `image_rfft`.
    """
    n = image_rfft.shape[-2]
    shifted: torch.Tensor = fourier_shift_dft_2d(
        image_rfft,
        image_shape=(n, n),
        shifts=shift_xy_pixels.flip(-1),  # the library takes (y, x)
        rfft=True,
        fftshifted=False,
    )
    return shifted.to(image_rfft.dtype)


# -- changes of grid ------------------------------------------------------------------------------


def _sampling_matrix(
    size: int, new_size: int, ratio: float, reference: torch.Tensor
) -> torch.Tensor:
    """The (new_size, size) matrix that resamples a line: band-limited, centre to centre.

    New sample j lies at (j - new_size // 2) * ratio old pixels from the centre. The line is its
    trigonometric interpolation, without the frequencies above the Nyquist frequency of either
    grid; those at Nyquist itself are kept. Samples outside of the old line are 0 (a periodic
    continuation would bring in the opposite edge).
    """
    new = (torch.arange(new_size, dtype=torch.float64) - new_size // 2) * ratio  # (j,)
    old = torch.arange(size, dtype=torch.float64) - size // 2  # (i,)
    highest = min((size - 1) // 2, int(size / (2 * ratio) + 1e-9))
    k = 2 * torch.pi / size * torch.arange(1, highest + 1, dtype=torch.float64)
    a, b = new[:, None] * k, old[:, None] * k
    # 1 + 2 * sum of cos(k (new - old))
    matrix = 1 + 2 * (a.cos() @ b.cos().T + a.sin() @ b.sin().T)  # (j, i)
    if size % 2 == 0 and ratio <= 1 + 1e-9:  # the single coefficient at the old Nyquist frequency
        matrix += torch.cos(torch.pi * (new[:, None] - old[None, :]))
    matrix /= size
    inside = (new > old[0] - 1e-6) & (new < old[0] + size - 1e-6)
    matrix[~inside] = 0
    return matrix.to(reference)


def resample_2d(
    images: torch.Tensor, pixel_size_angstrom: float, box: int, new_pixel_size_angstrom: float
) -> torch.Tensor:
    """Bring images to another box and pixel size; grey values and the centre stay.

    Everything above the Nyquist frequency of the new grid is cut off (a Fourier crop when both
    boxes have the same extent in A); where the new box is larger the border is 0.

    Parameters
    ----------
    images : torch.Tensor
        (..., h, w) real.
    pixel_size_angstrom : float
        Of `images`, in A.
    box : int
        Pixels along an edge of the new grid.
    new_pixel_size_angstrom : float
        Of the new grid, in A.

    Returns
    -------
    torch.Tensor
        (..., box, box).
    """
    h, w = images.shape[-2:]
    ratio = new_pixel_size_angstrom / pixel_size_angstrom
    rows = _sampling_matrix(h, box, ratio, images)
    columns = rows if h == w else _sampling_matrix(w, box, ratio, images)
    return rows @ images @ columns.T  # (..., box, box)


def resample_3d(
    volume: torch.Tensor, pixel_size_angstrom: float, box: int, new_pixel_size_angstrom: float
) -> torch.Tensor:
    """As :func:`resample_2d` for maps.

    Parameters
    ----------
    volume : torch.Tensor
        (..., d, h, w) real.
    pixel_size_angstrom : float
        Of `volume`, in A.
    box : int
        Voxels along an edge of the new grid.
    new_pixel_size_angstrom : float
        Of the new grid, in A.

    Returns
    -------
    torch.Tensor
        (..., box, box, box).
    """
    slices = resample_2d(volume, pixel_size_angstrom, box, new_pixel_size_angstrom)
    ratio = new_pixel_size_angstrom / pixel_size_angstrom
    matrix = _sampling_matrix(volume.shape[-3], box, ratio, volume)
    return torch.einsum("kz,...zyx->...kyx", matrix, slices)  # (..., box, box, box)


def fourier_resize_2d(images: torch.Tensor, box: int) -> torch.Tensor:
    """Fourier crop or pad square images to another box of the same extent in A.

    The pixel size becomes old box / new box times the old one; grey values and the centre stay.

    Parameters
    ----------
    images : torch.Tensor
        (..., n, n) real.
    box : int
        Pixels along an edge of the new grid.

    Returns
    -------
    torch.Tensor
        (..., box, box).
    """
    return resample_2d(images, 1.0, box, images.shape[-1] / box)


def fourier_resize_3d(volume: torch.Tensor, box: int) -> torch.Tensor:
    """As :func:`fourier_resize_2d` for cubes.

    Parameters
    ----------
    volume : torch.Tensor
        (..., n, n, n) real.
    box : int
        Voxels along an edge of the new grid.

    Returns
    -------
    torch.Tensor
        (..., box, box, box).
    """
    return resample_3d(volume, 1.0, box, volume.shape[-1] / box)


# -- shells ---------------------------------------------------------------------------------------


def rfft_radius(box: int, ndim: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """|k| of every coefficient of a half transform, in units of 1 / box.

    Parameters
    ----------
    box : int
        Pixels along an edge.
    ndim : int
        2 or 3.
    device : torch.device or str
        Where to compute it.

    Returns
    -------
    torch.Tensor
        (box, box // 2 + 1) or (box, box, box // 2 + 1) float64.
    """
    full = torch.fft.fftfreq(box, d=1 / box, dtype=torch.float64, device=device).square()
    squared = torch.arange(box // 2 + 1, dtype=torch.float64, device=device).square()
    for axis in range(1, ndim):
        squared = full.reshape(-1, *[1] * axis) + squared
    return squared.sqrt_()


def rfft_shell(box: int, ndim: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """The shell round(|k|) of every coefficient of a half transform; see :func:`rfft_radius`.

    Parameters
    ----------
    box : int
        Pixels along an edge.
    ndim : int
        2 or 3.
    device : torch.device or str
        Where to compute it.

    Returns
    -------
    torch.Tensor
        (box, box // 2 + 1) or (box, box, box // 2 + 1) int64.
    """
    return rfft_radius(box, ndim, device).round_().long()


def _shell_sum(spectrum: torch.Tensor, shell: torch.Tensor) -> torch.Tensor:
    """Sum over each shell 0 .. box // 2: (..., *shell.shape) -> (..., box // 2 + 1)."""
    box, ndim = shell.shape[0], shell.ndim
    flat = spectrum.reshape(*spectrum.shape[: spectrum.ndim - ndim], -1)
    corner = ceil(ndim**0.5 * box / 2)  # asking the tensor would make a GPU wait
    sums = flat.new_zeros(*flat.shape[:-1], corner + 1)
    return sums.index_add(-1, shell.flatten(), flat)[..., : box // 2 + 1]


def shell_sum_2d(spectrum: torch.Tensor) -> torch.Tensor:
    """Sum over shells of half transforms, each coefficient counted once as RELION counts.

    Parameters
    ----------
    spectrum : torch.Tensor
        (..., n, n // 2 + 1) real.

    Returns
    -------
    torch.Tensor
        (..., n // 2 + 1).
    """
    return _shell_sum(spectrum, rfft_shell(spectrum.shape[-2], 2, spectrum.device))


def shell_sum_3d(spectrum: torch.Tensor) -> torch.Tensor:
    """As :func:`shell_sum_2d` for transforms of maps.

    Parameters
    ----------
    spectrum : torch.Tensor
        (..., n, n, n // 2 + 1) real.

    Returns
    -------
    torch.Tensor
        (..., n // 2 + 1).
    """
    return _shell_sum(spectrum, rfft_shell(spectrum.shape[-2], 3, spectrum.device))


def radial_average_2d(spectrum: torch.Tensor) -> torch.Tensor:
    """Mean over shells of half transforms.

    Parameters
    ----------
    spectrum : torch.Tensor
        (..., n, n // 2 + 1) real.

    Returns
    -------
    torch.Tensor
        (..., n // 2 + 1).
    """
    return shell_sum_2d(spectrum) / shell_sum_2d(torch.ones_like(_last(spectrum, 2)))


def radial_average_3d(spectrum: torch.Tensor) -> torch.Tensor:
    """Mean over shells of half transforms of maps.

    Parameters
    ----------
    spectrum : torch.Tensor
        (..., n, n, n // 2 + 1) real.

    Returns
    -------
    torch.Tensor
        (..., n // 2 + 1).
    """
    return shell_sum_3d(spectrum) / shell_sum_3d(torch.ones_like(_last(spectrum, 3)))


def _last(spectrum: torch.Tensor, ndim: int) -> torch.Tensor:
    """One item of a batch."""
    return spectrum.reshape(-1, *spectrum.shape[-ndim:])[0]


def spread_shells_2d(curve: torch.Tensor, box: int) -> torch.Tensor:
    """A radial curve laid out as a half transform; beyond the last shell its last value.

    Parameters
    ----------
    curve : torch.Tensor
        (..., box // 2 + 1), a value for every shell.
    box : int
        Pixels along an edge.

    Returns
    -------
    torch.Tensor
        (..., box, box // 2 + 1).
    """
    shell = rfft_shell(box, 2, curve.device).clamp(max=curve.shape[-1] - 1)
    return curve[..., shell]
