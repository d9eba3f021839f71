"""The checks before a run: grids, grey values, and whether images and map agree."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_conformix.particles import ParticleSet, read_particles, write_map
from napari_conformix.training.preflight import Report, preflight
from napari_conformix.training.settings import TrainingSettings

BOX, PIXEL, COUNT, BLOBS = 32, 4.0, 60, 7


def project_atoms(atoms: np.ndarray, rotation: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """(y, x) image of Gaussian atoms (xyz in A): a point c lands at (A^T c)_xy + shift."""
    at = (atoms @ rotation)[:, :2] + shift
    axis = (np.arange(BOX) - BOX // 2) * PIXEL
    gx = np.exp(-((axis[None] - at[:, :1]) ** 2) / 72)
    gy = np.exp(-((axis[None] - at[:, 1:]) ** 2) / 72)
    return np.einsum("py,px->yx", gy, gx)


def contrast_transfer(defocus: float) -> np.ndarray:
    """-sin(chi) at 300 kV, Cs 2.7 mm, Q0 0.1, no astigmatism; zero frequency at [0, 0]."""
    s2 = (np.fft.fftfreq(BOX, PIXEL) ** 2)[:, None] + (np.fft.rfftfreq(BOX, PIXEL) ** 2)[None]
    wavelength = 0.0196875
    chi = np.pi * wavelength * defocus * s2 - np.pi / 2 * 2.7e7 * wavelength**3 * s2**2
    return np.sin(chi + np.arcsin(0.1))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy images of a few atoms made without the program's own projector."""
    folder = tmp_path_factory.mktemp("made")
    random = np.random.default_rng(0)
    atoms = random.normal(0, 14, (BLOBS, 3))
    axis = (np.arange(BOX) - BOX // 2) * PIXEL
    parts = [np.exp(-((axis[None] - atoms[:, k, None]) ** 2) / 72) for k in range(3)]
    write_map(folder / "map.mrc", np.einsum("px,py,pz->zyx", *parts), PIXEL)
    angles = np.stack([random.uniform(-180, 180, COUNT), random.uniform(5, 175, COUNT),
                       random.uniform(-180, 180, COUNT)], axis=1)  # fmt: skip
    rotation = Rotation.from_euler("ZYZ", angles, degrees=True).as_matrix()
    shift = random.normal(0, 5, (COUNT, 2))
    defocus = random.uniform(10000, 20000, COUNT)
    images = np.stack([
        np.fft.irfft2(np.fft.rfft2(project_atoms(atoms, r, s)) * contrast_transfer(d), (BOX, BOX))
        for r, s, d in zip(rotation, shift, defocus, strict=True)
    ])  # fmt: skip
    images = images / images.std() * 0.7 + random.normal(size=images.shape)
    with mrcfile.new(folder / "p.mrcs") as mrc:
        mrc.set_data(images.astype(np.float32))
        mrc.set_image_stack()
        mrc.voxel_size = PIXEL
    rows = [
        f"{i + 1}@p.mrcs 1 {a[0]} {a[1]} {a[2]} {-s[0]} {-s[1]} {d} {d} 0 {1 + i % 2}"
        for i, (a, s, d) in enumerate(zip(angles, shift, defocus, strict=True))
    ]
    labels = """
        ImageName OpticsGroup AngleRot AngleTilt AnglePsi OriginXAngst OriginYAngst
        DefocusU DefocusV DefocusAngle RandomSubset
    """.split()  # noqa: SIM905
    (folder / "p.star").write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnVoltage\n_rlnSphericalAberration\n"
        f"_rlnAmplitudeContrast\n_rlnImagePixelSize\n_rlnImageSize\n1 300 2.7 0.1 {PIXEL} {BOX}\n\n"
        "data_particles\nloop_\n" + "".join(f"_rln{k}\n" for k in labels) + "\n".join(rows) + "\n"
    )
    return folder


def variant(
    made: Path, tmp_path: Path, edit=lambda images: images, text=lambda t: t
) -> ParticleSet:
    """The same particles with other images or another STAR text."""
    with mrcfile.open(made / "p.mrcs") as mrc:
        images = mrc.data.copy()
    with mrcfile.new(tmp_path / "p.mrcs", overwrite=True) as mrc:
        mrc.set_data(edit(images).astype(np.float32))
        mrc.set_image_stack()
        mrc.voxel_size = PIXEL
    (tmp_path / "p.star").write_text(text((made / "p.star").read_text()))
    return read_particles(tmp_path / "p.star")


def said(report: Report, part: str) -> list[str]:
    return [p.severity for p in report.problems if part in p.message]


def test_good_data_pass(made: Path) -> None:
    p = read_particles(made / "p.star")
    report = preflight(p, made / "map.mrc", None, TrainingSettings())
    assert report.errors == []
    assert said(report, "The images agree with the map (white protein)") == ["note"]
    assert said(report, "normalise_images") == []
    frame = report.frame
    assert (frame.box, frame.working_box) == (BOX, BOX)
    assert frame.working_pixel_size_angstrom == pytest.approx(PIXEL)
    assert report.counts["particles"] == COUNT
    assert report.counts["half_1"] == COUNT // 2
    assert report.text().startswith("60 particles, 30 half 1, 30 half 2")


def test_black_protein_is_an_error_until_inverted(made: Path, tmp_path: Path) -> None:
    black = variant(made, tmp_path, np.negative)
    assert said(preflight(black, made / "map.mrc", None, TrainingSettings()), "; set inv") == [
        "error"
    ]
    inverted = TrainingSettings(invert_contrast=True)
    assert preflight(black, made / "map.mrc", None, inverted).errors == []
    white = read_particles(made / "p.star")
    assert said(preflight(white, made / "map.mrc", None, inverted), "unset inv") == ["error"]


@pytest.mark.parametrize("wrong", ["poses", "shifts", "map", "ctf"])
def test_correlation_falls_when_something_is_wrong(made: Path, tmp_path: Path, wrong: str) -> None:
    """The comparison sees the convention of each part, not just blobs on blobs."""
    from napari_conformix.training.preflight import image_map_correlation

    p = read_particles(made / "p.star")
    report = preflight(p, made / "map.mrc", None, TrainingSettings())
    with mrcfile.open(made / "map.mrc") as mrc:
        volume = mrc.data.copy()
    rows = np.arange(COUNT)
    right = image_map_correlation(p, rows, volume, report.frame).mean()
    if wrong == "poses":
        changed = variant(made, tmp_path)
        object.__setattr__(changed, "rotation", np.swapaxes(changed.rotation, 1, 2))
    elif wrong == "shifts":
        changed = variant(made, tmp_path)
        object.__setattr__(changed, "shift_angstrom", -changed.shift_angstrom)
    elif wrong == "ctf":
        changed = variant(made, tmp_path)
        object.__setattr__(changed, "defocus_u_angstrom", changed.defocus_u_angstrom + 20000)
    else:
        changed, volume = p, volume[:, :, ::-1].copy()
    assert image_map_correlation(changed, rows, volume, report.frame).mean() < 0.9 * right


def test_noise_does_not_agree(made: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    noise = variant(made, tmp_path, lambda images: random.normal(size=images.shape))
    report = preflight(noise, made / "map.mrc", None, TrainingSettings())
    assert said(report, "do not agree with the map") == ["warning"]


def test_unnormalised_images_are_offered_the_setting(made: Path, tmp_path: Path) -> None:
    raw = variant(made, tmp_path, lambda images: images * 3 + 100)
    report = preflight(raw, made / "map.mrc", None, TrainingSettings())
    assert said(report, "setting normalise_images brings them there") == ["warning"]
    quiet = preflight(raw, made / "map.mrc", None, TrainingSettings(normalise_images=True))
    assert said(quiet, "normalise_images") == []
    assert said(quiet, "The images agree") == ["note"]


def test_the_grids(made: Path, tmp_path: Path) -> None:
    p = read_particles(made / "p.star")
    frame = preflight(p, made / "map.mrc", None, TrainingSettings(working_box=20)).frame
    assert (frame.box, frame.working_box) == (BOX, 20)
    assert frame.working_pixel_size_angstrom == pytest.approx(PIXEL * BOX / 20)
    for box in (21, 8, 64):
        report = preflight(p, made / "map.mrc", None, TrainingSettings(working_box=box))
        assert report.frame is None
        assert said(report, f"working_box is {box}") == ["error"]
    nothing = preflight(p, None, None, TrainingSettings())
    assert nothing.frame is None
    assert said(nothing, "There is no consensus map") == ["error"]


def test_a_map_without_pixel_size_takes_the_images(made: Path, tmp_path: Path) -> None:
    with mrcfile.open(made / "map.mrc") as mrc:
        write_map(tmp_path / "bare.mrc", mrc.data, 0.0)
    report = preflight(
        read_particles(made / "p.star"), tmp_path / "bare.mrc", None, TrainingSettings()
    )
    assert report.errors == []
    assert report.frame.pixel_size_angstrom == pytest.approx(PIXEL)


def test_groups_of_another_pixel_size_are_compared_on_one_grid(made: Path, tmp_path: Path) -> None:
    """Half the particles Fourier-cropped to half the box and twice the pixel size."""
    with mrcfile.open(made / "p.mrcs") as mrc:
        ft = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(mrc.data, axes=(1, 2))), axes=(1, 2))
    crop = ft[:, BOX // 4 : -BOX // 4, BOX // 4 : -BOX // 4]
    small = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(crop, axes=(1, 2))).real, axes=(1, 2))
    with mrcfile.new(tmp_path / "small.mrcs") as mrc:
        mrc.set_data((small / 4).astype(np.float32))
        mrc.set_image_stack()
        mrc.voxel_size = 2 * PIXEL

    def regroup(text: str) -> str:
        line = f"1 300 2.7 0.1 {PIXEL} {BOX}\n"
        text = text.replace(line, f"{line}2 300 2.7 0.1 {2 * PIXEL} {BOX // 2}\n")
        return text.replace("1@p.mrcs 1", "1@small.mrcs 2").replace("3@p.mrcs 1", "3@small.mrcs 2")

    p = variant(made, tmp_path, text=regroup)
    assert p.optics_index.sum() == 12
    report = preflight(p, made / "map.mrc", None, TrainingSettings())
    assert report.errors == []
    from napari_conformix.training.preflight import image_map_correlation

    with mrcfile.open(made / "map.mrc") as mrc:
        volume = mrc.data.copy()
    correlation = image_map_correlation(p, np.arange(COUNT), volume, report.frame)
    small_rows = p.optics_index == 1
    assert correlation[small_rows].mean() > 0.9 * correlation[~small_rows].mean()


def test_errors_stop_the_comparison(made: Path, tmp_path: Path) -> None:
    p = variant(made, tmp_path, text=lambda t: t.replace("_rlnAngleRot", "_rlnOther"))
    report = preflight(p, made / "map.mrc", None, TrainingSettings())
    assert len(report.errors) == 1
    assert said(report, "The images") == []
    (tmp_path / "p.mrcs").unlink()
    both = preflight(p, made / "map.mrc", None, TrainingSettings())
    assert len(both.errors) == 2
    assert "stacks are missing" in both.text()


def test_optics_groups_of_different_grey_scale_are_told_until_normalised(
    made: Path, tmp_path: Path
) -> None:
    def brighter(images: np.ndarray) -> np.ndarray:
        return images * np.where(np.arange(COUNT) < COUNT // 2, 1.0, 1.8)[:, None, None]

    def second_group(text: str) -> str:
        line = f"1 300 2.7 0.1 {PIXEL} {BOX}\n"
        text = text.replace(line, f"{line}2 300 2.7 0.1 {PIXEL} {BOX}\n")
        for i in range(COUNT // 2, COUNT):
            text = text.replace(f"\n{i + 1}@p.mrcs 1", f"\n{i + 1}@p.mrcs 2")
        return text

    grey = "The grey scale of the images differs between optics groups"
    alike = variant(made, tmp_path, text=second_group)
    assert said(preflight(alike, made / "map.mrc", None, TrainingSettings()), grey) == []
    p = variant(made, tmp_path, brighter, second_group)
    report = preflight(p, made / "map.mrc", None, TrainingSettings())
    assert said(report, grey) == ["warning"]
    normalised = TrainingSettings(normalise_images=True)
    assert said(preflight(p, made / "map.mrc", None, normalised), grey) == []
