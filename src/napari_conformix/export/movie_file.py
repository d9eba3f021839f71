"""Frames into a movie file that appears when it is whole.

ffmpeg writes both: H.264 in a form that every player and slide program takes, and GIFs with a
palette of each frame's own and exact timing.
"""

import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.export.formats import MOVIE_FILES
from napari_conformix.runs import atomic_path


def check_ffmpeg() -> None:
    """UserError when there is no program that writes movies."""
    import imageio_ffmpeg

    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise UserError(
            "There is no ffmpeg to write the movie with. Install it (apt-get install ffmpeg, or "
            "pip install imageio-ffmpeg), or write the maps alone (--maps FOLDER)."
        ) from error


class MovieFile:
    """A movie that is being written; a context manager.

    The file is there once the block ends without an error; otherwise nothing is left, and a movie
    of that name from before stays as it was.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], frames_per_second: float, quality: int = 8
    ) -> None:
        """`size` is (width, height) in pixels, both even; `quality` 1 to 9."""
        check_ffmpeg()
        self.path, self.size = path, size
        self.frames = 0
        self._options: dict[str, Any] = {
            "fps": frames_per_second,
            "macro_block_size": 2,
            "ffmpeg_log_level": "error",
        }
        kind = MOVIE_FILES.of(path) or MOVIE_FILES.usual
        self._options |= {"quality": quality if kind.takes_quality else None, **kind.encoding}
        self._lock = threading.Lock()
        self._whole: Any = None
        self._frames: Any = None
        self._temporary: Path | None = None

    def __enter__(self) -> "MovieFile":
        import imageio_ffmpeg

        self._whole = atomic_path(self.path)
        try:
            self._temporary = self._whole.__enter__()
            self._frames = imageio_ffmpeg.write_frames(self._temporary, self.size, **self._options)
            self._frames.send(None)
        except OSError as error:
            raise UserError(f"Cannot write {self.path}: {error.strerror or error}.") from error
        return self

    def add(self, frame: NDArray[np.uint8]) -> None:
        """Append a frame (height, width, 3)."""
        width, height = self.size
        if frame.shape != (height, width, 3):
            raise ValueError(f"a frame of {frame.shape} in a movie of {(height, width, 3)}")
        with self._lock:
            if self._frames is None:
                return  # stopped meanwhile, from another thread
            try:
                self._frames.send(np.ascontiguousarray(frame))
            except (OSError, StopIteration) as error:
                raise UserError(f"Cannot write {self.path}: ffmpeg ended; is the disk full?") from (
                    error
                )
            self.frames += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        whole, self._whole = self._whole, None
        if whole is None:
            return  # ended before
        with self._lock:
            frames, self._frames = self._frames, None
        frames.close()
        if error is None and not self._complete():
            error = UserError(f"Cannot write {self.path}: ffmpeg left it incomplete.")
            whole.__exit__(type(error), error, None)
            raise error
        whole.__exit__(kind, error, trace)

    def abort(self) -> None:
        """Leave nothing; a second time, or after the end, it does nothing."""
        stopped = InterruptedError()
        try:
            self.__exit__(InterruptedError, stopped, None)
        except InterruptedError as raised:
            if raised is not stopped:
                raise

    def _complete(self) -> bool:
        """Whether the file holds every frame: ffmpeg's exit status is not known."""
        import imageio_ffmpeg

        try:
            written, _ = imageio_ffmpeg.count_frames_and_secs(str(self._temporary))
        except (RuntimeError, OSError):
            return False
        return bool(written == self.frames and self.frames)
