"""`open`: napari with a job or a particle file open, as a process of its own."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_conformix.cli.display import QT_BINDINGS, has_display
from napari_conformix.errors import UserError

MODULE = "napari_conformix.widgets"


def open_(
    path: Annotated[
        Path | None, Parameter(help="A job folder, a STAR or a .cs file; without it, nothing.")
    ] = None,
    /,
) -> int:
    """Open napari on a job folder or a particle file.

    The command ends when the window is closed; a run that was started there goes on.
    """
    if path is not None and not path.exists():
        raise UserError(f"There is no {path}.")
    refuse_without_qt()
    if not has_display():
        raise UserError(
            "There is no display (DISPLAY is not set). Log in with a desktop or `ssh -X`, or use "
            "`conformix status --follow`; `conformix doctor` says what works here."
        )
    arguments = [] if path is None else [str(path)]
    return subprocess.run([sys.executable, "-m", MODULE, *arguments], check=False).returncode


def refuse_without_qt() -> None:
    """UserError where no window can be made at all."""
    if not any(importlib.util.find_spec(binding) for binding in QT_BINDINGS):
        raise UserError("There is no Qt binding; run: pip install PyQt6")


open_.__name__ = "open"
