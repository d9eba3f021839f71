"""How far displacements are followed, on fields whose motion and errors are known."""

import dataclasses

import numpy as np
import pytest
import torch

from napari_conformix.jobs.reconstruction.steadying import FEWEST_ASKED, SteadyField, trust_at
from napari_conformix.training.latent_table import LatentTable

#: one place that swings, one that only errs, one that does both alike, one that is shifted for good
PLACES = torch.tensor([[10.0, 0, 0], [0, 10, 0], [0, 0, 10], [5, 5, 5]])


class Fields:
    """Latent (motion, error): the motion moves places 0 and 2, the error places 1, 2 and 3."""

    independent_halves = True

    def displacement(self, latent, positions, half):
        motion, error = latent[:, :1], latent[:, 1:]
        still = torch.zeros_like(motion)
        along_x = torch.cat([motion, error, motion + error, 1e-3 * error + 4], dim=1)
        return torch.stack([along_x, still.expand_as(along_x), still.expand_as(along_x)], dim=-1)


def latents(count: int = 4000) -> LatentTable:
    rng = np.random.default_rng(1)
    motion = rng.normal(0, 3, count)
    halves = [
        np.stack([motion, rng.normal(0, 3, count)], axis=1).astype(np.float32) for _ in range(2)
    ]
    return LatentTable(
        mean=halves[0],
        std=np.ones_like(halves[0]),
        half=np.ones(count, np.int8),
        validation=np.ones(count, bool),
        epoch=1,
        validation_rows=np.arange(count),
        mean_half1=halves[0],
        mean_half2=halves[1],
    )


def test_motion_is_followed_and_error_is_not():
    trust = trust_at(Fields(), latents(), PLACES)
    # 256 particles: the covariance of independent values is known to 1 / 16
    np.testing.assert_allclose(trust, [1.0, 0.0, 0.5, 0.0], atol=0.2)
    assert trust[0] == pytest.approx(1.0, abs=1e-6)


def test_batches_do_not_change_it(monkeypatch):
    whole = trust_at(Fields(), latents(), PLACES)
    monkeypatch.setattr("napari_conformix.jobs.reconstruction.steadying.VALUES_AT_ONCE", 100)
    torch.testing.assert_close(trust_at(Fields(), latents(), PLACES), whole, atol=1e-5, rtol=0)


def test_without_pairs_nothing_is_said():
    table = latents()
    assert trust_at(Fields(), dataclasses.replace(table, mean_half2=None), PLACES) is None
    assert trust_at(Fields(), latents(FEWEST_ASKED - 1), PLACES) is None


def test_a_steady_field_is_the_field_times_its_trust_at_its_places():
    def field(rows, positions):
        return rows[:, None, None] * torch.ones(len(rows), len(positions), 3)

    steady = SteadyField(field, PLACES, torch.tensor([0.0, 0.5, 1.0, 0.25]))
    got = steady(torch.tensor([2.0, 4.0]), PLACES)
    np.testing.assert_allclose(got[:, :, 0], [[0, 1, 2, 0.5], [0, 2, 4, 1]])
    with pytest.raises(ValueError, match="only at the places"):
        steady(torch.tensor([2.0]), PLACES.clone())
