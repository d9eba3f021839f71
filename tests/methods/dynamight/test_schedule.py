"""Which epochs train what, over runs of every length, and when a run has converged."""

import math

import pytest

from napari_conformix.methods.dynamight import DynaMightSettings
from napari_conformix.methods.dynamight.schedule import Schedule
from napari_conformix.methods.dynamight.stop_rule import RiseCounter


def of(epochs, **settings) -> Schedule:
    return Schedule.of(DynaMightSettings(epochs=epochs, warmup_epochs=3, **settings))


def epochs_of(schedule, phase):
    return [e for e in range(1, schedule.epochs + 1) if schedule.phase(e) == phase]


def replacements(schedule):
    return [e for e in range(1, schedule.epochs + 1) if schedule.replaces_reference(e)]


def test_a_long_run_follows_the_paper():
    schedule = of(300)
    assert epochs_of(schedule, "warm-up") == [1, 2, 3]
    resting = epochs_of(schedule, "reference only")
    # 30 epochs of training, 5 of rest, after the warm-up
    assert resting[:10] == [34, 35, 36, 37, 38, 69, 70, 71, 72, 73]
    assert len(resting) % 5 == 0
    # after every 10th epoch in which the networks were trained; rests are not counted
    assert replacements(schedule)[:6] == [14, 24, 39, 49, 59, 74]


def test_a_run_of_36_epochs_rests_never_and_ends_settled():
    schedule = of(36)
    assert epochs_of(schedule, "reference only") == []
    assert replacements(schedule) == [14, 24]


@pytest.mark.parametrize("epochs", [*range(1, 45), 60, 99, 100, 137, 220, 290])
def test_no_run_changes_its_reference_at_its_end(epochs):
    schedule = of(epochs)
    settling = [e for e in range(1, epochs + 1) if e > max(3, epochs - 5)]
    assert all(schedule.phase(e) == "training" for e in settling)
    assert not any(schedule.replaces_reference(e) for e in settling)
    assert not any(schedule.replaces_reference(e) for e in epochs_of(schedule, "reference only"))


def test_zero_turns_each_part_off():
    assert epochs_of(of(300, reference_every=0), "reference only") == []
    assert epochs_of(of(300, reference_epochs=0), "reference only") == []
    assert replacements(of(300, replace_every=0)) == []


def test_a_run_asked_for_more_epochs_has_the_same_past():
    """Only what was left out at the end of the short run may differ."""
    short, long = of(100), of(400)
    assert all(short.phase(e) == long.phase(e) for e in range(1, 76))
    assert replacements(short) == [e for e in replacements(long) if e <= 80]


@pytest.mark.parametrize("epochs", [1, 2, 20, 100, 400])
def test_step_sizes_fall_in_the_last_epochs_only(epochs):
    schedule = Schedule.of(DynaMightSettings(epochs=epochs, warmup_epochs=0))
    shares = [schedule.learning_rate_share(epoch) for epoch in range(1, epochs + 1)]
    assert shares[-1] == pytest.approx(0.1)
    assert shares == sorted(shares, reverse=True)
    constant = shares[: epochs - max(1, min(epochs // 4, 20))]
    assert constant == [1.0] * len(constant)
    flat = Schedule.of(DynaMightSettings(epochs=epochs, settled_learning_rate=1.0))
    assert flat.learning_rate_share(epochs) == 1.0


def test_the_third_rise_stops_and_then_the_sixth():
    losses = [5.0, 4.0, 4.5, 4.4, 4.6, 4.6, 4.7, 4.6, 4.8, 4.9, 5.0]
    counter, stopped = RiseCounter(), []
    for epoch, loss in enumerate(losses):
        if counter.stops(counter.add(loss), 3):
            stopped.append(epoch)
    assert stopped == [6, 10]
    assert counter.rises == 6


def test_a_loss_that_only_falls_and_a_limit_of_zero_never_stop():
    counter = RiseCounter()
    assert not any(counter.stops(counter.add(1 / (k + 1)), 1) for k in range(50))
    assert not any(counter.stops(counter.add(float(k)), 0) for k in range(50))
    assert not RiseCounter().add(math.inf)
