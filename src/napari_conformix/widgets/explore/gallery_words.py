"""What the tiles of the gallery show and say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_conformix.widgets.explore.gallery import Tile, grey_image
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.jobs.pictures import Pictures


def tiles_of(pictures: Pictures) -> list[Tile]:
    from napari_conformix.jobs.pictures import letter

    images = pictures.grey(pictures.images)
    beside = None if pictures.projections is None else pictures.grey(pictures.projections)
    return [
        Tile(
            letter(i),
            grey_image(images[i]),
            None if beside is None else grey_image(beside[i]),
            _lines(pictures, i),
            _tip(pictures, i),
            bool(pictures.clear[i]),
        )
        for i in range(len(pictures))
    ]


def _lines(pictures: Pictures, index: int) -> tuple[str, str]:
    """'particle 393, half 2' and '0.52 (average 0.49)'; where there are images alone, whose tiles
    are narrow, 'particle 393' and 'half 2'."""
    facts, agreed = pictures.facts[index], pictures.agreement
    who, half = f"particle {facts.row}", f"half {facts.half}" if facts.half else ""
    if agreed is None:
        return who, half
    who = f"{who}, {half}".removesuffix(", ")
    if not np.isfinite(agreed.correlation[index]):
        return who, ""
    return who, f"{agreed.correlation[index]:.2f} (average {agreed.baseline[index]:.2f})"


def _tip(pictures: Pictures, index: int) -> str:
    """All that is known of a particle, a line each."""
    facts, agreed = pictures.facts[index], pictures.agreement
    lines = [
        f"Particle {facts.row} (row of the file, from 0)",
        f"Image {facts.image}",
        f"Micrograph {facts.micrograph}" if facts.micrograph else "",
        f"Defocus {facts.defocus_angstrom / 1e4:.2f} µm"
        if np.isfinite(facts.defocus_angstrom)
        else "Defocus not known",
        (f"Half {facts.half}" if facts.half else "No half set")
        + (", held out of training" if facts.held_out else ""),
    ]
    if agreed is not None and np.isfinite(agreed.correlation[index]):
        lines += [
            f"Correlation of image and projection {agreed.correlation[index]:.3f}",
            f"with the average state {agreed.baseline[index]:.3f}",
            f"gain {agreed.gain[index]:+.3f} ± {agreed.error[index]:.3f}; "
            f"fitted noise could give {pictures.by_chance[index]:+.3f}",
        ]
    return "\n".join(line for line in lines if line)


def legend_of(pictures: Pictures) -> str:
    """What is to be seen, on which scale."""
    filtered = pictures.filter_words.replace("^2", "²")
    both = "" if pictures.projections is None else "Left: image. Right: projection of its state. "
    scale = (
        f"{both}{filtered[0].upper() + filtered[1:]}. Black to white: −{pictures.limit:.2g} to "
        f"+{pictures.limit:.2g} standard deviations of the images' background before the filter, "
        "the same for all."
    )
    if pictures.projections is None:
        return with_units(scale)
    return with_units(
        scale + " Below: correlation of image and projection, and with the projection of an "
        "average state; in blue where the own state gains more than fitted noise could. Click a "
        "particle to see its state."
    )
