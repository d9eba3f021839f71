"""`conformix demo`: the whole path on simulated particles, in a few minutes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.display import has_display, with_display
from napari_conformix.cli.window import MODULE, open_
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.jobs import Job

#: sizes that two CPU cores train to something worth seeing in about three minutes
SCENE, PARTICLES, BOX, SNR = "adk", 2500, 48, 0.1
PRESET = "quick"
#: the share of the particles that is exported
END = 0.15
SELECTION = "one-end"
MAPS = 10


def demo(
    folder: Annotated[Path, Parameter(help="Where everything is written.")] = Path(
        "conformix-demo"
    ),
    /,
    *,
    particles: Annotated[int, Parameter(help="Number of particles.")] = PARTICLES,
    epochs: Annotated[int | None, Parameter(help="Epochs instead of the preset's.")] = None,
    pictures: Annotated[
        bool,
        Parameter(help="Make pictures and a movie, even if there is a display.", negative=()),
    ] = False,
) -> int:
    """The whole path on simulated particles, in minutes.

    Simulates particles, trains a small job, says whether its motion exceeds its error, exports the
    particles at one end of the motion, reconstructs a map along the motion and opens the window;
    without a display it leaves pictures and a movie instead. What is there already is kept, so
    that an interrupted demo goes on.
    """
    star = simulated(folder / "data", particles)
    job = made_job(folder / "job", star)
    status = trained(job, epochs)
    if status != 0:
        return status
    if job.state != "finished":  # Ctrl-C: the user knows
        return 0
    report = exported(job, folder, star) + analysed(job) + drawn(job, folder)
    report += reconstructed(job)
    shown = pictures or not has_display()
    if shown:
        report += taken_pictures(job, folder)
    print("\n" + "\n".join(report))
    if not shown:
        return open_(job.folder)
    return 0


def simulated(folder: Path, particles: int) -> Path:
    """The STAR file of the sample; made if it is not there."""
    from napari_conformix import simulation
    from napari_conformix.cli.terminal import progress_bar

    star = folder / "particles.star"
    if star.exists():
        print(f"Taking the particles in {folder}, made before.")
        return star
    print(f"Simulating {particles:,} particles: {simulation.SCENES[SCENE]}")
    with progress_bar("Simulating") as tell:
        return simulation.simulate(SCENE, folder, particles, BOX, snr=SNR, progress=tell)


def made_job(folder: Path, star: Path) -> "Job":
    """The job of the sample; made if it is not there."""
    from napari_conformix.jobs import Job
    from napari_conformix.methods import RECOMMENDED

    if folder.exists():
        return Job.open(folder)
    return Job.create(
        folder,
        method=RECOMMENDED,
        particles=star,
        consensus=star.parent / "consensus.mrc",
        mask=star.parent / "mask.mrc",
        preset=PRESET,
    )


def trained(job: "Job", epochs: int | None) -> int:
    """Train the job to its end, going on where it was left; the exit status."""
    from napari_conformix.cli.runs.progress import show_run

    last = job.checkpoints.last()
    if job.state == "finished" and last is not None and (epochs is None or epochs <= last):
        print(f"Taking the trained job {job.folder}; remove it to train again.")
        return 0
    return show_run(job.train(epochs=epochs, resume=last is not None), job.folder)


def exported(job: "Job", folder: Path, star: Path) -> list[str]:
    """Export one end of the motion and maps along it; sentences that say what there is."""
    from napari_conformix.cli.conformations.decode import (
        PC_PERCENTILES,
        map_files,
        note_latents,
        write_maps,
    )
    from napari_conformix.cli.conformations.decoding import along_component
    from napari_conformix.export.formats import offered_to, program_of

    selection = one_end(job)
    job.save_selection(selection)
    own = offered_to(program_of(job.particles.source.format)).usual
    subset = job.export(selection, folder / f"{SELECTION}{own.suffix}", overwrite=True)
    # Names in a STAR are relative to the project folder, here the demo's.
    stack = folder / "particles.mrcs"
    if not stack.exists():
        stack.symlink_to(os.path.relpath(star.with_suffix(".mrcs"), folder))
    latents = along_component(job.latents(), 1, MAPS, 1, PC_PERCENTILES)
    files = map_files(folder / "maps", MAPS, overwrite=True)
    maps = list(write_maps(job, latents, 1, files, None))
    note_latents(folder / "maps", latents, 1)
    share = f"{len(selection):,} of {selection.total:,} particles"
    return [
        f"Job               {job.folder}",
        f"Against the truth {agreement(job, star.parent / 'truth.npz')}",
        f"Subset            {subset}: {share} at one end of the motion",
        f"Maps              {folder / 'maps'}: {len(maps)} along the first component of half 1",
    ]


def analysed(job: "Job") -> list[str]:
    """Say whether there is motion beyond its error; sentences that say what there is."""
    from napari_conformix.jobs.report import analyse

    print("Comparing the two halves' motions of every particle")
    report = analyse(job)
    assert report is not None  # nothing asks it to stop
    page = next(path for path in report.files if path.suffix == ".html")
    return [f"Motion            {report.lines()[0]}", f"Report            {page}"]


def reconstructed(job: "Job") -> list[str]:
    """Reconstruct the half maps along the deformations; sentences that say what there is."""
    run = next((old for old in job.reconstructions() if old.state == "finished"), None)
    if run is None:
        print("Reconstructing half maps along the motion")
        job.reconstruct(deformed=True, overwrite=True)
        run = job.reconstructions()[0]
    return [f"Half maps         {run.folder}: {run.report().sentences()[0]}"]


def drawn(job: "Job", folder: Path) -> list[str]:
    """A figure of how densely the particles lie in the motion view, in words and kT."""
    from napari_conformix.jobs.landscape import make, write_figure

    figure, found = folder / "landscape.svg", make(job)
    write_figure(found, figure)
    return [f"Landscape         {figure}: {found.sentence()}"]


def one_end(job: "Job") -> "Selection":
    """The particles at the upper end of the first motion coordinate, common to both halves."""
    import numpy as np

    from napari_conformix.jobs.selections import in_range, make_selection, values_of

    name, values, _ = values_of(job, "motion 1")
    found = in_range(job, name, float(np.nanquantile(values, 1 - END)), None)
    return make_selection(job, SELECTION, found)


def agreement(job: "Job", truth: Path) -> str:
    """|Spearman| of each half's first latent component with the true conformation, in words."""
    import numpy as np
    from scipy.stats import spearmanr

    from napari_conformix.analysis.spaces import pca

    with np.load(truth, allow_pickle=False) as known:
        value = known["value"]
    table = job.latents()
    words = []
    for half in np.unique(table.half):
        rows = np.flatnonzero(table.half == half)
        first = pca(table.mean, rows).transform(table.mean[rows])[:, 0]
        words.append(f"{abs(spearmanr(first, value[rows]).statistic):.3f} in half {half}")
    return "|Spearman| of the first component " + ", ".join(words)


def taken_pictures(job: "Job", folder: Path) -> list[str]:
    """Pictures of the window's pages and a movie, made on a display that nobody sees."""
    wrapper = with_display()
    if wrapper is None:
        return [
            "Pictures          none: there is no display. For pictures and a movie: "
            "apt-get install xvfb xauth"
        ]
    images, movie = folder / "pictures", folder / "motion.mp4"
    images.mkdir(exist_ok=True)
    command = [sys.executable, "-m", MODULE, "--screenshots", str(images), str(job.folder)]
    done = subprocess.run(
        [*wrapper, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise UserError(
            f"The window could not be drawn (status {done.returncode}); `conformix doctor` "
            f"says what is missing.\n{done.stderr or done.stdout}"
        )
    filmed(job, movie)
    names = ", ".join(sorted(path.name for path in images.glob("*.png")))
    return [f"Pictures          {images}: {names}", f"Movie             {movie}"]


def filmed(job: "Job", file: Path) -> None:
    """A movie along the first motion, there and back."""
    from napari_conformix.cli.conformations.movie_process import record
    from napari_conformix.export.movie_plan import options_from
    from napari_conformix.export.movie_words import STEPS
    from napari_conformix.jobs import paths

    path = paths.make(job, {"kind": "motion", "component": 1, "count": STEPS})
    record(job, path, file, options_from(title="Motion 1"), overwrite=True)
