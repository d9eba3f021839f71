"""Masks, and what a contour of a map encloses."""

import numpy as np
import torch
from scipy.ndimage import affine_transform, distance_transform_edt
from skimage.filters import threshold_otsu

from napari_conformix.errors import UserError

#: a contour lies at least so many standard deviations of the solvent above it: 1 voxel in 30,000
_SOLVENT_SIGMAS = 4.0
#: voxels that statistics of a map are taken from; larger maps are sampled evenly
_ENOUGH_VOXELS = 128**3


def soft_mask(
    volume: torch.Tensor, threshold: float, extend_px: float = 3.0, soft_edge_px: float = 5.0
) -> torch.Tensor:
    """A mask around the map's contour, as relion_mask_create makes it.

    1 at `volume >= threshold` and within `extend_px` of it, then a raised cosine over
    `soft_edge_px`. Not differentiable.

    Parameters
    ----------
    volume : torch.Tensor
        (y, x) or (z, y, x), or more of them in front.
    threshold : float
        Contour in the map's grey values.
    extend_px : float
        How far the mask reaches beyond the contour, in pixels.
    soft_edge_px : float
        Width of the soft edge, in pixels.

    Returns
    -------
    torch.Tensor
        The same shape, float32, on the map's device.
    """
    inside = (volume >= threshold).cpu().numpy()
    if not inside.any():
        return torch.zeros_like(volume, dtype=torch.float32)
    if extend_px > 0:
        inside = distance_transform_edt(~inside) < extend_px
    mask = inside.astype(np.float32)
    if soft_edge_px > 0:
        distance = distance_transform_edt(~inside)
        edge = (distance > 0) & (distance < soft_edge_px)
        mask[edge] = 0.5 + 0.5 * np.cos(np.pi * distance[edge] / soft_edge_px)
    return torch.as_tensor(mask, device=volume.device)


def _ball(
    box: int, ndim: int, radius_px: float, soft_edge_px: float, device: torch.device | str
) -> torch.Tensor:
    axis = torch.arange(box, dtype=torch.float32, device=device) - box // 2
    grid = torch.meshgrid(*[axis] * ndim, indexing="ij")
    beyond = torch.stack(grid).square().sum(0).sqrt() - radius_px
    if soft_edge_px <= 0:
        return (beyond <= 0).float()
    return 0.5 + 0.5 * torch.cos(torch.pi * (beyond / soft_edge_px).clamp(0, 1))


def circle_mask(
    box: int, radius_px: float, soft_edge_px: float = 0.0, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """A disc about index box // 2, with a raised cosine to 0 at its edge.

    Parameters
    ----------
    box : int
        Pixels along an edge.
    radius_px : float
        1 within it, in pixels.
    soft_edge_px : float
        Width of the soft edge, in pixels.
    device : torch.device or str
        Where to make it.

    Returns
    -------
    torch.Tensor
        (box, box) float32.
    """
    return _ball(box, 2, radius_px, soft_edge_px, device)


def sphere_mask(
    box: int, radius_px: float, soft_edge_px: float = 0.0, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """As :func:`circle_mask` in three dimensions.

    Parameters
    ----------
    box : int
        Voxels along an edge.
    radius_px : float
        1 within it, in voxels.
    soft_edge_px : float
        Width of the soft edge, in voxels.
    device : torch.device or str
        Where to make it.

    Returns
    -------
    torch.Tensor
        (box, box, box) float32.
    """
    return _ball(box, 3, radius_px, soft_edge_px, device)


def resample_mask(mask: torch.Tensor, box: int) -> torch.Tensor:
    """A mask on another grid over the same extent, index box // 2 at index n // 2.

    Read by linear interpolation, so that it stays between the mask's own values. Cutting its
    Fourier transform would let a hard edge ring through the whole box. Not differentiable.

    Parameters
    ----------
    mask : torch.Tensor
        (n, n, n).
    box : int
        Voxels along an edge of the new grid.

    Returns
    -------
    torch.Tensor
        (box, box, box) float32, on the mask's device.
    """
    n = mask.shape[0]
    if n == box:
        return mask.float()
    step = n / box
    read = affine_transform(
        mask.cpu().float().numpy(),
        np.full(3, step),
        n // 2 - step * (box // 2),
        output_shape=3 * (box,),
        order=1,
        mode="nearest",
    )
    return torch.as_tensor(read, device=mask.device)


# -- contours -------------------------------------------------------------------------------------


def contour_threshold(volume: torch.Tensor) -> float:
    """A contour that separates molecule from solvent: Otsu's threshold of the grey values.

    Parameters
    ----------
    volume : torch.Tensor
        (z, y, x).

    Returns
    -------
    float
        In the map's grey values.
    """
    values = volume.detach().cpu().numpy()
    return float(threshold_otsu(values))


def choose_threshold(volume: torch.Tensor, mask: torch.Tensor | None = None) -> float:
    """The contour at which a map is drawn and Gaussians are placed, unless the user gives one.

    Half of Otsu's threshold of the (masked) map, but above the solvent's noise. Otsu's split finds
    the strong density; flexible parts are weaker, so the contour is put half way between it and
    the solvent (Schwab et al., 2024: 'density in the flexible regions remains, but no noise is
    visible'). In a noisy map Otsu splits the noise itself, so the contour is at least 4 times the
    solvent's standard deviation in the unmasked map, unless that is above half the maximum.

    Parameters
    ----------
    volume : torch.Tensor
        (z, y, x).
    mask : torch.Tensor, optional
        Of the same shape.

    Returns
    -------
    float
        The contour in the map's grey values.

    Raises
    ------
    UserError
        For a map without positive values.
    """
    volume = volume.float()
    masked = volume if mask is None else volume * mask
    if not bool((masked > 0).any()):
        raise UserError(
            "The consensus map has no positive value: is its contrast inverted? "
            "Give a map with white protein."
        )
    above_noise = min(_SOLVENT_SIGMAS * solvent_sigma(volume), 0.5 * float(masked.max()))
    return max(0.5 * contour_threshold(_sampled(masked)), above_noise)


def solvent_sigma(volume: torch.Tensor) -> float:
    """Standard deviation of a map's solvent, from the median deviation of all voxels.

    Parameters
    ----------
    volume : torch.Tensor
        (z, y, x).

    Returns
    -------
    float
        In the map's grey values; 0 for a map whose solvent was masked away.
    """
    values = _sampled(volume)
    return 1.4826 * float((values - values.median()).abs().median())


def _sampled(volume: torch.Tensor) -> torch.Tensor:
    """All values of a small map, evenly chosen ones of a large one (an odd step, so that they do
    not line up with the even boxes)."""
    values = volume.flatten()
    step = -(-len(values) // _ENOUGH_VOXELS)
    return values if step == 1 else values[:: step | 1]


def enclosed_volume(volume: torch.Tensor, threshold: float, pixel_size_angstrom: float) -> float:
    """The volume of the voxels at or above a contour.

    Parameters
    ----------
    volume : torch.Tensor
        (z, y, x).
    threshold : float
        In the map's grey values.
    pixel_size_angstrom : float
        Edge of a voxel, in A.

    Returns
    -------
    float
        In A^3.
    """
    return int((volume >= threshold).sum()) * pixel_size_angstrom**3


def threshold_enclosing(
    volume: torch.Tensor, volume_angstrom3: float, pixel_size_angstrom: float
) -> float:
    """The contour that encloses a volume; the inverse of :func:`enclosed_volume`.

    For a protein of known mass: 1.21 A^3 for each dalton (Harpaz et al. 1994).

    Parameters
    ----------
    volume : torch.Tensor
        (z, y, x).
    volume_angstrom3 : float
        To be enclosed, in A^3.
    pixel_size_angstrom : float
        Edge of a voxel, in A.

    Returns
    -------
    float
        In the map's grey values.
    """
    values = volume.flatten()
    voxels = round(volume_angstrom3 / pixel_size_angstrom**3)
    voxels = min(max(voxels, 1), values.numel())
    return float(torch.topk(values, voxels).values[-1])
