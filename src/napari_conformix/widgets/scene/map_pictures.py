"""Small pictures of maps at an absolute contour, made without OpenGL, so that a worker can.

A ray goes through every pixel, front to back; where it first meets the contour the surface is
shaded. Nothing is rescaled: the same contour and the same view for every map, so that pictures
compare. No Qt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.ndimage import map_coordinates

#: between two samples of a ray, in voxels; finer steps change no picture visibly
_STEP: Final = 0.75
#: the value outside the map, far below any contour
_NOTHING: Final = -1e30
#: of a scene in pixels that shows how far it is zoomed
_LEAST_SIDE: Final = 32
#: light that comes from everywhere, and from the lamp over the viewer's left shoulder
_AMBIENT, _DIFFUSE = 0.32, 0.68
_LAMP: Final = np.array([-0.35, 0.45, 1.0]) / np.linalg.norm([-0.35, 0.45, 1.0])
#: what lies deepest keeps this share of its light
_DEEPEST: Final = 0.6


@dataclass(frozen=True)
class View:
    """Where the maps are looked at from, without perspective.

    axes    (3, 3): unit vectors in x, y, z that point right, up and towards the viewer
    centre  (3,) A: x, y, z of what is in the middle of the picture
    width   A across the picture
    """

    axes: np.ndarray
    centre: np.ndarray
    width: float

    @classmethod
    def of(cls, viewer: Any, extent: float, zoom: float = 1.0) -> View:
        """The view of a napari viewer's 3-D scene, as much as fits the shorter side of it, or
        `extent` A where the scene is squeezed to nothing. `zoom` is what the camera was zoomed by
        for a reason that pictures do not share."""
        camera = viewer.scene.camera
        away, up = (_to_xyz(v) for v in (camera.view_direction, camera.up_direction))
        axes = np.stack([np.cross(away, up), up, -away])
        side = min(viewer.canvas.size)
        width = zoom * side / camera.zoom if side >= _LEAST_SIDE else extent
        return cls(axes, _to_xyz(camera.center), width)

    def is_near(self, other: View | None) -> bool:
        """Whether pictures of both would look alike."""
        return other is not None and all(
            np.allclose(a, b, rtol=1e-3, atol=tolerance)
            for a, b, tolerance in (
                (self.axes, other.axes, 1e-3),
                (self.centre, other.centre, 1e-3 * self.width),
                (self.width, other.width, 0.0),
            )
        )


def picture(
    volume: np.ndarray,
    pixel_size_angstrom: float,
    contour: float,
    view: View,
    pixels: int,
    colour: tuple[float, float, float],
) -> np.ndarray | None:
    """(pixels, pixels, 4) uint8 of the contour of a cubic map (z, y, x), clear around it; rows run
    downwards. None when nothing of the map reaches the contour."""
    above = _above(volume, contour)
    if above is None:
        return None
    rays = _Rays.through(view, pixels)
    depth, steps = _first_meeting(volume, pixel_size_angstrom, contour, rays, above)
    met = np.isfinite(depth)
    rgba = np.zeros((pixels * pixels, 4), dtype=np.uint8)
    if met.any():
        places = rays.at(depth[met], met)
        normal = _normals(volume, _index(places, volume, pixel_size_angstrom)) @ view.axes.T
        light = _AMBIENT + _DIFFUSE * np.clip(normal @ _LAMP, 0.0, 1.0)
        nearness = (depth[met] - steps[-1]) / (steps[0] - steps[-1])
        light *= _DEEPEST + (1 - _DEEPEST) * nearness
        shaded = np.clip(light, 0, 1)[:, None] * np.asarray(colour)
        rgba[met, :3] = np.round(255 * shaded)
        rgba[met, 3] = 255
    return rgba.reshape(pixels, pixels, 4)


@dataclass(frozen=True)
class _Rays:
    """One ray a pixel: `origin` (n, 3) x, y, z in A, in the plane of the view's centre."""

    origin: np.ndarray
    towards: np.ndarray

    @classmethod
    def through(cls, view: View, pixels: int) -> _Rays:
        places = ((np.arange(pixels) + 0.5) / pixels - 0.5) * view.width
        up, right = np.meshgrid(-places, places, indexing="ij")
        offsets = right[..., None] * view.axes[0] + up[..., None] * view.axes[1]
        return cls((view.centre + offsets).reshape(-1, 3), view.axes[2])

    def at(self, depth: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Places (m, 3) at depths (m,) A towards the viewer, of the rays `which`."""
        return self.origin[which] + depth[:, None] * self.towards


@dataclass(frozen=True)
class _Ball:
    """Holds all voxels above the contour; centre x, y, z and radius in voxels from N // 2."""

    centre: np.ndarray
    radius: float


def _above(volume: np.ndarray, contour: float) -> _Ball | None:
    """None when there is nothing."""
    inside = volume >= contour
    if not inside.any():
        return None
    edges = []
    for axis in range(3):
        there = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        edges.append((there[0] - 1, there[-1] + 1))
    low, high = np.array(edges[::-1], dtype=float).T - len(volume) // 2
    return _Ball((low + high) / 2, float(np.linalg.norm(high - low)) / 2)


def _first_meeting(
    volume: np.ndarray, pixel_size_angstrom: float, contour: float, rays: _Rays, ball: _Ball
) -> tuple[np.ndarray, np.ndarray]:
    """Depths (n,) A, NaN for rays that meet nothing, and the depths that were tried."""
    centre, radius = ball.centre * pixel_size_angstrom, ball.radius * pixel_size_angstrom
    offset = centre - rays.origin
    along = offset @ rays.towards
    aside = np.linalg.norm(offset - along[:, None] * rays.towards, axis=1)
    count = int(np.ceil(2 * ball.radius / _STEP)) + 2
    middle = float(along[0])  # the same for all rays: they start in a plane across them
    steps = middle + np.linspace(radius, -radius, count)
    depth = np.full(len(rays.origin), np.nan)
    left = np.flatnonzero(aside <= radius)
    before = np.full(len(left), _NOTHING)
    for number, step in enumerate(steps):
        index = _index(rays.origin[left] + step * rays.towards, volume, pixel_size_angstrom)
        now = map_coordinates(volume, index, order=1, mode="constant", cval=_NOTHING)
        now[np.isnan(now)] = _NOTHING
        met = now >= contour
        if met.any():
            # Linear between the two samples; at this one where the ray has just entered the map.
            share = np.clip((contour - before[met]) / (now[met] - before[met]), 0, 1)
            back = steps[max(number - 1, 0)] - step
            depth[left[met]] = step + (1 - share) * back
            left, now = left[~met], now[~met]
        if not len(left):
            break
        before = now
    return depth, steps


def _normals(volume: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(m, 3) x, y, z unit vectors out of the surface at (3, m) indices z, y, x."""
    slopes = []
    for axis in (2, 1, 0):
        ahead = np.zeros((3, 1))
        ahead[axis] = 1.0
        ends = (
            map_coordinates(volume, index + s * ahead, order=1, mode="nearest") for s in (1, -1)
        )
        slopes.append(np.subtract(*ends))
    out = -np.stack(slopes, axis=1).astype(np.float64)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-30)


def _index(places: np.ndarray, volume: np.ndarray, pixel_size_angstrom: float) -> np.ndarray:
    """x, y, z in A (m, 3) as indices z, y, x (3, m)."""
    return places[:, ::-1].T / pixel_size_angstrom + len(volume) // 2


def _to_xyz(scene: Any) -> np.ndarray:
    """A vector of the scene, (z, -y, x), as x, y, z."""
    z, minus_y, x = (float(value) for value in scene)
    return np.array([x, -minus_y, z])
