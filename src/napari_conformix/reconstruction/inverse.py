"""An approximate inverse of displacement fields, learnt (Schwab et al. 2024, Methods: Improved
reconstruction).

A network with the latent and the positional encoding of a deformed position as its input gives
where that matter lies in the consensus. Deformed back-projection as a gather does without it (see
`deformed.py`); the paper's scatter needs it, and its residual shows whether the
deformation can be undone at all. One network a half, from that half's fields alone.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from napari_conformix.imaging import PositionalEncoding

#: paper: six layers; ours are wide enough for fields of several domains
LAYERS, WIDTH = 6, 64
FREQUENCIES = 10
#: particles and places of a step
PARTICLES, PLACES = 16, 128
LEARNING_RATE = 3e-3
#: A; neighbours between which the inverse shall change little, and the weight of that
NEIGHBOUR_ANGSTROM, SMOOTHNESS = 4.0, 1e-3

#: (b, d) latents, (q, 3) A -> (b, q, 3) A
Displacement = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class InverseNetwork(nn.Module):
    """y, z -> Gamma_z^-1(y) - y, in A: the residual connection is left to the caller's sum.

    latents           (n, d), by whose mean and spread latents are brought to order 1
    extent_angstrom   of the box
    scale_angstrom    displacement that an output of 1 stands for
    """

    def __init__(
        self,
        latents: torch.Tensor,
        extent_angstrom: float,
        pixel_size_angstrom: float,
        scale_angstrom: float,
    ) -> None:
        super().__init__()
        self.encoding = PositionalEncoding(FREQUENCIES, extent_angstrom, 4 * pixel_size_angstrom)
        self.register_buffer("mean", latents.mean(0))
        self.register_buffer("spread", latents.std(0).clamp_min(1e-6))
        self.mean: torch.Tensor
        self.spread: torch.Tensor
        self.scale = scale_angstrom
        widths = [self.encoding.features + latents.shape[1], *[WIDTH] * (LAYERS - 1)]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.out = nn.Linear(WIDTH, 3)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)

    def forward(self, latent: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """The inverse displacement at deformed positions.

        Parameters
        ----------
        latent : torch.Tensor
            (b, d).
        positions : torch.Tensor
            (b, q, 3) or (q, 3) xyz in A from the centre, where matter lies in the particle.

        Returns
        -------
        torch.Tensor
            (b, q, 3) in A, to be added to the positions.
        """
        z = (latent - self.mean) / self.spread
        positions = positions.expand(len(z), -1, 3)
        place = self.encoding(positions.reshape(-1, 3)).reshape(*positions.shape[:2], -1)
        h = torch.cat([place, z[:, None].expand(-1, positions.shape[1], -1)], dim=-1)
        for layer in self.hidden:
            h = F.elu(layer(h))
        displacement: torch.Tensor = self.out(h) * self.scale
        return displacement


@dataclass(frozen=True)
class Residual:
    """|Gamma^-1(Gamma(x)) - x| in A over particles and places that were not trained on."""

    mean_angstrom: float
    worst_angstrom: float


def train_inverse(
    field: Displacement,
    latents: torch.Tensor,
    places: torch.Tensor,
    extent_angstrom: float,
    pixel_size_angstrom: float,
    *,
    steps: int = 800,
    seed: int = 0,
) -> Iterator[InverseNetwork]:
    """Train an inverse of a displacement field by Adam.

    The paper's 200 epochs over all particles become a number of steps, each with new particles and
    new places, so that the time does not grow with the data set.

    Parameters
    ----------
    field : Callable
        Displacements: (b, d) latents, (q, 3) xyz in A -> (b, q, 3) A.
    latents : torch.Tensor
        (n, d) of the half's particles.
    places : torch.Tensor
        (q, 3) xyz in A from the centre, where matter lies in the consensus.
    extent_angstrom : float
        Edge of the box, in A.
    pixel_size_angstrom : float
        In A; the finest wavelength of the positional encoding is four pixels.
    steps : int
        Of Adam.
    seed : int
        Of weights, particles and places; the same on every device.

    Yields
    ------
    InverseNetwork
        The network, the same one, after every step.
    """
    device = latents.device
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same on every device
    with torch.no_grad():
        some = latents[torch.randint(len(latents), (64,), generator=generator).to(device)]
        scale = max(float(field(some, places[:: max(1, len(places) // 200)]).norm(dim=-1).max()), 1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = InverseNetwork(latents, extent_angstrom, pixel_size_angstrom, scale)
    network = network.to(latents.device)
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, LEARNING_RATE, total_steps=steps)
    for _ in range(steps):
        z = latents[torch.randint(len(latents), (PARTICLES,), generator=generator).to(device)]
        x = places[torch.randint(len(places), (PLACES,), generator=generator).to(device)]
        with torch.no_grad():
            y = x + field(z, x)  # (b, q, 3)
        near = torch.randn(y.shape, generator=generator).to(device) * NEIGHBOUR_ANGSTROM
        back = network(z, y)
        change = (network(z, y + near) - back).square().sum(-1) / near.square().sum(-1)
        loss = (y + back - x).square().sum(-1).mean() + SMOOTHNESS * scale**2 * change.mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        yield network


@torch.no_grad()
def inverse_residual(
    network: InverseNetwork, field: Displacement, latents: torch.Tensor, places: torch.Tensor
) -> Residual:
    """How far an inverse is off.

    Parameters
    ----------
    network : InverseNetwork
        The inverse.
    field : Callable
        Displacements: (b, d) latents, (q, 3) xyz in A -> (b, q, 3) A.
    latents : torch.Tensor
        (n, d).
    places : torch.Tensor
        (q, 3) xyz in A from the centre, in the consensus.

    Returns
    -------
    Residual
        Mean and largest distance in A, over all latents and places.
    """
    mean, worst = [], []
    for z in latents.split(1):
        y = places + field(z, places)
        off = (y + network(z, y) - places).norm(dim=-1)
        mean.append(off.mean())
        worst.append(off.max())
    return Residual(float(torch.stack(mean).mean()), float(torch.stack(worst).max()))
