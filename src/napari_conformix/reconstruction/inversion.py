"""Whether deformations can be undone: folding, and how far an inverse is off."""

from collections.abc import Callable

import torch

#: A; the step of the difference quotients
_STEP_ANGSTROM = 0.5


def jacobian_determinants(
    field: Callable[[torch.Tensor], torch.Tensor], positions: torch.Tensor
) -> torch.Tensor:
    """det(1 + d delta / dx) of displacement fields, by central differences.

    1 where matter is moved without being compressed; 0 or less where a deformation folds: two
    places of the consensus come to lie at one, or matter is turned inside out.

    Parameters
    ----------
    field : Callable
        (q, 3) xyz in A -> (b, q, 3) A.
    positions : torch.Tensor
        (q, 3) xyz in A.

    Returns
    -------
    torch.Tensor
        (b, q).
    """
    columns = []
    for axis in range(3):
        step = torch.zeros(3, dtype=positions.dtype, device=positions.device)
        step[axis] = _STEP_ANGSTROM
        columns.append((field(positions + step) - field(positions - step)) / (2 * _STEP_ANGSTROM))
    gradient = torch.stack(columns, dim=-1)  # (b, q, 3, 3)
    identity = torch.eye(3, dtype=gradient.dtype, device=gradient.device)
    determinants: torch.Tensor = torch.linalg.det(gradient + identity)
    return determinants
