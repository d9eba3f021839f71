"""Deformations and their errors, against a method whose fields are known in closed form."""

import numpy as np
import pytest
from moving_method import Moving, MovingWhole, molecule, particles
from scipy.spatial.transform import Rotation

from napari_conformix.analysis.motion import Deformation, Fields, resting_core, well_spread
from napari_conformix.analysis.motion.superposition import shape_change
from napari_conformix.errors import NotSupportedError, UserError


def deformation(half1: np.ndarray, half2: np.ndarray | None, **more: object) -> Deformation:
    positions = molecule(len(half1)).astype(np.float32)
    error = None if half2 is None else np.linalg.norm(half1 - half2, axis=1)
    source = "none" if half2 is None else "both halves"
    return Deformation(positions, half1, half2, 1, "Particle 5", error, source, **more)


# -- one deformation ------------------------------------------------------------------------------


def test_amounts_are_those_of_the_mean_of_the_halves() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 2, (2, 40, 3))
    made = deformation(first, second)
    mean = (first + second) / 2
    np.testing.assert_allclose(made.displacement, mean, rtol=1e-6)
    assert made.rms_displacement == pytest.approx(np.sqrt((mean**2).sum(1).mean()), rel=1e-6)
    assert made.rms_error == pytest.approx(np.sqrt(((first - second) ** 2).sum(1).mean()))


def test_halves_that_know_nothing_of_each_other_have_a_ratio_of_a_half() -> None:
    rng = np.random.default_rng(1)
    made = deformation(*rng.normal(0, 3, (2, 5000, 3)))
    assert made.ratio == pytest.approx(0.5, rel=0.03)
    assert made.exceeds_error is False
    assert "does not exceed its error" in made.sentence()


def test_a_ratio_of_one_is_a_cosine_of_six_tenths() -> None:
    rng = np.random.default_rng(2)
    common, one, other = rng.normal(0, 1, (3, 20_000, 3))
    cosine = 0.6
    first, second = (
        np.sqrt(cosine) * common + np.sqrt(1 - cosine) * noise for noise in (one, other)
    )
    assert deformation(first, second).ratio == pytest.approx(1.0, rel=0.02)


def test_the_sentence_has_the_numbers_and_the_guarded_words() -> None:
    arm = np.zeros((60, 3))
    arm[40:, 2] = 6.0
    clear = deformation(arm, arm + np.array([0.3, 0, 0])).sentence()
    assert "3.5 A RMS" in clear
    assert "differ by 0.3 A RMS" in clear
    assert "exceeds its error (11." in clear
    hardly = deformation(arm * 1.25, arm * 0.75 + np.array([2.0, 0, 0])).sentence()
    assert "hardly larger than its error" in hardly
    alone = deformation(arm, None)
    assert alone.exceeds_error is None
    assert alone.ratio is None
    assert "error is not known" in alone.sentence()


def test_a_shift_of_everything_is_said_to_be_no_change_of_shape() -> None:
    shift = np.full((60, 3), 1.0)
    made = deformation(shift, shift + 0.01)
    assert made.rms_shape_change == pytest.approx(0.0, abs=1e-5)
    assert "whole molecule shifting or turning" in made.sentence()
    arm = np.zeros((60, 3))
    arm[40:] = [0, 0, 6.0]
    assert "whole molecule" not in deformation(arm, arm + 0.01).sentence()


def test_without_any_field_there_is_no_deformation() -> None:
    with pytest.raises(ValueError, match="needs a field"):
        Deformation(np.zeros((3, 3), np.float32), None, None, 1, "nothing")


def test_thinned_keeps_what_belongs_together() -> None:
    rng = np.random.default_rng(3)
    made = deformation(*rng.normal(0, 2, (2, 60, 3)), systematic=rng.random(60))
    few = made.thinned(12)
    rows = [int(np.flatnonzero((made.positions == p).all(1))[0]) for p in few.positions]
    assert len(set(rows)) == 12
    np.testing.assert_array_equal(few.displacement, made.displacement[rows])
    assert few.error is not None
    assert made.error is not None
    np.testing.assert_array_equal(few.error, made.error[rows])
    assert made.systematic is not None
    np.testing.assert_array_equal(few.systematic, made.systematic[rows])
    assert made.thinned(60) is made


def test_more_arrows_keep_those_that_were_there_and_spread() -> None:
    points = np.random.default_rng(4).normal(size=(500, 3))
    many = well_spread(points, 100)
    np.testing.assert_array_equal(well_spread(points, 30), many[:30])

    def nearest(rows: np.ndarray) -> float:
        gaps = np.linalg.norm(points[rows][:, None] - points[rows][None], axis=2)
        return float(gaps[gaps > 0].min())

    assert nearest(many[:30]) > 2 * nearest(np.arange(30))
    assert sorted(well_spread(points[:5], 50)) == [0, 1, 2, 3, 4]


# -- superposition --------------------------------------------------------------------------------


def test_turning_and_shifting_everything_changes_no_shape() -> None:
    place = molecule(50)
    turn = Rotation.random(7, random_state=0)
    fields = np.stack([place @ m.T + [3, -2, 5] - place for m in turn.as_matrix()])
    assert np.abs(shape_change(fields, place)).max() < 1e-9


def test_superposition_is_that_of_scipy() -> None:
    rng = np.random.default_rng(5)
    place = molecule(50)
    moved = place @ Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix().T
    moved += rng.normal(0, 2, moved.shape)
    moved = moved - moved.mean(0)
    centred = place - place.mean(0)
    best, _ = Rotation.align_vectors(centred, moved)
    np.testing.assert_allclose(shape_change(moved - place, place), best.apply(moved) - centred)


def test_a_mirror_image_is_not_reached_by_turning() -> None:
    place = molecule(50)
    mirrored = place * [1, 1, -1]
    assert np.sqrt(np.square(shape_change(mirrored - place, place)).sum(1).mean()) > 5


def test_superposed_on_the_resting_half_the_arm_alone_moves() -> None:
    place = molecule(60)
    rng = np.random.default_rng(6)
    fields = []
    for angle in rng.uniform(-40, 40, 30):
        swung = place.copy()
        swung[40:] = Rotation.from_euler("y", angle, degrees=True).apply(place[40:])
        error = Rotation.from_rotvec(np.radians(rng.normal(0, 2, 3)))  # of the pose
        fields.append(error.apply(swung) + rng.normal(0, 2, 3) - place)
    core = resting_core(np.stack(fields), place)
    assert len(core) == 30
    assert core.max() < 40
    left = shape_change(np.stack(fields), place, core)
    assert np.abs(left[:, :40]).max() < 1e-9
    assert np.square(left[:, 40:]).mean() > 10


# -- fields of a method ---------------------------------------------------------------------------


def test_a_held_out_particle_has_both_fields_at_either_consensus() -> None:
    method = Moving(offset=0.4)
    table, _ = particles(method)
    fields = Fields(method, table)
    for at in (1, 2):
        made = fields.of_particle(15, at)
        np.testing.assert_allclose(made.positions, method.places[at], rtol=1e-6)
        assert table.mean_half1 is not None
        assert table.mean_half2 is not None
        for half, latent in ((1, table.mean_half1[3]), (2, table.mean_half2[3])):
            state = latent @ method.mixing[half]
            expected = method.field(state[None], method.places[at], half)[0]
            np.testing.assert_allclose(getattr(made, f"half{half}"), expected, atol=1e-4)
        assert made.error_source == "both halves"
        assert made.systematic is not None
        # the offsets of +-0.4 A, and what is left of the noise in a mean over 40 particles
        assert 0.8 <= made.systematic.mean() < 1.3


def test_the_error_of_other_particles_is_that_of_held_out_ones_near_it() -> None:
    method = Moving(offset=0.4)
    table, _ = particles(method, count=3000, noise=0.5)
    fields = Fields(method, table)
    made = fields.of_particle(11, 1)
    assert (made.half1 is None, made.half2 is None) == (True, False)
    assert made.error_source == "held-out neighbours"
    # differences: 0.8 A along x; twice 0.5^2 A^2 along y, and times bend^2 along z
    bend = np.maximum(method.places[1][:, 0] - 5, 0) / 20
    expected = np.sqrt(0.8**2 + 2 * 0.25 * (1 + bend**2))
    assert made.error is not None
    assert np.sqrt(np.mean(made.error**2)) == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.35)


def test_between_two_particles_what_all_share_cancels() -> None:
    method = Moving(offset=0.4)
    table, _ = particles(method, noise=0.0)
    fields = Fields(method, table)
    made = fields.between(fields.latents_of(10), fields.latents_of(35), 1, "10 to 35")
    assert made.rms_error == pytest.approx(0.0, abs=1e-4)
    expected = fields.of_particle(35).displacement - fields.of_particle(10).displacement
    np.testing.assert_allclose(made.displacement, expected, atol=1e-4)


@pytest.mark.parametrize("pair", [(11, 15), (11, 13), (11, 12)])
def test_between_particles_of_any_halves_it_is_the_difference_of_their_states(
    pair: tuple[int, int],
) -> None:
    method = Moving(offset=0.4)
    table, state = particles(method, noise=0.0)
    fields = Fields(method, table)
    made = fields.between(*(fields.latents_of(row) for row in pair), 1, "a pair")
    truth = method.field(state[[*pair]], method.places[1])
    np.testing.assert_allclose(made.displacement, truth[1] - truth[0], atol=1e-3)
    shared = made.begins - method.places[1] - truth[0]  # the offset of the halves that know it
    assert np.abs(shared[:, 0]).max() < 0.41
    np.testing.assert_allclose(shared[:, 1:], 0, atol=1e-3)
    assert made.error_source == "held-out neighbours"
    assert made.rms_error == pytest.approx(0.0, abs=1e-3)


def test_arrows_between_particles_end_where_the_second_is() -> None:
    """Held out and trained: of the two models that know the first, one knows the second."""
    method = Moving(offset=0.4)
    table, _ = particles(method)
    fields = Fields(method, table)
    for trained, half in ((12, 1), (11, 2)):
        made = fields.between(fields.latents_of(10), fields.latents_of(trained), 1, "a pair")
        end = fields.evaluate(table.mean[[trained]], made.positions, half)[0]
        np.testing.assert_allclose(made.begins + made.displacement, made.positions + end, atol=1e-4)


def test_a_path_that_comes_back_is_shown_to_its_farthest_point() -> None:
    method = Moving()
    table, _ = particles(method)
    states = np.zeros((5, 3))
    states[:, 0] = [0, 3, 6, 2, 0]
    made = Fields(method, table).along(method.latent(states, 2), 2)
    expected = method.field(states[2:3], method.places[2])[0]
    np.testing.assert_allclose(made.displacement, expected, atol=1e-4)
    assert "(3 of 5)" in made.label
    with pytest.raises(UserError, match="two points"):
        Fields(method, table).along(method.latent(states[:1], 2), 2)


def test_one_model_gives_a_field_without_an_error() -> None:
    method = MovingWhole()
    table, state = particles(method)
    made = Fields(method, table).of_particle(7)
    np.testing.assert_allclose(
        made.displacement, method.field(state[7:8], method.places[0])[0], atol=1e-4
    )
    assert (made.error, made.exceeds_error, made.systematic) == (None, None, None)


def test_wrong_questions_are_answered_in_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    method = Moving()
    fields = Fields(method, particles(method)[0])
    with pytest.raises(UserError, match="no particle 200; rows go from 0 to 199"):
        fields.of_particle(200)
    with pytest.raises(UserError, match="no half 3"):
        fields.of_particle(3, at=3)
    monkeypatch.setattr(method, "consensus_positions", lambda half: None)
    with pytest.raises(NotSupportedError, match="no positions"):
        Fields(method, fields.table).of_particle(3)
