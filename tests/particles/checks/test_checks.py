"""Every fault of a data set is told, with its row, and all together."""

import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from particle_files import write_stack

from napari_conformix.particles import Problem, check_particles, read_particles, write_map

BOX = 16


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A faultless set of 8 particles in two stacks, with map and mask; returns the STAR file."""
    random = np.random.default_rng(0)
    for name in "ab":
        images = random.normal(size=(4, BOX, BOX)).astype(np.float32)
        write_stack(tmp_path / f"{name}.mrcs", images, pixel_size=4.0)
    z, y, x = np.ogrid[-8:8, -8:8, -8:8]
    radius = np.sqrt(x**2 + y**2 + z**2)
    write_map(tmp_path / "map.mrc", np.exp(-(radius**2) / 8) - 0.01, 4.0)
    write_map(tmp_path / "mask.mrc", np.clip(6 - radius, 0, 1), 4.0)
    rows = [
        f"{i + 1}@{name}.mrcs 1 {10 * i} {20 + i} 30 {i} 0 {10000 + i} 9000 45 {1 + i % 2}"
        for name in "ab"
        for i in range(4)
    ]
    labels = """
        ImageName OpticsGroup AngleRot AngleTilt AnglePsi OriginXAngst OriginYAngst
        DefocusU DefocusV DefocusAngle RandomSubset
    """.split()  # noqa: SIM905
    star = tmp_path / "p.star"
    star.write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnOpticsGroupName\n_rlnVoltage\n"
        "_rlnSphericalAberration\n_rlnAmplitudeContrast\n_rlnImagePixelSize\n_rlnImageSize\n"
        f"_rlnImageDimensionality\n1 og1 300 2.7 0.1 4.0 {BOX} 2\n\n"
        "data_particles\nloop_\n" + "".join(f"_rln{k}\n" for k in labels) + "\n".join(rows) + "\n"
    )
    return star


def check(star: Path, consensus: str | None = "map.mrc", mask: str | None = "mask.mrc") -> list:
    at = star.parent
    found = check_particles(
        read_particles(star), at / consensus if consensus else None, at / mask if mask else None
    )
    return [p for p in found if "There are only" not in p.message]


def edit(star: Path, old: str, new: str) -> None:
    text = star.read_text()
    assert old in text
    star.write_text(text.replace(old, new))


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


def test_nothing_is_wrong(data: Path) -> None:
    assert check(data) == []
    few = only(check_particles(read_particles(data)))
    assert few.severity == "warning"
    assert "only 8 particles" in few.message


def test_all_problems_come_together(data: Path) -> None:
    (data.parent / "b.mrcs").unlink()
    edit(data, "_rlnAngleTilt", "_rlnTiltPrior")
    edit(data, "2@a.mrcs", "9@a.mrcs")
    write_map(data.parent / "map.mrc", np.ones((16, 16, 8)), 4.0)
    told = check(data, mask="nothing.mrc")
    assert [p.severity for p in told] == sorted(p.severity for p in told)
    text = "\n".join(map(str, told))
    for part in (
        "1 of 2 stacks are missing",
        "4 particles, first row 5",
        "holds 4 images, but row 2 ask for others (row 2 for image 9)",
        "All 8 particles have no pose",
        "not a cube: 8 x 16 x 16",
        "The mask cannot be used",
    ):
        assert part in text


def test_missing_stacks_are_counted_and_named(data: Path) -> None:
    (data.parent / "a.mrcs").unlink()
    problem = only(check(data))
    assert problem.severity == "error"
    assert "1 of 2 stacks are missing: " in problem.message
    assert "a.mrcs" in problem.message
    assert "datadir" in problem.message
    assert problem.rows == (0, 1, 2, 3)
    assert str(data) in problem.where


def test_a_truncated_stack(data: Path) -> None:
    os.truncate(data.parent / "b.mrcs", 1024 + 2 * BOX * BOX * 4 + 5)
    problem = only(check(data))
    assert problem.rows == (6, 7)
    assert "2 of its 4 images are whole, and rows 7 and 8 ask" in problem.message


def test_a_stack_cut_beyond_use_is_a_warning(data: Path) -> None:
    edit(data, "4@b.mrcs", "3@b.mrcs")
    os.truncate(data.parent / "b.mrcs", 1024 + 3 * BOX * BOX * 4)
    told = check(data)
    assert not any(p.severity == "error" for p in told)
    assert any(p.severity == "warning" and "cut short, beyond" in p.message for p in told)


def test_a_stack_that_is_no_mrc(data: Path) -> None:
    (data.parent / "a.mrcs").write_bytes(b"<html>" * 1000)
    problem = only(check(data))
    assert "not an MRC file" in problem.message
    assert problem.rows == (0, 1, 2, 3)


def test_images_that_are_not_square(data: Path) -> None:
    write_stack(data.parent / "a.mrcs", np.zeros((4, BOX, BOX + 2), np.float32), 4.0)
    problem = only(check(data))
    assert "18 x 16 pixels; they must be square" in problem.message
    assert "a.mrcs" in problem.where


@pytest.mark.parametrize(
    ("old", "new", "severity", "says"),
    [
        ("300 2.7 0.1", "nan 2.7 0.1", "error", "voltage is missing"),
        ("300 2.7 0.1", "300000 2.7 0.1", "error", "voltage of 300000 kV makes no sense"),
        ("300 2.7 0.1", "300 2.7 10", "error", "amplitude contrast of 10"),
        ("_rlnSphericalAberration", "_rlnOther", "error", "spherical aberration is missing"),
        ("_rlnAmplitudeContrast", "_rlnOther", "warning", "taken as 0"),
        ("_rlnImageDimensionality\n", "_rlnCtfDataAreCtfPremultiplied\n", "error", None),
        ("4.0 16 2", "4.0 16 3", "error", "subtomograms"),
        ("_rlnDefocusAngle\n", "_rlnTomoParticleName\n", "error", "particles of tomograms"),
        ("4.0 16 2", "4.0 18 2", "error", "box is 16, but optics group 1 says 18"),
        ("_rlnDefocusU", "_rlnOther", "error", "All 8 particles have no defocus"),
        ("10003 9000", "nan 9000", "error", "2 particles have no defocus (rows 4 and 8)"),
        ("10003 9000", "1.2 0.9", "warning", "outside 0.01 to 20 micrometres"),
        ("9000 45 1", "9000 nan 1", "error", "4 particles have no finite defocus angle"),
        ("2@a.mrcs 1 10", "2@a.mrcs 1 nan", "error", "1 particles have no pose (row 2)"),
        ("30 3 0", "30 inf 0", "error", "no finite shift (rows 4 and 8)"),
        ("30 3 0", "30 90 0", "warning", "more than half their box (rows 4 and 8)"),
        ("_rlnDefocusAngle", "_rlnOther", "note", "no column rlnDefocusAngle; it is taken as 0"),
        ("_rlnOriginXAngst", "_rlnOther", "note", "no column rlnOriginXAngst; it is taken as 0"),
        ("_rlnRandomSubset", "_rlnOther", "note", "no half sets"),
        ("9000 45 2", "9000 45 1", "error", "All particles are in half set 1"),
        ("10001 9000 45 2", "10001 9000 45 1", "warning", "unequal: 6 and 2"),
        ("10001 9000 45 2", "10001 9000 45 3", "error", "neither half set (rows 2 and 6)"),
    ],
)
def test_values(data: Path, old: str, new: str, severity: str, says: str | None) -> None:
    edit(data, old, new)
    told = check(data)
    if says is None:  # the value 2 there is not 1: nothing is pre-multiplied
        assert told == []
        edit(data, "4.0 16 2", "4.0 16 1")
        told, says = check(data), "already multiplied by their CTF"
    problem = only([p for p in told if severity == "note" or p.severity != "note"])
    assert problem.severity == severity
    assert says in problem.message


def test_images_with_nan_and_without_contrast(data: Path) -> None:
    with mrcfile.mmap(data.parent / "a.mrcs", "r+") as mrc:
        mrc.data[1] = 7.0
        mrc.data[2, 3, 4] = np.nan
    told = check(data)
    assert [p.rows for p in told] == [(2,), (1,)]
    assert "In all images, 1 have NaN or infinite pixels (row 3)" in told[0].message
    assert "one grey value only (row 2)" in told[1].message


def test_a_sample_says_that_it_is_one(data: Path) -> None:
    with mrcfile.mmap(data.parent / "a.mrcs", "r+") as mrc:
        mrc.data[:] = 0
    told = check_particles(read_particles(data), sample=7)
    assert any("a sample of 7 images" in p.message for p in told)


def test_repeated_rows(data: Path) -> None:
    text = data.read_text()
    data.write_text(text + text.splitlines()[-1] + "\n" + text.splitlines()[-2] + "\n")
    problem = only(check(data))
    assert problem.rows == (8, 9)
    assert "2 particles repeat an earlier row" in problem.message


def test_symmetry_expansion_and_torn_halves(data: Path) -> None:
    lines = [line for line in data.read_text().splitlines() if "@" in line]
    turned = [line.replace(" 1 ", " 1 9", 1) for line in lines]  # another rot angle
    data.write_text(data.read_text() + "\n".join(turned) + "\n")
    assert "share images in several poses" in only(check(data)).message
    torn = data.read_text()[:-2] + "1\n"  # the last one moves to the other half
    data.write_text(torn)
    told = check(data)
    assert "not independent" in told[1].message or "not independent" in told[0].message


def test_headers_are_not_believed(data: Path) -> None:
    for name in "ab":
        with mrcfile.mmap(data.parent / f"{name}.mrcs", "r+") as mrc:
            mrc.voxel_size = 1.0
    problem = only(check(data))
    assert problem.severity == "note"
    assert "2 stacks" in problem.message
    assert "1 A, not 4 A" in problem.message


# -- maps -----------------------------------------------------------------------------------------


def test_map_and_mask_swapped(data: Path) -> None:
    told = check(data, "mask.mrc", "map.mrc")
    assert "swapped" in told[0].message
    assert "outside 0 to 1" in told[1].message


def test_a_map_of_another_size(data: Path) -> None:
    write_map(data.parent / "map.mrc", np.random.default_rng(0).normal(size=(16,) * 3), 4.1)
    told = check(data)
    assert told[0].severity == "error"
    assert "16 px of 4 A = 64.0 A, but the map is 16 px of 4.1 A = 65.6 A" in told[0].message
    write_map(data.parent / "map.mrc", np.random.default_rng(0).normal(size=(32,) * 3), 2.0)
    assert check(data, mask=None) == []  # finer, but of the same extent
    assert "must be equal" in check(data)[0].message


def test_a_small_group_of_another_extent_is_a_warning(data: Path) -> None:
    edit(data, f"1 og1 300 2.7 0.1 4.0 {BOX} 2\n",
         f"1 og1 300 2.7 0.1 4.0 {BOX} 2\n2 og2 300 2.7 0.1 4.2 {BOX} 2\n")  # fmt: skip
    edit(data, "4@b.mrcs 1", "4@b.mrcs 2")
    told = [p for p in check(data) if p.severity != "note"]
    assert only(told).severity == "warning"
    assert "optics group 2 (og2)" in told[0].message
    edit(data, "4.2", "5.2")
    assert check(data)[0].severity == "error"


@pytest.mark.parametrize(
    ("volume", "says"),
    [
        (np.ones((15, 15, 15)), "odd number"),
        (np.full((16, 16, 16), np.nan), "NaN"),
        (np.ones((16, 16, 16)), "one value"),
    ],
)
def test_unusable_maps(data: Path, volume: np.ndarray, says: str) -> None:
    write_map(data.parent / "map.mrc", volume, 4.0)
    assert any(says in p.message and p.severity == "error" for p in check(data, mask=None))


def test_a_map_without_pixel_size(data: Path) -> None:
    with mrcfile.open(data.parent / "map.mrc", "r+") as mrc:
        mrc.voxel_size = 0.0
    problem = only(check(data))
    assert problem.severity == "warning"
    assert "no pixel size" in problem.message


def test_many_faulty_stacks_are_not_many_lines(data: Path) -> None:
    whole = (data.parent / "a.mrcs").read_bytes()
    lines = []
    for k in range(30):
        (data.parent / f"s{k}.mrcs").write_bytes(whole[:-10])
        lines.append(f"4@s{k}.mrcs 1 {k} 20 30 0 0 10000 9000 45 {1 + k % 2}\n")
    data.write_text(data.read_text() + "".join(lines))
    told = check(data)
    assert len(told) == 10
    assert "21 more stacks have such faults (21 particles)" in told[-1].message
    assert sorted(row for p in told for row in p.rows) == list(range(8, 38))
