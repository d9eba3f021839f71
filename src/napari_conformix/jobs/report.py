"""`analyze`: the verdict, what particles do, the checks, clusters and the report, in the job."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_conformix.jobs import checks
from napari_conformix.jobs.clusters import Request, make_clusters
from napari_conformix.jobs.motion import deformations_of
from napari_conformix.jobs.selections import save_selection
from napari_conformix.runs import layout, whole_file
from napari_conformix.training.events import Epoch

if TYPE_CHECKING:
    from napari_conformix.analysis.checks import Heterogeneity
    from napari_conformix.analysis.motion import MotionTable, Verdict
    from napari_conformix.analysis.report import Cluster, Curve, Report, Unjudged
    from napari_conformix.jobs.clusters import ClusterSet
    from napari_conformix.jobs.folder import JobFolder

Judged = TypeVar("Judged", bound="Verdict | Heterogeneity | Unjudged")
Progress = Callable[[float], None]
Stop = Callable[[], bool]


def analyse(
    job: "JobFolder",
    *,
    clusters: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> "Report | None":
    """Judge the newest latents and write analysis/ in the job folder.

    `clusters` also makes the set of so many clusters, kmeans6 and the like, in place of one that is
    there, and saves its groups as selections kmeans6_cluster_01, ...; `progress` receives the share
    done; None when `stop` said so.
    """
    from napari_conformix.analysis.report import Report

    def part(first: float, last: float) -> Progress:
        def tell(share: float) -> None:
            if progress is not None:
                progress(first + (last - first) * share)

        return tell

    end = 1.0 if clusters is None else 0.6
    moves = job.method_class.has_displacement
    motion = deformations_of(job).motion_table(part(0.0, 0.5 * end), stop) if moves else None
    if moves and motion is None:
        return None
    verdict = _verdict(job, part(0.5 * end if moves else 0.0, end), stop)
    if verdict is None:
        return None
    invariance = checks.invariance(job)
    made = None
    if clusters is not None:
        request = Request(clusters, overwrite=True)
        made = make_clusters(job, request, part(end, 1.0), stop)
        if made is None:
            return None
    report = Report(
        job=job.folder.name,
        verdict=with_job_named(verdict, job.folder),
        motion=motion,
        latents=job.latents(),
        invariance=invariance,
        curves=_curves(job),
        curve_label=job.method_class.headline_label,
        model_biased=job.model_biased,
        clusters=() if made is None else _saved(made, motion),
        labels=None if made is None else made.clustering.labels,
        cluster_notes=() if made is None else tuple(made.sentences()),
    )
    return _written(report, job.folder / layout.ANALYSIS)


def _verdict(
    job: "JobFolder", progress: Progress, stop: Stop | None
) -> "Verdict | Heterogeneity | Unjudged | None":
    from napari_conformix.analysis.report import Unjudged

    return checks.verdict(job, progress, stop) if job.method_class.has_decoder else Unjudged()


def with_job_named(verdict: Judged, folder: Path) -> Judged:
    """The verdict with the folder of the job in the command that it advises."""
    return replace(verdict, advice=verdict.advice.replace(" JOB ", f" {quote(str(folder))} "))


def _written(report: "Report", folder: Path) -> "Report":
    """Write the page and the table; returns the report with the paths of all its files."""
    folder.mkdir(exist_ok=True)
    page, table = (folder / Path(name).name for name in (layout.REPORT_PAGE, layout.REPORT_TABLE))
    with whole_file(page) as temporary:
        temporary.write_text(report.html(), encoding="utf-8")
    columns = _columns(report)
    with whole_file(table) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*map(_cells, columns.values()), strict=True))
    motion = () if report.motion is None else (folder / Path(layout.MOTION).name,)
    maps = tuple(cluster.map for cluster in report.clusters if cluster.map is not None)
    return replace(report, files=(page, *motion, table, *maps))


def _columns(report: "Report") -> dict[str, NDArray[Any]]:
    """What is known of every particle (N,), by the name of its column."""
    from napari_conformix.analysis.report import latent_uncertainty

    latents, motion = report.latents, report.motion
    columns: dict[str, NDArray[Any]] = {
        "row": np.arange(len(latents)),
        "half": latents.half,
        "held_out": latents.validation.astype(np.int8),
    }
    if motion is not None:
        columns |= {
            "rms_displacement_A": motion.rms_displacement,
            "rms_error_A": motion.rms_error,
            "ratio": motion.ratio,
            "estimated_error_A": motion.estimated_error,
        }
    columns |= {
        "latent_std": np.sqrt(np.square(latents.std, dtype=np.float64).mean(axis=1)),
        "latent_std_over_spread": latent_uncertainty(latents),
    }
    if report.labels is not None:
        columns["cluster"] = np.where(report.labels < 0, np.nan, report.labels + 1.0)
    return columns


def _cells(values: NDArray[Any]) -> list[str]:
    if np.issubdtype(values.dtype, np.integer):
        return [str(value) for value in values]
    # clusters are whole numbers, with gaps where a particle is in none
    whole = bool(np.all(np.isnan(values) | (values == np.round(values))))
    return ["" if np.isnan(v) else f"{v:.0f}" if whole else f"{v:.4f}" for v in values]


def _curves(job: "JobFolder") -> "tuple[Curve, ...]":
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


def _saved(made: "ClusterSet", motion: "MotionTable | None") -> "tuple[Cluster, ...]":
    """Save every cluster as a selection; what the report says of each."""
    from napari_conformix.analysis.report import Cluster

    found = []
    maps = made.maps() or (None,) * len(made)
    for index, path in enumerate(maps):
        selection = made.selection(index)
        save_selection(made.job, selection)
        moved = np.nan
        if motion is not None:
            moved = float(np.sqrt(np.square(motion.rms_displacement[selection.rows]).mean()))
        central = int(made.clustering.representatives[index])
        found.append(Cluster(selection.name, len(selection), moved, central, path))
    return tuple(found)
