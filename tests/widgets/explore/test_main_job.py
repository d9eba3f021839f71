"""The main job as a person does it: train, lasso one end of the motion, export, reconstruct.

Truth is known; RELION's own programs are the referees of what comes out.
"""

import subprocess

import mrcfile
import numpy as np
import pytest
import starfile
import torch
from explore_window import explore_window
from qtpy.QtTest import QTest
from scipy.stats import spearmanr

from napari_conformix.analysis.spaces import pca
from napari_conformix.imaging import fsc
from napari_conformix.jobs import Job
from napari_conformix.simulation import simulate

PARTICLES, BOX, EPOCHS = 1000, 32, 22


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("main_job") / "data"
    simulate("adk", folder, PARTICLES, BOX, snr=0.4)
    return folder


@pytest.fixture(scope="module")
def truth(data):
    return np.load(data / "truth.npz", allow_pickle=False)["value"]


@pytest.fixture(scope="module")
def job(data):
    made = Job.create(
        data.parent / "job",
        method="dynamight",
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        settings={
            "epochs": EPOCHS,
            "gaussians": 150,
            "warmup_epochs": 2,
            "batch_size": 16,
            "latent_dim": 3,
            "encoder_pooling": 1,
        },
    )
    kinds = [event.kind for event in made.train(device="cpu")]
    assert kinds[-1] == "finished"
    return made


@pytest.fixture(scope="module")
def exported(screen, job, data):
    """A STAR file of one end of the main motion, lassoed and saved in the window."""
    with explore_window() as window:
        window.open(job)
        motion = job.latents().motion
        edge = float(np.percentile(motion[:, 0], 80))
        right, low, high = motion[:, 0].max() + 0.2, motion[:, 1].min(), motion[:, 1].max()
        window.zoom(1 / 3)  # strays lie outside the view
        window.settle()
        window.lasso(
            [(edge, low - 0.2), (right, low - 0.2), (right, high + 0.2), (edge, high + 0.2)]
        )
        table = window.page.selections.table
        QTest.keyClicks(table.name, "one end")
        table.save.click()
        window.wait(lambda: "one end" in job.selections())
        window.page.selections.export("one end", data.parent / "one_end.star")
        window.wait(lambda: (data.parent / "one_end.star").exists())
        window.settle()
    return data.parent / "one_end.star"


def test_latents_of_each_half_follow_the_truth(job, truth):
    latents = job.latents()
    for half in (1, 2):
        rows = np.flatnonzero(latents.half == half)
        first = pca(latents.mean[rows]).transform(latents.mean[rows])[:, 0]
        assert abs(spearmanr(first, truth[rows]).statistic) > 0.85
    # the motion view means the same in both halves: one sign for all
    assert abs(spearmanr(latents.motion[:, 0], truth).statistic) > 0.85


def test_validation_falls(job):
    epochs = [event for event in job.events() if event.kind == "epoch"]
    curve = [np.mean([t["unexplained"] for t in e.validation.values()]) for e in epochs]
    assert min(curve[-5:]) < curve[2]


def test_decoded_ends_look_like_their_own_end(job, data, truth):
    latents = job.latents()
    ends = {"000": truth < np.percentile(truth, 10), "099": truth > np.percentile(truth, 90)}
    true = {name: mrcfile.read(data / "truth" / f"{name}.mrc") for name in ends}
    for half in (1, 2):
        maps = {
            name: job.decode(latents.mean[rows & (latents.half == half)].mean(0), half)
            for name, rows in ends.items()
        }
        for name, other in (("000", "099"), ("099", "000")):
            own = np.corrcoef(maps[name].ravel(), true[name].ravel())[0, 1]
            opposite = np.corrcoef(maps[name].ravel(), true[other].ravel())[0, 1]
            assert own > opposite


def test_the_lasso_exports_particles_of_that_end(exported, job, truth):
    rows = job.selection("one end").rows
    names = starfile.read(exported)["particles"]["rlnImageName"].to_list()
    original = starfile.read(job.spec.inputs.particles)["particles"]["rlnImageName"]
    assert names == original.iloc[rows].to_list()
    assert 0.15 * PARTICLES < len(rows) < 0.25 * PARTICLES
    sign = np.sign(spearmanr(job.latents().motion[:, 0], truth).statistic)
    rank = np.argsort(np.argsort(sign * truth)) / PARTICLES
    assert np.median(rank[rows]) > 0.8
    assert np.mean(rank[rows] > 0.5) > 0.95
    assert {step["kind"] for step in job.selection("one end").how} == {"lasso"}


@pytest.mark.relion
def test_relion_reads_the_subset_and_reconstructs_the_same_map(exported, job, data, tmp_path):
    run = {"cwd": data, "check": True, "capture_output": True, "text": True}
    rows = job.selection("one end").rows
    command = ["relion_star_handler", "--i", str(exported), "--o", str(tmp_path / "again.star")]
    subprocess.run(command, **run)
    assert len(starfile.read(tmp_path / "again.star")["particles"]) == len(rows)

    theirs = tmp_path / "relion.mrc"
    command = ["relion_reconstruct", "--i", str(exported), "--o", str(theirs), "--ctf"]
    subprocess.run(command, **run)
    ours = job.reconstruct("one end", tmp_path / "ours")
    relion = torch.from_numpy(mrcfile.read(theirs).copy())
    mask = torch.from_numpy(mrcfile.read(data / "mask.mrc").copy())
    # three quarters of the way to Nyquist; there are only 200 particles
    assert float(fsc(ours.full, relion, mask)[: 3 * BOX // 8 + 1].min()) > 0.97
