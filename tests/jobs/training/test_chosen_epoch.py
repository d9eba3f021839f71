"""A method with one model that ends on its best epoch: whole runs of the voxel test method."""

import os
import signal

import numpy as np
import pytest
import samples
import torch

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.training.checkpoints import load_weights


def train(job, **options):
    return list(job.train(device="cpu", **options))


def of(events, kind):
    return [event for event in events if event.kind == kind]


def voxel_job(folder, **settings):
    return samples.make_job(folder, "voxels", **{"epochs": 5, "worse_after": 3} | settings)


def agrees(job, epoch):
    """Whether everything that can be asked for without naming an epoch is of `epoch`."""
    table = job.latents()
    mean, std = job.encode(np.arange(samples.COUNT))
    np.testing.assert_allclose(mean, table.mean, atol=1e-5)
    np.testing.assert_allclose(std, table.std, atol=1e-5)
    np.testing.assert_array_equal(job.decode(table.mean[0]), job.decode(table.mean[0], epoch=epoch))
    return table.epoch == epoch


def test_the_best_epoch_is_the_result_and_the_user_is_told(tmp_path):
    job = voxel_job(tmp_path)
    events = train(job)
    assert [e.epoch for e in of(events, "epoch")] == [1, 2, 3, 4, 5]
    assert agrees(job, 3)
    assert job.checkpoints.chosen() == 3
    assert (events[-1].best_epoch, events[-1].chosen_epoch, events[-1].epoch) == (3, 3, 5)
    assert [e.epoch for e in of(events, "latents")] == [1, 2, 3, 4, 5, 3]
    assert of(events, "volume")[-1].epoch == 3
    told = of(events, "notice")[-1].message
    losses = {e.epoch: e.validation["0"]["data"] for e in of(events, "epoch")}
    for said in ("epoch 3", "image power not explained", f"{losses[3]:.5g}", f"{losses[5]:.5g}"):
        assert said in told
    assert "go on from epoch 5" in told


@pytest.mark.parametrize("every", [1, 4])
def test_latents_of_the_best_epoch_are_those_of_its_weights(tmp_path, every):
    """Whether its table was kept (every epoch) or had to be made again at the end."""
    job = voxel_job(tmp_path, latents_every=every)
    events = train(job)
    assert agrees(job, 3)
    if every == 4:
        assert [e.epoch for e in of(events, "latents")] == [1, 4, 5, 3]
    live = samples.read_volume(job.folder / "volumes" / "live.mrc")
    mean = job.latents().mean[job.split.rows(0, "train")].mean(axis=0)
    np.testing.assert_allclose(live, job.decode(mean, epoch=3), atol=1e-6)


def test_the_last_epoch_may_be_the_best(tmp_path):
    job = voxel_job(tmp_path, worse_after=0, epochs=2)
    events = train(job)
    assert events[-1].chosen_epoch == 2
    assert agrees(job, 2)
    assert "last epoch, 2" in of(events, "notice")[-1].message
    assert [e.epoch for e in of(events, "latents")] == [1, 2]


def test_while_it_runs_everything_is_of_the_newest_latents(tmp_path):
    job = voxel_job(tmp_path, latents_every=2)
    seen = []
    for event in job.train(device="cpu"):
        if event.kind in ("latents", "checkpoint"):
            table = job.latents() if seen or event.kind == "latents" else None
            if table is not None:
                assert agrees(job, table.epoch)
                seen.append((event.kind, event.epoch, table.epoch))
    assert ("checkpoint", 4, 2) in seen  # not yet encoded: decoded maps stay those of its epoch
    assert ("latents", 4, 4) in seen


def test_going_on_begins_from_the_last_epoch_not_from_the_best(tmp_path):
    whole, job = voxel_job(tmp_path, epochs=6, worse_after=0), voxel_job(tmp_path, worse_after=0)
    train(whole)
    before = job.folder / "job.toml"
    before.write_text(before.read_text().replace("epochs = 5", "epochs = 6"))
    job = Job.open(job.folder)
    run = job.train(device="cpu")
    for event in run:
        if event.kind == "latents" and event.epoch == 4:
            os.kill(os.getpid(), signal.SIGINT)
    assert job.checkpoints.chosen() == job.checkpoints.best()
    assert job.state == "stopped"
    events = train(job, resume=True)
    assert of(events, "started")[0].first_epoch == 5
    ours, theirs = (load_weights(j.checkpoints.find(6))[0] for j in (job, whole))
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=0, equal_nan=True)


def test_a_stopped_run_ends_on_its_best_epoch_too(tmp_path):
    job = voxel_job(tmp_path, worse_after=1, epochs=50, latents_every=3)
    for event in job.train(device="cpu"):
        if event.kind == "epoch" and event.epoch == 3:
            job.stop()
    assert job.state == "stopped"
    assert job.checkpoints.last() >= 3
    assert agrees(job, 1)
    assert job.checkpoints.chosen() == 1


@pytest.mark.parametrize("at", ["latents", "volume", "notice"])
def test_killed_while_it_takes_the_best_epoch_it_resumes_and_ends_on_it(tmp_path, at):
    job = voxel_job(tmp_path)
    run = job.train(device="cpu")
    done = False
    for event in run:
        done = done or (event.kind == "latents" and event.epoch == 5)
        if done and event.kind == at and event.epoch == 3:
            break
    run.close()
    assert agrees(job, 3)
    events = train(job, resume=True)
    assert not of(events, "epoch")
    assert (events[-1].reason, events[-1].chosen_epoch) == ("completed", 3)
    assert agrees(job, 3)
    assert job.state == "finished"
    assert train(job, resume=True, epochs=6)[-1].epoch == 6
    assert agrees(job, 3)


def test_killed_before_it_takes_the_best_epoch(tmp_path):
    job = voxel_job(tmp_path)
    run = job.train(device="cpu")
    for event in run:
        if event.kind == "checkpoint" and event.epoch == 5:
            break
    run.close()
    assert agrees(job, 4)
    events = train(job, resume=True)
    assert [e.epoch for e in of(events, "latents")] == [5, 3]
    assert agrees(job, 3)
    assert job.latent_epochs() == [1, 2, 3, 4, 5]


def test_latents_of_every_epoch_can_be_asked_for(tmp_path):
    job = voxel_job(tmp_path, keep_checkpoints=1)
    train(job)
    assert job.latent_epochs() == [1, 2, 3, 4, 5]
    assert {3, 5} <= set(job.checkpoints.epochs()) < {1, 3, 4, 5}
    assert job.latents(epoch=3).epoch == 3
    assert np.isfinite(job.latents(epoch=3).std).all()  # latents.npz has it whole
    for epoch in (3, 5):
        mean, _ = job.encode(np.arange(samples.COUNT), epoch=epoch)
        np.testing.assert_allclose(mean, job.latents(epoch=epoch).mean, atol=1e-5)
    with pytest.raises(UserError, match=r"epoch 9 are not kept; there are those of: 1, 2, 3, 4, 5"):
        job.latents(epoch=9)


def test_a_job_without_a_history_opens_as_before(tmp_path):
    job = voxel_job(tmp_path, keep_latents=0)
    train(job)
    assert job.latent_epochs() == [3]
    (job.folder / "checkpoints" / "chosen.json").unlink()
    opened = Job.open(job.folder)
    assert opened.latents().epoch == 3
    assert opened.checkpoints.chosen() is None
    for name in ("latents.npz",):
        (job.folder / name).unlink()
    assert opened.latent_epochs() == []
    assert opened.method() is opened.method("last")


# -- what the method was promised -----------------------------------------------------------------


class Spy:
    """Keeps the methods that runs in this process made."""

    def __init__(self, monkeypatch):
        import conformix_fake

        self.made = []
        begin = conformix_fake.Voxels.__init__

        def init(method, *args, **kwargs):
            begin(method, *args, **kwargs)
            self.made.append(method)

        monkeypatch.setattr(conformix_fake.Voxels, "__init__", init)


def test_a_first_pass_shows_every_training_particle_once_before_epoch_one(tmp_path, monkeypatch):
    spy = Spy(monkeypatch)
    job = voxel_job(tmp_path, epochs=2, worse_after=0)
    events = train(job)
    (method,) = spy.made
    purposes = [purpose for purpose, _, _ in method.seen]
    first = [row for purpose, _, rows in method.seen for row in rows if purpose == "first pass"]
    assert first == job.split.rows(0, "train").tolist()
    assert "first pass" not in purposes[purposes.index("train") :]
    told = [e.message for e in of(events, "preparing")]
    assert any("first look at every particle" in message for message in told)
    assert not np.isnan(method.bank.numpy()[first]).any()
    train(job, resume=True, epochs=3)
    assert "first pass" not in [purpose for purpose, _, _ in spy.made[-1].seen]


def test_a_stop_in_the_first_pass_is_heard_and_the_run_begins_anew(tmp_path):
    job = voxel_job(tmp_path, epochs=1, step_seconds=0.05, batch_size=2)
    events = []
    for event in job.train(device="cpu"):
        events.append(event)
        if event.kind == "preparing" and "first look" in event.message:
            job.stop()
    assert events[-1].reason == "stopped"
    assert not of(events, "epoch")
    assert train(job, resume=True)[-1].reason == "completed"


def test_a_step_knows_its_place_in_the_run_also_after_a_resume(tmp_path, monkeypatch):
    spy = Spy(monkeypatch)
    job = voxel_job(tmp_path, epochs=4, worse_after=0)
    for event in job.train(device="cpu"):
        if event.kind == "latents" and event.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)
    train(job, resume=True)
    train(voxel_job(tmp_path, epochs=4, worse_after=0))
    before, after, whole = (np.array(method.epochs_done) for method in spy.made)
    np.testing.assert_array_equal(np.concatenate([before, after]), whole)
    assert whole[0] == 0
    assert whole[-1] < 4
    assert (np.diff(whole) > 0).all()
    assert set(np.floor(whole)) == {0, 1, 2, 3}


def test_weights_are_told_with_the_scalars_and_not_with_the_losses(tmp_path):
    events = train(voxel_job(tmp_path, epochs=2, worse_after=0))
    first, second = of(events, "epoch")
    for terms in (first.train, first.validation, *(s.terms for s in of(events, "step") if s.terms)):
        assert "annealing" not in terms["0"]
    assert set(first.train["0"]) == {"loss", "data", "prior"}
    assert 0 < first.scalars["annealing"] < 0.5 < second.scalars["annealing"] < 1


def test_batches_hold_one_class(tmp_path, monkeypatch):
    spy = Spy(monkeypatch)
    job = voxel_job(tmp_path, epochs=1, worse_after=0)
    train(job)
    above = job.particles.rotation[:, 2, 2] > 0
    batches = [rows for purpose, _, rows in spy.made[0].seen if purpose == "train"]
    assert all(len(set(above[rows])) == 1 for rows in batches)
    assert sorted(row for rows in batches for row in rows) == job.split.rows(0, "train").tolist()
