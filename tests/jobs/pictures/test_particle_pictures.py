"""Pictures of particles: the projection is where the image is, as exact sums and RELION say."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest
import torch
from PIL import Image
from point_atoms import Atoms, correlation, rotations
from relion_programs import read_mrc, run_relion, write_mrc, write_star

from napari_conformix.errors import UserError
from napari_conformix.imaging import matrix_to_euler
from napari_conformix.jobs.folder.spec import Grids
from napari_conformix.jobs.pictures import (
    PictureMaker,
    PictureOptions,
    draw_rows,
    letter,
    write_pictures,
)
from napari_conformix.jobs.pictures import pictures as particle_pictures
from napari_conformix.particles import read_particles
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.settings import TrainingSettings

BOX, PIXEL, COUNT = 48, 3.0, 16
RAW = PictureOptions(low_pass_angstrom=None)


@cache
def molecule(state: int) -> Atoms:
    """Two states that share half of their atoms."""
    common = Atoms.random(40, radius=36.0, b_factor=400.0)
    moved = Atoms.random(40, radius=36.0, b_factor=400.0, seed=5 + state)
    return Atoms(
        np.concatenate([common.xyz, moved.xyz]),
        np.concatenate([common.weights, moved.weights]),
        400.0,
    )


@cache
def density(state: int) -> np.ndarray:
    return molecule(state).density(BOX, PIXEL).astype(np.float32)


def columns() -> dict[str, np.ndarray | list[str]]:
    rng = np.random.default_rng(7)
    angles = matrix_to_euler(torch.as_tensor(rotations(COUNT, seed=3))).numpy()
    u = rng.uniform(6000, 20000, COUNT)
    return {
        "rlnImageName": [f"{i + 1:06d}@images.mrcs" for i in range(COUNT)],
        "rlnMicrographName": [f"micrographs/mic{i // 4}.mrc" for i in range(COUNT)],
        "rlnAngleRot": angles[:, 0],
        "rlnAngleTilt": angles[:, 1],
        "rlnAnglePsi": angles[:, 2],
        "rlnOriginXAngst": rng.uniform(-12, 12, COUNT),
        "rlnOriginYAngst": rng.uniform(-12, 12, COUNT),
        "rlnDefocusU": u,
        "rlnDefocusV": u - rng.uniform(-2000, 2000, COUNT),
        "rlnDefocusAngle": rng.uniform(0, 180, COUNT),
        "rlnRandomSubset": np.arange(COUNT) % 2 + 1,
    }


def ctf(box: int, u: float, v: float, angle: float) -> np.ndarray:
    """White protein, in float64: 300 kV, Cs 2.7 mm, amplitude contrast 0.1."""
    wavelength = 12.2643247 / np.sqrt(3e5 + 0.978466e-6 * 3e5**2)
    sy, sx = np.meshgrid(np.fft.fftfreq(box, PIXEL), np.fft.rfftfreq(box, PIXEL), indexing="ij")
    s2, azimuth = sx**2 + sy**2, np.arctan2(sy, sx) - np.deg2rad(angle)
    defocus = 0.5 * (u + v + (u - v) * np.cos(2 * azimuth))
    chi = np.pi * wavelength * defocus * s2 - 0.5 * np.pi * 2.7e7 * wavelength**3 * s2**2
    return np.sin(chi + np.arcsin(0.1))


class StubJob:
    """A job of two states, decoded from latents 0 and 1; particle i shows state i % 2."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.particles = read_particles(folder / "particles.star")
        self.spec = SimpleNamespace(
            grids=Grids(
                box=BOX,
                pixel_size_angstrom=PIXEL,
                working_box=BOX,
                working_pixel_size_angstrom=PIXEL,
            )
        )
        self.settings = TrainingSettings()
        self.method_class = SimpleNamespace(title="Stub", has_decoder=True)
        self.states = [density(state) for state in (0, 1)]
        self.asked: list[tuple[float, int | None]] = []
        (folder / "latents.npz").touch()

    def latents(self, epoch: int | None = None) -> LatentTable:
        mean = (np.arange(COUNT) % 2).astype(np.float32)[:, None]
        half = (np.arange(COUNT) % 4 // 2 + 1).astype(np.int8)
        return LatentTable(mean, mean, half, np.zeros(COUNT, bool), 3)

    def decode(self, z: np.ndarray, half: int | None = None, epoch: int | None = None):
        self.asked.append((float(z[0]), half))
        return self.states[int(z[0])]


@cache
def exact_images() -> np.ndarray:
    """(COUNT, BOX, BOX): every Fourier term of them is an exact sum over atoms."""
    p = columns()
    rotation = rotations(COUNT, seed=3)
    shift = -np.stack([p["rlnOriginXAngst"], p["rlnOriginYAngst"]], axis=1)
    images = np.empty((COUNT, BOX, BOX))
    for i in range(COUNT):
        wave = molecule(i % 2).image_transforms(rotation[i : i + 1], shift[i : i + 1], BOX, PIXEL)
        wave = wave * ctf(BOX, p["rlnDefocusU"][i], p["rlnDefocusV"][i], p["rlnDefocusAngle"][i])
        images[i] = np.fft.fftshift(np.fft.irfft2(wave, s=(BOX, BOX)), axes=(-2, -1))[0]
    return images


def write_set(folder: Path, noise: float = 0.0, **changes: object) -> Path:
    """particles.star with its stack; changes are other columns, None takes one away."""
    images = exact_images()
    images = images + noise * images.std() * np.random.default_rng(1).normal(size=images.shape)
    write_mrc(folder / "images.mrcs", images, PIXEL, stack=True)
    changed = {k: v for k, v in {**columns(), **changes}.items() if v is not None}
    write_star(folder / "particles.star", changed, box=BOX, pixel_size=PIXEL)
    return folder


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., StubJob]:
    return lambda **changes: StubJob(write_set(tmp_path, **changes))


def worst(job: StubJob, options: PictureOptions = RAW) -> float:
    """The lowest correlation of an image with its own projection."""
    pictures = PictureMaker(job).read(np.arange(COUNT)).shown(options)
    return float(correlation(pictures.projections, pictures.images).min())


def test_projections_are_the_images_of_exact_sums(clean: Path) -> None:
    """Pose, shift and CTF of 16 particles in two states; the worst one counts."""
    pictures = PictureMaker(StubJob(clean)).read(np.arange(COUNT)).shown(RAW)
    assert correlation(pictures.projections, pictures.images).min() > 0.998
    np.testing.assert_allclose(
        pictures.agreement.correlation,
        [
            np.corrcoef(a.ravel(), b.ravel())[0, 1]
            for a, b in zip(pictures.images, pictures.projections, strict=True)
        ],
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("wrong", "below"),
    [
        ({"rlnOriginXAngst": -columns()["rlnOriginXAngst"]}, 0.9),
        ({"rlnOriginYAngst": -columns()["rlnOriginYAngst"]}, 0.9),
        ({"rlnAngleRot": -columns()["rlnAngleRot"]}, 0.9),
        ({"rlnAnglePsi": -columns()["rlnAnglePsi"]}, 0.9),
        ({"rlnDefocusU": 1.1 * columns()["rlnDefocusU"]}, 0.99),
        ({"rlnDefocusAngle": -columns()["rlnDefocusAngle"]}, 0.99),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_whatever_is_wrong_is_seen(make: Callable[..., StubJob], wrong: dict, below: float) -> None:
    assert worst(make(**wrong)) < below


def test_the_other_state_is_seen_to_be_the_other(clean: Path) -> None:
    job = StubJob(clean)
    job.states.reverse()
    assert worst(job) < 0.95


def test_pictures_on_a_coarser_grid_are_the_same_up_to_its_resolution(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = PictureOptions(low_pass_angstrom=12.0)
    fine = PictureMaker(StubJob(clean)).read(np.arange(4)).shown(options)
    monkeypatch.setattr(particle_pictures, "MOST_PIXELS", 32)
    coarse = PictureMaker(StubJob(clean)).read(np.arange(4)).shown(options)
    assert coarse.images.shape == (4, 32, 32)
    assert coarse.raw.pixel_size_angstrom == pytest.approx(4.5)
    assert correlation(coarse.projections, coarse.images).min() > 0.995
    np.testing.assert_allclose(coarse.agreement.correlation, fine.agreement.correlation, atol=0.003)
    # grey values of the projections are sums over the same matter, on either grid
    np.testing.assert_allclose(
        coarse.raw.projections[:, 0, 0].real / 32**2,
        fine.raw.projections[:, 0, 0].real / 48**2,
        rtol=0.01,
    )


@pytest.mark.relion
def test_projections_are_those_of_relion_project(tmp_path: Path) -> None:
    folder = write_set(tmp_path)
    for state in (0, 1):
        write_mrc(folder / f"state{state}.mrc", molecule(state).density(BOX, PIXEL), PIXEL)
        run_relion(
            "relion_project",
            *("--i", f"state{state}.mrc", "--ang", "particles.star", "--ctf"),
            *("--o", f"relion{state}", "--angpix", PIXEL),
            folder=folder,
        )
    both = [read_mrc(folder / f"relion{state}.mrcs") for state in (0, 1)]
    theirs = np.stack([both[i % 2][i] for i in range(COUNT)])
    ours = PictureMaker(StubJob(folder)).read(np.arange(COUNT)).shown(RAW)
    assert correlation(ours.projections, theirs).min() > 0.998
    # the same grey values too: plain sums of the map
    bare = ours.projections / ours.factor
    each = (bare * theirs).sum((1, 2)) / (theirs**2).sum((1, 2))
    np.testing.assert_allclose(each, 1, atol=0.02)


def test_each_particle_is_decoded_by_the_model_of_its_own_half(clean: Path) -> None:
    job = StubJob(clean)
    table, rows = job.latents(), np.array([5, 2, 11])
    PictureMaker(job).read(rows)
    own = [(float(table.mean[row, 0]), int(table.half[row])) for row in rows]
    assert job.asked[: len(rows)] == own


def test_only_the_images_asked_for_are_read(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_conformix.particles import ImageReader

    seen: list[int] = []
    read = ImageReader.read

    def counted(self: ImageReader, rows: np.ndarray) -> np.ndarray:
        seen.extend(self._image_index[np.asarray(rows)])
        return read(self, rows)

    monkeypatch.setattr(ImageReader, "read", counted)
    raw = PictureMaker(StubJob(clean)).read([9, 3])
    assert seen == [9, 3]
    assert [facts.row for facts in raw.facts] == [9, 3]
    assert raw.facts[0].image == "000010@images.mrcs"
    assert raw.facts[0].micrograph == "mic2.mrc"
    assert raw.facts[0].half == 2
    p = columns()
    mean = (p["rlnDefocusU"][9] + p["rlnDefocusV"][9]) / 2
    assert raw.facts[0].defocus_angstrom == pytest.approx(mean, abs=0.01)


def test_the_gain_tells_states_apart_in_noise_and_says_so(make: Callable[..., StubJob]) -> None:
    job = make(noise=3.0)
    pictures = PictureMaker(job).read(np.arange(COUNT)).shown(PictureOptions(15.0))
    assert pictures.clear.sum() > COUNT // 2
    assert "more than fitted noise" in pictures.sentences()[-1]
    job.states = [sum(job.states) / 2] * 2  # a model that knows one state only
    pictures = PictureMaker(job).read(np.arange(COUNT)).shown(PictureOptions(15.0))
    assert not pictures.clear.any()
    assert "do not show" in pictures.sentences()[-1]


def test_images_of_the_wrong_sign_are_told_about(clean: Path) -> None:
    job = StubJob(clean)
    job.settings = TrainingSettings(invert_contrast=True)
    pictures = PictureMaker(job).read(np.arange(6)).shown(RAW)
    assert pictures.factor < 0
    assert any("opposite sign" in sentence for sentence in pictures.sentences())


def test_filters_treat_images_and_projections_alike(clean: Path) -> None:
    raw = PictureMaker(StubJob(clean)).read(np.arange(8))
    recorded = raw.shown(PictureOptions(20.0))
    for how in ("flipped", "wiener"):
        shown = raw.shown(PictureOptions(20.0, how))
        assert correlation(shown.projections, shown.images).min() > 0.99
        np.testing.assert_allclose(shown.agreement.correlation, recorded.agreement.correlation)
    # a corrected image is nearer to what the molecule looks like without CTF
    alike = {}
    for how in ("recorded", "flipped", "wiener"):
        shown = raw.shown(PictureOptions(9.0, how, projection_ctf=False))
        alike[how] = correlation(shown.images, shown.projections)
    assert (alike["wiener"] > alike["recorded"] + 0.05).all()
    assert (alike["flipped"] > alike["recorded"] + 0.02).all()
    power = np.abs(np.fft.fft2(recorded.images)) ** 2
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(BOX, PIXEL), np.fft.fftfreq(BOX, PIXEL)))
    assert power[:, k > 1 / 15].sum() < 1e-6 * power.sum()
    black = raw.shown(PictureOptions(20.0, black=True))
    np.testing.assert_allclose(black.images, -recorded.images)
    np.testing.assert_allclose(black.projections, -recorded.projections)


def test_grey_is_one_scale_for_all(clean: Path) -> None:
    pictures = PictureMaker(StubJob(clean)).read(np.arange(6)).shown(RAW)
    values = np.array([-2 * pictures.limit, -pictures.limit, 0, pictures.limit, np.nan])
    np.testing.assert_array_equal(pictures.grey(values), [0, 0, 128, 255, 128])
    assert 0 < np.mean(np.abs(pictures.images) > pictures.limit) < 0.005


def test_without_a_decoder_there_are_images_only(clean: Path, tmp_path: Path) -> None:
    job = StubJob(clean)
    job.method_class = SimpleNamespace(title="Latents of another program", has_decoder=False)
    pictures = PictureMaker(job).read(np.arange(3)).shown(PictureOptions())
    assert pictures.projections is None
    assert not job.asked
    assert "no decoder" in pictures.sentences()[0]
    assert pictures.caption(0) == ""
    assert write_pictures(pictures, tmp_path / "images.mrcs").exists()
    assert mrcfile.read(tmp_path / "images.mrcs").shape == (3, BOX, BOX)


def test_particles_without_latent_have_no_projection_and_the_others_do(clean: Path) -> None:
    job, table = StubJob(clean), StubJob(clean).latents()
    table.mean[1] = np.nan
    job.latents = lambda epoch=None: table
    pictures = PictureMaker(job).read(np.arange(4)).shown(PictureOptions())
    assert np.isnan(pictures.projections[1]).all()
    assert np.isfinite(pictures.projections[[0, 2, 3]]).all()
    assert (pictures.grey(pictures.projections[1]) == 128).all()
    assert pictures.caption(1) == ""
    assert pictures.caption(0) != ""


def test_particles_without_defocus_are_shown_without_ctf(make: Callable[..., StubJob]) -> None:
    none = dict.fromkeys(("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"))
    pictures = PictureMaker(make(**none)).read(np.arange(3)).shown(PictureOptions())
    assert np.isfinite(pictures.images).all()
    assert "3 of 3 particles have no defocus" in pictures.sentences()[0]


def test_a_missing_stack_is_a_sentence(make: Callable[..., StubJob]) -> None:
    job = make()
    (job.folder / "images.mrcs").unlink()
    with pytest.raises(UserError, match=r"images\.mrcs"):
        PictureMaker(job).read([0])


def test_wrong_input_is_a_sentence(clean: Path) -> None:
    maker = PictureMaker(StubJob(clean))
    with pytest.raises(UserError, match=r"no particle 99; rows go from 0 to 15"):
        maker.read([1, 99])
    with pytest.raises(UserError, match="selection is empty"):
        maker.read([])
    for low_pass in (-1.0, 0.0, float("nan"), float("inf")):
        with pytest.raises(UserError, match="low-pass"):
            PictureOptions(low_pass)


def test_reading_stops_when_told_to(clean: Path) -> None:
    job = StubJob(clean)
    assert PictureMaker(job).read(np.arange(8), stop=lambda: len(job.asked) >= 2) is None
    assert len(job.asked) == 2


def test_rows_are_drawn_at_random_and_again_the_same() -> None:
    rows = np.arange(100, 400)
    first, again, other = (draw_rows(rows, 12, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(np.unique(first)) == 12
    assert np.isin(first, rows).all()
    np.testing.assert_array_equal(draw_rows([5, 3, 3], 12, 0), [3, 5])


def test_letters_go_on_after_z() -> None:
    assert [letter(i) for i in (0, 25, 26, 27, 51, 52, 701, 702)] == [
        *("A", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA")
    ]


def test_a_sheet_shows_every_picture_and_a_stack_holds_them(clean: Path, tmp_path: Path) -> None:
    pictures = PictureMaker(StubJob(clean)).read(np.arange(5)).shown(PictureOptions(15.0))
    sheet = np.asarray(Image.open(write_pictures(pictures, tmp_path / "sheet.png")).convert("L"))
    enlarged = np.kron(pictures.grey(pictures.projections)[4], np.ones((4, 4), np.uint8))
    shown = np.lib.stride_tricks.sliding_window_view(sheet, enlarged.shape)[::1, ::1]
    corner = enlarged[-1, -40:]
    rows, places = np.nonzero((shown[:, :, -1, -40:] == corner).all(axis=-1))
    assert any((shown[y, x] == enlarged).all() for y, x in zip(rows, places, strict=True))
    write_pictures(pictures, tmp_path / "stack.mrcs")
    with mrcfile.open(tmp_path / "stack.mrcs") as stack:
        np.testing.assert_allclose(stack.data[0::2], pictures.images, atol=1e-6)
        np.testing.assert_allclose(stack.data[1::2], pictures.projections, atol=1e-6)
        assert float(stack.voxel_size.x) == pytest.approx(PIXEL)
        assert stack.is_image_stack()
    with pytest.raises(UserError, match="exists"):
        write_pictures(pictures, tmp_path / "stack.mrcs")
    with pytest.raises(UserError, match=r"\.png"):
        write_pictures(pictures, tmp_path / "sheet.jpg")
    with pytest.raises(UserError, match="no folder"):
        write_pictures(pictures, tmp_path / "nowhere" / "sheet.png")
