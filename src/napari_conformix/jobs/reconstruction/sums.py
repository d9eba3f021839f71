"""The pass over the particles: progress, pause and stop, and sums that outlive a kill."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import full_size_batches, image_batches
from napari_conformix.jobs.reconstruction.events import (
    ReconstructionPaused,
    ReconstructionProgress,
    ReconstructionStarted,
    ReconstructionUnpaused,
    SumsSaved,
)
from napari_conformix.jobs.reconstruction.layout import SUMS
from napari_conformix.runs import Control, Event, atomic_path, formats, versions

if TYPE_CHECKING:
    from napari_conformix.jobs.reconstruction.results import Outcome
    from napari_conformix.reconstruction import HalfReconstructions

SECONDS_BETWEEN_PROGRESS = 0.5
#: how often a paused run looks whether it may go on
SECONDS_BETWEEN_LOOKS = 0.1


class Accumulation:
    """Adds every particle to the sums, or goes on with those of an earlier run.

    half  (N,) the half set of every row of the particle file
    """

    def __init__(
        self,
        outcome: "Outcome",
        sums: "HalfReconstructions",
        rows: NDArray[np.int64],
        half: NDArray[np.int8],
        control: Control,
    ) -> None:
        self._outcome = outcome
        self._sums = sums
        self._half_particles = {str(h): int((half[rows] == h).sum()) for h in (1, 2)}
        self._control = control
        self._path = outcome.folder / SUMS
        self._batches = image_batches(rows, outcome.job.spec.grids.box)
        self._batches_done = 0
        self._total = len(rows)
        self._saved = monotonic()
        #: particles in the sums
        self.done = 0
        self.complete = False
        self.images_per_second: float | None = None

    def events(self) -> Iterator[Event]:
        """Add what is left; `complete` afterwards, unless a stop was asked for."""
        self._load()
        if self._batches_done == len(self._batches):
            self.complete = True
            return
        job = self._outcome.job
        before, began, told = self.done, monotonic(), float("-inf")
        chunks = self._batches[self._batches_done :]
        for batch in full_size_batches(job.particles, chunks, job.spec.grids.frame(), job.settings):
            yield from self._wait_while_paused()
            if self._control.stop_requested():
                break
            self._sums.add(batch)
            self._batches_done += 1
            self.done += len(batch)
            self.images_per_second = (self.done - before) / max(monotonic() - began, 1e-6)
            if told == float("-inf"):
                yield self._started(before)
            if monotonic() - told > SECONDS_BETWEEN_PROGRESS or self.done == self._total:
                told = monotonic()
                yield self._progress()
            if monotonic() - self._saved > self._outcome.spec.settings.save_seconds:
                yield self._save()
        self.complete = self._batches_done == len(self._batches)
        yield self._save()

    def _wait_while_paused(self) -> Iterator[Event]:
        if not self._control.pause_requested() or self._control.stop_requested():
            return
        yield self._save()
        yield ReconstructionPaused(done=self.done)
        while self._control.pause_requested() and not self._control.stop_requested():
            sleep(SECONDS_BETWEEN_LOOKS)
        yield ReconstructionUnpaused(done=self.done)

    def _started(self, before: int) -> Event:
        from napari_conformix.training.devices import device_in_words

        speed = self.images_per_second or 1.0
        return ReconstructionStarted(
            versions=versions(),
            device=device_in_words(self._outcome.device),
            host=socket.gethostname(),
            pid=os.getpid(),
            deformed=self._outcome.spec.deformed,
            epoch=self._outcome.spec.epoch,
            particles=self._total,
            half_particles=self._half_particles,
            done=before,
            estimated_seconds=(self._total - before) / speed,
            estimated_memory_bytes=_memory() + self._sums.memory_bytes(),
        )

    def _progress(self) -> Event:
        speed = self.images_per_second
        return ReconstructionProgress(
            phase="back-projecting",
            message="Back-projecting images",
            done=self.done,
            total=self._total,
            images_per_second=speed,
            eta_seconds=(self._total - self.done) / speed if speed else None,
            memory_bytes=_memory(),
        )

    # -- sums on disk -----------------------------------------------------------------------------

    def _save(self) -> Event:
        from safetensors.torch import save_file

        counts = {"batches": self._batches_done, "particles": self.done}
        metadata = {name: str(value) for name, value in (formats.SUMS.stamp() | counts).items()}
        state = {name: tensor.cpu().contiguous() for name, tensor in self._sums.state().items()}
        with atomic_path(self._path) as temporary:
            save_file(state, temporary, metadata=metadata)
        self._saved = monotonic()
        return SumsSaved(done=self.done)

    def _load(self) -> None:
        """Take over the sums of an earlier run, if there are any."""
        import safetensors
        from safetensors.torch import load_file

        if not self._path.exists():
            return
        try:
            with safetensors.safe_open(self._path, framework="pt") as stream:
                counts = _counts(stream.metadata(), self._path)
            self._sums.load_state(load_file(self._path))
            self._batches_done, self.done = counts["batches"], counts["particles"]
        except (safetensors.SafetensorError, ValueError, KeyError) as error:
            raise UserError(
                f"The sums of the earlier run, {self._path}, cannot be used ({error}). Delete "
                "that file and resume: the particles are then added from the first one on."
            ) from error


def particles_in_sums(folder: Path) -> int:
    """How many particles an earlier run of this folder has added and saved."""
    import safetensors

    if not (folder / SUMS).exists():
        return 0
    with safetensors.safe_open(folder / SUMS, framework="pt") as stream:
        return _counts(stream.metadata(), folder / SUMS).get("particles", 0)


def _counts(metadata: dict[str, str] | None, path: Path) -> dict[str, int]:
    """How many batches and particles are in the sums, from the words next to them."""
    said: dict[str, Any] = dict(metadata or {})
    if formats.VERSION in said:
        said[formats.VERSION] = int(said[formats.VERSION])
    counts = formats.SUMS.unstamped(formats.SUMS.read(said, path))
    return {name: int(value) for name, value in counts.items()}


def _memory() -> int:
    """What this process holds now."""
    return int(psutil.Process().memory_info().rss)
