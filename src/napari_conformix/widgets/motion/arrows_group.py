"""How the arrows of a deformation are drawn: how many, how long, in which colours; their legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QGroupBox
from superqt import QLabeledSlider

from napari_conformix.widgets.parts import combo, fill, form_of
from napari_conformix.widgets.scene import MOST_ARROWS, ArrowLayers, ArrowLegend, Arrows, Limits

if TYPE_CHECKING:
    from napari_conformix.widgets.scene import Scene

_FIRST_COUNT = 200
_COLOURS = (
    ("amount of displacement", "amount"),
    ("direction", "direction"),
    ("half-set difference (error)", "error"),
)
_LENGTHS = (
    ("to scale", 1.0),
    ("2 times too long", 2.0),
    ("5 times too long", 5.0),
    ("10 times too long", 10.0),
)


class ArrowsGroup(QGroupBox):
    """Draws what :meth:`show_arrows` is given; redraws it when a choice changes."""

    def __init__(self, scene: Scene) -> None:
        super().__init__("Arrows and error spheres")
        self._scene = scene
        self.layers = ArrowLayers(scene)
        self._arrows: Arrows | None = None
        self._limits: Limits | None = None
        self._wanted = _FIRST_COUNT
        self._later = QTimer(self)  # a slider that is dragged asks more often than can be drawn
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.redraw)
        self._build()
        self.count_slider.valueChanged.connect(self._take_count)
        for box in (self.colour_box, self.length_box):
            box.currentIndexChanged.connect(self.redraw)
        self.spheres.toggled.connect(self.redraw)
        self.consensus.toggled.connect(scene.set_ghost)
        self.conformation.toggled.connect(scene.set_conformation_shown)
        scene.ghost_changed.connect(self._show_ghost)
        scene.viewer.scene.camera.events.zoom.connect(self._take_zoom)

    def _build(self) -> None:
        self.count_slider = QLabeledSlider(Qt.Orientation.Horizontal)
        self.count_slider.setRange(1, MOST_ARROWS)
        self.count_slider.setValue(_FIRST_COUNT)
        self.count_slider.setToolTip("Evenly spread over the molecule, whatever their number")
        self.colour_box, self.length_box = combo(), combo()
        fill(self.colour_box, list(_COLOURS))
        fill(self.length_box, list(_LENGTHS))
        self.length_box.setToolTip(
            "Longer arrows show small motions; the spheres grow with them, so that arrow and error "
            "still compare"
        )
        self.spheres = QCheckBox("Spheres at the ends: the error")
        self.spheres.setChecked(True)
        self.consensus = QCheckBox("Map where the arrows begin")
        self.consensus.setChecked(self._scene.ghost)
        self.conformation = QCheckBox("Map where they end (blue)")
        self.conformation.setChecked(True)
        self.legend = ArrowLegend()
        form = form_of(self)
        form.addRow("Number", self.count_slider)
        form.addRow("Colour", self.colour_box)
        form.addRow("Length", self.length_box)
        form.addRow(self.spheres)
        form.addRow(self.consensus)
        form.addRow(self.conformation)
        form.addRow(self.legend)

    def show_arrows(self, arrows: Arrows | None, limits: Limits | None = None) -> None:
        """Draw arrows, with the ends of the colour bars; None: none."""
        self._arrows = arrows
        self._limits = None if arrows is None else limits or arrows.limits()
        if arrows is not None:
            with QSignalBlocker(self.count_slider):
                self.count_slider.setRange(1, max(len(arrows), 1))
                self.count_slider.setValue(self._wanted)  # as far as there are so many
        self._take_zoom()
        self.redraw()

    @property
    def count(self) -> int:
        """How many arrows are shown."""
        return self.count_slider.value()

    def redraw(self) -> None:
        """As chosen now."""
        arrows, limits = self._arrows, self._limits
        if arrows is None or limits is None or not len(arrows):
            self.layers.hide()
            self.legend.set_meaning(None, "amount", 1.0, spheres=False)
            return
        colour, length = self.colour_box.currentData(), self.length_box.currentData()
        spheres = self.spheres.isChecked()
        self.layers.show(arrows, self.count, limits, colour=colour, length=length, spheres=spheres)
        known = spheres and arrows.error is not None
        self.legend.set_meaning(limits, colour, length, spheres=known)

    def _take_count(self, count: int) -> None:
        self._wanted = count
        self._later.start()

    def _show_ghost(self, ghost: bool) -> None:
        """It was chosen on another page."""
        self.consensus.setChecked(ghost)

    def _take_zoom(self, event: object = None) -> None:
        self.legend.set_zoom(float(self._scene.viewer.scene.camera.zoom))
