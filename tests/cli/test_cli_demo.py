"""`conformix demo` with a few particles; the window's pictures have tests of their own."""

from pathlib import Path

import numpy as np
import pytest
import starfile
from command_line import Conformix
from scipy.stats import spearmanr

from napari_conformix.cli import demo
from napari_conformix.jobs import Job

ARGUMENTS = ("--particles", 300, "--epochs", 3, "--pictures")


@pytest.fixture(autouse=True)
def _without_xvfb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "with_display", lambda: None)


def test_demo_leaves_what_it_says_and_goes_on_when_run_again(
    conformix: Conformix, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    first = conformix("demo", folder, *ARGUMENTS)
    assert first.status == 0, first.err
    job = Job.open(folder / "job")
    assert job.state == "finished"
    assert len(list((folder / "maps").glob("*.mrc"))) == demo.MAPS

    table = starfile.read(folder / "one-end.star")["particles"]
    motion = job.latents().motion
    assert motion is not None
    limit = np.quantile(motion[:, 0], 1 - demo.END)
    assert len(table) == np.count_nonzero(motion[:, 0] >= limit) == 45

    assert f"{len(table)} of 300 particles" in first.out
    assert "apt-get install xvfb xauth" in first.out
    assert "kT" in (folder / "landscape.svg").read_text()

    again = conformix("demo", folder, *ARGUMENTS)
    assert again.status == 0, again.err
    assert "made before" in again.out
    assert [line for line in again.out.splitlines() if line.startswith("epoch ")] == []


def test_the_figure_is_the_rank_correlation_with_the_truth(trained_once: Path, data: Path) -> None:
    job = Job.open(trained_once)
    words = demo.agreement(job, data / "truth.npz")
    truth = np.load(data / "truth.npz")["value"]
    table = job.latents()
    for half in (1, 2):
        rows = table.half == half
        centred = table.mean[rows] - table.mean[rows].mean(axis=0)
        first = np.linalg.svd(centred, full_matrices=False)[0][:, 0]
        assert f"{abs(spearmanr(first, truth[rows])[0]):.3f} in half {half}" in words


def test_with_a_display_the_window_opens(
    conformix: Conformix,
    trained_once: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = []
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "data").symlink_to(data)
    monkeypatch.setattr(demo, "made_job", lambda *_: Job.open(trained_once))
    monkeypatch.setattr(demo, "has_display", lambda: True)
    monkeypatch.setattr(demo, "open_", lambda path: opened.append(path) or 0)
    assert conformix("demo", folder).status == 0
    assert opened == [trained_once]
