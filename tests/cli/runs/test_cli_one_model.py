"""Commands on a job of a method with one model, that makes maps and has no displacements."""

import shutil
from pathlib import Path

import pytest
from command_line import Conformix

from napari_conformix.jobs import Job


@pytest.fixture(scope="module")
def volumes_once(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained OPUS-DSD job that no test may change."""
    job = Job.create(
        tmp_path_factory.mktemp("volumes") / "job",
        method="opusdsd",
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        settings={"epochs": 1, "width": 0.05, "batch_size": 32, "noise_particles": 32},
    )
    assert list(job.train(device="cpu"))[-1].kind == "finished"
    return job.folder


@pytest.fixture
def volumes(volumes_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(volumes_once, tmp_path / "job"))


def test_analyze_says_whether_there_is_heterogeneity(conformix: Conformix, volumes: Path) -> None:
    done = conformix("analyze", volumes)
    assert done.status == 0, done.err
    assert "heterogeneity beyond noise" in done.out.splitlines()[0].lower()
    assert "explained" in done.out or "cannot be said" in done.out
    assert str(volumes / "analysis" / "report.html") in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("arrows", "--particle", 1, "-o", "a.bild"), "no displacements"),
        (("arrows", "--between", "1,2", "-o", "a.bild"), "no displacements"),
        (("arrows", "--latent", "0,0,0,0,0,0,0,0", "-o", "a.csv"), "no displacements"),
        (("domains", "--bodies", 2), "domain-motion"),
        (("select", "--motion-above", 1, "--name", "x"), "no displacements"),
        (("select", "--ratio-above", 1, "--name", "x"), "no displacements"),
        (("reconstruct", "--deformed"), "--plain"),
    ],
)
def test_what_needs_displacements_is_one_sentence(
    arguments: tuple[object, ...], words: str, conformix: Conformix, volumes: Path
) -> None:
    name, *rest = arguments
    done = conformix(name, volumes, *rest)
    assert done.status == 1
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert Job.open(volumes).selections() == []
    assert not (volumes / "reconstruction").exists()


def test_reconstruct_says_that_it_is_plain(conformix: Conformix, volumes: Path) -> None:
    done = conformix("reconstruct", volumes, "--no-local-resolution")
    assert done.status == 0, done.err
    assert "back-projected as they are" in done.out
