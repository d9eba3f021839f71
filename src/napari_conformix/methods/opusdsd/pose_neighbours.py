"""Soft assignment of an image over poses close to its own, for poses that are a little wrong.

Not in the paper: there the consensus pose is taken as it is. Here the likelihood of an image is
the mean over a few poses around it, so that an error of the pose need not be explained by the
latent code.
"""

import itertools
import math

import torch
from scipy.spatial.transform import Rotation

_OCTAHEDRON: list[list[float]] = [
    [1, 0, 0],
    [-1, 0, 0],
    [0, 1, 0],
    [0, -1, 0],
    [0, 0, 1],
    [0, 0, -1],
]
_CUBE = [[s / math.sqrt(3) for s in signs] for signs in itertools.product((1, -1), repeat=3)]
#: unit axes of the turns by the number of neighbours; every design is its own mirror image, so
#: that the mean of the poses is the pose in the middle
_DESIGNS: dict[int, list[list[float]]] = {6: _OCTAHEDRON, 8: _CUBE, 14: _OCTAHEDRON + _CUBE}


def neighbouring_poses(
    rotation: torch.Tensor, angle_degrees: float, neighbours: int = 8
) -> torch.Tensor:
    """Each pose and its neighbours, turned by one angle about axes fixed in the image.

    The particle's shift is that of the image and stays.

    Parameters
    ----------
    rotation : torch.Tensor
        (b, 3, 3) A, image xyz to volume xyz.
    angle_degrees : float
        Of every neighbour from the pose in the middle.
    neighbours : int
        6: about x, y and z, both ways; 8: about the diagonals of a cube; 14: all these.

    Returns
    -------
    torch.Tensor
        (b, 1 + neighbours, 3, 3), the pose itself first.

    Raises
    ------
    ValueError
        If there is no design of so many neighbours.
    """
    if neighbours not in _DESIGNS:
        raise ValueError(f"{neighbours} neighbouring poses; there are designs of 6, 8 and 14")
    axes = [[0.0, 0.0, 0.0], *_DESIGNS[neighbours]]
    vectors = [[angle_degrees * x for x in axis] for axis in axes]
    turned = Rotation.from_rotvec(vectors, degrees=True).as_matrix()
    turns = torch.as_tensor(turned).to(rotation)  # (k, 3, 3)
    with torch.autocast(rotation.device.type, enabled=False):  # half precision would turn them too
        poses: torch.Tensor = rotation[:, None] @ turns
    return poses


def marginal_misfit(squared_residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Negative log likelihood of images when every one of k poses is as likely beforehand.

    -log mean_j exp(-r_j / 2), and how far each pose explains the image. The gradient of the first
    is that of r_j / 2 weighted by the second.

    Parameters
    ----------
    squared_residual : torch.Tensor
        (b, k) r, of the whole image over the noise: the sum over its Fourier pixels, one for each
        where there is only noise. Not their mean, which would make all poses look alike.

    Returns
    -------
    misfit : torch.Tensor
        (b,).
    responsibilities : torch.Tensor
        (b, k) that sum to 1 over the poses, without gradient.
    """
    log_likelihood = -0.5 * squared_residual
    negative_log = math.log(squared_residual.shape[1]) - log_likelihood.logsumexp(1)
    return negative_log, log_likelihood.detach().softmax(1)
