"""Poses: RELION's Euler angles and the matrix A (design: A maps image xyz to volume xyz)."""

import torch
from scipy.spatial.transform import Rotation


def euler_to_matrix(angles_degrees: torch.Tensor) -> torch.Tensor:
    """RELION's (rot, tilt, psi) to the matrix A = Rz(rot) Ry(tilt) Rz(psi).

    A maps image coordinates to volume coordinates, V_rot(p) = V(A p), both (x, y, z). A point c
    of the map lands at (A^T c)_xy in the image. Differentiable.

    Parameters
    ----------
    angles_degrees : torch.Tensor
        (..., 3): rot, tilt, psi.

    Returns
    -------
    torch.Tensor
        (..., 3, 3) of the same dtype.
    """
    rot, tilt, psi = torch.deg2rad(angles_degrees).unbind(-1)  # (...)
    return _about_z(rot) @ _about_y(tilt) @ _about_z(psi)  # (..., 3, 3)


def _about_z(angle: torch.Tensor) -> torch.Tensor:
    """(...) radians -> (..., 3, 3), from x towards y."""
    c, s, o = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return _matrix(c, -s, o, s, c, o, o, o, o + 1)


def _about_y(angle: torch.Tensor) -> torch.Tensor:
    """(...) radians -> (..., 3, 3), from z towards x."""
    c, s, o = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return _matrix(c, o, s, o, o + 1, o, -s, o, c)


def _matrix(*rows: torch.Tensor) -> torch.Tensor:
    """Nine entries (...), row by row -> (..., 3, 3)."""
    matrix: torch.Tensor = torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
    return matrix


def matrix_to_euler(rotation: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`euler_to_matrix`: rot and psi in [-180, 180], tilt in [0, 180].

    At tilt 0 and 180 only rot + psi or rot - psi is determined; psi is then 0. Not differentiable.

    Parameters
    ----------
    rotation : torch.Tensor
        (..., 3, 3), A.

    Returns
    -------
    torch.Tensor
        (..., 3) rot, tilt, psi in degrees, of the same dtype.
    """
    flat = rotation.detach().reshape(-1, 3, 3).cpu().double().numpy()
    angles = Rotation.from_matrix(flat).as_euler("ZYZ", degrees=True, suppress_warnings=True)
    return torch.as_tensor(angles).reshape(*rotation.shape[:-2], 3).to(rotation)
