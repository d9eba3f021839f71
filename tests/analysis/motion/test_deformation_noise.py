"""What noise alone makes both halves agree on: predicted, and found by fitting noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from moving_method import LATENTS, Moving, particles

from napari_conformix.analysis.motion import Fields, judge, resting_core, shared_noise
from napari_conformix.analysis.motion.image_noise import PRIOR
from napari_conformix.analysis.motion.superposition import shape_change
from napari_conformix.training.contract import Batch

PIXELS = 40
COUNT = 2000


class Imaging(Moving):
    """Images that depend on the state linearly: whitened, K of the pose times the state."""

    def __init__(self, signal: float = 4.0) -> None:
        super().__init__()
        self.response = signal * np.random.default_rng(3).normal(size=(8, LATENTS, PIXELS)) / 6

    def whitened_prediction(
        self, latent: torch.Tensor, batch: Batch, half: int
    ) -> torch.Tensor | None:
        state = latent.numpy().astype(np.float64) @ self.mixing[half]
        poses = batch.index.numpy() % 8
        return torch.from_numpy(np.einsum("nd,ndk->nk", state, self.response[poses]))


def batch_of(rows: np.ndarray) -> Batch:
    nothing = torch.zeros(len(rows), 1, 1)
    return Batch(torch.from_numpy(rows), nothing, nothing, nothing, nothing)


def fitted(method: Imaging, true_bend: float = 0.0) -> Fields:
    """Latents of either half that fit the same noisy images best; the arm is bent by `true_bend`
    times a normal deviate."""
    table, _ = particles(method, count=COUNT)
    rows = table.validation_rows
    assert rows is not None
    rng = np.random.default_rng(4)
    states = np.zeros((len(rows), LATENTS))
    states[:, 0] = true_bend * rng.normal(size=len(rows))
    for i, row in enumerate(rows):
        k = method.response[row % 8]
        image = states[i] @ k + rng.normal(size=PIXELS)
        states[i] = np.linalg.solve(k @ k.T, k @ image)
    return Fields(
        method,
        replace(table, mean_half1=method.latent(states, 1), mean_half2=method.latent(states, 2)),
    )


def superposed(fields: Fields) -> tuple[list[np.ndarray], np.ndarray]:
    place = fields.table_positions
    halves = [
        fields.evaluate(z, place, half)
        for half, z in zip((1, 2), fields.held_out_latents(), strict=True)
    ]
    return halves, resting_core((halves[0] + halves[1]) / 2, place)


def test_the_prediction_is_what_fits_to_noise_show() -> None:
    fields = fitted(Imaging())
    halves, core = superposed(fields)
    noise = shared_noise(fields, fields.held_out_sample(10**6), batch_of, core)
    assert noise is not None
    u, w = (shape_change(half, fields.table_positions, core) for half in halves)
    found = ((u - u.mean(0)) * (w - w.mean(0))).sum(2).mean(0)
    # the weak prior takes off what it must: (1 + PRIOR)^-2 where all spread is noise
    assert noise.sum() / found.sum() == pytest.approx((1 + PRIOR) ** -2, rel=0.08)
    assert np.corrcoef(noise, found)[0, 1] > 0.999


def test_agreement_by_noise_is_not_taken_for_motion() -> None:
    """Halves that fit the same noise perfectly agree perfectly, with no error at all."""
    fields = fitted(Imaging())
    halves, core = superposed(fields)
    noise = shared_noise(fields, fields.held_out_sample(64), batch_of, core)
    place = fields.table_positions
    assert judge(halves[0], halves[1], place).moves  # fooled, without knowing of the noise
    found = judge(halves[0], halves[1], place, noise=noise)
    assert (found.moves, found.level) == (False, "none")
    assert found.noise_angstrom == pytest.approx(found.shared_angstrom, rel=0.15)
    assert "noise of the images alone" in found.sentence


def test_motion_above_the_noise_is_still_motion() -> None:
    fields = fitted(Imaging(), true_bend=6.0)
    halves, core = superposed(fields)
    noise = shared_noise(fields, fields.held_out_sample(64), batch_of, core)
    assert judge(halves[0], halves[1], fields.table_positions, noise=noise).moves


def test_weaker_images_have_more_of_it() -> None:
    total = []
    for signal in (4.0, 2.0):
        fields = fitted(Imaging(signal))
        _, core = superposed(fields)
        noise = shared_noise(fields, fields.held_out_sample(64), batch_of, core)
        assert noise is not None
        total.append(noise.sum())
    assert total[1] / total[0] == pytest.approx(4, rel=0.1)


def test_methods_that_do_not_say_and_a_stop_give_none() -> None:
    method = Moving()
    fields = Fields(method, particles(method)[0])
    core = np.arange(30)
    assert shared_noise(fields, np.arange(10), batch_of, core) is None
    fields = fitted(Imaging())
    assert shared_noise(fields, np.arange(10), batch_of, core, stop=lambda: True) is None
