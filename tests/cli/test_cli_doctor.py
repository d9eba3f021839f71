"""`conformix doctor`: every line true, whatever is broken."""

import sys
from pathlib import Path

import pytest
from command_line import Conformix

from napari_conformix.cli import doctor
from napari_conformix.cli.doctor import Finding, probe

NAMES = [
    "Python", "PyTorch", "GPU", "napari", "Qt", "Display", "OpenGL", "Memory", "Disk", "RELION",
    "ffmpeg",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    doctor.torch_probe.cache_clear()


def test_it_runs_without_a_display(conformix: Conformix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(doctor, "with_display", lambda: None)
    told = conformix("doctor")
    lines = [line for line in told.out.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == NAMES
    verdicts = {line.split()[0]: line for line in lines}
    assert sys.executable in verdicts["Python"]
    assert "works" in verdicts["PyTorch"]
    assert "not here" in verdicts["Display"]
    assert "not tried" in verdicts["OpenGL"]
    assert "apt-get install xvfb xauth" in told.out


@pytest.mark.window
def test_opengl_is_asked_in_a_process_of_its_own() -> None:
    finding = doctor.opengl()
    assert finding.works, finding.found
    assert finding.found


def test_a_driver_that_crashes_is_a_line_and_not_the_end(
    conformix: Conformix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "OPENGL_PROBE", "import os; os.abort()")
    monkeypatch.setattr(doctor, "with_display", list)
    monkeypatch.setattr(doctor, "CHECKS", (doctor.opengl, doctor.disk))
    told = conformix("doctor")
    assert told.status == 1
    assert "OpenGL" in told.out
    assert "missing" in told.out
    assert "libgl1" in told.out
    assert "Disk" in told.out


def test_a_driver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PROBE_SECONDS", 0.5)
    assert probe("import time; time.sleep(60)") == (124, ["no answer within 0.5 s"])


def test_a_broken_torch_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.13: no such file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = doctor.torch()
    assert not finding.works
    assert "libcudart.so.13" in finding.found
    assert not doctor.gpu().works


def test_programs_that_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = doctor.relion()
    assert (finding.works, finding.required) == (False, False)
    assert finding.verdict == "not here"
    for name in doctor.RELION_PROGRAMS:
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    assert doctor.relion().works


@pytest.mark.parametrize(
    ("works", "required", "status"),
    [(True, True, 0), (False, False, 0), (False, True, 1), (True, False, 0)],
)
def test_status_tells_whether_something_needed_is_missing(
    works: bool,
    required: bool,
    status: int,
    conformix: Conformix,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check() -> Finding:
        return Finding("Thing", works, "found this", "Install it.", required)

    monkeypatch.setattr(doctor, "CHECKS", (check,))
    told = conformix("doctor")
    assert told.status == status
    assert ("Install it." in told.out) is not works
