"""A method whose displacement fields are known in closed form, for what is built on them."""

import numpy as np
import torch
from untrained_method import Untrained

from napari_conformix.training.contract import Frame
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.settings import TrainingSettings

LATENTS = 3
FRAME = Frame(32, 4.0, 32, 4.0)


def molecule(count: int = 60, seed: int = 0) -> np.ndarray:
    """(count, 3) A: a body, and an arm of a third of the points next to it."""
    rng = np.random.default_rng(seed)
    arm = count // 3
    body = rng.normal(0, 10, (count - arm, 3)) - np.array([12.0, 0, 0])
    return np.concatenate([body, rng.normal(0, 5, (arm, 3)) + np.array([28.0, 0, 0])])


class Moving(Untrained):
    """delta(z, x) = (M_h z)_0 * bend(x) + (M_h z)_1 * A along y + b_h: an arm that bends, and the
    whole molecule that shifts. M_h mixes the latent axes of half h in its own way; b_h is an error
    that all its particles share."""

    name = "moving"
    title = "Moving test method"
    independent_halves = True
    has_displacement = True

    def __init__(self, offset: float = 0.0) -> None:
        super().__init__(TrainingSettings(), FRAME)
        self.mixing = {}
        for half in (0, 1, 2):
            random = np.random.default_rng(half)
            self.mixing[half] = np.linalg.qr(random.normal(size=(LATENTS, LATENTS)))[0]
        self.offset = {0: 0.0, 1: offset, 2: -offset}
        self.places = {h: molecule(seed=7) + 0.2 * max(h - 1, 0) for h in (0, 1, 2)}

    @property
    def latent_dim(self) -> int:
        return LATENTS

    def field(self, state: np.ndarray, positions: np.ndarray, half: int = 0) -> np.ndarray:
        """(n, LATENTS) states and (p, 3) -> (n, p, 3) A, in float64."""
        bend = np.maximum(positions[:, 0] - 5.0, 0.0) / 20.0
        field = np.zeros((len(state), len(positions), 3))
        field[:, :, 2] = state[:, 0, None] * bend
        field[:, :, 1] = state[:, 1, None]
        field[:, :, 0] = self.offset[half]
        return field

    def latent(self, state: np.ndarray, half: int) -> np.ndarray:
        """The latents that half `half` has for states."""
        return (state @ self.mixing[half].T).astype(np.float32)

    def displacement(
        self, latent: torch.Tensor, positions: torch.Tensor, half: int
    ) -> torch.Tensor:
        state = latent.numpy().astype(np.float64) @ self.mixing[half]
        field = self.field(state, positions.numpy().astype(np.float64), half)
        return torch.from_numpy(field).float()

    def consensus_positions(self, half: int) -> torch.Tensor:
        return torch.from_numpy(self.places[half]).float()


class MovingWhole(Moving):
    """The same with one model."""

    independent_halves = False


def particles(
    method: Moving, count: int = 200, noise: float = 0.5, seed: int = 1
) -> tuple[LatentTable, np.ndarray]:
    """Latents of particles whose arm is bent by up to 8 A, every fifth held out, and the states
    (count, LATENTS). Every half's encoder errs by `noise` (A) on its own."""
    rng = np.random.default_rng(seed)
    state = np.zeros((count, LATENTS))
    state[:, 0] = rng.uniform(-8, 8, count)
    if not method.independent_halves:
        half = np.zeros(count, np.int8)
        mean = method.latent(state, 0)
        return LatentTable(mean, np.ones_like(mean), half, half > 0, epoch=4), state
    half = (np.arange(count) % 2 + 1).astype(np.int8)
    validation = np.arange(count) % 5 == 0
    seen = {h: method.latent(state + rng.normal(0, noise, state.shape), h) for h in (1, 2)}
    held_out = np.flatnonzero(validation)
    mean = np.where(half[:, None] == 1, seen[1], seen[2])
    return (
        LatentTable(
            mean,
            np.ones_like(mean),
            half,
            validation,
            epoch=4,
            validation_rows=held_out,
            mean_half1=seen[1][held_out],
            mean_half2=seen[2][held_out],
        ),
        state,
    )
