"""A computation in a process of its own that reports its progress, a JSON object a line.

The window starts one, polls it without waiting, and may end it. The worker writes the fields of
:class:`WorkerProgress` to its standard output, and ends by itself when nobody reads them any more.
"""

import contextlib
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import IO


@dataclass(frozen=True)
class WorkerProgress:
    """Where a worker is.

    stage     'starting', then words of the worker's own, then 'finished', 'failed', 'cancelled'
    fraction  0 to 1 of the present stage, None when it cannot be known
    message   a sentence; for 'failed' what went wrong
    """

    stage: str = "starting"
    fraction: float | None = None
    message: str = ""

    @property
    def done(self) -> bool:
        """Whether the worker has ended, in whatever way."""
        return self.stage in ("finished", "failed", "cancelled")


class Reporter:
    """Writes progress lines; the worker's side."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, stage: str, fraction: float | None = None, message: str = "") -> None:
        line = json.dumps(asdict(WorkerProgress(stage, fraction, message)))
        print(line, file=self._stream, flush=True)


class WorkerProcess:
    """A running worker. `poll` never blocks. `what` is what it computes, for sentences."""

    def __init__(
        self,
        command: list[str],
        what: str,
        *,
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.what = what
        self._progress = WorkerProgress()
        self._cancelled = False
        self._last_words = ""
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the reader
        with tempfile.TemporaryFile("w+") as given:  # a pipe would keep the caller waiting
            given.write(stdin or "")
            given.seek(0)
            self._process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | dict(environment or {}),
            )
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout, errors), daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def poll(self) -> WorkerProgress:
        """The newest progress; never waits.

        Returns
        -------
        WorkerProgress
            'failed' with a reason when the process has ended early.
        """
        if self._cancelled:
            return WorkerProgress("cancelled", None, f"{self.what} was cancelled.")
        progress = self._progress
        if progress.done or self._process.poll() is None or self._reader.is_alive():
            return progress
        reason = self._last_words or f"exit status {self._process.returncode}"
        message = f"The process of {self.what} ended early: {reason}."
        self._progress = WorkerProgress("failed", None, message)
        return self._progress

    def wait(self, timeout: float | None = None) -> WorkerProgress:
        """Block until the worker ends.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without it, as long as it takes.

        Returns
        -------
        WorkerProgress
            The last one.

        Raises
        ------
        subprocess.TimeoutExpired
            If it has not ended after `timeout`.
        """
        self._process.wait(timeout)
        self._reader.join(timeout)
        return self.poll()

    def cancel(self) -> None:
        """End the worker, if it has not ended."""
        if self._process.poll() is None:
            self._cancelled = True
            self._process.kill()
            self._process.wait()

    def _read(self, lines: IO[str], errors: IO[bytes]) -> None:
        with lines, errors:
            for line in lines:
                with contextlib.suppress(ValueError, TypeError):  # a library's own print
                    self._progress = WorkerProgress(**json.loads(line))
            self._process.wait()  # what it writes on its way out counts
            errors.seek(0)
            written = errors.read().decode(errors="replace").strip()
            self._last_words = written.rpartition("\n")[2]
