"""RELION reconstructs the simulated particles into the map that they were made from."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import starfile
from relion_programs import read_mrc, run_relion

from napari_conformix.simulation import simulate

pytestmark = pytest.mark.relion

BOX, PIXEL = 48, 2.4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "rigid"
    return simulate("rigid", out, 1500, BOX, PIXEL, snr=float("inf"), seed=2).parent


def shell_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Fourier shell correlation of shells 1 to N // 2 - 1."""
    n = len(a)
    k = np.fft.fftfreq(n, 1 / n)
    shell = np.rint(np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2)).astype(int).ravel()
    fa, fb = np.fft.fftn(a).ravel(), np.fft.fftn(b).ravel()

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(shell, values.real)[1 : n // 2]

    return total(fa * fb.conj()) / np.sqrt(total(np.abs(fa) ** 2) * total(np.abs(fb) ** 2))


def reconstruct(folder: Path, star: str) -> np.ndarray:
    run_relion("relion_reconstruct", "--i", star, "--o", "out.mrc", "--ctf", folder=folder)
    return read_mrc(folder / "out.mrc")


def test_relion_gives_the_true_map_back(data: Path) -> None:
    truth = read_mrc(data / "truth" / "000.mrc")
    found = reconstruct(data, "particles.star")
    correlation = shell_correlation(found, truth)
    assert correlation.min() > 0.95
    assert correlation[: len(correlation) // 2].min() > 0.99
    # sign and grey scale too: a map of these images needs no factor
    assert (found * truth).sum() / (truth**2).sum() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("columns", "factor"),
    [
        (["rlnOriginXAngst", "rlnOriginYAngst"], -1),
        (["rlnAnglePsi"], -1),
        (["rlnAngleRot"], -1),
        (["rlnDefocusU", "rlnDefocusV"], 0.8),
    ],
)
def test_wrong_signs_would_be_seen(
    columns: list[str], factor: float, data: Path, tmp_path: Path
) -> None:
    tables = starfile.read(data / "particles.star")
    tables["particles"][columns] *= factor
    starfile.write(tables, tmp_path / "wrong.star")
    shutil.copy(data / "particles.mrcs", tmp_path)
    found = reconstruct(tmp_path, "wrong.star")
    assert shell_correlation(found, read_mrc(data / "truth" / "000.mrc")).min() < 0.8


def test_the_consensus_is_the_mean_of_what_moves(tmp_path: Path) -> None:
    folder = simulate("adk", tmp_path / "adk", 1500, BOX, PIXEL, snr=float("inf"), seed=2).parent
    found, consensus = reconstruct(folder, "particles.star"), read_mrc(folder / "consensus.mrc")
    assert shell_correlation(found, consensus)[:16].min() > 0.98
    closed, opened = (read_mrc(folder / "truth" / f"{i:03d}.mrc") for i in (0, 99))
    assert shell_correlation(found, closed)[:16].min() < 0.8
    assert shell_correlation(found, opened)[:16].min() < 0.8
    # the mask leaves nothing of any state outside
    mask = read_mrc(folder / "mask.mrc")
    assert mask.min() == 0
    assert mask.max() == 1
    for state in (closed, opened):
        assert np.abs(state * (1 - mask)).max() < 0.1 * state.max()
