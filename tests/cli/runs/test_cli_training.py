"""`new`, `settings`, `train` and `status`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import PARTICLES, Conformix
from waiting import wait_for

from napari_conformix.cli.runs.training import parse_settings
from napari_conformix.jobs import Job
from napari_conformix.methods.dynamight import DynaMightSettings
from napari_conformix.training.events import Epoch, Finished

COMMAND = [sys.executable, "-m", "napari_conformix"]


def test_new_writes_what_was_asked_for(conformix: Conformix, data: Path, tmp_path: Path) -> None:
    made = conformix(
        "new", tmp_path / "job", "--particles", data / "particles.star",
        "--consensus", data / "consensus.mrc", "--mask", data / "mask.mrc",
        "--preset", "quick", "--set", "epochs=7", "--set", "images = stream",
        "--set", "normalise_images=true",
    )  # fmt: skip
    assert made.status == 0, made.err
    assert f"{PARTICLES} particles" in made.out
    job = Job.open(tmp_path / "job")
    assert job.state == "created"
    assert job.spec.inputs.mask == data / "mask.mrc"
    expected = DynaMightSettings.preset("quick").model_copy(
        update={"epochs": 7, "images": "stream", "normalise_images": True}
    )
    assert job.settings == expected


def test_new_reads_the_particle_file_once(
    conformix: Conformix, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_conformix.particles import reading

    files, real = [], reading.read_relion
    monkeypatch.setattr(
        reading, "read_relion", lambda path, *more: (files.append(path), real(path, *more))[1]
    )
    paths = ("--particles", data / "particles.star", "--consensus", data / "consensus.mrc")
    made = conformix("new", tmp_path / "job", *paths)
    assert made.status == 0, made.err
    assert files == [data / "particles.star"]


def test_new_tells_what_the_checks_found(conformix: Conformix, data: Path, tmp_path: Path) -> None:
    paths = ("--particles", data / "particles.star", "--consensus", data / "consensus.mrc")
    made = conformix("new", tmp_path / "job", *paths)
    assert "note: " in made.out  # of the contrast
    refused = conformix("new", tmp_path / "job2", *paths, "--set", "invert_contrast=true")
    assert refused.status == 1
    assert "contrast" in refused.err
    assert not (tmp_path / "job2").exists()


def test_settings_are_all_listed(conformix: Conformix) -> None:
    lines = conformix("settings", "dynamight").out.splitlines()
    for name, field in DynaMightSettings.model_fields.items():
        position = next(i for i, line in enumerate(lines) if line.startswith(f"  {name} = "))
        default = "not" if field.default is None else str(field.default)  # not set
        assert lines[position].split(" = ")[1].split()[0] == default
        assert lines[position + 1].strip() == field.description
    text = "\n".join(lines)
    assert "  reference_learning_rate = 0.02 A    (0 to 10)" in text
    assert "(auto | memory | cache | stream)" in text
    assert "  validation_fraction = 0.1    (> 0, < 0.5)" in text
    assert "Preset quick: " in text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=0.5", 0.5),
        ("a=1e-4", 1e-4),
        ("a=true", True),
        ("a=False", False),
        ("a=auto", "auto"),
        ("a='auto'", "auto"),
        ("a = x=y", "x=y"),
    ],
)
def test_values_of_settings(text: str, value: object) -> None:
    parsed = parse_settings([text])
    assert parsed == {"a": value}
    assert type(parsed["a"]) is type(value)


def test_train_writes_a_line_an_epoch(conformix: Conformix, untrained: Path) -> None:
    done = conformix("train", untrained, "--epochs", 2, "--device", "cpu")
    assert done.status == 0, done.err
    job = Job.open(untrained)
    epochs = [event for event in job.events() if isinstance(event, Epoch)]
    assert [event.epoch for event in epochs] == [1, 2]
    lines = [line for line in done.out.splitlines() if line.startswith("epoch ")]
    assert len(lines) == 2
    for line, event in zip(lines, epochs, strict=True):
        for half in ("1", "2"):
            assert f"{event.validation[half]['unexplained']:.5g}" in line
    assert done.out.splitlines()[-1].startswith("Finished")


def test_a_failed_run_says_why(conformix: Conformix, untrained: Path) -> None:
    done = conformix("train", untrained, "--device", "cuda:77")
    assert done.status == 1
    assert "cuda:77" in done.err
    assert "Traceback" not in done.err
    assert Job.open(untrained).state == "failed"
    assert "cuda:77" in conformix("status", untrained).out


def test_ctrl_c_stops_cleanly_and_resume_goes_on(conformix: Conformix, untrained: Path) -> None:
    job = Job.open(untrained)
    command = [*COMMAND, "train", str(untrained), "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: job.checkpoints.last() is not None)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "Stopping after this step" in out
    assert f"conformix train {untrained} --resume" in out
    assert job.state == "stopped"
    last = job.checkpoints.last()
    assert last is not None
    assert 0 < last < 200
    assert "stopped by the user" in conformix("status", untrained).out
    assert conformix("train", untrained, "--resume", "--epochs", last + 1).status == 0
    assert job.state == "finished"
    assert [e.epoch for e in job.events() if isinstance(e, Finished)] == [last, last + 1]


def test_detached_training_is_followed_to_its_end(conformix: Conformix, untrained: Path) -> None:
    begun = conformix("train", untrained, "--detach", "--epochs", 2, "--device", "cpu")
    assert begun.status == 0
    pid = int(begun.out.split("process ")[1].split(".")[0])
    assert pid != os.getpid()
    followed = conformix("status", untrained, "--follow")
    assert followed.status == 0
    assert "epoch 1/2" in followed.out
    assert "epoch 2/2" in followed.out
    assert f"{untrained}: dynamight, finished" in followed.out
    assert Job.open(untrained).state == "finished"


def test_a_detached_run_is_paused_and_stopped(conformix: Conformix, untrained: Path) -> None:
    refused = conformix("stop", untrained)
    assert refused.status == 1
    assert "is not running: it is created" in refused.err
    assert conformix("train", untrained, "--detach", "--device", "cpu").status == 0
    job = Job.open(untrained)
    assert conformix("pause", untrained).status == 0
    assert job.state == "paused"
    assert conformix("pause", untrained, "--end").status == 0
    assert job.state == "running"
    assert conformix("stop", untrained).status == 0
    assert list(job.follow())[-1].kind == "finished"
    assert job.state == "stopped"


def test_status_of_a_new_job(conformix: Conformix, untrained: Path) -> None:
    told = conformix("status", untrained)
    assert told.status == 0
    assert "not trained yet" in told.out
    assert f"conformix train {untrained}" in told.out


def test_an_epoch_whose_checkpoint_was_not_written_is_not_done(
    conformix: Conformix, trained: Path
) -> None:
    newest = [event for event in Job.open(trained).events() if isinstance(event, Epoch)][-1]
    lost = newest.model_copy(update={"epoch": 4, "epochs": 5})
    with (trained / "events.jsonl").open("a") as events:
        events.write(lost.model_dump_json() + "\n")
    assert "3 of 5 epochs done" in conformix("status", trained).out


def test_status_shows_state_curves_and_warnings(conformix: Conformix, trained: Path) -> None:
    with (trained / "events.jsonl").open("a") as events:
        events.write('{"time": 1, "kind": "warning", "message": "The beam was off."}\n')
    told = conformix("status", trained).out
    assert "finished" in told
    assert "3 of 3 epochs done" in told
    assert "Warning: The beam was off." in told
    newest = [e for e in Job.open(trained).events() if isinstance(e, Epoch)][-1]
    for half in ("1", "2"):
        for kind, terms in (("training", newest.train), ("validation", newest.validation)):
            line = next(x for x in told.splitlines() if x.startswith(f"half {half} {kind}"))
            assert f"{terms[half]['unexplained']:.5g}" in line
