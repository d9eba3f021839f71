"""Train, pause, stop, resume and kill a real run from the window, and find it again."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import shell_window
from qt_waiting import handle_events, wait
from qtpy.QtGui import QColor
from shell_window import ShellWindow

from napari_conformix.cli.app import main as conformix
from napari_conformix.jobs import Job
from napari_conformix.jobs.folder import JobSpec
from napari_conformix.runs import lock
from napari_conformix.training import events

SMALL = {
    "epochs": 60,
    "gaussians": 60,
    "warmup_epochs": 1,
    "batch_size": 32,
    "latent_dim": 2,
    "decoder_layers": 3,
    "encoder_width": 32,
    "noise_particles": 16,
}
#: more epochs than any machine does while a test looks at the window
ENDLESS = 5000


def _pid(job: Job) -> int:
    owner = lock.live_owner(job.folder)
    assert owner is not None
    return owner.pid


def _epochs(job: Job) -> list[int]:
    return [event.epoch for event in job.events() if isinstance(event, events.Epoch)]


def _set_up(window: ShellWindow, star: Path, folder: Path, **settings: object) -> None:
    window.open_and_check(star)
    window.panel.show_page("train")
    window.train.form.settings.set_values({**SMALL, **settings})
    window.train.form.folder.setText(str(folder))


def _end(job: Job) -> None:
    if job.state in ("running", "paused"):
        job.kill()


def test_a_run_from_train_to_kill_and_resume(
    window: ShellWindow, star: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = window.train
    _set_up(window, star, tmp_path / "job", epochs=ENDLESS)
    window.click(page.buttons["train"])
    window.wait_state("running")
    assert not page.buttons["train"].isEnabled()
    assert not page.form.folder.isEnabled()
    job = window.session.job
    request.addfinalizer(lambda: _end(job))
    window.wait(lambda: page.progress.status.last_epoch >= 2, 90)
    window.wait(lambda: window.session.latents is not None)
    _the_curves_are_drawn(window)
    assert "images/s" in page.progress.text.text()
    assert "left" in page.progress.text.text()

    window.click(page.buttons["pause"])
    window.wait_state("paused")
    window.wait(lambda: job.events()[-1].kind == "paused")
    paused_at = _epochs(job)
    window.click(page.buttons["resume"])
    window.wait_state("running")
    window.wait(lambda: len(_epochs(job)) > len(paused_at))

    os.kill(_pid(job), signal.SIGKILL)
    window.wait_state("interrupted")
    assert "Resume goes on from the last checkpoint" in page.progress.outcome.text()
    assert [name for name, b in page.buttons.items() if b.isEnabled()] == ["resume"]
    done = max(_epochs(job))
    window.click(page.buttons["resume"])
    window.wait_state("running")
    assert not page.progress.outcome.isVisible()
    window.wait(lambda: page.progress.status.last_epoch > done, 90)

    window.click(page.buttons["stop"])
    window.wait_state("stopped")
    assert "Stopped after epoch" in page.progress.outcome.text()
    assert page.buttons["resume"].isEnabled()
    x = page.curves.data.curves["train", "1", "loss"].x
    assert x == sorted(set(x))
    assert not window.errors()


def _the_curves_are_drawn(window: ShellWindow) -> None:
    curves = window.train.curves
    window.wait(lambda: len(curves._lines) >= 4)
    assert {key for key in curves._lines if key[0] != "step"} == {
        (kind, half) for kind in ("train", "validation") for half in "12"
    }
    picture = curves.plot.grab().toImage()
    colours = {QColor(picture.pixel(x, y)).name() for x in range(0, picture.width())
               for y in range(0, picture.height())}  # fmt: skip
    assert "#e69f00" in colours or "#56b4e9" in colours
    assert "half 2" in curves.legend.text().replace("&nbsp;", " ")


@pytest.fixture
def long_job(star: Path, tmp_path: Path) -> Iterator[Job]:
    """A job that does not end within a test, and ends with it."""
    job = Job.create(
        tmp_path / "job",
        method="dynamight",
        particles=star,
        consensus=star.parent / "consensus.mrc",
        settings={**SMALL, "epochs": ENDLESS},
        check=False,
    )
    yield job
    _end(job)


def test_a_run_outlives_the_window_and_is_found_again(window: ShellWindow, long_job: Job) -> None:
    job = long_job
    job.launch()
    other = ShellWindow()
    other.open(job.folder)
    other.wait_state("running")
    other.wait(lambda: other.train.progress.status.last_epoch >= 1, 90)
    pid = _pid(job)
    other.close()
    seen = len(_epochs(job))
    wait(lambda: len(_epochs(job)) >= seen + 2)
    assert _pid(job) == pid

    window.open(job.folder)
    window.wait_state("running")
    window.wait(lambda: window.train.progress.status.last_epoch >= seen + 2)
    assert window.train.curves.data.curves["train", "1", "loss"].x[0] == 1
    assert window.train.form.settings.values()["gaussians"] == SMALL["gaussians"]
    job.kill()
    window.wait_state("interrupted")


#: a window of its own process: open the job, press Train, and stay until it is killed
_WINDOW = """
import sys
sys.path.insert(0, sys.argv[2])
from shell_window import ShellWindow
window = ShellWindow()
window.open(sys.argv[1])
window.wait(lambda: window.session.job is not None)
window.panel.show_page("train")
window.wait(lambda: window.train.buttons["train"].isEnabled())
window.click(window.train.buttons["train"])
window.wait(lambda: False, 600)
"""


def test_a_killed_window_leaves_the_run_alone(
    window: ShellWindow, long_job: Job, tmp_path: Path
) -> None:
    job = long_job
    support = Path(shell_window.__file__).parent
    script = [sys.executable, "-c", _WINDOW, str(job.folder), str(support)]
    with (tmp_path / "window.log").open("w") as log:
        process = subprocess.Popen(script, stdout=log, stderr=log)
    try:
        wait(lambda: _epochs(job) or process.poll() is not None, 120)
        assert process.poll() is None, (tmp_path / "window.log").read_text()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    pid, seen = _pid(job), len(_epochs(job))
    wait(lambda: len(_epochs(job)) >= seen + 2, 60)
    window.open(job.folder)
    window.wait_state("running")
    assert _pid(job) == pid
    job.kill()
    window.wait_state("interrupted")


def test_what_cannot_start_is_reported_and_nothing_is_written(
    window: ShellWindow, star: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("mine")
    _set_up(window, star, taken)
    window.click(window.train.buttons["train"])
    window.wait(lambda: bool(window.errors()), 60)
    assert "not empty" in window.errors()[0]
    assert [path.name for path in taken.iterdir()] == ["thesis.txt"]
    assert window.train.buttons["train"].isEnabled()


def test_a_failed_run_is_a_sentence_with_its_traceback_folded(
    window: ShellWindow, star: Path, tmp_path: Path
) -> None:
    job = Job.create(
        tmp_path / "job",
        method="dynamight",
        particles=star,
        consensus=star.parent / "consensus.mrc",
        settings=SMALL,
        check=False,
    )
    told = [
        events.Warning(message="A batch gave NaN and was left out."),
        events.Warning(message="A batch gave NaN and was left out."),
        events.Failed(message="The disk is full; free some space.", traceback="Traceback: ..."),
    ]
    (job.folder / "events.jsonl").write_text("".join(map(events.to_line, told)))
    (job.folder / "RELION_JOB_EXIT_FAILURE").touch()
    window.open(job.folder)
    window.wait_state("failed")
    progress = window.train.progress
    assert "The disk is full; free some space." in progress.outcome.text()
    assert not progress.traceback.isVisible()
    window.click(progress.details.button)
    assert progress.traceback.isVisible()
    assert progress.warnings.text().count("left out. (2 times)") == 1
    assert window.train.buttons["resume"].isEnabled()

    window.click(window.train.again_button)
    assert window.session.job is None
    assert window.train.buttons["train"].isEnabled()
    assert window.train.form.settings.values()["gaussians"] == SMALL["gaussians"]
    assert not Path(window.train.form.folder.text()).exists()


def test_the_command_line_shown_makes_the_same_job(
    window: ShellWindow, star: Path, tmp_path: Path
) -> None:
    _set_up(window, star, tmp_path / "by the window")
    page = window.train
    page.form.settings.set_values({"learning_rate": 2e-5, "normalise_images": True})
    window.click(page.command_fold.button)
    new, train = page.command.toPlainText().splitlines()
    words = shlex.split(new)
    assert words[:2] == ["conformix", "new"]
    assert shlex.split(train) == ["conformix", "train", words[2]]
    with pytest.raises(SystemExit) as done:
        conformix(words[1:])
    assert not done.value.code
    made = JobSpec.read(Path(words[2]) / "job.toml")
    expected = page.form.request()
    assert made.validated_settings() == expected["settings"]
    for name in ("particles", "consensus", "mask"):
        assert getattr(made.inputs, name) == expected[name]
    handle_events()


def test_time_and_memory_are_estimated_before_the_run(
    window: ShellWindow, star: Path, tmp_path: Path
) -> None:
    _set_up(window, star, tmp_path / "job")
    line, settings = window.train.forecast, window.train.form.settings
    window.wait(lambda: line.forecast is not None, 60)
    settings.set_values({"epochs": 60})
    window.wait(lambda: "60 epochs" in line.text.text(), 60)
    forecast = line.forecast
    assert forecast.batch_size == SMALL["batch_size"]
    assert "60 Gaussians" in line.text.text()
    assert 0 < forecast.epoch_seconds < 60
    assert 1e8 < forecast.memory_bytes < 4e9

    settings.set_values({"epochs": 600})  # nothing to measure for that
    assert "600 epochs" in line.text.text()
    assert line.forecast is forecast
    settings.set_values({"gaussians": 400})
    assert "measuring" in line.text.text()
    window.wait(lambda: "400 Gaussians" in line.text.text(), 60)
    assert line.forecast.facts["gaussians"] == 400

    settings.set_values({"threshold": 1e9})
    window.wait(lambda: line.text.text().startswith("No estimate"), 60)
    assert "Choose a lower threshold" in line.text.text()
    settings.set_values({"threshold": 0.0})
    assert not window.errors()
    assert not (tmp_path / "job").exists()


def _finished_job(star: Path, folder: Path, told: list[events.Event]) -> Job:
    job = Job.create(
        folder,
        method="dynamight",
        particles=star,
        consensus=star.parent / "consensus.mrc",
        settings=SMALL,
        check=False,
    )
    (job.folder / "events.jsonl").write_text("".join(map(events.to_line, told)))
    (job.folder / "RELION_JOB_EXIT_SUCCESS").touch()
    return job


def _scheduled_run() -> list[events.Event]:
    """Warm-up, training, the reference alone, training; a replacement; ended by the stop rule."""
    phases = ["warm-up"] * 2 + ["training"] * 12 + ["reference only"] * 5 + ["training"] * 11
    terms = {"1": {"loss": 1.0}, "2": {"loss": 2.0}}
    told: list[events.Event] = [
        events.Started(device="cpu", particles=300, epochs=60, batch_size=32)
    ]
    for epoch, phase in enumerate(phases, start=1):
        if epoch == 9:
            told.append(events.Notice(epoch=9, message="The references were replaced."))
        told.append(
            events.Epoch(
                epoch=epoch,
                epochs=60,
                phase=phase,
                train=terms,
                validation=terms,
                scalars={"lambda_half1": 0.5 * epoch, "lambda_half2": 0.25 * epoch},
                curves={"noise_power_half1": [1.0 + 1 / epoch] * 17},
            )
        )
    why = "Training ends with epoch 30: the held-out error rose for the 40th time."
    ending = events.Finished(epoch=30, reason="converged", best_epoch=21)
    return [*told, events.Notice(epoch=30, message=why), ending]


def test_phases_notices_and_the_end_of_a_run_are_reported(
    window: ShellWindow, star: Path, tmp_path: Path
) -> None:
    window.open(_finished_job(star, tmp_path / "job", _scheduled_run()).folder)
    window.wait_state("finished")
    page, curves = window.train, window.train.curves
    window.wait(lambda: curves.data.last_epoch == 30 and bool(curves._bands))
    curves.redraw()
    bands = {band.getRegion() for band in curves._bands if hasattr(band, "getRegion")}
    assert bands == {(0, 2), (2, 14), (14, 19), (19, 30)}
    legend = curves.legend.text().replace("&nbsp;", " ")
    for phase in ("warm-up", "training", "reference only"):
        assert f"{phase} phase" in legend
    marks = [line.value() for line in curves._bands if hasattr(line, "value")]
    assert marks == [8]  # at the end of epoch 8, which is before epoch 9; the end is no mark
    assert "rose for the 40th time" in page.progress.outcome.text()
    assert "best epoch is 21" in page.progress.outcome.text()
    window.click(page.progress.notices_fold.button)
    assert "Epoch 9: The references were replaced." in page.progress.notices.text()

    curves.term.setCurrentIndex(curves.term.findData("lambda"))
    lines = {key: line.getData() for key, line in curves._lines.items()}
    assert set(lines) == {("scalar", "1"), ("scalar", "2")}
    assert list(lines["scalar", "2"][1][:3]) == [0.25, 0.5, 0.75]
    curves.term.setCurrentIndex(curves.term.findData("noise_power"))
    assert curves.shells.isVisible()
    assert not curves.plot.isVisible()
    x, y = curves.shells._lines[-1].getData()
    pixel_size = window.session.job.spec.grids.working_pixel_size_angstrom
    assert x[-1] == pytest.approx(1 / (2 * pixel_size))
    assert y == pytest.approx(1 + 1 / 30)
    assert "epoch 30" in curves.legend.text().replace("&nbsp;", " ")
    curves.term.setCurrentIndex(0)
    assert curves.plot.isVisible()
    assert not window.errors()
