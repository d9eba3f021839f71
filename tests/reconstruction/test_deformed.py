"""Deformed back-projection against known deformations of a known map."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from known_motions import ATOMS, BOX, PIXEL, Moving, displaced, hinge, moving, rigid, shear
from point_atoms import rotations

from napari_conformix.imaging import fsc, sphere_mask
from napari_conformix.reconstruction import (
    FieldGrid,
    GatherWarp,
    HalfReconstructions,
    Reconstructor,
    matter_weight,
    reconstruct_half_maps,
)
from napari_conformix.reconstruction.deformed import fine_images, sample_linear

MASK = sphere_mask(BOX, 17.0, 4.0)
SHELLS = slice(1, 24)


@pytest.fixture(scope="module", params=[rigid, shear, hinge], ids=lambda motion: motion.__name__)
def moved(request) -> Moving:
    return moving(request.param)


@pytest.fixture(scope="module")
def turned() -> Moving:
    return moving(rigid)


@pytest.fixture(scope="module")
def grid() -> FieldGrid:
    weight = matter_weight(torch.as_tensor(ATOMS.xyz), BOX, PIXEL)
    return FieldGrid.around(weight, PIXEL)


def curves(moved: Moving, warp) -> tuple[torch.Tensor, torch.Tensor]:
    """FSC with the truth of the deformed and of the plain map of the same particles."""
    sums = Reconstructor(BOX, PIXEL)
    for batch in moved.batches():
        warp.add(sums.add(batch), batch.rotation, batch.index)
    volumes = sums.volume(back_projected=warp.difference()), sums.volume()
    deformed, plain = (fsc(volume, moved.truth, MASK)[SHELLS] for volume in volumes)
    return deformed, plain


def test_a_known_motion_is_undone(moved, grid):
    deformed, plain = curves(moved, GatherWarp(grid, moved.field))
    # where the motion blurs nothing, both are the truth and differ by less than 0.001
    assert (deformed - plain).min() > -1e-3
    assert (deformed > plain)[plain < 0.999].all()
    assert deformed[:20].min() > 0.97
    assert deformed.min() > 0.92
    assert plain[15:].max() < 0.95  # there was something to be undone


def test_few_particles_leave_gaps_between_slices_and_no_noise(grid):
    """Deformed matter lies where no slice was inserted; dividing by hardly any weight there gave
    a map worse than the plain one, though the field was right."""
    moved = moving(shear, count=150)
    deformed, plain = curves(moved, GatherWarp(grid, moved.field))
    assert (deformed > plain)[6:].all()
    assert deformed[:20].min() > 0.94


@pytest.mark.parametrize("wrong", ["sign", "transposed pose", "inverse field"])
def test_wrong_variants_are_seen(grid, turned, wrong):
    warp = GatherWarp(grid, turned.field)
    if wrong == "sign":
        warp.field = lambda rows, x: -turned.field(rows, x)
    elif wrong == "inverse field":  # that of a scatter, used in a gather
        opposite = replace(turned, amplitude=-turned.amplitude)
        warp.field = opposite.field
    else:
        add = warp.add
        warp.add = lambda values, rotation, rows: add(values, rotation.mT.contiguous(), rows)
    deformed, plain = curves(turned, warp)
    assert deformed[10:].max() < 0.9  # 0.93 at least with the right one
    if wrong != "transposed pose":  # which only displaces at random
        assert (deformed < plain)[2:].all()


def test_a_field_of_zero_gives_the_plain_maps_bit_for_bit(noisy):
    half = np.where(np.arange(len(noisy.batch)) % 2, 1, 2)
    some = list(range(400))
    grid = FieldGrid.around(sphere_mask(BOX, 20.0, 3.0), PIXEL)
    still = {h: GatherWarp(grid, lambda rows, x: torch.zeros(len(rows), len(x), 3)) for h in (1, 2)}
    maps = reconstruct_half_maps(noisy.batches(rows=some), half, BOX, PIXEL, warps=still)
    alone = reconstruct_half_maps(noisy.batches(rows=some), half, BOX, PIXEL)
    for name in ("half1", "half2", "full"):
        assert torch.equal(getattr(maps, name), getattr(alone, name))
        assert torch.equal(getattr(maps.plain, name), getattr(alone, name))


def test_a_particles_field_is_used_for_its_own_half_only(noisy):
    """Rows reach the field of their own half and no other, held-out ones or not."""
    half = np.random.default_rng(0).integers(1, 3, len(noisy.batch))
    asked = {1: [], 2: []}

    def field_of(h):
        def field(rows, x):
            asked[h] += rows.tolist()
            return torch.zeros(len(rows), len(x), 3)

        return field

    grid = FieldGrid.around(sphere_mask(BOX, 4.0), PIXEL)
    warps = {h: GatherWarp(grid, field_of(h)) for h in (1, 2)}
    reconstruct_half_maps(noisy.batches(), half, BOX, PIXEL, warps=warps)
    for h in (1, 2):
        assert sorted(asked[h]) == np.flatnonzero(half == h).tolist()


# -- the adjoint ----------------------------------------------------------------------------------


def test_the_gather_is_the_adjoint_of_the_forward_model(moved):
    """<P f, y> = <f, P* y> for f a sum of atoms and any y, in float64.

    P moves atoms and takes the exact transform of their projections; P* is the sum that the gather
    stands for, with trigonometric interpolation instead of the linear one.
    """
    rng = np.random.default_rng(1)
    rotation, shift = rotations(1, 3), rng.normal(0, 3, (1, 2))
    ctf = moved.batch.ctf[:1].double().numpy()
    y = rng.normal(size=(1, BOX, BOX))
    keep = _within_nyquist()
    transform = displaced(moved.motion, 0.7).image_transforms(rotation, shift, BOX, PIXEL)
    blur = np.exp(ATOMS.b_factor / 4 * _squared_frequency())  # delta functions instead of atoms
    image = np.fft.fftshift(
        np.fft.irfft2(transform * blur * ctf * keep, s=(BOX, BOX)), axes=(-2, -1)
    )
    left = float((image * y).sum())
    moved_to = displaced(moved.motion, 0.7).xyz @ rotation[0][:, :2] + shift[0]
    values = np.fft.rfft2(np.fft.ifftshift(y, axes=(-2, -1))) * ctf * keep
    gathered = _trigonometric(values[0], moved_to / PIXEL)
    right = float((ATOMS.weights * gathered).sum())
    assert left == pytest.approx(right, rel=1e-10)
    # and with the interpolation that is used: 2 % of the values' spread
    fine = fine_images(torch.as_tensor(values), 4)[0]
    sampled = sample_linear(fine, torch.as_tensor(moved_to / PIXEL * 4)).numpy()
    assert np.abs(sampled - gathered).max() < 0.06 * gathered.std()
    assert (sampled - gathered).std() < 0.02 * gathered.std()


def _squared_frequency() -> np.ndarray:
    ky, kx = np.fft.fftfreq(BOX, PIXEL), np.fft.rfftfreq(BOX, PIXEL)
    return ky[:, None] ** 2 + kx**2


def _within_nyquist() -> np.ndarray:
    return _squared_frequency() < (0.5 / PIXEL) ** 2 * (1 - 1e-9)


def _trigonometric(values: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """The image of an rfft2 at (p, 2) pixels from the centre, exactly."""
    ky, kx = np.fft.fftfreq(BOX), np.fft.rfftfreq(BOX)
    twice = np.where((np.arange(BOX // 2 + 1) % (BOX // 2)) > 0, 2.0, 1.0)
    wave_y = np.exp(2j * np.pi * ky * xy[:, 1:])  # (p, y)
    wave_x = np.exp(2j * np.pi * kx * xy[:, :1]) * twice
    return np.einsum("py,px,yx->p", wave_y, wave_x, values).real / BOX**2


# -- the grid of the field ------------------------------------------------------------------------


@pytest.mark.parametrize("coarsening", [1, 2, 3, 4])
def test_a_linear_field_is_upsampled_without_misregistration(coarsening):
    weight = sphere_mask(30, 11.0, 2.0)
    grid = FieldGrid.around(weight, 1.7, coarsening=coarsening)
    matrix = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    expected = grid.positions @ matrix + 1.0
    torch.testing.assert_close(
        grid.upsample(grid.nodes @ matrix + 1.0), expected, atol=1e-5 * 30, rtol=1e-5
    )
    assert grid.nodes.norm(dim=1).min() == 0  # the centre is a node
    at_centre = grid.voxels == 15 * (30 * 30 + 30 + 1)
    torch.testing.assert_close(grid.positions[at_centre], torch.zeros(1, 3))
    assert len(grid.nodes) < 1.6 * len(grid.voxels) / coarsening**3 + 1000


def test_matter_is_where_the_pieces_are():
    weight = matter_weight(torch.tensor([[10.0, 0.0, -6.0]]), 32, 2.0, 5.0, 4.0)
    assert weight[16 - 3, 16, 16 + 5] == 1  # (z, y, x)
    assert weight[16 - 3, 16 + 2, 16 + 5] == 1
    assert weight[16 - 3, 16 + 5, 16 + 5] == 0
    outside = matter_weight(torch.tensor([[31.0, 31.0, 31.0]]), 32, 2.0, 5.0, 4.0)
    assert not outside.any()  # beyond the sphere that every projection shows


def test_sums_can_be_put_down_and_taken_up(noisy, grid):
    half = np.where(np.arange(len(noisy.batch)) % 2, 1, 2)

    def begin():
        field = lambda rows, x: 0.1 * x.expand(len(rows), -1, -1)  # noqa: E731
        warps = {h: GatherWarp(grid, field) for h in (1, 2)}
        return HalfReconstructions(half, BOX, PIXEL, warps=warps)

    whole, first, second = begin(), begin(), begin()
    batches = list(noisy.batches(50, list(range(200))))
    for batch in batches:
        whole.add(batch)
    for batch in batches[:2]:
        first.add(batch)
    second.load_state({k: v.clone() for k, v in first.state().items()})
    for batch in batches[2:]:
        second.add(batch)
    assert torch.equal(whole.finish().half1, second.finish().half1)
    assert second.counts == whole.counts
    with pytest.raises(ValueError, match="another"):
        HalfReconstructions(half, BOX, PIXEL).load_state(first.state())
