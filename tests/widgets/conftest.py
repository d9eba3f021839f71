"""What window tests share: OpenGL that survives them, threads that end, a small data set."""

from pathlib import Path

import pytest
from shell_window import ShellWindow
from superqt.utils._qthreading import WorkerBase
from vispy.gloo import glir

from napari_conformix.simulation import simulate

# Software OpenGL of Debian 12 crashes when a program is deleted between two frames.
glir.GlirProgram.delete = lambda self: None


@pytest.fixture(autouse=True)
def _threads_end(qapp):
    yield
    WorkerBase.await_workers(60_000)


@pytest.fixture(scope="session")
def star(tmp_path_factory) -> Path:
    """particles.star of 300 simulated particles, box 32, with consensus.mrc and mask.mrc."""
    return simulate("adk", tmp_path_factory.mktemp("data") / "adk", 300, 32, snr=0.2)


@pytest.fixture(scope="module")
def shell(qapp):
    """One window with the panel for all tests of a file."""
    window = ShellWindow()
    yield window
    window.close()
