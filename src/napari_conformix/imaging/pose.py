"""Poses: RELION's Euler angles and the matrix A (design: A maps image xyz to volume xyz)."""

import roma
import torch
from scipy.spatial.transform import Rotation


def euler_to_matrix(angles_degrees: torch.Tensor) -> torch.Tensor:
    """RELION's (rot, tilt, psi) to the matrix A = Rz(rot) Ry(tilt) Rz(psi).

    A maps image coordinates to volume coordinates, V_rot(p) = V(A p), both (x, y, z). A point c
    of the map lands at (A^T c)_xy in the image. Differentiable.

    angles_degrees (..., 3) -> (..., 3, 3) of the same dtype
    """
    matrix: torch.Tensor = roma.euler_to_rotmat("ZYZ", angles_degrees, degrees=True)
    return matrix  # (..., 3, 3)


def matrix_to_euler(rotation: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`euler_to_matrix`: rot and psi in [-180, 180], tilt in [0, 180].

    At tilt 0 and 180 only rot + psi or rot - psi is determined; psi is then 0. Not differentiable.

    rotation (..., 3, 3) -> (..., 3) degrees of the same dtype
    """
    # roma's atan2 form is undefined at tilt 0 and 180; scipy handles them.
    flat = rotation.detach().reshape(-1, 3, 3).cpu().double().numpy()
    angles = Rotation.from_matrix(flat).as_euler("ZYZ", degrees=True, suppress_warnings=True)
    return torch.as_tensor(angles).reshape(*rotation.shape[:-2], 3).to(rotation)
