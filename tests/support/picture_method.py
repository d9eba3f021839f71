"""A method whose pictures are known in closed form: a ring, and what latents change of it.

The "molecule" has no third dimension; the viewing direction matters only where a test lets it. The
picture is a sum of fixed pictures, the latent is its best fit to an image under a weak prior, as
a trained encoder's would be.
"""

import numpy as np
import torch
from untrained_method import Untrained

from napari_conformix.training.contract import Batch, Frame
from napari_conformix.training.settings import TrainingSettings

BOX = 24
FRAME = Frame(BOX, 4.0, BOX, 4.0)
LATENTS = 3


def blob(x: float, y: float, width: float = 2.5) -> np.ndarray:
    """(BOX, BOX): a round spot at x, y in px from the centre."""
    v, u = np.mgrid[:BOX, :BOX] - BOX // 2
    return np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * width**2))


def ring() -> np.ndarray:
    """(BOX, BOX): spots of unequal weight on a circle, the mean structure."""
    angles = np.linspace(0, 2 * np.pi, 7)[:-1]
    spots = [(1 + 0.3 * k) * blob(6 * np.cos(a), 6 * np.sin(a)) for k, a in enumerate(angles)]
    return np.sum(spots, axis=0)


def moved(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """(n, BOX, BOX): the picture shifted by (n, 2) px, x and y."""
    k = np.fft.fftfreq(BOX)
    phase = shift[:, 0, None, None] * k[None, None, :] + shift[:, 1, None, None] * k[None, :, None]
    return np.fft.ifft2(np.fft.fft2(picture) * np.exp(-2j * np.pi * phase)).real


class Pictures(Untrained):
    """picture(z) = base + sum_k z_k change_k, at the particle's shift, in noise of variance 1."""

    name = "pictures"
    title = "Pictures test method"
    independent_halves = False

    def __init__(self, base: np.ndarray, changes: np.ndarray, prior: float = 1.0) -> None:
        super().__init__(TrainingSettings(), FRAME)
        self.base = torch.from_numpy(base)
        self.changes = torch.from_numpy(np.asarray(changes, float))  # (d, BOX, BOX)
        self.prior = prior
        self.images_asked = 0

    @property
    def latent_dim(self) -> int:
        return len(self.changes)

    def picture(self, latent: torch.Tensor, batch: Batch) -> torch.Tensor:
        """(n, BOX, BOX // 2 + 1) complex."""
        still = self.base + torch.einsum("nd,dyx->nyx", latent.double(), self.changes)
        shift = batch.shift_angstrom.double() / FRAME.working_pixel_size_angstrom
        y, x = torch.fft.fftfreq(BOX).double(), torch.fft.rfftfreq(BOX).double()
        phase = shift[:, 0, None, None] * x + shift[:, 1, None, None] * y[:, None]
        return torch.fft.rfft2(still) * torch.exp(-2j * torch.pi * phase)

    def image_residual(self, latent: torch.Tensor, batch: Batch, half: int) -> torch.Tensor:
        self.images_asked += len(batch)
        return (torch.fft.rfft2(batch.images.double()) - self.picture(latent, batch)) / BOX

    def embed(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        zero = torch.zeros(len(batch), self.latent_dim)
        left = self.image_residual(zero, batch, half) * BOX
        pixels = torch.fft.irfft2(left, s=(BOX, BOX)).flatten(1)
        basis = self.changes.flatten(1)
        information = basis @ basis.T + self.prior * torch.eye(self.latent_dim)
        mean = torch.linalg.solve(information, basis @ pixels.T).T
        return mean.float(), torch.ones_like(mean).float()

    def encode(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.embed(batch, half)
