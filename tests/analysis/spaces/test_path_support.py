"""Where there is data and where there is none, in many dimensions."""

import numpy as np
import pytest

from napari_conformix.analysis.spaces import DataSupport, support
from napari_conformix.analysis.spaces.support import COVERED, MOST_REFERENCES, TYPICAL
from napari_conformix.errors import UserError


@pytest.mark.parametrize("d", [2, 8, 12])
def test_new_particles_of_the_same_kind_are_supported_but_for_the_share_promised(d):
    random = np.random.default_rng(d)
    # states of very different width and number
    centres = np.zeros((3, d))
    centres[1, 0], centres[2, 1] = 30, 40
    state = random.choice(3, 6000, p=[0.7, 0.25, 0.05])
    latents = centres[state] + random.normal(size=(6000, d)) * np.array([1, 3, 0.3])[state, None]
    counts = DataSupport.of(latents[:4000]).count(latents[4000:])
    lacking = (counts == 0).mean()
    # 2,000 trials, and the bound itself is a quantile of 4,000
    assert lacking == pytest.approx(1 - COVERED, abs=0.012)


@pytest.mark.parametrize("d", [2, 8, 12])
def test_outside_and_in_a_gap_there_is_no_support_and_inside_a_shell_there_is(d):
    random = np.random.default_rng(d)
    latents = random.normal(size=(4000, d))
    apart = 2 * (np.sqrt(d) + 4)  # beyond the rims of both
    latents[2000:, 0] += apart
    found = DataSupport.of(latents)
    centre, gap = np.zeros(d), np.eye(d)[0] * apart / 2
    outside = random.normal(size=(100, d))
    outside *= (1.3 * apart) / np.linalg.norm(outside, axis=1, keepdims=True)
    outside[:, 0] += apart / 2
    assert found.count(gap) == 0
    assert (found.count(outside) == 0).all()
    # no particle is at the centre of a state in 12 dimensions, but all are near it
    assert found.count(centre) > TYPICAL


def test_counts_are_those_of_brute_force():
    random = np.random.default_rng(3)
    latents = (random.normal(size=(3000, 6)) + 5).astype(np.float32)
    found = DataSupport.of(latents)
    points = latents[:50] + 0.1 * random.normal(size=(50, 6)).astype(np.float32)
    distance = np.linalg.norm(points[:, None].astype(float) - latents[None], axis=2)
    expected = np.where(
        found.ratio(points) <= found.bound, np.maximum((distance <= found.radius).sum(1), 1), 0
    )
    counts = found.count(points)
    assert np.abs(counts - expected).max() <= 1  # a particle just at the radius may round over
    assert (counts == expected).mean() > 0.9
    others = np.sort(np.linalg.norm(latents[:, None] - latents[None, :400], axis=2), axis=0)
    assert found.radius == pytest.approx(np.median(others[TYPICAL]), rel=0.05)


def test_many_particles_are_all_counted_though_spacings_are_of_a_sample():
    random = np.random.default_rng(0)
    latents = random.normal(size=(3 * MOST_REFERENCES, 3)).astype(np.float32)
    found = DataSupport.of(latents)
    assert len(found.reference) == MOST_REFERENCES
    near = np.linalg.norm(latents.astype(float), axis=1)
    assert found.count(np.zeros(3))[0] == pytest.approx((near <= found.radius).sum(), abs=2)
    assert found.typical == pytest.approx(3 * TYPICAL)


def test_copies_of_a_particle_and_few_particles_are_no_trouble():
    latents = np.repeat(np.random.default_rng(0).normal(size=(40, 4)), 30, axis=0)
    assert (support(latents, latents[:5]) > 0).all()
    assert support(latents, np.full((1, 4), 50.0)) == 0
    assert support(np.zeros((30, 2)), [[0.0, 0.0], [1.0, 0.0]]).tolist() == [30, 0]
    few = np.random.default_rng(0).normal(size=(5, 3))
    assert (support(few, few) > 0).sum() >= 4
    with pytest.raises(UserError, match="Train first"):
        support(np.full((20, 3), np.nan), few)
    with pytest.raises(UserError, match="made for another job"):
        support(latents, [[0.0, 0.0]])
