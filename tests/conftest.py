"""What every test shares: what is left out where something is missing, and threads."""

import os
import shutil
import sys

import pytest

# Read by torch and numpy when they are first imported.
os.environ.setdefault("OMP_NUM_THREADS", "2")


def _has_display() -> bool:
    """A screen, or Xvfb, which pytest-xvfb starts by itself."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY")) or shutil.which("Xvfb") is not None


def pytest_configure(config: pytest.Config) -> None:
    if not _has_display():
        # Qt ends the whole process when it finds no display; offscreen has no OpenGL, but the
        # tests that need it are skipped below.
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


def _missing(marker: str) -> str | None:
    """Why tests with this marker cannot run here; None if they can."""
    if marker == "relion" and shutil.which("relion_project") is None:
        return "RELION's programs are not on the PATH (Debian and Ubuntu: package relion)"
    if marker == "window" and not _has_display():
        return "there is no display (Debian and Ubuntu: packages xvfb and xauth)"
    if marker == "gpu":
        import torch

        if not torch.cuda.is_available():
            return "there is no CUDA device"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for marker in ("relion", "window", "gpu"):
        marked = [item for item in items if item.get_closest_marker(marker)]
        reason = _missing(marker) if marked else None
        if reason:
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=reason))
