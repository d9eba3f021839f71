"""Where images wait between epochs: in memory, in a cache file, or in the stacks themselves.

All three hold images on the working grid and answer `read(rows)`; what differs is the cost of a
read and who pays for the room.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_json, atomic_path, remove_leftovers
from napari_conformix.training.events import Preparing

Rows = NDArray[np.int64]
ReadImages = Callable[[Rows], NDArray[np.float32]]
SourceName = Literal["memory", "cache", "stream"]

#: particles read at once while filling memory or the cache
CHUNK = 256
#: share of the free memory, and of the free disk, that images may take when nobody chose
MEMORY_SHARE = 0.4
DISK_SHARE = 0.5
#: a cache is worth its disk when it is at most this share of what it spares reading
CACHE_PAYS = 0.75


class ImageSource(Protocol):
    """Images on the working grid."""

    def prepare(self) -> Iterator[Preparing]:
        """Do what is needed before the first read, telling the progress."""

    def read(self, rows: Rows) -> NDArray[np.float32]:
        """(b,) rows -> (b, h, w) float32, in the order asked."""


class StreamSource:
    """Every read goes to the stacks."""

    def __init__(self, read_images: ReadImages) -> None:
        self.read = read_images

    def prepare(self) -> Iterator[Preparing]:
        return iter(())


class MemorySource:
    """All images in memory, read once."""

    def __init__(self, read_images: ReadImages, count: int, box: int) -> None:
        self._read_images = read_images
        self._shape = (count, box, box)
        self._images: NDArray[np.float32] | None = None

    def prepare(self) -> Iterator[Preparing]:
        if self._images is not None:
            return
        images = np.empty(self._shape, dtype=np.float32)
        yield from _fill(images, self._read_images, "Reading the images into memory")
        self._images = images

    def read(self, rows: Rows) -> NDArray[np.float32]:
        if self._images is None:
            return self._read_images(rows)
        return self._images[rows]


class CacheSource:
    """All images in one file of the job folder, on the working grid, memory-mapped.

    The file is used again by a later run if its description (`images.json` next to it) agrees.
    """

    def __init__(
        self,
        read_images: ReadImages,
        count: int,
        box: int,
        folder: Path,
        description: dict[str, Any],
    ) -> None:
        self._read_images = read_images
        self._shape = (count, box, box)
        self._path = folder / "images.npy"
        self._description_path = folder / "images.json"
        self._description = description
        self._images: NDArray[np.float32] | None = None

    def prepare(self) -> Iterator[Preparing]:
        if self._images is not None:
            return
        if not self._is_current():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self._path.parent, alone=True)
            self._description_path.unlink(missing_ok=True)
            with atomic_path(self._path) as temporary:
                images = np.lib.format.open_memmap(
                    temporary, mode="w+", dtype=np.float32, shape=self._shape
                )
                # A write to a mapped page of a full disk kills the process (SIGBUS); asking for
                # the blocks first turns that into an ordinary error.
                _reserve(temporary)
                yield from _fill(images, self._read_images, "Writing the image cache")
                images.flush()
                del images
            atomic_json(self._description_path, self._description)
        self._images = np.load(self._path, mmap_mode="r", allow_pickle=False)

    def read(self, rows: Rows) -> NDArray[np.float32]:
        if self._images is None:
            return self._read_images(rows)
        return np.asarray(self._images[rows])

    def _is_current(self) -> bool:
        if not (self._path.exists() and self._description_path.exists()):
            return False
        written = json.loads(self._description_path.read_text())
        return bool(written == json.loads(json.dumps(self._description)))


def choose_source(
    wanted: str, bytes_needed: int, bytes_stored: Callable[[], int], cache_folder: Path | None
) -> tuple[SourceName, str]:
    """The source to use and a sentence that says why.

    bytes_needed  by all images on the working grid
    bytes_stored  gives the size of the images as they are in the stacks; asked only when it
                  matters, since it looks at every stack
    """
    if wanted != "auto":
        if wanted == "cache" and cache_folder is None:
            raise UserError("An image cache needs a job folder; choose images = 'memory'.")
        return wanted, f"Images: {wanted}, as set."  # type: ignore[return-value]
    free = psutil.virtual_memory().available
    size = f"{bytes_needed / 2**30:.2g} GiB"
    if bytes_needed <= MEMORY_SHARE * free:
        return "memory", f"Images: kept in memory ({size} of {free / 2**30:.3g} GiB free)."
    if cache_folder is not None and bytes_needed <= CACHE_PAYS * bytes_stored():
        disk = psutil.disk_usage(str(_existing(cache_folder))).free
        if bytes_needed <= DISK_SHARE * disk:
            return "cache", f"Images: {size} do not fit in memory; written once to a cache file."
    return "stream", f"Images: {size} do not fit in memory; read from the stacks as needed."


def _fill(images: NDArray[np.float32], read: ReadImages, message: str) -> Iterator[Preparing]:
    count = len(images)
    for first in range(0, count, CHUNK):
        rows = np.arange(first, min(first + CHUNK, count))
        images[rows[0] : rows[-1] + 1] = read(rows)
        yield Preparing(message=message, done=int(rows[-1]) + 1, total=count)


def _reserve(path: Path) -> None:
    with path.open("r+b") as stream:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
