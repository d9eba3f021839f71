"""Where the latent space view is on the screen: its coordinates to pixels and back. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Camera:
    """What a picture of `width` x `height` pixels shows of the view.

    `pixel_ratio` is how many of them are one pixel of a screen of ordinary resolution.
    `x`, `y` is the place of the view in the middle of the picture, `zoom` the pixels of one unit of
    the view's x; one of its y is drawn `stretch` times as long. Its y points up, pixel rows run
    down; pixel (column i, row j) covers i <= x < i + 1, j <= y < j + 1.
    """

    x: float
    y: float
    zoom: float
    width: int
    height: int
    pixel_ratio: float = 1.0
    stretch: float = 1.0

    @classmethod
    def around(
        cls,
        extent: tuple[np.ndarray, np.ndarray],
        width: int,
        height: int,
        share: float,
        stretch: float = 1.0,
    ) -> Camera:
        """That shows a box (lower and upper corner) on at most `share` of the picture's sides."""
        low, high = (np.asarray(corner, dtype=float) for corner in extent)
        span = np.maximum((high - low) * [1.0, stretch], 1e-12)
        zoom = share * float(min(width / span[0], height / span[1]))
        middle = (low + high) / 2
        return cls(float(middle[0]), float(middle[1]), zoom, width, height, stretch=stretch)

    @property
    def scale(self) -> np.ndarray:
        """(2,) pixels, x right and y down, of one unit of the view's x and y."""
        return np.array([self.zoom, -self.zoom * self.stretch])

    def scaled(self, factor: float) -> Camera:
        """The same view with `factor` times as many pixels."""
        return replace(
            self,
            zoom=self.zoom * factor,
            width=max(1, round(self.width * factor)),
            height=max(1, round(self.height * factor)),
            pixel_ratio=self.pixel_ratio * factor,
        )

    def to_pixels(self, xy: np.ndarray) -> np.ndarray:
        """(n, 2) places of the view -> (n, 2) pixels, x right and y down."""
        offset = np.asarray(xy, dtype=float) - [self.x, self.y]
        return [self.width / 2, self.height / 2] + offset * self.scale

    def to_pixels_xy(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`to_pixels`, x and y apart: faster for a million places."""
        x = np.subtract(xy[:, 0], self.x, dtype=np.float64)
        y = np.subtract(xy[:, 1], self.y, dtype=np.float64)
        x *= self.scale[0]
        y *= self.scale[1]
        x += self.width / 2
        y += self.height / 2
        return x, y

    def to_view(self, pixels: np.ndarray) -> np.ndarray:
        """(n, 2) pixels -> (n, 2) places of the view."""
        offset = np.asarray(pixels, dtype=float) - [self.width / 2, self.height / 2]
        return [self.x, self.y] + offset / self.scale
