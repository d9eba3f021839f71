"""Where new particles lie on the view of a trained job: `embed`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError


def embed(
    job: JobFolder,
    /,
    *,
    particles: Annotated[
        Path, Parameter(help="STAR or .cs file with poses in the frame of the job's consensus.")
    ],
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="File to write: latents.npz.")],
    datadir: Annotated[
        Path | None, Parameter(help="Folder that the image names are relative to.")
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace the file if it exists.", negative=())
    ] = False,
) -> None:
    """Find latents of particles that the job was not trained on.

    The models stay as they are; each half's model fits a latent to every image. Row i of the
    arrays is row i of the particle file.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.spaces import save_embedding
    from napari_conformix.particles import read_particles

    if output.suffix != ".npz":
        raise UserError(f"{output} must end in .npz; that is what latents are written as.")
    if output.exists() and not overwrite:
        raise UserError(
            f"{output} exists; choose another name, or ask to overwrite it (--overwrite)."
        )
    opened = Job.open(job)
    halves = (1, 2) if opened.method_class.independent_halves else (0,)
    strangers = read_particles(particles, datadir=datadir)
    total = len(strangers) * len(halves)
    found = {}
    with progress_bar(f"Embedding {len(strangers):,} particles") as tell:
        for done, half in enumerate(halves):
            so_far = partial(_tell, tell, done * len(strangers), total)
            found[half] = opened.embed(strangers, half, progress=so_far)
    save_embedding(output, found)
    print(f"{output}: latents of {len(strangers):,} particles by {len(halves)} model(s)")


def _tell(tell: Callable[[float], object], before: int, total: int, done: int) -> None:
    tell((before + done) / total)
