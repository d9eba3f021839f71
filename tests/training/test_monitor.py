"""Means, clock, when latents are due, and how large a batch is."""

from types import SimpleNamespace

import pytest
import torch

from napari_conformix.training import estimate, monitor
from napari_conformix.training.estimate import choose_batch_size
from napari_conformix.training.monitor import Clock, Means
from napari_conformix.training.results import clean_pass
from napari_conformix.training.results.clean_pass import LatentSchedule


class Time:
    """A clock that is set by hand."""

    def __init__(self, monkeypatch, module):
        self.now = 0.0
        monkeypatch.setattr(module, "monotonic", lambda: self.now)


def test_means_are_weighted_by_particles_and_kept_by_half():
    means = Means()
    means.add(1, {"loss": torch.tensor(1.0)}, 3)
    means.add(1, {"loss": torch.tensor(5.0), "kl": torch.tensor(2.0)}, 1)
    means.add(2, {"loss": torch.tensor(7.0)}, 2)
    assert means.values() == {"1": {"loss": 2.0, "kl": 2.0}, "2": {"loss": 7.0}}


def test_time_to_go_comes_from_the_estimate_then_from_the_work(monkeypatch):
    time = Time(monkeypatch, monitor)
    clock = Clock(epochs=10, first_epoch=1, epoch_seconds=100.0)
    clock.start_epoch(1)
    assert clock.eta(0.0) == pytest.approx(1000)
    time.now = 20  # half done: an epoch takes 40 s, not 100
    assert clock.eta(0.5) == pytest.approx(9.5 * 40)
    time.now = 40
    clock.end_epoch()
    clock.start_epoch(2)
    assert clock.eta(0.25) == pytest.approx(8.75 * 40)
    clock.start_epoch(10)
    assert clock.eta(1.0) == 0


def test_a_pause_is_not_work(monkeypatch):
    time = Time(monkeypatch, monitor)
    clock = Clock(2, 1, None)
    clock.start_epoch(1)
    assert clock.eta(0.0) is None
    time.now = 3600
    clock.pause(3590)
    assert clock.end_epoch() == pytest.approx(10)
    assert clock.eta(1.0) == pytest.approx(10)


def test_latents_are_due_every_few_epochs_and_at_both_ends():
    schedule = LatentSchedule(every=5, particles=1000)
    due = [epoch for epoch in range(1, 18) if schedule.due(epoch, final=epoch == 17)]
    assert due == [1, 5, 10, 15, 17]


def test_latents_of_many_particles_are_due_when_they_are_cheap_beside_training(monkeypatch):
    time = Time(monkeypatch, clean_pass)
    schedule = LatentSchedule(every=1, particles=1_000_000)
    assert schedule.due(1, final=False)  # nothing is known yet, and somebody waits to see it
    schedule.passed(60.0)
    time.now = 590
    assert not schedule.due(2, final=False)
    assert schedule.due(2, final=True)
    time.now = 610
    assert schedule.due(3, final=False)


@pytest.mark.parametrize(
    ("wanted", "free", "smallest_half", "expected"),
    [
        (7, 10, 100, 7),  # as set, whatever the memory
        (0, 1e9, 1e6, 128),  # no larger than is good for training
        (0, 1e9, 48 * estimate.STEPS_AN_EPOCH, 48),  # enough steps in an epoch
        (0, 1e9, 10, 32),  # but not so many that each is noise
        (0, 30_000, 1e6, 16),  # 60 % of what is free, 1000 bytes a particle
        (0, 10, 1e6, 1),
    ],
)
def test_batch_size_follows_memory_and_data(monkeypatch, wanted, free, smallest_half, expected):
    monkeypatch.setattr(estimate, "free_memory_bytes", lambda device: free)
    method = SimpleNamespace(device=torch.device("cpu"), memory_bytes=lambda size: 1000 * size)
    assert choose_batch_size(method, wanted, int(smallest_half)) == expected
