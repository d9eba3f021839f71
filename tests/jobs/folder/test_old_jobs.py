"""A job folder once made opens for ever: those of earlier versions, in tests/data/old_jobs."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import old_jobs
import pytest

from napari_conformix.jobs import Job
from napari_conformix.jobs.spaces import embedding_of, umaps_of
from napari_conformix.particles import read_map, read_particles
from napari_conformix.runs import Warning
from napari_conformix.runs.formats import FORMATS
from napari_conformix.training.events import Finished

TRAINED = ("dynamight", "opusdsd")


def name_of(path: Path) -> str:
    return path.name.removesuffix(".tar.xz")


@pytest.fixture(scope="module", params=old_jobs.ARCHIVES, ids=name_of)
def once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All jobs of an archive; not to be changed."""
    return old_jobs.unpack(request.param, tmp_path_factory.mktemp("old") / "jobs")


@pytest.fixture(scope="module", params=TRAINED)
def job(request: pytest.FixtureRequest, once: Path) -> Job:
    """A trained job; not to be changed."""
    return Job.open(once / request.param)


@pytest.fixture(params=TRAINED)
def copied(request: pytest.FixtureRequest, once: Path, tmp_path: Path) -> Job:
    """A trained job of a test's own; particles and maps stay where they are."""
    return Job.open(shutil.copytree(once / request.param, tmp_path / request.param))


def test_there_is_a_job_of_the_first_version() -> None:
    assert "0.1.0" in map(name_of, old_jobs.ARCHIVES)


def test_what_a_run_left_is_read(job: Job) -> None:
    assert job.state == "finished"
    count = len(job.particles)
    latents = job.latents()
    assert latents.mean.shape == latents.std.shape == (count, 2)
    assert np.isfinite(latents.mean).all()
    np.testing.assert_array_equal(latents.validation, job.split.validation)
    assert job.latent_epochs() == list(range(1, job.settings.epochs + 1))
    assert job.latents(1).mean.shape == (count, 2)
    events = list(job.events())
    assert isinstance(events[-1], Finished)
    assert not [
        one for one in events if isinstance(one, Warning) and "cannot be read" in one.message
    ]
    assert {one.kind for one in events} > {"started", "epoch", "checkpoint", "latents"}
    assert type(job.settings).__name__.lower().startswith(job.spec.method)


def test_maps_are_decoded_as_they_were(job: Job) -> None:
    """The maps of the clusters were written by the version that made the job."""
    clusters = job.cluster_set("kmeans2")
    table = job.latents()
    for index, row in enumerate(clusters.clustering.representatives):
        decoded = job.decode(table.mean[row], half=int(table.half[row]) or None)
        written, _ = read_map(clusters.folder / f"cluster_{index + 1:02d}.mrc")
        np.testing.assert_allclose(decoded, written, atol=1e-3 * np.abs(written).max())


def test_what_was_made_of_it_is_read(job: Job) -> None:
    count = len(job.particles)
    clusters = job.cluster_set("kmeans2")
    assert clusters.clustering.labels.shape == (count,)
    assert clusters.purity is not None
    names = job.selections()
    assert {"all", "cluster one", "even", "lasso", "most", "near"} <= set(names)
    for name in names:
        selection = job.selection(name)
        assert 0 < len(selection) <= selection.total == count
        assert selection.how
    assert job.selection("even").rows.tolist() == list(range(0, count, 2))
    paths = job.paths()
    assert {"data", "first"} <= set(paths)
    for name in paths:
        assert len(job.path(name)) == 5
    (umap,) = umaps_of(job)
    embedding = embedding_of(job, umap)  # None where it is not of these latents
    assert embedding is not None
    assert embedding.shape == (count, 2)
    assert job.invariance().epoch == job.latents().epoch
    runs = job.reconstructions()
    assert runs
    for run in runs:
        assert run.state == "finished"
        report = run.report()
        assert report.curves.resolution_angstrom > 0
        assert report.program_version is None  # was not written down then
        assert (run.folder / report.full_map).is_file()
    if job.method_class.has_displacement:
        assert len(job.motion_table()) == count


def test_its_selections_are_replayed_on_itself(copied: Job, once: Path) -> None:
    source = Job.open(once / copied.spec.method)
    for name in ("lasso", "near", "all", "most"):
        again = copied.replay(source.selection(name), source).selection
        np.testing.assert_array_equal(again.rows, source.selection(name).rows)


def test_a_star_of_it_has_every_column(job: Job, tmp_path: Path) -> None:
    selection = job.selection("even")
    subset = read_particles(job.export(selection, tmp_path / "even.star"))
    assert set(subset.columns) == set(job.particles.columns)
    for name in ("rlnImageName", "rlnAngleRot", "rlnDefocusU", "rlnMicrographName"):
        theirs = job.particles.column(name)[selection.rows]
        ours = subset.column(name)
        if name == "rlnImageName":
            ours, theirs = ([one.partition("@")[0] for one in column] for column in (ours, theirs))
        np.testing.assert_array_equal(ours, theirs)


def test_training_goes_on_and_files_have_the_version_of_now(copied: Job) -> None:
    epochs = copied.settings.epochs
    events = list(copied.train(device="cpu", epochs=epochs + 1, resume=True))
    assert events[-1].kind == "finished", events[-1]
    started = next(event for event in events if event.kind == "started")
    assert started.first_epoch == epochs + 1
    assert copied.checkpoints.last() == epochs + 1
    assert copied.latent_epochs()[-1] == epochs + 1
    for name, file in (
        ("name of a checkpoint", "checkpoints/last.json"),
        ("latents", "latents.npz"),
        ("latents of an epoch", f"latents/epoch_{epochs + 1:04d}.npz"),
    ):
        assert version_in(copied.folder / file) == FORMATS[name].version
    # and what was made of the earlier latents is there still
    assert copied.cluster_set("kmeans2").record.epoch <= epochs
    for selection in ("lasso", "even"):
        old = copied.selection(selection)
        copied.save_selection(old)
        file = copied.folder / "selections" / f"{selection}.json"
        assert version_in(file) == FORMATS["selection"].version
        assert "format" not in json.loads(file.read_text())
        assert copied.selection(selection) == old
    old_path = copied.path("first")
    copied.save_path("first", old_path, overwrite=True)
    assert version_in(copied.folder / "paths" / "first.json") == FORMATS["path"].version
    np.testing.assert_array_equal(copied.path("first").latents, old_path.latents)


def test_jobs_of_other_kinds_are_read(once: Path) -> None:
    imported = Job.open(once / "imported")
    assert np.isfinite(imported.latents().mean).all()
    assert len(imported.selection("low"))
    assert len(imported.cluster_set("kmeans2")) == 2
    subset = Job.open(once / "subset")
    assert subset.state == "created"
    assert len(subset.particles) == len(Job.open(once / "dynamight").selection("most"))


def test_the_command_line_says_how_it_stands(job: Job) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "napari_conformix", "status", str(job.folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout


def version_in(path: Path) -> int:
    """What a file says of its version."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return int(file["format_version"])
    text = path.read_text()
    said = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    return int(said["format_version"])
