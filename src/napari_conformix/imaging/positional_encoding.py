"""Positions in A as features by wavelength, for networks that are functions of a position."""

import math

import torch
from torch import nn


class PositionalEncoding(nn.Module):
    """Sine and cosine of positions at geometrically spaced wavelengths (Mildenhall et al., 2020).

    The longest wavelength is twice the box; each next one is half as long, but none is shorter
    than `shortest_angstrom`, below which the images carry no information and the field would only
    be free to fit noise.
    """

    def __init__(self, frequencies: int, extent_angstrom: float, shortest_angstrom: float) -> None:
        super().__init__()
        longest = 2.0 * extent_angstrom
        octaves = min(frequencies - 1, math.log2(max(longest / shortest_angstrom, 1.0)))
        scale = 2.0 ** torch.linspace(0.0, octaves, frequencies)
        self.register_buffer("wave_numbers", 2 * math.pi * scale / longest, persistent=False)
        self.wave_numbers: torch.Tensor

    @property
    def features(self) -> int:
        """Length of the encoding of one position."""
        return 6 * len(self.wave_numbers)

    def forward(self, positions: torch.Tensor) -> torch.Tensor:
        """Encode positions.

        Parameters
        ----------
        positions : torch.Tensor
            (n, 3) in A.

        Returns
        -------
        torch.Tensor
            (n, 6 * frequencies).
        """
        phase = (positions[..., None] * self.wave_numbers).flatten(-2)  # (n, 3 f)
        return torch.cat([phase.sin(), phase.cos()], dim=-1)
