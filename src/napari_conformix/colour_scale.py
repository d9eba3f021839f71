"""One scale of colours for amounts in files: dark blue to yellow, evenly brighter.

Readable without colour vision and in grey. Files only; the window has napari's colour maps.
"""

import numpy as np
import numpy.typing as npt

#: (5, 3) RGB, evenly spaced from the least to the most
STOPS = np.array(
    [
        (0.27, 0.00, 0.33),
        (0.23, 0.32, 0.55),
        (0.13, 0.57, 0.55),
        (0.37, 0.79, 0.38),
        (0.99, 0.90, 0.14),
    ]
)


def colours(share: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """(n,) values, clipped to 0 to 1 -> (n, 3) RGB, 0 to 1."""
    places = np.linspace(0, 1, len(STOPS))
    return np.stack([np.interp(np.asarray(share), places, channel) for channel in STOPS.T], axis=-1)
