"""One trainer a folder: a lock that names its owner and notices when the owner is dead.

On the same host a process is known by its number and start time (numbers are used again). From
another host, over a shared disk, only the heartbeat shows it: the owner touches the file every ten
seconds.
"""

import contextlib
import functools
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from napari_conformix.errors import UserError
from napari_conformix.runs.files import atomic_write, is_disk_full
from napari_conformix.runs.layout import LOCK

HEARTBEAT_SECONDS = 10.0
#: an owner on another host is given up after this long without a heartbeat
SILENCE_SECONDS = 120.0
#: start times of one process may be reported with this difference
START_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True)
class Owner:
    """A process: host, number, and when it started (seconds since 1970)."""

    host: str
    pid: int
    started: float

    @classmethod
    def of_process(cls, pid: int) -> "Owner":
        """A process of this host.

        Parameters
        ----------
        pid : int
            Its number.

        Returns
        -------
        Owner
            With the time at which it started.

        Raises
        ------
        psutil.NoSuchProcess
            If it is gone.
        """
        return cls(socket.gethostname(), pid, psutil.Process(pid).create_time())

    def is_here(self) -> bool:
        """Whether it is (or was) a process of this host.

        Returns
        -------
        bool
            By the name of the host.
        """
        return self.host == socket.gethostname()

    def in_words(self) -> str:
        """The process for a sentence: number, host, and since when it runs.

        Returns
        -------
        str
            For example 'process 4711 on gpu3, running since 2026-01-31 17:05'.
        """
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.started))
        return f"process {self.pid} on {self.host}, running since {since}"


def read_owner(folder: Path) -> Owner | None:
    """Who holds the lock, alive or not.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lock is.

    Returns
    -------
    Owner or None
        None when nobody does.

    Raises
    ------
    UserError
        If the lock cannot be read.
    """
    try:
        return Owner(**json.loads((folder / LOCK).read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{folder / LOCK} cannot be read ({error}). If no trainer is running in this folder, "
            "delete that file."
        ) from error


def is_alive(owner: Owner, folder: Path) -> bool:
    """Whether the owner of a lock still runs.

    Parameters
    ----------
    owner : Owner
        Who holds it.
    folder : pathlib.Path
        Where the lock is; of an owner on another host, its heartbeat is looked at.

    Returns
    -------
    bool
        False for a process that has ended, and for a number that is used again.
    """
    if not owner.is_here():
        return _seconds_since_heartbeat(folder) < SILENCE_SECONDS
    try:
        process = psutil.Process(owner.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return _same(owner, Owner(owner.host, owner.pid, process.create_time()))
    except psutil.NoSuchProcess:
        return False


def live_owner(folder: Path) -> Owner | None:
    """The running trainer of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lock is.

    Returns
    -------
    Owner or None
        None when nobody holds the lock, or the owner is dead.

    Raises
    ------
    UserError
        If the lock cannot be read.
    """
    owner = read_owner(folder)
    return owner if owner is not None and is_alive(owner, folder) else None


def is_held(folder: Path, owner: Owner) -> bool:
    """Whether the lock is in the name of an owner.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lock is.
    owner : Owner
        Alive or not.

    Returns
    -------
    bool
        True if it is.

    Raises
    ------
    UserError
        If the lock cannot be read.
    """
    current = read_owner(folder)
    return current is not None and _same(current, owner)


def take(folder: Path, owner: Owner) -> None:
    """Give the lock of a folder to an owner; call it within :func:`guard`.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lock is written.
    owner : Owner
        Who gets it.

    Raises
    ------
    UserError
        If the present owner is alive (the message names it), or the disk is full.
    """
    refuse_if_taken(folder)
    try:
        atomic_write(folder / LOCK, json.dumps(asdict(owner)).encode())
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise UserError(
            f"The disk that holds {folder} is full, so no trainer can begin there. Free some space."
        ) from error


def refuse_if_taken(folder: Path) -> None:
    """Refuse a folder in which a trainer is at work.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lock is.

    Raises
    ------
    UserError
        If its owner is alive; the message names it.
    """
    current = live_owner(folder)
    if current is not None:
        raise UserError(
            f"A trainer is at work in {folder} already: {current.in_words()}. Follow it with "
            "`conformix status --follow`, or stop it first (`conformix stop`)."
        )


def release(folder: Path, owner: Owner) -> None:
    """Remove the lock if it is still the owner's.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lock is.
    owner : Owner
        Who gives it back.
    """
    if is_held(folder, owner):
        (folder / LOCK).unlink(missing_ok=True)


def guard(folder: Path) -> FileLock:
    """Excludes others of this host while the lock is looked at and taken over.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lock is.

    Returns
    -------
    filelock.FileLock
        A context manager that waits for at most ten seconds.
    """
    return FileLock(folder / ".trainer.guard", timeout=10)


@contextlib.contextmanager
def heartbeat(folder: Path) -> Iterator[None]:
    """Touch the lock every ten seconds within the block.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lock is.

    Yields
    ------
    None
        A thread touches it meanwhile.
    """
    leave = threading.Event()

    def beat() -> None:
        while not leave.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(FileNotFoundError):
                os.utime(folder / LOCK)

    thread = threading.Thread(target=beat, name="conformix-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()


def _same(a: Owner, b: Owner) -> bool:
    near = abs(a.started - b.started) < START_TOLERANCE_SECONDS
    return (a.host, a.pid) == (b.host, b.pid) and near


def _seconds_since_heartbeat(folder: Path) -> float:
    """By the clock of the disk, since the clocks of two hosts may differ."""
    try:
        beat = (folder / LOCK).stat().st_mtime
    except FileNotFoundError:
        return float("inf")
    return time.time() + _clock_offset(folder) - beat


@functools.cache
def _clock_offset(folder: Path) -> float:
    """Seconds that the disk's clock is ahead of this host's; looked at once a folder."""
    probe = folder / f".clock-{uuid.uuid4().hex[:8]}"
    try:
        probe.touch()
        return probe.stat().st_mtime - time.time()
    except OSError:  # a watcher without the right to write
        return 0.0
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
