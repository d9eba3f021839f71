"""What moves, and how far to believe it: `analyze`, `arrows`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError
from napari_conformix.export.formats import ARROW_FILES

#: arrows in a file for ChimeraX unless another number is asked for
ARROWS = 300
_DRAWN = " or ".join(one.suffix for one in ARROW_FILES if one.drawn)


def analyze(
    job: JobFolder,
    /,
    *,
    clusters: Annotated[
        int | None,
        Parameter(
            help="Also make so many clusters (k-means; as `conformix clusters JOB -k K` does), and "
            "save each as a selection, kmeans6_cluster_01 and so on."
        ),
    ] = None,
) -> None:
    """Say how far to believe what was found, and write a report.

    Prints the verdict first: whether there is motion beyond its error, or, for a method without
    displacements, whether held-out images need more than one structure. Then whether the latents
    follow how particles were imaged. Writes analysis/report.html and analysis/particles.csv in the
    job folder.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.report import analyse

    if clusters is not None and clusters < 1:
        raise UserError(f"--clusters {clusters} must be at least 1.")
    opened = Job.open(job)
    with progress_bar("Judging the latents of all particles") as tell:
        report = analyse(opened, clusters=clusters, progress=tell)
    assert report is not None  # nothing asks it to stop
    print("\n".join(report.lines()))
    print("\n" + "\n".join(str(path) for path in report.files))


def arrows(
    job: JobFolder,
    /,
    *,
    particle: Annotated[
        int | None, Parameter(help="From the consensus to this particle: its row, from 0.")
    ] = None,
    between: Annotated[
        str | None, Parameter(help="From one particle to another: two rows, I,J.")
    ] = None,
    latent: Annotated[
        str | None,
        Parameter(
            help="From the consensus to this latent: d numbers, a,b,c.", allow_leading_hyphen=True
        ),
    ] = None,
    path: Annotated[
        Path | None,
        Parameter(
            help="Along a saved path (`conformix path`), or the latents of a file: text with one "
            "a line, or .npy (n, d)."
        ),
    ] = None,
    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], help=f"{ARROW_FILES.examples()}."),
    ],
    half: Annotated[
        Literal[1, 2] | None,
        Parameter(help="Whose latents --latent and --path are; 1 if a path does not say."),
    ] = None,
    at: Annotated[
        Literal[1, 2], Parameter(help="The half at whose consensus positions arrows begin.")
    ] = 1,
    count: Annotated[
        int | None,
        Parameter(help=f"Number of arrows; {ARROWS} in a {_DRAWN}, all in a table if not given."),
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace the file if it exists.", negative=())
    ] = False,
) -> None:
    """Write a deformation as arrows with error spheres for ChimeraX, or as a table in A."""
    from napari_conformix.cli.conformations import latents_of_path, numbers
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    given = [particle is not None, between is not None, latent is not None, path is not None]
    if sum(given) != 1:
        raise UserError("Give one of --particle, --between, --latent and --path.")
    if count is not None and count < 1:
        raise UserError(f"--count {count} must be at least 1.")
    if particle is not None:
        deformation = opened.deformation(particle, at)
    elif between is not None:
        deformation = opened.deformation_between(*_two_rows(between), at)
    elif latent is not None:
        deformation = opened.deformation_of(numbers(latent), half or 1, at)
    else:
        assert path is not None
        along, model, _ = latents_of_path(opened, path, half)
        deformation = opened.deformation_along(along, model)
    kind = ARROW_FILES.of(output)
    if count is None and kind is not None and kind.drawn:
        count = ARROWS
    written = opened.write_deformation(deformation, output, count=count, overwrite=overwrite)
    print(deformation.sentence())
    if opened.model_biased is not None:
        print(opened.model_biased)
    print(written)


def _two_rows(text: str) -> tuple[int, int]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise UserError(f"--between {text!r} must be two rows with a comma between them, I,J.")
    return int(parts[0]), int(parts[1])
