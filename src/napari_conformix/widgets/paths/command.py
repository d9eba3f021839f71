"""The command line that makes the path which is shown."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath

_NAME: Final = "NAME"
_BY_HAND: Final = (
    "A line drawn by hand has no command of its own. Save it; the same path through newer latents "
    "is then:"
)
_REVERSED: Final = (
    "A path that was turned round has no command of its own; the same through newer latents is:"
)


def path_command(folder: Path, path: LatentPath) -> str:
    """`conformix path`, or `conformix landscape` for a path of least energy; NAME where the path
    has no name yet."""
    name, how = path.name or _NAME, path.how
    half = ["--half", str(path.half)] if path.half else []
    if path.kind == "drawn" or how.get("reversed"):
        words = ["conformix", "path", str(folder), "--like", name, "--name", f"{name}_again"]
        return f"{_BY_HAND if path.kind == 'drawn' else _REVERSED}\n{shlex.join(words)}"
    if path.kind == "least energy":
        words = ["conformix", "landscape", str(folder), *_view(how)]
        words += ["--path", *map(str, how["states"])]
    else:
        words = ["conformix", "path", str(folder), *_which(path)]
    return shlex.join([*words, "--count", str(len(path)), *half, "--name", name])


def _which(path: LatentPath) -> list[str]:
    how = path.how
    if path.kind in ("component", "motion"):
        option = "--pc" if path.kind == "component" else "--motion"
        ends = ",".join(f"{p:g}" for p in how["percentiles"])
        straight = ["--straight"] if how.get("straight") else []
        return [option, str(how["component"]), "--percentiles", ends, *straight]
    if path.kind == "points":
        points = " ".join(f"{x:.6g},{y:.6g}" for x, y in how["points"])
        closed = ["--closed"] if how.get("closed") else []
        exact = ["--straight"] if how.get("exact") else []
        return [f"--points={points}", *_view(how), *closed, *exact]
    if path.kind == "data":
        return ["--from-row", str(how["start"]), "--to-row", str(how["end"])]
    if path.kind == "clusters":
        over = ["--over", "data"] if how.get("over") == "data" else []
        return ["--clusters", str(how["set"]), *over]
    return ["--file", str(how.get("source", ""))]


def _view(how: dict[str, Any]) -> list[str]:
    axes = ",".join(a if isinstance(a, str) else str(a + 1) for a in how["axes"])
    return ["--view", how["map"], "--axes", axes]
