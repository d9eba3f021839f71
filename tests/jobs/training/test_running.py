"""Whole runs of the linear test method, in this process and in trainers of their own."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import samples
import torch
from waiting import wait_for

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.jobs.training import trainer
from napari_conformix.training.checkpoints import load_weights
from napari_conformix.training.split import Split


def train(job, **options):
    return list(job.train(device="cpu", **options))


def kinds(events):
    return [event.kind for event in events]


def of(events, kind):
    return [event for event in events if event.kind == kind]


def weights(job, epoch=None):
    return load_weights(job.checkpoints.find(epoch))[0]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def wait_for_event(job, kind, epoch=1):
    wait_for(lambda: any(e.kind == kind and e.epoch >= epoch for e in job.events()))


# -- a run ----------------------------------------------------------------------------------------


def test_a_run_tells_its_story_in_order(tmp_path):
    job = samples.make_job(tmp_path, epochs=2)
    assert job.state == "created"
    events = train(job)
    assert job.state == "finished"
    assert [e for e in kinds(events) if e not in ("preparing", "step")] == [
        "started",
        *["epoch", "checkpoint", "latents", "volume", "volume"] * 2,
        "finished",
    ]
    assert job.events() == events
    (started,) = of(events, "started")
    assert started.training_particles == {"1": 18, "2": 18}
    assert started.validation_particles == 12
    assert started.estimated_seconds > 0
    assert started.estimated_memory_bytes > 0
    first, second = of(events, "epoch")
    assert set(first.train) == set(first.validation) == {"1", "2"}
    assert set(first.train["1"]) == {"loss", "data", "held_out"}
    assert second.validation["1"]["loss"] < first.validation["1"]["loss"]
    assert second.learning_rates["1/0.0"] == 0.01
    last_step = of(events, "step")[-1]
    assert last_step.done == last_step.total == 36 + 2 * 12
    assert events[-1].best_epoch == 2
    assert not (job.folder / "trainer.lock").exists()


def test_results_can_be_asked_for(tmp_path):
    job = samples.make_job(tmp_path, epochs=2)
    with pytest.raises(UserError, match="written when an epoch is done"):
        job.latents()
    with pytest.raises(UserError, match="first training run"):
        _ = job.split
    train(job)
    table = job.latents()
    assert table.mean.shape == table.std.shape == (samples.COUNT, 2)
    assert (table.std > 0).all()
    assert table.epoch == 2
    assert table.motion.shape == (samples.COUNT, 6)
    assert table.motion_unit == "A"
    np.testing.assert_array_equal(table.half, job.particles.half)
    np.testing.assert_array_equal(table.validation, job.split.validation)
    assert job.latent_epochs() == [1, 2]
    assert not np.array_equal(job.latents(epoch=1).mean, table.mean)
    with pytest.raises(UserError, match="latents of epoch 3 are not kept"):
        job.latents(epoch=3)
    # rows are those of the particle file, each by the encoder of its own half
    for row in (0, 1, 30, 47):
        mean, std = job.encode([row], half=int(table.half[row]))
        np.testing.assert_allclose(mean[0], table.mean[row], atol=1e-5)
        np.testing.assert_allclose(std[0], table.std[row], atol=1e-5)
    held_out = table.validation_rows
    np.testing.assert_array_equal(held_out, np.flatnonzero(table.validation))
    other = job.encode(held_out, half=2)[0]
    np.testing.assert_allclose(other, table.mean_half2, atol=1e-5)


def test_decoding_is_that_of_the_half_and_epoch_asked_for(tmp_path):
    job = samples.make_job(tmp_path, epochs=2)
    train(job)
    z = np.array([1.0, -1.0])
    assert job.decode(z, half=1).shape == (samples.BOX,) * 3
    assert job.decode(np.stack([z, z, z]), half=2).shape == (3, *(samples.BOX,) * 3)
    with pytest.raises(UserError, match="half=1 or half=2"):
        job.decode(z)  # neither half can be meant by default
    assert not np.array_equal(job.decode(z, half=2), job.decode(z, half=1))
    assert not np.array_equal(job.decode(z, 1, epoch=1), job.decode(z, 1, epoch=2))
    assert job.method() is job.method(2) is job.method("best")
    np.testing.assert_allclose(job.displacement(z, [[1, 2, 3]]), [[1, 2, 3]])
    assert job.displacement([z, z], [[1, 2, 3]]).shape == (2, 1, 3)
    with pytest.raises(UserError, match="has 2 numbers"):
        job.decode([1.0, 2.0, 3.0], half=1)
    with pytest.raises(UserError, match="no half 3"):
        job.decode(z, half=3)
    with pytest.raises(UserError, match="no checkpoint of epoch 7"):
        job.decode(z, epoch=7)


def test_one_model_for_all_particles(tmp_path):
    job = samples.make_job(tmp_path, "linear_whole", halves=False, epochs=1)
    events = train(job)
    assert events[-1].kind == "finished"
    (epoch,) = of(events, "epoch")
    assert set(epoch.train) == set(epoch.validation) == {"0"}
    assert [v.path for v in of(events, "volume")] == ["volumes/live.mrc"]
    table = job.latents()
    assert table.mean_half1 is None
    assert set(table.half) == {0}  # whose model a latent belongs to
    assert set(job.split.half) == {1, 2}  # kept for reconstructions
    assert set(job.latents(epoch=1).half) == {0}
    assert np.abs(table.mean).sum(1).min() > 0
    assert job.decode([0.0, 0.0]).shape == (samples.BOX,) * 3
    assert job.displacement([1.0, 1.0], [[1, 2, 3]], half=2).shape == (1, 3)


def test_measuring_before_the_run_leaves_no_trace(tmp_path, monkeypatch):
    from napari_conformix.training import loop
    from napari_conformix.training.estimate import Estimate

    measured, plain = samples.make_job(tmp_path), samples.make_job(tmp_path)
    train(measured)
    unmeasured = Estimate(1.0, 0, 4)
    monkeypatch.setattr(loop._Run, "_measure", lambda self, batch_size: unmeasured)
    train(plain)
    assert same(weights(measured), weights(plain))


# -- killed and resumed ---------------------------------------------------------------------------


def test_a_killed_trainer_resumes_to_the_very_same_weights(tmp_path):
    whole = samples.make_job(tmp_path, epochs=3)
    train(whole)
    job = samples.make_job(tmp_path, epochs=3, step_seconds=0.2)
    pid = job.launch(device="cpu")
    seen = []
    for event in job.follow():
        seen.append(event)
        if event.kind == "started":
            refuse_a_second_trainer(job, pid)
        if event.kind == "step" and event.epoch == 2:  # in the middle of an epoch
            job.kill()
    assert seen[-1].kind == "step"  # the follower ended, and nothing was made up
    assert job.events() == seen
    assert job.state == "interrupted"
    assert (job.folder / "trainer.lock").exists()
    assert job.checkpoints.last() == 1
    split = (job.folder / "split.npz").read_bytes()

    events = train(job, resume=True)
    assert job.state == "finished"
    assert of(events, "started")[0].first_epoch == 2
    for epoch in (2, 3):
        assert same(weights(job, epoch), weights(whole, epoch))
    ours, theirs = job.latents(), whole.latents()
    np.testing.assert_array_equal(ours.mean, theirs.mean)
    np.testing.assert_allclose(np.abs(ours.motion), np.abs(theirs.motion), atol=1e-4)
    assert (job.folder / "split.npz").read_bytes() == split
    losses = [[e.validation for e in of(j.events(), "epoch")] for j in (job, whole)]
    assert losses[0] == losses[1]


def refuse_a_second_trainer(job, pid):
    assert job.state == "running"
    before = sorted(path.name for path in job.folder.iterdir())
    with pytest.raises(UserError, match=f"process {pid} on"):
        train(job)
    with pytest.raises(UserError, match=f"process {pid} on"):
        job.launch(device="cpu", resume=True)
    assert trainer.main([str(job.folder), "--resume"]) == 1
    assert job.state == "running"
    assert sorted(path.name for path in job.folder.iterdir()) == before


def test_dynamight_resumes_to_the_very_same_weights(tmp_path):
    samples.write_particles(tmp_path, count=80)
    inputs = {"particles": tmp_path / "particles.star", "consensus": tmp_path / "consensus.mrc"}
    settings = {"epochs": 4, "threads": 1, "batch_size": 16, "gaussians": 50, "warmup_epochs": 1}
    whole, job = (
        Job.create(tmp_path / n, method="dynamight", settings=settings, check=False, **inputs)
        for n in ("whole", "job")
    )
    train(whole)
    run = job.train(device="cpu")
    for event in run:
        if event.kind == "step" and event.epoch == 3:
            break
    run.close()  # the rest of epoch 3 is lost
    assert job.checkpoints.last() == 2
    train(job, resume=True)
    assert same(weights(job), weights(whole))


def test_halves_stay_disjoint_when_the_seed_is_changed_before_a_resume(tmp_path):
    job = samples.make_job(tmp_path, halves=False, epochs=1)
    train(job)
    before = job.split
    path = job.folder / "job.toml"
    path.write_text(path.read_text().replace("seed = 1", "seed = 2"))
    train(Job.open(job.folder), resume=True, epochs=2)
    np.testing.assert_array_equal(Job.open(job.folder).split.half, before.half)
    np.testing.assert_array_equal(Job.open(job.folder).split.validation, before.validation)


def test_a_particle_file_that_changed_its_length_is_refused(tmp_path):
    job = samples.make_job(tmp_path, epochs=1)
    train(job)
    star = tmp_path / "data" / "particles.star"
    star.write_text("\n".join(star.read_text().splitlines()[:-1]) + "\n")
    events = train(Job.open(job.folder), resume=True, epochs=2)
    assert "has 47 particles now, but the job was begun with 48" in events[-1].message


def test_a_particle_file_in_another_order_is_refused(tmp_path):
    """Sorted by another program, it would mix the half sets and export the wrong particles."""
    job = samples.make_job(tmp_path, epochs=1)
    train(job)
    star = tmp_path / "data" / "particles.star"
    lines = star.read_text().splitlines()
    rows = [i for i, line in enumerate(lines) if "@" in line]
    lines[rows[0]], lines[rows[1]] = lines[rows[1]], lines[rows[0]]
    star.write_text("\n".join(lines) + "\n")
    again = Job.open(job.folder)
    assert "in another order" in train(again, resume=True, epochs=2)[-1].message
    with pytest.raises(UserError, match="half sets, latents and selections go by row"):
        _ = again.particles


def test_a_job_goes_on_with_particles_that_moved_to_another_folder(tmp_path):
    job = samples.make_job(tmp_path, epochs=1)
    train(job)
    (tmp_path / "data").rename(tmp_path / "moved")
    path = job.folder / "job.toml"
    path.write_text(path.read_text().replace("/data/", "/moved/"))
    assert train(Job.open(job.folder), resume=True, epochs=2)[-1].kind == "finished"


def test_killed_between_the_last_checkpoint_and_its_latents(tmp_path):
    job = samples.make_job(tmp_path, epochs=2)
    run = job.train(device="cpu")
    for event in run:
        if event.kind == "checkpoint" and event.epoch == 2:
            break
    run.close()
    assert job.state == "stopped"
    assert job.latents().epoch == 1
    events = train(job, resume=True)
    assert [k for k in kinds(events) if k in ("epoch", "latents", "finished")] == [
        "latents",
        "finished",
    ]
    assert job.latents().epoch == 2


def test_training_anew_over_a_result_is_refused(tmp_path):
    job = samples.make_job(tmp_path, epochs=1)
    train(job)
    with pytest.raises(UserError, match=r"trained for 1 epochs, .* ask for more"):
        train(job, resume=True)
    with pytest.raises(UserError, match="--resume"):
        train(job, epochs=2)
    assert job.state == "finished"
    events = train(job, resume=True, epochs=2)
    assert [e.epoch for e in of(events, "epoch")] == [2]
    assert job.state == "finished"


# -- one trainer a folder -------------------------------------------------------------------------


def test_two_runs_in_one_process_are_refused(tmp_path):
    job = samples.make_job(tmp_path, epochs=5)
    first = job.train(device="cpu")
    next(first)
    with pytest.raises(UserError, match="A trainer is at work"):
        train(job)
    with pytest.raises(UserError, match="this very process"):
        job.kill()
    first.close()
    assert job.state == "stopped"


# -- pause and stop -------------------------------------------------------------------------------


def test_going_on_trains_to_the_epoch_that_the_stopped_run_was_asked_for(tmp_path):
    job = samples.make_job(tmp_path, epochs=1)
    run = job.train(epochs=3)
    next(event for event in run if event.kind == "checkpoint")
    run.close()
    assert job.state == "stopped"
    assert train(Job.open(job.folder), resume=True)[-1].epoch == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_cleanly_and_resuming_gives_the_same_result(tmp_path, number):
    before = signal.getsignal(number)  # a shell lets what it starts in the background ignore SIGINT
    job = samples.make_job(tmp_path, epochs=3, step_seconds=0.1)
    events = []
    for event in job.train(device="cpu"):
        events.append(event)
        if event.kind == "step" and event.epoch == 2 and event.done < event.total:
            os.kill(os.getpid(), number)
    assert job.state == "stopped"
    *_, warning, finished = events
    assert "the checkpoint of epoch 1 stands, and resuming does epoch 2 again" in warning.message
    assert (finished.reason, finished.epoch) == ("stopped", 1)
    assert signal.getsignal(number) is before
    train(job, resume=True)
    whole = samples.make_job(tmp_path, epochs=3)
    train(whole)
    assert same(weights(job), weights(whole))


def test_a_second_interrupt_ends_at_once(tmp_path):
    job = samples.make_job(tmp_path, epochs=3)

    def impatient():
        for event in job.train(device="cpu"):
            if event.kind == "epoch":
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        impatient()
    assert job.state == "stopped"
    assert not (job.folder / "trainer.lock").exists()


def test_files_pause_go_on_and_stop(tmp_path):
    job = samples.make_job(tmp_path, epochs=500, step_seconds=0.01)
    thread = threading.Thread(target=train, args=[job])
    thread.start()
    wait_for_event(job, "step")
    assert job.state == "running"
    job.pause()
    wait_for_event(job, "paused")
    assert job.state == "paused"
    count = len(job.events())
    time.sleep(0.5)
    assert len(job.events()) == count
    job.unpause()
    wait_for_event(job, "unpaused")
    assert job.state == "running"
    job.pause()
    wait_for(lambda: len(of(job.events(), "paused")) == 2)
    job.stop()  # also while it is paused
    thread.join()
    assert job.state == "stopped"
    assert job.events()[-1].reason == "stopped"
    assert (job.folder / "RELION_JOB_EXIT_ABORTED").exists()
    assert not (job.folder / "trainer.lock").exists()


def test_a_stop_asked_right_after_the_launch_is_heard(tmp_path):
    job = samples.make_job(tmp_path, epochs=500, step_seconds=0.05)
    job.launch(device="cpu")
    job.stop()
    events = list(job.follow())
    assert events[-1].kind == "finished"
    assert events[-1].reason == "stopped"
    assert not of(events, "epoch")
    assert not of(events, "checkpoint")


def test_a_stop_while_images_are_read_is_heard(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_conformix.training.batches.sources.CHUNK", 4)
    job = samples.make_job(tmp_path, images="cache")
    events = []
    for event in job.train(device="cpu"):
        events.append(event)
        if event.kind == "preparing" and event.done == 8:
            job.stop()
            time.sleep(0.25)  # the files are looked at five times a second
    assert kinds(events[-2:]) == ["preparing", "finished"]
    assert events[-1].reason == "stopped"
    assert events[-2].done < samples.COUNT
    assert not list((job.folder / "cache").iterdir())


# -- following ------------------------------------------------------------------------------------


def test_a_follower_sees_everything_soon_and_ends_with_the_run(tmp_path):
    job = samples.make_job(tmp_path, epochs=3, step_seconds=0.02)
    job.launch(device="cpu")
    delays, events = [], []
    for event in Job.open(job.folder).follow():
        delays.append(time.time() - event.time)
        events.append(event)
    assert events == job.events()
    assert events[-1].kind == "finished"
    assert job.state == "finished"
    assert np.median(delays) < 0.1
    assert "finished" in (job.folder / "run.out").read_text()


def test_a_follower_can_be_stopped_and_a_job_not_begun_is_no_reason_to_wait(tmp_path):
    job = samples.make_job(tmp_path)
    assert list(job.follow()) == []
    run = job.train(device="cpu")
    next(run)
    leave = threading.Event()
    threading.Timer(0.3, leave.set).start()
    assert kinds(job.follow(stop=leave.is_set)) == ["preparing"]
    assert job.state == "running"
    run.close()


def test_a_trainer_that_fails_leaves_its_words(tmp_path, capsys):
    job = samples.make_job(tmp_path)
    (tmp_path / "data" / "consensus.mrc").unlink()
    assert trainer.main([str(job.folder), "--device", "cpu"]) == 1
    assert job.state == "failed"
    assert "consensus.mrc" in job.events()[-1].message
    assert "consensus.mrc" in capsys.readouterr().err


# -- trouble --------------------------------------------------------------------------------------


def test_some_nan_steps_are_skipped_and_told_once_an_epoch(tmp_path):
    job = samples.make_job(tmp_path, epochs=2, nan_every=8)
    events = train(job)
    assert events[-1].kind == "finished"
    skipped = [e.skipped_steps for e in of(events, "epoch")]
    assert sum(skipped) == 2  # 20 training steps, every 8th
    assert len(of(events, "warning")) == sum(s > 0 for s in skipped)
    assert all(torch.isfinite(w).all() for w in weights(job).values())


def test_many_nan_steps_end_the_run_with_a_reason(tmp_path):
    job = samples.make_job(tmp_path, nan_every=2)
    events = train(job)
    assert events[-1].kind == "failed"
    assert "Lower the learning rate" in events[-1].message
    assert job.state == "failed"


def test_a_batch_too_large_is_shrunk_and_stays_so_after_a_resume(tmp_path):
    job = samples.make_job(tmp_path, epochs=1, batch_size=16, fits=5)
    events = train(job)
    assert of(events, "started")[0].batch_size == 4
    assert any("did not fit in memory" in w.message for w in of(events, "warning"))
    events = train(job, resume=True, epochs=2)
    assert of(events, "started")[0].batch_size == 4
    assert not of(events, "warning")


def test_an_error_in_a_method_becomes_an_event_with_its_traceback(tmp_path):
    job = samples.make_job(tmp_path, raise_in_epoch=2)
    events = train(job)
    assert events[-1].kind == "failed"
    assert "ValueError: as ordered" in events[-1].message
    assert "The checkpoint of epoch 1 stands" in events[-1].message
    assert "start_epoch" in events[-1].traceback
    assert (job.folder / "RELION_JOB_EXIT_FAILURE").exists()


@pytest.mark.parametrize(
    ("device", "said"), [("cuda:7", "is not here"), ("toaster", "no device 'toaster'")]
)
def test_a_device_that_is_not_there_is_named(tmp_path, device, said):
    events = list(samples.make_job(tmp_path).train(device=device))
    assert said in events[-1].message
    assert events[-1].traceback == ""


def test_several_processes_are_refused_clearly(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    events = train(samples.make_job(tmp_path))
    assert "torchrun" in events[-1].message


# -- what it costs to look ------------------------------------------------------------------------


def loaded_by(code):
    check = "import sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {check}"],
        env=samples.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_looking_at_a_job_loads_neither_torch_nor_a_method(tmp_path):
    job = samples.make_job(tmp_path, epochs=1)
    train(job)
    code = (
        f"from napari_conformix import Job; j = Job.open({str(job.folder)!r}); "
        "j.state; j.events(); list(j.follow()); j.latents(); j.split"
    )
    assert not loaded_by(code) & {"torch", "lightning_fabric", "sklearn", "conformix_fake"}


@pytest.mark.parametrize("method", ["dynamight", "opusdsd"])
def test_what_a_job_was_set_to_is_known_without_torch(tmp_path, method):
    job = samples.make_job(tmp_path, method)
    code = (
        "from napari_conformix.jobs.folder import JobFolder; "
        f"j = JobFolder.open({str(job.folder)!r}); "
        "assert j.model_biased is None; assert j.settings.epochs == 3"
    )
    assert not loaded_by(code) & {"torch", "lightning_fabric", "sklearn"}


def test_the_trainer_knows_no_window(tmp_path):
    job = samples.make_job(tmp_path, epochs=1)
    code = (
        "from napari_conformix.jobs.training.trainer import main; "
        f"assert main([{str(job.folder)!r}, '--device', 'cpu']) == 0"
    )
    windows = {"napari", "qtpy", "PyQt6", "PySide6", "vispy", "superqt", "magicgui", "pyqtgraph"}
    assert not loaded_by(code) & windows
    assert Split.load(job.folder / "split.npz").made_halves is False
