"""The examples run as they are written."""

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_conformix.analysis.spaces import UmapParameters
from napari_conformix.analysis.spaces.umap_process import cache_key, read_rows, write_result
from napari_conformix.jobs import Job
from napari_conformix.particles import read_particles

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_script_trains_decodes_and_exports(data: Path, tmp_path: Path) -> None:
    script = runpy.run_path(str(EXAMPLES / "from_a_script.py"))
    script["main"](data, tmp_path / "job")
    job = Job.open(tmp_path / "job")
    subset = read_particles(job.folder / "high.star", datadir=data)
    assert len(subset) == len(job.selection("high"))
    assert (job.folder / "volumes" / "low.mrc").exists()


def test_the_figures_are_drawn(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = runpy.run_path(str(EXAMPLES / "dynamight_figures.py"))
    monkeypatch.setattr("sys.argv", ["figures", str(trained), str(tmp_path / "out")])
    script["main"]()
    drawn = {path.name for path in (tmp_path / "out").iterdir()}
    assert drawn == {"figure4.png", "figure5.png", "figure6b.png"}


def put_umap(job: Job, array: str) -> Path:
    """The file that a UMAP would leave, which takes a minute."""
    latents, parameters = job.folder / "latents.npz", UmapParameters(array=array)
    rows, out = read_rows(latents, parameters), job.folder / "umap" / f"{parameters.name}.npz"
    write_result(out, rows[:, :2].copy(), cache_key(rows, parameters), parameters)
    return out


def draw_clusters(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    script = runpy.run_path(str(EXAMPLES / "opusdsd_figures.py"))
    monkeypatch.setattr(sys, "argv", ["figures", *map(str, arguments)])
    script["main"]()


@pytest.fixture(scope="module")
def volumes_once(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A trained OPUS-DSD job with two clusters, that no test may change."""
    job = Job.create(
        tmp_path_factory.mktemp("volumes") / "job",
        method="opusdsd",
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        settings={"epochs": 1, "width": 0.05, "batch_size": 32, "noise_particles": 32},
    )
    assert list(job.train(device="cpu"))[-1].kind == "finished"
    job.cluster(2, checks=False)
    put_umap(job, "mean")
    return job


@pytest.fixture
def clustered(volumes_once: Job, tmp_path: Path) -> Job:
    """Such a job of a test's own."""
    return Job.open(shutil.copytree(volumes_once.folder, tmp_path / "job"))


@pytest.fixture
def states(data: Path, tmp_path: Path) -> Path:
    """A file of known states: open or not."""
    np.save(tmp_path / "states.npy", np.load(data / "truth.npz")["value"] > 0.5)
    return tmp_path / "states.npy"


def test_the_figures_of_clusters_are_drawn_for_two_jobs(
    clustered: Job,
    states: Path,
    trained_once: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = Job.open(shutil.copytree(trained_once, tmp_path / "other"))
    other.cluster(2, checks=False)
    put_umap(other, "motion")
    list(clustered.reconstruct_clusters("kmeans2", [0], local_resolution=False))
    out = tmp_path / "out"
    draw_clusters(monkeypatch, clustered.folder, out, other.folder, "--truth", states)
    assert {path.name for path in out.iterdir()} == {f"figure2{panel}.png" for panel in "defg"}
    said = capsys.readouterr().out
    assert said.count("Against the 2 known labels") == 2
    assert (
        f"No figure2h: no cluster has been reconstructed; conformix clusters {other.folder}" in said
    )


def test_figures_of_clusters_that_cannot_be_drawn_are_a_sentence(
    clustered: Job, states: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(states, np.zeros(7))

    def refused(*arguments: object) -> str:
        with pytest.raises(SystemExit) as stopped:
            draw_clusters(monkeypatch, clustered.folder, tmp_path / "out", *arguments)
        said = str(stopped.value.code)
        assert len(said.splitlines()) == 1
        return said

    assert "no clusters 'kmeans9'" in refused("--clusters", "kmeans9")
    assert "holds 7 labels" in refused("--truth", states)
    assert "neither a column" in refused("--truth", "state")
    (clustered.folder / "umap" / f"{UmapParameters(array='mean').name}.npz").unlink()
    assert "has no UMAP" in refused()
    clustered.delete_cluster_set("kmeans2")
    assert "has no clusters yet" in refused()
