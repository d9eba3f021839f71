"""All particles of the latent space view as a picture, shaded by their density. numpy alone.

Every particle is counted in the one pixel that it falls into. A pixel has the mean colour of its
particles and is the brighter the more there are, by the logarithm of their number. Where few
particles are in view each is drawn as a small disc, so that a lone one can be seen. Selected
particles lie on top in a colour of their own, shaded by their own density, however few they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from napari_conformix.widgets.colours import HIGHLIGHT
from napari_conformix.widgets.latent_view.camera import Camera

#: brightness of a pixel with a single particle where the fullest pixels have many
_FAINTEST: Final = 0.38
_FAINTEST_SELECTED: Final = 0.72
#: the others keep this share of their brightness while there is a selection
_DIMMED: Final = 0.42
#: this percentile of the pixels that have particles is drawn at full brightness
_FULL_PERCENT: Final = 99.0
#: so many particles in a pixel are a crowd
_CROWD: Final = 20
#: discs of the particles in view cover at most this share of the picture, of the selected that
_COVER: Final = 0.25
_COVER_SELECTED: Final = 0.05
#: radius of a disc, in pixels of an ordinary screen: at most, and how much larger that of a
#: selected particle may be
_LARGEST: Final = 4
_LARGER_SELECTED: Final = 2


@dataclass(frozen=True)
class Scene:
    """What is to be drawn; nothing in here is changed once it is made.

    xy      (n, 2) places of the particles in the view
    rows    (n,) their rows in the particle file
    rgba    (N, 4) colours of all rows of the file, 0 to 1
    chosen  (N,) bool, the selected rows; of another length: none
    """

    xy: np.ndarray
    rows: np.ndarray
    rgba: np.ndarray
    chosen: np.ndarray


class Raster:
    """Draws scenes. What a scene shares with the one before is not computed again: a new selection
    costs neither a new look at all places nor at all colours. For one thread at a time."""

    def __init__(self) -> None:
        self._pixels: np.ndarray | None = None
        self._base: np.ndarray | None = None
        self._radius = 0
        self._of_pixels: tuple[object, ...] = ()
        self._of_base: tuple[object, ...] = ()

    def draw(self, scene: Scene, camera: Camera) -> np.ndarray:
        """(height, width, 4) uint8, premultiplied by alpha; nothing is drawn where nothing is."""
        if not _same(self._of_pixels, (scene.xy, camera)):
            self._pixels, self._base = pixels_of(scene.xy, camera), None
            self._of_pixels = (scene.xy, camera)
        if self._base is None or not _same(self._of_base, (scene.rows, scene.rgba)):
            self._base = self._shade_all(scene, camera)
            self._of_base = (scene.rows, scene.rgba)
        picture = self._base
        chosen = self._chosen_pixels(scene)
        if chosen is not None:
            picture = self._highlighted(chosen, camera)
        return _to_bytes(picture).reshape(camera.height, camera.width, 4)

    def _shade_all(self, scene: Scene, camera: Camera) -> np.ndarray:
        total = camera.width * camera.height
        inside = np.flatnonzero(self._pixels < total)
        self._radius = disc_radius(len(inside), camera)
        if self._radius:
            rgb = scene.rgba[scene.rows[inside], :3]
            at, who = spread(self._pixels[inside], self._radius, camera)
            counts, sums = tally(at, rgb[who], total)
        else:
            every = len(scene.rows) == len(scene.rgba)
            rgba = scene.rgba if every else scene.rgba[scene.rows]
            counts, sums = tally(self._pixels, rgba, total)
        return shade(counts, sums)

    def _chosen_pixels(self, scene: Scene) -> np.ndarray | None:
        """Pixels of the selected particles, also of those outside; None if nothing is selected."""
        if len(scene.chosen) != len(scene.rgba):
            return None
        every = len(scene.rows) == len(scene.chosen)
        mask = scene.chosen if every else scene.chosen[scene.rows]
        return self._pixels[mask] if mask.any() else None

    def _highlighted(self, chosen: np.ndarray, camera: Camera) -> np.ndarray:
        """The others dimmed, the selected on top."""
        total = camera.width * camera.height
        inside = chosen[chosen < total]
        radius = disc_radius(len(inside), camera, _COVER_SELECTED)
        largest = self._radius + round(_LARGER_SELECTED * camera.pixel_ratio)
        radius = int(np.clip(radius, self._radius, largest))
        counts = np.bincount(spread(inside, radius, camera)[0], minlength=total)
        at = np.flatnonzero(counts)
        picture = _DIMMED * self._base
        alpha = brightness(counts[at], _FAINTEST_SELECTED)[:, None]
        picture[at] = alpha * HIGHLIGHT + (1 - alpha) * picture[at]
        return picture


def pixels_of(xy: np.ndarray, camera: Camera) -> np.ndarray:
    """(n,) the pixel of each of (n, 2) places, row * width + column; width * height: outside."""
    x, y = camera.to_pixels_xy(xy)
    inside = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    outside = ~inside  # also what is not a number
    x[outside] = y[outside] = 0
    pixels = y.astype(np.intp)
    pixels *= camera.width
    pixels += x.astype(np.intp)
    pixels[outside] = camera.width * camera.height
    return pixels


def tally(pixels: np.ndarray, rgb: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """(total,) how many particles each pixel has, and (total, 3) the sum of their colours."""
    counts = np.bincount(pixels, minlength=total)[:total]
    sums = [np.bincount(pixels, weights=rgb[:, i], minlength=total)[:total] for i in range(3)]
    return counts, np.stack(sums, axis=1)


def spread(pixels: np.ndarray, radius: int, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Discs instead of pixels: the pixels of all discs, and whose disc each belongs to."""
    who = np.arange(len(pixels))
    if not radius:
        return pixels, who
    reach = np.arange(-radius, radius + 1)
    dy, dx = (d.ravel() for d in np.meshgrid(reach, reach, indexing="ij"))
    disc = dx**2 + dy**2 <= (radius + 0.3) ** 2
    y = (pixels // camera.width)[:, None] + dy[disc]
    x = (pixels % camera.width)[:, None] + dx[disc]
    inside = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    return (y * camera.width + x)[inside], np.broadcast_to(who[:, None], x.shape)[inside]


def disc_radius(count: int, camera: Camera, cover: float = _COVER) -> int:
    """Of `count` discs that cover a share of the picture, in its pixels; 0: a pixel each."""
    radius = np.sqrt(cover * camera.width * camera.height / (np.pi * max(count, 1)))
    return int(min(radius, _LARGEST * camera.pixel_ratio))


def brightness(counts: np.ndarray, faintest: float = _FAINTEST) -> np.ndarray:
    """(m,) 0 to 1 from (m,) numbers of particles, all at least 1.

    1 for the fullest pixels and `faintest` for a single particle beside crowds; where no pixel has
    many, a single one is hardly fainter than the rest.
    """
    if not len(counts):
        return np.zeros(0)
    full = np.log(max(np.percentile(counts, _FULL_PERCENT), 1))
    below = np.clip(full - np.log(counts), 0, None)
    return 1 - (1 - faintest) * below / max(full, np.log(_CROWD))


def shade(counts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """(total, 4) float32 colours, premultiplied by alpha, of :func:`tally`'s pixels."""
    picture = np.zeros((len(counts), 4), dtype=np.float32)
    at = np.flatnonzero(counts)
    alpha = brightness(counts[at])
    picture[at, :3] = sums[at] * (alpha / counts[at])[:, None]
    picture[at, 3] = alpha
    return picture


def _same(these: tuple[object, ...], those: tuple[object, ...]) -> bool:
    """Identity of arrays, equality of cameras."""
    return len(these) == len(those) and all(
        a is b or (isinstance(a, Camera) and a == b) for a, b in zip(these, those, strict=True)
    )


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return (255 * picture + 0.5).astype(np.uint8)
