"""Files that are whole or absent: written under a temporary name, synced, renamed.

A reader never sees half a file, and a kill or a full disk at any instant leaves the previous one.
"""

import contextlib
import errno
import glob
import json
import os
import re
import shutil
import socket
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil

from napari_conformix.errors import UserError
from napari_conformix.runs import layout

TEMPORARY_MARK = ".partial-"
#: a temporary file of another host, whose processes cannot be seen, is left alone for so long
FOREIGN_SECONDS = 24 * 3600.0
#: how deep below a job folder its files lie: clusters/NAME, reconstruction/NAME
_DEPTH = 2
#: the clock of a shared disk may be behind that of this host by so much
_CLOCK_SECONDS = 120.0
_LONGEST_NAME = 255  # bytes, of a file system

#: .STEM.partial-HOST-PROCESS-RANDOM.SUFFIX: who writes it can be looked up
_OURS = re.compile(rf"^\..*{re.escape(TEMPORARY_MARK)}([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{8}}(\.\w+)?$")
#: names that earlier versions wrote under: .STEM.partial-RANDOM.SUFFIX by a trainer, of which there
#: is one at a time, .NAME.partial-PROCESS-RANDOM for a folder of clusters; and those that say
#: nothing of use, .NAME.RANDOM.tmp, the folder .NAME.partial-RANDOM of a series of maps,
#: .NAME_fsc.part.star, and .NAME.PROCESS of a selection or a UMAP
_OF_TRAINER = re.compile(rf"^\..*{re.escape(TEMPORARY_MARK)}[0-9a-f]{{8}}(\.\w+)?$")
_OF_CLUSTERS = re.compile(rf"^\..*{re.escape(TEMPORARY_MARK)}(\d+)-[0-9a-f]+$")
_OF_NOBODY = re.compile(
    rf"^\..*(\.[a-z0-9_]{{8}}\.tmp|{re.escape(TEMPORARY_MARK)}[a-z0-9_]{{8}}|_fsc\.part\.(star|csv))$"
)
_OF_NUMBER = re.compile(r"^\..*\.\d+$")
_WITH_NUMBERS = (layout.SELECTIONS, layout.UMAPS)
#: so long an earlier version may take to write one file
_EARLIER_SECONDS = 600.0


def temporary_name(path: Path) -> Path:
    """Where a file or a folder is made before it is renamed to `path`.

    The name says which process makes it, so that :func:`remove_leftovers` knows when none does.

    Parameters
    ----------
    path : Path
        What is to be there in the end.

    Returns
    -------
    Path
        In the same folder, with the same suffix, another one every time.
    """
    writer = f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    end = f"{TEMPORARY_MARK}{writer}{path.suffix}"
    stem = path.stem.encode()[: _LONGEST_NAME - 1 - len(end.encode())].decode(errors="ignore")
    return path.with_name(f".{stem}{end}")


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path in the folder of `path` that becomes `path` when the block succeeds.

    The temporary name keeps the suffix of `path`, since several writers choose the format by it.
    On any error the temporary file is removed and `path` is untouched.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder is made when needed.

    Yields
    ------
    Path
        Does not exist yet.

    Raises
    ------
    OSError
        As writing does; a full disk is known by :func:`is_disk_full`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """As :func:`atomic_path` for a file that a person asked for.

    Parameters
    ----------
    path : Path
        The file to write, in a folder that is there.

    Yields
    ------
    Path
        Does not exist yet.

    Raises
    ------
    UserError
        When the folder is missing, read-only or full; `path` is then as it was.
    """
    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
        with atomic_path(path) as temporary:
            yield temporary
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error


def atomic_write(path: str | Path, data: bytes) -> None:
    """Write bytes to a file, all or nothing.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder is made when needed.
    data : bytes
        All of its content.
    """
    with atomic_path(path) as temporary, temporary.open("xb") as stream:
        stream.write(data)


def atomic_save(path: str | Path, save: Callable[[BinaryIO], Any]) -> None:
    """Let a function write to an open binary file that becomes `path` when it returns.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder is made when needed.
    save : callable
        Called with the open file.
    """
    with atomic_path(path) as temporary, temporary.open("xb") as stream:
        save(stream)


def atomic_json(path: str | Path, value: Any) -> None:
    """Write a value as indented JSON, all or nothing.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder is made when needed.
    value : object
        Anything that `json.dumps` takes.
    """
    atomic_write(path, (json.dumps(value, indent=2) + "\n").encode())


def atomic_npz(path: str | Path, **arrays: np.ndarray) -> None:
    """Write an uncompressed .npz (latents are read often and hardly shrink), all or nothing.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder is made when needed.
    **arrays : numpy.ndarray
        By name.
    """
    atomic_save(path, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]


def remove_leftovers(folder: str | Path, *, alone: bool = False) -> None:
    """Remove temporary files and folders that killed processes left in a folder, and below it.

    Whoever wrote them: the window, a command, a worker or a trainer. What a living process of
    this host is writing stays, and so does what another host began less than a day ago. Links
    are not followed.

    Parameters
    ----------
    folder : str or Path
        Such as a job folder: what lies in its folders, and in theirs, is looked at, too.
    alone : bool
        Only the run that holds the lock writes here, and that is the caller: what another host
        began is a leftover, however new. An image cache may be too large to keep a second one.
    """
    top = Path(folder)
    for where, folders, files in os.walk(top):
        for name in [name for name in folders if _is_leftover(Path(where) / name, alone)]:
            folders.remove(name)
            shutil.rmtree(Path(where) / name, ignore_errors=True)
        for name in files:
            if _is_leftover(Path(where) / name, alone):
                with contextlib.suppress(OSError):
                    (Path(where) / name).unlink()
        if len(Path(where).relative_to(top).parts) >= _DEPTH:
            folders.clear()


def remove_leftovers_of(path: Path) -> None:
    """Remove what killed processes left that were writing one file.

    Parameters
    ----------
    path : Path
        What was to be there; nothing else in its folder is looked at.
    """
    for left in path.parent.glob(f".{glob.escape(path.stem)}{TEMPORARY_MARK}*{path.suffix}"):
        if _is_leftover(left, alone=False):
            left.unlink(missing_ok=True)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that the disk or the quota is full, also when wrapped by a writer.

    Parameters
    ----------
    error : BaseException
        With what caused it.

    Returns
    -------
    bool
        True for ENOSPC and EDQUOT.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _is_leftover(path: Path, alone: bool) -> bool:
    name = path.name
    if not name.startswith("."):
        return False
    try:
        if ours := _OURS.match(name):
            if ours.group(1) != _host():
                return alone or _age_seconds(path) > FOREIGN_SECONDS
            return not _wrote(int(ours.group(2)), path)
        if clusters := _OF_CLUSTERS.match(name):
            return not psutil.pid_exists(int(clusters.group(1)))
        if _OF_TRAINER.match(name):
            return True
        numbered = path.parent.name in _WITH_NUMBERS and _OF_NUMBER.match(name)
        if numbered or _OF_NOBODY.match(name):
            return _age_seconds(path) > _EARLIER_SECONDS
    except (OSError, psutil.Error):  # gone by now, or not ours to look at
        pass
    return False


def _wrote(process: int, path: Path) -> bool:
    """Whether a process lives that may be writing a file: numbers are used again.

    By two clocks, the host's and the disk's: in doubt it lives, and the file goes the next time.
    """
    if not psutil.pid_exists(process):
        return False
    return bool(psutil.Process(process).create_time() <= path.lstat().st_mtime + _CLOCK_SECONDS)


def _age_seconds(path: Path) -> float:
    return time.time() - path.lstat().st_mtime


def _host() -> str:
    """Eight letters for this host, the same in every process on it."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
