"""Rows of two particle files that show the same image, against what the files were made from."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_conformix.analysis.comparison import match_particles
from napari_conformix.errors import UserError
from napari_conformix.particles import ParticleSet, read_particles

_HEAD = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnVoltage #2
_rlnSphericalAberration #3
_rlnAmplitudeContrast #4
_rlnImagePixelSize #5
_rlnImageSize #6
1 300.0 2.7 0.1 4.0 16

data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnAngleTilt #3
_rlnAnglePsi #4
_rlnOpticsGroup #5
_rlnCoordinateX #6
_rlnCoordinateY #7
"""
#: stack and number of every image of the experiment, with its pose and place
_IMAGES = [(f"mic{m:02d}", i) for m in range(5) for i in range(1, 9)]
_ANGLES = np.random.default_rng(1).uniform(0, 170, (len(_IMAGES), 3))
_PLACES = np.random.default_rng(2).uniform(0, 4000, (len(_IMAGES), 2))


def star(
    folder: Path,
    rows: np.ndarray,
    *,
    stack: str = "Extract/job007/{}.mrcs",
    angles: np.ndarray | None = None,
    shift: float = 0.0,
) -> ParticleSet:
    """A file with these images, in this order; poses (n, 3) in degrees unless as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    angles = _ANGLES[rows] if angles is None else angles
    lines = []
    for row, (rot, tilt, psi) in zip(rows, angles, strict=True):
        name, number = _IMAGES[row]
        x, y = _PLACES[row] + shift
        image = f"{number:06d}@{stack.format(name)}"
        lines.append(f"{image} {rot:.4f} {tilt:.4f} {psi:.4f} 1 {x:.2f} {y:.2f}")
    path = folder / "particles.star"
    path.write_text(_HEAD + "\n".join(lines) + "\n")
    return read_particles(path)


def cs(folder: Path, uid: np.ndarray, stack: str = "J7/restack/batch.mrc") -> ParticleSet:
    """A cryoSPARC file of particles by uid; all of them in one stack, numbered as they stand."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [
        *(("uid", "<u8"), ("blob/path", "S60"), ("blob/idx", "<u4"), ("blob/psize_A", "<f4")),
        *(("blob/shape", "<u4", 2), ("alignments3D/pose", "<f4", 3)),
        *(("alignments3D/shift", "<f4", 2), ("alignments3D/psize_A", "<f4")),
        *(("ctf/df1_A", "<f4"), ("ctf/df2_A", "<f4"), ("ctf/df_angle_rad", "<f4")),
        *(("ctf/accel_kv", "<f4"), ("ctf/cs_mm", "<f4"), ("ctf/amp_contrast", "<f4")),
    ]
    array = np.zeros(len(uid), np.dtype(kinds))
    array["uid"], array["blob/path"] = uid, stack.encode()
    array["blob/idx"] = np.arange(len(uid))
    array["blob/psize_A"] = array["alignments3D/psize_A"] = 4.0
    array["blob/shape"], array["ctf/accel_kv"] = 16, 300
    path = folder / "particles.cs"
    with open(path, "wb") as file:
        np.save(file, array)
    return read_particles(path)


def brute_force(this: ParticleSet, other: ParticleSet) -> np.ndarray:
    """(N,) first row with the same image, looked for one by one."""

    def names(particles: ParticleSet) -> list[tuple[str, int]]:
        stacks = [particles.stacks[i].stem for i in particles.stack_index]
        return list(zip(stacks, particles.image_index.tolist(), strict=True))

    there = names(other)
    return np.array([there.index(one) if one in there else -1 for one in names(this)])


def test_the_same_file_is_recognised_row_by_row(tmp_path: Path) -> None:
    this = star(tmp_path / "a", np.arange(40))
    found = match_particles(this, star(tmp_path / "b", np.arange(40)))
    assert found.identical
    assert np.array_equal(found.to_other, np.arange(40))
    assert found.pose_difference_degrees == pytest.approx(0, abs=0.1)
    assert found.sentence() == "All 40 particles are in both, in the same order."


def test_a_subset_in_another_order_and_folder(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).permutation(40)[:25]
    this = star(tmp_path / "a", np.arange(10, 40))
    other = star(tmp_path / "b", rows, stack="/elsewhere/copies/{}.mrcs")
    found = match_particles(this, other)
    assert np.array_equal(found.to_other, brute_force(this, other))
    assert np.array_equal(found.to_this, brute_force(other, this))
    both = len(set(rows) & set(range(10, 40)))
    assert found.count == both
    assert found.sentence().startswith(f"{both} of 30 particles are in both. The other file has")
    assert "another order" in found.sentence()
    back = found.reverse()
    assert np.array_equal(back.to_other, found.to_this)
    assert back.count == both


def test_links_and_imports_rename_stacks(tmp_path: Path) -> None:
    rows = np.arange(40)[::-1]
    this = star(tmp_path / "a", np.arange(40))
    linked = star(tmp_path / "b", rows, stack="linked/{}.mrc")
    assert np.array_equal(match_particles(this, linked).to_other, rows)
    imported = star(tmp_path / "c", rows, stack="J2/imported/012345678901234567890_{}.mrcs")
    assert np.array_equal(match_particles(this, imported).to_other, rows)


def test_stacks_of_the_same_name_are_told_by_their_folder(tmp_path: Path) -> None:
    """EMAN-like projects have particles.mrcs in a folder for each micrograph."""
    this = star(tmp_path / "a", np.arange(40), stack="one/{}/particles.mrcs")
    rows = np.random.default_rng(4).permutation(40)[:30]
    found = match_particles(this, star(tmp_path / "b", rows, stack="/two/{}/particles.mrcs"))
    assert np.array_equal(found.to_this, rows)


def test_symmetry_copies_go_to_the_copy_with_the_nearest_pose(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    rows = np.repeat(np.arange(40), 4)
    turns = Rotation.from_euler("Z", 90.0 * np.tile(np.arange(4), 40)[:, None], degrees=True)
    pose = turns * Rotation.from_euler("ZYZ", _ANGLES[rows], degrees=True)
    this = star(tmp_path / "a", rows, angles=pose.as_euler("ZYZ", degrees=True))
    order = random.permutation(len(rows))
    jitter = Rotation.from_rotvec(np.radians(random.normal(0, 2, (len(rows), 3))))
    other = star(
        tmp_path / "b", rows[order], angles=(pose * jitter)[order].as_euler("ZYZ", degrees=True)
    )
    found = match_particles(this, other)
    assert np.array_equal(order[found.to_other], np.arange(len(rows)))
    assert found.copies == (4, 4)
    assert "up to 4 rows in this and in the other file" in found.sentence()


def test_one_image_and_its_copies_are_selected_together(tmp_path: Path) -> None:
    this = star(tmp_path / "a", np.arange(20))
    other = star(tmp_path / "b", np.repeat(np.arange(10, 30), 3))
    found = match_particles(this, other)
    assert found.count == 10
    chosen = np.zeros(20, bool)
    chosen[[2, 12]] = True
    assert np.flatnonzero(found.others_of(chosen)).tolist() == [6, 7, 8]  # 12's copies; 2 has none
    one = np.zeros(60, bool)
    one[7] = True
    assert np.flatnonzero(found.these_of(one)).tolist() == [12]
    back = found.reverse()
    assert np.flatnonzero(back.others_of(one)).tolist() == [12]
    assert np.flatnonzero(back.these_of(chosen)).tolist() == [6, 7, 8]


def test_copies_without_or_with_equal_poses_are_paired_in_their_order(tmp_path: Path) -> None:
    rows = np.repeat(np.arange(40), 3)
    this, other = star(tmp_path / "a", rows), star(tmp_path / "b", rows[::-1])
    found = match_particles(this, other)
    assert len(np.unique(found.to_other)) == len(rows), "one to one"
    assert np.array_equal(rows[::-1][found.to_other], rows)
    assert np.array_equal(found.to_this[found.to_other], np.arange(len(rows)))


def test_cryosparc_particles_are_told_by_uid_whatever_their_stack(tmp_path: Path) -> None:
    uid = np.random.default_rng(6).integers(2**62, 2**64 - 1, 50, dtype=np.uint64)
    uid[1] = uid[0] + np.uint64(1)  # the same as a float
    order = np.random.default_rng(7).permutation(50)[:35]
    this = cs(tmp_path / "a", uid)
    found = match_particles(this, cs(tmp_path / "b", uid[order], "J9/other/batch.mrc"))
    assert found.how == "uid"
    assert np.array_equal(found.to_this, order)


def test_equal_names_of_other_particles_are_not_believed(tmp_path: Path) -> None:
    this = star(tmp_path / "a", np.arange(40))
    recentred = star(tmp_path / "b", np.arange(40), stack="Extract/job8/{}.mrcs", shift=10.0)
    assert match_particles(this, recentred).caution == ""
    other = star(tmp_path / "c", np.arange(40), stack="Extract/job9/{}.mrcs", shift=300.0)
    assert "40 of them lie elsewhere in their micrographs" in match_particles(this, other).caution


def test_maps_that_stand_differently_are_told(tmp_path: Path) -> None:
    turned = _ANGLES[np.arange(40)] + [90.0, 0, 0]
    found = match_particles(
        star(tmp_path / "a", np.arange(40)), star(tmp_path / "b", np.arange(40), angles=turned)
    )
    assert found.pose_difference_degrees == pytest.approx(90, abs=0.1)
    assert "poses differ by 90 degrees" in found.sentence()


def test_nothing_in_common_is_a_sentence(tmp_path: Path) -> None:
    this = star(tmp_path / "a", np.arange(40))
    other = star(tmp_path / "b", np.arange(40), stack="other_{}.mrcs")
    with pytest.raises(UserError, match=r"No particle of .*image 1 of mic00\.mrcs"):
        match_particles(this, other)


def test_a_million_rows_take_seconds(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    count = 1_000_000
    small = star(tmp_path / "a", np.arange(1)).subset(np.zeros(count, np.int64))
    number = np.arange(count, dtype=np.int32)
    stacks = [Path(f"mic{i:05d}.mrcs") for i in range(5000)]
    this = replace(
        small, stacks=stacks, stack_index=number // 200, image_index=number % np.int32(200)
    )
    order = random.permutation(count)[: count // 2]
    began = time.process_time()  # not the clock: the machine may be busy
    found = match_particles(this, this.subset(order))
    assert time.process_time() - began < 20.0, "2 s where nothing else runs"
    assert np.array_equal(found.to_this, order)
    mask = random.random(count) < 0.3
    began = time.process_time()
    assert np.array_equal(found.others_of(mask), mask[order])
    assert time.process_time() - began < 1.0, "a lasso is answered in 0.2 s"
