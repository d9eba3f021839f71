"""A finished reconstruction on the page and in the scene: sentences, FSC, maps, files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from napari_conformix.jobs.reconstruction import save_page
from napari_conformix.widgets.colours import LegendBar
from napari_conformix.widgets.parts import (
    Fold,
    FscPlot,
    combo,
    fill,
    heading,
    hint,
    kilodaltons,
    sentence,
    signed,
)
from napari_conformix.widgets.reconstruction.result import COLOURS, DEFORMED, PLAIN, Result
from napari_conformix.widgets.scene import (
    Coloured,
    Drawn,
    ReconstructionLayers,
    Scene,
    colour_range,
    legend,
)

if TYPE_CHECKING:
    from napari_conformix.widgets.session import Session

_CONTOUR_DELAY_MS: Final = 120
_LAYERS: Final = {DEFORMED: "Reconstruction", PLAIN: "Plain reconstruction"}
_BOTH: Final = (PLAIN, DEFORMED)


class ReconstructionView(QWidget):
    """What was found, the curves, and the maps in the scene while the page is in front."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.result: Result | None = None
        self.layers = ReconstructionLayers(Scene.of(session))
        self._surfaces: dict[str, Coloured | None] = {}
        self._in_front = False
        self._build()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_CONTOUR_DELAY_MS)
        self._timer.timeout.connect(self._mesh)
        self.contour.valueChanged.connect(self._contour_moved)
        self.which.currentIndexChanged.connect(lambda *_: self._draw())
        self.colour.currentIndexChanged.connect(lambda *_: self._draw())
        self.in_scene.toggled.connect(lambda *_: self._draw())
        self.save_button.clicked.connect(self._choose_report_path)
        self.show_result(None)

    def _build(self) -> None:
        self.title = heading("")
        self.said = sentence()
        self.said.setTextFormat(Qt.TextFormat.RichText)
        self.figures = sentence()
        self.figures_fold = Fold("All figures, and how far to believe them", self.figures)
        self.fsc = FscPlot()
        self.in_scene = QCheckBox("Show in the scene, in place of the consensus")
        self.in_scene.setChecked(True)
        self.which, self.colour = combo(), combo()
        self.contour = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.contour.setToolTip("The same for both maps, in their own grey values")
        self.enclosed = hint()
        self.legend = LegendBar()
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(self.in_scene)
        form.addRow("Map", self.which)
        form.addRow("Colour", self.colour)
        form.addRow("Contour", self.contour)
        form.addRow(self.enclosed)
        self.files = sentence()
        self.save_button = QPushButton("Save report…")
        self.save_button.setToolTip("A page (HTML) with the figures and curves, without the maps")
        row = QHBoxLayout()
        row.addWidget(self.save_button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addWidget(self.said)
        layout.addWidget(self.figures_fold)
        layout.addWidget(heading("Fourier shell correlation of the half maps"))
        layout.addWidget(self.fsc)
        layout.addWidget(heading("The map"))
        layout.addLayout(form)
        layout.addWidget(self.legend)
        layout.addWidget(heading("Files, as RELION’s PostProcess takes them"))
        layout.addWidget(self.files)
        layout.addLayout(row)

    # -- what the page says -----------------------------------------------------------------------

    def show_result(self, result: Result | None) -> None:
        """Another reconstruction, or none."""
        self.result = result
        self._surfaces = {}
        self.setVisible(result is not None)
        if result is None:
            self.layers.hide()
            return
        self.title.setText(f"Reconstruction “{result.report.name}”")
        said = (f"<p style='margin:2px 0'>{signed(*line)}</p>" for line in result.sentences())
        self.said.setText("".join(said))
        self.figures.setText("\n\n".join(result.figures()))
        self.fsc.show_families(result.families())
        self._offer_maps(result)
        self._set_contour(result)
        folder = Path(result.run.folder)
        names = "\n".join(path.name for path in result.files())
        self.files.setText(f"{folder}:\n{names}")
        self._mesh()

    def set_in_front(self, in_front: bool) -> None:
        """The maps are in the scene only while the page is looked at."""
        self._in_front = in_front
        self._draw()

    def save_report(self, path: Path) -> None:
        """Write the report as a page that needs no other file."""
        result = self.result

        def write() -> Path:
            save_page(result.report, path)
            return path

        def done(path: Path) -> None:
            self.session.message.emit(f"The report is in {path}.", "info")

        self.session.run_in_worker(write, done, key="job:report")

    # -- inside -----------------------------------------------------------------------------------

    def _offer_maps(self, result: Result) -> None:
        titles = [found.title for found in result.maps]
        entries = [("With the motion undone" if t == DEFORMED else "Plain", (t,)) for t in titles]
        if len(titles) == 2:
            entries.append(("Side by side: plain, motion undone", _BOTH))
        fill(self.which, entries)
        colours = [("One colour a map", "plain")]
        if any(found.local is not None for found in result.maps):
            colours.insert(0, ("Local resolution", "local"))
        fill(self.colour, colours)

    def _set_contour(self, result: Result) -> None:
        top = float(result.volume.voxels[-1])
        with QSignalBlocker(self.contour):
            self.contour.setDecimals(int(np.clip(3 - np.floor(np.log10(max(top, 1e-12))), 0, 9)))
            self.contour.setRange(min(0.0, result.threshold), top)
            self.contour.setSingleStep(top / 100)
            self.contour.setValue(result.threshold)
        self._say_enclosed()

    def _contour_moved(self) -> None:
        self._say_enclosed()
        self._timer.start()

    def _say_enclosed(self) -> None:
        if self.result is None:
            return
        volume = self.result.volume.above(self.contour.value())
        title = self.result.maps[0].title
        self.enclosed.setText(
            f"In grey values of the maps. The map ({title}) encloses {volume:,.0f} Å³, about "
            f"{kilodaltons(volume):,.0f} kDa of protein."
        )

    def _titles(self) -> tuple[str, ...]:
        return self.which.currentData() or ()

    def _mesh(self) -> None:
        """Compute the surfaces in a worker."""
        result, threshold = self.result, self.contour.value()
        if result is None:
            return
        self.session.run_in_worker(
            lambda: result.surfaces(threshold),
            partial(self._meshed, result),
            key="job:reconstruction mesh",
        )

    def _meshed(self, result: Result, surfaces: dict[str, Coloured | None]) -> None:
        if result is self.result:
            self._surfaces = surfaces
            self._draw()

    def _draw(self) -> None:
        wanted = [(t, self._surfaces.get(t)) for t in self._titles()]
        there = [(title, found) for title, found in wanted if found is not None]
        if not (self._in_front and self.in_scene.isChecked() and self.result and there):
            self.layers.hide()
            self.legend.hide()
            return
        local = self.colour.currentData() == "local"
        # One range of colours for both maps, whichever is shown, so that they compare.
        values = [s.resolution for s in self._surfaces.values() if s and s.resolution is not None]
        limits = colour_range(*values) if values else (0.0, 1.0)
        self.layers.show(
            [
                Drawn(
                    _LAYERS[title],
                    title.capitalize(),
                    found.mesh,
                    COLOURS[title],
                    found.resolution if local else None,
                    limits,
                )
                for title, found in there
            ]
        )
        self.legend.set_legend(legend(limits))
        self.legend.setVisible(local and bool(values))

    def _choose_report_path(self) -> None:
        if self.result is None:
            return
        name = f"{self.result.report.name}_report.html"
        path, _ = QFileDialog.getSaveFileName(self, "Save the report", name, "Page (*.html)")
        if path:
            self.save_report(Path(path))
