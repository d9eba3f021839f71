"""The other job's conformation at the cursor of its view, decoded by its own model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QGroupBox
from superqt import QLabeledDoubleSlider

from napari_conformix.analysis.spaces import views
from napari_conformix.widgets.conformation import Decoded, LiveDecode
from napari_conformix.widgets.parts import combo, fill, form_of, hint, sentence, signed
from napari_conformix.widgets.second_view.scene import OtherScene

if TYPE_CHECKING:
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.latent_view import LatentCanvas
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.second_view.link import Marked
    from napari_conformix.widgets.second_view.store import Beside
    from napari_conformix.widgets.session import CursorPlace
    from napari_conformix.widgets.spaces import ViewGroup

_NOT_DECODED: Final = "Click or drag in either view: the other cursor goes to the same particle."
_PLACES: Final = (
    ("over this job's", "over"),
    ("next to this job's", "next to"),
    ("not shown", "hidden"),
)
_CONTOURS: Final = (
    "Grey values of two methods cannot be compared: each has a contour of its own, in its own "
    "units, that of its consensus map to begin with."
)


class OtherConformation(QGroupBox):
    """Decoder, place and contour of the other job's conformation."""

    def __init__(
        self, beside: Beside, scene: Scene, views: ViewGroup, canvas: LatentCanvas
    ) -> None:
        super().__init__("Its conformation at the cursor")
        self._beside, self._views = beside, views
        self._cursor, self._name = canvas.cursor, canvas.name
        self.scene = OtherScene(beside.other, scene)
        self.decode = LiveDecode(beside.other, self.scene)
        self._mark: Marked | None = None
        self._decoded_text = ""
        self._build()
        beside.other.latents_changed.connect(self._take_latents)
        self.scene.threshold_changed.connect(self._show_contour)
        self.contour.valueChanged.connect(self.scene.set_threshold)
        self.place_box.currentIndexChanged.connect(
            lambda *_: self.scene.set_place(self.place_box.currentData())
        )
        self.half_box.currentIndexChanged.connect(lambda *_: self._decode_again())
        self.decode.shown.connect(self._decoded)
        self._cursor.moved.connect(self._cursor_moved)
        views.shown.connect(lambda *_: self._decode_again())

    def _build(self) -> None:
        self.said = sentence(_NOT_DECODED)
        self.colours = sentence()
        self.half_box, self.place_box = combo(), combo()
        fill(self.place_box, list(_PLACES))
        self.contour = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.contour.setToolTip(_CONTOURS)
        form = form_of(self)
        form.addRow(self.said)
        form.addRow(self.colours)
        form.addRow("Decoder", self.half_box)
        form.addRow("In the scene", self.place_box)
        form.addRow("Contour", self.contour)
        form.addRow(hint(_CONTOURS))
        self.half_label = form.labelForField(self.half_box)

    def set_names(self, this: str, other: str) -> None:
        """Of the two jobs."""
        self.setTitle(f"Conformation of {other} at its cursor")
        self.colours.setText(f"Blue: {this}. Orange: {other}.")

    def forget(self) -> None:
        """Nothing of the other job is shown."""
        self._mark, self._decoded_text = None, ""
        self.decode.reset()
        self.scene.clear()
        self.said.setText(_NOT_DECODED)

    def set_active(self, active: bool) -> None:
        """Whether the scene is the Explore page's."""
        self.decode.enabled = active
        if active:
            self._decode_again()
        else:
            self.scene.hide_conformation()

    def mark(self, mark: Marked | None) -> None:
        """The particle at the cursors has changed; None: none is in both views."""
        self._mark = mark
        if mark is None and self._cursor.place(self._name) is None:
            self._decoded_text = ""
            self.decode.forget()
            self.scene.hide_conformation()
        self._tell()

    # -- inside -----------------------------------------------------------------------------------

    def _cursor_moved(self, place: CursorPlace) -> None:
        if place.view == self._name:
            self._decode_again()

    def _decode_again(self) -> None:
        """What is at the cursor of the other job's view, by the model of its half."""
        view = self._views.latent_view
        if view is not None:
            own = view.space.half
            self.half_box.setEnabled(not own)
            self._cursor.set_half(self._name, own or int(self.half_box.currentData() or 0))
        place = self._cursor.place(self._name)
        if place is not None and self._beside.other.job is not None:
            self._decode(place)

    def _decode(self, place: CursorPlace) -> None:
        view = self._views.latent_view
        if view is None or not len(view.xy):
            return
        if not view.has_model:
            self._decoded_text = f"the model of epoch {view.past} is no longer kept"
            self._tell()
        if not self._beside.other.has_decoder:
            self._decoded_text = "no molecule: these are latents of another program"
            self._tell()
        self.decode.request(view, place.xy, place.half)

    def _take_latents(self, latents: LatentTable) -> None:
        halves = [half for half in views.halves(latents) if half > 0]
        fill(self.half_box, [(f"half {h}", h) for h in halves])
        for widget in (self.half_box, self.half_label):
            widget.setVisible(len(halves) > 1)

    def _show_contour(self, threshold: float) -> None:
        peak = self.scene.peak
        with QSignalBlocker(self.contour):
            self.contour.setRange(0.0, peak)
            self.contour.setDecimals(int(np.clip(3 - np.floor(np.log10(peak)), 0, 8)))
            self.contour.setSingleStep(peak / 200)
            self.contour.setValue(threshold)
        self.decode.again()

    def _decoded(self, decoded: Decoded) -> None:
        self._decoded_text = f"{decoded.model}: {decoded.support}".removeprefix(": ")
        self._tell()

    def _tell(self) -> None:
        """What is decoded, and which particle it is."""
        decoded = self._decoded_text[:1].upper() + self._decoded_text[1:]
        mark = self._mark
        if mark is None:
            words, severity = "No particle is in both views as they are shown.", "warning"
        else:
            same = mark.row == mark.other_row
            words = f"Particle {mark.row:,} of this job"
            words += "." if same else f" is {mark.other_row:,} of the other."
            severity = "" if mark.near else "warning"
            if not mark.near:
                words += " It is the nearest that both views show, but not near the cursor."
        text = f"{decoded}. {words}" if decoded else words
        self.said.setText(signed(severity, text) if severity else text)
