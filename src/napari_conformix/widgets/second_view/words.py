"""What is said of two views next to each other. No Qt in this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_conformix.analysis.comparison import Matching
    from napari_conformix.widgets.second_view.pairs import Pairs


def selection_words(
    mask: np.ndarray, there: np.ndarray, matching: Matching, names: tuple[str, str]
) -> str:
    """'300 selected in run1, 280 of them in run2.', each with the title of its method."""
    count = int(np.count_nonzero(mask))
    if not count:
        return "Nothing selected: lasso in either view."
    shared = int(np.count_nonzero(mask & (matching.to_other >= 0)))
    text = f"{count:,} selected in {names[0]}, {shared:,} of them in {names[1]}"
    rows = int(np.count_nonzero(there))
    return text + (f" ({rows:,} rows there)." if rows != shared else ".")


def pair_words(pairs: Pairs) -> str:
    """How many particles two views of one job share."""
    shared, (first, second) = len(pairs.rows[0]), pairs.views
    if not shared:
        return "No particle is in both views: choose views of the same half, or the motion view."
    if shared == len(first.rows) == len(second.rows):
        return f"Both views show the same {shared:,} particles."
    return (
        f"{shared:,} particles are in both views; the upper or left one shows {len(first.rows):,}, "
        f"the other {len(second.rows):,}."
    )
