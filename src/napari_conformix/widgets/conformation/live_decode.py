"""From a point of the latent space view to a conformation in the scene, newest point first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_conformix.analysis.spaces import LatentView, Spot

if TYPE_CHECKING:
    from napari_conformix.widgets.scene import Prepared, Scene
    from napari_conformix.widgets.session import Session


@dataclass(frozen=True)
class Exactly:
    """A latent to be decoded as it is, and not one made of the particles near the cursor.

    `name` says whose it is; `particle` is its row where it is a particle's own; `supported` is
    False where no particles are near.
    """

    latent: np.ndarray
    half: int
    name: str
    particle: int | None = None
    supported: bool = True


@dataclass(frozen=True)
class Decoded:
    """What the scene shows: the spot, the map and, where asked for, the model's pieces (p, 3) in A.

    `past` is the earlier epoch that was asked for, None for the result; `extra` is what
    :attr:`LiveDecode.make_extra` made of the map.
    """

    spot: Spot
    epoch: int | None
    prepared: Prepared
    pieces: np.ndarray | None
    exactly: Exactly | None = None
    past: int | None = None
    extra: Any = None

    @property
    def particle(self) -> int | None:
        """The row of the particle whose own state this is."""
        return None if self.exactly is None else self.exactly.particle

    @property
    def model(self) -> str:
        """'half 1, epoch 12'."""
        parts = [f"half {self.spot.half}"] if self.spot.half else []
        parts += [f"epoch {self.epoch}"] if self.epoch is not None else []
        return ", ".join(parts)

    @property
    def support(self) -> str:
        """How many particles of the half are near, or a warning that there are none."""
        if self.exactly is not None:
            return self.exactly.name
        nearby = self.spot.nearby
        if not nearby:
            return "no particles here: extrapolated"
        text = f"{nearby:,} particle{'s' if nearby > 1 else ''} nearby"
        return text if self.spot.seen else f"{text} in the view, but none like this: extrapolated"

    @property
    def supported(self) -> bool:
        """Whether there are particles of this state."""
        spot = self.spot
        return spot.nearby > 0 and spot.seen if self.exactly is None else self.exactly.supported


class LiveDecode:
    """Decodes where the cursor is. One decode runs at a time; the newest request follows it."""

    #: a :class:`Decoded` is on the screen
    shown = Signal(object)

    def __init__(self, session: Session, scene: Scene) -> None:
        self._session, self._scene = session, scene
        #: whether the pieces of the model are wanted, and what they are called in the scene
        self.pieces, self.pieces_name = False, ""
        #: while the scene shows something else, requests are only remembered
        self.enabled = True
        #: makes more of a decoded map (z, y, x) of a half and a past epoch, in the worker
        self.make_extra: Callable[[np.ndarray, int, int | None], Any] | None = None
        self._repeat: Callable[[], None] | None = None

    def request(
        self, view: LatentView, xy: tuple[float, float], half: int, exactly: Exactly | None = None
    ) -> None:
        """Decode the latent at a place of the view with the model of `half`, or the very one that
        is given."""
        self._repeat = lambda: self.request(view, xy, half, exactly)
        job, threshold = self._session.job, self._scene.threshold
        consensus, wanted, make_extra = self._session.consensus, self.pieces, self.make_extra
        if job is None or consensus is None or threshold is None or not self.enabled:
            return
        if not view.has_model or not self._session.has_decoder:
            self._scene.hide_conformation()
            return
        latents = self._session.latents
        epoch = view.past or (latents.epoch if latents is not None else None)
        pixel_size = consensus.pixel_size_angstrom

        def decode() -> Decoded:
            spot = view.spot(xy, half)
            if exactly is not None:
                spot = Spot(exactly.latent, exactly.half, spot.nearby, xy)
            array = job.decode(spot.latent, half=spot.half or None, epoch=view.past)
            pieces = _moved_pieces(job, spot, view.past) if wanted else None
            extra = None if make_extra is None else make_extra(array, spot.half, view.past)
            prepared = self._scene.prepare(array, pixel_size, threshold)
            return Decoded(spot, epoch, prepared, pieces, exactly, view.past, extra)

        self._session.run_in_worker(decode, self._show, key="job:decode")

    def again(self) -> None:
        """Decode the same place once more, with what is newest now."""
        if self._repeat is not None:
            self._repeat()

    def forget(self) -> None:
        """The cursor is nowhere."""
        self._repeat = None

    def reset(self) -> None:
        """Another job, or none."""
        self.forget()

    def _show(self, decoded: Decoded) -> None:
        if not self.enabled:
            return  # another page has taken the scene meanwhile
        label = f"{decoded.model}\n{decoded.support}".strip()
        self._scene.show_prepared(decoded.prepared, label[:1].upper() + label[1:])
        self._scene.show_pieces(decoded.pieces, self.pieces_name)
        self.shown.emit(decoded)


def _moved_pieces(job, spot: Spot, epoch: int | None) -> np.ndarray | None:
    """(p, 3) x, y, z in A of the model's pieces in this conformation; None if it has none."""
    half = spot.half
    positions = job.method(epoch).consensus_positions(half)
    if positions is None:
        return None
    positions = np.asarray(positions, dtype=np.float32)
    return positions + job.displacement(spot.latent, positions, half=half or 1, epoch=epoch)
