"""Cyclical annealing (Fu et al. 2019) and the decay of the learning rate."""

import numpy as np
import pytest

from napari_conformix.methods.opusdsd.annealing import annealing_weight, learning_rate_share


@pytest.mark.parametrize("cycles", [1, 2, 4, 7])
@pytest.mark.parametrize("rising", [0.25, 0.5, 1.0])
def test_weight_is_that_of_fu(cycles, rising):
    """As Fu et al. write it, with T steps: tau = mod(t - 1, T / M) / (T / M), beta = tau / R."""
    total = cycles * 40
    for step in range(1, total + 1):
        tau = ((step - 1) % (total // cycles)) / (total / cycles)
        beta = tau / rising if tau <= rising else 1.0
        weight = annealing_weight((step - 1) / total, cycles, rising)
        if abs(tau) > 1e-9:  # where a cycle begins, 0 or the 1 of the cycle before
            assert weight == pytest.approx(beta, abs=1e-9)
        else:
            assert min(weight, 1 - weight) < 1e-9


def test_weight_rises_from_nothing_and_ends_whole():
    assert annealing_weight(0.0) == 0
    assert annealing_weight(1.0) == annealing_weight(1.1) == 1  # more epochs than were planned
    assert annealing_weight(0.0, cycles=3, rising=0.0) == 1  # no annealing
    weights = np.array([annealing_weight(p, 4, 0.5) for p in np.linspace(0, 1, 20_001)])
    assert weights.min() == 0
    assert weights.max() == 1
    assert weights.mean() == pytest.approx(1 - 0.5 / 2, abs=1e-3)
    falls = np.diff(weights) < -0.5
    assert falls.sum() == 3
    assert (np.diff(weights)[~falls] >= 0).all()


@pytest.mark.parametrize(("cycles", "rising"), [(0, 0.5), (4, 1.5), (4, -0.1)])
def test_what_makes_no_sense_is_refused(cycles, rising):
    with pytest.raises(ValueError, match="from 0 to 1"):
        annealing_weight(0.5, cycles, rising)


def test_learning_rate_decays_by_a_twentieth_an_epoch():
    assert learning_rate_share(1) == 1
    assert learning_rate_share(2) == pytest.approx(0.95)
    assert learning_rate_share(21) == pytest.approx(0.95**20)
    assert learning_rate_share(9, decay=1.0) == 1
