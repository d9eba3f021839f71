"""The networks of a half: what gives a particle its latent, and what makes a field of it.

The paper's are an encoder of images and a coordinate network. Ours are a latent of its own for
every particle, and modes of motion; both pairs are settings. Why ours are the default is measured
in `benchmarks/README.md`: the encoder learns the particles by heart and says nothing of others,
as the paper found, and the coordinate network takes five sixths of a training step.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from napari_conformix.imaging import PositionalEncoding

#: a variance outside this range overflows or is numerically zero, and trains nothing
_LOG_VARIANCE_RANGE = (-12.0, 6.0)
#: latents of particles begin at this standard deviation, and as uncertain as this
_START_SPREAD = 0.01
_START_LOG_VARIANCE = -4.0


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
        """Encode images.

        Parameters
        ----------
        images : torch.Tensor
            (b, h, w).

        Returns
        -------
        mean, log_variance : torch.Tensor
            (b, d) each.
        """
        pooled = F.avg_pool2d(images[:, None], self.pooling).flatten(1)  # (b, side * side)
        # The grey scale of a data set is arbitrary: bring each image to mean 0, variance 1.
        pooled = (pooled - pooled.mean(1, keepdim=True)) / pooled.std(1, keepdim=True).clamp_min(
            1e-6
        )
        mean, log_variance = self.layers(pooled).chunk(2, dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCE_RANGE)


class ParticleLatents(nn.Module):
    """A latent of its own for every particle: mean and log variance are trained directly.

    What an encoder would give, without one (an auto-decoder, which the paper suggests in Methods).
    Gradients are sparse, so that a step moves the particles of its batch and no others.
    """

    def __init__(self, particles: int, latent_dim: int) -> None:
        super().__init__()
        # A little apart: where the decoder cannot tell particles apart, none has a gradient.
        self.mean = nn.Parameter(_START_SPREAD * torch.randn(particles, latent_dim))
        self.log_variance = nn.Parameter(torch.full((particles, latent_dim), _START_LOG_VARIANCE))
        self.register_buffer("seen", torch.zeros(particles, dtype=torch.bool))
        self.seen: torch.Tensor

    def forward(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents of particles; with gradients, these rows are noted as seen.

        Parameters
        ----------
        index : torch.Tensor
            (b,) int64, rows of the particle file.

        Returns
        -------
        mean, log_variance : torch.Tensor
            (b, d) each.
        """
        if torch.is_grad_enabled():
            self.seen[index] = True
        mean = F.embedding(index, self.mean, sparse=True)
        log_variance = F.embedding(index, self.log_variance, sparse=True)
        return mean, log_variance.clamp(*_LOG_VARIANCE_RANGE)


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
        """Displacements at positions.

        Parameters
        ----------
        latent : torch.Tensor
            (b, d).
        positions : torch.Tensor
            (n, 3) in A.

        Returns
        -------
        torch.Tensor
            (b, n, 3) in A.
        """
        own = self.from_position(self.encoding(positions))  # (n, width)
        h = F.elu(own[None] + self.from_latent(latent)[:, None], inplace=True)  # (b, n, width)
        for layer in self.hidden:
            h = F.elu(layer(h), inplace=True)
        displacement: torch.Tensor = self.out(h) * self.scale
        return displacement


class ModeDecoder(nn.Module):
    """delta(z, x) = sum_k c_k(z) b_k(x) in A: modes of motion b_k, and how far along each one is.

    One network makes the modes (k, 3) of a position, another the coefficients of a latent. The
    modes do not depend on the particle and are computed once for all of a batch, so that a
    displacement costs k multiplications a coordinate, where a network of position and latent
    costs layers x width^2. A body that turns and shifts moves by a field that is linear in the
    position, 12 modes; the coefficients may be any function of the latent, so that a large turn
    follows its circle.
    """

    def __init__(
        self,
        encoding: PositionalEncoding,
        latent_dim: int,
        modes: int,
        width: int,
        layers: int,
        scale: float,
    ) -> None:
        super().__init__()
        self.encoding = encoding
        self.scale = scale
        self.modes = modes
        self.of_position = _mlp(encoding.features, width, layers, 3 * modes, bias=False)
        self.of_latent = _mlp(latent_dim, width, 3, modes, bias=True)
        # Start at almost no displacement: the consensus is the best first guess.
        last = self.of_position[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=1e-2)

    def forward(self, latent: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Displacements at positions.

        Parameters
        ----------
        latent : torch.Tensor
            (b, d).
        positions : torch.Tensor
            (n, 3) in A.

        Returns
        -------
        torch.Tensor
            (b, n, 3) in A.
        """
        modes = self.of_position(self.encoding(positions)).view(-1, self.modes, 3)  # (n, k, 3)
        flat = modes.transpose(0, 1).reshape(self.modes, -1)  # (k, 3 n)
        displacement: torch.Tensor = self.of_latent(latent) @ flat * self.scale  # (b, 3 n)
        return displacement.view(len(latent), len(positions), 3)


def _mlp(inputs: int, width: int, layers: int, outputs: int, *, bias: bool) -> nn.Sequential:
    """Linear layers with ELU between them; `bias` is that of the last one."""
    sizes = [inputs] + [width] * (layers - 1)
    parts: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        parts += [nn.Linear(before, after), nn.ELU()]
    return nn.Sequential(*parts, nn.Linear(sizes[-1], outputs, bias=bias))
