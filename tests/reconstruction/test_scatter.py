"""The paper's scatter with an exact inverse agrees with the gather; folding is seen."""

import pytest
import torch
from known_motions import ATOMS, BOX, PIXEL, moving, shear

from napari_conformix.imaging import fsc, sphere_mask
from napari_conformix.reconstruction import (
    FieldGrid,
    GatherWarp,
    Reconstructor,
    ScatterWarp,
    jacobian_determinants,
    matter_weight,
)


def test_scatter_by_the_exact_inverse_undoes_the_motion_too():
    """A shear is undone by the opposite one, everywhere and exactly; its determinant is 1."""
    moved = moving(shear, count=150)
    positions = torch.as_tensor(ATOMS.xyz)
    grid = FieldGrid.around(matter_weight(positions, BOX, PIXEL), PIXEL)
    wide = FieldGrid.around(matter_weight(positions, BOX, PIXEL, 30.0, 5.0), PIXEL)
    gather = GatherWarp(grid, moved.field)
    scatter = ScatterWarp(grid, wide, lambda rows, x: -moved.field(rows, x))
    sums = Reconstructor(BOX, PIXEL)
    for batch in moved.batches(50):
        values = sums.add(batch)
        for warp in (gather, scatter):
            warp.add(values, batch.rotation, batch.index)
    mask = sphere_mask(BOX, 17.0, 4.0)
    gathered, scattered = (
        sums.volume(back_projected=warp.difference()) for warp in (gather, scatter)
    )
    plain = fsc(sums.volume(), moved.truth, mask)
    assert fsc(gathered, scattered, mask)[1:10].min() > 0.98
    assert (fsc(scattered, moved.truth, mask) > plain)[6:20].all()


def test_a_scatter_of_no_motion_changes_nothing():
    grid = FieldGrid.around(sphere_mask(BOX, 15.0, 3.0), PIXEL)
    warp = ScatterWarp(grid, grid, lambda rows, x: torch.zeros(len(rows), len(x), 3))
    moved = moving(shear, count=4)
    values = Reconstructor(BOX, PIXEL).add(moved.batch)
    warp.add(values, moved.batch.rotation, moved.batch.index)
    assert warp.difference().abs().max() < 1e-12


@pytest.mark.parametrize("factor", [0.3, 0.0, -0.5, -1.5])
def test_folding_is_seen_in_the_determinant(factor):
    """x -> (1 + factor) x has the determinant (1 + factor)^3."""
    positions = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).double() * 20
    found = jacobian_determinants(lambda x: factor * x[None], positions)
    expected = torch.full((1, 50), (1 + factor) ** 3, dtype=torch.float64)
    torch.testing.assert_close(found, expected)
