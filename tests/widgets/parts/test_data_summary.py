"""What the Data page says of a data set, against counts made by hand."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_conformix.particles import read_particles
from napari_conformix.widgets.parts import data_summary
from napari_conformix.widgets.session import guess_maps


def test_every_particle_is_counted_once() -> None:
    rotation = Rotation.random(5000, random_state=1).as_matrix()
    counts = data_summary.view_counts(rotation)
    assert counts.shape == (768,)
    assert counts.sum() == 5000
    # 6.5 a cell on average: the chance of a cell with more than 25 is nil
    assert counts.max() < 26


def test_a_view_along_z_is_at_the_north_of_the_projection() -> None:
    counts = data_summary.view_counts(np.eye(3)[None])
    chart = data_summary.mollweide(counts)
    lit = np.argwhere(np.nan_to_num(chart) > 0)
    assert len(lit)
    assert lit[:, 0].max() < chart.shape[0] // 6


def test_the_projection_of_the_sphere_keeps_areas() -> None:
    """An even distribution lights every pixel alike; cells hold equal numbers of pixels."""
    chart = data_summary.mollweide(np.arange(768))
    cells, pixels = np.unique(chart[np.isfinite(chart)], return_counts=True)
    assert len(cells) == 768
    # the inner cells, where the outline does not cut pixels off
    assert np.percentile(pixels, 10) > 0.6 * np.median(pixels)


def test_summary_of_simulated_particles(star: Path) -> None:
    particles = read_particles(star)
    summary = data_summary.summarise(particles, data_summary.image_box(particles))
    facts = dict(summary.facts)
    assert facts["Particles"] == "300 in 1 image stack"
    assert facts["Box"].startswith("32 px")
    assert facts["Half sets"] == f"{(particles.half == 1).sum()} + {(particles.half == 2).sum()}"
    expected = (particles.defocus_u_angstrom + particles.defocus_v_angstrom) / 2 / 1e4
    np.testing.assert_allclose(summary.defocus, expected)


def test_samples_are_pictures_of_particles(star: Path) -> None:
    particles = read_particles(star)
    rows = data_summary.sample_rows(len(particles))
    pictures = data_summary.sample_images(particles, rows)
    assert len(rows) == len(pictures) == 8
    assert rows[0] == 0
    assert rows[-1] == 299
    assert {picture.shape for picture in pictures} == {(32, 32)}
    middle = np.mean([picture[12:20, 12:20].mean() for picture in pictures])
    corner = np.mean([picture[:6, :6].mean() for picture in pictures])
    assert middle > corner + 20


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.3, 2.0])
def test_enclosed_volume_is_the_count_of_voxels(threshold: float) -> None:
    array = np.random.default_rng(0).normal(size=(12, 12, 12)).astype(np.float32)
    volume = data_summary.EnclosedVolume.of(array, 2.0)
    assert volume.above(threshold) == 8.0 * np.sum(array > threshold)


@pytest.mark.parametrize(
    ("names", "particles", "expected"),
    [
        (["run_class001.mrc", "run_half1_class001_unfil.mrc"], "run_data.star", 0),
        (["run_it003_class001.mrc", "run_it012_class001.mrc"], "run_it012_data.star", 1),
        (["consensus.mrc", "run_class001.mrc"], "run_data.star", 0),
        (["J5_004_volume_map.mrc", "J5_004_volume_mask_refine.mrc"], "J5_particles.cs", 0),
        (["unrelated.mrc"], "run_data.star", None),
    ],
)
def test_the_consensus_is_guessed_by_its_name(
    tmp_path: Path, names: list[str], particles: str, expected: int | None
) -> None:
    for name in names:
        (tmp_path / name).touch()
    consensus, _ = guess_maps(tmp_path / particles)
    assert consensus == (None if expected is None else tmp_path / names[expected])


def test_a_mask_is_not_taken_for_the_map(tmp_path: Path) -> None:
    (tmp_path / "J5_004_volume_mask_refine.mrc").touch()
    consensus, mask = guess_maps(tmp_path / "J5_particles.cs")
    assert consensus is None
    assert mask == tmp_path / "J5_004_volume_mask_refine.mrc"
