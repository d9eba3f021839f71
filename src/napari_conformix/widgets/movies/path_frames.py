"""Maps of the steps of a path, decoded ahead of need and kept in bounded memory.

Showing a step that is here is an upload of a surface and no more. What is decoded next follows
the player: the steps that it comes to first, or while it rests the nearest ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from psygnal import Signal

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.widgets.scene import Prepared, Scene
    from napari_conformix.widgets.session import Session

#: memory that the maps of a path may take
MOST_BYTES: Final = 1_000_000_000
_KEY: Final = "job:path frame"

PlayMode = Literal["bounce", "loop", "once"]


@dataclass(frozen=True)
class Head:
    """Where the player is among `count` steps, and which way it goes (+1 or -1)."""

    step: int
    count: int
    direction: int = 1
    mode: PlayMode = "bounce"

    def next(self) -> Head | None:
        """Where playing goes from here; None at the end of a path that is played once."""
        if self.count < 2:
            return None
        step, direction = self.step + self.direction, self.direction
        if not 0 <= step < self.count:
            if self.mode == "once":
                return None
            if self.mode == "loop":
                step %= self.count
            else:
                direction = -direction
                step = self.step + direction
        return Head(step, self.count, direction, self.mode)

    def reading_order(self, playing: bool) -> list[int]:
        """All steps, the one that is needed first at the front.

        While playing they come as the player does; at rest by distance, those in the direction of
        the last move before those behind.
        """
        ordered = [self.step]
        head: Head | None = self
        for _ in range(2 * self.count if playing else 0):
            head = head.next()
            if head is None:
                break
            ordered.append(head.step)
        for away in range(1, self.count):
            ordered += [self.step + self.direction * away, self.step - self.direction * away]
        return list(dict.fromkeys(s for s in ordered if 0 <= s < self.count))


class FrameCache:
    """Maps made ready to be drawn, by step; the least recently used leave when memory is full."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._frames: OrderedDict[int, Prepared] = OrderedDict()

    def __len__(self) -> int:
        return len(self._frames)

    def __contains__(self, step: int) -> bool:
        return step in self._frames

    @property
    def bytes(self) -> int:
        """Memory of all maps and surfaces held."""
        return sum(map(size_in_bytes, self._frames.values()))

    @property
    def steps(self) -> set[int]:
        """Steps that are here."""
        return set(self._frames)

    def get(self, step: int) -> Prepared | None:
        """The map of a step, which counts as used now; None where it is not here."""
        if step in self._frames:
            self._frames.move_to_end(step)
        return self._frames.get(step)

    def peek(self, step: int) -> Prepared | None:
        """As :meth:`get`, without counting as a use."""
        return self._frames.get(step)

    def put(self, step: int, frame: Prepared) -> None:
        """Keep a map; the least recently used ones leave for it, never the new one."""
        self._frames[step] = frame
        self._frames.move_to_end(step)
        held = self.bytes
        while held > self.most_bytes and len(self._frames) > 1:
            _, dropped = self._frames.popitem(last=False)
            held -= size_in_bytes(dropped)

    def room(self, count: int) -> int:
        """How many of `count` steps fit, judged by those that are here; at least one."""
        if not self._frames:
            return count
        each = self.bytes / len(self._frames)
        return int(np.clip(self.most_bytes // max(each, 1), 1, count))

    def clear(self) -> None:
        """Hold nothing."""
        self._frames.clear()


class PathFrames:
    """Decodes the steps of a path one after the other, in a worker, and meshes them.

    A map is decoded once: when only the contour is another, its surface is made again.
    """

    #: the step whose map has just become ready
    ready = Signal(int)
    #: why no map can be made, once a path
    failed = Signal(object)

    def __init__(self, session: Session, scene: Scene, most_bytes: int = MOST_BYTES) -> None:
        self._session, self._scene = session, scene
        self.cache = FrameCache(most_bytes)
        self.path: LatentPath | None = None
        self._head: Head | None = None
        self._playing = False
        self._busy = False
        self._round = 0
        self._broken = False
        self.enabled = False

    def set_path(self, path: LatentPath | None) -> None:
        """Another path, or none: nothing of the one before is kept."""
        self.path, self._head, self._broken = path, None, False
        self.cache.clear()
        self._abandon()

    def want(self, head: Head, playing: bool) -> None:
        """The player is at `head`: have the steps ready that it needs next."""
        self._head, self._playing = head, playing
        self._go_on()

    def set_enabled(self, enabled: bool) -> None:
        """Whether maps are needed at all: the page is in front, and the method can decode."""
        self.enabled, self._broken = enabled, False
        if enabled:
            self._go_on()
        else:
            self._abandon()

    def frame(self, step: int) -> Prepared | None:
        """The map of a step at the scene's contour; None while it is not ready."""
        frame = self.cache.get(step)
        return frame if frame is not None and self._current(frame) else None

    @property
    def ready_steps(self) -> set[int]:
        """Steps that can be shown at once."""
        return {s for s in self.cache.steps if self._current(self.cache.peek(s))}

    def contour_changed(self) -> None:
        """Surfaces are of another contour now."""
        self._go_on()

    # -- inside -----------------------------------------------------------------------------------

    def _current(self, frame: Prepared) -> bool:
        return self._scene.rendering == "iso" or frame.threshold == self._scene.threshold

    def _abandon(self) -> None:
        self._session.workers.drop(_KEY)
        self._busy = False
        self._round += 1

    def _next_step(self) -> int | None:
        """The step that is needed first among those that fit into memory and are not ready."""
        if self.path is None or self._head is None or self._broken or not self.enabled:
            return None
        wanted = self._head.reading_order(self._playing)[: self.cache.room(self._head.count)]
        here = self.ready_steps
        return next((step for step in wanted if step not in here), None)

    def _go_on(self) -> None:
        step = None if self._busy else self._next_step()
        if step is None:
            return
        make = self._maker(step)
        if make is None:
            return
        self._busy = True
        asked = self._round
        self._session.run_in_worker(
            make,
            lambda frame: self._take(asked, step, frame),
            lambda error: self._fail(asked, error),
            key=_KEY,
        )

    def _maker(self, step: int) -> Callable[[], Prepared] | None:
        """What makes the map of a step, in a worker; None while the scene has no contour."""
        job, consensus = self._session.job, self._session.consensus
        path, scene, threshold = self.path, self._scene, self._scene.threshold
        if job is None or consensus is None or threshold is None:
            return None
        latents, epoch = self._session.latents, path.epoch
        if latents is not None and epoch == latents.epoch:
            epoch = None  # the model that belongs to the latents, under whatever name it is kept
        known = self.cache.peek(step)

        def make() -> Prepared:
            array = known.array if known is not None else None
            if array is None:
                array = job.decode(path.latents[step], half=path.half or None, epoch=epoch)
            return scene.prepare(array, consensus.pixel_size_angstrom, threshold)

        return make

    def _take(self, asked: int, step: int, frame: Prepared) -> None:
        if asked != self._round:
            return
        self._busy = False
        self.cache.put(step, frame)
        self.ready.emit(step)
        self._go_on()

    def _fail(self, asked: int, error: Exception) -> None:
        if asked == self._round:
            self._busy, self._broken = False, True
            self.failed.emit(error)


def size_in_bytes(frame: Prepared) -> int:
    """Memory of a map with its surface."""
    mesh = 0 if frame.mesh is None else sum(part.nbytes for part in frame.mesh)
    return frame.array.nbytes + mesh
