"""Where a window can be shown."""

import os
import shutil
import sys

#: what napari runs on; any of them will do
QT_BINDINGS = ("PyQt6", "PySide6")


def has_display() -> bool:
    """Whether there is a screen: on Linux one must be named."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def with_display() -> list[str] | None:
    """Command that gives another one a display: empty where there is one, None without Xvfb."""
    if has_display():
        return []
    if shutil.which("xvfb-run") and shutil.which("xauth"):
        return ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"]
    return None
