"""Reconstructions as runs of their own: events, pause, stop, kill and resume."""

import errno
import json

import numpy as np
import pytest
import samples
from waiting import wait_for

from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.jobs import Job
from napari_conformix.jobs.reconstruction import (
    USE_PLAIN,
    Curves,
    ReconstructionReport,
    ReconstructionRun,
    sums,
)
from napari_conformix.jobs.reconstruction.report import LocalResolution
from napari_conformix.particles import read_map
from napari_conformix.runs import EventLog

MAPS = ("run_half1_class001_unfil.mrc", "run_half2_class001_unfil.mrc", "run_class001_unfil.mrc")


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Job:
    job = samples.make_job(tmp_path_factory.mktemp("reconstruct"), epochs=1)
    list(job.train(device="cpu"))
    return job


@pytest.fixture
def slow(monkeypatch):
    """Six batches of eight particles, in the order of the file."""
    cut = lambda rows, box: list(np.array_split(rows, 6))  # noqa: E731
    monkeypatch.setattr(sums, "image_batches", cut)


def views_of(run):
    return [read_map(run.folder / name)[0] for name in MAPS]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(views_of(a), views_of(b), strict=True))


def kinds(events):
    return [event.kind for event in events]


def create(job, folder, *, deformed=True, overwrite=False, settings=None, **more):
    return ReconstructionRun.create(
        job, None, folder, deformed=deformed, overwrite=overwrite, settings=(settings or {}) | more
    )


def test_a_run_tells_its_story_and_leaves_a_report(job, tmp_path):
    run = create(job, tmp_path / "maps")
    assert run.state == "created"
    events = list(run.run())
    assert run.state == "finished"
    assert run.events() == events
    phases = [event.phase for event in events if event.kind == "progress"]
    assert list(dict.fromkeys(phases)) == [
        "preparing", "fields", "back-projecting", "maps", "FSC", "local resolution", "report",
    ]  # fmt: skip
    (started,) = [event for event in events if event.kind == "started"]
    assert (started.particles, started.epoch) == (samples.COUNT, 1)
    assert started.half_particles == {"1": 24, "2": 24}
    assert started.estimated_seconds > 0
    assert started.estimated_memory_bytes > 1e6
    report = run.report()
    assert events[-1].kind == "finished"
    assert events[-1].resolution_angstrom == report.curves.resolution_angstrom
    assert report.particles == (24, 24)
    assert report.deformed
    assert report.plain is not None
    for name in (*report.half_maps, *report.plain_half_maps, report.full_map, report.mask):
        assert read_map(run.folder / name)[0].shape == (samples.BOX,) * 3
    assert (run.folder / "report.html").read_text().count("<svg") == 2
    assert not (run.folder / "sums.safetensors").exists()
    assert not (run.folder / "trainer.lock").exists()
    maps = run.half_maps()
    np.testing.assert_allclose(maps.fsc, report.curves.unmasked)
    assert maps.plain.counts == (24, 24)


def test_deformed_maps_follow_the_displacements(job, tmp_path):
    """The test method's field is latent * position, so the two differ, the plain ones do not."""
    deformed, plain = create(job, tmp_path / "a"), create(job, tmp_path / "b", deformed=False)
    list(deformed.run())
    list(plain.run())
    assert not same(deformed, plain)
    beside = read_map(deformed.folder / "plain_half1_class001_unfil.mrc")[0]
    np.testing.assert_array_equal(beside, views_of(plain)[0])
    assert plain.report().plain is None


@pytest.mark.usefixtures("slow")
def test_stopped_and_resumed_is_the_same(job, tmp_path):
    whole, parts = create(job, tmp_path / "whole"), create(job, tmp_path / "parts")
    list(whole.run())
    asked = iter([False, False, False, True])
    events = list(parts.run(stop=lambda: next(asked, True)))
    assert events[-1].reason == "stopped"
    assert parts.state == "stopped"
    assert 0 < events[-1].done < samples.COUNT
    with pytest.raises(UserError, match="no report yet"):
        parts.report()
    again = list(parts.run())
    (started,) = [event for event in again if event.kind == "started"]
    assert started.done == events[-1].done
    assert same(whole, parts)


@pytest.mark.usefixtures("slow")
def test_paused_waits_with_its_sums_on_disk(job, tmp_path):
    run = create(job, tmp_path / "maps")
    run.folder.joinpath("PAUSE").touch()
    events = []
    for event in run.run():  # clears an old PAUSE: pause it again on the first event
        if not events:
            run.pause()
        events.append(event)
        if event.kind == "paused":
            assert run.state == "paused"
            assert (run.folder / "sums.safetensors").exists()
            run.unpause()
    assert kinds(events).index("saved") < kinds(events).index("paused")
    assert "unpaused" in kinds(events)
    assert run.state == "finished"


def test_killed_and_resumed_is_the_same(job, tmp_path):
    """A process killed at any instant goes on from the sums saved last."""
    whole = create(job, tmp_path / "whole")
    list(whole.run())
    run = create(job, tmp_path / "maps", save_seconds=1e-6)
    pid = run.launch()
    assert run.state == "running"
    with pytest.raises(UserError, match="under way"):
        run.launch()
    with pytest.raises(UserError, match="under way"):
        create(job, tmp_path / "maps", overwrite=True)
    wait_for(lambda: {"saved", "failed"} & {*kinds(run.events())})
    run.kill()
    assert run.state in ("interrupted", "finished")  # it may have been quicker
    if run.state == "interrupted":
        assert run.resume() != pid
        assert list(run.follow())[-1].kind == "finished"
    assert run.state == "finished"
    assert same(whole, run)


def test_a_finished_reconstruction_is_not_overwritten_unasked(job, tmp_path):
    run = create(job, tmp_path / "maps", deformed=False)
    list(run.run())
    with pytest.raises(UserError, match="finished already"):
        run.resume()
    with pytest.raises(UserError, match="holds a finished reconstruction"):
        create(job, run.folder)
    (run.folder / "mine.txt").write_text("kept")
    other = create(job, run.folder, deformed=False, overwrite=True)
    assert other.state == "created"
    assert (run.folder / "mine.txt").exists()
    assert not (run.folder / MAPS[0]).exists()


def test_those_of_a_job_are_listed_and_move_with_it(tmp_path):
    job = samples.make_job(tmp_path, epochs=1)
    list(job.train(device="cpu"))
    job.reconstruct()
    job.reconstruct(deformed=True)
    assert [run.name for run in job.reconstructions()] == ["all", "all_deformed"]
    moved = job.folder.rename(tmp_path / "moved")
    first, second = Job.open(moved).reconstructions()
    assert (first.deformed, second.deformed) == (False, True)
    assert second.spec.job_folder(second.folder) == moved


def test_training_may_go_on_between(tmp_path):
    """Model and latents are those of when it was asked for."""
    job = samples.make_job(tmp_path, epochs=1, keep_checkpoints=1)
    list(job.train(device="cpu"))
    run = create(job, tmp_path / "maps")
    before = create(job, tmp_path / "before")
    list(before.run())
    list(job.train(device="cpu", resume=True, epochs=3))
    assert job.checkpoints.epochs()[0] > 1
    list(run.run())
    assert same(before, run)
    assert run.report().epoch == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"settings": {"coarsening": 0}}, "'coarsening' is 0"),
        ({"settings": {"coarse": 2}}, "did you mean 'coarsening'"),
        ({"settings": {"mask": "no.mrc"}}, "no.mrc"),
    ],
)
def test_wrong_settings_are_said(job, tmp_path, options, words):
    with pytest.raises(UserError, match=words):
        create(job, tmp_path / "maps", **options)
    assert not (tmp_path / "maps").exists()


def test_without_a_field_there_is_only_the_plain_way(job, tmp_path, monkeypatch):
    monkeypatch.setattr(job.method_class, "has_displacement", False)
    with pytest.raises(NotSupportedError, match="only a plain reconstruction"):
        create(job, tmp_path / "maps")
    assert not (tmp_path / "maps").exists()


def test_one_model_for_both_halves_is_warned_of(tmp_path):
    job = samples.make_job(tmp_path, "linear_whole", epochs=1)
    list(job.train(device="cpu"))
    run = create(job, tmp_path / "maps")
    warnings = [event.message for event in run.run() if event.kind == "warning"]
    assert any("not independent" in message for message in warnings)
    assert run.report().warnings == warnings


def test_damaged_sums_are_said(job, tmp_path):
    run = create(job, tmp_path / "maps", deformed=False)
    (run.folder / "sums.safetensors").write_bytes(b"no")
    *_, last = run.run()
    assert last.kind == "failed"
    assert "Delete that file" in last.message
    assert run.state == "failed"
    lines = (run.folder / "events.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["kind"] == "failed"


def report_with(local: tuple[float, float], resolution: float):
    """A report whose deformed maps have this (median, worst) local resolution, next to plain ones
    of 7 and 11 A within 6 A."""
    curves = {name: [1.0, 0.5] for name in ("unmasked", "masked", "randomised", "corrected")}
    curves |= {"frequency": [0.0, 0.1], "randomised_from_angstrom": None, "reached": True}
    where = {"path": "local.mrc", "threshold": 0.5, "window_angstrom": 30.0, "best_angstrom": 5.0}
    return ReconstructionReport(
        name="maps", job="job", deformed=True, particles=(50, 50), box=48, mask="mask.mrc",
        pixel_size_angstrom=2.0, half_maps=MAPS[:2], full_map=MAPS[2], mask_origin="given",
        curves=Curves(**curves, resolution_angstrom=resolution),
        plain=Curves(**curves, resolution_angstrom=6.0),
        local_resolution=LocalResolution(
            **where, median_angstrom=local[0], worst_angstrom=local[1]
        ),
        plain_local_resolution=LocalResolution(**where, median_angstrom=7.0, worst_angstrom=11.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("local", "resolution", "worse"),
    [
        ((8.3, 21.9), 6.0, True),  # the same overall, and worse in most places
        ((7.0, 11.0), 6.5, True),  # coarser overall
        ((7.0, 11.0), 6.0, False),
        ((7.5, 9.0), 6.0, False),  # what moves has gained
        ((6.0, 9.0), 5.5, False),
    ],
)
def test_a_report_says_when_the_plain_map_is_better(local, resolution, worse):
    report = report_with(local, resolution)
    assert report.worse_than_plain is worse
    assert (USE_PLAIN in report.sentences()) is worse


def test_a_disk_that_fills_ends_the_run_with_a_sentence(job, tmp_path, monkeypatch):
    append = EventLog.append

    def full(log, event):
        if event.kind == "started":
            raise OSError(errno.ENOSPC, "No space left on device")
        append(log, event)

    monkeypatch.setattr(EventLog, "append", full)
    run = create(job, tmp_path / "maps")
    *_, last = run.run()
    assert last.kind == "failed"
    assert "The disk is full" in last.message
    assert run.state == "failed"
    assert not (run.folder / "trainer.lock").exists()
