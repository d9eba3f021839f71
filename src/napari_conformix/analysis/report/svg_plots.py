"""Plots as SVG text for report pages: no window, no plotting library, one file that stays whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

import numpy as np
import numpy.typing as npt

from napari_conformix.colour_scale import STOPS, colours

Values = npt.NDArray[np.floating]

WIDTH, HEIGHT = 460, 330
#: left, right, top, bottom
MARGIN = (62, 14, 12, 46)
#: of one line or cloud of points after the other
LINE_COLOURS = ("#0b5a9c", "#c4501b", "#3d7d3f", "#7a4fa3")
#: points drawn; of more, an even sample
MOST_POINTS = 3000


@dataclass(frozen=True)
class Axes:
    """Where values lie on the picture."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, values: npt.ArrayLike) -> Values:
        """x values to SVG units."""
        share = (np.asarray(values, float) - self.x[0]) / (self.x[1] - self.x[0])
        return np.asarray(MARGIN[0] + share * (WIDTH - MARGIN[0] - MARGIN[1]))

    def down(self, values: npt.ArrayLike) -> Values:
        """y values to SVG units, which count from the top."""
        share = (np.asarray(values, float) - self.y[0]) / (self.y[1] - self.y[0])
        return np.asarray(HEIGHT - MARGIN[3] - share * (HEIGHT - MARGIN[2] - MARGIN[3]))


def scatter(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    labels: tuple[str, str],
    title: str,
    amount: npt.ArrayLike | None = None,
    amount_label: str = "",
    from_zero: bool = False,
    diagonal: str = "",
) -> str:
    """Points; coloured by `amount` with a scale below, and with the line y = x named `diagonal`.

    Points that are not finite are left out; `from_zero` starts both axes there.
    """
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    good = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
    if not len(good):
        return _picture(title, [text_at(WIDTH / 2, HEIGHT / 2, "no values")])
    axes = Axes(_range(xs[good], from_zero), _range(ys[good], from_zero))
    drawn = good[:: max(1, -(-len(good) // MOST_POINTS))]
    fill = [LINE_COLOURS[0]] * len(drawn)
    parts = _frame(axes, labels)
    if amount is not None:
        values = np.asarray(amount, float)
        low, high = np.nanpercentile(values[good], [1, 99])
        share = (values[drawn] - low) / max(high - low, 1e-12)
        fill = [hex_colour(colour) for colour in colours(np.nan_to_num(share))]
    across, down = axes.across(xs[drawn]), axes.down(ys[drawn])
    parts += [
        f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="2" fill="{colour}" fill-opacity="0.7"/>'
        for cx, cy, colour in zip(across, down, fill, strict=True)
    ]
    if amount is not None:
        parts += _scale(low, high, amount_label)
    if diagonal:
        end = min(axes.x[1], axes.y[1])
        parts.append(_line(axes, [0, end], [0, end], "#000", dash=True))
        parts.append(
            text_at(
                float(axes.across(end)) - 24,
                float(axes.down(end)) + 12,
                diagonal,
                anchor="end",
                size=11,
            )
        )
    return _picture(title, parts)


def lines(
    series: Sequence[tuple[str, npt.ArrayLike, npt.ArrayLike, bool]],
    *,
    labels: tuple[str, str],
    title: str,
) -> str:
    """Lines (name, x, y, dashed), each with its name; two of a kind follow one another."""
    kept = [(n, np.asarray(x, float), np.asarray(y, float), d) for n, x, y, d in series]
    kept = [one for one in kept if len(one[1])]
    if not kept:
        return _picture(title, [text_at(WIDTH / 2, HEIGHT / 2, "no values")])
    axes = Axes(
        _range(np.concatenate([one[1] for one in kept])),
        _range(np.concatenate([one[2] for one in kept])),
    )
    parts = _frame(axes, labels)
    for k, (name, x, y, dashed) in enumerate(kept):
        colour = LINE_COLOURS[k // 2 % len(LINE_COLOURS)]
        parts.append(_line(axes, x, y, colour, dash=dashed))
        height = MARGIN[2] + 14 * (k + 1)
        right = WIDTH - MARGIN[1] - 4
        parts.append(text_at(right - 34, height + 4, name, anchor="end", size=11))
        parts.append(stroke(f"M{right - 28} {height}H{right}", colour, dashed))
    return _picture(title, parts)


@dataclass(frozen=True)
class Place:
    """A numbered place of a picture: x and y with an error each (NaN: not known), and a size."""

    name: str
    x: float
    y: float
    x_error: float
    y_error: float
    radius: float


def places(
    items: Sequence[Place], *, labels: tuple[str, str], title: str, below: Sequence[str] = ()
) -> str:
    """Discs with their names inside and error bars; axes from 0. Lines of text `below` say what
    has no place in the picture."""
    notes = [
        text_at(MARGIN[0], HEIGHT + 14 + 15 * k, line, anchor="start", size=11)
        for k, line in enumerate(below)
    ]
    height = HEIGHT + (15 * len(below) + 6 if below else 0)
    if not items:
        return _picture(title, [text_at(WIDTH / 2, HEIGHT / 2, "no values"), *notes], height)
    ends = np.array(
        [[p.x + np.nan_to_num(p.x_error), p.y + np.nan_to_num(p.y_error)] for p in items]
    )
    most = np.where(ends.max(axis=0) > 0, ends.max(axis=0), 1.0)
    axes = Axes((-0.08 * most[0], 1.12 * most[0]), (-0.08 * most[1], 1.12 * most[1]))
    parts = _frame(axes, labels)
    for item in sorted(items, key=lambda one: -one.radius):  # a small one is not hidden
        for error, dx, dy in ((item.x_error, 1, 0), (item.y_error, 0, 1)):
            if np.isfinite(error):
                x = [max(item.x - dx * error, 0), item.x + dx * error]
                y = [max(item.y - dy * error, 0), item.y + dy * error]
                parts.append(_line(axes, x, y, "#555"))
        cx, cy = float(axes.across(item.x)), float(axes.down(item.y))
        parts.append(
            f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{item.radius:.1f}" fill="{LINE_COLOURS[0]}" '
            'fill-opacity="0.75"/>'
        )
        parts.append(
            f'<g fill="#fff" font-weight="bold">{text_at(cx, cy + 4, item.name, size=11)}</g>'
        )
    return _picture(title, [*parts, *notes], height)


def ticks(low: float, high: float, about: int = 7) -> Values:
    """Round numbers within a range."""
    step = (high - low) / about
    size = 10.0 ** floor(log10(step))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= step)
    first = np.ceil(low / step - 1e-9)
    return np.arange(first, np.floor(high / step + 1e-9) + 1) * step + 0.0  # no -0


def _range(values: Values, from_zero: bool = False) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    low = min(low, 0.0) if from_zero else low
    room = 0.04 * (high - low) or max(abs(high), 1.0) * 0.1
    return low if from_zero else low - room, high + room


def _frame(axes: Axes, labels: tuple[str, str]) -> list[str]:
    left, right, top, bottom = MARGIN
    box = f"M{left} {top}V{HEIGHT - bottom}H{WIDTH - right}"
    parts = [stroke(box, "#555", False)]
    for value in ticks(*axes.x):
        x = float(axes.across(value))
        parts.append(stroke(f"M{x:.1f} {HEIGHT - bottom}v4", "#555", False))
        parts.append(text_at(x, HEIGHT - bottom + 16, f"{value:g}", size=11))
    for value in ticks(*axes.y):
        y = float(axes.down(value))
        parts.append(stroke(f"M{left} {y:.1f}h-4", "#555", False))
        parts.append(text_at(left - 7, y + 4, f"{value:.6g}", anchor="end", size=11))
    middle = (top + HEIGHT - bottom) / 2
    parts.append(text_at((left + WIDTH - right) / 2, HEIGHT - 10, labels[0]))
    parts.append(
        f'<g transform="translate(14 {middle}) rotate(-90)">{text_at(0, 0, labels[1])}</g>'
    )
    return parts


def _scale(low: float, high: float, label: str) -> list[str]:
    """A bar of the colours in the upper right corner, with its ends in numbers."""
    width, x, y = 110, WIDTH - MARGIN[1] - 114, MARGIN[2] + 14
    stops = "".join(
        f'<stop offset="{k / (len(STOPS) - 1)}" stop-color="{hex_colour(colour)}"/>'
        for k, colour in enumerate(STOPS)
    )
    return [
        f'<defs><linearGradient id="amount">{stops}</linearGradient></defs>',
        f'<rect x="{x - 4}" y="{y - 16}" width="{width + 8}" height="40" fill="#fff" '
        'fill-opacity="0.8"/>',
        f'<rect x="{x}" y="{y}" width="{width}" height="8" fill="url(#amount)"/>',
        text_at(x, y - 4, label, anchor="start", size=11),
        text_at(x, y + 20, f"{low:.2g}", anchor="start", size=11),
        text_at(x + width, y + 20, f"{high:.2g}", anchor="end", size=11),
    ]


def _line(
    axes: Axes, x: npt.ArrayLike, y: npt.ArrayLike, colour: str, *, dash: bool = False
) -> str:
    points = zip(axes.across(x), axes.down(y), strict=True)
    return stroke("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points), colour, dash)


def stroke(path: str, colour: str, dash: bool = False, width: float = 1.4) -> str:
    """A path without filling; `path` is SVG's own language."""
    dashes = ' stroke-dasharray="5 4"' if dash else ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def text_at(x: float, y: float, text: str, *, anchor: str = "middle", size: int = 12) -> str:
    """Escaped text; `anchor` is start, middle or end."""
    return (
        f'<text x="{float(x):.1f}" y="{float(y):.1f}" text-anchor="{anchor}" '
        f'font-size="{size}">{escape(text)}</text>'
    )


def _picture(title: str, parts: list[str], height: int = HEIGHT) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" role="img"><title>{escape(title)}</title>\n{inside}\n</svg>'
    )


def hex_colour(colour: Values) -> str:
    """(3,) RGB, 0 to 1, as '#rrggbb'."""
    return "#" + "".join(f"{round(255 * float(c)):02x}" for c in np.clip(colour, 0, 1))
