"""The maps of all clusters: one at a time in the scene, and small pictures of all.

All are drawn at one absolute contour, the scene's, so that they compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
)
from superqt import QLabeledDoubleSlider

from napari_conformix.widgets.clusters.gallery import PICTURE_PIXELS, ClusterGallery, Tile
from napari_conformix.widgets.colours import RGB, cluster_colour
from napari_conformix.widgets.parts import hint
from napari_conformix.widgets.scene import View, picture

if TYPE_CHECKING:
    from napari_conformix.widgets.clusters.scene import ClusterScene
    from napari_conformix.widgets.session import Session

#: the contour or the view has been still for so long: pictures are made again
_STILL_MS: Final = 350
_HELP: Final = (
    "The map decoded for the particle nearest to each cluster’s centre, all at one contour, in "
    "grey values of the maps: nothing is rescaled. Turn the scene to see all from there."
)
_OWN_HELP: Final = (
    "What the particles of each cluster reconstruct to, as far as that was done below, all at one "
    "contour. There is no decoder for these latents, so there are no other maps of the clusters."
)
#: maps larger than this are thinned for the small pictures
_PICTURE_BOX: Final = 128


@dataclass(frozen=True)
class Maps:
    """What there is to draw: `volume(i)` reads the map (z, y, x) of a cluster, in a worker, None
    where it has none; `extent` is the side of its box in A; `decoded`: or its particles' own."""

    name: str
    volume: Callable[[int], np.ndarray | None]
    pixel_size_angstrom: float
    extent: float
    captions: tuple[str, ...]
    tips: tuple[str, ...]
    decoded: bool = True

    def __len__(self) -> int:
        return len(self.captions)


class ClusterMapsGroup(QGroupBox):
    """Slider, contour and gallery. It asks for clusters with `picked` and shows what is chosen."""

    #: cluster from 0, and whether to add it to those that are chosen
    picked = Signal(int, bool)

    def __init__(
        self, session: Session, scene: ClusterScene, contour: QLabeledDoubleSlider
    ) -> None:
        super().__init__("Maps of the clusters")
        self._session, self._main_contour = session, contour
        self._in_scene, self._scene = scene, scene.scene
        self.maps: Maps | None = None
        self.current: int | None = None
        self._active = False
        self._round = 0
        self._drawn: tuple[str, float, View] | None = None
        self._build()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_STILL_MS)
        self._timer.timeout.connect(self._draw_pictures)
        self.slider.valueChanged.connect(lambda value: self.picked.emit(value - 1, False))
        self.gallery.picked.connect(self.picked)
        self.contour.valueChanged.connect(contour.setValue)
        contour.valueChanged.connect(self._contour_moved)
        self.ghost.toggled.connect(self._scene.set_ghost)
        self._scene.ghost_changed.connect(self._show_ghost)
        session.consensus_changed.connect(lambda *_: self._copy_contour())
        for event in ("angles", "zoom", "center"):
            getattr(self._scene.viewer.scene.camera.events, event).connect(self._view_moved)

    def _build(self) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setTickInterval(1)
        self.slider.setPageStep(1)
        self.slider.setToolTip("Step through the clusters; the arrow keys do it, too")
        self.position = QLabel()
        self.contour = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.contour.setToolTip(
            "One contour for the maps of all clusters, in the maps' own grey values"
        )
        self.ghost = QCheckBox("Consensus around it, translucent")
        self.ghost.setChecked(self._scene.ghost)
        self.gallery = ClusterGallery()
        row = QHBoxLayout()
        row.addWidget(self.slider, stretch=1)
        row.addWidget(self.position)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        self.help = hint(_HELP)
        layout.addWidget(self.help)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("In the scene", row)
        form.addRow("Contour", self.contour)
        form.addRow(self.ghost)
        layout.addLayout(form)
        layout.addWidget(self.gallery)

    # -- what is shown ----------------------------------------------------------------------------

    def show_maps(self, maps: Maps | None) -> None:
        """The maps of another set, or none."""
        self.maps, self.current = maps, None
        self.help.setText(_HELP if maps is None or maps.decoded else _OWN_HELP)
        self._round += 1
        self._drawn = None
        count = 0 if maps is None else len(maps)
        with QSignalBlocker(self.slider):
            self.slider.setRange(1, max(count, 1))
        self.gallery.show_tiles([] if maps is None else [_tile(maps, i) for i in range(count)])
        self.position.setText("")
        self._draw_pictures()

    def mark(self, current: int | None, chosen: frozenset[int]) -> None:
        """Which cluster is current, and which are chosen."""
        self.current = current
        self.gallery.mark(current, chosen)
        if current is None or self.maps is None:
            self.position.setText("")
            return
        with QSignalBlocker(self.slider):
            self.slider.setValue(current + 1)
        self.position.setText(f"{current + 1} of {len(self.maps)}")

    def set_active(self, active: bool) -> None:
        """Whether the page is in front: only then are pictures made."""
        self._active = active
        if active:
            self._copy_contour()
            self._draw_pictures()

    def _show_ghost(self, ghost: bool) -> None:
        """It was chosen on another page."""
        self.ghost.setChecked(ghost)

    # -- contour and view -------------------------------------------------------------------------

    def _copy_contour(self) -> None:
        """The range and the value of the contour that the Explore page has."""
        theirs = self._main_contour
        with QSignalBlocker(self.contour):
            self.contour.setDecimals(theirs.decimals())
            self.contour.setRange(theirs.minimum(), theirs.maximum())
            self.contour.setSingleStep(theirs.singleStep())
            self.contour.setValue(theirs.value())
        self._outdate()

    def _contour_moved(self, value: float) -> None:
        with QSignalBlocker(self.contour):
            self.contour.setValue(value)
        self._outdate()

    def _view_moved(self, *_: object) -> None:
        self._outdate()

    def _outdate(self) -> None:
        if self._active and self.maps is not None:
            self._timer.start()

    # -- pictures ---------------------------------------------------------------------------------

    def _draw_pictures(self) -> None:
        """Begin again where the contour or the view is another; one picture at a time, so that
        nothing else has to wait and a newer view is heard at once."""
        maps, contour = self.maps, self._scene.threshold
        if maps is None or contour is None or not self._active:
            return
        view = View.of(self._scene.viewer, maps.extent, self._in_scene.zoom)
        if self._drawn is not None and self._is_drawn(maps, contour, view):
            return
        self._drawn = maps.name, contour, view
        self._round += 1
        self.gallery.mark_stale()
        self._draw(maps, contour, view, self._round, 0)

    def _is_drawn(self, maps: Maps, contour: float, view: View) -> bool:
        name, old_contour, old_view = self._drawn
        return name == maps.name and contour == old_contour and view.is_near(old_view)

    def _draw(self, maps: Maps, contour: float, view: View, number: int, cluster: int) -> None:
        if number != self._round or cluster >= len(maps):
            return

        def done(made: tuple[np.ndarray | None, str]) -> None:
            if number == self._round:
                self.gallery.set_picture(cluster, *made)
                self._draw(maps, contour, view, number, cluster + 1)

        def failed(error: Exception) -> None:
            if number == self._round:
                self.gallery.set_picture(cluster, None, "no map")
                self._session.report_error(error)

        self._session.run_in_worker(
            partial(_picture, maps, cluster, contour, view, cluster_colour(cluster)),
            done,
            failed,
            key="job:cluster pictures",
        )


def _picture(
    maps: Maps, cluster: int, contour: float, view: View, colour: RGB
) -> tuple[np.ndarray | None, str]:
    """The picture, or None and why there is none."""
    array = maps.volume(cluster)
    if array is None:
        return None, "no map"
    volume, pixel_size = thinned(array, maps.pixel_size_angstrom)
    return picture(volume, pixel_size, contour, view, PICTURE_PIXELS, colour), "empty"


def thinned(volume: np.ndarray, pixel_size_angstrom: float) -> tuple[np.ndarray, float]:
    """Every n-th voxel of a large map, and the pixel size of these; the centre stays in place."""
    step = -(-len(volume) // _PICTURE_BOX)
    if step == 1:
        return volume, pixel_size_angstrom
    first = (len(volume) // 2) % step
    return np.ascontiguousarray(volume[first::step, first::step, first::step]), (
        step * pixel_size_angstrom
    )


def _tile(maps: Maps, cluster: int) -> Tile:
    colour = QColor.fromRgbF(*cluster_colour(cluster))
    return Tile(maps.captions[cluster], colour, maps.tips[cluster])
