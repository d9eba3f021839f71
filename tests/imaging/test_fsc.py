"""FSC against relion_postprocess, and resolution at a threshold."""

import numpy as np
import pytest
import starfile
import torch

from napari_conformix.imaging import fsc, resolution_at, soft_mask
from point_atoms import Atoms
from relion_programs import run_relion, write_mrc

BOX, PIXEL = 48, 2.0


@pytest.fixture(scope="module")
def halves():
    volume = torch.as_tensor(Atoms.random(60, 28.0, 400.0).density(BOX, PIXEL))
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, BOX, BOX, BOX, generator=generator, dtype=torch.float64)
    return (volume / volume.std() + 0.5 * noise).float()


@pytest.mark.relion
def test_curves_are_those_of_relion_postprocess(halves, tmp_path):
    mask = soft_mask(halves.mean(0), 2.0, 3.0, 5.0)
    assert 0.02 < mask.mean() < 0.5
    for i in (0, 1):
        write_mrc(tmp_path / f"x_half{i + 1}_unfil.mrc", halves[i].numpy(), PIXEL)
    write_mrc(tmp_path / "mask.mrc", mask.numpy(), PIXEL)
    arguments = ["--i", "x_half1_unfil.mrc", "--o", "out", "--mask", "mask.mrc", "--angpix", PIXEL]
    (tmp_path / "out").mkdir()
    run_relion("relion_postprocess", *arguments, "--force_mask", folder=tmp_path)
    table = starfile.read(tmp_path / "out.star", always_dict=True)["fsc"]
    ours = fsc(halves[0].double(), halves[1].double()).numpy()
    masked = fsc(halves[0].double(), halves[1].double(), mask.double()).numpy()
    theirs = table["rlnFourierShellCorrelationUnmaskedMaps"].to_numpy()
    their_masked = table["rlnFourierShellCorrelationMaskedMaps"].to_numpy()
    assert len(ours) == len(theirs) == BOX // 2 + 1
    assert theirs.min() < 0.2 < 0.9 < theirs[2]  # a curve worth comparing
    np.testing.assert_allclose(ours, theirs, atol=5e-6)
    np.testing.assert_allclose(masked, their_masked, atol=5e-6)
    assert np.abs(ours - their_masked).max() > 0.01


def test_shells_against_a_sum_over_coefficients(halves):
    a, b = (np.fft.rfftn(h.double().numpy()) for h in halves)
    k = np.fft.fftfreq(BOX, 1 / BOX)
    radius = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + np.arange(BOX // 2 + 1) ** 2)
    got = fsc(*halves.double())
    for shell in (0, 1, 7, BOX // 2):
        chosen = np.round(radius) == shell
        cross = (a[chosen] * b[chosen].conj()).real.sum()
        power = np.sqrt((abs(a[chosen]) ** 2).sum() * (abs(b[chosen]) ** 2).sum())
        assert got[shell] == pytest.approx(cross / power, abs=1e-10)


def test_equal_opposite_and_empty_maps(halves):
    volume = halves[0]
    torch.testing.assert_close(fsc(volume, volume), torch.ones(BOX // 2 + 1))
    torch.testing.assert_close(fsc(volume, -3 * volume), -torch.ones(BOX // 2 + 1))
    assert not fsc(volume, torch.zeros_like(volume)).any()
    tiny = fsc(volume * 1e-15, volume * 1e-15)  # squares of squares leave float32
    torch.testing.assert_close(tiny, torch.ones(BOX // 2 + 1))


def test_batches_and_gradient(halves):
    curves = fsc(halves[None].expand(3, 2, -1, -1, -1), halves[0])
    assert curves.shape == (3, 2, BOX // 2 + 1)
    torch.testing.assert_close(curves[1, 1], fsc(halves[1], halves[0]))
    small = halves[:, 20:26, 20:26, 20:26].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: fsc(x[0], x[1]), small)


def test_resolution_interpolates_between_shells():
    curve = torch.tensor([1.0, 1.0, 0.9, 0.5, 0.1, 0.0, 0.3])
    found = resolution_at(curve, 0.3, box=12, pixel_size_angstrom=2.0)
    assert found.reached
    assert found.angstrom == pytest.approx(24 / 3.5)


def test_resolution_at_the_limits():
    assert resolution_at(torch.ones(7), 0.143, 12, 2.0).angstrom == pytest.approx(4.0)
    assert not resolution_at(torch.ones(7), 0.143, 12, 2.0).reached
    assert resolution_at(torch.zeros(7), 0.143, 12, 2.0).angstrom == pytest.approx(24.0)
    broken = torch.tensor([1.0, 1.0, float("nan"), 1.0, 1.0, 1.0, 1.0])
    assert resolution_at(broken, 0.143, 12, 2.0).reached
