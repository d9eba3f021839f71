"""A selection as a STAR, a .cs or an index file."""

from pathlib import Path

import numpy as np
import pytest
import starfile

from napari_conformix.errors import UserError
from napari_conformix.export.subsets import export_subset
from napari_conformix.particles import read_particles

STAR = (
    "data_optics\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n1 1.5\n\n"
    "data_particles\nloop_\n_rlnImageName\n_rlnOpticsGroup\n"
    "1@a.mrcs 1\n2@a.mrcs 1\n3@a.mrcs 1\n"
)


@pytest.fixture
def star(tmp_path: Path) -> Path:
    path = tmp_path / "in.star"
    path.write_text(STAR)
    return path


@pytest.fixture
def sparc(tmp_path: Path) -> Path:
    array = np.zeros(
        4,
        [
            ("uid", "<u8"), ("blob/path", "S20"), ("blob/idx", "<u4"), ("blob/shape", "<u4", (2,)),
            ("blob/psize_A", "<f4"), ("blob/sign", "<f4"), ("ctf/accel_kv", "<f4"),
            ("ctf/cs_mm", "<f4"), ("ctf/amp_contrast", "<f4"), ("ctf/df1_A", "<f4"),
            ("ctf/df2_A", "<f4"), ("ctf/df_angle_rad", "<f4"), ("alignments3D/pose", "<f4", (3,)),
            ("alignments3D/shift", "<f4", (2,)), ("alignments3D/psize_A", "<f4"),
        ],
    )  # fmt: skip
    random = np.random.default_rng(0)
    array["uid"] = np.arange(4, dtype="<u8") + 2**63
    array["blob/path"] = b">J1/a.mrc"
    array["blob/idx"] = [0, 1, 5, 3]
    array["blob/shape"] = 32
    array["blob/psize_A"] = 1.1
    array["blob/sign"] = -1
    array["ctf/accel_kv"], array["ctf/cs_mm"], array["ctf/amp_contrast"] = 300, 2.7, 0.1
    array["ctf/df1_A"], array["ctf/df2_A"] = 15000, 14000
    array["ctf/df_angle_rad"] = random.uniform(-1, 1, 4)
    array["alignments3D/pose"] = random.normal(size=(4, 3))
    array["alignments3D/pose"][0] = 0  # tilt 0: rot and psi are not told apart
    array["alignments3D/shift"] = random.normal(size=(4, 2))
    array["alignments3D/psize_A"] = 2.2
    path = tmp_path / "in.cs"
    with open(path, "wb") as file:
        np.save(file, array)
    return path


def test_indices_are_rows_of_the_file(star: Path) -> None:
    p = read_particles(star).subset([2, 0])
    out = export_subset(p, [True, False], star.with_name("rows.npy"))
    assert np.load(out, allow_pickle=False).tolist() == [2]


def test_indices_for_cryodrgn_are_those_it_reads(star: Path) -> None:
    from napari_conformix.particles.latents import read_indices

    p = read_particles(star)
    out = export_subset(p, [2, 0], star.with_name("rows.pkl"))
    assert read_indices(out).tolist() == [2, 0]
    with pytest.raises(UserError, match="exists"):
        export_subset(p, [1], out)
    with pytest.raises(UserError, match="empty"):
        export_subset(p, [], out, overwrite=True)
    assert read_indices(out).tolist() == [2, 0]


def test_star(star: Path) -> None:
    out = export_subset(read_particles(star), [0, 2], star.with_name("out.star"), half=[1, 1, 2])
    p = read_particles(out)
    assert p.image_index.tolist() == [0, 2]
    assert p.half.tolist() == [1, 2]


def test_cs_to_cs(sparc: Path) -> None:
    p = read_particles(sparc)
    out = export_subset(p, [2, 3], sparc.with_name("out.cs"), half=[1, 1, 2, 1])
    before, after = np.load(sparc), np.load(out, allow_pickle=False)
    for name in before.dtype.names:
        assert np.array_equal(after[name], before[name][[2, 3]])
    assert after["alignments3D/split"].tolist() == [1, 0]
    assert read_particles(out).half.tolist() == [2, 1]
    again = export_subset(read_particles(out), [0, 1], sparc.with_name("x.cs"), half=[1, 2])
    assert np.load(again)["alignments3D/split"].tolist() == [0, 1]


def test_cs_to_star(sparc: Path) -> None:
    before = read_particles(sparc)
    out = export_subset(before, [0, 2, 3], sparc.with_name("out.star"), half=[1, 2, 2, 1])
    after = read_particles(out)
    chosen = before.subset([0, 2, 3])
    np.testing.assert_allclose(after.rotation, chosen.rotation, atol=1e-5)
    np.testing.assert_allclose(after.shift_angstrom, chosen.shift_angstrom, atol=1e-5)
    for name in ("defocus_u_angstrom", "defocus_v_angstrom", "defocus_angle_degrees"):
        np.testing.assert_allclose(getattr(after, name), getattr(chosen, name), atol=1e-4)
    assert after.image_index.tolist() == [0, 5, 3]
    assert after.column("rlnImageName")[0] == "000001@J1/a.mrc"
    assert after.half.tolist() == [1, 2, 1]
    assert after.optics[0].pixel_size_angstrom == pytest.approx(1.1)
    assert "black" in out.read_text().splitlines()[0]


def test_a_star_of_cryosparc_particles_is_read_by_others(sparc: Path) -> None:
    array = np.load(sparc)
    array["blob/path"] = [b">J1/a b.mrc", b">J1/a.mrc", b"J1/c.mrc", b"J1/a.mrc"]
    with open(sparc, "wb") as file:
        np.save(file, array)
    out = export_subset(read_particles(sparc), [0, 1, 2, 3], sparc.with_name("out.star"))
    tables = starfile.read(out)
    assert list(tables) == ["optics", "particles"]
    assert tables["particles"].rlnImageName.tolist() == [
        "000001@J1/a b.mrc", "000002@J1/a.mrc", "000006@J1/c.mrc", "000004@J1/a.mrc",
    ]  # fmt: skip
    assert tables["particles"].rlnOpticsGroup.tolist() == [1] * 4
    np.testing.assert_allclose(tables["particles"].rlnDefocusU, array["ctf/df1_A"], atol=1e-3)
    assert len(read_particles(out)) == 4


def test_refusals(star: Path, sparc: Path) -> None:
    p = read_particles(star)
    out = star.with_name("out.star")
    out.write_text("old")
    with pytest.raises(UserError, match="exists"):
        export_subset(p, [0], out)
    assert out.read_text() == "old"
    export_subset(p, [0], out, overwrite=True)
    assert len(read_particles(out)) == 1
    with pytest.raises(UserError, match="came from"):
        export_subset(p, [0], star, overwrite=True)
    for name, says in (("x.cs", "STAR file"), ("x.txt", "must end with"), ("no/x.star", "folder")):
        with pytest.raises(UserError, match=says):
            export_subset(p, [0], star.with_name(name) if "/" not in name else star.parent / name)
    for particles, name in ((p, "x.npy"), (p, "x.star"), (read_particles(sparc), "y.star")):
        with pytest.raises(UserError, match="empty"):
            export_subset(particles, [], star.with_name(name))
    assert star.read_text() == STAR
