"""Displacements held back where the two halves do not agree on them.

A part of the molecule that rests is given displacements all the same, out of the noise of each
image and the drift of the reference, and undoing those makes its map worse. With the halves'
fields u, w of a held-out particle at a place, about their means over particles, the share of their
variance that is motion is

    trust = <u . w> / ((<u . u> + <w . w>) / 2)

(where the halves err independently, only motion is common), the weight with which a Wiener filter
keeps a fluctuation: near 1 where a domain swings, small where nothing moves. It is one number a
place for all particles. Both halves' models have a say in it, and in nothing else that deforms.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from napari_conformix.reconstruction import Field
    from napari_conformix.training.contract import Method
    from napari_conformix.training.latent_table import LatentTable

#: held-out particles that are asked, and fewest that are believed
MOST_ASKED, FEWEST_ASKED = 256, 20
#: values held at once
VALUES_AT_ONCE = 1 << 23


class SteadyField:
    """trust x field, at the places that it was made for.

    field   (b,) rows, (q, 3) A -> (b, q, 3) A
    places  (q, 3) A, and trust (q,) between 0 and 1 there
    """

    def __init__(self, field: "Field", places: torch.Tensor, trust: torch.Tensor) -> None:
        self._field = field
        self._places = places
        self._trust = trust[:, None]

    def __call__(self, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        if positions is not self._places:
            raise ValueError("A steady field is known only at the places that it was made for.")
        return self._field(rows, positions) * self._trust


@torch.no_grad()
def trust_at(method: "Method", latents: "LatentTable", places: torch.Tensor) -> torch.Tensor | None:
    """How far to follow the fields at `places` (q, 3) A: (q,) between 0 and 1.

    None where the halves cannot be compared: one model, or too few held-out particles.
    """
    first, second = latents.mean_half1, latents.mean_half2
    if not method.independent_halves or first is None or second is None:
        return None
    if len(first) < FEWEST_ASKED:
        return None
    chosen = np.linspace(0, len(first) - 1, min(MOST_ASKED, len(first))).astype(np.int64)
    count, step = len(chosen), max(1, VALUES_AT_ONCE // (3 * len(places)))
    # in float64: a variance is the small difference of large sums where the mean is large
    total1, total2 = (torch.zeros_like(places, dtype=torch.float64) for _ in range(2))
    power, product = torch.zeros_like(total1[:, 0]), torch.zeros_like(total1[:, 0])
    for part in np.array_split(chosen, -(-count // step)):
        u, w = (
            method.displacement(
                torch.from_numpy(mean[part]).to(places.device), places, half
            ).double()
            for half, mean in ((1, first), (2, second))
        )
        total1 += u.sum(0)
        total2 += w.sum(0)
        power += 0.5 * (u.square() + w.square()).sum((0, 2))
        product += (u * w).sum((0, 2))
    common = product / count - (total1 * total2).sum(1) / count**2
    variance = power / count - 0.5 * (total1.square() + total2.square()).sum(1) / count**2
    trust: torch.Tensor = (common / variance.clamp_min(1e-12)).clamp(0, 1).to(places.dtype)
    return trust
