"""What imaging conditions explain of latents: known answers, and how often chance misleads."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_conformix.analysis.checks import Condition, Invariance, imaged, invariance, together
from napari_conformix.analysis.checks.invariance import FEWEST_PARTICLES, SIGMAS, SLIGHT

DIMENSIONS = 6


class Seen:
    """How particles were imaged, and latents that are pure structure: three states and noise."""

    def __init__(self, count: int, seed: int = 0, groups: int = 1) -> None:
        self.random = random = np.random.default_rng(seed)
        self.rotation = Rotation.random(count, random_state=seed).as_matrix()
        self.shift = random.normal(0, 4, (count, 2))
        self.defocus = random.uniform(8000, 25000, count)
        self.group = random.integers(0, groups, count)
        self.structure = random.normal(size=(count, DIMENSIONS)) * np.linspace(1, 0.3, DIMENSIONS)
        self.structure[:, 0] += 3 * random.integers(0, 3, count)

    @property
    def conditions(self) -> list[Condition]:
        alone = imaged(self.rotation, self.shift, self.defocus, self.group)
        return [*alone, together(alone, self.rotation)]

    def judge(self, added: np.ndarray | float = 0.0) -> Invariance:
        return invariance(self.structure + added, self.conditions)


def axis(values: np.ndarray, k: int = 0) -> np.ndarray:
    """(n,) -> (n, DIMENSIONS): along one latent axis."""
    return np.outer(values, np.eye(DIMENSIONS)[k])


SIGNALS: dict[str, Callable[[Seen], np.ndarray]] = {
    "viewing direction": lambda s: 4 * np.sin(7 * s.rotation[:, 2, 2]),
    "in-plane angle": lambda s: (
        4 * np.cos(2 * np.arctan2(s.rotation[:, 2, 1], -s.rotation[:, 2, 0]))
    ),
    "shift": lambda s: 8 * (np.hypot(*s.shift.T) > 6),
    "defocus": lambda s: 4 * np.sin(s.defocus / 400),
    "optics group": lambda s: 5 * (s.group == 1),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_what_latents_are_made_of_is_named(name: str) -> None:
    """Each is no straight line: a linear regression on the plain values would not see it."""
    seen = Seen(1000, groups=2)
    found = seen.judge(axis(SIGNALS[name](seen)))
    assert found.level == "strong"
    assert found.worst.condition == name
    assert name in found.sentence()
    assert found.advice
    by_name = {e.condition: e for e in found.explained}
    added = np.var(SIGNALS[name](seen)) / (axis(SIGNALS[name](seen)) + seen.structure).var(0).sum()
    assert by_name[name].share == pytest.approx(added, rel=0.35)
    assert all(e.level == "none" for key, e in by_name.items() if key != name and "tog" not in key)
    assert found.explained[-1].share >= by_name[name].share


def test_what_only_direction_and_angle_tell_together_is_found() -> None:
    seen = Seen(2000)
    across = np.cross(seen.rotation[:, :, 2], [1.0, 0, 0])  # where the image's x lies about it
    turn = np.einsum("ni,ni->n", seen.rotation[:, :, 0], across)
    found = seen.judge(axis(8 * turn))
    assert found.level == "strong"
    assert found.worst.condition == found.explained[-1].condition
    assert "together explain" in found.sentence()


def test_latents_made_of_pose_alone_are_explained_in_full() -> None:
    seen = Seen(400)
    found = invariance(seen.rotation.reshape(-1, 9)[:, :6], seen.conditions)
    assert found.explained[-1].share > 0.98


def test_structure_raises_no_alarm() -> None:
    levels = [Seen(count, seed).judge().level for seed in range(8) for count in (200, 500)]
    assert levels.count("none") == len(levels)


def test_noise_that_depends_on_the_view_raises_no_alarm() -> None:
    """Seen end-on a motion cannot be told: the latents scatter more, about the same mean."""
    levels = []
    for seed in range(10):
        seen = Seen(500, seed)
        spread = 4 * seen.rotation[:, 2, 2] ** 4
        levels.append(seen.judge(axis(spread * seen.random.standard_t(4, 500))).level)
    assert levels.count("none") >= 9


def test_shares_by_chance_are_those_of_unrelated_conditions() -> None:
    """The baseline is what is found where nothing is: the same statistic on other particles."""
    found = [Seen(300, seed).judge().explained[0] for seed in range(16)]
    by_chance = np.array([e.chance for e in found])
    spread = np.array([e.spread for e in found])
    shares = np.array([e.share for e in found])
    assert np.mean(shares > by_chance + 2 * spread) <= 0.2
    assert not ((shares > by_chance + SIGMAS * spread) & (shares > SLIGHT)).any()


def test_a_single_component_that_follows_is_named() -> None:
    """Little of the whole, much of one axis."""
    seen = Seen(3000)
    found = seen.judge(axis(1.0 * seen.rotation[:, 2, 2], 4))
    worst = found.worst
    assert worst.condition == "viewing direction"
    assert worst.share < 0.1 < worst.component_share
    assert f"principal component {worst.component}" in found.sentence()


def test_few_particles_are_told_what_they_cannot_see() -> None:
    found = Seen(FEWEST_PARTICLES).judge()
    assert "could go unseen" in found.sentence()
    assert "could go unseen" not in Seen(4000).judge().sentence()
    few = Seen(FEWEST_PARTICLES - 1).judge()
    assert (few.level, few.advice) == ("unknown", "")
    assert "cannot be said" in few.sentence()


def test_latents_that_are_all_alike_or_missing() -> None:
    seen = Seen(600)
    assert invariance(np.ones((600, 3)), seen.conditions).level == "unknown"
    gaps = seen.structure.copy()
    gaps[::2] = np.nan
    found = invariance(gaps, seen.conditions)
    assert (found.particles, found.level) == (300, "none")


def test_what_is_the_same_for_all_particles_is_no_condition() -> None:
    seen = Seen(300)
    told = imaged(seen.rotation, np.zeros((300, 2)), np.full(300, 1e4), np.zeros(300))
    assert [c.name for c in told] == ["viewing direction", "in-plane angle"]
    assert all(np.isfinite(c.features).all() for c in told)


def test_many_particles_are_sampled() -> None:
    seen = Seen(10_300)
    found = seen.judge(axis(SIGNALS["defocus"](seen)))
    assert found.particles == 10_000
    assert found.worst.condition == "defocus"
