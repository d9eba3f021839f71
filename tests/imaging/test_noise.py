"""Noise power in units of a pixel's variance."""

import pytest
import torch

from napari_conformix.imaging import (
    background_noise_power,
    circle_mask,
    noise_power,
    spread_shells_2d,
)


def noise(count, box, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, box, box, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("box", [32, 64])
def test_white_noise_has_its_variance_in_every_shell(box):
    power = noise_power(3.0 * noise(400, box))
    assert power.shape == (box // 2 + 1,)
    assert power[1:].sub(9).abs().max() < 1.0
    assert power[4:].mean() == pytest.approx(9, rel=0.02)


def coloured(curve, count=400, box=64):
    amplitude = spread_shells_2d(curve, box).sqrt()
    return torch.fft.irfft2(torch.fft.rfft2(noise(count, box)) * amplitude)


def test_coloured_noise_gives_its_curve_back():
    curve = torch.linspace(4, 0.5, 33, dtype=torch.float64)
    power = noise_power(coloured(curve))
    assert (power / curve)[2:].sub(1).abs().max() < 0.1


def test_the_background_does_not_see_the_particle():
    curve = torch.linspace(4, 0.5, 33, dtype=torch.float64)
    particle = 50.0 * circle_mask(64, 16.0, 4.0).double()
    images = coloured(curve) + particle + 7.0  # and an offset
    power = background_noise_power(images, radius_px=21.0)
    assert (power / curve)[3:].sub(1).abs().max() < 0.1
    assert noise_power(images)[3] > 10 * curve[3]


def test_a_particle_that_fills_the_box_is_refused():
    with pytest.raises(ValueError, match="leaves no background"):
        background_noise_power(noise(2, 32), radius_px=25.0)
