"""The manifest: napari finds the panel, the readers and the samples, and no more than those."""

from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManifest

from napari_conformix.simulation import SAMPLES
from napari_conformix.widgets import readers, sample_data

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    made = PluginManifest.from_distribution("napari-conformix")
    made.validate_imports()
    return made


def test_the_top_level_links_to_the_manifest_of_the_package() -> None:
    assert (ROOT / "napari.yaml").resolve() == ROOT / "src/napari_conformix/napari.yaml"


def test_readers_take_jobs_and_particles_only(tmp_path: Path) -> None:
    assert readers.job_reader(str(tmp_path)) is None
    (tmp_path / "job.toml").touch()
    assert readers.job_reader(str(tmp_path)) is not None
    assert readers.job_reader(str(tmp_path / "job.toml")) is not None
    assert readers.particle_reader(str(tmp_path / "run_data.STAR")) is not None
    assert readers.particle_reader([str(tmp_path / "J5.cs")]) is not None
    assert readers.particle_reader(str(tmp_path / "map.mrc")) is None


def test_other_files_are_left_to_other_readers(manifest: PluginManifest) -> None:
    for reader in manifest.contributions.readers:
        assert "*" not in reader.filename_patterns


def test_opening_without_a_window_is_reported(tmp_path: Path) -> None:
    (tmp_path / "job.toml").touch()
    with pytest.raises(RuntimeError, match="Open a napari window first"):
        readers.open_in_panel(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("adk", sample_data.adenylate_kinase_motion),
        ("adk-states", sample_data.adenylate_kinase_states),
    ],
)
def test_a_sample_gives_the_molecule_as_a_layer(name: str, make) -> None:
    [(positions, layer, kind)] = make()
    assert name in SAMPLES
    assert name in layer["name"]
    assert kind == "points"
    assert positions.shape[1] == 3
    gyration = np.sqrt((positions - positions.mean(axis=0)).var(axis=0).sum())
    assert 15 < gyration < 21  # adenylate kinase: 16.5 A closed, 19 A open
