"""FSC against relion_postprocess, and resolution at a threshold."""

import numpy as np
import pytest
import starfile
import torch
from point_atoms import Atoms
from relion_programs import run_relion, write_mrc

from napari_conformix.imaging import (
    corrected_fsc,
    fsc,
    low_pass,
    resolution_at,
    rfft_shell,
    soft_mask,
    sphere_mask,
)
from napari_conformix.imaging.fsc import randomise_phases

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


# -- corrected for the mask -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def noisy_halves():
    """Half maps that agree at low frequencies, with a mask that cuts into them."""
    generator = torch.Generator().manual_seed(0)
    shared, *own = torch.randn(3, 48, 48, 48, generator=generator)
    smooth = low_pass(shared, 2.0, 12.0) + 0.3 * low_pass(shared, 2.0, 6.0)
    first, second = (smooth + 0.4 * noise for noise in own)
    return first, second, sphere_mask(48, 8.0, 3.0)


@pytest.mark.relion
def test_corrected_curves_are_those_of_relion_postprocess(noisy_halves, tmp_path):
    first, second, mask = noisy_halves
    for name, volume in (("run_half1", first), ("run_half2", second), ("mask", mask)):
        write_mrc(tmp_path / f"{name}.mrc", volume.numpy(), 2.0)
    (tmp_path / "post").mkdir()  # for its plots
    arguments = ["--i", "run_half1.mrc", "--o", "post", "--mask", "mask.mrc", "--angpix", "2"]
    run_relion("relion_postprocess", *arguments, folder=tmp_path)
    theirs = starfile.read(tmp_path / "post.star", always_dict=True)["fsc"]
    ours = corrected_fsc(first, second, mask)
    for curve, name in ((ours.unmasked, "Unmasked"), (ours.masked, "Masked")):
        table = theirs[f"rlnFourierShellCorrelation{name}Maps"]
        np.testing.assert_allclose(curve, table, atol=1e-5)
    random = theirs["rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps"].to_numpy()
    corrected = theirs["rlnFourierShellCorrelationCorrected"].to_numpy()
    start = ours.random_from
    # phases are random, and so are the curves from there on: compare before, and the scatter
    np.testing.assert_allclose(ours.randomised[: start - 3], random[: start - 3], atol=0.05)
    np.testing.assert_allclose(ours.corrected[: start + 2], corrected[: start + 2], atol=1e-5)
    scatter = np.array(
        [corrected_fsc(first, second, mask, seed=s).corrected.numpy() for s in range(12)]
    )
    beyond = slice(start + 2, None)
    middle, spread = scatter[:, beyond].mean(0), scatter[:, beyond].std(0)
    assert (np.abs(corrected[beyond] - middle) < 4.5 * spread + 0.01).all()


def test_what_the_mask_brings_is_taken_off():
    """A mask that cuts through what both share at low frequencies makes high ones correlate."""
    noise = torch.randn(2, 48, 48, 48, generator=torch.Generator().manual_seed(2))
    common = 20 * low_pass(sphere_mask(48, 14.0), 2.0, 24.0)
    curves = corrected_fsc(*(noise + common), sphere_mask(48, 8.5, 0.0))
    fine = slice(curves.random_from + 2, None)
    assert curves.unmasked[fine].mean() < 0.05
    assert curves.masked[fine].mean() > 0.5
    assert curves.corrected[fine].mean() < 0.2


def test_randomised_maps_keep_their_amplitudes():
    volume = torch.randn(32, 32, 32, generator=torch.Generator().manual_seed(3)).double()
    mixed = randomise_phases(volume, 6, torch.Generator().manual_seed(4))
    low = rfft_shell(32, 3) < 6
    before, after = torch.fft.rfftn(volume), torch.fft.rfftn(mixed)
    torch.testing.assert_close(after[low], before[low])
    shells = fsc(volume, mixed)
    assert shells[1:6].min() > 0.9999
    assert shells[7:].abs().max() < 0.35
    inner = (slice(None), slice(None), slice(1, 16))  # planes that need no conjugate symmetry
    torch.testing.assert_close(after[inner].abs(), before[inner].abs())
