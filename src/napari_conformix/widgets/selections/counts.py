"""How many particles are selected, in words. No Qt in this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.training.latent_table import LatentTable

#: what letting go of a lasso does
_DONE = {
    "replace": "Let go to select them.",
    "add": "Let go to add them: {then} selected.",
    "remove": "Let go to take them out: {then} stay selected.",
    "intersect": "Let go to keep only them: {then} stay selected.",
}


def count_text(mask: np.ndarray, latents: LatentTable) -> str:
    """Two lines: how many of (N,) are selected, and of which half sets."""
    count, total = int(np.count_nonzero(mask)), len(mask)
    if not count:
        return f"Nothing selected of {total:,} particles.\nChoose Lasso and draw around some."
    parts = ", ".join(_parts(mask, latents))
    return f"Selected {count:,} of {total:,} ({percent(count, total)})\n{parts}"


def live_text(found: np.ndarray, selected: np.ndarray, action: str) -> str:
    """Two lines while a lasso is drawn: how many are inside, and what the selection will be.

    found, selected   (N,) bool
    """
    inside, total = int(np.count_nonzero(found)), len(found)
    after = {
        "replace": found,
        "add": found | selected,
        "remove": selected & ~found,
        "intersect": selected & found,
    }[action]
    then = f"{int(np.count_nonzero(after)):,}"
    return f"Inside {inside:,} of {total:,} ({percent(inside, total)})\n" + _DONE[action].format(
        then=then
    )


def saved_text(selection: Selection, latents: LatentTable | None) -> str:
    """'1,234 (12 %)', and below it how many of each half, and held out."""
    text = f"{len(selection):,} ({percent(len(selection), selection.total)})"
    if latents is None or len(latents.half) != selection.total:
        return text
    return "\n".join([text, *_parts(selection.mask, latents)])


def _parts(mask: np.ndarray, latents: LatentTable) -> list[str]:
    """'half 1: 600', 'half 2: 634', 'held out: 120'; the halves only where there are two models."""
    parts = []
    if len(latents.half) and latents.half.max() > 0:
        parts = [
            f"half {half}: {int(np.count_nonzero((latents.half == half) & mask)):,}"
            for half in (1, 2)
        ]
    parts.append(f"held out: {int(np.count_nonzero(latents.validation & mask)):,}")
    return parts


def percent(count: int, total: int) -> str:
    """'12.3 %', with as many digits as distinguish it from 0 and 100 %."""
    share = 100 * count / total if total else 0.0
    if 0 < count < total and not 0.05 <= share < 99.95:
        return "< 0.1 %" if share < 1 else "> 99.9 %"
    return f"{share:.1f} %"
