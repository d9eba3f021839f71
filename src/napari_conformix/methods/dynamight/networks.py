"""The two networks of a half: an encoder of images and a coordinate decoder (paper, Methods)."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Encoder(nn.Module):
    """Three linear layers with ReLU: a flattened real-space image to mean and log variance."""

    def __init__(self, box: int, pooling: int, width: int, latent_dim: int) -> None:
        super().__init__()
        self.pooling = pooling
        side = box // pooling
        self.layers = nn.Sequential(
            nn.Linear(side * side, width),
            nn.ReLU(),
            nn.Linear(width, width // 2),
            nn.ReLU(),
            nn.Linear(width // 2, 2 * latent_dim),
        )

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(b, h, w) -> mean (b, d), log variance (b, d)."""
        pooled = F.avg_pool2d(images[:, None], self.pooling).flatten(1)  # (b, side * side)
        # The grey scale of a data set is arbitrary: bring each image to mean 0, variance 1.
        pooled = (pooled - pooled.mean(1, keepdim=True)) / pooled.std(1, keepdim=True).clamp_min(
            1e-6
        )
        mean, log_variance = self.layers(pooled).chunk(2, dim=1)
        # A variance outside this range overflows or is numerically zero, and trains nothing.
        return mean, log_variance.clamp(-12.0, 6.0)


class PositionalEncoding(nn.Module):
    """Sine and cosine of positions at geometrically spaced wavelengths (paper, ref. 32).

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
        """(n, 3) in A -> (n, 6 * frequencies)."""
        phase = (positions[..., None] * self.wave_numbers).flatten(-2)  # (n, 3 f)
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


class Decoder(nn.Module):
    """delta(z, x): linear layers with ELU on (encoding of x, z); the output is in A (eq. 9).

    The encoding's part of the first layer does not depend on the particle and is computed once
    for all of a batch. No layer has a bias on z, so every particle shares one consensus at z = 0
    up to the field that the network learns for it.
    """

    def __init__(
        self, encoding: PositionalEncoding, latent_dim: int, width: int, layers: int, scale: float
    ) -> None:
        super().__init__()
        self.encoding = encoding
        self.scale = scale
        self.from_position = nn.Linear(encoding.features, width)
        self.from_latent = nn.Linear(latent_dim, width, bias=False)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(layers - 2))
        self.out = nn.Linear(width, 3, bias=False)
        # Start at almost no displacement: the consensus is the best first guess.
        nn.init.normal_(self.out.weight, std=1e-3)

    def forward(self, latent: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """(b, d), (n, 3) in A -> displacement (b, n, 3) in A."""
        own = self.from_position(self.encoding(positions))  # (n, width)
        h = F.elu(own[None] + self.from_latent(latent)[:, None], inplace=True)  # (b, n, width)
        for layer in self.hidden:
            h = F.elu(layer(h), inplace=True)
        displacement: torch.Tensor = self.out(h) * self.scale
        return displacement
