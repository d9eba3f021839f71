"""Loss curves as lines of text."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_conformix.runs import Event

BLOCKS = "▁▂▃▄▅▆▇█"


def loss_curves(events: Iterable["Event"]) -> dict[str, dict[str, list[float]]]:
    """Half -> 'training' and 'validation' -> the headline term of each epoch.

    Only the epochs of the newest phase, since the loss of a warm-up is another one. An epoch that
    was trained again after a resume counts as it was the last time.
    """
    from napari_conformix.training.events import Epoch

    last = {event.epoch: event for event in events if isinstance(event, Epoch)}
    epochs = [last[number] for number in sorted(last)]
    curves: dict[str, dict[str, list[float]]] = {}
    for event in epochs:
        if event.phase != epochs[-1].phase:
            continue
        for kind, terms in (("training", event.train), ("validation", event.validation)):
            for half, values in terms.items():
                curve = curves.setdefault(half, {"training": [], "validation": []})[kind]
                curve.append(values.get(event.headline, math.nan))
    return curves


def curve_lines(curves: dict[str, dict[str, list[float]]], width: int) -> list[str]:
    """One line a curve, `width` characters: name, first value, sparkline, last and least value.

    The two curves of a half share one scale, so that the gap between them is seen.
    """
    lines = []
    for half, kinds in sorted(curves.items()):
        limits = scale(value for curve in kinds.values() for value in curve)
        for kind, curve in kinds.items():
            finite = [value for value in curve if math.isfinite(value)]
            if not finite:
                continue
            name = f"{kind:<11}" if half == "0" else f"half {half} {kind:<11}"
            head = f"{name}{finite[0]:>10.5g} "
            tail = f" {finite[-1]:<10.5g} least {min(finite):<10.5g}"
            room = max(8, width - len(head) - len(tail))
            lines.append(head + sparkline(curve, room, limits) + tail)
    return lines


def scale(values: Iterable[float]) -> tuple[float, float]:
    """Least and largest finite value; (0, 0) if there is none."""
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (0.0, 0.0)


def sparkline(values: Sequence[float], width: int, limits: tuple[float, float]) -> str:
    """At most `width` characters; a longer curve is averaged. NaN is a blank.

    Values outside `limits` are drawn at the edge.
    """
    low, high = limits
    half_span = high / 2 - low / 2  # halves, since the whole of a diverged loss may overflow
    count = min(width, len(values))
    text = ""
    for i in range(count):
        part = values[i * len(values) // count : (i + 1) * len(values) // count]
        finite = [value for value in part if math.isfinite(value)]
        if not finite:
            text += " "
            continue
        mean = sum(value / len(finite) for value in finite)
        height = (mean / 2 - low / 2) / half_span if half_span > 0 else 0.0
        text += BLOCKS[round(min(max(height, 0.0), 1.0) * (len(BLOCKS) - 1))]
    return text


def duration(seconds: float | None) -> str:
    """Seconds for people: '42 s', '3 min 20 s', '5 h 04 min'; '?' when it is not known."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def memory(count: float | None) -> str:
    """Bytes for people: '640 MB', '3.2 GB'; '?' when it is not known."""
    if count is None:
        return "?"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
