"""Files that are whole or absent: written to a temporary name, synced, renamed.

A reader never sees half a file, and a kill or a full disk at any instant leaves the previous one.
"""

import contextlib
import errno
import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

TEMPORARY_MARK = ".partial-"


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path in the folder of `path` that becomes `path` when the block succeeds.

    The temporary name keeps the suffix of `path`, since several writers choose the format by it.
    On any error the temporary file is removed and `path` is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}{TEMPORARY_MARK}{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def atomic_write(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`, all or nothing."""
    with atomic_path(path) as temporary, temporary.open("xb") as stream:
        stream.write(data)


def atomic_save(path: str | Path, save: Callable[[BinaryIO], Any]) -> None:
    """Let `save` write to an open binary file that becomes `path` when it returns."""
    with atomic_path(path) as temporary, temporary.open("xb") as stream:
        save(stream)


def atomic_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, all or nothing."""
    atomic_write(path, (json.dumps(value, indent=2) + "\n").encode())


def atomic_npz(path: str | Path, **arrays: np.ndarray) -> None:
    """Write an uncompressed .npz (latents are read often and hardly shrink), all or nothing."""
    atomic_save(path, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]


def remove_leftovers(folder: str | Path) -> None:
    """Remove temporary files that a killed process left in `folder` (not below it)."""
    for path in Path(folder).glob(f".*{TEMPORARY_MARK}*"):
        path.unlink(missing_ok=True)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that the disk or the quota is full, also when wrapped by a writer."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
