"""Is the motion real? On fields whose truth is known, with what could fool it."""

from typing import Any

import numpy as np
import pytest
from moving_method import molecule
from scipy.spatial.transform import Rotation
from scipy.stats import binom

from napari_conformix.analysis.motion import Verdict, imaging_conditions, judge, one_model
from napari_conformix.analysis.motion.confounders import confounding

PLACE = molecule(60)
BEND = np.maximum(PLACE[:, 0] - 5, 0) / 20


def modes(seed: int, count: int = 4) -> np.ndarray:
    """(count, p, 3) smooth fields of RMS 1 A: what a decoder makes of noise."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(0, 0.04, (count, 3))
    fields = np.sin(PLACE @ waves.T + rng.uniform(0, 6, count)).T[..., None]
    fields = fields * rng.normal(size=(count, 1, 3))
    return fields / np.sqrt(np.square(fields).sum(2).mean(1))[:, None, None]


def noise(rms: float, particles: int, seed: int, of_half: int) -> np.ndarray:
    """(v, p, 3) A of the modes that half `of_half` made up."""
    weights = np.random.default_rng([seed, of_half]).normal(0, 0.5, (particles, 4))
    return rms * np.einsum("vk,kpc->vpc", weights, modes(100 * seed + of_half))


def swinging(rms: float, particles: int, seed: int) -> np.ndarray:
    """(v, p, 3) A: the arm bends, RMS over molecule and particles `rms`."""
    angle = np.random.default_rng([seed, 9]).normal(size=particles)
    field = np.zeros((particles, len(PLACE), 3))
    field[:, :, 2] = angle[:, None] * BEND
    return rms * field / np.sqrt(np.square(field).sum(2).mean())


def whole(rms: float, particles: int, seed: int) -> np.ndarray:
    """(v, p, 3) A: the molecule is shifted and turned, as by errors of the poses."""
    rng = np.random.default_rng([seed, 11])
    turn = Rotation.from_rotvec(rng.normal(0, 0.03, (particles, 3))).as_matrix()
    field = np.einsum("vij,pj->vpi", turn, PLACE) - PLACE + rng.normal(0, 1, (particles, 1, 3))
    return rms * field / np.sqrt(np.square(field).sum(2).mean())


def rotations(particles: int, seed: int) -> np.ndarray:
    return Rotation.random(particles, random_state=seed).as_matrix()


def conditions(rotation: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, 13])
    count = len(rotation)
    return imaging_conditions(
        rotation,
        rng.normal(0, 4, (count, 2)),
        rng.uniform(8e3, 25e3, count),
        np.zeros(count, int),
    )


def verdict(common: np.ndarray, error: float, seed: int = 1, **more: Any) -> Verdict:
    count = len(common)
    halves = [common + noise(error, count, seed, half) for half in (1, 2)]
    return judge(halves[0], halves[1], PLACE, **more)


def test_a_swing_with_smaller_errors_is_motion() -> None:
    common = swinging(4.0, 300, 1)
    found = verdict(common, 0.8, conditions=conditions(rotations(300, 1)))
    assert (found.moves, found.level) == (True, "clear")
    assert found.sentence.startswith("Motion beyond its error")
    assert f"{found.shared_angstrom:.2f} A RMS" in found.sentence
    assert found.shared_angstrom == pytest.approx(4.0, rel=0.1)
    assert found.top_position[0] > 20  # in the arm
    assert 0.2 < found.moving_share < 0.5  # a third of the molecule is the arm
    assert found.p_value == pytest.approx(1 / 500)
    assert found.follows_imaging < 0.1
    assert found.warnings == ()


def test_the_figures_are_the_variances_of_motion_and_error() -> None:
    """C is that of the true motion, E twice that of either half's error."""
    common = swinging(3.0, 2000, 2)
    rng = np.random.default_rng(0)
    halves = [common + rng.normal(0, 1.0, common.shape) for _ in (1, 2)]  # sqrt(3) A a half
    found = judge(halves[0], halves[1], PLACE)
    assert found.shared_angstrom == pytest.approx(3.0, rel=0.05)
    assert found.error_angstrom == pytest.approx(np.sqrt(6.0), rel=0.05)


def test_nothing_moves_and_either_half_makes_up_its_own() -> None:
    found = verdict(np.zeros((300, 60, 3)), 1.0)
    assert (found.moves, found.level) == (False, "none")
    assert found.sentence.startswith("No motion beyond its error")
    assert found.moving_share == 0


def test_correcting_the_poses_is_not_motion() -> None:
    """Shared by both halves and larger than its error, but of the whole molecule."""
    found = verdict(whole(2.0, 300, 1), 0.3)
    assert not found.moves
    assert any("as a whole" in warning for warning in found.warnings)
    assert found.whole_shared_angstrom == pytest.approx(2.0, rel=0.2)


def test_motion_is_seen_through_errors_of_the_poses() -> None:
    found = verdict(swinging(3.0, 300, 1) + whole(6.0, 300, 1), 0.5)
    assert found.moves
    assert found.shared_angstrom == pytest.approx(3.0, rel=0.15)
    assert any("as a whole" in warning for warning in found.warnings)


def test_noise_that_both_encoders_fit_alike_is_not_motion() -> None:
    """A correlation of a third by the noise of the images: chance does not explain it."""
    same = noise(0.7, 300, 5, 3)
    found = verdict(same, 1.0)
    assert found.p_value < 0.01
    assert (found.moves, found.level) == (False, "weak")
    assert "more than by chance" in found.sentence


def test_a_small_part_that_moves_is_found_among_larger_errors_elsewhere() -> None:
    """Over the molecule the error is larger; in the moving part it is not."""
    count = 300
    part = np.zeros((count, 60, 3))
    near = np.linalg.norm(PLACE - PLACE[45], axis=1).argsort()[:10]
    part[:, near, 1] = np.random.default_rng(3).normal(0, 4, count)[:, None]
    rng = np.random.default_rng(4)
    error = np.ones(60)
    error[near] = 0.3
    error[:40] = 2.0
    halves = [part + rng.normal(0, 1, part.shape) * error[:, None] for _ in (1, 2)]
    found = judge(halves[0], halves[1], PLACE)
    assert found.shared_angstrom < found.error_angstrom
    assert found.moves
    assert np.linalg.norm(np.subtract(found.top_position, PLACE[45])) < 15


@pytest.mark.parametrize("what", ["view", "defocus", "group"])
def test_an_artefact_of_the_imaging_is_named(what: str) -> None:
    """Both halves bend the arm by what they see of the view, not by a conformation."""
    count = 500
    rotation = rotations(count, 3)
    defocus = np.random.default_rng(5).uniform(8e3, 25e3, count)
    group = np.random.default_rng(6).integers(0, 2, count)
    by = {
        "view": rotation[:, 0, 2] * rotation[:, 2, 2],
        "defocus": (defocus - defocus.mean()) / defocus.std(),
        "group": group - 0.5,
    }[what]
    field = np.zeros((count, 60, 3))
    field[:, :, 2] = by[:, None] * BEND
    field *= 3.0 / np.sqrt(np.square(field).sum(2).mean())
    told = imaging_conditions(rotation, np.zeros((count, 2)), defocus, group)
    found = verdict(field, 1.0, conditions=told)
    assert (found.moves, found.level) == (False, "artefact")
    assert found.follows_imaging > 0.8
    assert found.follows_by_chance < 0.1
    assert verdict(field, 1.0).moves  # without knowing how they were imaged it is fooled


def test_motion_beside_an_artefact_is_still_motion_with_a_warning() -> None:
    count = 500
    rotation = rotations(count, 3)
    artefact = np.zeros((count, 60, 3))
    artefact[:, :, 2] = 6 * rotation[:, 2, 2, None] * BEND
    found = verdict(artefact + swinging(2.0, count, 4), 0.5, conditions=conditions(rotation))
    assert found.moves
    assert any("viewing direction" in warning for warning in found.warnings)


def test_a_motion_seen_better_from_some_sides_is_no_artefact() -> None:
    """What is found of a motion along the line of sight is smaller: a fact of imaging."""
    count = 500
    rotation = rotations(count, 7)
    seen = 1 - rotation[:, 2, 2] ** 2
    found = verdict(
        swinging(4.0, count, 6) * seen[:, None, None], 0.6, conditions=conditions(rotation)
    )
    assert found.moves
    assert found.follows_imaging < 0.1


def test_few_particles_are_not_judged_and_some_with_a_warning() -> None:
    assert verdict(swinging(4.0, 19, 1), 0.5).level == "unknown"
    some = verdict(swinging(4.0, 50, 1), 0.5)
    assert some.moves
    assert any("Only 50 particles" in warning for warning in some.warnings)


def test_a_model_that_moves_nothing_yet() -> None:
    nothing = np.zeros((50, 60, 3), np.float32)
    found = judge(nothing, nothing, PLACE, conditions(rotations(50, 1)))
    assert (found.moves, found.level) == (False, "none")
    assert "hardly displace anything yet" in found.advice
    assert "hardly" not in verdict(np.zeros((50, 60, 3)), 1.0).advice


def test_a_perfect_but_invisible_motion_is_none() -> None:
    assert verdict(swinging(0.02, 300, 1), 0.001).level == "none"


def test_one_model_cannot_be_judged() -> None:
    found = one_model("A method")
    assert (found.moves, found.level) == (False, "unknown")
    assert "A method trains one model" in found.sentence


def test_without_motion_p_is_uniform_and_nothing_is_believed() -> None:
    """Of 60 runs without motion, 5 % fall below 0.05 (within what chance allows), none moves."""
    found = [verdict(np.zeros((40, 60, 3)), 1.0, seed=seed) for seed in range(60)]
    low = sum(v.p_value < 0.05 for v in found)
    assert low <= binom.ppf(0.999, 60, 0.05)
    least, most = binom.interval(0.999, 60, 0.5)
    assert least <= sum(v.p_value < 0.5 for v in found) <= most
    assert not any(v.moves for v in found)


def test_an_error_as_large_as_the_motion_is_never_called_clear_by_much() -> None:
    """On the border the words go by the figures: moves if and only if C > E there."""
    levels = {}
    for error in (0.3, 0.9, 3.0):  # of either half; E is twice its square
        found = verdict(swinging(1.0, 400, 8), error, seed=8)
        larger = found.shared_angstrom > found.error_angstrom or found.moving_share >= 0.02
        assert found.moves == larger
        levels[error] = found.level
    assert levels[0.3] == "clear"
    assert levels[3.0] != "clear"


# -- the regression behind it ---------------------------------------------------------------------


def test_what_is_predicted_is_judged_on_particles_that_were_not_fitted() -> None:
    """More features than particles: a fit would explain all, a prediction nothing."""
    common = swinging(3.0, 80, 2)
    random = np.random.default_rng(0).normal(size=(80, 200))
    found = confounding(common, common, random)
    assert found.share < 0.15
    exact = np.concatenate([common[:, -1, 2:], random[:, :3]], axis=1)
    assert confounding(common, common, exact).share > 0.95


def test_conditions_are_standardised_and_constants_harmless() -> None:
    rotation = rotations(200, 1)
    told = imaging_conditions(rotation, np.zeros((200, 2)), np.full(200, 1e4), np.arange(200) % 3)
    assert np.isfinite(told).all()
    spread = told.std(axis=0)
    assert np.allclose(spread[spread > 0], 1)
    assert (spread == 0).sum() == 5 + 2  # powers of shift and defocus
