"""What window tests share: OpenGL that survives them, threads that end, windows, a small data set.

A file whose tests are about the whole panel takes `window` as it is here. A file about a page
names the window that it wants, such as `WINDOW = Window` of `explore_window`; its `window` then
has a job of numbers open.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from explore_fakes import FakeJob
from explore_window import Window
from shell_window import ShellWindow
from superqt.utils._qthreading import WorkerBase
from vispy.gloo import glir

from napari_conformix.simulation import simulate

# Software OpenGL of Debian 12 crashes when a program is deleted between two frames.
glir.GlirProgram.delete = lambda self: None


@pytest.hookimpl(tryfirst=True)  # before it is looked at which markers cannot run here
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for `screen` or `qtbot`, by itself or by its fixtures, opens a window."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and {"screen", "qtbot"} & {*item.fixturenames}:
            item.add_marker(pytest.mark.window)


@pytest.fixture(autouse=True)
def _threads_end(qapp):
    yield
    WorkerBase.await_workers(60_000)


@pytest.fixture(scope="session")
def star(tmp_path_factory) -> Path:
    """particles.star of 300 simulated particles, box 32, with consensus.mrc and mask.mrc."""
    return simulate("adk", tmp_path_factory.mktemp("data") / "adk", 300, 32, snr=0.2)


@pytest.fixture(scope="session")
def screen(qapp):
    """What a window is opened on: tests that ask for it are left out where there is none."""
    return qapp


@pytest.fixture(scope="module")
def shell(screen) -> Iterator[ShellWindow]:
    """One window with the panel for all tests of a file."""
    window = ShellWindow()
    yield window
    window.close()


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest, screen) -> Iterator[Window]:
    """One window of the file's WINDOW for all its tests."""
    window = request.module.WINDOW()
    yield window
    window.close()


@pytest.fixture
def empty(shared: Window) -> Iterator[Window]:
    """The window of the file's WINDOW without a job; none is followed any more at the end."""
    yield shared
    shared.leave()


@pytest.fixture
def window(
    request: pytest.FixtureRequest, screen, tmp_path: Path
) -> Iterator[ShellWindow | Window]:
    """The panel as if just opened; in a file with a WINDOW that one, with a job of numbers."""
    if hasattr(request.module, "WINDOW"):
        made = request.getfixturevalue("shared")
        made.open(FakeJob(tmp_path))
    else:
        made = request.getfixturevalue("shell")
        made.begin()
    yield made
    made.leave()
