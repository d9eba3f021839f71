"""Selections and other jobs in the whole window, with real folders: train on one, replay one."""

from pathlib import Path

import numpy as np
from qtpy.QtWidgets import QDialogButtonBox, QFileDialog, QInputDialog

from napari_conformix.analysis.selections import Selection
from napari_conformix.jobs import Job
from napari_conformix.jobs.selections import ways
from napari_conformix.runs.events import to_line
from napari_conformix.training.events import Latents
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.widgets.selections import SubsetJobDialog

TINY = {"epochs": 2, "gaussians": 60, "warmup_epochs": 1, "batch_size": 32, "latent_dim": 3}


def make_job(folder: Path, star: Path, sign: float = 1.0) -> Job:
    """A job whose latents are made up; the sign of its first motion is free."""
    job = Job.create(
        folder,
        method="dynamight",
        particles=star,
        consensus=star.parent / "consensus.mrc",
        settings=TINY,
        check=False,
    )
    count = len(job.particles)
    rng = np.random.default_rng(0)
    motion = rng.normal(size=(count, 3)).astype(np.float32) * [6, 3, 1]
    motion[:, 0] *= sign
    half = np.where(job.particles.half > 0, job.particles.half, 1 + np.arange(count) % 2)
    table = LatentTable(
        rng.normal(size=(count, 3)).astype(np.float32),
        np.full((count, 3), 0.1, np.float32),
        half.astype(np.int8),
        rng.random(count) < 0.1,
        2,
        motion.astype(np.float32),
        "A",
    )
    table.save(job.folder / "latents.npz")
    (job.folder / "events.jsonl").write_text(to_line(Latents(epoch=2)))
    return job


def open_job(window, job: Job):
    """Open it and wait for its latent space view and selections."""
    window.session.open_job(job.folder)
    explore = window.panel.pages["explore"]
    window.wait(lambda: window.session.job is not None and window.session.job.folder == job.folder)
    window.wait(lambda: explore.latent_view is not None and explore.history is not None, 60)
    window.wait(lambda: explore.selections.table.names == job.selections())
    window.panel.show_page("explore")
    return explore


def test_train_on_a_selection(window, star: Path, tmp_path: Path, monkeypatch) -> None:
    job = make_job(tmp_path / "job", star)
    rows = np.arange(0, 300, 3)
    job.save_selection(Selection("open end", rows, 300, ({"action": "replace", "kind": "rows"},)))
    explore = open_job(window, job)
    table = explore.selections.table
    table.select("open end")
    proposed = []

    def agree(dialog: SubsetJobDialog) -> bool:
        proposed.append(dialog.folder)
        ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
        assert ok.isEnabled()
        dialog.edit.setText(str(job.folder))
        assert not ok.isEnabled()
        assert "not empty" in dialog.said.text()
        dialog.edit.setText(str(tmp_path / "new"))
        assert f"--from {job.folder} --selection 'open end'" in dialog.command.toPlainText()
        return True

    monkeypatch.setattr(SubsetJobDialog, "exec", agree)
    window.click(table.train)
    assert proposed == [tmp_path / "job_open_end_001"]
    window.wait(lambda: window.session.job.folder == tmp_path / "new", 60)
    window.wait_state("created")
    assert window.panel.tabs.tabText(window.panel.tabs.currentIndex()) == "Train"
    assert not window.errors()
    window.click(window.train.buttons["train"])
    window.wait_state("finished", 120)
    new = Job.open(tmp_path / "new")
    assert len(new.latents()) == len(rows)
    np.testing.assert_array_equal(new.particles.image_index, job.particles.image_index[rows])
    assert job.selections() == ["open end"]


def test_replay_a_selection_of_another_job(window, star: Path, tmp_path: Path, monkeypatch) -> None:
    source = make_job(tmp_path / "first", star)
    found = ways.in_range(source, "motion 1", 4.0, None)
    source.save_selection(ways.make_selection(source, "far", found))
    job = make_job(tmp_path / "second", star, sign=-1.0)
    explore = open_job(window, job)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(source.folder))
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("far", True))
    table = explore.selections.table
    table.replay.trigger()
    window.wait(lambda: table.current == "far", 30)
    assert set(explore.history.rows) == set(source.selection("far").rows)
    said = table.written.text()
    assert "Jaccard index 1.00" in said
    assert "Motion 1 is not the axis that it was" in said
    assert job.selection("far").how[0]["kind"] == "replayed"
    assert "'far' of first, replayed" in table.table.text(0, 2)

    picked = Selection("picked", np.array([5, 7]), 300, ({"action": "add", "kind": "rows"},))
    source.save_selection(picked)
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("picked", True))
    asked = []
    monkeypatch.setattr(table, "sure", lambda title, question: asked.append(question) or True)
    table.replay.trigger()
    window.wait(lambda: table.current == "picked", 30)
    assert "Step 1 (rows) cannot be replayed" in asked[0]
    assert explore.history.rows.tolist() == [5, 7]
    assert "2 of the 2 particles" in table.written.text()
