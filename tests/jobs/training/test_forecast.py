"""Forecasts of runs and reconstructions: of the right size, ended when asked, plainly refused."""

import threading
import time
from pathlib import Path

import pytest
import samples
from conformix_fake import VoxelsSettings
from waiting import wait_for

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.jobs.folder import Inputs
from napari_conformix.jobs.reconstruction import forecast_reconstruction
from napari_conformix.jobs.training import Forecaster
from napari_conformix.jobs.training.forecast import forecast_here
from napari_conformix.methods.dynamight import DynaMightSettings
from napari_conformix.simulation import simulate

SMALL = DynaMightSettings(
    epochs=20, gaussians=60, batch_size=32, latent_dim=2, encoder_width=32, noise_particles=16
)


@pytest.fixture(scope="module")
def star(tmp_path_factory) -> Path:
    return simulate("adk", tmp_path_factory.mktemp("forecast") / "adk", 200, 32, snr=0.2)


def _inputs(star: Path) -> Inputs:
    return Inputs(particles=star, consensus=star.parent / "consensus.mrc")


def test_a_forecast_counts_all_particles_though_it_reads_a_few(star: Path) -> None:
    forecast = forecast_here("dynamight", _inputs(star), SMALL)
    assert forecast.batch_size == 32
    assert forecast.facts["gaussians"] == 60
    assert forecast.size == "60 Gaussians"
    assert 0 < forecast.epoch_seconds < 60
    assert forecast.seconds(40) - forecast.seconds(20) == pytest.approx(20 * forecast.epoch_seconds)
    images = 200 * 32**2 * 4
    assert forecast.memory_bytes > images


def test_a_forecast_ends_when_it_is_not_wanted_any_more(star: Path) -> None:
    forecaster, answers = Forecaster(), []
    thread = threading.Thread(
        target=lambda: answers.append(forecaster.forecast("dynamight", _inputs(star), SMALL))
    )
    thread.start()
    wait_for(lambda: forecaster._process is not None, 30)
    forecaster.cancel()
    thread.join(30)
    assert answers == [None]


def test_a_run_that_cannot_begin_is_told_from_the_other_process(star: Path) -> None:
    settings = SMALL.model_copy(update={"threshold": 1e9})
    with pytest.raises(UserError, match="Choose a lower threshold"):
        Forecaster().forecast("dynamight", _inputs(star), settings)


def test_a_reconstruction_is_forecast_without_leaving_anything(star: Path, tmp_path: Path) -> None:
    job = Job.create(
        tmp_path / "job",
        method="dynamight",
        particles=star,
        consensus=star.parent / "consensus.mrc",
        settings=SMALL,
        check=False,
    )
    before = {path.name for path in job.folder.iterdir()}
    forecast = forecast_reconstruction(job, deformed=False)
    assert forecast.particles_per_second > 1
    assert forecast.seconds(2000) == pytest.approx(10 * forecast.seconds(200))
    assert forecast.memory_bytes > 1e8
    assert {path.name for path in job.folder.iterdir()} == before
    with pytest.raises(UserError):
        forecast_reconstruction(job, deformed=True)  # there are no latents yet


def test_a_one_model_method_is_measured_on_batches_of_one_class(tmp_path: Path) -> None:
    """Its steps sleep, so that their number is seen; the first pass counts once, at the start."""
    step, count, batch_size = 0.15, 400, 20
    star = samples.write_particles(tmp_path, count=count)
    settings = VoxelsSettings(
        batch_size=batch_size, step_seconds=step, validation_fraction=0.2, threads=1, epochs=5
    )
    begun = time.perf_counter()
    forecast = forecast_here("voxels", _inputs(star), settings)
    assert time.perf_counter() - begun < count / batch_size * step + 10  # nothing is trained whole
    steps = 0.8 * count / batch_size
    assert 0.9 * steps * step < forecast.epoch_seconds < 2 * steps * step
    assert forecast.set_up_seconds > 0.8 * steps * step
    assert forecast.batch_size == batch_size
