"""`analyze`: the verdict, the table of motions, clusters and the report, written into the job."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.jobs import layout
from napari_conformix.particles.whole_files import whole_file
from napari_conformix.training.events import Epoch

if TYPE_CHECKING:
    from napari_conformix.analysis.motion_table import MotionTable
    from napari_conformix.analysis.report import Cluster, Curve, Report
    from napari_conformix.analysis.verdict import Verdict
    from napari_conformix.jobs.job import Job
    from napari_conformix.training.latent_table import LatentTable

CSV_COLUMNS = (
    "row",
    "half",
    "held_out",
    "rms_displacement_A",
    "rms_error_A",
    "ratio",
    "estimated_error_A",
)
#: of the k-means, so that a repeated analysis gives the same groups
SEED = 1


def analyse(
    job: "Job",
    *,
    clusters: int | None = None,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> "Report | None":
    """Judge the motion of the newest latents and write analysis/ in the job folder.

    `clusters` also groups the particles by their motion and saves selections cluster_1, ...;
    `progress` is told the share done; None when `stop` said so.
    """
    from napari_conformix.analysis.report import Report

    def part(first: float, last: float) -> Callable[[float], None]:
        def tell(share: float) -> None:
            if progress is not None:
                progress(first + (last - first) * share)

        return tell

    motion = job.motion_table(part(0.0, 0.6), stop)
    verdict = job.verdict(part(0.6, 1.0), stop) if motion is not None else None
    if motion is None or verdict is None:
        return None
    latents = job.latents()
    report = Report(
        job=job.folder.name,
        verdict=with_job_named(verdict, job.folder),
        motion=motion,
        latents=latents,
        curves=_curves(job),
        curve_label=job.method_class.headline_label,
        model_biased=job.model_biased,
        clusters=() if clusters is None else _clusters(job, latents, motion, clusters),
    )
    return _written(report, job.folder / layout.ANALYSIS)


def with_job_named(verdict: "Verdict", folder: Path) -> "Verdict":
    """The verdict with the folder of the job in the command that it advises."""
    return replace(verdict, advice=verdict.advice.replace(" JOB ", f" {quote(str(folder))} "))


def _written(report: "Report", folder: Path) -> "Report":
    """Write the page and the table; returns the report with the paths of all its files."""
    folder.mkdir(exist_ok=True)
    page, table = folder / "report.html", folder / "particles.csv"
    with whole_file(page) as temporary:
        temporary.write_text(report.html(), encoding="utf-8")
    with whole_file(table) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        motion, latents = report.motion, report.latents
        columns = (
            motion.rms_displacement,
            motion.rms_error,
            motion.ratio,
            motion.estimated_error,
        )
        for row, (half, held_out, *values) in enumerate(
            zip(latents.half, latents.validation, *columns, strict=True)
        ):
            cells = ["" if np.isnan(value) else f"{value:.4f}" for value in values]
            writer.writerow([row, half, int(held_out), *cells])
    maps = tuple(cluster.map for cluster in report.clusters)
    return replace(report, files=(page, folder / Path(layout.MOTION).name, table, *maps))


def _curves(job: "Job") -> "tuple[Curve, ...]":
    """The headline loss of every half against the epochs, in training and of held-out particles."""
    epochs = [event for event in job.events() if isinstance(event, Epoch)]
    curves: list[Curve] = []
    for half in sorted({half for event in epochs for half in event.train}):
        name = "" if half == "0" else f" half {half}"
        for words, dashed in (("training", False), ("held out", True)):
            points = [
                (event.epoch, terms[half][event.headline])
                for event in epochs
                if event.headline
                in (terms := event.validation if dashed else event.train).get(half, {})
            ]
            x, y = np.array(points, float).reshape(-1, 2).T
            curves.append((words + name, x, y, dashed))
    return tuple(curves)


def _clusters(
    job: "Job", latents: "LatentTable", motion: "MotionTable", count: int
) -> "tuple[Cluster, ...]":
    """k-means of the motion coordinates that both halves share; the largest group comes first.

    Saves every group as a selection, and the map of the particle nearest to its centre, decoded by
    that particle's own half.
    """
    from sklearn.cluster import KMeans

    from napari_conformix.analysis.report import Cluster
    from napari_conformix.particles import write_map

    coordinates = latents.motion
    if coordinates is None:
        raise UserError("These latents have no motion coordinates to group particles by.")
    if count > len(coordinates):
        raise UserError(f"{len(coordinates)} particles do not make {count} clusters.")
    fit = KMeans(count, n_init=4, random_state=SEED).fit(coordinates)
    sizes = np.bincount(fit.labels_, minlength=count)
    folder = job.folder / layout.ANALYSIS
    folder.mkdir(exist_ok=True)
    _forget_clusters(job)
    found = []
    for number, label in enumerate(np.argsort(-sizes, kind="stable"), start=1):
        rows = np.flatnonzero(fit.labels_ == label)
        if not len(rows):  # particles that move exactly alike
            continue
        distance = np.linalg.norm(coordinates[rows] - fit.cluster_centers_[label], axis=1)
        central = int(rows[distance.argmin()])
        name = f"cluster_{number}"
        _save_selection(job, name, rows, latents, number, count)
        path = folder / f"{name}.mrc"
        volume = job.decode(latents.mean[central], half=int(latents.half[central]) or None)
        write_map(path, volume, job.spec.grids.pixel_size_angstrom)
        rms = float(np.sqrt(np.square(motion.rms_displacement[rows]).mean()))
        found.append(Cluster(name, len(rows), rms, central, path))
    return tuple(found)


def _save_selection(
    job: "Job",
    name: str,
    rows: NDArray[np.int64],
    latents: "LatentTable",
    number: int,
    count: int,
) -> None:
    from napari_conformix.analysis.selection import Selection

    how = {"action": "replace", "kind": "cluster", "number": number, "clusters": count}
    how |= {"coordinates": "motion", "seed": SEED}
    job.save_selection(Selection(name, rows, len(latents), (how,), latents.epoch))


def _forget_clusters(job: "Job") -> None:
    """Remove the groups of an earlier analysis, which may have had more of them."""
    for name in job.selections():
        steps = job.selection(name).how
        if name.startswith("cluster_") and [step.get("kind") for step in steps] == ["cluster"]:
            job.delete_selection(name)
            (job.folder / layout.ANALYSIS / f"{name}.mrc").unlink(missing_ok=True)
