"""What other parts of the window put on the latent space view: marks, a path, contours, a backdrop.

Everything is in coordinates of the view and follows its camera.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from qtpy.QtGui import QColor, QImage

#: a line (m, 2) and its colour (r, g, b, a), 0 to 1
Contour = tuple[np.ndarray, tuple[float, float, float, float]]


@dataclass(frozen=True)
class Mark:
    """A letter or number at a place of the view; `colour` is (r, g, b) from 0 to 1, None: white."""

    xy: tuple[float, float]
    text: str
    colour: tuple[float, float, float] | None = None

    @property
    def paint(self) -> QColor:
        """The colour to paint with."""
        return QColor(255, 255, 255) if self.colour is None else QColor.fromRgbF(*self.colour[:3])


@dataclass(frozen=True)
class PathLine:
    """A path (n, 2), how many particles support each of its steps (None: not known), and the step
    (between 0 and n - 1, fractions allowed) that is shown now."""

    xy: np.ndarray
    support: np.ndarray | None = None
    current: float | None = None

    def __post_init__(self) -> None:
        if self.xy.ndim != 2 or self.xy.shape[1] != 2:
            raise ValueError(f"a path must be (n, 2), not {self.xy.shape}")
        if self.support is not None and len(self.support) != len(self.xy):
            raise ValueError(f"{len(self.support)} numbers for {len(self.xy)} steps of a path")

    @property
    def supported(self) -> np.ndarray:
        """(n - 1,) whether particles support both ends of a stretch."""
        if self.support is None:
            return np.ones(max(len(self.xy) - 1, 0), dtype=bool)
        there = np.asarray(self.support) > 0
        return there[:-1] & there[1:]

    @property
    def place(self) -> np.ndarray | None:
        """(2,) where the current step is."""
        if self.current is None or not len(self.xy):
            return None
        steps = np.arange(len(self.xy))
        return np.array([np.interp(self.current, steps, self.xy[:, i]) for i in (0, 1)])


@dataclass(frozen=True)
class Backdrop:
    """A picture behind the particles, over the box `extent`, its first row at the top."""

    image: QImage
    extent: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def of(cls, rgba: np.ndarray, extent: np.ndarray) -> Backdrop:
        """From (h, w, 4) uint8 and ((x0, y0), (x1, y1))."""
        (x0, y0), (x1, y1) = (tuple(map(float, corner)) for corner in extent)
        image = image_of(rgba, QImage.Format.Format_RGBA8888)
        return cls(image, ((min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))))


@dataclass
class Decorations:
    """Everything that is painted around the particles."""

    marks: tuple[Mark, ...] = ()
    path: PathLine | None = None
    contours: tuple[Contour, ...] = ()
    backdrop: Backdrop | None = None
    axes: tuple[str, str] = field(default=("", ""))


def image_of(rgba: np.ndarray, form: QImage.Format) -> QImage:
    """An image with its own copy of (h, w, 4) uint8."""
    rgba = np.ascontiguousarray(rgba, dtype=np.uint8)
    height, width = rgba.shape[:2]
    return QImage(rgba.data, width, height, 4 * width, form).copy()
