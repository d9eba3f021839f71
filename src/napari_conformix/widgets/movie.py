"""A movie of the molecule along its main motion, recorded from the 3-D scene.

The path leads through latents that particles support: at every position the mean latent of the
particles there, from the 2nd to the 98th percentile of the first motion and back. All frames have
the consensus's contour; grey values are not rescaled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from napari_conformix.analysis import latent_maps
from napari_conformix.errors import UserError
from napari_conformix.widgets.scene import Scene, suggest_threshold

if TYPE_CHECKING:
    from napari_conformix.jobs import Job, LatentTable
    from napari_conformix.widgets.session import Session

_ENDS_PERCENT: Final = (2.0, 98.0)
#: width of the window that a position's particles come from, as a share of the path (sigma)
_WINDOW: Final = 0.05
_SUFFIXES: Final = (".mp4", ".gif")


@dataclass(frozen=True)
class Path1D:
    """Positions (n,) along an axis of a space, their latents (n, d), and the axis in words."""

    positions: np.ndarray
    latents: np.ndarray
    half: int
    axis: str
    unit: str


def main_motion(latents: LatentTable, half: int | None = None, positions: int = 24) -> Path1D:
    """The path from one end of the first motion (else principal component) to the other.

    Latents are means of particles of one half (the first one by default): halves that were
    trained independently are not mixed.
    """
    halves = [int(h) for h in np.unique(latents.half)]
    half = halves[0] if half is None else half
    if half not in halves:
        known = ", ".join(map(str, halves))
        raise UserError(f"There are no latents of half {half}; this job has half {known}.")
    key = "motion" if latents.motion is not None else f"pca{half}"
    space = latent_maps.build(key, latents)
    mine = latents.half[space.rows] == half
    place, own = space.coordinates[mine, 0], latents.mean[space.rows[mine]]
    if not len(place):
        raise UserError(f"No particle of half {half} has a latent yet; train for an epoch first.")
    low, high = np.percentile(place, _ENDS_PERCENT)
    along = np.linspace(low, high, positions)
    sigma = _WINDOW * (high - low) or 1.0
    weight = np.exp(-0.5 * ((place[None] - along[:, None]) / sigma) ** 2)  # (positions, n)
    means = (weight @ own) / weight.sum(axis=1, keepdims=True)
    return Path1D(along, means.astype(np.float32), half, space.axes[0], space.unit)


def write_movie(
    source: Session | Job,
    path: str | Path,
    *,
    positions: int = 24,
    size: tuple[int, int] = (720, 720),
    frames_per_second: int = 12,
    half: int | None = None,
    turn_degrees: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Record the main motion, there and back, to an .mp4 or .gif file; returns the file's path.

    Parameters
    ----------
    source: a session, whose viewer and camera are used, or a job, shown in a viewer of its own.
    positions: conformations from one end to the other.
    size: (height, width) in pixels; made even, as video codecs need.
    half: which half set's model; the first one by default.
    turn_degrees: how far the camera turns about the vertical axis during the movie.
    progress: told (frames done, frames in all).

    It draws on the window's thread and so keeps the window busy. The file appears complete or not
    at all.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise UserError(f"A movie is written as .mp4 or .gif, not {path.suffix!r}: {path}.")
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent} to write the movie to; make it first.")
    session, own_viewer = _session_of(source)
    try:
        way = main_motion(session.job.latents(), half, positions)
        frames = _Frames(session, way, tuple(n - n % 2 for n in size), turn_degrees)
        _record(frames, path, frames_per_second, progress)
    finally:
        if own_viewer is not None:
            own_viewer.close()
    return path


def movie_main(job_path: str | Path, file: str | Path, **options: Any) -> Path:
    """What ``python -m napari_conformix.widgets --movie FILE JOB`` does."""
    from napari_conformix.jobs import Job

    return write_movie(Job.open(job_path), file, progress=_print_progress, **options)


class _Frames:
    """The frames of a movie, one after the other: `len`, and an iterator of (h, w, 3) uint8."""

    def __init__(
        self, session: Session, way: Path1D, size: tuple[int, int], turn_degrees: float
    ) -> None:
        self._job, self._scene, self._viewer = session.job, Scene.of(session), session.viewer
        self._way, self._size = way, size
        there = list(range(len(way.positions)))
        self._order = there + there[-2:0:-1]
        self._turn = turn_degrees / max(len(self._order), 1)
        self._pixel_size = _show_consensus(session, self._scene)
        self._epoch = self._job.latents().epoch

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[np.ndarray]:
        camera = self._viewer.scene.camera
        zoom, angles = camera.zoom, camera.angles
        # The camera's zoom counts pixels of the canvas; the picture has its own number of them.
        camera.zoom = zoom * min(self._size) / min(self._viewer.canvas.size)
        try:
            yield from self._pictures()
        finally:
            camera.zoom, camera.angles = zoom, angles

    def _pictures(self) -> Iterator[np.ndarray]:
        prepared: dict[int, Any] = {}
        camera = self._viewer.scene.camera
        for index in self._order:
            if index not in prepared:
                prepared[index] = self._prepare(index)
            self._scene.show_prepared(prepared[index], self._caption(index))
            yield self._viewer.screenshot(canvas_only=True, size=self._size, flash=False)[..., :3]
            roll, pitch, yaw = camera.angles
            camera.angles = (roll, pitch + self._turn, yaw)

    def _prepare(self, index: int) -> Any:
        array = self._job.decode(self._way.latents[index], half=self._way.half or None)
        return self._scene.prepare(array, self._pixel_size, self._scene.threshold)

    def _caption(self, index: int) -> str:
        way = self._way
        model = f"half {way.half}, epoch {self._epoch}" if way.half else f"epoch {self._epoch}"
        return f"{model}\n{way.axis}: {way.positions[index]:+.2f} {way.unit}".rstrip()


def _record(
    frames: _Frames,
    path: Path,
    frames_per_second: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Encode frames into a file that appears when it is complete."""
    import imageio.v2 as imageio

    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    options = {"fps": frames_per_second, "macro_block_size": 2, "quality": 8}
    if path.suffix.lower() == ".gif":
        options = {"duration": 1000 / frames_per_second, "loop": 0}
    try:
        with imageio.get_writer(temporary, **options) as writer:
            for number, frame in enumerate(frames, start=1):
                writer.append_data(np.ascontiguousarray(frame))
                if progress is not None:
                    progress(number, len(frames))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _show_consensus(session: Session, scene: Scene) -> float:
    """Show the consensus if it is not there yet; returns the maps' pixel size in A."""
    from napari_conformix.particles import read_map

    if session.consensus is not None and scene.threshold is not None:
        return session.consensus.pixel_size_angstrom
    array, pixel_size = read_map(session.job.spec.inputs.consensus)
    threshold = suggest_threshold(array)
    scene.show_prepared(scene.prepare(array, pixel_size, threshold), consensus=True)
    return pixel_size


def _session_of(source: Session | Job) -> tuple[Session, Any]:
    """The session to record, and the viewer to close afterwards, if one was made for it."""
    from napari_conformix.widgets.session import Session

    if isinstance(source, Session):
        if source.job is None:
            raise UserError("No job is open; open a job folder first.")
        return source, None
    import napari

    viewer = napari.Viewer(show=True)
    session = Session.of(viewer)
    session.job = source
    return session, viewer


def _print_progress(done: int, total: int) -> None:
    print(f"\rframe {done} of {total}", end="" if done < total else "\n", flush=True)
