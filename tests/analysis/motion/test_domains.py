"""Known hinges are found point by point; what is no motion of rigid bodies is called so."""

from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from relion_programs import run_relion
from scipy.spatial.transform import Rotation

from napari_conformix.analysis.motion import (
    Domains,
    body_masks,
    find_domains,
    with_agreement,
    with_caution,
)
from napari_conformix.analysis.motion.domains import agreement
from napari_conformix.errors import UserError
from napari_conformix.export.multibody import RefinedBody, write_multibody

PARTICLES, POINTS = 120, 900


def turned(points: np.ndarray, axis: str, degrees: np.ndarray, pivot: np.ndarray) -> np.ndarray:
    """(n, p, 3): points turned about an axis through `pivot` by each of (n,) angles."""
    matrices = Rotation.from_euler(axis, degrees[:, None], degrees=True).as_matrix()
    return np.einsum("nij,pj->npi", matrices, points - pivot) + pivot


class Hinge:
    """A rod of points along x whose ends swing about hinges; labels say what moves with what."""

    def __init__(self, bodies: int, noise: float, seed: int = 3) -> None:
        random = np.random.default_rng(seed)
        self.positions = random.uniform([-60, -14, -14], [60, 14, 14], (POINTS, 3))
        self.labels = np.zeros(POINTS, int)
        x = self.positions[:, 0]
        self.angles = random.uniform(-20, 20, (bodies - 1, PARTICLES))
        moved = np.repeat(self.positions[None], PARTICLES, axis=0)
        self.from_hinge = np.abs(x - 20)
        if bodies > 1:
            self.labels[x > 20] = 1
            moved[:, x > 20] = turned(
                self.positions[x > 20], "z", self.angles[0], np.array([20.0, 0, 0])
            )
        if bodies > 2:
            self.labels[x < -25] = 2
            moved[:, x < -25] = turned(
                self.positions[x < -25], "y", self.angles[1], np.array([-25.0, 0, 0])
            )
            self.from_hinge = np.minimum(self.from_hinge, np.abs(x + 25))
        # the molecule as a whole tumbles a little, as it does when poses are not exact
        tumble = Rotation.from_rotvec(random.normal(0, 0.05, (PARTICLES, 3))).as_matrix()
        moved = np.einsum("nij,npj->npi", tumble, moved) + random.normal(0, 2, (PARTICLES, 1, 3))
        moved += random.normal(0, noise, moved.shape) if noise else 0.0
        self.displacement = moved - self.positions

    def matched(self, found: Domains) -> np.ndarray:
        """(p,) the true label that most of each found body has."""
        truth = [np.bincount(self.labels[found.labels == k]).argmax() for k in range(
            len(found.bodies))]  # fmt: skip
        return np.array(truth)[found.labels]


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("bodies", [2, 3])
def test_every_point_is_right_but_near_the_hinge(bodies: int, noise: float) -> None:
    hinge = Hinge(bodies, noise)
    found = find_domains(hinge.displacement, hinge.positions, bodies)
    assert len(found.bodies) == bodies
    wrong = hinge.matched(found) != hinge.labels
    assert hinge.from_hinge[wrong].max(initial=0) < 8
    assert wrong.mean() < 0.03
    assert found.suggested == bodies


def test_the_motion_of_a_body_is_measured_in_degrees_and_angstrom() -> None:
    hinge = Hinge(2, 0.5)
    found = find_domains(hinge.displacement, hinge.positions, 2)
    small = found.bodies[1]
    assert [body.points for body in found.bodies] == sorted(np.bincount(found.labels), reverse=True)
    assert small.rotation_degrees == pytest.approx(hinge.angles[0].std(), rel=0.03)
    arm = hinge.positions[found.labels == 1].mean(0) - [20, 0, 0]
    track = turned(arm[None], "z", hinge.angles[0], np.zeros(3))[:, 0]
    expected = np.sqrt(np.square(track - track.mean(0)).sum(1).mean())
    assert small.shift_angstrom == pytest.approx(expected, rel=0.06)
    # what is left is the noise, sigma in each of x, y and z
    assert found.residual_angstrom == pytest.approx(0.5 * np.sqrt(3), rel=0.06)
    assert found.neighbour == (1, 0)


def test_the_middle_body_is_the_neighbour_of_both_ends() -> None:
    hinge = Hinge(3, 0.3)
    found = find_domains(hinge.displacement, hinge.positions, 3)
    names = [int(hinge.labels[found.labels == k][0]) for k in range(3)]
    middle = names.index(0)
    assert all(found.neighbour[k] == middle for k in range(3) if k != middle)


def test_a_constant_error_of_the_consensus_is_not_motion() -> None:
    hinge = Hinge(2, 0.0)
    random = np.random.default_rng(1)
    offset = random.normal(0, 3, hinge.positions.shape)
    found = find_domains(hinge.displacement - offset, hinge.positions + offset, 2)
    assert found.explained[1] > 0.98
    wrong = hinge.matched(found) != hinge.labels
    assert wrong.mean() < 0.03


def test_noise_is_not_called_domains() -> None:
    random = np.random.default_rng(2)
    positions = random.normal(0, 20, (600, 3))
    found = find_domains(random.normal(0, 1, (100, 600, 3)), positions, 2)
    assert found.explained[1] < 0.05
    assert "not that of rigid bodies" in found.sentence()
    assert found.suggested == 1


def test_a_molecule_that_only_tumbles_has_one_body() -> None:
    hinge = Hinge(1, 0.0)
    found = find_domains(hinge.displacement, hinge.positions, 2)
    assert found.motion_angstrom < 1e-3
    assert found.sentence().startswith("Nothing moves")
    assert len(found.bodies) == 1


def test_a_mirror_image_is_not_a_rigid_motion() -> None:
    random = np.random.default_rng(4)
    positions = random.normal(0, 10, (200, 3))
    mirrored = positions * [1, 1, -1]
    displacement = np.stack([np.zeros_like(positions), mirrored - positions] * 5)
    found = find_domains(displacement, positions, 1)
    assert found.motion_angstrom > 3


def test_the_same_seed_gives_the_same_bodies() -> None:
    hinge = Hinge(3, 1.0)
    first, second = (find_domains(hinge.displacement, hinge.positions, 3, seed=5) for _ in "ab")
    np.testing.assert_array_equal(first.labels, second.labels)


def test_agreement_does_not_mind_what_bodies_are_called() -> None:
    first = np.array([0, 0, 0, 1, 1, 2])
    assert agreement(first, np.array([2, 2, 2, 0, 0, 1])) == 1
    assert agreement(first, np.array([2, 2, 0, 0, 0, 1])) == pytest.approx(5 / 6)
    assert agreement(first, np.zeros(6, int)) == pytest.approx(0.5)


def test_the_sentence_has_the_numbers() -> None:
    hinge = Hinge(2, 0.2)
    found = find_domains(hinge.displacement, hinge.positions, 2, pieces="Gaussians")
    said = with_agreement(found, found.labels).sentence()
    assert f"{found.motion_angstrom:.2g} A RMS" in said
    assert "puts 100% of the Gaussians in the same bodies" in said
    cautious = with_caution(found, "No motion beyond its error.").sentence()
    assert cautious.endswith(
        "Yet do not take these bodies for domains. No motion beyond its error."
    )
    more = find_domains(hinge.displacement, hinge.positions, 3).sentence()
    assert "Two would do" in more or "Only two of 3 bodies" in more


def test_bodies_are_doubtful_where_the_motion_is_or_where_they_do_not_explain_it() -> None:
    hinge = Hinge(2, 0.2)
    found = find_domains(hinge.displacement, hinge.positions, 2)
    assert not found.doubtful
    assert with_caution(found, "No motion beyond its error.").doubtful
    noise = np.random.default_rng(1).normal(0, 2, hinge.displacement.shape)
    shaken = find_domains(noise, hinge.positions, 2)
    assert shaken.doubtful
    assert "do not take these bodies for domains" in shaken.sentence()


def test_too_many_bodies_asked_for_are_told_how_many_would_do() -> None:
    hinge = Hinge(2, 0.2)
    found = find_domains(hinge.displacement, hinge.positions, 4)
    assert found.suggested == 2
    fewer = len(found.bodies) == 2
    assert ("Two would do" in found.sentence()) is not fewer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, p: (d, p, 0), "1 to 12"),
        (lambda d, p: (d, p, 13), "1 to 12"),
        (lambda d, p: (d[:2], p, 2), "too few to see"),
        (lambda d, p: (d[:, :50], p[:50], 2), "too few for 2 bodies"),
        (lambda d, p: (d * np.nan, p, 2), "not finite"),
    ],
)
def test_what_cannot_be_done_is_said(
    change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, int]], words: str
) -> None:
    hinge = Hinge(2, 0.2)
    with pytest.raises(UserError, match=words):
        find_domains(*change(hinge.displacement, hinge.positions))


# -- masks ----------------------------------------------------------------------------------------

BOX, PIXEL = 56, 4.0


@pytest.fixture(scope="module")
def rod() -> tuple[Domains, np.ndarray]:
    hinge = Hinge(2, 0.2)
    found = find_domains(hinge.displacement, hinge.positions, 2)
    return found, body_masks(found.labels, found.positions, BOX, PIXEL)


def test_masks_hold_their_body_and_overlap_softly(rod: tuple[Domains, np.ndarray]) -> None:
    found, masks = rod
    index = np.rint(found.positions / PIXEL).astype(int)[:, ::-1] + BOX // 2
    assert masks.min() == 0
    assert masks.max() == 1
    for body, mask in enumerate(masks):
        assert mask[tuple(index[found.labels == body].T)].min() == 1
        # neighbouring grey values differ little: a soft edge
        assert max(np.abs(np.diff(mask, axis=axis)).max() for axis in range(3)) < 0.4
    assert ((masks[0] > 0) & (masks[1] > 0)).any()
    # far ends belong to one body only
    far = [found.positions[:, 0].argmin(), found.positions[:, 0].argmax()]
    for point in far:
        values = np.sort(masks[:, index[point, 0], index[point, 1], index[point, 2]])
        np.testing.assert_array_equal(values, [0, 1])


def test_each_voxel_goes_to_its_nearest_gaussian() -> None:
    positions = np.array([[-20.0, 0, 0], [20.0, 8, -4]])
    masks = body_masks([0, 1], positions, 32, 4.0, extend_px=0, soft_edge_px=0, reach_angstrom=30.0)
    axis = (np.arange(32) - 16) * 4.0
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    distance = [np.sqrt((x - p[0]) ** 2 + (y - p[1]) ** 2 + (z - p[2]) ** 2) for p in positions]
    for body, other in ((0, 1), (1, 0)):
        clear = np.abs(distance[body] - distance[other]) > 1e-6
        clear &= np.abs(distance[body] - 30) > 1e-6
        expected = (distance[body] < 30) & (distance[body] < distance[other])
        np.testing.assert_array_equal(masks[body][clear] == 1, expected[clear])


def test_a_body_outside_the_box_is_said() -> None:
    with pytest.raises(UserError, match="Body 2 has no voxel"):
        body_masks([0, 1], [[0.0, 0, 0], [500.0, 0, 0]], 16, 2.0, reach_angstrom=6.0)


def test_the_table_of_bodies_is_what_relion_asks_for(
    rod: tuple[Domains, np.ndarray], tmp_path: Path
) -> None:
    found, masks = rod
    bodies = [
        RefinedBody(mask, other, 12.5, 3.0)
        for mask, other in zip(masks, found.neighbour, strict=True)
    ]
    *files, star = write_multibody(bodies, PIXEL, tmp_path / "bodies")
    table = starfile.read(star)
    assert table.rlnBodyMaskName.tolist() == [str(file) for file in files]
    assert table.rlnBodyRotateRelativeTo.tolist() == [2, 1]
    assert table.rlnBodySigmaAngles.tolist() == [12.5, 12.5]
    assert table.rlnBodySigmaOffset.tolist() == [2.0, 2.0]  # 3 A is less than 2 pixels
    assert table.rlnBodySigmaOffsetAngst.tolist() == [8.0, 8.0]
    for file, mask in zip(files, masks, strict=True):
        with mrcfile.open(file) as mrc:
            np.testing.assert_array_equal(mrc.data, mask)
            assert mrc.voxel_size.x == pytest.approx(PIXEL)
    with pytest.raises(UserError, match="exists"):
        write_multibody(bodies, PIXEL, tmp_path / "bodies")
    write_multibody(bodies, PIXEL, tmp_path / "bodies", overwrite=True)


def test_relion_reads_the_masks(rod: tuple[Domains, np.ndarray], tmp_path: Path) -> None:
    _, masks = rod
    bodies = [RefinedBody(mask, 1 - number, 1.0, 1.0) for number, mask in enumerate(masks)]
    for file in write_multibody(bodies, PIXEL, tmp_path)[:-1]:
        said = run_relion("relion_image_handler", "--i", file, "--stats", folder=tmp_path)
        assert f"{BOX} x {BOX} x {BOX}" in said
        assert f"angpix = {PIXEL:g}" in said
        assert "minval= 0 maxval= 1;" in said


def test_multi_body_refinement_needs_two_bodies_and_a_name_without_spaces(tmp_path: Path) -> None:
    body = RefinedBody(np.zeros((8, 8, 8), np.float32), 0, 1.0, 1.0)
    with pytest.raises(UserError, match="at least two"):
        write_multibody([body], 2.0, tmp_path / "one")
    with pytest.raises(UserError, match="spaces"):
        write_multibody([body, body], 2.0, tmp_path / "my masks")
    assert list(tmp_path.iterdir()) == []
