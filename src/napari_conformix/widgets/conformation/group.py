"""The conformation at the cursor of the latent space view, decoded live into the scene."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QGroupBox, QLabel
from superqt import QLabeledDoubleSlider

from napari_conformix.analysis.spaces import views
from napari_conformix.widgets.conformation.difference_group import Difference, DifferenceGroup
from napari_conformix.widgets.conformation.live_decode import Decoded, Exactly, LiveDecode
from napari_conformix.widgets.conformation.state_pair import Kept, StatePair
from napari_conformix.widgets.latent_view import ViewLetters
from napari_conformix.widgets.parts import NO_MOLECULE, combo, fill, form_of, hint, signed
from napari_conformix.widgets.scene import LobeLayers
from napari_conformix.widgets.session import FIRST

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.latent_view import LatentCanvas
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import CursorPlace, Map, Session

_NOT_DECODED: Final = "Click or drag in the latent space view to see the molecule there."
#: who places the cursor where a known state is
_EXACTLY: Final = "a known state"
_LOCKED: Final = "Locked: the same grey value for every state, never rescaled."
_AROUND: Final = {False: "Consensus around it, translucent", True: "A around it, translucent"}


class ConformationGroup(QGroupBox):
    """Decoder, contour and companions of the molecule at the cursor; the live map of a run."""

    #: whether the scene is this group's; see :meth:`set_active`
    active_changed = Signal(bool)

    def __init__(
        self, session: Session, scene: Scene, canvas: LatentCanvas, letters: ViewLetters
    ) -> None:
        super().__init__("Conformation at the cursor")
        self._session, self._scene, self._cursor = session, scene, canvas.cursor
        self._letters = letters
        self._map_view: LatentView | None = None
        self.decode = LiveDecode(session, scene)
        self.lobes = LobeLayers(scene)
        self.difference = DifferenceGroup()
        self.pair = StatePair(session, letters)
        self._build()
        session.consensus_changed.connect(self._take_consensus)
        session.volume_changed.connect(self._take_volume)
        self._cursor.moved.connect(self._cursor_moved)
        self.decode.shown.connect(self._decoded)
        self.half_box.currentIndexChanged.connect(self._decode_again)
        self.contour.valueChanged.connect(scene.set_threshold)
        self.ghost.toggled.connect(scene.set_ghost)
        scene.ghost_changed.connect(self._show_ghost)
        self.pieces.toggled.connect(self._toggle_pieces)
        self.difference.changed.connect(self._mode_changed)
        self.pair.changed.connect(self._pair_changed)
        self.pair.go_to.connect(self._go_to)

    def _build(self) -> None:
        self.decoded_label = QLabel(_NOT_DECODED)
        self.decoded_label.setWordWrap(True)
        self.half_box = combo()
        self.contour = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.contour.setToolTip(
            "Contour of every map in the scene, in the maps' own grey values: never rescaled. A "
            "value can be typed."
        )
        self.ghost = QCheckBox(_AROUND[False])
        self.ghost.setChecked(True)
        self.pieces = QCheckBox()
        form = form_of(self)
        form.addRow(self.decoded_label)
        form.addRow("Decoder", self.half_box)
        form.addRow("Show", self.difference.mode_box)
        form.addRow(self.difference.details)
        form.addRow("Contour", self.contour)
        self.locked = hint(_LOCKED)
        form.addRow(self.locked)
        form.addRow(self.ghost)
        form.addRow(self.pieces)
        form.addRow(self.pair)
        self.half_label = form.labelForField(self.half_box)

    def forget(self) -> None:
        """Nothing of the job before is shown."""
        self._map_view = None
        self.decode.reset()
        self.pair.take(None)
        self.pair.clear()
        self.pair.take_view(None)
        self.difference.mode_box.setCurrentIndex(0)
        self.difference.averages = None
        self.lobes.hide()
        self._scene.hide_conformation()
        self.decoded_label.setText(_NOT_DECODED)

    def take_latents(self, latents: LatentTable) -> None:
        """Offer the decoders of the halves that have latents."""
        from napari_conformix.jobs.motion import AverageStates

        job = self._session.job
        self._offer_decoding(self._session.has_decoder)
        halves = [half for half in views.halves(latents) if half > 0]
        fill(self.half_box, [(f"half {h}", h) for h in halves])
        for widget in (self.half_box, self.half_label):
            widget.setVisible(len(halves) > 1)
        self.pieces.setVisible(self._session.has_decoder and views.has_motion(latents))
        pieces = job.method_class.pieces
        self.decode.pieces_name = pieces[:1].upper() + pieces[1:]
        self.pieces.setText(f"{self.decode.pieces_name} as points")
        if self.difference.averages is None:
            self.difference.mask = self.pair.mask = _mask_of(job)
            self.difference.set_mask_there(job.spec.inputs.mask is not None)
        self.difference.averages = AverageStates(job)

    def _offer_decoding(self, there: bool) -> None:
        """Nothing but the consensus, where there is one, and its contour without a decoder."""
        form = self.layout()
        consensus = self._session.inputs.consensus is not None
        for widget in (self.contour, self.locked):
            form.setRowVisible(widget, there or consensus)
        for widget in (self.difference.mode_box, self.ghost, self.pair):
            form.setRowVisible(widget, there)
        if not there:
            self.decoded_label.setText(NO_MOLECULE)

    def take_view(self, view: LatentView, moved: bool) -> None:
        """The view shows something new: decode what is at its cursor now."""
        self._map_view = view
        self.pair.take_view(view)
        if moved:
            self.decode.forget()
        if not view.has_model:
            self.decoded_label.setText(
                f"The model of epoch {view.past} is no longer kept: the view can be seen, the "
                "molecule cannot. The setting keep_checkpoints says how many are."
            )
        half = self._half_of(view)
        if self.cursor is not None:
            self.decode.request(view, self.cursor, half)

    def set_active(self, active: bool) -> None:
        """Whether the scene is this group's; otherwise another page shows its conformation."""
        if active == self.decode.enabled:
            return
        self.decode.enabled = active
        if active:
            self._scene.hide_conformation()
            self._arrange()
            self._decode_again()
        else:
            self._leave_scene()
        self._letters.set_active(active)
        self.active_changed.emit(active)

    @property
    def half(self) -> int:
        """The half set whose model decodes; 0 for a method with one model."""
        return int(self.half_box.currentData() or 0)

    @property
    def cursor(self) -> tuple[float, float] | None:
        """Where the cursor is in the view."""
        return self._cursor.xy(FIRST)

    # -- what is open -----------------------------------------------------------------------------

    def _take_consensus(self, consensus: Map | None) -> None:
        self.difference.consensus = consensus
        if consensus is None:
            return
        array = consensus.array
        self._scene.show_consensus(array, consensus.pixel_size_angstrom)
        peak = float(np.max(array))
        with QSignalBlocker(self.contour):
            self.contour.setRange(0.0, peak)
            self.contour.setDecimals(_decimals(peak))
            self.contour.setSingleStep(peak / 200)
            self.contour.setValue(self._scene.threshold)
        self.difference.set_scale(self._scene.threshold, peak, _decimals(peak))
        self.decode.again()

    def _take_volume(self, path: Path, half: int, epoch: int) -> None:
        """The live map of a run, until the user has put the cursor somewhere."""
        if self.cursor is not None or half not in (0, 1):
            return
        if not self.decode.enabled:
            return
        of = f"half {half}, " if half else ""

        def show(read: tuple[np.ndarray, float]) -> None:
            if self.cursor is None and self.decode.enabled:
                self._scene.show_conformation(*read, label=f"Live map: {of}epoch {epoch}")

        def read() -> tuple[np.ndarray, float]:
            from napari_conformix.particles import read_map

            return read_map(path)

        self._session.run_in_worker(read, show, key="job:live map")

    # -- conformation -----------------------------------------------------------------------------

    def show_particle(self, row: int) -> None:
        """Put the cursor on a particle and decode its own latent, by the model of its own half."""
        view, latents = self._map_view, self._session.latents
        if view is None or latents is None:
            return
        place = view.place_of(row)
        if place is None:
            self.decoded_label.setText(
                signed("warning", f"Particle {row} is not in the view as it is shown.")
            )
            return
        latent = view.latents[np.searchsorted(view.rows, row)]
        self._show_exactly(place, Exactly(latent, int(latents.half[row]), f"particle {row}", row))

    def _show_exactly(self, place: tuple[float, float], state: Exactly) -> None:
        """Put the cursor where a known state is; who follows the cursor hears of it too."""
        with QSignalBlocker(self.half_box):
            self.half_box.setCurrentIndex(max(self.half_box.findData(state.half), 0))
        self._half_of(self._map_view)
        self._cursor.move(FIRST, place, _EXACTLY, state)

    def _cursor_moved(self, place: CursorPlace) -> None:
        view = self._map_view
        if place.view != FIRST or self.cursor is None:
            return  # of another view, or lent to another page
        if view is not None and len(view.xy):
            self.decode.request(view, place.xy, place.half, place.state)

    def _half_of(self, view: LatentView) -> int:
        """A view of one half is decoded with that half's model."""
        own = view.space.half
        self.half_box.setEnabled(not own)
        half = own or self.half
        self._cursor.set_half(FIRST, half)
        return half

    def _decode_again(self) -> None:
        view = self._map_view
        if view is None:
            return
        half, xy = self._half_of(view), self.cursor
        if len(view.xy) and xy is not None:
            self.decode.request(view, xy, half)

    def _decoded(self, decoded: Decoded) -> None:
        text = f"{decoded.model}: {decoded.support}".removeprefix(": ")
        text = text[0].upper() + text[1:]
        if isinstance(decoded.extra, Difference):
            text += f". {decoded.extra.sentence}"
            self._show_difference(decoded.extra)
        elif self.pair.kept is not None and self.difference.mode == "molecule":
            self._scene.set_label(f"{self._scene.label}\n{StatePair.LABEL}")
        self.decoded_label.setText(text if decoded.supported else signed("warning", text))
        self.pair.take(decoded)

    def _show_ghost(self, ghost: bool) -> None:
        """It was chosen on another page."""
        self.ghost.setChecked(ghost)

    def _toggle_pieces(self, on: bool) -> None:
        self.decode.pieces = on
        if on:
            self.decode.again()
        else:
            self._scene.show_pieces(None)

    # -- difference, and two states ---------------------------------------------------------------

    def _mode_changed(self) -> None:
        """Another mode, or other lobes: decode once more and show it so."""
        self.decode.make_extra = self.difference.maker()
        if self.decode.enabled:
            self._arrange()
        self.decode.again()

    def _pair_changed(self) -> None:
        kept = self.pair.kept
        self.difference.set_a(None if kept is None else kept.decoded)
        self.decode.make_extra = self.difference.maker()
        self.ghost.setText(_AROUND[kept is not None])
        if self.decode.enabled:
            self._arrange()
        self.decode.again()

    def _arrange(self) -> None:
        """What stands around what: A or the consensus around the molecule or around the lobes."""
        kept, mode = self.pair.kept, self.difference.mode
        with_a = kept is not None and mode in ("molecule", "A")
        lobes = mode != "molecule"
        self.ghost.setText(_AROUND[with_a])
        # Around lobes it is grey: one of them has its colour.
        self._scene.show_start(kept.decoded.prepared if with_a else None, grey=lobes)
        if lobes:
            self.lobes.prepare()
        else:
            self.lobes.hide()
        self._scene.set_conformation_shown(not lobes)
        self._scene.set_glass(lobes)

    def _show_difference(self, difference: Difference) -> None:
        if self.difference.mode == difference.mode:
            self.lobes.show(difference.lobes)
            self._scene.set_label(f"{self._scene.label}\n{difference.label}")

    def _leave_scene(self) -> None:
        """Another page finds it as if nothing but molecules had been shown."""
        self.lobes.hide()
        self._scene.show_start(None)
        self._scene.set_conformation_shown(True)
        self._scene.set_glass(False)

    def _go_to(self, kept: Kept) -> None:
        """The state that was A is decoded at the cursor."""
        self._show_exactly(kept.decoded.spot.xy, kept.exactly)


def _mask_of(job: Job):
    """A function that reads the job's mask, once; None where there is none. For a worker."""

    @lru_cache(maxsize=1)
    def read() -> np.ndarray | None:
        from napari_conformix.particles import read_map

        path = job.spec.inputs.mask
        return None if path is None else read_map(path)[0]

    return read


def _decimals(peak: float) -> int:
    return int(np.clip(3 - np.floor(np.log10(peak or 1.0)), 0, 8))
