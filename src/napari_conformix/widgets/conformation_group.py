"""The conformation at the cursor of the latent map, decoded live into the scene."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QGroupBox, QLabel
from superqt import QLabeledDoubleSlider

from napari_conformix.analysis import latent_maps
from napari_conformix.widgets.forms import combo, fill, form_of
from napari_conformix.widgets.live_decode import Decoded, LiveDecode
from napari_conformix.widgets.no_decoder import NO_MOLECULE
from napari_conformix.widgets.style import signed

if TYPE_CHECKING:
    from napari_conformix.analysis.latent_maps import MapView
    from napari_conformix.jobs import LatentTable
    from napari_conformix.widgets.latent_canvas import LatentCanvas
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Map, Session

_NOT_DECODED: Final = "Click or drag in the latent map to see the molecule there."


class ConformationGroup(QGroupBox):
    """Decoder, contour and companions of the molecule at the cursor; the live map of a run."""

    #: whether the scene is this group's; see :meth:`set_active`
    active_changed = Signal(bool)

    def __init__(self, session: Session, scene: Scene, canvas: LatentCanvas) -> None:
        super().__init__("Conformation at the cursor")
        self._session, self._scene, self._canvas = session, scene, canvas
        self._map_view: MapView | None = None
        self.decode = LiveDecode(session, scene)
        self._build()
        session.consensus_changed.connect(self._take_consensus)
        session.volume_changed.connect(self._take_volume)
        canvas.cursor_moved.connect(self._cursor_moved)
        self.decode.shown.connect(self._decoded)
        self.half_box.currentIndexChanged.connect(self._decode_again)
        self.contour.valueChanged.connect(scene.set_threshold)
        self.ghost.toggled.connect(scene.set_ghost)
        scene.ghost_changed.connect(self._show_ghost)
        self.gaussians.toggled.connect(self._toggle_gaussians)

    def _build(self) -> None:
        self.decoded_label = QLabel(_NOT_DECODED)
        self.decoded_label.setWordWrap(True)
        self.half_box = combo()
        self.contour = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.contour.setToolTip(
            "Contour of every map in the scene, in the maps' own grey values: never rescaled"
        )
        self.ghost = QCheckBox("Consensus around it, translucent")
        self.ghost.setChecked(True)
        self.gaussians = QCheckBox("Gaussians as points")
        form = form_of(self)
        form.addRow(self.decoded_label)
        form.addRow("Decoder", self.half_box)
        form.addRow("Contour", self.contour)
        form.addRow(self.ghost)
        form.addRow(self.gaussians)
        self.half_label = form.labelForField(self.half_box)

    def forget(self) -> None:
        """Nothing of the job before is shown."""
        self._map_view = None
        self.decode.reset()
        self._scene.hide_conformation()
        self.decoded_label.setText(_NOT_DECODED)

    def take_latents(self, latents: LatentTable) -> None:
        """Offer the decoders of the halves that have latents."""
        halves = [half for half in latent_maps.halves(latents) if half > 0]
        fill(self.half_box, [(f"half {h}", h) for h in halves])
        for widget in (self.half_box, self.half_label):
            widget.setVisible(len(halves) > 1)
        self.gaussians.setVisible(latent_maps.has_motion(latents))
        if not self._session.has_decoder:
            self.decoded_label.setText(NO_MOLECULE)

    def take_view(self, view: MapView, moved: bool) -> None:
        """The map shows something new: decode what is at its cursor now."""
        self._map_view = view
        if moved:
            self.decode.forget()
        if not view.has_model:
            self.decoded_label.setText(
                f"The model of epoch {view.past} is no longer kept: the map can be seen, the "
                "molecule cannot. The setting keep_checkpoints says how many are."
            )
        if self._canvas.overlay.cursor_xy is not None:
            self.decode.request(view, self._canvas.overlay.cursor_xy, self._half_of(view))

    def set_active(self, active: bool) -> None:
        """Whether the scene is this group's; otherwise another page shows its conformation."""
        if active == self.decode.enabled:
            return
        self.decode.enabled = active
        if active:
            self._scene.hide_conformation()
            self._decode_again()
        self.active_changed.emit(active)

    @property
    def half(self) -> int:
        """The half set whose model decodes; 0 for a method with one model."""
        return int(self.half_box.currentData() or 0)

    # -- what is open -----------------------------------------------------------------------------

    def _take_consensus(self, consensus: Map | None) -> None:
        if consensus is None:
            return
        array = consensus.array
        self._scene.show_consensus(array, consensus.pixel_size_angstrom)
        with QSignalBlocker(self.contour):
            peak = float(np.max(array))
            self.contour.setRange(0.0, peak)
            self.contour.setDecimals(_decimals(peak))
            self.contour.setSingleStep(peak / 200)
            self.contour.setValue(self._scene.threshold)
        self.decode.again()

    def _take_volume(self, path: Path, half: int, epoch: int) -> None:
        """The live map of a run, until the user has put the cursor somewhere."""
        if self._canvas.overlay.cursor_xy is not None or half not in (0, 1):
            return
        if not self.decode.enabled:
            return
        of = f"half {half}, " if half else ""

        def show(read: tuple[np.ndarray, float]) -> None:
            if self._canvas.overlay.cursor_xy is None and self.decode.enabled:
                self._scene.show_conformation(*read, label=f"Live map: {of}epoch {epoch}")

        def read() -> tuple[np.ndarray, float]:
            from napari_conformix.particles import read_map

            return read_map(path)

        self._session.run_in_worker(read, show, key="job:live map")

    # -- conformation -----------------------------------------------------------------------------

    def _cursor_moved(self, x: float, y: float) -> None:
        view = self._map_view
        if view is not None and len(view.xy):
            self.decode.request(view, (x, y), self._half_of(view))

    def _half_of(self, view: MapView) -> int:
        """A map of one half is decoded with that half's model."""
        own = view.space.half
        self.half_box.setEnabled(not own)
        return own or self.half

    def _decode_again(self) -> None:
        xy = self._canvas.overlay.cursor_xy
        if xy is not None:
            self._cursor_moved(*xy)

    def _decoded(self, decoded: Decoded) -> None:
        text = f"{decoded.model}: {decoded.support}".removeprefix(": ")
        text = text[0].upper() + text[1:]
        self.decoded_label.setText(text if decoded.spot.nearby else signed("warning", text))

    def _show_ghost(self, ghost: bool) -> None:
        """It was chosen on another page."""
        self.ghost.setChecked(ghost)

    def _toggle_gaussians(self, on: bool) -> None:
        self.decode.gaussians = on
        if on:
            self.decode.again()
        else:
            self._scene.show_gaussians(None)


def _decimals(peak: float) -> int:
    return int(np.clip(3 - np.floor(np.log10(peak or 1.0)), 0, 8))
