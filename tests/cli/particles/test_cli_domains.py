"""`domains`: the parts of a trained job's molecule that move together."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from command_line import Conformix
from scipy.spatial.transform import Rotation

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job


def test_bodies_are_told_and_nothing_is_written_unasked(
    conformix: Conformix, trained: Path
) -> None:
    before = sorted(path for path in trained.rglob("*") if path.is_file())
    done = conformix("domains", trained, "--bodies", 2)
    assert done.status == 0, done.err
    assert sorted(path for path in trained.rglob("*") if path.is_file()) == before
    found = Job.open(trained).domains(2)
    assert found.sentence() in done.out
    for body in found.bodies:
        assert f"{body.points:9,d}" in done.out
    assert "body  Gaussians  rotation" in done.out
    assert found.agreement is not None
    verdict = Job.open(trained).verdict()  # it has hardly been trained
    assert verdict is not None
    assert not verdict.moves
    assert found.caution == verdict.sentence
    positions = Job.open(trained).method().consensus_positions(1)
    np.testing.assert_array_equal(found.positions, positions)


def hinge(
    self: Job, z: np.ndarray, positions: np.ndarray, half: int = 1, epoch: int | None = None
) -> np.ndarray:
    """(n, d) -> (n, p, 3): the part of x > 0 swings about the z axis, by an angle from z."""
    angles = 0.3 * np.sin(1e4 * np.asarray(z, np.float64)[:, 0])
    turns = Rotation.from_rotvec(angles[:, None] * [0, 0, 1]).as_matrix()
    moved = np.einsum("nij,pj->npi", turns, positions) - positions
    return np.where(positions[None, :, :1] > 0, moved, 0.0)


def test_masks_are_written_once(
    conformix: Conformix, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Job, "displacement", hinge)
    arguments = ("domains", trained, "--bodies", 2, "--half", 2, "-o", tmp_path / "bodies")
    done = conformix(*arguments)
    assert done.status == 0, done.err
    grids = Job.open(trained).spec.grids
    table = starfile.read(tmp_path / "bodies" / "bodies.star")
    assert len(table) == len(Job.open(trained).domains(2, half=2).bodies) == 2
    for name in table.rlnBodyMaskName:
        with mrcfile.open(name) as mrc:
            assert mrc.data.shape == (grids.box,) * 3
            assert mrc.voxel_size.x == pytest.approx(grids.pixel_size_angstrom)
    again = conformix(*arguments)
    assert again.status == 1
    assert "exists" in again.err
    assert conformix(*arguments, "--overwrite").status == 0


@pytest.mark.parametrize("bodies", [0, 40])
def test_a_senseless_number_of_bodies(conformix: Conformix, trained: Path, bodies: int) -> None:
    done = conformix("domains", trained, "--bodies", bodies)
    assert done.status == 1
    assert "bodies must be 1 to 12" in done.err


def test_an_untrained_job_has_no_domains(untrained: Path) -> None:
    with pytest.raises(UserError):
        Job.open(untrained).domains(2)
