"""`conformix umap`: lay the particles out by UMAP, and see which UMAPs a job keeps."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.jobs import Job

_SHARES = {"loading": 0.0, "fitting": 0.1, "placing": 0.6}


def umap(
    job: JobFolder,
    /,
    *,
    of: Annotated[
        Literal["motion", "half1", "half2", "latents"] | None,
        Parameter(
            help="What is embedded: the motions, which mean the same in both halves; one half's "
            "latents; or the latents of a method with one model."
        ),
    ] = None,
    neighbours: Annotated[
        int, Parameter(help="How many nearest particles a particle is kept close to.")
    ] = 15,
    min_dist: Annotated[
        float, Parameter(help="How close particles may lie in the view, 0 to 1.")
    ] = 0.1,
    fit: Annotated[
        int,
        Parameter(
            help="UMAP is fitted to at most so many particles, chosen at random; the others are "
            "placed among them."
        ),
    ] = 200_000,
    fast: Annotated[
        bool, Parameter(help="Use all cores; not exactly repeatable then.", negative=())
    ] = False,
    seed: Annotated[int, Parameter(help="Of the random choice and of UMAP.")] = 1,
    list_: Annotated[
        bool, Parameter(name="--list", help="List the UMAPs that there are.", negative=())
    ] = False,
    delete: Annotated[str | None, Parameter(help="Delete the UMAP of that name.")] = None,
) -> None:
    """Lay the particles of a trained job out so that neighbours in latent space stay neighbours.

    The UMAP is kept in the job folder under its parameters, and is then a view of the Explore page.
    Distances and axes of a UMAP mean nothing by themselves.
    """
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    if list_:
        _list(opened)
    elif delete is not None:
        opened.delete_umap(delete)
        print(f"Deleted the UMAP {delete}.")
    else:
        with progress_bar("UMAP") as tell:
            kept = opened.umap(
                of,
                progress=lambda stage, share: tell(_SHARES.get(stage, 0.0) + 0.4 * (share or 0.0)),
                neighbours=neighbours,
                min_dist=min_dist,
                fit_rows=fit,
                seed=seed,
                repeatable=not fast,
            )
        if kept is None:  # nothing asks it to stop
            raise UserError("The UMAP was stopped.")
        count = len(opened.latents().mean)
        print(f"{kept.path}: {kept.parameters.sentence(count)}")


def _list(job: "Job") -> None:
    from napari_conformix.jobs.spaces import embedding_of, umaps_of

    found = umaps_of(job)
    for kept in found:
        embedding = embedding_of(job, kept)
        if embedding is None:
            print(f"{kept.name}: {kept.parameters.sentence()}; of earlier latents, not shown")
        else:
            print(f"{kept.name}: {kept.parameters.sentence(len(embedding))}")
    if not found:
        print("There is no UMAP yet; make one: conformix umap JOB")
