"""One colour for each cluster: in the table, the pictures, the scene and the latent space view. No
Qt."""

from __future__ import annotations

from typing import Final

import numpy as np

from napari_conformix.widgets.colours.colouring import (
    MISSING,
    Category,
    Colouring,
    Legend,
    palette,
)

RGB = tuple[float, float, float]

#: as many colours as the palette has before it begins again
_ROUND: Final = 12
#: from the second round on colours go this far towards white, then towards black, and so on
_FADE: Final = 0.45


def cluster_colour(cluster: int) -> RGB:
    """(r, g, b) of the cluster at a place, from 0: those of the legends, then paler, then darker
    ones."""
    rgb, round_ = np.array(palette(cluster)), cluster // _ROUND
    if round_:
        share = 1.0 - (1.0 - _FADE) ** ((round_ + 1) // 2)
        rgb = rgb + share * ((1.0 if round_ % 2 else 0.0) - rgb)
    red, green, blue = map(float, rgb)
    return red, green, blue


def hex_of(rgb: RGB) -> str:
    """'#56b4e9'."""
    return "#" + "".join(f"{round(255 * value):02x}" for value in rgb)


def by_cluster(labels: np.ndarray, clusters: int, name: str) -> Colouring:
    """Colours of all particles by their cluster, (N,) from 0; -1, in no cluster, is grey."""
    colours = np.tile(MISSING, (clusters + 1, 1))
    for cluster in range(clusters):
        colours[cluster, :3] = cluster_colour(cluster)
    counts = np.bincount(labels[labels >= 0], minlength=clusters)
    categories = [
        Category(str(cluster + 1), cluster_colour(cluster), int(counts[cluster]))
        for cluster in range(clusters)
    ]
    outside = int(np.count_nonzero(labels < 0))
    note = f"{outside:,} in no cluster, grey" if outside else ""
    # The last row of the table is where an index of -1 leads.
    legend = Legend(f"Clusters {name}", categories=tuple(categories), note=note)
    return Colouring(colours[labels], legend, labels=labels)
