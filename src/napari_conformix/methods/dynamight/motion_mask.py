"""Where the molecule may move: a user's mask as a taper of the displacement field.

The field of the decoder is multiplied by the mask's value at the consensus position, so that
Gaussians, decoded maps and deformed back-projection, which all ask for the field at positions of
their own, agree on what moves.
"""

import torch
import torch.nn.functional as F
from torch import nn

from napari_conformix.imaging import fourier_resize_3d, soft_mask

#: px; a mask is smooth, so it is kept on a grid no finer than this (1 MB in a checkpoint)
_LARGEST_BOX = 64
#: A; soft edge given to a mask of zeros and ones, over which a motion dies out
_SOFT_EDGE_ANGSTROM = 10.0
#: a mask that leaves out less than this share of the density above the threshold leaves out noise
_SOLVENT_SHARE = 0.05


def density_outside(consensus: torch.Tensor, mask: torch.Tensor, threshold: float) -> float:
    """Share of a map's density above a threshold that lies outside a mask.

    Parameters
    ----------
    consensus : torch.Tensor
        (z, y, x).
    mask : torch.Tensor
        (z, y, x), 0 to 1.
    threshold : float
        In the map's grey values.

    Returns
    -------
    float
        From 0 to 1.
    """
    density = torch.where(consensus > threshold, consensus, 0.0).double()
    return float((density * (1 - mask.clamp(0, 1))).sum() / density.sum().clamp_min(1e-30))


def restricts_motion(outside: float, mode: str) -> bool:
    """Whether a mask says what moves ('part'), or only where the molecule is ('solvent').

    Parameters
    ----------
    outside : float
        Share of the density outside it, :func:`density_outside`.
    mode : str
        The setting: 'part', 'solvent' or 'auto', which decides by `outside`.

    Returns
    -------
    bool
        True for 'part'.
    """
    return mode == "part" or (mode == "auto" and outside >= _SOLVENT_SHARE)


class MotionMask(nn.Module):
    """Value in 0 to 1 by which the displacement at a position is multiplied.

    values    (n, n, n) z, y, x on the grid below; (0, 0, 0) without a mask
    spacing   A between its points; the centre is index n // 2
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(0, 0, 0))
        self.register_buffer("spacing", torch.zeros(()))
        self.values: torch.Tensor
        self.spacing: torch.Tensor

    @torch.no_grad()
    def set(self, mask: torch.Tensor, pixel_size_angstrom: float) -> None:
        """Keep a mask; one without a soft edge is given one outside its border.

        Parameters
        ----------
        mask : torch.Tensor
            (z, y, x), 0 to 1.
        pixel_size_angstrom : float
            Edge of a voxel, in A.
        """
        mask = mask.float().clamp(0, 1)
        box = mask.shape[0]
        if bool(((mask == 0) | (mask == 1)).all()):
            edge = _SOFT_EDGE_ANGSTROM / pixel_size_angstrom
            mask = soft_mask(mask, 0.5, extend_px=0.0, soft_edge_px=edge)
        if box > _LARGEST_BOX:
            mask = fourier_resize_3d(mask, _LARGEST_BOX).clamp(0, 1)
        self.values = mask.contiguous()
        self.spacing = torch.tensor(pixel_size_angstrom * box / len(mask))

    def forward(self, positions: torch.Tensor) -> torch.Tensor | None:
        """The mask at positions, trilinear; 0 beyond the box.

        Parameters
        ----------
        positions : torch.Tensor
            (p, 3) xyz in A from the centre.

        Returns
        -------
        torch.Tensor or None
            (p, 1); None without a mask.
        """
        box = len(self.values)
        if box == 0:
            return None
        grid = 2 * (positions / self.spacing + box // 2) / (box - 1) - 1  # x, y, z in -1 to 1
        sampled = F.grid_sample(
            self.values[None, None], grid[None, None, None], align_corners=True
        )  # (1, 1, 1, 1, p)
        return sampled.flatten()[:, None]
