import json
import math

import pytest
from pydantic import ValidationError

from napari_conformix.training import events

EXAMPLES = [
    events.Preparing(message="Reading", done=3, total=9),
    events.Started(device="cpu", particles=10, epochs=3, batch_size=4, facts={"n": [1, 2]}),
    events.Step(epoch=1, done=3, total=9, terms={"1": {"loss": 0.5}}, eta_seconds=4.0),
    events.Epoch(epoch=1, epochs=3, train={"1": {"loss": 1.0}}, validation={"2": {"loss": 2.0}}),
    events.Checkpoint(epoch=1, path="checkpoints/epoch_0001.safetensors", best=True),
    events.Latents(epoch=1),
    events.Volume(epoch=1, path="volumes/live_half1.mrc", half=1),
    events.Notice(epoch=4, message="The reference was replaced."),
    events.Warning(message='a "quoted"\nsentence, Å'),
    events.Paused(epoch=2),
    events.Unpaused(epoch=2),
    events.Failed(message="no", traceback="..."),
    events.Finished(epoch=3, reason="stopped", best_epoch=2),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: e.kind)
def test_every_kind_comes_back_from_its_line(event):
    line = events.to_line(event)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    back = events.from_line(line)
    assert type(back) is type(event)
    assert back == event


def test_every_kind_has_an_example():
    kinds = {kind for kind in vars(events).values() if isinstance(kind, type)}
    kinds = {k for k in kinds if issubclass(k, events.Event) and k is not events.Event}
    assert kinds == {type(example) for example in EXAMPLES}


def test_numbers_that_json_has_not_become_null_and_nan():
    terms = {"1": {"loss": math.nan, "data": math.inf, "kl": 1.5}}
    line = events.to_line(events.Epoch(epoch=1, epochs=2, train=terms, validation={}))
    assert json.loads(line)["train"]["1"] == {"loss": None, "data": None, "kl": 1.5}
    back = events.from_line(line)
    assert isinstance(back, events.Epoch)
    assert math.isnan(back.train["1"]["loss"])
    assert back.train["1"]["kl"] == 1.5


def test_kinds_and_fields_of_a_later_version_are_kept():
    later = events.from_line('{"time": 1.0, "kind": "telepathy", "strength": 7}')
    assert (later.kind, later.model_extra) == ("telepathy", {"strength": 7})
    latents = events.from_line('{"time": 1.0, "kind": "latents", "epoch": 3, "new": 1}')
    assert isinstance(latents, events.Latents)
    assert latents.model_extra == {"new": 1}


@pytest.mark.parametrize("line", ["", "{", '{"kind": 3', "[]", '{"time": 1}'])
def test_what_is_no_event_is_refused(line):
    with pytest.raises(ValidationError):
        events.from_line(line)
