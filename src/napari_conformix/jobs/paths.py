"""Paths of a job: saved under a name in paths/, made from how they are described, read from files.

The description of a saved path (`LatentPath.how`) is what :func:`make` takes, so that a path can be
made again from newer latents or in another run of the same particles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.analysis.paths import LatentPath, making, names
from napari_conformix.errors import UserError
from napari_conformix.runs import layout

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import DataSupport, LatentView
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.training.latent_table import LatentTable

#: kinds of paths that lie on a view, and what makes them of it
_ON_VIEW = ("points", "drawn", "least energy")


def paths_of(folder: Path) -> list[str]:
    """Names of the paths saved in a job folder, sorted."""
    return names(folder / layout.PATHS)


def save(job: "JobFolder", name: str, path: LatentPath, *, overwrite: bool = False) -> Path:
    """Write a path under a name; returns its description's file. UserError when there is a path
    of that name and not `overwrite`."""
    refuse_taken(job, name, overwrite=overwrite)
    return path.save(job.folder / layout.PATHS, name)


def refuse_taken(job: "JobFolder", name: str, *, overwrite: bool) -> None:
    """UserError when there is a path of that name and it is not to be overwritten."""
    if not overwrite and name in paths_of(job.folder):
        raise UserError(
            f"There is a path {name!r} already; choose another name, or ask to overwrite it "
            "(--overwrite)."
        )


def delete(job: "JobFolder", name: str) -> None:
    """Remove a saved path; UserError when there is none of that name."""
    if name not in paths_of(job.folder):
        load(job, name)  # which says what there is
    for suffix in (".json", ".npz"):
        (job.folder / layout.PATHS / f"{name}{suffix}").unlink(missing_ok=True)


def load(job: "JobFolder", name: str) -> LatentPath:
    """A saved path; UserError names those that there are."""
    return LatentPath.load(job.folder / layout.PATHS, name)


def read(job: "JobFolder", name_or_file: str | Path, half: int | None = None) -> LatentPath:
    """A saved path by its name, or the path in a file: .npy (n, d), text with a latent a line, or
    the .json or .npz of a path that was saved in a job.

    `half` says whose latents those of a plain file are (1 by default for a method with two
    models); UserError when a saved path is of the other half.
    """
    text = str(name_or_file)
    if text in paths_of(job.folder):
        found = load(job, text)
    else:
        file = Path(name_or_file)
        if not file.exists():
            known = ", ".join(paths_of(job.folder)) or "none"
            raise UserError(
                f"There is no path {text!r} in {job.folder / layout.PATHS} (it has: {known}) and "
                "no file of that name."
            )
        if file.suffix.lower() not in (".json", ".npz"):
            latents = read_latents(file)
            chosen = half_of(job, half)
            return making.from_latents(job.latents(), latents, half=chosen, source=str(file))
        found = LatentPath.load(file.parent, file.stem)
    if half is not None and found.half and found.half != half:
        raise UserError(
            f"The path {text!r} is in the latent space of half {found.half}; leave --half {half} "
            "out."
        )
    return found


def make(
    job: "JobFolder",
    how: Mapping[str, Any],
    *,
    half: int | None = None,
    epoch: int | None = None,
    near: "DataSupport | None" = None,
) -> LatentPath:
    """The path that a description says, of the latents of an epoch (the result so far by default).

    `how` is what a path keeps of itself; at the least `kind` and what that kind needs:
    component (`component`), motion (`component`), points and drawn (`map`, `axes`, `points`), data
    (`start`, `end`: rows), clusters (`set`), 'least energy' (`map`, `axes`, `points`), latents
    (`latents`). `count` is the number of steps.
    """
    given = dict(how)
    turned = bool(given.pop("reversed", False))
    kind = given.get("kind")
    maker = _MAKERS.get(str(kind))
    if maker is None:
        raise UserError(f"No path can be made of kind {kind!r}; there are: {', '.join(_MAKERS)}.")
    table = job.latents(epoch)
    if kind == "data" and half is None and "start" in given:
        start = int(given["start"])
        half = int(table.half[start]) if 0 <= start < len(table) else None
    given.setdefault("count", making.STEPS)
    try:
        made = maker(job, table, given, half_of(job, half), near)
    except KeyError as error:
        raise UserError(f"The description of a path of kind {kind!r} lacks {error}.") from error
    made = replace(made, how={**given, **made.how})
    return made.reversed() if turned else made


def half_of(job: "JobFolder", half: int | None) -> int:
    """The half that is meant: as asked, else 1; always 0 for a method with one model."""
    if not job.method_class.independent_halves:
        return 0
    return half or 1


def read_latents(path: Path) -> NDArray[np.float32]:
    """(n, d) latents of a .npy or .pkl file, or a text file with one a line; commas are allowed."""
    from napari_conformix.particles.latents import read_table

    try:
        latents = read_table(path, flat="row")
    except UserError as error:
        raise UserError(f"{path} cannot be read as latents: {error}") from error
    if not np.isfinite(latents).all():
        raise UserError(
            f"{path} must hold finite numbers, one latent a line; it has the shape {latents.shape}."
        )
    return latents


# -- a maker for each kind ------------------------------------------------------------------------

How = dict[str, Any]
Maker = Callable[["JobFolder", "LatentTable", How, int, "DataSupport | None"], LatentPath]


def _component(
    job: "JobFolder", table: "LatentTable", how: How, half: int, near: "DataSupport | None"
) -> LatentPath:
    return making.along_component(
        table,
        int(how["component"]),
        int(how["count"]),
        half=half,
        percentiles=_percentiles(how),
        straight=bool(how.get("straight", False)),
        near=near,
    )


def _motion(
    job: "JobFolder", table: "LatentTable", how: How, half: int, near: "DataSupport | None"
) -> LatentPath:
    return making.along_motion(
        table,
        int(how["component"]),
        int(how["count"]),
        half=half,
        percentiles=_percentiles(how),
        near=near,
    )


def _on_view(
    job: "JobFolder", table: "LatentTable", how: How, half: int, near: "DataSupport | None"
) -> LatentPath:
    from napari_conformix.jobs.spaces import latent_view

    view = latent_view(job, how["map"], how["axes"], table=table)
    points, count = _as_axes_run(how["points"], how.get("anchor"), view), int(how["count"])
    exact = bool(how.get("exact", False))
    if how["kind"] == "points":
        closed = bool(how.get("closed", False))
        return making.through_points(
            view, points, half, count, closed=closed, exact=exact, near=near
        )
    if how["kind"] == "drawn":
        return making.drawn(view, points, half, count, exact=exact, near=near)
    return making.along_view(view, points, half, count, near=near)


def _as_axes_run(points: Any, anchor: Sequence[float] | None, view: "LatentView") -> NDArray[Any]:
    """Points (n, 2) as the axes run now: the signs of components are free, and the place of one
    particle, its anchor (row, x, y), says which way they ran when the path was made."""
    places = np.asarray(points, np.float64)
    now = None if anchor is None else view.place_of(int(anchor[0]))
    if anchor is None or now is None or not view.space.key.startswith(("pca", "motion")):
        return places
    return places * np.where(np.multiply(now, anchor[1:]) < 0, -1.0, 1.0)


def _data(
    job: "JobFolder", table: "LatentTable", how: How, half: int, near: "DataSupport | None"
) -> LatentPath:
    start, end = int(how["start"]), int(how["end"])
    return making.through_data(table, start, end, int(how["count"]), half=half, near=near)


def _clusters(
    job: "JobFolder", table: "LatentTable", how: How, half: int, near: "DataSupport | None"
) -> LatentPath:
    from napari_conformix.jobs.clusters import ClusterSet

    labels = ClusterSet(job, how["set"]).clustering.labels
    count, over = int(how["count"]), how.get("over", "lines")
    return making.through_clusters(
        table, labels, count, half=half, over=over, name=how["set"], near=near
    )


def _latents(
    job: "JobFolder", table: "LatentTable", how: How, half: int, near: "DataSupport | None"
) -> LatentPath:
    source = str(how.get("source", ""))
    return making.from_latents(table, how["latents"], half=half, source=source, near=near)


_MAKERS: dict[str, Maker] = {
    "component": _component,
    "motion": _motion,
    **dict.fromkeys(_ON_VIEW, _on_view),
    "data": _data,
    "clusters": _clusters,
    "latents": _latents,
}


def _percentiles(how: How) -> tuple[float, float]:
    low, high = how.get("percentiles", making.PERCENTILES)
    return float(low), float(high)
