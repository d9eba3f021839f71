"""Which buttons of a run can be pressed, and what its events and states come to. No window."""

from typing import get_args

import pytest

from napari_conformix.jobs.reconstruction import events as reconstruction
from napari_conformix.runs import Failed, State, Warning
from napari_conformix.widgets.runs import ReconstructionStatus, RunRules

ALL = dict.fromkeys(("train", "pause", "stop", "resume"), "")
TRAINING = RunRules(ALL, begin="train", make="train", next={"paused": "Resume goes on."})
RECONSTRUCTION = RunRules(dict.fromkeys(("pause", "stop", "resume"), ""))


@pytest.mark.parametrize(
    ("state", "training", "reconstruction"),
    [
        ("", {"train"}, set()),
        ("created", {"train"}, {"resume"}),
        ("starting", set(), set()),
        ("running", {"pause", "stop"}, {"pause", "stop"}),
        ("paused", {"resume", "stop"}, {"resume", "stop"}),
        ("stopping", set(), set()),
        ("stopped", {"resume"}, {"resume"}),
        ("interrupted", {"resume"}, {"resume"}),
        ("failed", {"resume"}, {"resume"}),
        ("finished", set(), set()),
    ],
)
def test_buttons_of_a_state(state, training, reconstruction) -> None:
    assert TRAINING.enabled(state) == training
    assert RECONSTRUCTION.enabled(state) == reconstruction


def test_nothing_is_made_of_too_little_and_a_finished_run_goes_on_only_for_more() -> None:
    assert TRAINING.enabled("", ready=False) == set()
    assert TRAINING.enabled("finished", more=True) == {"resume"}


def test_no_state_of_a_run_is_forgotten() -> None:
    assert all(TRAINING.enabled(state) for state in get_args(State) if state != "finished")
    assert TRAINING.what_next("paused") == "Resume goes on."
    assert TRAINING.what_next("running") == ""


def test_a_reconstruction_in_words() -> None:
    status = ReconstructionStatus()
    status.take_state("running")
    assert status.progress().share is None  # it goes on, nobody knows how far
    begun = reconstruction.ReconstructionProgress(
        phase="back-projecting", done=30, total=120, eta_seconds=90.0
    )
    status.take([begun, Warning(message="Too few."), Warning(message="Too few.")])
    now = status.progress()
    assert (now.live, now.share, now.stage) == (True, 0.25, "adding particles: 30 of 120")
    assert any("left" in number for number in now.numbers)
    assert now.warnings == ("Too few.",)
    status.take([Failed(message="The disk is full.", traceback="at line 1")])
    status.take_state("failed")
    now = status.progress()
    assert (now.live, now.outcome) == (False, (("error", "The disk is full."),))
    assert now.traceback == "at line 1"
    assert not any("left" in number for number in now.numbers)
    status.take_state("finished")
    assert status.progress().warnings == ()  # they are in the report
