"""The state at the cursor, decoded live into the scene, and its comparison with another.

Pages show the groups; `LiveDecoder` is the worker behind them.
"""

from napari_conformix.widgets.conformation.group import ConformationGroup
from napari_conformix.widgets.conformation.linked_contour import LinkedContour
from napari_conformix.widgets.conformation.live_decode import Decoded, LiveDecode

__all__ = [
    "ConformationGroup",
    "Decoded",
    "LinkedContour",
    "LiveDecode",
]
