"""The contour of every map in the scene, on another page than the one it is kept on."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt
from superqt import QLabeledDoubleSlider


class LinkedContour(QLabeledDoubleSlider):
    """Shows and moves the contour slider of the Explore page, with its range and steps."""

    def __init__(self, main: QLabeledDoubleSlider) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._main = main
        self.setToolTip(
            "One contour for every map in the scene, in the maps' own grey values: never rescaled"
        )
        self.valueChanged.connect(main.setValue)
        main.valueChanged.connect(self._follow)

    def copy(self) -> None:
        """Take range, steps and value of the other: another consensus, or the page comes up."""
        main = self._main
        with QSignalBlocker(self):
            self.setDecimals(main.decimals())
            self.setRange(main.minimum(), main.maximum())
            self.setSingleStep(main.singleStep())
            self.setValue(main.value())

    def _follow(self, value: float) -> None:
        with QSignalBlocker(self):
            self.setValue(value)
