"""A method that nothing in the program knows: examples/third_method, installed as a user would.

It must be found, set, trained, followed, decoded and judged without a change anywhere else.
"""

import subprocess
import sys

import numpy as np
import pytest
import samples
import third_method
import torch
from short_runs import FirstParticles, StopAfter

from napari_conformix.jobs import Job
from napari_conformix.methods import available_methods, method_class, settings_model
from napari_conformix.training.checkpoints import load_weights
from napari_conformix.training.devices import make_fabric
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.loop import train
from napari_conformix.training.split import make_split

RUN = "import sys; from napari_conformix.cli import main; sys.exit(main())"


@pytest.fixture(scope="module", autouse=True)
def name(tmp_path_factory):
    """What the example calls itself."""
    with third_method.installed(tmp_path_factory.mktemp("site")) as name:
        yield name


def conformix(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def job(name, tmp_path_factory):
    """A job on the tiny particle set, trained by the command line."""
    job = samples.make_job(tmp_path_factory.mktemp("third"), name, epochs=3, latent_dim=1)
    assert "Finished" in conformix("train", job.folder)
    return Job.open(job.folder)


def test_it_is_a_method_like_any_other(name):
    assert name in available_methods()
    assert method_class(name).name == name
    assert settings_model(name) is method_class(name).Settings


def test_its_settings_are_listed(name):
    listed = conformix("settings", name)
    assert f"Settings of {name}" in listed
    assert "latent_dim = 2    (1 to 16)" in listed
    assert "Adam's step, as a share of the map's peak" in listed
    assert name in listed.splitlines()[-1]


def test_a_job_of_it_trains_and_is_followed(job):
    assert job.state == "finished"
    epochs = [event for event in job.events() if event.kind == "epoch"]
    assert [event.epoch for event in epochs] == [1, 2, 3]
    assert all(0 < event.validation["0"]["unexplained"] < 1 for event in epochs)
    said = conformix("status", job.folder)
    assert f"{job.spec.method}, finished" in said
    assert "Image power not explained" in said


def test_latents_and_maps_are_there_for_exploring(job):
    latents = job.latents()
    assert latents.mean.shape == (samples.COUNT, 1)
    assert np.isfinite(latents.mean).all()
    volumes = job.decode(latents.mean[:2])
    assert volumes.shape == (2, samples.BOX, samples.BOX, samples.BOX)
    consensus = samples.read_volume(job.spec.inputs.consensus)
    np.testing.assert_allclose(job.decode([0.0]), consensus, atol=1e-3 * consensus.max())
    assert job.model_biased is None


def _run(swing, folder, settings, *, until=None, resume=False):
    """The events of a run on the particles of a swinging arm."""
    method = method_class("pca_volumes")(settings, swing.frame)
    rows = len(swing.angle)
    halves = np.zeros(rows, int)
    split = make_split(halves, independent_halves=False, validation_fraction=0.1, seed=1)
    control, told = StopAfter(), []
    for event in train(
        method, FirstParticles(swing, rows), split, settings, folder=folder,
        fabric=make_fabric("cpu", settings), control=control, consensus=swing.consensus,
        resume=resume,
    ):  # fmt: skip
        told.append(event)
        if event.kind == "epoch" and event.epoch == until:
            control.stopped = True
    return told


def test_its_latents_follow_the_motion_and_a_resumed_run_is_the_same(swing, name, tmp_path):
    settings = settings_model(name)(epochs=6, latent_dim=1, batch_size=32, threads=1)
    events = _run(swing, tmp_path / "whole", settings)
    losses = [e.validation["0"]["unexplained"] for e in events if e.kind == "epoch"]
    assert losses[-1] < losses[0]
    latents = LatentTable.load(tmp_path / "whole/latents.npz").mean[:, 0]
    assert abs(np.corrcoef(latents, swing.angle)[0, 1]) > 0.8
    _run(swing, tmp_path / "parts", settings, until=3)
    _run(swing, tmp_path / "parts", settings, resume=True)
    whole, parts = (
        load_weights(tmp_path / run / "checkpoints/epoch_0006.safetensors")[0]
        for run in ("whole", "parts")
    )
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
