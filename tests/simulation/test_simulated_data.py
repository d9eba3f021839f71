import errno
import os
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile
from scipy.spatial.transform import Rotation

from napari_conformix.errors import UserError
from napari_conformix.simulation import SAMPLES, Scene, find_scene, sample_data, simulate
from napari_conformix.simulation.optics import ctf

EULER = ["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]
ORIGIN = ["rlnOriginXAngst", "rlnOriginYAngst"]
DEFOCUS = ["rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"]


def bright_spot(position: np.ndarray) -> Scene:
    """One atom, so that an image shows where it lands."""
    return Scene(
        name="spot",
        title="one atom",
        kind="rigid",
        values=np.zeros(1),
        value_name="",
        populations=np.ones(1),
        labels=("spot",),
        atoms=lambda state: (np.asarray(position, float)[None], np.ones(1)),
    )


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "states"
    return simulate("adk-states", out, 1001, 32, snr=0.1, seed=5).parent


def test_what_is_written_is_what_relion_expects(noisy: Path) -> None:
    tables = starfile.read(noisy / "particles.star")
    particles, optics = tables["particles"], tables["optics"]
    assert len(particles) == 1001
    assert particles.rlnImageName[1000] == "001001@particles.mrcs"
    assert optics["rlnImageSize"].tolist() == [32]
    with mrcfile.open(noisy / "particles.mrcs") as stack:
        assert stack.is_image_stack()
        assert stack.data.shape == (1001, 32, 32)
        assert stack.data.dtype == np.float32
        assert stack.voxel_size.x == pytest.approx(optics["rlnImagePixelSize"][0])
        assert np.isfinite(stack.data).all()
    for name in ("consensus.mrc", "mask.mrc", "truth/000.mrc"):
        with mrcfile.open(noisy / name) as file:
            assert file.is_volume()
            assert file.data.shape == (32, 32, 32)
            assert file.voxel_size.x == pytest.approx(optics["rlnImagePixelSize"][0])
    assert mrcfile.validate(str(noisy / "particles.mrcs"))
    readme = (noisy / "README.txt").read_text()
    assert "not measurements" in readme
    assert "LID absent" in readme


def test_the_star_tells_the_truth(noisy: Path) -> None:
    particles = starfile.read(noisy / "particles.star")["particles"]
    truth = np.load(noisy / "truth.npz", allow_pickle=False)
    matrix = Rotation.from_euler("ZYZ", particles[EULER], degrees=True).as_matrix()
    np.testing.assert_allclose(matrix, truth["rotation"], atol=1e-6)
    origin = particles[ORIGIN].to_numpy()
    np.testing.assert_allclose(-origin, truth["shift_A"], atol=1e-6)
    np.testing.assert_array_equal(truth["value"], truth["values"][truth["state"]])
    assert (particles.rlnDefocusU >= particles.rlnDefocusV).all()


def test_halves_are_balanced_and_populations_are_as_said(noisy: Path) -> None:
    half = starfile.read(noisy / "particles.star")["particles"].rlnRandomSubset
    assert sorted(half.value_counts()) == [500, 501]
    truth = np.load(noisy / "truth.npz", allow_pickle=False)
    found = np.bincount(truth["state"], minlength=4) / 1001
    error = np.sqrt(truth["populations"] * (1 - truth["populations"]) / 1001)
    assert (np.abs(found - truth["populations"]) < 4 * error).all()
    assert len(set(truth["populations"])) == 4
    # half sets do not depend on the state
    assert abs(truth["state"][half == 1].mean() - truth["state"][half == 2].mean()) < 0.3


def test_views_cover_the_sphere_evenly(noisy: Path) -> None:
    direction = np.load(noisy / "truth.npz", allow_pickle=False)["rotation"][:, :, 2]
    assert np.linalg.norm(direction.mean(axis=0)) < 4 / np.sqrt(1001)
    np.testing.assert_allclose(direction.T @ direction / 1001, np.eye(3) / 3, atol=0.04)


def test_noise_and_signal_are_in_the_ratio_asked_for(tmp_path: Path) -> None:
    noisy = simulate("rigid", tmp_path / "noisy", 400, 32, snr=0.1).parent
    clean = simulate("rigid", tmp_path / "clean", 400, 32, snr=float("inf")).parent
    images = mrcfile.read(noisy / "particles.mrcs")
    signal = mrcfile.read(clean / "particles.mrcs")
    assert signal.var(axis=(1, 2)).mean() == pytest.approx(1, rel=0.05)
    noise = images - np.sqrt(0.1) * signal
    assert noise.var() == pytest.approx(1, rel=0.01)
    assert abs(noise.mean()) < 0.01
    assert abs(np.mean(noise * signal)) < 0.005


def test_same_seed_same_files(tmp_path: Path) -> None:
    folders = [
        simulate("adk", tmp_path / name, 50, 32, seed=seed).parent
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    stacks = [mrcfile.read(folder / "particles.mrcs") for folder in folders]
    np.testing.assert_array_equal(stacks[0], stacks[1])
    assert abs(np.corrcoef(stacks[0].ravel(), stacks[2].ravel())[0, 1]) < 0.05
    stars = [(folder / "particles.star").read_text().split("\n", 2)[2] for folder in folders]
    assert stars[0] == stars[1] != stars[2]


def test_half_precision(tmp_path: Path) -> None:
    full = simulate("rigid", tmp_path / "full", 20, 32).parent
    half = simulate("rigid", tmp_path / "half", 20, 32, half_precision=True).parent
    with mrcfile.open(half / "particles.mrcs") as stack:
        assert stack.header.mode == 12
        assert stack.data.dtype == np.float16
        np.testing.assert_allclose(stack.data, mrcfile.read(full / "particles.mrcs"), rtol=2e-3)


def test_a_point_lands_where_design_says(tmp_path: Path) -> None:
    """A point c of the map lands at (A^T c)_xy - origin."""
    c, px = np.array([8.0, -6.0, 12.0]), 2.0
    folder = simulate(bright_spot(c), tmp_path / "spot", 40, 32, px, snr=float("inf")).parent
    particles = starfile.read(folder / "particles.star")["particles"]
    rotation = Rotation.from_euler("ZYZ", particles[EULER], degrees=True)
    origin = particles[ORIGIN].to_numpy()
    expected = rotation.inv().apply(c)[:, :2] - origin
    wrong = [
        rotation.apply(c)[:, :2] - origin,
        rotation.inv().apply(c)[:, :2] + origin,
        (rotation.inv().apply(c)[:, :2] - origin)[:, ::-1],
    ]
    images = mrcfile.read(folder / "particles.mrcs")
    found = (
        np.array(
            [_place(*view) for view in zip(images, *particles[DEFOCUS].to_numpy().T, strict=True)]
        )
        * px
    )

    def worst(positions: np.ndarray) -> float:
        return float(np.linalg.norm(found - positions, axis=1).max())

    assert worst(expected) < 0.3
    assert min(worst(other) for other in wrong) > 3


def _place(image: np.ndarray, u: float, v: float, angle: float) -> np.ndarray:
    """(x, y) in px from the centre of the one atom of an image, to an eighth of a pixel."""
    n, size = len(image), 8 * len(image)
    transfer = ctf(n, 2.0, np.array([u]), np.array([v]), np.array([angle]))[0]
    ft = np.fft.rfft2(np.fft.ifftshift(image)) * transfer  # CTF twice: one bright spot
    fine = np.zeros((size, size // 2 + 1), complex)
    fine[np.fft.fftfreq(n, 1 / n).astype(int), : n // 2 + 1] = ft
    spot = np.fft.fftshift(np.fft.irfft2(fine, s=(size, size)))
    y, x = np.unravel_index(spot.argmax(), spot.shape)
    return (np.array([x, y]) - size // 2) / 8


def test_images_are_the_formula_in_double_precision(tmp_path: Path) -> None:
    """Whole images, up to one factor, from an exact sum over atoms and the CTF written out."""
    folder = simulate("adk", tmp_path / "adk", 6, 48, 2.4, snr=float("inf"), b_factor=80.0).parent
    particles = starfile.read(folder / "particles.star")["particles"]
    state = np.load(folder / "truth.npz", allow_pickle=False)["state"]
    images = mrcfile.read(folder / "particles.mrcs").astype(float)
    exact = np.array(
        [_formula(find_scene("adk").atoms(state[i]), particles.iloc[i], 48, 2.4) for i in range(6)]
    )
    scale = (images * exact).sum() / (exact**2).sum()
    for found, image in zip(images, exact, strict=True):
        assert np.abs(found - scale * image).max() < 0.01 * np.abs(found).max()
    assert scale > 0
    # the same with the CTF's sign or the shift turned round is far away
    row = particles.iloc[0].copy()
    row[ORIGIN] = -row[ORIGIN].astype(float)
    shifted = _formula(find_scene("adk").atoms(state[0]), row, 48, 2.4)
    assert np.corrcoef(images[0].ravel(), shifted.ravel())[0, 1] < 0.95


def _formula(
    atoms: tuple[np.ndarray, np.ndarray], row: pd.Series, box: int, px: float
) -> np.ndarray:
    xyz, weights = atoms
    rotation = Rotation.from_euler("ZYZ", row[EULER].astype(float), degrees=True)
    xy = rotation.inv().apply(xyz)[:, :2] - row[ORIGIN].to_numpy(float)
    sy, sx = np.fft.fftfreq(box, px)[:, None], np.fft.fftfreq(box, px)[None, :]
    waves_x, waves_y = (
        np.exp(-2j * np.pi * np.fft.fftfreq(box, px)[:, None] * xy[:, axis]) for axis in (0, 1)
    )
    ft = np.einsum("ya,xa,a->yx", waves_y, waves_x, weights, optimize=True)
    s2 = sx**2 + sy**2
    alpha = np.arctan2(sy, sx) - np.deg2rad(row.rlnDefocusAngle)
    dz = row.rlnDefocusU * np.cos(alpha) ** 2 + row.rlnDefocusV * np.sin(alpha) ** 2
    wavelength = 0.0196874886
    gamma = np.pi * wavelength * dz * s2 - np.pi / 2 * 2.7e7 * wavelength**3 * s2**2
    ft *= np.sin(gamma + np.arcsin(0.1)) * np.exp(-80 / 4 * s2) * (s2 < (0.4999 / px) ** 2)
    return np.fft.fftshift(np.fft.ifft2(ft)).real


# -- asking for it wrongly ------------------------------------------------------------------------


def test_an_existing_data_set_is_never_touched(tmp_path: Path) -> None:
    out = tmp_path / "data"
    simulate("rigid", out, 10, 32)
    before = (out / "particles.mrcs").read_bytes()
    with pytest.raises(UserError, match="already exists"):
        simulate("adk", out, 10, 32)
    assert (out / "particles.mrcs").read_bytes() == before
    (tmp_path / "file").write_text("something")
    with pytest.raises(UserError, match="already exists"):
        simulate("adk", tmp_path / "file", 10, 32)


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert simulate("rigid", tmp_path / "empty", 10, 32).exists()


def test_stopping_half_way_leaves_nothing(tmp_path: Path) -> None:
    def stop(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate("adk", tmp_path / "data", 100, 32, progress=stop)
    assert not list(tmp_path.iterdir())


def test_progress_runs_from_nothing_to_all(tmp_path: Path) -> None:
    shares: list[float] = []
    simulate("adk", tmp_path / "data", 100, 32, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scene": "ribosome"}, "no scene 'ribosome'; use adk, adk-states, rigid"),
        ({"scene": "nothing.pdb"}, "no structure file"),
        ({"particles": 1}, "at least 2 particles"),
        ({"box": 33}, "even"),
        ({"box": 8}, "at least 16"),
        ({"snr": 0.0}, "above 0"),
        ({"snr": float("nan")}, "above 0"),
        ({"b_factor": -1.0}, "negative"),
        ({"pixel_size_angstrom": 0.0}, "above 0 A"),
        ({"pixel_size_angstrom": 1.0}, "does not fit"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_written(
    wrong: dict[str, object], message: str, tmp_path: Path
) -> None:
    arguments: dict[str, object] = {"scene": "adk", "particles": 10, "box": 32} | wrong
    with pytest.raises(UserError, match=message):
        simulate(out=tmp_path / "data", **arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be written"):
        simulate("rigid", Path("/proc/nowhere/data"), 10, 32)


# -- scenes and samples ---------------------------------------------------------------------------


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match="No space left on device"):
        simulate("adk", tmp_path / "data", 10, 32)
    assert list(tmp_path.iterdir()) == []


def test_adenylate_kinase_moves_as_published() -> None:
    """LID and NMP close over a CORE that keeps still (the frames are superposed on it)."""
    from napari_conformix.simulation.adenylate_kinase import path

    table = path()
    motion = np.linalg.norm(table.at(1.0) - table.at(0.0), axis=1)
    core = (table.residue < 30) | ((table.residue > 60) & (table.residue < 122))

    def rms(which: np.ndarray) -> float:
        return float(np.sqrt((motion[which] ** 2).mean()))

    assert rms(table.lid) == pytest.approx(14.6, abs=1.0)
    assert rms((table.residue >= 30) & (table.residue <= 59)) == pytest.approx(10.9, abs=1.0)
    assert rms(core) < 3
    # neighbouring states are near: the path has no jump
    steps = [np.abs(table.at(t + 0.01) - table.at(t)).max() for t in np.linspace(0, 0.99, 100)]
    assert max(steps) < 1.0


def test_states_differ_as_their_labels_say() -> None:
    scene = find_scene("adk-states")
    count = [len(scene.atoms(state)[1]) for state in range(4)]
    assert count[0] == count[1] == count[2]
    assert count[3] < 0.9 * count[2]


def test_the_state_of_every_particle_is_there_by_name(noisy: Path, tmp_path: Path) -> None:
    labels = np.load(noisy / "labels.npy", allow_pickle=False)
    truth = np.load(noisy / "truth.npz", allow_pickle=False)
    assert labels.shape == (1001,)
    for number, name in enumerate(("closed", "half open", "open", "open, LID absent")):
        np.testing.assert_array_equal(labels == name, truth["state"] == number)
    shares = np.bincount(truth["state"]) / 1001
    np.testing.assert_allclose(shares, [0.4, 0.15, 0.25, 0.2], atol=0.06)
    assert "labels.npy" in (noisy / "README.txt").read_text()
    continuous = simulate("adk", tmp_path / "adk", 4, 16).parent
    assert not (continuous / "labels.npy").exists()
    assert "labels.npy" not in (continuous / "README.txt").read_text()


def test_the_missing_domain_is_all_that_the_last_state_lacks() -> None:
    from napari_conformix.simulation.adenylate_kinase import path

    scene = find_scene("adk-states")
    whole, part = scene.atoms(2), scene.atoms(3)
    lid = path().lid
    np.testing.assert_array_equal(part[0], whole[0][~lid])
    np.testing.assert_array_equal(part[1], whole[1][~lid])
    assert 0.1 < whole[1][lid].sum() / whole[1].sum() < 0.25


def test_a_scene_that_does_not_add_up_is_refused() -> None:
    fields = vars(bright_spot(np.zeros(3)))
    with pytest.raises(ValueError, match="add up"):
        Scene(**fields | {"populations": np.array([0.5])})
    with pytest.raises(ValueError, match="label"):
        Scene(**fields | {"labels": ("a", "b")})
    with pytest.raises(ValueError, match="population"):
        Scene(**fields | {"values": np.zeros(2)})


def test_sample_data_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_conformix.simulation.samples._PARTICLES", 20)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in SAMPLES:
        star = sample_data(name)
        assert star.is_relative_to(tmp_path / "data")
        made = star.stat().st_mtime_ns
        assert sample_data(name) == star
        assert star.stat().st_mtime_ns == made
    assert sample_data("rigid", tmp_path / "elsewhere").is_relative_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="no sample 'x'; there are adk"):
        sample_data("x")
