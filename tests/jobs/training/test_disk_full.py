"""A disk that fills: the run ends with a sentence and the last good checkpoint stands."""

import contextlib
import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import samples
import torch

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.runs import files
from napari_conformix.training.checkpoints import load_weights


@contextlib.contextmanager
def small_disk(path, kilobytes):
    """A file system of that size; skips the test where none can be mounted."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk takes root")
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def leftovers(folder):
    return [p for p in folder.rglob("*") if files.TEMPORARY_MARK in p.name]


def loads(job, epoch):
    weights, described = load_weights(job.checkpoints.find(epoch))
    job.checkpoints.load_resume(epoch)
    return described.epoch == epoch and all(torch.isfinite(w).all() for w in weights.values())


def ends_well(job, events):
    """What every one of these runs must end with; returns the checkpoint that stands."""
    assert events[-1].kind == "failed"
    assert "disk" in events[-1].message
    assert "full" in events[-1].message
    assert leftovers(job.folder) == []
    assert not (job.folder / "trainer.lock").exists()
    text = (job.folder / "events.jsonl").read_text()
    assert text == "" or text.endswith("\n")
    last = job.checkpoints.last()
    assert last is None or loads(job, last)
    return last


def job_on(disk, tmp_path, **settings):
    data = tmp_path / "data"
    data.mkdir()
    samples.write_particles(data)
    return Job.create(
        disk / "job",
        method="linear",
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        settings={"batch_size": 4, "threads": 1, "volume_every": 1000, **settings},
        check=False,
    )


def test_a_small_disk_fills_up_with_checkpoints_and_the_run_can_go_on(tmp_path):
    with small_disk(tmp_path / "disk", 400) as disk:
        job = job_on(disk, tmp_path, epochs=30, keep_checkpoints=30)
        last = ends_well(job, list(job.train(device="cpu")))
        assert last is not None
        assert last >= 2
        assert job.state in ("failed", "interrupted")  # the marker needs room too
        assert f"The checkpoint of epoch {last} stands" in job.events()[-1].message
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        events = list(job.train(device="cpu", resume=True))
        assert events[-1].kind == "finished"
        assert job.latents().epoch == 30


def test_a_disk_without_any_room_is_refused_at_once(tmp_path):
    with small_disk(tmp_path / "disk", 100) as disk:
        job = job_on(disk, tmp_path)
        (disk / "ballast").write_bytes(b"x" * shutil.disk_usage(disk).free)
        with pytest.raises(UserError, match="is full, so no trainer can begin"):
            next(job.train(device="cpu"))
        assert job.state == "created"
        with pytest.raises(UserError, match="cannot be made: No space left"):
            Job.create(
                disk / "other",
                method="linear",
                particles=job.spec.inputs.particles,
                consensus=job.spec.inputs.consensus,
                check=False,
            )


@pytest.mark.parametrize("free_kilobytes", [4, 20])
def test_a_disk_that_is_nearly_full_from_the_start(tmp_path, free_kilobytes):
    with small_disk(tmp_path / "disk", 200) as disk:
        job = job_on(disk, tmp_path)
        ballast = disk / "ballast"
        free = shutil.disk_usage(disk).free
        ballast.write_bytes(b"x" * max(0, free - 1024 * free_kilobytes))
        assert ends_well(job, list(job.train(device="cpu"))) is None
        ballast.unlink()
        assert list(job.train(device="cpu", resume=True, epochs=1))[-1].kind == "finished"


def test_a_cache_that_does_not_fit_kills_nobody(tmp_path):
    with small_disk(tmp_path / "disk", 40) as disk:
        job = job_on(disk, tmp_path, images="cache")  # 48 images of 1 kB
        events = list(job.train(device="cpu"))
        assert ends_well(job, events) is None
        assert not list((job.folder / "cache").glob("images*"))


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".json", ".npz"])
def test_whatever_file_it_is_the_one_before_stands(tmp_path, monkeypatch, suffix):
    job = samples.make_job(tmp_path, epochs=4)
    real = files._sync

    def full(path: Path) -> None:
        written = Job.open(job.folder).events()
        if path.suffix == suffix and sum(e.kind == "epoch" for e in written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path)

    monkeypatch.setattr(files, "_sync", full)
    last = ends_well(job, list(job.train(device="cpu")))
    assert last == (2 if suffix == ".npz" else 1)
    assert job.latents().epoch == 1
    assert job.state == "failed"
    monkeypatch.undo()
    events = list(job.train(device="cpu", resume=True))
    assert events[-1].kind == "finished"


def test_the_log_of_events_may_be_what_does_not_fit(tmp_path, monkeypatch, capsys):
    job = samples.make_job(tmp_path, epochs=3)
    write = os.write

    def full(descriptor, data):
        if b'"kind":"epoch"' in data and b'"epoch":2' in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    assert ends_well(job, list(job.train(device="cpu"))) == 1
    assert "disk is full" in capsys.readouterr().err
    assert job.events()[-1].kind == "failed"
