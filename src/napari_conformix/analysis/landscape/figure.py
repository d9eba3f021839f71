"""The figure of a landscape: filled energies with contours and numbered states, a colour bar in kT,
the path of least energy with its profile, and below it what may be read from it.

Drawn by matplotlib, without a window; loaded when it is used.
"""

import textwrap
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from napari_conformix.analysis.figures import LINE_COLOURS, amounts, drawing, new_figure, saved
from napari_conformix.analysis.landscape.landscape import contours, default_levels
from napari_conformix.analysis.landscape.words import cautions, in_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_conformix.analysis.landscape.energy_path import EnergyPath
    from napari_conformix.analysis.landscape.landscape import Landscape

#: inches: the width of the figure, and the longer and shortest side of the picture in it
_WIDTH, _LONGEST, _SHORTEST = 7.2, 4.9, 1.8
_PROFILE: Final = 1.5
#: letters in a line of the caption, inches between two lines, and points of its letters
_LETTERS, _LINE, _SMALL = 108, 0.165, 7.5
#: points of a contour below which it is a speck about a single cell
_SPECK: Final = 8


def figure(found: "Landscape", way: "EnergyPath | None" = None, kind: str = "svg") -> bytes:
    """Draw a landscape.

    Parameters
    ----------
    found : Landscape
        With its minima.
    way : EnergyPath, optional
        Drawn on it, with its profile below.
    kind : str
        svg, pdf or png.

    Returns
    -------
    bytes
        The content of a file.
    """
    caption = _caption(found, way)
    rows, columns = found.energy.shape
    height = max(_LONGEST * rows / max(rows, columns), _SHORTEST)
    heights = [height, *([_PROFILE] if way is not None else []), _LINE * len(caption)]
    with drawing():
        drawn = new_figure((_WIDTH, sum(heights) + 0.9))
        axes = drawn.subplots(len(heights), 1, height_ratios=heights)
        _picture(axes[0], found, way)
        if way is not None:
            _profile(axes[1], found, way)
        axes[-1].axis("off")
        axes[-1].text(
            0,
            1,
            "\n".join(caption),
            va="top",
            fontsize=_SMALL,
            transform=axes[-1].transAxes,
        )
        return saved(drawn, kind)


def highest(found: "Landscape") -> float:
    """The upper end of the colours.

    Parameters
    ----------
    found : Landscape
        Any.

    Returns
    -------
    float
        In kT: of the highest cell, rounded up to half a kT.
    """
    return max(0.5, float(np.ceil(2 * np.nanmax(found.energy)) / 2))


def _picture(axes: "Axes", found: "Landscape", way: "EnergyPath | None") -> None:
    (x0, y0), (x1, y1) = found.extent
    rows, columns = found.energy.shape
    shape = np.array([columns, rows]) * _LONGEST / max(rows, columns)
    aspect = (y1 - y0) / (x1 - x0)
    image = axes.imshow(
        np.ma.masked_invalid(found.energy),
        cmap=amounts(),
        vmin=0,
        vmax=highest(found),
        origin="lower",
        extent=(x0, x1, y0, y1),
        aspect=max(shape[1], _SHORTEST) / max(shape[0], _SHORTEST) / aspect,
        interpolation="nearest",
    )
    for _, line in contours(found):
        if len(line) >= _SPECK:
            axes.plot(*np.transpose(line), color="white", alpha=0.75, linewidth=0.8)
    if way is not None:
        _path(axes, way)
    for one in found.minima:
        disc = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": "#111111"}
        state = axes.text(
            *one.xy, str(one.number), weight="bold", ha="center", va="center", bbox=disc
        )
        state.set_gid(f"state {one.number}")
    for side in ("right", "top"):
        axes.spines[side].set_visible(True)
    axes.set_xlim(x0, x1)
    axes.set_ylim(y0, y1)
    axes.set_title(found.title or "Landscape", loc="left", fontsize=11)
    axes.set_xlabel(found.axes[0])
    axes.set_ylabel(found.axes[1])
    assert axes.figure is not None
    label = "−ln density, kT" if found.unit == "kT" else "relative crowding"
    axes.figure.colorbar(image, ax=axes, label=f"{label}\n(grey: too few particles)", shrink=0.9)


def _path(axes: "Axes", way: "EnergyPath") -> None:
    """Dark on a light rim, dashed where too few particles are; a cross at the barrier."""
    axes.plot(*way.xy.T, color="white", linewidth=3.6)
    axes.plot(*way.xy.T, "--", color="#555555", linewidth=1.5)
    for run in _runs(np.isfinite(way.energy)):
        axes.plot(*way.xy[run].T, color="#111111", linewidth=1.9)
    axes.plot(*way.saddle, "x", color="#c4201b", markersize=8, markeredgewidth=2)


def _profile(axes: "Axes", found: "Landscape", way: "EnergyPath") -> None:
    """Energy along the path with one standard error to either side."""
    moved = np.linalg.norm(np.diff(way.xy / found.density.width, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(moved)]) / moved.sum()
    cell = found.density.cell_of(way.xy)
    known = np.isfinite(way.energy)
    error = np.where(known, found.error[cell[:, 0], cell[:, 1]], np.nan)
    for run in _runs(known):
        low, high = (way.energy - error)[run], (way.energy + error)[run]
        axes.fill_between(along[run], low, high, color=LINE_COLOURS[0], alpha=0.2, linewidth=0)
        axes.plot(along[run], way.energy[run], color=LINE_COLOURS[0], linewidth=1.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_xticks([0, 1], ["start", "end"])
    axes.set_xlabel("along the path of least energy (band: one standard error)")
    axes.set_ylabel(found.unit)


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
