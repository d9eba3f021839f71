"""Checks of a trained one-model job: verdict, invariance, report, and what is kept of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from samples import make_job

from napari_conformix.analysis.checks import Heterogeneity
from napari_conformix.errors import NotSupportedError
from napari_conformix.jobs import Job, checks
from napari_conformix.jobs.report import analyse
from napari_conformix.runs import Warning
from napari_conformix.simulation import simulate
from napari_conformix.training.events import Notice
from napari_conformix.training.latent_table import LatentTable

COUNT = 300
SETTINGS = {
    "epochs": 2,
    "width": 0.05,
    "latent_dim": 2,
    "batch_size": 32,
    "noise_particles": 32,
    "validation_fraction": 0.2,
    "threads": 1,
}


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small trained job that no test may change."""
    folder = tmp_path_factory.mktemp("checks")
    simulate("adk", folder / "data", COUNT, 32, snr=0.5)
    data = folder / "data"
    job = Job.create(
        folder / "job",
        method="opusdsd",
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        settings=SETTINGS,
    )
    told = list(job.train(device="cpu"))
    assert told[-1].kind == "finished"
    (looked,) = [e for e in told if isinstance(e, Notice | Warning) and "by chance:" in e.message]
    assert looked.message.startswith(job.invariance().sentence())
    return job.folder


@pytest.fixture
def job(trained_once: Path, tmp_path: Path) -> Job:
    return Job.open(shutil.copytree(trained_once, tmp_path / "job"))


def test_the_verdict_is_of_the_held_out_images_and_kept(job: Job) -> None:
    shares: list[float] = []
    found = job.verdict(progress=shares.append)
    assert isinstance(found, Heterogeneity)
    assert found.particles == COUNT // 5
    assert found.level != "unknown"
    assert np.isfinite(found.own.mean)
    assert shares == sorted(shares)
    assert checks.kept_heterogeneity(Job.open(job.folder)) == found
    shares.clear()
    assert Job.open(job.folder).verdict(progress=shares.append) == found
    assert shares == []


def test_a_landscape_says_what_held_out_images_say_of_its_groups(job: Job) -> None:
    assert "not asked yet" in job.landscape().doubt
    job.verdict()
    kept = job.folder / "analysis" / "heterogeneity.json"
    told = json.loads(kept.read_text()) | {"sentence": "No heterogeneity: none."}
    for level in ("none", "artefact", "weak"):
        kept.write_text(json.dumps(told | {"level": level}))
        found = job.landscape()
        assert found.doubt == "Do not take these for states of the molecule. " + told["sentence"]
        assert found.doubt in found.sentences()
    assert "not asked yet" in checks.doubt(job, job.latents().epoch - 1)
    kept.write_text(json.dumps(told | {"level": "clear"}))
    assert job.landscape().doubt == ""


def test_stopped_it_keeps_nothing(job: Job) -> None:
    assert job.verdict(stop=lambda: True) is None
    assert checks.kept_heterogeneity(job) is None
    assert analyse(job, stop=lambda: True) is None


def test_newer_latents_are_judged_anew(job: Job) -> None:
    first = job.invariance()
    table = job.latents()
    view = job.particles.rotation[:, :, 2] @ np.array([1.0, 0, 0])
    follows = np.stack([view, np.square(view)], axis=1).astype(np.float32)
    LatentTable(**vars(table) | {"mean": follows}).save(job.folder / "latents.npz")
    later = job.invariance()
    assert first.worst.share < 0.9 < later.worst.share
    assert later.worst.condition == "viewing direction"
    assert Job.open(job.folder).invariance() == later


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"epoch_of_latents": 2, "particles": "x"}'])
def test_a_damaged_file_is_made_anew(job: Job, text: str) -> None:
    found = job.invariance()
    path = job.folder / "analysis" / "invariance.json"
    path.write_text(text)
    assert job.invariance() == found
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"epoch_of_latents": 99, "particles": 7}))
    assert job.invariance() == found


def test_what_cannot_be_kept_is_said_all_the_same(job: Job) -> None:
    found = job.invariance()
    shutil.rmtree(job.folder / "analysis")
    (job.folder / "analysis").write_text("no folder")
    assert job.invariance() == found


def test_analyse_writes_a_page_and_a_table(job: Job) -> None:
    report = analyse(job, clusters=2)
    assert report is not None
    names = [path.name for path in report.files]
    assert names == ["report.html", "particles.csv", "cluster_01.mrc", "cluster_02.mrc"]
    lines = report.lines()
    assert lines[0] == report.verdict.sentence
    assert report.invariance is not None
    assert report.invariance.sentence() in lines
    assert not any("RMS motion" in line for line in lines)
    page = report.files[0].read_text()
    assert page.count("<svg") == 2
    assert "View of the latents" in page
    table = np.genfromtxt(report.files[1], delimiter=",", names=True)
    latents = job.latents()
    assert table.dtype.names == (
        *("row", "half", "held_out", "latent_std", "latent_std_over_spread", "cluster"),
    )
    np.testing.assert_array_equal(table["held_out"], latents.validation)
    expected = np.sqrt(np.square(latents.std).mean(axis=1))
    np.testing.assert_allclose(table["latent_std"], expected, atol=1e-4)
    assert set(table["cluster"]) == {1, 2}
    np.testing.assert_array_equal(
        job.selection("kmeans2_cluster_02").rows, np.flatnonzero(table["cluster"] == 2)
    )


def test_what_needs_displacements_says_so(job: Job) -> None:
    for ask in (
        lambda: job.deformation(3),
        lambda: job.deformation_of([0, 0], half=1),
        lambda: job.motion_table(),
    ):
        with pytest.raises(NotSupportedError, match=r"no displacements.*conformix clusters"):
            ask()


def test_a_method_that_does_not_predict_images_is_not_judged(tmp_path: Path) -> None:
    job = make_job(tmp_path, "voxels", epochs=1, validation_fraction=0.4)
    assert list(job.train(device="cpu"))[-1].kind == "finished"
    found = job.verdict()
    assert found is not None
    assert (found.found, "cannot be said" in found.sentence) == (False, True)
    assert analyse(job) is not None
