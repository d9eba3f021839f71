"""What the window says of a path: in the scene, above the player, in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_conformix.analysis.paths import KIND_IN_WORDS

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath


def model_in_words(path: LatentPath) -> str:
    """'half 1, epoch 12'; latents of another program have no epoch (0)."""
    parts = [f"half {path.half}"] if path.half else []
    parts += [f"epoch {path.epoch}"] if path.epoch else []
    return ", ".join(parts)


def title_of(path: LatentPath) -> str:
    """'swing: path along a motion coordinate, half 1, epoch 12. 24 steps, length 7.3 ...'."""
    kind = f"path {KIND_IN_WORDS[path.kind]}"
    named = f"{path.name}: {kind}" if path.name else kind[:1].upper() + kind[1:]
    what = ", ".join(filter(None, (named, model_in_words(path))))
    return f"{what}. {len(path)} steps, length {float(path.arc[-1]):.3g} in units of the latents."


def place_in_words(path: LatentPath, step: int) -> str:
    """'Motion 1: +2.31 Å RMS; 41 particles near'."""
    near = near_in_words(path, step)
    return f"{position_in_words(path, step)}; {near[:1].lower() + near[1:]}"


def caption(path: LatentPath, step: int) -> str:
    """The lines in the corner of the scene for a step, from 0."""
    model = model_in_words(path)
    lines = (
        f"Step {step + 1} of {len(path)}",
        position_in_words(path, step),
        model[:1].upper() + model[1:],
        near_in_words(path, step),
    )
    return "\n".join(filter(None, lines))


def near_in_words(path: LatentPath, step: int) -> str:
    """'41 particles near'."""
    support = int(path.support[step])
    if not support:
        return "No particle near: extrapolated"
    return f"{support:,} particle{'s' if support > 1 else ''} near"


def position_in_words(path: LatentPath, step: int) -> str:
    """Where a step is on the path's axis, or else how far along the path."""
    if path.positions is not None:
        unit = {"A": "Å"}.get(path.unit, path.unit)
        return f"{path.axis}: {float(path.positions[step]):+.2f} {unit}".rstrip()
    share = float(path.arc[step] / path.arc[-1]) if path.arc[-1] > 0 else 0.0
    return f"{100 * share:.0f} % of the way"
