"""The figure of a landscape: a filled map with contours and numbered states, a colour bar in kT,
the path of least energy with its profile, and below it what may be read from it."""

import base64
import textwrap
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.landscape.landscape import contours, default_levels
from napari_conformix.analysis.landscape.words import cautions, in_unit
from napari_conformix.analysis.report import hex_colour, stroke, text_at, ticks
from napari_conformix.colour_scale import STOPS, colours

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape.energy_path import EnergyPath
    from napari_conformix.analysis.landscape.landscape import Landscape

WIDTH: Final = 640
_LEFT, _TOP, _LONGEST, _SHORTEST = 74, 40, 470, 150
_PROFILE_HEIGHT: Final = 130
_LINE, _LETTERS = 15, 100
_GREY: Final = (0.80, 0.80, 0.80)
#: pixels of the filled map along its longer side, at least
_FINE: Final = 600


def figure(found: "Landscape", way: "EnergyPath | None" = None) -> str:
    """SVG text of a landscape, with a path on it if one is given."""
    plot = _Plot.of(found)
    top = highest(found)
    caption = _caption(found, way)
    parts = [
        text_at(plot.left, 22, found.title or "Landscape", anchor="start", size=15),
        _filled(found, plot, top),
        *_contours(found, plot),
        *_frame(found, plot),
        *_bar(found, plot, top),
    ]
    if way is not None:
        parts += _path(way, plot)
    parts += [part for one in found.minima for part in _number(one.number, plot.at([one.xy])[0])]
    bottom = plot.top + plot.height + 58
    if way is not None:
        parts += _profile(found, way, bottom)
        bottom += _PROFILE_HEIGHT + 50
    for k, line in enumerate(caption):
        parts.append(text_at(20, bottom + _LINE * k, line, anchor="start", size=11))
    height = round(bottom + _LINE * len(caption) + 4)
    title = escape(found.title or "Landscape")
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="sans-serif" role="img"><title>{title}</title>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n{inside}\n</svg>\n'
    )


def highest(found: "Landscape") -> float:
    """The upper end of the colours in kT: of the highest cell, rounded up to half a kT."""
    return max(0.5, float(np.ceil(2 * np.nanmax(found.energy)) / 2))


@dataclass(frozen=True)
class _Plot:
    """Where the map lies on the picture."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float
    height: float
    left: float = _LEFT
    top: float = _TOP

    @classmethod
    def of(cls, found: "Landscape") -> "_Plot":
        rows, columns = found.energy.shape
        width, height = _LONGEST * np.array([columns, rows]) / max(rows, columns)
        (x0, y0), (x1, y1) = found.extent
        return cls((x0, x1), (y0, y1), max(width, _SHORTEST), max(height, _SHORTEST))

    def at(self, xy: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) places of the map -> SVG units."""
        places = np.asarray(xy, float)
        across = (places[:, 0] - self.x[0]) / (self.x[1] - self.x[0])
        up = (places[:, 1] - self.y[0]) / (self.y[1] - self.y[0])
        return np.stack(
            [self.left + across * self.width, self.top + (1 - up) * self.height], axis=1
        )


def _filled(found: "Landscape", plot: _Plot, top: float) -> str:
    """The energies as an embedded picture."""
    import imageio.v3 as iio
    from scipy.ndimage import zoom

    known = np.isfinite(found.energy)
    times = max(1, int(np.ceil(_FINE / max(found.energy.shape))))
    energy = zoom(
        np.where(known, found.energy, top), times, order=1, grid_mode=True, mode="nearest"
    )
    known = np.repeat(np.repeat(known, times, axis=0), times, axis=1)
    rgb = colours(energy.ravel() / top).reshape(*energy.shape, 3)
    rgb[~known] = _GREY
    data = iio.imwrite("<bytes>", np.rint(255 * rgb[::-1]).astype(np.uint8), extension=".png")
    code = base64.b64encode(data).decode()
    return (
        f'<image x="{plot.left}" y="{plot.top}" width="{plot.width:.1f}" '
        f'height="{plot.height:.1f}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{code}"/>'
    )


def _contours(found: "Landscape", plot: _Plot) -> list[str]:
    parts = []
    for _, line in contours(found):
        if len(line) >= 8:  # specks about single cells tell nothing
            parts.append(stroke(_d(plot.at(line)), "#ffffff", width=0.9))
    return [f'<g stroke-opacity="0.75">{"".join(parts)}</g>']


def _path(way: "EnergyPath", plot: _Plot) -> list[str]:
    """Dark on a light rim, dashed where too few particles are."""
    xy, known = plot.at(way.xy), np.isfinite(way.energy)
    parts = [stroke(_d(xy), "#ffffff", width=4.2)]
    parts.append(stroke(_d(xy), "#555555", True, width=1.8))
    parts += [stroke(_d(xy[run]), "#111111", width=2.2) for run in _runs(known) if len(run) > 1]
    x, y = plot.at([way.saddle])[0]
    parts.append(stroke(f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10", "#c4201b", width=2.2))
    return parts


def _number(number: int, place: NDArray[np.float64]) -> list[str]:
    x, y = place
    disc = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="#fff" stroke="#111" stroke-width="1.2"/>'
    return [disc, f'<g font-weight="bold">{text_at(x, y + 4, str(number), size=12)}</g>']


def _frame(found: "Landscape", plot: _Plot) -> list[str]:
    left, bottom = plot.left, plot.top + plot.height
    box = f"M{left} {plot.top}h{plot.width:.1f}v{plot.height:.1f}h{-plot.width:.1f}Z"
    parts = [stroke(box, "#555", width=1)]
    for value in ticks(*plot.x, about=max(3, int(plot.width / 70))):
        x = plot.at([(value, plot.y[0])])[0, 0]
        parts.append(stroke(f"M{x:.1f} {bottom:.1f}v5", "#555"))
        parts.append(text_at(x, bottom + 18, f"{value:g}"))
    for value in ticks(*plot.y, about=max(3, int(plot.height / 60))):
        y = plot.at([(plot.x[0], value)])[0, 1]
        parts.append(stroke(f"M{left} {y:.1f}h-5", "#555"))
        parts.append(text_at(left - 8, y + 4, f"{value:g}", anchor="end"))
    parts.append(text_at(left + plot.width / 2, bottom + 38, found.axes[0], size=13))
    middle = plot.top + plot.height / 2
    label, _, rest = found.axes[1].partition(", ")  # in two lines: a flat map has little room
    for line, at in ((label, 14), (rest, 29)) if rest else ((label, 24),):
        turned = f'<g transform="translate({at} {middle:.1f}) rotate(-90)">'
        parts.append(f"{turned}{text_at(0, 0, line, size=13)}</g>")
    return parts


def _bar(found: "Landscape", plot: _Plot, top: float) -> list[str]:
    """The colours from 0 upwards, and the grey below."""
    x, y, height = plot.left + plot.width + 22, plot.top, plot.height - 34
    stops = "".join(
        f'<stop offset="{k / (len(STOPS) - 1)}" stop-color="{hex_colour(colour)}"/>'
        for k, colour in enumerate(STOPS)
    )
    parts = [
        '<defs><linearGradient id="energy" x1="0" y1="1" x2="0" y2="0">'
        f"{stops}</linearGradient></defs>",
        f'<rect x="{x}" y="{y}" width="14" height="{height:.1f}" fill="url(#energy)" '
        'stroke="#555" stroke-width="0.8"/>',
    ]
    for value in ticks(0, top, about=max(2, int(height / 50))):
        at = y + height * (1 - value / top)
        parts.append(stroke(f"M{x + 14} {at:.1f}h4", "#555"))
        parts.append(text_at(x + 22, at + 4, f"{value:g}", anchor="start"))
    label = "−ln density, kT" if found.unit == "kT" else "relative crowding"
    turned = f'<g transform="translate({x + 60} {y + height / 2:.1f}) rotate(-90)">'
    parts.append(f"{turned}{text_at(0, 0, label, size=13)}</g>")
    grey = hex_colour(np.array(_GREY))
    low = y + height + 12
    parts.append(
        f'<rect x="{x}" y="{low:.1f}" width="14" height="14" fill="{grey}" stroke="#555" '
        'stroke-width="0.8"/>'
    )
    parts.append(text_at(x + 22, low + 8, "too few", anchor="start", size=11))
    parts.append(text_at(x + 22, low + 20, "particles", anchor="start", size=11))
    return parts


def _profile(found: "Landscape", way: "EnergyPath", top: float) -> list[str]:
    """Energy along the path with one standard error to either side."""
    left, width, height = _LEFT, _LONGEST, _PROFILE_HEIGHT
    moved = np.linalg.norm(np.diff(way.xy / found.density.width, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(moved)]) / moved.sum()
    cell = found.density.cell_of(way.xy)
    error = np.where(np.isfinite(way.energy), found.error[cell[:, 0], cell[:, 1]], np.nan)
    most = float(np.nanmax(way.energy + error)) * 1.1
    known = np.isfinite(way.energy)
    x = left + width * along
    low, middle, high = (
        top + height * (1 - np.clip(value / most, 0, 1))
        for value in (way.energy - error, way.energy, way.energy + error)
    )
    parts = [stroke(f"M{left} {top}v{height}h{width}", "#555", width=1)]
    for run in _runs(known):
        band = np.concatenate([np.c_[x, high][run], np.c_[x, low][run][::-1]])
        parts.append(f'<path d="{_d(band)}Z" fill="#0b5a9c" fill-opacity="0.2"/>')
        parts.append(stroke(_d(np.c_[x, middle][run]), "#0b5a9c", width=1.8))
    for value in ticks(0, most, about=4):
        y = top + height * (1 - value / most)
        parts.append(stroke(f"M{left} {y:.1f}h-5", "#555"))
        parts.append(text_at(left - 8, y + 4, f"{value:g}", anchor="end"))
    turned = f'<g transform="translate(18 {top + height / 2:.1f}) rotate(-90)">'
    parts.append(f"{turned}{text_at(0, 0, found.unit, size=13)}</g>")
    label = "along the path of least energy, start to end (band: one standard error)"
    parts.append(text_at(left + width / 2, top + height + 18, label, size=12))
    return parts


def _caption(found: "Landscape", way: "EnergyPath | None") -> list[str]:
    """The sentences in lines, with an empty line after the states."""
    levels = default_levels(found)
    step = f"{levels[0]:g} kT" if found.unit == "kT" else f"{levels[0]:g}"
    of = f" Latents of epoch {found.epoch}." if found.epoch is not None else ""
    said = [f"{found.sentence()} Contours every {step}.{of}"]
    if len(found.minima) > 1:
        said += [one.sentence(in_unit(found)) for one in found.minima]
    if way is not None:
        said.append(f"Path of least energy: {_lower_first(way.sentence(in_unit(found)))}")
    return [
        line
        for one in [*said, "", " ".join(cautions(found))]
        for line in textwrap.wrap(one, _LETTERS) or [""]
    ]


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _runs(known: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Stretches of indices that are known."""
    runs = np.split(np.arange(len(known)), np.flatnonzero(np.diff(known)) + 1)
    return [run for run in runs if known[run[0]]]


def _d(points: NDArray[np.float64]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
