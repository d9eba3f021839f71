"""Spaces: coordinates of the particles, from latents, motions, a UMAP, or any two columns.

Two halves trained independently have unrelated latent axes, so no space of latents holds both; the
motion view, which describes what a latent *does*, does, and so do columns of the particle file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.training.latent_table import LatentTable

#: the key of a space of any two columns
COLUMNS: Final = "columns"
#: axes of one unit are drawn to one scale, unless one of them is so many times longer
_MOST_UNEQUAL: Final = 20.0


@dataclass(frozen=True)
class Space:
    """Coordinates (n, k) of `rows`; `inverse` maps (k,) back to a latent where that is exact.

    `units` are those of each axis where they differ; `one_scale` says whether a distance along one
    axis can be compared with one along another.
    """

    key: str
    title: str
    rows: np.ndarray
    coordinates: np.ndarray
    axes: tuple[str, ...]
    unit: str
    half: int
    epoch: int
    explanation: str
    share: np.ndarray | None = None
    centre: np.ndarray | None = None
    inverse: Callable[[np.ndarray], np.ndarray] | None = field(default=None, compare=False)
    #: (n, d) latents -> (n, k), where the axes are directions of the latent space
    project: Callable[[np.ndarray], np.ndarray] | None = field(default=None, compare=False)
    units: tuple[str, ...] = ()
    one_scale: bool = True

    def axis_label(self, axis: int) -> str:
        """'Motion 1 (Å RMS), 63 % of the variance'."""
        unit = self.units[axis] if self.units else self.unit
        label = self.axes[axis] + (f" ({unit})" if unit else "")
        if self.share is not None:
            label += f", {100 * self.share[axis]:.0f} % of variance"
        return label


def available(latents: LatentTable) -> list[tuple[str, str]]:
    """Keys and titles of the spaces of a table, the one to start with first."""
    spaces = []
    two_halves = halves(latents) == [1, 2]
    if has_motion(latents):
        spaces.append(("motion", "Motion view (both halves)" if two_halves else "Motion view"))
    for half in halves(latents):
        of = f" of half {half}" if half else ""
        spaces.append((f"pca{half}", f"Principal components{of}"))
    for half in halves(latents):
        of = f" of half {half}" if half else ""
        spaces.append((f"latent{half}", f"Latent axes{of}"))
    return spaces


def build(key: str, latents: LatentTable, previous: Space | None = None) -> Space:
    """The space of that key. Signs of axes follow `previous`, so that a refresh does not flip."""
    if key == "motion":
        space = _motion(latents)
    else:
        kind, half = key[:-1], int(key[-1])
        space = (_principal if kind == "pca" else _raw)(latents, half, key)
    if previous is not None and previous.key == key:
        space = _with_signs_of(space, previous)
    return space


def at_epoch(base: Space, latents: LatentTable) -> Space:
    """The same axes as `base` with the latents of an earlier epoch.

    Components and latent axes stay the directions that they are in `base`, so that a place of the
    view stands for the same latent in every epoch. A UMAP has no place for other latents: it stays.
    """
    if base.key == "motion" and latents.motion is not None:
        return _with_signs_of(_motion(latents), base)
    if base.project is None:
        return base
    return replace(
        base,
        coordinates=np.asarray(base.project(latents.mean[base.rows]), dtype=np.float32),
        epoch=latents.epoch,
        share=None,
        explanation=f"{base.explanation} The axes are those of epoch {base.epoch}.",
    )


def embedding(key: str, title: str, base: Space, coordinates: np.ndarray, epoch: int) -> Space:
    """A UMAP (n, 2) of the particles of `base`."""
    return Space(
        key,
        title,
        base.rows,
        np.asarray(coordinates, dtype=np.float32),
        ("UMAP 1", "UMAP 2"),
        "",
        base.half,
        epoch,
        f"UMAP of: {base.title}, epoch {epoch}. Neighbours stay neighbours; distances and axes "
        "mean nothing by themselves.",
    )


def columns(
    latents: LatentTable,
    names: tuple[str, str],
    values: tuple[np.ndarray, np.ndarray],
    units: tuple[str, str] = ("", ""),
) -> Space:
    """Any two (N,) columns as axes: numbers of the particle file, latents, motions, components.

    Only particles with both numbers and a latent have a place. There is no way back from such a
    place to a latent but through the particles near it. UserError where a column has words.
    """
    for name, column in zip(names, values, strict=True):
        if np.asarray(column).dtype.kind not in "iufb":
            raise UserError(f"{name} has words, and an axis needs numbers; choose another column.")
        if len(column) != len(latents.mean):
            raise UserError(
                f"{name} has {len(column):,} values for {len(latents.mean):,} particles; "
                "choose another column."
            )
    table = np.stack([np.asarray(column, dtype=np.float32) for column in values], axis=1)
    usable = np.isfinite(table).all(axis=1) & np.isfinite(latents.mean).all(axis=1)
    rows = np.flatnonzero(usable).astype(np.int64)
    if not len(rows):
        raise UserError(
            f"No particle has both {names[0]} and {names[1]}; choose columns of the same half."
        )
    coordinates = table[rows]
    low, high = np.percentile(coordinates, (0.2, 99.8), axis=0)
    width, height = np.maximum(high - low, np.finfo(np.float32).tiny)
    alike = (units[0] and units[0] == units[1]) or names[0].split()[0] == names[1].split()[0]
    return Space(
        COLUMNS,
        f"{names[0]} and {names[1]}",
        rows,
        coordinates,
        names,
        "",
        0,
        latents.epoch,
        "At the cursor: the mean latent of the particles nearest to it. "
        + ("" if alike else "The axes have scales of their own."),
        units=units,
        one_scale=bool(alike) and max(width / height, height / width) < _MOST_UNEQUAL,
    )


def component(space: Space, axis: int, count: int) -> np.ndarray:
    """(count,) one coordinate of every row of the file; NaN where the space has none."""
    values = np.full(count, np.nan, dtype=np.float32)
    values[space.rows] = space.coordinates[:, axis]
    return values


def has_motion(latents: LatentTable) -> bool:
    """Whether particles can be placed by what their latents do to the molecule, and not only by
    the latents themselves, which is all that a method with volumes gives."""
    return latents.motion is not None and (latents.motion_unit != "" or halves(latents) != [0])


def in_angstrom(latents: LatentTable) -> bool:
    """Whether the particles' motions are known as displacements."""
    return latents.motion is not None and latents.motion_unit in ("A", "Å")


def halves(latents: LatentTable) -> list[int]:
    """The half sets of a table, sorted; 0 alone for a method with one model."""
    return [half for half in (0, 1, 2) if np.any(latents.half == half)]


def _rows(latents: LatentTable, half: int) -> np.ndarray:
    """Rows of a half that have a latent."""
    rows = np.flatnonzero((latents.half == half) & np.isfinite(latents.mean).all(axis=1))
    return rows.astype(np.int64)


def _motion(latents: LatentTable) -> Space:
    motion = latents.motion
    assert motion is not None  # only then is this space offered
    rows = np.flatnonzero(np.isfinite(motion).all(axis=1)).astype(np.int64)
    coordinates = np.asarray(motion[rows], dtype=np.float32)
    share = latents.motion_variance  # of all motion, also of what these coordinates leave out
    if share is None:
        variance = coordinates.var(axis=0) if len(rows) else np.zeros(motion.shape[1])
        share = variance / (variance.sum() or 1.0)
    unit = {"A": "Å RMS", "Å": "Å RMS"}.get(latents.motion_unit or "", latents.motion_unit or "")
    both = halves(latents) == [1, 2]
    explanation = "Each particle by what its latent does to the molecule."
    if both:
        explanation += (
            " Both halves share these axes; their latents do not, they were trained independently."
        )
    return Space(
        "motion",
        dict(available(latents))["motion"],
        rows,
        coordinates,
        tuple(f"Motion {i + 1}" for i in range(coordinates.shape[1])),
        unit,
        0,
        latents.epoch,
        explanation,
        share=share,
    )


def _principal(latents: LatentTable, half: int, key: str) -> Space:
    from napari_conformix.analysis.spaces.projection import pca

    rows = _rows(latents, half)
    projection = pca(latents.mean[rows])
    coordinates = np.asarray(projection.transform(latents.mean[rows]), dtype=np.float32)

    def project(points: np.ndarray) -> np.ndarray:
        return np.asarray(projection.transform(points), dtype=np.float32)

    def inverse(point: np.ndarray) -> np.ndarray:
        latent: np.ndarray = projection.inverse(point[None])[0].astype(np.float32)
        return latent

    return Space(
        key,
        dict(available(latents))[key],
        rows,
        coordinates,
        tuple(f"PC {i + 1}" for i in range(coordinates.shape[1])),
        "",
        half,
        latents.epoch,
        _only_half(half) + "At the cursor the components that are not shown are zero.",
        share=np.asarray(projection.explained_variance_ratio),
        centre=np.zeros(coordinates.shape[1], dtype=np.float32),
        inverse=inverse,
        project=project,
    )


def _raw(latents: LatentTable, half: int, key: str) -> Space:
    rows = _rows(latents, half)
    coordinates = np.asarray(latents.mean[rows], dtype=np.float32)
    return Space(
        key,
        dict(available(latents))[key],
        rows,
        coordinates,
        tuple(f"Latent {i + 1}" for i in range(coordinates.shape[1])),
        "",
        half,
        latents.epoch,
        _only_half(half) + "At the cursor the axes that are not shown are at their mean.",
        centre=coordinates.mean(axis=0) if len(rows) else np.zeros(latents.mean.shape[1]),
        inverse=lambda point: np.asarray(point, dtype=np.float32),
        project=lambda points: points,
    )


def _only_half(half: int) -> str:
    if not half:
        return ""
    return (
        f"Only particles of half {half}: the halves were trained independently and their latent "
        "axes are unrelated. "
    )


def _with_signs_of(space: Space, previous: Space) -> Space:
    """Turn axes round that run against those of an earlier epoch."""
    k = min(space.coordinates.shape[1], previous.coordinates.shape[1])
    ours, old = space.coordinates[:, :k], previous.coordinates[:, :k]
    if not np.array_equal(space.rows, previous.rows):  # nearly always they are the same
        _, mine, theirs = np.intersect1d(
            space.rows, previous.rows, assume_unique=True, return_indices=True
        )
        ours, old = ours[mine], old[theirs]
    signs = np.ones(space.coordinates.shape[1], dtype=np.float32)
    if len(ours) > 1 and space.key[:-1] != "latent":
        along = np.einsum("nk,nk->k", ours - ours.mean(0), old)
        signs[:k] = np.where(along < 0, -1.0, 1.0)
    if np.all(signs > 0):
        return space
    inverse, project = space.inverse, space.project
    return replace(
        space,
        coordinates=space.coordinates * signs,
        centre=None if space.centre is None else space.centre * signs,
        inverse=None if inverse is None else lambda point: inverse(point * signs),
        project=None if project is None else lambda points: project(points) * signs,
    )
