"""Deformations, motion table and verdict of a trained job."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from samples import make_job

from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.jobs import Job
from napari_conformix.jobs.report import analyse
from napari_conformix.simulation import simulate
from napari_conformix.training.latent_table import LatentTable


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small trained job that no test may change."""
    folder = tmp_path_factory.mktemp("deformations")
    simulate("adk", folder / "data", 240, 32, snr=0.5)
    job = Job.create(
        folder / "job",
        method="dynamight",
        particles=folder / "data" / "particles.star",
        consensus=folder / "data" / "consensus.mrc",
        settings={"epochs": 3, "gaussians": 60, "warmup_epochs": 1, "batch_size": 32},
    )
    assert list(job.train(device="cpu"))[-1].kind == "finished"
    return job.folder


@pytest.fixture
def job(trained_once: Path, tmp_path: Path) -> Job:
    return Job.open(shutil.copytree(trained_once, tmp_path / "job"))


def test_a_deformation_is_what_the_models_displace(job: Job) -> None:
    table = job.latents()
    assert table.validation_rows is not None
    row = int(table.validation_rows[3])
    made = job.deformation(row, at=2)
    positions = job.method().consensus_positions(2)
    assert positions is not None
    np.testing.assert_allclose(made.positions, positions.numpy())
    assert table.mean_half1 is not None
    expected = job.displacement(table.mean_half1[3], made.positions, half=1)
    np.testing.assert_allclose(made.half1, expected, atol=1e-5)
    own = int(np.flatnonzero(~table.validation & (table.half == 2))[0])
    np.testing.assert_allclose(
        job.deformation(own).displacement,
        job.displacement(table.mean[own], job.deformation(own).positions, half=2),
        atol=1e-5,
    )
    of_point = job.deformation_of(table.mean[own], half=2, at=1)
    np.testing.assert_allclose(of_point.displacement, job.deformation(own).displacement)


def test_few_arrows_say_what_the_whole_molecule_does(job: Job, tmp_path: Path) -> None:
    """Well-spread positions are those far out, where a molecule that turns moves most."""
    made = job.deformation(int(np.flatnonzero(~job.latents().validation)[0]))
    path = job.write_deformation(made, tmp_path / "few.bild", count=4)
    assert made.thinned(4).sentence() != made.sentence()
    assert " ".join(made.sentence().split()) in path.read_text()
    assert path.read_text().count(".arrow") <= 4


@pytest.mark.parametrize("row", [-1, 240])
def test_rows_that_are_not_there_are_sentences(job: Job, row: int) -> None:
    with pytest.raises(UserError, match=f"no particle {row}; rows go from 0 to 239"):
        job.encode([row], half=1)


def test_the_motion_table_is_kept_until_there_are_newer_latents(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []
    first = job.motion_table(progress=shares.append)
    assert first is not None
    assert shares[-1] == pytest.approx(1)
    shares.clear()
    again = Job.open(job.folder).motion_table(progress=shares.append)
    assert again is not None
    assert shares == []
    np.testing.assert_array_equal(again.rms_displacement, first.rms_displacement)

    table = job.latents()
    newer = LatentTable(**{**vars(table), "mean": table.mean * 2})
    newer.save(job.folder / "latents.npz")
    later = job.motion_table(progress=shares.append)
    assert later is not None
    assert shares
    assert not np.array_equal(later.rms_displacement, first.rms_displacement)


def test_a_damaged_table_is_computed_anew(job: Job) -> None:
    first = job.motion_table()
    path = job.folder / "analysis" / "motion.npz"
    path.write_bytes(path.read_bytes()[:100])
    again = Job.open(job.folder).motion_table()
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(again.rms_error, first.rms_error)


def test_stopped_it_writes_nothing(job: Job) -> None:
    assert job.motion_table(stop=lambda: True) is None
    assert not (job.folder / "analysis" / "motion.npz").exists()
    assert job.verdict(stop=lambda: True) is None


def test_the_verdict_is_of_the_held_out_particles_and_kept(job: Job) -> None:
    verdict = job.verdict()
    assert verdict is not None
    assert verdict.particles == job.latents().validation.sum()
    assert job.verdict() is verdict
    assert job.motion_table() is not None  # the same fields serve both
    os.utime(job.folder / "latents.npz", ns=(1, 1))
    assert job.verdict() is not verdict


def test_analyse_writes_a_page_and_a_table(job: Job) -> None:
    shares: list[float] = []
    report = analyse(job, clusters=3, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert report is not None
    assert all(path.is_file() for path in report.files)
    names = [path.name for path in report.files]
    maps = [f"cluster_0{i}.mrc" for i in (1, 2, 3)]
    assert names == ["report.html", "motion.npz", "particles.csv", *maps]
    page = report.files[0].read_text()
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org/", "")  # names of the notation itself
    table = np.genfromtxt(report.files[2], delimiter=",", names=True)
    assert len(table) == 240
    np.testing.assert_allclose(
        table["rms_displacement_A"], report.motion.rms_displacement, atol=1e-4
    )
    np.testing.assert_array_equal(np.isnan(table["rms_error_A"]), ~job.latents().validation)
    assert sum(cluster.count for cluster in report.clusters) == 240
    rows = np.concatenate([job.selection(f"kmeans3_cluster_0{i}").rows for i in (1, 2, 3)])
    assert sorted(rows) == list(range(240))


def test_an_analysis_made_again_replaces_its_clusters_and_no_other(job: Job) -> None:
    analyse(job, clusters=4)
    mine = job.selection("kmeans4_cluster_04")
    job.save_selection(type(mine)("cluster_mine", mine.rows, mine.total, ({"kind": "lasso"},)))
    report = analyse(job, clusters=2)
    analyse(job, clusters=2)
    assert job.cluster_sets() == ["kmeans4", "kmeans2"]
    assert "cluster_mine" in job.selections()
    assert report is not None
    assert report.labels is not None
    np.testing.assert_array_equal(
        job.selection("kmeans2_cluster_02").rows, np.flatnonzero(report.labels == 1)
    )
    table = np.genfromtxt(report.files[2], delimiter=",", names=True)
    np.testing.assert_array_equal(table["cluster"], report.labels + 1)
    with pytest.raises(UserError, match="241"):
        analyse(job, clusters=241)


def test_wrong_latents_are_sentences(job: Job) -> None:
    with pytest.raises(UserError, match="6 numbers"):
        job.deformation_of([1.0, 2.0], half=1)
    with pytest.raises(UserError, match="finite"):
        job.deformation_of([np.nan] * 6, half=1)
    with pytest.raises(UserError, match="no half 3"):
        job.deformation_of([0.0] * 6, half=3)
    with pytest.raises(UserError, match="rows go from 0 to 239"):
        job.deformation(240)


@pytest.mark.parametrize("method", ["linear", "linear_whole"])
def test_methods_without_positions_say_so(method: str, tmp_path: Path) -> None:
    job = make_job(tmp_path, method, epochs=1)
    with pytest.raises(UserError, match="is not there yet"):
        job.deformation(3)
    assert list(job.train(device="cpu"))[-1].kind == "finished"
    with pytest.raises(NotSupportedError, match="no positions at which"):
        job.deformation(3)
    with pytest.raises(NotSupportedError, match="no positions at which"):
        job.motion_table()
