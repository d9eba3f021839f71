"""Masks against relion_mask_create; contours against balls of known volume."""

import math

import numpy as np
import pytest
import torch
from point_atoms import Atoms
from relion_programs import read_mrc, run_relion, write_mrc

from napari_conformix.errors import UserError
from napari_conformix.imaging import (
    choose_threshold,
    circle_mask,
    contour_threshold,
    enclosed_volume,
    resample_mask,
    soft_mask,
    solvent_sigma,
    sphere_mask,
    threshold_enclosing,
)

BOX, PIXEL = 48, 2.0
VOLUME = torch.as_tensor(Atoms.random(60, 28.0, 800.0).density(BOX, PIXEL), dtype=torch.float32)
THRESHOLD = float(VOLUME.max()) * 0.3


@pytest.mark.relion
@pytest.mark.parametrize(
    ("extend", "soft"), [(3, 5), (0, 4), (2.5, 6), (4, 0), (0, 0), (1, 1), (7, 2.5)]
)
def test_soft_mask_is_that_of_relion_mask_create(tmp_path, extend, soft):
    write_mrc(tmp_path / "map.mrc", VOLUME.numpy(), PIXEL)
    arguments = ["--i", "map.mrc", "--o", "mask.mrc", "--ini_threshold", f"{THRESHOLD:.9g}"]
    arguments += ["--extend_inimask", extend, "--width_soft_edge", soft]
    run_relion("relion_mask_create", *arguments, folder=tmp_path)
    theirs = read_mrc(tmp_path / "mask.mrc")
    ours = soft_mask(VOLUME, THRESHOLD, extend, soft)
    assert 0 < theirs.mean() < 0.6
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), theirs, atol=5e-6)


def test_soft_mask_of_a_single_voxel():
    volume = torch.zeros(16, 16, 16)
    volume[8, 8, 8] = 1
    profile = soft_mask(volume, 0.5, extend_px=3, soft_edge_px=4)[8, 8, 8:]
    expected = [1, 1, 1, *(0.5 + 0.5 * math.cos(math.pi * d / 4) for d in (1, 2, 3)), 0, 0]
    torch.testing.assert_close(profile, torch.tensor(expected))


def test_a_threshold_above_the_map_gives_an_empty_mask():
    assert not soft_mask(VOLUME, float(VOLUME.max()) * 2).any()


def test_circles_and_spheres():
    circle = circle_mask(32, 10.0, 4.0)
    assert circle.shape == (32, 32)
    assert circle[16, 16 + 10] == 1
    assert circle[16 - 12, 16] == pytest.approx(0.5, abs=1e-6)
    assert circle[16, 16 + 14] == 0
    assert torch.equal(sphere_mask(32, 10.0, 4.0)[16], circle)
    hard = sphere_mask(64, 20.0)
    assert set(hard.unique().tolist()) == {0.0, 1.0}
    assert hard.sum() == pytest.approx(4 / 3 * math.pi * 20**3, rel=0.01)


@pytest.mark.parametrize("box", [48, 32, 80])
def test_a_hard_mask_on_another_grid_stays_where_it_is_and_does_not_ring(box):
    mask = torch.zeros(64, 64, 64)
    mask[40:52, 20:36, 8:28] = 1
    found = resample_mask(mask, box)
    assert found.shape == (box, box, box)
    assert 0 <= float(found.min()) <= float(found.max()) == 1
    step = 64 / box
    for axis, (low, high) in enumerate([(40, 51), (20, 35), (8, 27)]):
        there = (found > 0).nonzero()[:, axis] - box // 2
        assert low - 1 <= float(there.min()) * step + 32 <= low + step
        assert high - step <= float(there.max()) * step + 32 <= high + 1


def test_enclosed_volume_of_a_ball_and_back():
    axis = torch.arange(BOX) - BOX // 2
    radius = (axis**2 + axis[:, None] ** 2 + axis[:, None, None] ** 2).sqrt()
    ball = 20 - radius  # 0 at a radius of 20 px
    volume = enclosed_volume(ball, 8.0, PIXEL)
    assert volume == pytest.approx(4 / 3 * math.pi * (12 * PIXEL) ** 3, rel=0.02)
    assert threshold_enclosing(ball, volume, PIXEL) == pytest.approx(8.0, abs=0.05)
    assert threshold_enclosing(ball, 1e-3, PIXEL) == 20.0
    assert threshold_enclosing(ball, 1e12, PIXEL) == float(ball.min())


def test_the_contour_of_a_blurred_noisy_ball_is_its_surface():
    ball = sphere_mask(BOX, 10.0, 6.0)  # half height at a radius of 13
    noise = 0.1 * torch.randn(BOX, BOX, BOX, generator=torch.Generator().manual_seed(0))
    for scale, offset in ((1.0, 0.0), (1e-4, 0.0), (30.0, -2.0)):
        volume = scale * (ball + noise) + offset
        enclosed = enclosed_volume(volume, contour_threshold(volume), PIXEL)
        assert enclosed == pytest.approx(4 / 3 * math.pi * (13 * PIXEL) ** 3, rel=0.1)


def test_the_automatic_contour_is_above_the_noise_also_of_a_large_map():
    """At a box of 160 only some voxels are looked at; they must say the same as all of them."""
    generator = torch.Generator().manual_seed(1)
    for box in (64, 160):
        ball = sphere_mask(box, box / 6, 3.0)
        noise = 0.1 * torch.randn(box, box, box, generator=generator)
        assert solvent_sigma(ball + noise) == pytest.approx(0.1, rel=0.08)
        threshold = choose_threshold(ball + noise)
        assert threshold == pytest.approx(0.4, rel=0.08)  # 4 sigma: above half of Otsu's
        assert choose_threshold(ball + noise, ball) == pytest.approx(threshold)
    assert choose_threshold(ball) == pytest.approx(0.25, abs=0.03)  # half of the middle: no noise


def test_a_map_of_inverted_contrast_has_no_contour():
    with pytest.raises(UserError, match="contrast inverted"):
        choose_threshold(-sphere_mask(32, 8.0))
