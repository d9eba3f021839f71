"""Beam tilt and Zernike aberrations: definitions by hand, antisymmetric ones against RELION.

The symmetric ones are compared with relion_project in `test_relion_images.py`.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from point_atoms import Atoms, rotations
from relion_programs import read_mrc, run_relion, write_mrc, write_star

from napari_conformix.imaging import (
    ctf_2d,
    matrix_to_euler,
    remove_odd_phase,
    unapplied_aberrations,
)
from napari_conformix.imaging.aberrations import odd_phase, zernike, zernike_orders


def group(name="a", tilt=(0.0, 0.0), odd=(), magnification=(1.0, 0.0, 0.0, 1.0)):
    return SimpleNamespace(
        name=name,
        voltage_kv=300.0,
        cs_mm=2.7,
        beam_tilt_mrad=tilt,
        odd_zernike=odd,
        magnification=magnification,
    )


def test_orders():
    odd = [zernike_orders(i, odd=True) for i in range(7)]
    even = [zernike_orders(i, odd=False) for i in range(10)]
    assert odd == [(1, -1), (1, 1), (3, -3), (3, -1), (3, 1), (3, 3), (5, -5)]
    assert even[:9] == [(0, 0), (2, -2), (2, 0), (2, 2), *[(4, m) for m in (-4, -2, 0, 2, 4)]]
    assert even[9] == (6, -6)


@pytest.mark.parametrize(
    ("n", "m", "formula"),
    [
        (0, 0, lambda x, y: torch.ones_like(x)),
        (1, -1, lambda x, y: y),
        (1, 1, lambda x, y: x),
        (2, -2, lambda x, y: 2 * x * y),
        (2, 0, lambda x, y: 2 * (x**2 + y**2) - 1),
        (3, 1, lambda x, y: (3 * (x**2 + y**2) - 2) * x),
        (3, -3, lambda x, y: 3 * x**2 * y - y**3),
        (4, 0, lambda x, y: 6 * (x**2 + y**2) ** 2 - 6 * (x**2 + y**2) + 1),
        (4, 2, lambda x, y: (4 * (x**2 + y**2) - 3) * (x**2 - y**2)),
    ],
)
def test_polynomials_in_x_and_y(n, m, formula):
    x, y = torch.randn(2, 50, dtype=torch.float64)
    torch.testing.assert_close(zernike(n, m, x, y), formula(x, y))


def test_beam_tilt_is_axial_coma():
    tilt = (1.2, -0.8)
    y, x = np.meshgrid(np.fft.fftfreq(32, 1.5), np.fft.rfftfreq(32, 1.5), indexing="ij")
    wavelength = 12.2643247 / np.sqrt(300e3 * (1 + 0.978466e-6 * 300e3))
    along = 1e-3 * (tilt[0] * x + tilt[1] * y)
    expected = -2 * np.pi * 2.7e7 * wavelength**2 * along * (x**2 + y**2)
    np.testing.assert_allclose(odd_phase(group(tilt=tilt), 32, 1.5), expected, rtol=1e-4, atol=1e-6)


BOX, PIXEL, COUNT = 32, 2.0, 400


class Referee:
    """Images with an odd phase, reconstructed by RELION under a beam tilt and coefficients."""

    def __init__(self, folder):
        self.folder = folder
        self.atoms = Atoms.random(60, radius=16.0, b_factor=120.0)
        rotation = rotations(COUNT)
        ctf = ctf_2d(*torch.tensor([[1e4], [1e4], [0.0], [0.0]]), 300.0, 2.7, 0.1, PIXEL, BOX)
        clean = self.atoms.image_transforms(rotation, np.zeros((COUNT, 2)), BOX, PIXEL)
        self.transforms = torch.as_tensor(clean) * ctf
        angles = matrix_to_euler(torch.as_tensor(rotation)).numpy()
        self.particles = {
            "rlnImageName": [f"{i + 1:06d}@images.mrcs" for i in range(COUNT)],
            "rlnAngleRot": angles[:, 0],
            "rlnAngleTilt": angles[:, 1],
            "rlnAnglePsi": angles[:, 2],
            "rlnOriginXAngst": 0.0,
            "rlnOriginYAngst": 0.0,
            "rlnDefocusU": 1e4,
            "rlnDefocusV": 1e4,
            "rlnDefocusAngle": 0.0,
        }

    def agreement(self, phase, tilt=(0.0, 0.0), odd=()):
        """Correlation with the truth when images carry `phase` and the table says the rest."""
        images = torch.fft.irfft2(self.transforms * torch.exp(1j * phase.double()))
        images = torch.fft.fftshift(images, dim=(-2, -1))
        write_mrc(self.folder / "images.mrcs", images.numpy(), PIXEL, stack=True)
        optics = {"rlnBeamTiltX": tilt[0], "rlnBeamTiltY": tilt[1]} if any(tilt) else {}
        if odd:
            optics["rlnOddZernike"] = "[" + ",".join(f"{c:g}" for c in odd) + "]"
        write_star(self.folder / "in.star", self.particles, box=BOX, pixel_size=PIXEL, **optics)
        arguments = ["--i", "in.star", "--o", "out.mrc", "--ctf"]
        run_relion("relion_reconstruct", *arguments, folder=self.folder)
        truth = self.atoms.density(BOX, PIXEL)
        got = read_mrc(self.folder / "out.mrc")
        return np.corrcoef(got.ravel(), truth.ravel())[0, 1]


@pytest.fixture(scope="module")
def referee(tmp_path_factory):
    made = Referee(tmp_path_factory.mktemp("relion_reconstruct"))
    made.best = made.agreement(torch.zeros(BOX, BOX // 2 + 1))
    assert made.best > 0.95
    return made


@pytest.mark.relion
@pytest.mark.parametrize(
    ("tilt", "odd"),
    [
        ((0.0, 0.0), (8.0, 0, 0, 0, 0, 0)),
        ((0.0, 0.0), (0, 8.0, 0, 0, 0, 0)),
        ((0.0, 0.0), (0, 0, 300.0, 0, 0, 0)),
        ((0.0, 0.0), (0, 0, 0, 30.0, 0, 0)),
        ((0.0, 0.0), (0, 0, 0, 0, 30.0, 0)),
        ((0.0, 0.0), (0, 0, 0, 0, 0, 300.0)),
        ((6.0, 0.0), ()),
        ((0.0, -6.0), ()),
        # the tilt replaces the coma of the coefficients, and nothing else
        ((5.0, -3.0), (3.0, 0.0, 300.0, 30.0, 0.0, 200.0)),
    ],
)
def test_relion_reconstruct_takes_off_this_phase(referee, tilt, odd):
    phase = odd_phase(group(tilt=tilt, odd=odd), BOX, PIXEL)
    assert referee.agreement(phase, tilt, odd) == pytest.approx(referee.best, abs=1e-3)
    assert referee.agreement(-phase, tilt, odd) < referee.best - 0.03


def test_images_are_corrected_by_their_own_group():
    optics = [group(), group(tilt=(2.0, 1.0)), group(odd=(0.0, 3.0))]
    particles = SimpleNamespace(optics=optics, optics_index=np.array([0, 1, 2, 1], np.int32))
    image = torch.randn(3, 32, 17, dtype=torch.complex128)
    got = remove_odd_phase(image, particles, [3, 0, 2], 2.0)
    assert got.dtype == image.dtype
    torch.testing.assert_close(got[1], image[1])
    for i, g in ((0, 1), (2, 2)):
        phase = odd_phase(optics[g], 32, 2.0).double()
        torch.testing.assert_close(got[i] * torch.exp(1j * phase), image[i], atol=1e-6, rtol=1e-5)
        assert (got[i] - image[i]).abs().max() > 0.1


def test_nothing_is_touched_without_aberrations():
    particles = SimpleNamespace(optics=[group()], optics_index=np.zeros(2, np.int32))
    image = torch.randn(2, 8, 5, dtype=torch.complex64)
    assert remove_odd_phase(image, particles, [0, 1], 2.0) is image


def test_the_user_is_told_of_anisotropic_magnification():
    assert unapplied_aberrations([group(tilt=(1.0, 0.0), odd=(1.0,))]) == []
    stretched = group(name="session 2", magnification=(1.012, 0.001, -0.002, 0.99))
    (sentence,) = unapplied_aberrations([group(), stretched])
    assert "'session 2'" in sentence
    assert "1.2 %" in sentence
    assert "not applied" in sentence
