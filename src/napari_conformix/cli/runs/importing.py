"""`conformix import`: latents that another program made, to be explored and exported."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder, Passthrough, StacksFolder


def import_(
    job: JobFolder,
    /,
    *,
    particles: Annotated[
        Path,
        Parameter(help="Particles that the latents belong to: a RELION STAR or cryoSPARC .cs."),
    ],
    latents: Annotated[
        Path,
        Parameter(
            help="cryoDRGN's z.pkl (read without running anything in it), .npy, a table in text, "
            "or a .star or .cs file with columns."
        ),
    ],
    columns: Annotated[
        str | None,
        Parameter(
            help="Columns of a .star or .cs file that hold the latents, a,b,c; of an array, their "
            "numbers from 1. Not needed for arrays, nor for cryoSPARC's 3D variability."
        ),
    ] = None,
    rows: Annotated[
        Path | None,
        Parameter(
            help="Rows of the particle file that the latents belong to, from 0 (.pkl or .npy): "
            "what cryoDRGN was given as --ind. The other particles then have no latent."
        ),
    ] = None,
    consensus: Annotated[
        Path | None, Parameter(help="Consensus map (MRC), to be shown next to the latents.")
    ] = None,
    mask: Annotated[Path | None, Parameter(help="Mask (MRC) for reconstructions.")] = None,
    datadir: StacksFolder = None,
    passthrough: Passthrough = None,
) -> None:
    """Open latents of another program (cryoDRGN, 3D variability, ...) as a job folder.

    There is no decoder for them: maps cannot be decoded, and nothing is trained. Particles can be
    explored, selected, grouped, exported, and a selection reconstructed from its own images.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.runs import Warning
    from napari_conformix.training.events import Notice

    names = [name.strip() for name in (columns or "").split(",") if name.strip()]
    made = Job.from_latents(
        job,
        particles=particles,
        latents=latents,
        columns=names,
        rows=rows,
        consensus=consensus,
        mask=mask,
        datadir=datadir,
        passthrough=passthrough,
    )
    for event in made.events():
        if isinstance(event, Warning):
            print(f"warning: {event.message}")
        elif isinstance(event, Notice):
            print(event.message)
    print(f"Made {job}. Explore it with: conformix open {job}")


import_.__name__ = "import"
