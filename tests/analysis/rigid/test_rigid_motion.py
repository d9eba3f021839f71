"""Rigid fits against maps made of atoms that were moved by a known rotation and shift."""

import json
import math

import numpy as np
import pytest
import torch
from point_atoms import Atoms
from scipy.spatial.transform import Rotation
from two_bodies import B_FACTOR, BOX, DOMAIN, PIXEL, REST, centre_of, density, mask_of, moved

from napari_conformix.analysis.rigid import RigidFitter, RigidMotion
from napari_conformix.analysis.rigid.motion import fit_rigid_motion
from napari_conformix.analysis.rigid.refinement import Domain, SplineMap, fit_at
from napari_conformix.analysis.rigid.search import Placement, grid_positions, rotations_within
from napari_conformix.errors import UserError
from napari_conformix.imaging import low_pass

CONSENSUS = density(REST, DOMAIN)
MASK = mask_of(DOMAIN)
CENTRE = centre_of(DOMAIN)


@pytest.fixture(scope="module")
def fitter() -> RigidFitter:
    return RigidFitter(CONSENSUS, MASK, PIXEL, max_rotation_degrees=50)


def hinged(degrees: float, axis, shift=(0.0, 0.0, 0.0)):
    """A turn of the domain about the place where it meets the rest, then a shift: matrix, shift."""
    hinge = 0.5 * (CENTRE + centre_of(REST))
    unit = np.asarray(axis) / np.linalg.norm(axis)
    matrix = Rotation.from_rotvec(np.deg2rad(degrees) * unit).as_matrix()
    return matrix, hinge - matrix @ hinge + shift


def angle_between(matrix, other) -> float:
    return float(np.rad2deg(Rotation.from_matrix(matrix @ np.transpose(other)).magnitude()))


def centre_error(motion: RigidMotion, matrix, shift) -> float:
    found = motion.matrix @ CENTRE + motion.shift_angstrom
    return float(np.linalg.norm(found - (matrix @ CENTRE + shift)))


def with_noise(volume, sigma: float, seed: int):
    """White noise of a standard deviation relative to the domain's density within its mask."""
    signal = (density(DOMAIN) * MASK)[MASK > 0.5].std()
    return volume + sigma * signal * np.random.default_rng(seed).standard_normal(volume.shape)


def test_random_motions_are_found_to_a_fraction_of_a_degree(fitter) -> None:
    """Turns up to 45 degrees about any axis, with shifts; the worst of them counts."""
    rng = np.random.default_rng(5)
    turns, centres = [], []
    for _ in range(5):
        matrix, shift = hinged(rng.uniform(5, 45), rng.normal(size=3), rng.uniform(-4, 4, 3))
        motion = fitter.fit(density(REST, moved(DOMAIN, matrix, shift)))
        assert motion.found, motion.reason
        assert motion.correlation > 0.95
        assert motion.correlation > motion.correlation_before
        turns.append(angle_between(motion.matrix, matrix))
        centres.append(centre_error(motion, matrix, shift))
    assert max(turns) < 0.7
    assert max(centres) < 0.25


@pytest.mark.parametrize(("axis", "name"), [(0, "x"), (1, "y"), (2, "z")])
def test_the_sign_of_the_turn_is_right_handed_about_xyz(fitter, axis, name) -> None:
    matrix, shift = hinged(25, np.eye(3)[axis])
    motion = fitter.fit(density(REST, moved(DOMAIN, matrix, shift)))
    assert motion.rotation_degrees == pytest.approx(25, abs=0.5)
    assert motion.axis @ np.eye(3)[axis] > 0.999


def test_a_pure_shift_keeps_its_direction(fitter) -> None:
    shift = np.array([9.0, 4.0, -2.0])
    motion = fitter.fit(density(REST, moved(DOMAIN, np.eye(3), shift)))
    assert motion.translation == pytest.approx(shift, abs=0.2)
    assert motion.translation_angstrom == pytest.approx(np.linalg.norm(shift), abs=0.2)
    assert motion.rotation_degrees < 0.5


def test_a_domain_at_rest_does_not_move(fitter) -> None:
    motion = fitter.fit(3.0 * CONSENSUS + 0.7)  # other grey values change nothing
    assert motion.rotation_degrees < 0.01
    assert motion.translation_angstrom < 0.01
    assert motion.correlation == pytest.approx(1, abs=1e-4)
    assert motion.density == pytest.approx(1, abs=0.02)


def test_grey_scale_and_offset_change_no_motion(fitter) -> None:
    matrix, shift = hinged(20, (1, 1, 0))
    volume = density(REST, moved(DOMAIN, matrix, shift))
    plain, other = fitter.fit(volume), fitter.fit(0.2 * volume - 5.0)
    assert angle_between(plain.matrix, other.matrix) < 0.01
    assert other.density == pytest.approx(plain.density, abs=0.01)


def test_a_missing_domain_is_said_to_be_missing(fitter) -> None:
    motion = fitter.fit(density(REST))
    assert not motion.found
    assert not motion.moves
    assert "missing in this class" in motion.reason
    assert motion.density < 0.2


def test_half_a_domain_has_half_the_density(fitter) -> None:
    """As in a class in which half of the particles have it."""
    motion = fitter.fit(density(REST) + 0.5 * density(DOMAIN))
    assert motion.found
    assert motion.density == pytest.approx(0.5, abs=0.05)


def test_another_part_that_is_missing_does_not_change_the_density() -> None:
    """The grey scale is that of what is left of the rest."""
    third = moved(DOMAIN, np.eye(3), np.array([-45.0, -5.0, 30.0]))
    consensus = density(REST, DOMAIN, third)
    motion = fit_rigid_motion(density(REST, DOMAIN), consensus, MASK, PIXEL)
    assert motion.density == pytest.approx(1, abs=0.1)


def test_a_mask_around_most_of_the_molecule_keeps_its_density_when_the_little_rest_is_missing() -> (
    None
):
    motion = fit_rigid_motion(density(REST), CONSENSUS, mask_of(REST), PIXEL)
    assert motion.found
    assert motion.density == pytest.approx(1, abs=0.1)
    assert motion.rotation_degrees < 1


@pytest.mark.parametrize("seed", [13, 15, 16])
def test_what_is_bound_to_the_domain_at_a_slant_does_not_turn_it(seed) -> None:
    """At a low resolution the long domain fits best where the sum of both is longest."""
    long = stretched(Atoms.random(150, 32.0, B_FACTOR, seed), (1, 0.55, 0.55))
    slant = Rotation.from_euler("z", 50, degrees=True).as_matrix()
    bound = stretched(Atoms.random(60, 32.0, B_FACTOR, seed + 100), (1, 0.4, 0.4))
    bound = Atoms(bound.xyz @ slant.T, 2 * bound.weights, B_FACTOR)
    motion = fit_rigid_motion(density(long, bound), density(long), mask_of(long), PIXEL)
    assert motion.correlation >= motion.correlation_before
    assert motion.rotation_degrees < 10


def stretched(atoms: Atoms, factors) -> Atoms:
    return Atoms(atoms.xyz * np.asarray(factors), atoms.weights, B_FACTOR)


def test_noise_makes_no_missing_domain_appear(fitter) -> None:
    for seed in range(2):
        assert not fitter.fit(with_noise(density(REST), 1.0, seed)).found


def test_the_motion_is_relative_to_the_fixed_part() -> None:
    """The class as a whole is turned and shifted as well, as maps in another frame are."""
    matrix, shift = hinged(22, (0.3, -1, 0.5), (2.0, 0.0, -1.0))
    whole = Rotation.from_rotvec(np.deg2rad([3.0, -2.0, 4.0])).as_matrix()
    drift = np.array([3.0, -2.0, 1.5])
    volume = density(moved(REST, whole, drift), moved(moved(DOMAIN, matrix, shift), whole, drift))
    fitter = RigidFitter(CONSENSUS, MASK, PIXEL, fixed=mask_of(REST), max_rotation_degrees=35)
    free = fit_rigid_motion(volume, CONSENSUS, MASK, PIXEL, max_rotation_degrees=35)
    motion, still = fitter.fit(volume), fitter.fit(CONSENSUS)
    assert still.rotation_degrees < 0.01
    assert still.translation_angstrom < 0.01
    assert angle_between(motion.matrix, matrix) < 0.7
    assert centre_error(motion, matrix, shift) < 0.3
    assert angle_between(free.matrix, whole @ matrix) < 1.0  # that of the frame of the maps
    assert angle_between(free.matrix, matrix) > 3.0


def test_errors_are_as_large_as_the_scatter() -> None:
    """Fits of noisy maps scatter about the truth by what they are said to."""
    matrix, shift = hinged(18, (1, -0.4, 0.2))
    fitter = RigidFitter(CONSENSUS, MASK, PIXEL, max_rotation_degrees=20)
    clean = density(REST, moved(DOMAIN, matrix, shift))
    off, said = [], {"half maps and misfit": [], "misfit": []}
    for seed in range(5):
        halves = [with_noise(clean, 1.4, 2 * seed + k) for k in range(2)]
        for given in (halves, None):
            motion = fitter.fit(0.5 * (halves[0] + halves[1]), given)
            errors = (motion.rotation_error_degrees, motion.translation_error_angstrom)
            said[motion.error_from].append(errors)
        off.append((angle_between(motion.matrix, matrix), centre_error(motion, matrix, shift)))
    for source, errors in said.items():
        assert len(errors) == len(off)
        ratio = np.sqrt(np.mean(np.square(off), axis=0) / np.mean(np.square(errors), axis=0))
        assert (ratio > 0.5).all(), (source, ratio)
        assert (ratio < 2.0).all(), (source, ratio)


def test_a_resting_domain_in_noise_is_within_its_error(fitter) -> None:
    halves = [with_noise(CONSENSUS, 1.4, k) for k in (50, 51)]
    motion = fitter.fit(0.5 * (halves[0] + halves[1]), halves)
    assert motion.found
    assert motion.rotation_degrees < 5 * max(motion.rotation_error_degrees, 0.2)


def test_screw_of_a_turn_about_a_hinge(fitter) -> None:
    """A hinge moves the centre, but nothing along its axis; a shift along the axis is told."""
    matrix, shift = hinged(30, (0, 0, 1), (0.0, 0.0, 3.0))
    motion = fitter.fit(density(REST, moved(DOMAIN, matrix, shift)))
    assert motion.along_axis_angstrom == pytest.approx(3.0, abs=0.3)
    moves = np.linalg.norm(matrix @ CENTRE + shift - CENTRE)
    assert motion.translation_angstrom == pytest.approx(moves, abs=0.3)


def test_derivatives_are_those_of_finite_differences() -> None:
    smooth = low_pass(torch.from_numpy(CONSENSUS), PIXEL, 5 * PIXEL).numpy()
    volume = SplineMap(smooth, PIXEL)
    inside = np.argwhere(MASK > 0.5)
    xyz = (inside[:, ::-1] - BOX // 2) * PIXEL
    domain = Domain(xyz.astype(float), smooth[tuple(inside.T)], CENTRE, PIXEL**3)
    start = Placement.rest(CENTRE).turned([0.2, -0.1, 0.3], [2.0, -1.0, 3.0])
    here = fit_at(domain, volume, start)
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-4 if k < 3 else 1e-3
        ahead, behind = (
            fit_at(domain, volume, start.turned(s * step[:3], s * step[3:])).residual
            for s in (1, -1)
        )
        numeric = (ahead - behind) / (2 * step[k])
        scale = np.abs(numeric).max()
        # splines of the derivative and derivatives of the spline differ a little
        assert np.abs(numeric - here.jacobian[:, k]).max() < 0.02 * scale


def test_a_placement_turns_about_its_centre() -> None:
    placement = Placement.rest(CENTRE).turned([0, 0, np.pi / 2], [1.0, 2.0, 3.0])
    assert placement(CENTRE) == pytest.approx(CENTRE + np.array([1, 2, 3]))
    assert placement(CENTRE + np.eye(3)[0]) == pytest.approx(CENTRE + np.array([1, 3, 3]))


def test_searched_rotations_are_dense_and_within_the_limit() -> None:
    """Every rotation up to 50 degrees is within a step of one of the grid."""
    grid = rotations_within(50, 15)
    angles = np.rad2deg(Rotation.from_matrix(grid).magnitude())
    assert angles.max() <= 50 + 1e-6
    assert angles[0] == pytest.approx(0)
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(200, 3))
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    asked = Rotation.from_rotvec(np.deg2rad(rng.uniform(0, 50, (200, 1)) * unit))
    apart = [(asked * Rotation.from_matrix(one).inv()).magnitude() for one in grid]
    assert np.rad2deg(np.min(apart, axis=0).max()) < 15


def test_positions_are_xyz_from_the_rotation_centre() -> None:
    positions = grid_positions(4, 2.0)
    assert positions[2, 2, 2] == pytest.approx([0, 0, 0])
    assert positions[2, 2, 3] == pytest.approx([2, 0, 0])
    assert positions[0, 2, 2] == pytest.approx([0, 0, -4])


def test_json_keeps_everything(fitter) -> None:
    matrix, shift = hinged(12, (0, 1, 0))
    motion = fitter.fit(density(REST, moved(DOMAIN, matrix, shift)))
    again = RigidMotion.from_json(json.loads(json.dumps(motion.to_json())))
    for name, value in vars(motion).items():
        assert np.array_equal(np.asarray(getattr(again, name)), np.asarray(value)), name


def test_a_mask_around_everything_tells_no_density() -> None:
    """There is no rest to tell the grey scale from, but the whole can be placed."""
    matrix = Rotation.from_rotvec(np.deg2rad([0, 0, 8.0])).as_matrix()
    volume = density(moved(REST, matrix, np.zeros(3)), moved(DOMAIN, matrix, np.zeros(3)))
    everything = np.ones_like(MASK)
    motion = fit_rigid_motion(volume, CONSENSUS, everything, PIXEL)
    assert math.isnan(motion.density)
    assert motion.rotation_degrees == pytest.approx(8, abs=0.3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mask": np.zeros_like(MASK)}, "mask of the domain is empty"),
        ({"mask": MASK[:-2]}, "34 x 36 x 36"),
        ({"fixed": np.zeros_like(MASK)}, "mask of the fixed part is empty"),
        ({"class_map": CONSENSUS[1:, 1:, 1:]}, "class map has 35 x 35 x 35 voxels"),
        ({"class_map": CONSENSUS * np.nan}, "no numbers"),
        ({"consensus": -np.abs(CONSENSUS)}, "no density inside the mask"),
    ],
)
def test_wrong_input_is_refused_in_words(change, words) -> None:
    given = {"class_map": CONSENSUS, "consensus": CONSENSUS, "mask": MASK} | change
    with pytest.raises(UserError, match=words):
        fit_rigid_motion(**given, pixel_size_angstrom=PIXEL)
