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

    volume (..., y, x) of two or three dimensions -> the same shape, float32, on its device
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
    """1 within `radius_px` of index box // 2, then a raised cosine to 0: (box, box) float32."""
    return _ball(box, 2, radius_px, soft_edge_px, device)


def sphere_mask(
    box: int, radius_px: float, soft_edge_px: float = 0.0, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """As :func:`circle_mask` in 3-D: (box, box, box) float32."""
    return _ball(box, 3, radius_px, soft_edge_px, device)


def resample_mask(mask: torch.Tensor, box: int) -> torch.Tensor:
    """The mask on a grid of `box` over the same extent, index box // 2 at index n // 2.

    Read by linear interpolation, so that it stays between the mask's own values. Cutting its
    Fourier transform would let a hard edge ring through the whole box.

    mask (n, n, n) -> (box, box, box) float32, on its device. Not differentiable.
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
    """A contour that separates molecule from solvent: Otsu's threshold of the grey values."""
    values = volume.detach().cpu().numpy()
    return float(threshold_otsu(values))


def choose_threshold(volume: torch.Tensor, mask: torch.Tensor | None = None) -> float:
    """The contour at which a map is drawn and a model is placed in it, unless the user gives one.

    Half of Otsu's threshold of the (masked) map, but above the solvent's noise. Otsu's split finds
    the strong density; flexible parts are weaker, so the contour is put half way between it and
    the solvent (Schwab et al. 2024: 'density in the flexible regions remains, but no noise is
    visible'). In a noisy map Otsu splits the noise itself, so the contour is at least 4 times the
    solvent's standard deviation in the unmasked map, unless that is above half the maximum.

    volume (z, y, x) and mask of the same shape -> the contour in the map's grey values. UserError
    for a map without positive values.
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

    0 for a map whose solvent was masked away.
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
    """The volume in A^3 of the voxels at or above `threshold`."""
    return int((volume >= threshold).sum()) * pixel_size_angstrom**3


def threshold_enclosing(
    volume: torch.Tensor, volume_angstrom3: float, pixel_size_angstrom: float
) -> float:
    """The contour that encloses about `volume_angstrom3`; the inverse of `enclosed_volume`.

    For a protein of known mass: 1.21 A^3 for each dalton (Harpaz et al. 1994).
    """
    values = volume.flatten()
    voxels = round(volume_angstrom3 / pixel_size_angstrom**3)
    voxels = min(max(voxels, 1), values.numel())
    return float(torch.topk(values, voxels).values[-1])
