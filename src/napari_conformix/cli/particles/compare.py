"""`compare`: how far two jobs place the same particles alike."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError


def compare(
    job: JobFolder,
    other: Annotated[Path, Parameter(help="The folder of another job of the same particles.")],
    /,
    *,
    clusters: Annotated[
        int, Parameter(help="Groups by k-means, for a job that has no clusters of its own.")
    ] = 6,
) -> None:
    """Say how far two jobs, such as one of either method, place the same particles alike.

    Particles are known by their images, so that either file may be a subset, in another order, or
    have every image several times. Prints how many are in both, what the place of a particle in
    one latent space says of its place in the other, the axes in common, and how alike the groups
    are, all next to what particles paired at random give.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.comparison import refuse_itself

    if clusters < 2:
        raise UserError(f"--clusters {clusters} must be at least 2.")
    this, that = Job.open(job), Job.open(other)
    refuse_itself(this, that)
    with progress_bar("Comparing the positions of the particles") as tell:
        comparison = this.compare(that, clusters, progress=tell)
    assert comparison is not None  # nothing asks it to stop
    print("\n".join(comparison.lines()))
