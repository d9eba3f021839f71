"""What the command costs before it does anything, and how it ends."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from command_line import Conformix

from napari_conformix import __version__
from napari_conformix.cli.app import app, main
from napari_conformix.jobs import Job

HEAVY = ("torch", "numpy", "pandas", "napari", "qtpy", "PyQt6", "sklearn", "umap", "pydantic")
COMMANDS = [
    "new", "settings", "train", "status", "pause", "stop",
    "analyze", "arrows", "clusters", "compare", "decode", "domain-motion", "domains", "embed",
    "movie", "select", "export", "reconstruct",
    "simulate", "import", "open", "doctor", "demo",
    "landscape", "particles", "path", "umap",
]  # fmt: skip


def test_parsing_imports_nothing_heavy() -> None:
    calls = [["--help"], *([command, "--help"] for command in COMMANDS)]
    code = f"""
import sys
from napari_conformix.cli import main
for arguments in {calls!r}:
    try:
        main(arguments)
    except SystemExit:
        pass
print("loaded:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_help_lists_every_command(conformix: Conformix) -> None:
    text = conformix("--help").out
    for command in COMMANDS:
        assert f" {command} " in text
    assert {name for name in app if not name.startswith("-")} == set(COMMANDS)


def test_version(conformix: Conformix) -> None:
    assert conformix("--version").out.strip() == __version__


def test_entry_point_is_this_command() -> None:
    (point,) = entry_points(group="console_scripts", name="conformix")
    assert point.load() is main


def test_module_runs_the_command() -> None:
    command = [sys.executable, "-m", "napari_conformix", "--version"]
    assert subprocess.check_output(command, text=True).strip() == __version__


def test_an_unexpected_error_keeps_its_traceback(
    conformix: Conformix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(folder: Path) -> Job:
        raise ZeroDivisionError

    monkeypatch.setattr(Job, "open", broken)
    with pytest.raises(ZeroDivisionError):
        conformix("status", tmp_path)


@pytest.mark.parametrize("arguments", [["--version"], ["status", "JOB"]])
def test_output_that_nobody_reads_ends_quietly(arguments: list[str], trained_once: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = [str(trained_once) if word == "JOB" else word for word in arguments]
    command = [sys.executable, "-m", "napari_conformix", *words]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
