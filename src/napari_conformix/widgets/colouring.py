"""Colours of the particles in the latent map, computed here so that any column can be shown.

napari's own feature colours cannot switch from a numeric to a categorical column. No Qt in this
file: a colouring is made in a worker, for all rows, and only the drawn ones are handed to napari.
What is known of the particles' motions is coloured by :mod:`motion_colours`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

#: (r, g, b, a) of points when nothing is coloured
PLAIN: Final = np.array([0.55, 0.72, 0.92, 1.0], dtype=np.float32)
#: points that are selected, and the lasso: a colour that no gradient and no category has
HIGHLIGHT: Final = np.array([1.0, 0.25, 0.72, 1.0], dtype=np.float32)
#: where a column has no value
MISSING: Final = np.array([0.45, 0.45, 0.45, 1.0], dtype=np.float32)
#: unselected points keep this share of their opacity while there is a selection
DIMMED: Final = 0.28
_MAX_CATEGORIES: Final = 12
_CLIP_PERCENT: Final = (1.0, 99.0)
#: Okabe and Ito's colours (told apart by the colour-blind), lightened for a dark canvas, and more
_PALETTE: Final = (
    *("#56b4e9", "#e69f00", "#2fc48d", "#f0e442", "#e2703a", "#cc79a7"),
    *("#9a8cff", "#b8b8b8", "#8fd14f", "#ff9da7", "#7fd6d6", "#c9a66b"),
)

#: unit by the end of a column's name, RELION's and cryoSPARC's
_UNITS: Final = (
    (r"Angst$|rlnDefocus[UV]$|_A$|Resolution$|rlnCtfBfactor$|PixelSize", "Å"),
    (r"rlnAngle|rlnDefocusAngle|rlnPhaseShift|Prior$", "°"),
    (r"rlnCoordinate[XYZ]|rlnOrigin[XY]$", "px"),
    (r"Voltage", "kV"),
    (r"SphericalAberration|_mm$", "mm"),
    (r"_rad$", "rad"),
)


@dataclass(frozen=True)
class Category:
    """One entry of a categorical legend."""

    label: str
    colour: tuple[float, float, float]
    count: int


@dataclass(frozen=True)
class Legend:
    """What the colours mean: a range with its colours, categories, or directions; none of these:
    one colour."""

    title: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    gradient: np.ndarray | None = None  # (k, 3) from low to high
    categories: tuple[Category, ...] = ()
    note: str = ""
    directions: bool = False  # the colours of :func:`direction_colours`


@dataclass(frozen=True)
class Colouring:
    """Colours of all rows, (N, 4) float32, and their legend."""

    rgba: np.ndarray
    legend: Legend


def unit_of(column: str) -> str:
    """The unit of a known column, '' where it has none or it is not known."""
    return next((unit for pattern, unit in _UNITS if re.search(pattern, column)), "")


def one_colour(count: int, why: str = "") -> Colouring:
    """All rows alike; grey with a title that says why there are no colours."""
    return Colouring(np.tile(MISSING if why else PLAIN, (count, 1)), Legend(why))


def by_column(values: np.ndarray, title: str, unit: str | None = None) -> Colouring:
    """Colours for any column: categories for words, flags and few whole numbers, else a range."""
    values = np.asarray(values)
    unit = unit_of(title) if unit is None else unit
    if values.dtype.kind == "b":
        return _categories(np.where(values, "yes", "no"), title)
    if values.dtype.kind not in "iuf":
        return _categories(_without_image_number(values), title)
    numbers = values.astype(np.float64)
    finite = np.isfinite(numbers)
    distinct = np.unique(numbers[finite][:100_000])
    few_integers = len(distinct) <= _MAX_CATEGORIES and np.all(distinct == np.round(distinct))
    if few_integers and len(np.unique(numbers[finite])) <= _MAX_CATEGORIES:
        names = np.full(len(numbers), "no value", dtype=object)
        names[finite] = numbers[finite].astype(np.int64).astype(str)
        return _categories(names, title, unit)
    return by_number(numbers, title, unit)


def by_words(names: np.ndarray, title: str) -> Colouring:
    """Categories, by (N,) names."""
    return _categories(np.asarray(names, dtype=object), title)


def by_number(values: np.ndarray, title: str, unit: str = "", note: str = "") -> Colouring:
    """A range of colours, clipped at the 1st and 99th percentile so that outliers do not rule."""
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    low, high = np.percentile(values[finite], _CLIP_PERCENT) if finite.any() else (0.0, 1.0)
    scaled = np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)
    table = viridis()
    rgba = shaded(scaled, table)
    missing = int(len(values) - finite.sum())
    if missing:
        note = "; ".join(filter(None, (note, f"{missing:,} without a value in grey")))
    return Colouring(rgba, Legend(title, unit, float(low), float(high), table, note=note))


def by_half(half: np.ndarray) -> Colouring:
    """Half sets 1 and 2; 0 is 'no half'."""
    names = np.array(["no half set", "half 1", "half 2"], dtype=object)
    return _categories(names[np.clip(half, 0, 2)], "Half set")


def by_validation(validation: np.ndarray) -> Colouring:
    """Particles that trained the model, and those held out."""
    names = np.where(np.asarray(validation, dtype=bool), "held out", "trained on")
    return _categories(names, "Validation")


def by_density(xy: np.ndarray, rows: np.ndarray, count: int, bins: int = 100) -> Colouring:
    """How crowded the map is around each particle, from a smoothed histogram of (n, 2) `xy`.

    `rows` are the rows of `xy` among `count`; the others are grey.
    """
    from scipy.ndimage import gaussian_filter

    density = np.full(count, np.nan)
    if len(xy) > 1:
        histogram, *edges = np.histogram2d(xy[:, 0], xy[:, 1], bins=bins)
        smooth = gaussian_filter(histogram, 1.5)
        cell = [
            np.clip(np.searchsorted(e, xy[:, i], side="right") - 1, 0, bins - 1)
            for i, e in enumerate(edges)
        ]
        peak = smooth.max() or 1.0
        density[rows] = 100.0 * smooth[cell[0], cell[1]] / peak
    return by_number(density, "Density of the map", "% of the peak", note="all particles counted")


def shaded(share: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """(n,) shares from 0 to 1 as (n, 4) colours of a gradient (k, 3); NaN is grey."""
    known = np.isfinite(share)
    place = np.clip(np.where(known, share, 0.0), 0.0, 1.0) * (len(gradient) - 1)
    rgba = np.ones((len(share), 4), dtype=np.float32)
    rgba[:, :3] = gradient[(place + 0.5).astype(np.intp)]
    rgba[~known] = MISSING
    return rgba


def viridis(steps: int = 256) -> np.ndarray:
    """(steps, 3) of viridis."""
    from vispy.color import get_colormap

    return get_colormap("viridis").map(np.linspace(0, 1, steps))[:, :3].astype(np.float32)


def _without_image_number(values: np.ndarray) -> np.ndarray:
    """Words, with '000012@stack.mrcs' shortened to 'stack.mrcs' so that stacks become groups."""
    words = np.asarray(values, dtype=object).astype(str)
    if len(words) and "@" in words[0]:
        words = np.array([re.sub(r"^\d+@", "", word) for word in words], dtype=object)
    return words


def _categories(names: np.ndarray, title: str, unit: str = "") -> Colouring:
    """One colour a value: values in their natural order if few, else the most frequent ones."""
    index, values = pd.factorize(names.astype(object))  # a million words in 0.1 s
    values = values.astype(str)
    counts = np.bincount(index, minlength=len(values))
    order = sorted(range(len(values)), key=lambda i: _natural(values[i]))
    note = ""
    if len(order) > _MAX_CATEGORIES:
        order = sorted(range(len(values)), key=lambda i: -counts[i])[: _MAX_CATEGORIES - 1]
        note = f"the {len(order)} most frequent of {len(values):,} values; others grey"
    colours = np.tile(MISSING, (len(values), 1))
    categories = []
    for place, value in enumerate(order):
        rgb = palette(place)
        colours[value, :3] = rgb
        categories.append(Category(values[value], rgb, int(counts[value])))
    if note:
        rest = int(counts.sum() - sum(c.count for c in categories))
        categories.append(Category("all others", tuple(map(float, MISSING[:3])), rest))
    legend = Legend(title, unit, categories=tuple(categories), note=note)
    return Colouring(colours[index], legend)


def palette(place: int) -> tuple[float, float, float]:
    """The colour (r, g, b) of the category at a place of the legend."""
    code = _PALETTE[place % len(_PALETTE)]
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _natural(text: str) -> tuple[float, str]:
    """Sort key: numbers by value, before words."""
    try:
        return (float(text), text)
    except ValueError:
        return (np.inf, text)
