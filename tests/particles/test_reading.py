"""Particle files of every kind give one and the same ParticleSet."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import recfunctions
from scipy.spatial.transform import Rotation

from napari_conformix.errors import UserError
from napari_conformix.particles import ParticleSet, read_particles


def relion2(path: Path, name: str = "", extra: str = "") -> Path:
    path.write_text(
        f"{extra}data_{name}\n\nloop_\n_rlnImageName #1\n_rlnVoltage #2\n_rlnSphericalAberration #3"
        "\n_rlnAmplitudeContrast #4\n_rlnDetectorPixelSize #5\n_rlnMagnification #6\n"
        "_rlnDefocusU #7\n_rlnDefocusV #8\n_rlnDefocusAngle #9\n_rlnAngleRot #10\n_rlnAngleTilt #11"
        "\n_rlnAnglePsi #12\n_rlnOriginX #13\n_rlnOriginY #14\n"
        "1@a.mrcs 300 2.7 0.1 5 38168 10000 9000 30 10 20 30 1.0 -2.0\n"
        "2@a.mrcs 300 2.7 0.1 5 38168 10000 9000 30 10 20 30 0.5 0\n"
        "1@b.mrcs 200 2.7 0.1 5 25000 10000 9000 30 10 20 30 1.0 1.0\n"
    )
    return path


def test_relion31(project: Path) -> None:
    p = read_particles(project)
    assert p.source.format == "relion31"
    assert [g.number for g in p.optics] == [1, 2]
    assert p.optics[1].name == "00012"
    assert p.optics_index.tolist() == [0, 0, 0, 1]
    assert p.pixel_size_angstrom.tolist() == [4, 4, 4, 2]
    np.testing.assert_allclose(p.shift_angstrom[:, 0], [-1.5, 0, 3, -2])
    np.testing.assert_allclose(p.shift_angstrom[:, 1], [2.5, 0, -1, -3.25])
    assert p.half.tolist() == [1, 2, 2, 1]
    assert [s.name for s in p.stacks] == ["a.mrcs", "b.mrcs"]
    assert all(s.is_file() for s in p.stacks)
    assert p.stack_index.tolist() == [0, 0, 0, 1]
    assert p.image_index.tolist() == [0, 1, 2, 0]
    assert p.column("rlnMicrographName").tolist() == ["1e5", "00012", "nan", "7_8"]
    assert p.column("rlnDefocusU")[3] == 15000


def test_the_euler_matrix_is_that_of_the_design(project: Path) -> None:
    """A = Rz(rot) Ry(tilt) Rz(psi), written out by hand."""

    def rz(t: float) -> np.ndarray:
        return np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])

    def ry(t: float) -> np.ndarray:
        return np.array([[np.cos(t), 0, np.sin(t)], [0, 1, 0], [-np.sin(t), 0, np.cos(t)]])

    rot, tilt, psi = np.deg2rad([100.0, 170.0, -60.0])
    expected = rz(rot) @ ry(tilt) @ rz(psi)
    np.testing.assert_allclose(read_particles(project).rotation[3], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "extra", "kind"),
    [("", "", "relion2"), ("images", "", "relion3"), ("", "# RELION; version 3.0.6\n", "relion3")],
)
def test_relion2_and_3(tmp_path: Path, name: str, extra: str, kind: str) -> None:
    p = read_particles(relion2(tmp_path / "p.star", name, extra))
    assert p.source.format == kind
    assert len(p.optics) == 2
    assert p.optics_index.tolist() == [0, 0, 1]
    assert p.optics[0].pixel_size_angstrom == pytest.approx(5e4 / 38168)
    assert p.optics[1].voltage_kv == 200
    # origins are pixels of the row's own pixel size
    np.testing.assert_allclose(p.shift_angstrom[:, 0], [-1.30999, -0.654999, -2], rtol=1e-5)
    assert p.half.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("rlnAngleTilt", "rotation"),
        ("rlnDefocusU", "defocus_u_angstrom"),
    ],
)
def test_a_missing_column_becomes_nan(project: Path, label: str, field: str) -> None:
    project.write_text(project.read_text().replace(label, "rlnSomethingElse"))
    p = read_particles(project)
    assert np.isnan(getattr(p, field)).all()
    assert "rlnSomethingElse" in p.columns


def test_files_that_are_no_particles(tmp_path: Path) -> None:
    micrographs = tmp_path / "m.star"
    micrographs.write_text("data_micrographs\nloop_\n_rlnMicrographName\na.mrc\n")
    with pytest.raises(UserError, match="no column rlnImageName"):
        read_particles(micrographs)
    with pytest.raises(UserError, match="is not there"):
        read_particles(tmp_path / "no.star")
    with pytest.raises(UserError, match="is a folder"):
        read_particles(tmp_path)
    binary = tmp_path / "b.star"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(UserError, match="not a STAR file"):
        read_particles(binary)
    with pytest.raises(UserError, match="passthrough"):
        read_particles(micrographs, passthrough=binary)


@pytest.mark.parametrize("name", ["x@a.mrcs", "0@a.mrcs", "1.5@a.mrcs", "99999999999@a.mrcs"])
def test_a_bad_image_name_is_told(project: Path, name: str) -> None:
    project.write_text(project.read_text().replace("000002@Extract/job007/a.mrcs", name))
    with pytest.raises(UserError, match=f"row 2 .*{name}"):
        read_particles(project)


def test_an_unknown_optics_group_is_told(project: Path) -> None:
    project.write_text(project.read_text().replace("b.mrcs  2", "b.mrcs  7"))
    with pytest.raises(UserError, match=r"row 4 .*optics group 7"):
        read_particles(project)


def test_aberrations_and_magnification(tmp_path: Path) -> None:
    star = tmp_path / "p.star"
    star.write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n_rlnBeamTiltX\n_rlnBeamTiltY\n"
        "_rlnOddZernike\n_rlnEvenZernike\n_rlnMagMat00\n_rlnMagMat01\n_rlnMagMat10\n_rlnMagMat11\n"
        "1 1.1 0.1 -0.2 [0.5,1e-2,34] [] 1.01 0.002 0.003 0.99\n\n"
        "data_particles\nloop_\n_rlnImageName\n_rlnVoltage\n_rlnOpticsGroup\n1@a.mrcs 200 1\n"
    )
    (group,) = read_particles(star).optics
    assert group.beam_tilt_mrad == (0.1, -0.2)
    assert group.odd_zernike == (0.5, 0.01, 34.0)
    assert group.even_zernike == ()
    assert group.magnification == (1.01, 0.002, 0.003, 0.99)
    assert group.has_aberrations
    assert group.has_anisotropic_magnification
    assert group.voltage_kv == 200


def test_a_subset_keeps_rows_and_columns(project: Path) -> None:
    p = read_particles(project).subset([3, 1]).subset(np.array([True, True]))
    assert p.row.tolist() == [3, 1]
    assert p.column("rlnDefocusU").tolist() == [15000, 13000]
    assert p.subset([]).row.tolist() == []
    with pytest.raises(IndexError):
        p.subset([2])
    with pytest.raises(IndexError):
        p.subset([True])
    with pytest.raises(KeyError, match="rlnNothing"):
        p.column("rlnNothing")
    with pytest.raises(ValueError, match="read-only"):
        p.rotation[0] = 0


def test_an_empty_table(project: Path) -> None:
    text = project.read_text()
    project.write_text(text[: text.index("000001@Extract/job007/a")])
    assert len(read_particles(project)) == 0


# -- where stacks are -----------------------------------------------------------------------------


def stack_folders(p: ParticleSet) -> set[Path]:
    return {s.parent for s in p.stacks if s.is_file()}


def test_stacks_moved_under_a_data_folder(project: Path, tmp_path: Path) -> None:
    root = project.parents[2]
    moved = tmp_path / "disk/session/stacks"
    moved.parent.mkdir(parents=True)
    shutil.move(root / "Extract/job007", moved)
    assert stack_folders(read_particles(project)) == set()
    assert stack_folders(read_particles(project, datadir=moved)) == {moved}  # the file name alone
    assert stack_folders(read_particles(project, datadir=tmp_path / "disk")) == {moved}  # a search
    with pytest.raises(UserError, match="data folder"):
        read_particles(project, datadir=tmp_path / "nowhere")


def test_a_data_folder_goes_before_the_project(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project.parents[2] / "Extract", tmp_path / "copy/Extract")
    found = stack_folders(read_particles(project, datadir=tmp_path / "copy"))
    assert found == {tmp_path / "copy/Extract/job007"}


def test_two_candidates_are_an_error_and_the_nearer_name_wins(
    project: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    for folder in ("one/job007", "two/job008"):
        shutil.copytree(project.parents[2] / "Extract/job007", disk / folder)
    assert stack_folders(read_particles(project, datadir=disk)) == {disk / "one/job007"}
    (disk / "two/job008").rename(disk / "two/job007")
    with pytest.raises(UserError, match="2 files under"):
        read_particles(project, datadir=disk)


def test_links_are_followed(project: Path, tmp_path: Path) -> None:
    """A linked stack, and a link to the STAR file from outside of the project."""
    extract = project.parents[2] / "Extract/job007"
    shutil.move(extract / "a.mrcs", tmp_path / "elsewhere.mrcs")
    (extract / "a.mrcs").symlink_to(tmp_path / "elsewhere.mrcs")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "link.star").symlink_to(project)
    p = read_particles(outside / "link.star")
    assert all(s.is_file() for s in p.stacks)


# -- cryoSPARC ------------------------------------------------------------------------------------


@pytest.fixture
def sparc(tmp_path: Path, project: Path) -> tuple[Path, Path]:
    """(J10/cryosparc_P1_J10_particles.cs, its passthrough): the particles of `project`."""
    p = read_particles(project)
    n = len(p)
    pose = Rotation.from_matrix(p.rotation).as_rotvec()
    names = [f">Extract/job007/{p.stacks[k].name}".encode() for k in p.stack_index]
    pixel = p.pixel_size_angstrom
    main = {
        "uid": np.arange(n, dtype="<u8") + 2**63,
        "alignments3D/pose": pose.astype("<f4"),
        "alignments3D/shift": (-p.shift_angstrom / 1.5).astype("<f4"),
        "alignments3D/psize_A": np.full(n, 1.5, "<f4"),
        "alignments3D/split": (p.half - 1).astype("<u4"),
    }
    rest = {
        "uid": main["uid"],
        "blob/path": np.array(names, "S40"),
        "blob/idx": p.image_index.astype("<u4"),
        "blob/shape": np.array([[16, 16]] * 3 + [[32, 32]], "<u4"),
        "blob/psize_A": pixel.astype("<f4"),
        "blob/sign": np.array([-1, 1, 1, 1], "<f4"),
        "ctf/accel_kv": np.array([300, 300, 300, 200], "<f4"),
        "ctf/cs_mm": np.full(n, 2.7, "<f4"),
        "ctf/amp_contrast": np.full(n, 0.1, "<f4"),
        "ctf/df1_A": p.defocus_u_angstrom.astype("<f4"),
        "ctf/df2_A": p.defocus_v_angstrom.astype("<f4"),
        "ctf/df_angle_rad": np.deg2rad(p.defocus_angle_degrees).astype("<f4"),
        "ctf/phase_shift_rad": np.full(n, np.pi / 2, "<f4"),
    }
    job = tmp_path / "J10"
    job.mkdir()
    paths = job / "cryosparc_P1_J10_particles.cs", job / "cryosparc_P1_J10_passthrough_particles.cs"
    for path, columns, order in (
        (paths[0], main, slice(None)),
        (paths[1], rest, slice(None, None, -1)),
    ):
        kinds = [(k, v.dtype, v.shape[1:]) for k, v in columns.items()]
        array = np.zeros(n, kinds)
        for name, column in columns.items():
            array[name] = column[order]
        with open(path, "wb") as file:
            np.save(file, array)
    return paths


def test_cryosparc_means_what_relion_means(sparc: tuple[Path, Path], project: Path) -> None:
    relion, p = read_particles(project), read_particles(sparc[0], passthrough=sparc[1])
    assert p.source.format == "cryosparc"
    np.testing.assert_allclose(p.rotation, relion.rotation, atol=1e-6)
    np.testing.assert_allclose(p.shift_angstrom, relion.shift_angstrom, atol=1e-5)
    np.testing.assert_allclose(p.defocus_u_angstrom, relion.defocus_u_angstrom)
    np.testing.assert_allclose(p.defocus_angle_degrees, relion.defocus_angle_degrees, rtol=1e-6)
    np.testing.assert_allclose(p.phase_shift_degrees, 90, rtol=1e-6)
    assert p.half.tolist() == relion.half.tolist()
    assert [s.name for s in p.stacks] == ["a.mrcs", "b.mrcs"]
    assert all(s.is_file() for s in p.stacks)
    assert p.image_index.tolist() == [0, 1, 2, 0]
    assert p.image_sign.tolist() == [-1, 1, 1, 1]
    assert [g.pixel_size_angstrom for g in p.optics] == [4, 2]
    assert p.optics_index.tolist() == [0, 0, 0, 1]
    assert p.column("alignments3D/shift[1]").shape == (4,)
    assert p.column("blob/path")[0].startswith(">Extract")


def test_the_passthrough_beside_the_file_is_found(sparc: tuple[Path, Path]) -> None:
    p = read_particles(sparc[0])
    assert p.source.passthrough == sparc[1]
    assert "was joined" in p.source.notes[0].message
    sparc[1].unlink()
    with pytest.raises(UserError, match="passthrough"):
        read_particles(sparc[0])


def test_a_passthrough_of_another_job_is_refused(sparc: tuple[Path, Path]) -> None:
    with open(sparc[1], "rb") as file:
        rest = np.load(file)
    np.save(sparc[1].with_suffix(".npy"), rest[:2])
    with pytest.raises(UserError, match="2 of the 4 particles"):
        read_particles(sparc[0], passthrough=sparc[1].with_suffix(".npy"))


def test_a_split_of_one_kind_is_no_split(sparc: tuple[Path, Path]) -> None:
    array = np.load(sparc[0])
    array["alignments3D/split"] = 0
    with open(sparc[0], "wb") as file:
        np.save(file, array)
    assert read_particles(sparc[0]).half.tolist() == [0] * 4


def test_without_poses_they_are_nan(sparc: tuple[Path, Path]) -> None:
    array = recfunctions.drop_fields(np.load(sparc[0]), "alignments3D/pose", usemask=False)
    with open(sparc[0], "wb") as file:
        np.save(file, array)
    assert np.isnan(read_particles(sparc[0]).rotation).all()


def test_what_is_assumed_or_ignored_is_noted(sparc: tuple[Path, Path]) -> None:
    rest = np.load(sparc[1])
    rest = recfunctions.append_fields(rest, "ctf/anisomag", np.ones(4, "<f4"), usemask=False)
    main = recfunctions.drop_fields(np.load(sparc[0]), "alignments3D/shift", usemask=False)
    for path, array in zip(sparc, (main, rest), strict=True):
        with open(path, "wb") as file:
            np.save(file, array)
    p = read_particles(sparc[0])
    assert not p.shift_angstrom.any()
    notes = [(n.severity, n.message) for n in p.source.notes]
    assert any(s == "note" and "shifts are taken as 0" in m for s, m in notes)
    assert any(s == "warning" and "ctf/anisomag are not zero" in m for s, m in notes)


def test_cut_and_pickled_cs_files(sparc: tuple[Path, Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut.cs"
    cut.write_bytes(sparc[0].read_bytes()[:-10])
    with pytest.raises(UserError, match="not a whole cryoSPARC file"):
        read_particles(cut)
    pickled = tmp_path / "evil.cs"
    with open(pickled, "wb") as file:
        np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="not a whole cryoSPARC file"):
        read_particles(pickled)


def test_the_compressed_format(sparc: tuple[Path, Path], tmp_path: Path) -> None:
    dataset = pytest.importorskip("cryosparc.dataset")
    whole = dataset.Dataset.load(sparc[1])
    whole.save(sparc[1], format=dataset.CSDAT_FORMAT)
    assert sparc[1].read_bytes()[:6] == b"\x95CSDAT"
    p = read_particles(sparc[0], passthrough=sparc[1])
    assert [s.name for s in p.stacks] == ["a.mrcs", "b.mrcs"]
    assert p.image_sign.tolist() == [-1, 1, 1, 1]
