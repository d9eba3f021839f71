"""What a landscape says, and how far it may be read, in sentences."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape.landscape import Landscape

#: share of a state's variance from which the particles' own uncertainty is warned of
BLURRED = 0.25
#: share of the particles at the bottom, within its error, from which the bottom is called flat
FLAT = 0.25
#: the halves differ by so many times what counting makes of it: their models disagree
DISAGREE = 1.5

_COUNTS = (
    "Energies are -ln of how densely particles lie in this view, in kT. They are of the particles "
    "that were picked, kept and frozen, not of an equilibrium: picking, classification, preferred "
    "orientations and the grid itself favour some states over others."
)
_COORDINATES = (
    "Depths and barriers depend on the coordinates: another view of the same particles stretches "
    "some places and with them the density. The share of particles in a state does not."
)
_UMAP = (
    "This is a UMAP: it spreads particles out until they are about equally crowded, so heights "
    "here are a relative crowding without any meaning as an energy. Take the motion view or "
    "principal components for a landscape; of this one, at most the grouping may be read."
)


def finding(found: "Landscape") -> str:
    """How many states there are, and how well they are separated."""
    count = len(found.minima)
    of = f"{found.total:,} particles"
    if count == 1:
        deep = float(np.nanmax(found.energy))
        return (
            f"One minimum: the {of} form a single basin, {deep:.1f} {in_unit(found)} deep as far "
            "as particles reach, without a barrier beyond the noise of counting."
        )
    barriers = [one.barrier for one in found.minima]
    least = f"at least {min(barriers):.1f}" if _all_at_least(found) else f"{min(barriers):.1f}"
    return (
        f"{count} minima beyond the noise of counting among {of}; the lowest pass out of any of "
        f"them is {least} {in_unit(found)} high."
    )


def sentences(found: "Landscape") -> list[str]:
    """The finding, the states, the error, and what the heights are and are not."""
    text = [finding(found)]
    if len(found.minima) > 1:
        text += [one.sentence(in_unit(found)) for one in found.minima]
    return [*text, *cautions(found)]


def cautions(found: "Landscape") -> list[str]:
    """How far it may be read."""
    text = [found.doubt] if found.doubt else []
    text += [_UMAP] if found.key.startswith("umap") else [_COUNTS, _COORDINATES]
    text.append(_smoothing(found))
    text += filter(None, [_flat(found), _noise(found), _halves(found)])
    text += found.cautions
    if found.density.outside:
        text.append(f"{found.density.outside:,} stray particles lie outside the picture.")
    return text


def in_unit(found: "Landscape") -> str:
    """What heights are counted in, to stand behind a number."""
    return "kT" if found.unit == "kT" else "units"


def _all_at_least(found: "Landscape") -> bool:
    return min(found.minima, key=lambda one: one.barrier).at_least


def _smoothing(found: "Landscape") -> str:
    x, y = found.density.width
    width = f"{x:.2g}" if np.isclose(x, y) else f"{x:.2g} and {y:.2g}"
    return (
        f"The density is smoothed by a Gaussian of standard deviation {width} (chosen so that "
        "particles predict one another best), which makes wells wider and barriers lower; places "
        "with too few particles are grey."
    )


def _flat(found: "Landscape") -> str:
    """A word where the deepest place is one of many as deep."""
    with np.errstate(invalid="ignore"):
        bottom = found.energy <= 2 * found.error
    share = float(found.density.counts[bottom].sum() / found.total)
    if share < FLAT:
        return ""
    return (
        f"The bottom is flat: {100 * share:.0f} % of the particles lie where it is as deep within "
        "the error, so the place of state 1 says little."
    )


def _noise(found: "Landscape") -> str:
    if found.blur is None or found.noise is None:
        return ""
    x, y = found.noise
    text = f"The encoder itself puts a particle's place to ±{x:.2g} and ±{y:.2g}"
    if found.blur < BLURRED:
        return f"{text}, little against the width of the states."
    if found.blur >= 1:
        return (
            f"{text}: more than the width of the narrowest state. Along that width the view shows "
            "noise rather than states; take other axes."
        )
    return (
        f"{text}: that is {100 * found.blur:.0f} % of the variance of the narrowest state. The "
        "landscape is blurred by it; true wells are narrower and true barriers higher than shown."
    )


def _halves(found: "Landscape") -> str:
    halves = found.halves
    if halves is None:
        return ""
    if np.isnan(halves.observed):
        return (
            "The particles of the two halves lie in different places of this map: their models do "
            "not agree on what particles do, so this landscape says nothing; train longer."
        )
    text = (
        f"The landscapes of the two halves differ by {halves.observed:.2f} kT RMS where counting "
        f"alone makes {halves.expected:.2f}"
    )
    if halves.observed < DISAGREE * halves.expected:
        return f"{text}: they agree."
    return (
        f"{text}: their models do not place particles alike. The errors hold that difference, but "
        "not what both models have wrong in common."
    )
