"""Checks of a job's latents, kept in its folder while the latents are the newest.

What imaging conditions explain of them (`analysis.invariance`) is looked at after every run; the
question whether held-out images need more than one structure (`analysis.heterogeneity`) decodes
many volumes, and is answered when it is asked.
"""

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import refuse_without_decoder
from napari_conformix.jobs.motion import deformations_of
from napari_conformix.runs import formats, layout, whole_file
from napari_conformix.training.latent_table import LatentTable

if TYPE_CHECKING:
    from napari_conformix.analysis.checks import Condition, Heterogeneity, Invariance
    from napari_conformix.analysis.motion import Verdict
    from napari_conformix.jobs.folder import JobFolder

#: held-out particles that are asked whether they need their own latent
HELD_OUT_ASKED = 400

_FORMATS = {
    Path(layout.INVARIANCE).name: formats.INVARIANCE,
    Path(layout.HETEROGENEITY).name: formats.HETEROGENEITY,
}

Progress = Callable[[float], None]
Stop = Callable[[], bool]
Result = TypeVar("Result")


def invariance(job: "JobFolder") -> "Invariance":
    """What imaging conditions explain of the newest latents; UserError before there are any.

    Of two models, whose latents have nothing to do with each other, the motion view is taken, which
    means the same in both.
    """
    from napari_conformix.analysis.checks import MOST_PARTICLES, Invariance, invariance

    path = job.folder / layout.INVARIANCE
    kept = _read(path, Invariance, job)
    if kept is not None:
        return kept
    table = job.latents()
    common = table.motion if job.method_class.independent_halves else None
    values = table.mean if common is None else common
    rows = _at_most(np.flatnonzero(np.isfinite(values).all(axis=1)), MOST_PARTICLES)
    of = "latents" if common is None else "motion view"
    found = invariance(values[rows], conditions_of(job, rows), of=of, epoch=table.epoch)
    _write(path, found, table)
    return found


def heterogeneity(
    job: "JobFolder", progress: Progress | None = None, stop: Stop | None = None
) -> "Heterogeneity | None":
    """Whether held-out images need more than one structure; None when `stop` said so.

    For methods with two models, that of the first half is asked.
    """
    from napari_conformix.analysis.checks import Heterogeneity, heterogeneity
    from napari_conformix.training.batches import TrainingData

    path = job.folder / layout.HETEROGENEITY
    kept = _read(path, Heterogeneity, job)
    if kept is not None:
        return kept
    table, method = job.latents(), job.method()
    half = method.halves[0]
    rows = np.flatnonzero(table.validation & np.isfinite(table.mean).all(axis=1))
    rows = _at_most(rows, HELD_OUT_ASKED)
    settings = method.settings.model_copy(update={"images": "stream"})
    found = heterogeneity(
        method,
        TrainingData(job.particles, method.frame, settings).batch,
        rows,
        _centre(table, half),
        conditions_of(job, rows),
        half=half,
        progress=progress,
        stop=stop,
    )
    if found is not None:
        _write(path, found, table)
    return found


def verdict(
    job: "JobFolder", progress: Progress | None = None, stop: Stop | None = None
) -> "Verdict | Heterogeneity | None":
    """Whether there is motion beyond its error, or, for methods without displacements,
    heterogeneity beyond noise; None when `stop` said so. NotSupportedError without a decoder."""
    refuse_without_decoder(job.method_class, "be judged by held-out images")
    if not job.method_class.has_displacement:
        return heterogeneity(job, progress, stop)
    return deformations_of(job).verdict(progress, stop)


def kept_heterogeneity(job: "JobFolder") -> "Heterogeneity | None":
    """The answer for the newest latents, if it was given before."""
    from napari_conformix.analysis.checks import Heterogeneity

    return _read(job.folder / layout.HETEROGENEITY, Heterogeneity, job)


def doubt(job: "JobFolder", epoch: int | None = None) -> str:
    """What stands against taking groups of the latents of an epoch (None: the newest) for states
    of the molecule: the verdict of held-out images where it is not a clear one, or that it was not
    asked for; '' where it is clear, and for methods that do not keep one."""
    kind = job.method_class
    if not kind.has_decoder or kind.has_displacement:
        return ""
    latents = job.folder / layout.LATENTS
    newest = epoch is None or (latents.exists() and epoch == LatentTable.epoch_of(latents))
    kept = kept_heterogeneity(job) if newest else None
    if kept is None:
        return (
            "Held-out images were not asked yet whether they need more than one structure "
            "(conformix analyze, or Test it on the Explore page): latents of a molecule that has "
            "but one may lie in groups, too."
        )
    if kept.found:
        return ""
    return f"Do not take these for states of the molecule. {kept.sentence}"


def conditions_of(job: "JobFolder", rows: NDArray[np.int64]) -> "list[Condition]":
    """How the particles at `rows` were imaged, all conditions together last."""
    from napari_conformix.analysis.checks import imaged, together

    chosen = job.particles.subset(rows)
    conditions = imaged(
        chosen.rotation,
        chosen.shift_angstrom,
        (chosen.defocus_u_angstrom + chosen.defocus_v_angstrom) / 2,
        chosen.optics_index,
    )
    return [*conditions, together(conditions, chosen.rotation)]


def _at_most(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """`most` of the rows, drawn at random and sorted, or all if there are no more."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _centre(table: LatentTable, half: int) -> NDArray[np.float64]:
    """(d,) the mean latent of the particles that a model was trained on."""
    mine = ~table.validation & np.isfinite(table.mean).all(axis=1)
    if half:
        mine &= table.half == half
    return np.asarray(table.mean[mine].mean(axis=0), np.float64)


def _read(path: Path, kind: type[Result], job: "JobFolder") -> Result | None:
    """What was found before, if it is of the newest latents; a damaged file is none. UserError for
    one of a later version."""
    from pydantic import TypeAdapter, ValidationError

    form = _FORMATS[path.name]
    latents = job.folder / layout.LATENTS
    if not path.exists() or not latents.exists():
        return None
    if path.stat().st_mtime_ns < latents.stat().st_mtime_ns:
        return None
    try:
        told = form.unstamped(form.read_json(path.read_bytes(), path))
        epoch = told.pop("epoch_of_latents")
        found = TypeAdapter(kind).validate_python(told)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        return None
    return found if epoch == LatentTable.epoch_of(latents) else None


def _write(path: Path, found: "Invariance | Heterogeneity", table: LatentTable) -> None:
    stamp = _FORMATS[path.name].stamp()
    told = stamp | asdict(found) | {"epoch_of_latents": table.epoch}
    # in a folder that only others may write, it is found again each time
    with contextlib.suppress(OSError, UserError):
        path.parent.mkdir(exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
