"""How a selection was made, in words for the table, the command line and messages."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from napari_conformix.analysis.selections.selection import Selection, Step

_VERBS: Final = {"replace": "", "add": "+ ", "remove": "− ", "intersect": "∩ ", "invert": "invert "}
#: as many steps are named one by one
_MOST: Final = 6


def describe(selection: Selection) -> str:
    """'lasso on Motion 1 × Motion 2, − cluster 3 of kmeans6; epoch 12'."""
    steps = [told(step) for step in selection.how]
    if len(steps) > _MOST:
        left_out = len(steps) - _MOST
        steps = [*steps[:2], f"… {left_out} more …", *steps[2 - _MOST :]]
    made = ", ".join(steps) or "row numbers"
    return made if selection.epoch is None else f"{made}; epoch {selection.epoch}"


def told(step: Step) -> str:
    """'+ lasso on Motion 1 × Motion 2': what was done, and with which particles."""
    action = step.get("action", "")
    if action == "clear" or (action == "invert" and "kind" not in step):
        return str(action)
    return _VERBS.get(action, "") + words_of(step)


def words_of(step: Step) -> str:
    """'lasso on Motion 1 × Motion 2': which particles."""
    kind = str(step.get("kind", "rows"))
    text = _BY_KIND[kind](step) if kind in _BY_KIND else kind
    if step.get("axes"):
        text += " on " + " × ".join(map(str, step["axes"]))
    if step.get("half") and not step.get("set"):
        text += f" of half {step['half']}"
    if "job" in step and kind not in (
        "replayed",
        "same particles",
    ):  # drawn in the view of a job that stood next to this one
        text += f" of {Path(step['job']).name}"
    if step.get("show") not in (None, "all"):
        text += f" ({step['show']} only)"
    return text


def limits(step: Step) -> tuple[float | None, float | None]:
    """Least and largest value of a range; None where it has no such limit."""
    if "range" in step:  # as it was written at first
        low, high = step["range"]
        return low, high
    return step.get("low"), step.get("high")


def cluster_numbers(step: Step) -> list[int]:
    """The clusters of a step, counted from 1."""
    return list(step["numbers"]) if "numbers" in step else [step["number"]]


def _range(step: Step) -> str:
    low, high = limits(step)
    if low is None:
        return f"{step['column']} ≤ {high:g}"
    if high is None:
        return f"{step['column']} ≥ {low:g}"
    return f"{step['column']} from {low:g} to {high:g}"


def _cluster(step: Step) -> str:
    numbers = cluster_numbers(step)
    word = "cluster" if len(numbers) == 1 else "clusters"
    return f"{word} {', '.join(map(str, numbers))} of {step['set']}"


def _nearest(step: Step) -> str:
    x, y = step["xy"]
    return f"{step['count']:,} nearest to ({x:.3g}, {y:.3g})"


def _rows(step: Step) -> str:
    return f"rows of {Path(step['file']).name}" if step.get("file") else "rows"


def _motion(step: Step) -> str:
    names = {
        "motion_above": "motion ≥ {} Å",
        "error_below": "error ≤ {} Å",
        "error_above": "error ≥ {} Å",
        "ratio_above": "motion ≥ {} × its error",
    }
    return " and ".join(text.format(f"{step[k]:g}") for k, text in names.items() if k in step)


_BY_KIND: Final[dict[str, Callable[[Step], str]]] = {
    "range": _range,
    "category": lambda step: f"{step['column']} = {step['value']}",
    "state": lambda step: f"states {', '.join(map(str, step['numbers']))} of the landscape",
    "cluster": _cluster,
    "clusters": _cluster,
    "nearest": _nearest,
    "rows": _rows,
    "motion": _motion,
    "shown": lambda step: "all shown",
    "saved": lambda step: f"'{step['name']}'",
    "same particles": lambda step: f"those of '{step['name']}' of {Path(step['job']).name}",
    "replayed": lambda step: f"'{step['name']}' of {Path(step['job']).name}, replayed",
}
