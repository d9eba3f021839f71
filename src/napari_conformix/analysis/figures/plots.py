"""Figures as SVG text for report pages, drawn by matplotlib: one file that stays whole.

matplotlib's objects are used without pyplot, and loaded when a figure is drawn. Text stays text,
so that it can be searched and edited; the same data give the same bytes.
"""

import io
import re
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_conformix.colour_scale import STOPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Values = npt.NDArray[np.floating]

#: inches
SIZE = (5.6, 4.0)
#: of one line or cloud of points after the other
LINE_COLOURS = ("#0b5a9c", "#c4501b", "#3d7d3f", "#7a4fa3")
#: points drawn; of more, an even sample
MOST_POINTS = 3000
#: points on paper: of numbers, and of the names of axes
SMALL, LETTERS = 8, 9

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": LETTERS,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.labelsize": LETTERS,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in the name of a column begins no formula
    "svg.hashsalt": "conformix",
}
#: what matplotlib would write about a file: dates, and addresses that a page must not name
_UNSAID = {
    "svg": ("Date", "Creator", "Format", "Type"),
    "pdf": ("CreationDate", "Creator", "Producer"),
    "png": ("Software",),
}
#: matplotlib's settings are of the whole process, and reports are made in threads
_lock = threading.Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """The style of all figures, for making and for saving them."""
    import matplotlib as mpl

    with _lock, mpl.rc_context():
        mpl.rcdefaults()  # not what the user's matplotlibrc says
        mpl.rcParams.update(_STYLE)
        yield


def new_figure(size: tuple[float, float] = SIZE) -> "Figure":
    """An empty figure.

    Parameters
    ----------
    size : tuple of float
        Width and height in inches.

    Returns
    -------
    matplotlib.figure.Figure
        That no window knows.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def saved(figure: "Figure", kind: str = "svg", dots_per_inch: float = 200) -> bytes:
    """A figure as the content of a file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Within :func:`drawing`.
    kind : str
        svg, pdf or png.
    dots_per_inch : float
        Of what is made of pixels.

    Returns
    -------
    bytes
        Without a date, so that the same figure gives the same file.
    """
    out = io.BytesIO()
    unsaid = dict.fromkeys(_UNSAID[kind])
    figure.savefig(out, format=kind, dpi=dots_per_inch, metadata=unsaid)
    return out.getvalue()


def amounts() -> "Colormap":
    """The colours of amounts.

    Returns
    -------
    matplotlib.colors.Colormap
        The scale of `colour_scale`, grey where nothing is known.
    """
    from matplotlib.colors import LinearSegmentedColormap

    scale = LinearSegmentedColormap.from_list("conformix", [tuple(stop) for stop in STOPS])
    return scale.with_extremes(bad="#cccccc")


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
    """Points in two coordinates.

    Parameters
    ----------
    x, y : array_like
        (n,); points that are not finite are left out.
    labels : tuple of str
        Of the axes, with units.
    title : str
        For those who cannot see the picture.
    amount : array_like, optional
        (n,) that colours the points, with a scale.
    amount_label : str
        What that is.
    from_zero : bool
        Both axes begin there.
    diagonal : str
        The name of the line y = x; not drawn without one.

    Returns
    -------
    str
        SVG, for a page.
    """
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    good = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
    drawn = good[:: max(1, -(-len(good) // MOST_POINTS))]
    with drawing():
        figure, axes = _axes(labels)
        if not len(good):
            return _nothing(figure, axes, title)
        look: dict[str, Any] = {"color": LINE_COLOURS[0]}
        if amount is not None:
            values = np.asarray(amount, float)
            low, high = np.nanpercentile(values[good], [1, 99])
            look = {"c": values[drawn], "cmap": amounts(), "vmin": low, "vmax": high}
        points = axes.scatter(xs[drawn], ys[drawn], s=7, alpha=0.7, linewidths=0, **look)
        points.set_rasterized(len(drawn) > 1000)
        if amount is not None:
            bar = figure.colorbar(points, ax=axes, label=amount_label, shrink=0.8)
            if bar.solids is not None:
                bar.solids.set_alpha(1)
        if from_zero:
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
        if diagonal:
            axes.axline((0, 0), slope=1, color="black", linestyle="--", linewidth=1)
            end = min(axes.get_xlim()[1], axes.get_ylim()[1])
            at = (0.98 * end, 0.98 * end)
            axes.annotate(diagonal, at, (-14, 0), textcoords="offset points", ha="right", va="top")
        return _svg(figure, title)


def lines(
    series: Sequence[tuple[str, npt.ArrayLike, npt.ArrayLike, bool]],
    *,
    labels: tuple[str, str],
    title: str,
) -> str:
    """Lines with a legend.

    Parameters
    ----------
    series : sequence of tuple
        (name, x, y, dashed); two of a kind follow one another and have one colour.
    labels : tuple of str
        Of the axes, with units.
    title : str
        For those who cannot see the picture.

    Returns
    -------
    str
        SVG, for a page.
    """
    with drawing():
        figure, axes = _axes(labels)
        kept = [one for one in series if len(np.asarray(one[1]))]
        if not kept:
            return _nothing(figure, axes, title)
        for k, (name, x, y, dashed) in enumerate(kept):
            colour = LINE_COLOURS[k // 2 % len(LINE_COLOURS)]
            style = "--" if dashed else "-"
            axes.plot(np.asarray(x), np.asarray(y), style, color=colour, linewidth=1.4, label=name)
        axes.legend(loc="upper right")
        return _svg(figure, title)


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
    """Discs with their names inside and error bars; axes from 0.

    Parameters
    ----------
    items : sequence of Place
        In the units of the axes, the radius in points.
    labels : tuple of str
        Of the axes, with units.
    title : str
        For those who cannot see the picture.
    below : sequence of str
        Lines of text that say what has no place in the picture.

    Returns
    -------
    str
        SVG, for a page or a file.
    """
    with drawing():
        figure, axes = _axes(labels)
        if below:
            figure.supxlabel("\n".join(below), x=0.02, ha="left", fontsize=SMALL)
        if not items:
            return _nothing(figure, axes, title)
        for item in sorted(items, key=lambda one: -one.radius):  # a small one is not hidden
            for error, along in ((item.x_error, 0), (item.y_error, 1)):
                if np.isfinite(error):
                    ends = np.array([[item.x, item.y]] * 2, float)
                    ends[:, along] = max(ends[0, along] - error, 0), ends[0, along] + error
                    axes.plot(*ends.T, color="#555555", linewidth=1.2)
            disc = axes.plot(
                item.x, item.y, "o", color=LINE_COLOURS[0], alpha=0.75, markersize=2 * item.radius
            )
            disc[0].set_gid(f"place {item.name}")
            axes.text(
                item.x, item.y, item.name, color="white", weight="bold", ha="center", va="center"
            )
        axes.margins(0.12)
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        return _svg(figure, title)


def _axes(labels: tuple[str, str]) -> "tuple[Figure, Axes]":
    figure = new_figure()
    axes = figure.add_subplot()
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    return figure, axes


def _nothing(figure: "Figure", axes: "Axes", title: str) -> str:
    axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center")
    axes.set_xticks([])
    axes.set_yticks([])
    return _svg(figure, title)


def _svg(figure: "Figure", title: str) -> str:
    """The element alone, to stand in a page: with its title for those who cannot see it, and names
    of its own for its parts, since a page may have several figures."""
    text = saved(figure).decode()
    mark = f"-{zlib.crc32(title.encode()):08x}"
    text = re.sub(r'( id="[^"]+|(?:url\(|href=")#[^")]+)', rf"\1{mark}", text)
    head, _, inside = text[text.index("<svg") :].partition(">")
    return f'{head} role="img"><title>{escape(title)}</title>{inside}'
