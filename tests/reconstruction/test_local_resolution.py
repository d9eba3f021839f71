"""Local resolution of half maps whose two sides are blurred and noisy to a known degree."""

import pytest
import torch
from point_atoms import Atoms

from napari_conformix.errors import UserError
from napari_conformix.imaging import low_pass, sphere_mask
from napari_conformix.reconstruction import default_window, local_resolution

BOX, PIXEL = 64, 2.0
FINE, COARSE = 6.0, 12.0


@pytest.fixture(scope="module")
def halves() -> tuple[torch.Tensor, torch.Tensor]:
    """Both sides agree up to FINE (x < 0) and COARSE (x > 0) and are unrelated beyond."""
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(BOX, BOX, BOX, generator=generator)
    right = torch.arange(BOX) >= BOX // 2  # along x, the last axis

    def half() -> torch.Tensor:
        own = torch.randn(BOX, BOX, BOX, generator=generator)
        fine, coarse = (
            low_pass(shared, PIXEL, a) + own - low_pass(own, PIXEL, a) for a in (FINE, COARSE)
        )
        return torch.where(right, coarse, fine)

    return half(), half()


def test_two_regions_have_their_own_resolution(halves):
    mask = sphere_mask(BOX, 24.0)
    found = local_resolution(*halves, mask, PIXEL, window_angstrom=48.0, step=4)
    assert found.map.shape == (BOX,) * 3
    at = BOX // 2
    left, right = found.map[at, at, at - 16], found.map[at, at, at + 16]
    assert float(left) == pytest.approx(FINE, rel=0.15)
    assert float(right) == pytest.approx(COARSE, rel=0.15)
    places_x = found.places[:, 2]
    sides = [found.values[side] for side in (places_x < at - 10, places_x > at + 10)]
    assert sides[0].max() < sides[1].min()
    best, median, worst = found.quantiles(0.1, 0.5, 0.9)
    assert best < median < worst


def test_a_lower_threshold_claims_more(halves):
    mask = sphere_mask(BOX, 10.0)
    loose, strict = (
        local_resolution(*halves, mask, PIXEL, window_angstrom=40.0, threshold=t, step=8)
        for t in (0.143, 0.5)
    )
    assert (loose.values <= strict.values).all()


def test_values_are_where_they_were_measured(halves):
    found = local_resolution(*halves, sphere_mask(BOX, 20.0), PIXEL, window_angstrom=40.0, step=4)
    at_places = found.map[tuple(found.places.T)].double()
    torch.testing.assert_close(at_places, found.values, rtol=1e-5, atol=1e-5)
    outside = found.map[0, 0, 0]
    assert float(found.values.min()) <= float(outside) <= float(found.values.max())


def test_equal_halves_reach_nyquist_and_noise_reaches_nothing():
    atoms = torch.as_tensor(Atoms.random(300, 40.0, 30.0).density(BOX, PIXEL)).float()
    noise = torch.randn(2, BOX, BOX, BOX, generator=torch.Generator().manual_seed(1))
    mask = sphere_mask(BOX, 12.0)
    same = local_resolution(atoms, atoms, mask, PIXEL, window_angstrom=40.0, step=8)
    torch.testing.assert_close(same.values, torch.full_like(same.values, 2 * PIXEL))
    none = local_resolution(*noise, mask, PIXEL, window_angstrom=40.0, step=8)
    assert none.values.median() > 20


def test_wrong_input_is_said(halves):
    with pytest.raises(UserError, match="larger than the box of 128 A"):
        local_resolution(*halves, sphere_mask(BOX, 9.0), PIXEL, window_angstrom=200.0)
    with pytest.raises(UserError, match="mask is empty"):
        local_resolution(*halves, torch.zeros(BOX, BOX, BOX), PIXEL, window_angstrom=40.0)
    assert default_window(4.0, 256, 1.0) == 20.0
    assert default_window(2.0, 256, 1.0) == 16.0
    assert default_window(60.0, 64, 2.0) == 128.0
