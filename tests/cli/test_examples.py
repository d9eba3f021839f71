"""The examples run as they are written."""

import runpy
from pathlib import Path

import pytest

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
    pytest.importorskip("matplotlib", reason="matplotlib draws the figures")
    script = runpy.run_path(str(EXAMPLES / "dynamight_figures.py"))
    monkeypatch.setattr("sys.argv", ["figures", str(trained), str(tmp_path / "out")])
    script["main"]()
    drawn = {path.name for path in (tmp_path / "out").iterdir()}
    assert drawn == {"figure4.png", "figure5.png", "figure6b.png"}
