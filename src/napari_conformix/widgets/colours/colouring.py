"""Colours of the particles in the latent space view, of numbers and of categories.

No Qt in this file: a colouring is made in a worker, for all rows of the particle file, and
`latent_view.raster` draws those that the view shows. A number becomes a colour through a table of
256; a million rows take some 20 ms. What is known of the particles' motions is coloured by
`motion`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from napari_conformix.analysis.spaces import unit_of
from napari_conformix.widgets.colours.histogram import Histogram

#: (r, g, b, a) of points when nothing is coloured
PLAIN: Final = np.array([0.55, 0.72, 0.92, 1.0], dtype=np.float32)
#: points that are selected, and the lasso: a colour that no gradient and no category has
HIGHLIGHT: Final = np.array([1.0, 0.25, 0.72, 1.0], dtype=np.float32)
#: where a column has no value, or one outside the range where that is wished
MISSING: Final = np.array([0.45, 0.45, 0.45, 1.0], dtype=np.float32)
#: the category of values that are too many to have one each
OTHERS: Final = "all others"
_MAX_CATEGORIES: Final = 12
#: whether a column is a few whole numbers is asked of so many rows before it is asked of all
_LOOK_AT: Final = 10_000
_CLIP_PERCENT: Final = (1.0, 99.0)
_STEPS: Final = 256
#: Okabe and Ito's colours (distinct for the colour-blind), lightened for a dark canvas, and more
_PALETTE: Final = (
    *("#56b4e9", "#e69f00", "#2fc48d", "#f0e442", "#e2703a", "#cc79a7"),
    *("#9a8cff", "#b8b8b8", "#8fd14f", "#ff9da7", "#7fd6d6", "#c9a66b"),
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
    one colour.

    `histogram` is that of the values whose range can be dragged; values outside the range are
    grey, or have the colours of its ends.
    """

    title: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    gradient: np.ndarray | None = None  # (k, 3) from low to high
    categories: tuple[Category, ...] = ()
    note: str = ""
    directions: bool = False  # the colours of :func:`direction_colours`
    histogram: Histogram | None = None
    grey_outside: bool = False


@dataclass(frozen=True)
class Colouring:
    """Colours of all rows, (N, 4) float32, and their legend.

    values  (N,) float32 what is coloured where that is a number, NaN where a row has none
    labels  (N,) the place of each row's category in the legend, -1 for none
    """

    rgba: np.ndarray
    legend: Legend
    values: np.ndarray | None = None
    labels: np.ndarray | None = None

    def between(self, low: float, high: float) -> np.ndarray:
        """(N,) bool: the rows whose value is from `low` to `high`, both included."""
        low32, high32 = as_limits(low, high)
        return (self.values >= low32) & (self.values <= high32)

    def of_category(self, place: int) -> np.ndarray:
        """(N,) bool: the rows of the category at a place of the legend."""
        return self.labels == place

    def limited(self, low: float, high: float, *, grey_outside: bool = False) -> Colouring:
        """The same values with the colours spread from `low` to `high`."""
        legend = replace(self.legend, low=low, high=high, grey_outside=grey_outside)
        rgba = _spread(self.values, low, high, legend.gradient, grey_outside=grey_outside)
        return replace(self, rgba=rgba, legend=legend)


def as_limits(low: float, high: float) -> tuple[np.float32, np.float32]:
    """The limits as float32 that leave out no value between them, which are float32 too."""
    down, up = np.float32(low), np.float32(high)
    if down > low:
        down = np.nextafter(down, np.float32(-np.inf))
    if up < high:
        up = np.nextafter(up, np.float32(np.inf))
    return down, up


def one_colour(count: int, why: str = "") -> Colouring:
    """All rows alike; grey with a title that says why there are no colours."""
    rgba = np.empty((count, 4), dtype=np.float32)
    rgba[:] = MISSING if why else PLAIN
    return Colouring(rgba, Legend(why))


def by_column(values: np.ndarray, title: str, unit: str | None = None) -> Colouring:
    """Colours for any column: categories for words, flags and few whole numbers, else a range."""
    values = np.asarray(values)
    unit = unit_of(title) if unit is None else unit
    if values.dtype.kind == "b":
        return by_label(values.astype(np.intp), ("no", "yes"), title)
    if values.dtype.kind not in "iuf":
        return _categories(_without_image_number(values), title)
    whole = _few_whole_numbers(values)
    if whole is None:
        return by_number(values, title, unit)
    labels, numbers = whole
    return by_label(labels, [str(number) for number in numbers], title, unit)


def by_words(names: np.ndarray, title: str) -> Colouring:
    """Categories, by (N,) names."""
    return _categories(np.asarray(names, dtype=object), title)


def by_number(values: np.ndarray, title: str, unit: str = "", note: str = "") -> Colouring:
    """A range of colours, clipped at the 1st and 99th percentile so that outliers do not rule."""
    values = np.asarray(values, dtype=np.float32)
    finite = np.isfinite(values)
    missing = int(len(values) - np.count_nonzero(finite))
    known = values[finite] if missing else values
    low, high = map(float, np.percentile(known, _CLIP_PERCENT)) if len(known) else (0.0, 1.0)
    if missing:
        note = "; ".join(filter(None, (note, f"{missing:,} without a value in grey")))
    table = viridis()
    legend = Legend(
        title, unit, low, high, gradient=table, note=note, histogram=Histogram.of(known)
    )
    return Colouring(_spread(values, low, high, table), legend, values=values)


def by_label(
    labels: np.ndarray,
    names: tuple[str, ...] | list[str],
    title: str,
    unit: str = "",
    colours: np.ndarray | None = None,
) -> Colouring:
    """Categories, by (N,) places in a list of names; -1 is grey. Names without particles are left
    out. `colours` (k, 3) are the names' own, in place of the palette's."""
    labels = np.asarray(labels)
    counts = np.bincount(labels[labels >= 0], minlength=len(names))
    present = np.flatnonzero(counts)
    table = np.tile(MISSING, (len(names) + 1, 1))  # an index of -1 leads to its last row
    place = np.full(len(names) + 1, -1)
    categories = []
    for shown, name in enumerate(present):
        rgb = palette(shown) if colours is None else tuple(map(float, colours[name]))
        table[name, :3], place[name] = rgb, shown
        categories.append(Category(names[name], rgb, int(counts[name])))
    missing = int(len(labels) - counts.sum())
    note = f"{missing:,} without a value in grey" if missing else ""
    legend = Legend(title, unit, categories=tuple(categories), note=note)
    return Colouring(table[labels], legend, labels=place[labels])


def by_half(half: np.ndarray) -> Colouring:
    """Half sets 1 and 2; 0 is 'no half'."""
    return by_label(np.clip(half, 0, 2), ("no half set", "half 1", "half 2"), "Half set")


def by_validation(validation: np.ndarray) -> Colouring:
    """Particles that trained the model, and those held out."""
    return by_label(np.asarray(validation, dtype=np.intp), ("trained on", "held out"), "Validation")


def by_density(xy: np.ndarray, rows: np.ndarray, count: int, bins: int = 100) -> Colouring:
    """How crowded the view is around each particle, from a smoothed histogram of (n, 2) `xy`.

    `rows` are the rows of `xy` among `count`; the others are grey.
    """
    from scipy.ndimage import gaussian_filter

    density = np.full(count, np.nan, dtype=np.float32)
    if len(xy) > 1:
        low, high = xy.min(axis=0), xy.max(axis=0)
        cell = (xy - low) * (bins / np.maximum(high - low, np.finfo(np.float32).tiny))
        column, line = np.minimum(cell, bins - 1).astype(np.intp).T
        index = bins * line + column
        histogram = np.bincount(index, minlength=bins * bins).reshape(bins, bins)
        smooth = gaussian_filter(histogram.astype(np.float32), 1.5)
        density[rows] = (100.0 * smooth / (smooth.max() or 1.0)).ravel()[index]
    return by_number(density, "Density of particles", "% of the peak", note="all particles counted")


def shaded(share: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """(n,) shares from 0 to 1 as (n, 4) colours of a gradient (k, 3); NaN is grey."""
    return _spread(np.asarray(share, dtype=np.float32), 0.0, 1.0, gradient)


@cache
def viridis(steps: int = _STEPS) -> np.ndarray:
    """(steps, 3) of viridis."""
    from vispy.color import get_colormap

    table = get_colormap("viridis").map(np.linspace(0, 1, steps))[:, :3].astype(np.float32)
    table.setflags(write=False)
    return table


def _spread(
    values: np.ndarray, low: float, high: float, gradient: np.ndarray, *, grey_outside: bool = False
) -> np.ndarray:
    """(n,) float32 as (n, 4) colours of a gradient (k, 3) from `low` to `high`."""
    steps = len(gradient)
    table = np.ones((steps + 1, 4), dtype=np.float32)
    table[:-1, :3], table[-1] = gradient, MISSING
    place = (values - np.float32(low)) * np.float32((steps - 1) / ((high - low) or 1.0))
    place += np.float32(0.5)
    unknown = ~np.isfinite(values)
    if grey_outside:
        down, up = as_limits(low, high)
        unknown |= (values < down) | (values > up)
    np.clip(place, 0, steps - 1, out=place)
    place[unknown] = steps
    return table.take(place.astype(np.uint16), axis=0)


def _few_whole_numbers(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(N,) places in the sorted distinct whole numbers (-1 for no value), and those; None where
    there are other numbers, or too many."""
    first = values[:_LOOK_AT]
    if not _whole(first) or len(np.unique(first[np.isfinite(first)])) > _MAX_CATEGORIES:
        return None
    finite = np.isfinite(values)
    if not finite.any() or not _whole(values):
        return None
    distinct = np.unique(values[finite].astype(np.int64))
    if len(distinct) > _MAX_CATEGORIES:
        return None
    places = np.searchsorted(distinct, values)
    places[~finite] = -1
    return places, distinct


def _whole(values: np.ndarray) -> bool:
    """Whether all numbers but missing ones are whole, and of a size that can be counted."""
    if values.dtype.kind in "iu":
        return True
    known = values[np.isfinite(values)]
    return bool(np.all(known == np.rint(known)) and np.all(np.abs(known) < 2**53))


def _without_image_number(values: np.ndarray) -> np.ndarray:
    """Words, with '000012@stack.mrcs' shortened to 'stack.mrcs' so that stacks become groups."""
    words = np.asarray(values, dtype=object)
    if len(words) and "@" in str(words[0]):
        names = [str(word) for word in words]
        words = np.array([name[name.find("@") + 1 :] for name in names], dtype=object)
    return words


def _categories(names: np.ndarray, title: str) -> Colouring:
    """One colour a value: values in their natural order if few, else the most frequent ones."""
    index, values = pd.factorize(names)  # a million words in 0.1 s
    words = [str(value) for value in values]
    known = index >= 0
    counts = np.bincount(index if known.all() else index[known], minlength=len(words))
    if len(words) <= _MAX_CATEGORIES:
        order = sorted(range(len(words)), key=lambda i: _natural(words[i]))
    else:
        order = np.argsort(-counts, kind="stable")[: _MAX_CATEGORIES - 1].tolist()
    rest = len(order)  # the place of all others, where there are any
    place = np.full(len(words) + 1, rest)
    place[-1] = -1
    place[order] = np.arange(rest)
    shown = [words[i] for i in order]
    if rest == len(words):
        return by_label(place[index], shown, title)
    colours = np.array([*(palette(i) for i in range(rest)), MISSING[:3]])
    made = by_label(place[index], [*shown, OTHERS], title, colours=colours)
    note = f"the {rest} most frequent of {len(words):,} values; others grey"
    note = "; ".join(filter(None, (note, made.legend.note)))
    return replace(made, legend=replace(made.legend, note=note))


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
