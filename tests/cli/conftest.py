"""A small trained job, and the command line called within this process."""

import shutil
from pathlib import Path

import pytest
from command_line import PARTICLES, Conformix, Outcome

from napari_conformix.cli.app import main
from napari_conformix.jobs import Job
from napari_conformix.simulation import simulate


@pytest.fixture
def conformix(capsys: pytest.CaptureFixture[str]) -> Conformix:
    """Run `conformix ARGUMENTS...` here; exceptions that are no exit pass through."""

    def run(*arguments: object) -> Outcome:
        status = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of simulated particles."""
    folder = tmp_path_factory.mktemp("cli") / "data"
    simulate("adk", folder, PARTICLES, 32, snr=0.5)
    return folder


def make_job(folder: Path, data: Path, epochs: int) -> Job:
    """A job small enough to train in a second or two."""
    return Job.create(
        folder,
        method="dynamight",
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        settings={"epochs": epochs, "gaussians": 80, "warmup_epochs": 1, "batch_size": 32},
    )


@pytest.fixture(scope="session")
def trained_once(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished job that no test may change."""
    job = make_job(tmp_path_factory.mktemp("cli") / "job", data, epochs=3)
    kinds = [event.kind for event in job.train(device="cpu")]
    assert kinds[-1] == "finished"
    return job.folder


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path) -> Path:
    """A finished job of a test's own."""
    return Path(shutil.copytree(trained_once, tmp_path / "job"))


@pytest.fixture
def untrained(data: Path, tmp_path: Path) -> Path:
    """A job of 200 epochs that was not begun."""
    return make_job(tmp_path / "job", data, epochs=200).folder
