"""`events.jsonl`: appended by the trainer a line at a time, followed by everyone else."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from napari_conformix.runs.events import Event, Failed, Warning, to_line
from napari_conformix.runs.files import is_disk_full


class EventLog:
    """The trainer's end. Lines are whole or absent, also after a kill or on a full disk."""

    def __init__(self, path: str | Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._drop_half_line()

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def append(self, event: Event) -> None:
        """Add one line.

        Parameters
        ----------
        event : Event
            What happened.

        Raises
        ------
        OSError
            If the line cannot be written (disk full); nothing of it stays in the file.
        """
        line = to_line(event).encode()
        before = os.fstat(self._descriptor).st_size
        written = 0
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise

    def _drop_half_line(self) -> None:
        """Cut off what a killed trainer had begun to write."""
        end = os.fstat(self._descriptor).st_size
        whole = end
        while whole > 0:
            first = max(0, whole - 4096)
            newline = os.pread(self._descriptor, whole - first, first).rfind(b"\n")
            if newline >= 0:
                whole = first + newline + 1
                break
            whole = first
        if whole < end:
            os.ftruncate(self._descriptor, whole)


class EventReader:
    """A follower's end: what is new since the last look.

    A half-written last line waits for its end. A file that was replaced or has become shorter is
    read again from its beginning. A line that cannot be read becomes a warning.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        from_start: bool = True,
        parse: Callable[[str], Event],
    ) -> None:
        self._path = Path(path)
        self._parse = parse
        self._offset = 0
        self._inode = -1
        self._line = 0
        if not from_start:
            self.read_new()

    def read_new(self) -> list[Event]:
        """Events whose lines were completed since the last call.

        Returns
        -------
        list of Event
            In the order of the file; none where there is no file yet.
        """
        try:
            stream = self._path.open("rb")
        except FileNotFoundError:
            return []
        with stream:
            status = os.fstat(stream.fileno())
            if status.st_ino != self._inode or status.st_size < self._offset:
                self._offset, self._line, self._inode = 0, 0, status.st_ino
            if status.st_size == self._offset:
                return []
            stream.seek(self._offset)
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [self._event(line) for line in whole.splitlines() if line.strip()]

    def _event(self, line: bytes) -> Event:
        self._line += 1
        try:
            return self._parse(line.decode(errors="replace"))
        except ValidationError:
            return Warning(message=f"Line {self._line} of {self._path.name} cannot be read.")


def logged(events: Iterator[Event], log: EventLog) -> Iterator[Event]:
    """Append every event before it is passed on; a full disk ends the run with `failed`.

    Parameters
    ----------
    events : Iterator of Event
        Of a run.
    log : EventLog
        Where they are kept.

    Yields
    ------
    Event
        The same events, and a :class:`Failed` one when the disk is full.

    Raises
    ------
    OSError
        If a line cannot be written for another reason.
    """
    for event in events:
        try:
            log.append(event)
        except OSError as error:
            if not is_disk_full(error):
                raise
            last = Failed(message=f"The disk is full, so events cannot be written: {error}.")
            with contextlib.suppress(OSError):
                log.append(last)
            print(last.message, file=sys.stderr)
            yield last
            return
        yield event
