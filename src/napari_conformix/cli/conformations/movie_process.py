"""Draws a movie in a process of its own, since a window's programs are not to be loaded here."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_conformix.cli.display import with_display
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.cli.window import MODULE, refuse_without_qt
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.export.movie_plan import MovieOptions
    from napari_conformix.jobs import Job

#: what the process that draws says of each frame
FRAME = "frame"
_LAST_LINES = 15


def record(
    job: "Job",
    path: "LatentPath",
    file: Path,
    options: "MovieOptions",
    *,
    overwrite: bool = False,
) -> Path:
    """Draw a movie in a process of its own, on the display or one that nobody sees.

    UserError with what that process said, or when there is no display, no Xvfb, no Qt, no ffmpeg.
    """
    from napari_conformix.export.movie_file import check_ffmpeg
    from napari_conformix.runs import atomic_write

    check_ffmpeg()
    refuse_without_qt()
    wrapper = with_display()
    if wrapper is None:
        raise UserError(
            "There is no display to draw the movie on. Install a virtual one (apt-get install xvfb "
            "xauth), or write the maps alone and play them in ChimeraX elsewhere (--maps FOLDER)."
        )
    with tempfile.TemporaryDirectory(prefix="conformix-movie-") as temporary:
        described = path.save(temporary, "path")
        look = Path(temporary) / "options.json"
        atomic_write(look, options.model_dump_json().encode())
        command = [*wrapper, sys.executable, "-m", MODULE, str(job.folder)]
        command += ["--movie", str(file), "--along", str(described), "--look", str(look)]
        command += ["--overwrite"] if overwrite else []
        with progress_bar("Drawing the movie") as tell:
            _drawn(command, tell)
    return file


def _drawn(command: list[str], tell: Callable[[float], None]) -> None:
    """Run the process that draws and report the share of the frames done.

    KeyboardInterrupt when Ctrl-C or SIGTERM ended it; nothing of it runs on in either case.
    """
    from napari_conformix.runs import stop_on_signals

    said: list[str] = []
    stopped: list[bool] = []
    drawing: list[subprocess.Popen[str]] = []

    def stop() -> None:
        stopped.append(True)
        for process in drawing:
            _signal(process, signal.SIGINT)

    # signals are heard before there is a process: none is left behind that was just begun
    with (
        stop_on_signals(stop),
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # xvfb-run does so, too
            text=True,
            start_new_session=True,  # signals are passed on from here, once
        ) as process,
    ):
        drawing.append(process)
        try:
            if stopped:
                _signal(process, signal.SIGINT)
            assert process.stdout is not None
            for line in process.stdout:
                words = line.split()
                if len(words) == 4 and words[0] == FRAME:  # frame 3 of 24
                    tell(int(words[1]) / int(words[3]))
                elif words:
                    said.append(line.rstrip())
            status = process.wait()
        finally:
            _signal(process, signal.SIGTERM)  # a virtual display that an interrupt left behind
    if stopped:
        raise KeyboardInterrupt
    if status != 0:
        _explain(status, said[-_LAST_LINES:])


def _explain(status: int, said: list[str]) -> None:
    told = "\n".join(said)
    if status == 1 and told:
        raise UserError(told)
    raise UserError(
        f"The movie could not be drawn (status {status}); `conformix doctor` says what is "
        f"missing.\n{told}"
    )


def _signal(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """To the process and those that it has started."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)
