"""Half maps: disjoint, named for RELION, with an FSC for people and programs."""

import numpy as np
import pandas as pd
import pytest
import starfile
import torch
from relion_programs import run_relion

from napari_conformix.errors import UserError
from napari_conformix.imaging import fsc, sphere_mask
from napari_conformix.particles import read_map, write_map
from napari_conformix.reconstruction import (
    Reconstructor,
    fsc_table,
    reconstruct_half_maps,
    write_half_maps,
)

BOX, PIXEL = 48, 2.5


@pytest.fixture(scope="module")
def half(noisy):
    half = np.random.default_rng(0).integers(1, 3, len(noisy.batch)).astype(np.int8)
    half[::50] = 0
    return half


@pytest.fixture(scope="module")
def maps(noisy, half):
    mask = sphere_mask(BOX, 16.0, 5.0)
    return reconstruct_half_maps(noisy.batches(300), half, BOX, PIXEL, mask=mask)


def test_each_half_comes_from_its_own_particles(noisy, half, maps):
    for number, volume in ((1, maps.half1), (2, maps.half2)):
        rows = np.flatnonzero(half == number).tolist()
        alone = Reconstructor(BOX, PIXEL)
        for batch in noisy.batches(rows=rows):
            alone.add(batch)
        torch.testing.assert_close(alone.volume(), volume, atol=1e-4, rtol=1e-3)
        assert maps.counts[number - 1] == len(rows)


def test_more_particles_are_closer_to_the_truth(noisy, maps):
    def agreement(volume):
        return fsc(volume, noisy.truth)[10:20].mean()

    assert agreement(maps.full) > max(agreement(maps.half1), agreement(maps.half2))


def test_curve_and_resolution(maps):
    torch.testing.assert_close(maps.fsc, fsc(maps.half1.double(), maps.half2.double()))
    assert maps.fsc[1:6].min() > 0.9
    assert maps.fsc_masked[10:20].mean() > maps.fsc[10:20].mean()
    assert 2 * PIXEL <= maps.resolution.angstrom < 12


def test_rows_of_a_subset(noisy, half):
    """Only the rows asked for count, whatever their order."""
    rows = [7, 3, 11, 5, 1499, 2, 8, 1]
    maps = reconstruct_half_maps(noisy.batches(3, rows), half, BOX, PIXEL)
    assert maps.counts == tuple(int((half[rows] == h).sum()) for h in (1, 2))
    assert maps.fsc_masked is None


def test_progress_and_stop(noisy, half):
    seen = []
    done = reconstruct_half_maps(
        noisy.batches(100),
        half,
        BOX,
        PIXEL,
        progress=seen.append,
        stop=lambda: len(seen) == 3,
    )
    assert done is None
    assert seen == [100, 200, 300]


def test_an_empty_half_is_said(noisy, half):
    rows = np.flatnonzero(half == 1)[:20].tolist()
    with pytest.raises(UserError, match="Half set 2 has none of the 20 particles"):
        reconstruct_half_maps(noisy.batches(10, rows), half, BOX, PIXEL)


def test_a_mask_of_another_box_is_said(noisy, half):
    with pytest.raises(UserError, match=r"\(32, 32, 32\)"):
        reconstruct_half_maps(noisy.batches(), half, BOX, PIXEL, mask=torch.ones(32, 32, 32))


def test_files(maps, tmp_path):
    folder = tmp_path / "new" / "reconstruction"
    for _ in range(2):  # a second time over the first
        paths = write_half_maps(maps, folder, name="open")
    assert {p.name for p in paths} == {p.name for p in folder.iterdir()}  # nothing left behind
    assert {p.name for p in paths} == {
        "open_half1_class001_unfil.mrc",
        "open_half2_class001_unfil.mrc",
        "open_class001_unfil.mrc",
        "open_fsc.star",
        "open_fsc.csv",
    }
    volume, pixel_size = read_map(folder / "open_half2_class001_unfil.mrc")
    np.testing.assert_array_equal(volume, maps.half2.numpy())
    assert pixel_size == pytest.approx(PIXEL)
    star = starfile.read(folder / "open_fsc.star")
    csv = pd.read_csv(folder / "open_fsc.csv")
    for table in (star, csv):
        assert list(table.columns) == list(fsc_table(maps).columns)
        np.testing.assert_allclose(
            table["rlnFourierShellCorrelationMaskedMaps"], maps.fsc_masked, atol=1e-5
        )
        assert table["rlnAngstromResolution"].iloc[24] == pytest.approx(2 * PIXEL, rel=1e-4)


@pytest.mark.relion
def test_relion_postprocess_takes_the_half_maps(maps, tmp_path):
    write_half_maps(maps, tmp_path)
    write_map(tmp_path / "mask.mrc", sphere_mask(BOX, 16.0, 5.0).numpy(), PIXEL)
    (tmp_path / "post").mkdir()  # for its plots
    arguments = ["--i", "run_half1_class001_unfil.mrc", "--o", "post", "--mask", "mask.mrc"]
    # it finds the second map by its name
    run_relion("relion_postprocess", *arguments, "--force_mask", folder=tmp_path)
    table = starfile.read(tmp_path / "post.star", always_dict=True)["fsc"]
    ours = fsc_table(maps)
    for column in ("rlnSpectralIndex", "rlnResolution", "rlnAngstromResolution"):
        np.testing.assert_allclose(ours[column], table[column], rtol=1e-4)
    for kind in ("Unmasked", "Masked"):
        column = f"rlnFourierShellCorrelation{kind}Maps"
        np.testing.assert_allclose(ours[column], table[column], atol=5e-6)
