"""Particle images, read from their stacks as they are asked for."""

import os
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.particles.mrc import MrcHeader, read_mrc_header
from napari_conformix.particles.particle_set import ParticleSet

#: files kept open at once; the usual limit of a process is 1024
MAX_OPEN_FILES = 128


class ImageReader:
    """Reads images of a ParticleSet; may be pickled, forked, and used from several threads.

    Reads are positional (`os.preadv`), not memory-mapped: a mapped stack that another program
    truncates kills the process with SIGBUS, while a short read becomes a sentence. The cost is
    the same, both copy from the page cache. Neighbouring images of a stack come in one read.
    """

    def __init__(self, particles: ParticleSet) -> None:
        self._stacks = particles.stacks
        self._stack_index = particles.stack_index
        self._image_index = particles.image_index
        self._sign = particles.image_sign
        self._headers: dict[int, MrcHeader] = {}
        self._files: OrderedDict[int, _OpenFile] = OrderedDict()
        self._process = os.getpid()

    def __len__(self) -> int:
        return len(self._stack_index)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": OrderedDict(), "_process": -1}

    def header(self, row: int) -> MrcHeader:
        """The header of the stack that holds the image of `row`."""
        return self._header(int(self._stack_index[row]))

    def dtype(self, row: int) -> np.dtype[np.generic]:
        """The pixel type on disk of the image of `row`."""
        return self.header(row).dtype

    def boxes(self, rows: npt.ArrayLike | None = None) -> npt.NDArray[np.int32]:
        """(b,) box in pixels of the images of `rows` (all by default), from their headers."""
        stacks = self._stack_index[self._rows(rows)]
        used = np.unique(stacks)
        box = np.zeros(len(self._stacks), np.int32)
        for stack in used:
            box[stack] = self._box(int(stack))
        return box[stacks]

    def bytes_on_disk(self, rows: npt.ArrayLike | None = None) -> int:
        """Bytes of the images of `rows` (all by default) as stored."""
        used, counts = np.unique(self._stack_index[self._rows(rows)], return_counts=True)
        pairs = zip(used, counts, strict=True)
        return sum(int(n) * self._header(int(s)).image_bytes for s, n in pairs)

    def read(self, rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """(b, box, box) float32 images of `rows`, in the order asked for.

        Pixels are as stored, but for the sign of cryoSPARC's `blob/sign`. All rows must have one
        box (see `boxes`). Errors: UserError names the stack that is missing, cut short, or holds
        too few images, and the first row concerned.
        """
        index = self._rows(rows)
        stacks, images = self._stack_index[index], self._image_index[index]
        order = np.lexsort((images, stacks))
        out = np.empty((len(index), *self._shape(index, stacks)), np.float32)
        for run in _runs(stacks[order], images[order]):
            places = order[run]
            stack = int(stacks[places[0]])
            found, inverse = np.unique(images[places], return_inverse=True)
            pixels = self._read_run(stack, int(found[0]), len(found), index[places])
            out[places] = pixels[inverse]
        sign = self._sign[index]
        if (sign != 1).any():
            out *= sign[:, None, None]
        return out

    def close(self) -> None:
        """Close all files; they open again when needed."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _rows(self, rows: npt.ArrayLike | None) -> npt.NDArray[np.int64]:
        if rows is None:
            return np.arange(len(self))
        return np.asarray(rows, np.int64).reshape(-1)

    def _header(self, stack: int) -> MrcHeader:
        if stack not in self._headers:
            self._headers[stack] = read_mrc_header(self._stacks[stack])
        return self._headers[stack]

    def _box(self, stack: int) -> int:
        header = self._header(stack)
        if header.width != header.height:
            raise UserError(
                f"{header.path} holds images of {header.width} x {header.height} pixels; "
                "particles must be square."
            )
        return header.width

    def _shape(self, rows: npt.NDArray[np.int64], stacks: npt.NDArray[np.int32]) -> tuple[int, int]:
        boxes = {self._box(int(s)) for s in np.unique(stacks)}
        if len(boxes) > 1:
            raise ValueError(f"rows of several boxes in one read: {sorted(boxes)}")
        box = boxes.pop() if boxes else 0
        return box, box

    def _read_run(
        self, stack: int, first: int, count: int, rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        header = self._header(stack)
        if first < 0 or first + count > header.images:
            beyond = rows[(self._image_index[rows] >= header.images)]
            row = int(beyond.min() if len(beyond) else rows.min())
            raise UserError(
                f"{header.path} holds {header.images} images; row {row + 1} asks for image "
                f"{self._image_index[row] + 1}."
            )
        raw = np.empty((count, header.height, header.width), header.dtype)
        wanted = memoryview(raw.reshape(-1).view(np.uint8).data)
        got = self._file(stack).read(wanted, header.offset + first * header.image_bytes)
        if got < raw.nbytes:
            complete = first + got // header.image_bytes
            row = int(rows[self._image_index[rows] >= complete].min())
            raise UserError(
                f"{header.path} is cut short: {complete} of its {header.images} images are whole, "
                f"and row {row + 1} asks for image {self._image_index[row] + 1}. "
                "Copy the stack again, or leave out the rows beyond."
            )
        return raw.astype(np.float32, copy=False)

    def _file(self, stack: int) -> "_OpenFile":
        if self._process != os.getpid():
            # a forked worker must not share the parent's list of open files
            self._files, self._process = OrderedDict(), os.getpid()
        file = self._files.pop(stack, None) or _OpenFile(self._stacks[stack])
        self._files[stack] = file
        while len(self._files) > MAX_OPEN_FILES:
            self._files.popitem(last=False)
        return file


class _OpenFile:
    """A file descriptor that closes itself when nobody uses it any more."""

    def __init__(self, path: os.PathLike[str]) -> None:
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error

    def read(self, target: memoryview, offset: int) -> int:
        """Fill `target` from `offset`; returns how many bytes there were."""
        done = 0
        while done < len(target):
            got = os.preadv(self._descriptor, [target[done:]], offset + done)
            if got == 0:
                break
            done += got
        return done

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    __del__ = close


def _runs(
    stacks: npt.NDArray[np.int32], images: npt.NDArray[np.int32]
) -> list[npt.NDArray[np.intp]]:
    """Cut a sorted order into runs of one stack whose images follow each other (or repeat)."""
    if len(stacks) == 0:
        return []
    breaks = (np.diff(stacks) != 0) | (np.diff(images) > 1)
    return np.split(np.arange(len(stacks)), np.flatnonzero(breaks) + 1)
