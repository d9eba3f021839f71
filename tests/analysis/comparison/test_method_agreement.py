"""How alike two methods place particles, against figures that follow from how they were made."""

from itertools import combinations

import numpy as np
import pytest

from napari_conformix.analysis.comparison import group_agreement, method_agreement
from napari_conformix.analysis.comparison.agreement import canonical, told

_COUNT = 3000


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_a_linear_relation_tells_what_is_not_noise(
    random: np.random.Generator, noise: float
) -> None:
    source = random.normal(size=(_COUNT, 3)) * [5.0, 1.0, 0.1]
    slope = random.normal(size=(3, 2))
    signal = source / source.std(axis=0) @ slope
    target = signal + noise * random.normal(size=signal.shape)
    expected = signal.var(axis=0).sum() / target.var(axis=0).sum()
    found = told(source, target, random)
    assert found.share == pytest.approx(expected, abs=0.02)
    assert found.error < 0.03
    assert abs(found.chance) < 0.01
    assert found.beyond_chance


def test_a_bent_relation_is_found_and_only_one_way(random: np.random.Generator) -> None:
    source = random.uniform(-2, 2, size=(_COUNT, 1))
    target = source**2 + 0.1 * random.normal(size=source.shape)
    assert told(source, target, random).share > 0.95
    back = told(target, source, random)
    assert not back.beyond_chance, "a square does not tell the sign"


def test_unrelated_positions_tell_nothing_of_each_other() -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        first, second = random.normal(size=(2, 400, 6))
        found = method_agreement(first, second, random.normal(size=(400, 3)), seed=seed)
        assert found is not None
        assert found.level == "none"
        assert found.axes.shared == 0
        assert "No sign that the two order the particles alike" in " ".join(found.lines("A", "B"))


def test_canonical_correlations_whatever_the_axes(random: np.random.Generator) -> None:
    expected = [0.9, 0.5]
    first = random.normal(size=(_COUNT, 4))
    second = random.normal(size=(_COUNT, 3))
    for axis, rho in enumerate(expected):
        second[:, axis] = rho * first[:, axis] + np.sqrt(1 - rho**2) * second[:, axis]
    found = canonical(
        first @ random.normal(size=(4, 4)) + 7, second @ random.normal(size=(3, 3)) * 100, random
    )
    np.testing.assert_allclose(found.correlation[:2], expected, atol=0.04)
    assert found.shared == 2
    assert found.chance < 0.1


def test_a_constant_axis_is_no_axis(random: np.random.Generator) -> None:
    first = random.normal(size=(500, 3))
    second = np.hstack([first[:, :1], np.full((500, 2), 4.0)])
    found = method_agreement(first, second)
    assert found is not None
    assert found.this_from_other.share == pytest.approx(1 / 3, abs=0.05)
    assert found.other_from_this.share > 0.99
    assert found.axes.correlation[0] > 0.99


def test_agreement_that_follows_the_view_is_not_praised(random: np.random.Generator) -> None:
    direction = random.normal(size=(_COUNT, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    first = direction + 0.1 * random.normal(size=(_COUNT, 3))
    second = direction[:, ::-1] ** 3 + 0.1 * random.normal(size=(_COUNT, 3))
    found = method_agreement(first, second, direction)
    assert found is not None
    assert found.level == "largely"
    assert "both follow the viewing direction" in found.conclusion()
    other = method_agreement(first, second, random.permutation(direction))
    assert other is not None
    assert "largely alike" in other.conclusion()


def test_few_particles_and_missing_positions(random: np.random.Generator) -> None:
    first = random.normal(size=(300, 2))
    assert method_agreement(first[:99], first[:99]) is None
    holes = first.copy()
    holes[150:, 1] = np.nan
    found = method_agreement(first, holes)
    assert found is not None
    assert found.particles == 150
    holes[90:] = np.nan
    assert method_agreement(first, holes) is None


def test_adjusted_rand_index_against_counting_pairs(random: np.random.Generator) -> None:
    first, second = random.integers(0, 4, 60), random.integers(-1, 3, 60)
    kept = second >= 0
    pairs = list(combinations(np.flatnonzero(kept), 2))
    same = np.array([(first[i] == first[j], second[i] == second[j]) for i, j in pairs])
    together, expected = (same.all(axis=1)).sum(), same[:, 0].sum() * same[:, 1].sum() / len(pairs)
    index = (together - expected) / (same.sum(axis=0).mean() - expected)
    found = group_agreement(first, second, ("a", "b"))
    assert found is not None
    assert found.adjusted_rand == pytest.approx(index)
    assert found.particles == kept.sum()
    assert found.chance >= 0
    alike = group_agreement(first, 3 - first, ("a", "b"))
    assert alike is not None
    assert alike.adjusted_rand == pytest.approx(1.0)
    assert group_agreement(first, np.full(60, -1), ("a", "b")) is None
