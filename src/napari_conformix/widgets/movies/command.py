"""What the movie's form is about to do, as the equal command lines."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from napari_conformix.analysis.paths import PERCENTILES
from napari_conformix.export.movie_plan import MovieOptions, View

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath


def movie_command(
    folder: Path, path: LatentPath, name: str, options: MovieOptions, *, file: Path | None = None
) -> str:
    """`conformix movie` for a path, with a movie `file` or (None) for its maps; '' for a path that
    has no name and cannot be asked for otherwise."""
    which = _which(path, name)
    if not which:
        return ""
    words = ["conformix", "movie", str(folder), *which]
    words += _motion(options)
    words += ["-o", str(file), *_look(options)] if file is not None else ["--maps", "maps"]
    if options.contour is not None:
        words += ["--contour", f"{options.contour:.6g}"]
    if file is not None and options.view is not None:
        words += _camera(options.view)
    return shlex.join(words)


def _which(path: LatentPath, name: str) -> list[str]:
    if name:
        return ["--path", name]
    how = path.how
    plain = tuple(how.get("percentiles", PERCENTILES)) == PERCENTILES and not how.get("reversed")
    if path.kind not in ("component", "motion") or how.get("straight") or not plain:
        return []
    option = "--pc" if path.kind == "component" else "--motion"
    words = [option, str(how["component"]), "--steps", str(len(path))]
    return [*words, "--half", str(path.half)] if path.half else words


def _motion(options: MovieOptions) -> list[str]:
    words = ["--fps", f"{options.frames_per_second:g}"]
    if options.seconds is not None:
        words += ["--seconds", f"{options.seconds:g}"]
    return words if options.there_and_back else [*words, "--once"]


def _look(options: MovieOptions) -> list[str]:
    words = ["--size", f"{options.width}x{options.height}"]
    for option, degrees in (("--turn", options.turn_degrees), ("--rock", options.rock_degrees)):
        if degrees:
            words += [option, f"{degrees:g}"]
    if options.inset is None:
        words.append("--no-inset")
    else:
        words += ["--inset", options.inset.replace(" ", "-")]
    for left_out, option in (
        (not options.scale_bar, "--no-scale-bar"),
        (not options.label, "--no-label"),
        (options.consensus is False, "--no-consensus"),
    ):
        words += [option] if left_out else []
    if options.title:
        words += ["--title", options.title]
    return [*words, "--background", options.background]


def _camera(view: View) -> list[str]:
    """The camera of the scene."""
    words = ["--view-from", _vector(tuple(-x for x in view.direction)), "--up", _vector(view.up)]
    if any(abs(x) > 1e-6 for x in view.centre_angstrom):
        words += ["--centre", _vector(view.centre_angstrom)]
    if view.field_angstrom is not None:
        words += ["--field", f"{view.field_angstrom:.4g}"]
    if view.perspective_degrees:
        words += ["--perspective", f"{view.perspective_degrees:g}"]
    return words


def _vector(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:.4g}" if abs(value) > 1e-6 else "0" for value in values)
