"""`conformix open` starts the window as a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Conformix


def test_the_window_is_another_process_and_its_status_is_passed_on(
    conformix: Conformix, trained_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setattr(subprocess, "run", run)
    assert conformix("open", trained_once).status == 3
    assert conformix("open").status == 3
    window = [sys.executable, "-m", "napari_conformix.widgets"]
    assert commands == [[*window, str(trained_once)], window]


def test_without_a_qt_binding(
    conformix: Conformix, trained_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told = conformix("open", trained_once)
    assert told.status == 1
    assert "pip install PyQt6" in told.err
