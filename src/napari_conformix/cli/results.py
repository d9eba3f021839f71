"""What is done with a trained job: `decode`, `select`, `export`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from napari_conformix.cli.terminal import progress_bar
from napari_conformix.cli.training import JobFolder
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_conformix.jobs import Job

#: volumes along a component lie between these percentiles of the particles
PC_PERCENTILES = (5.0, 95.0)
Half = Annotated[
    Literal[1, 2] | None,
    Parameter(help="Which half's model; the halves' latents have nothing to do with each other."),
]


def decode(
    job: JobFolder,
    /,
    *,
    latent: Annotated[
        str | None, Parameter(help="One latent: d numbers, a,b,c.", allow_leading_hyphen=True)
    ] = None,
    particle: Annotated[
        int | None, Parameter(help="The latent of this particle: its row, from 0.")
    ] = None,
    pc: Annotated[
        int | None,
        Parameter(help="Maps along this principal component of the latents, counted from 1."),
    ] = None,
    path: Annotated[
        Path | None, Parameter(help="Latents of a file: text with one a line, or .npy (n, d).")
    ] = None,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="MRC file, or a folder for several maps.")
    ],
    half: Half = None,
    count: Annotated[int, Parameter(help="Number of maps along a component.")] = 10,
    epoch: Annotated[
        str | None, Parameter(help="Epoch whose model decodes: a number or best.")
    ] = None,
) -> None:
    """Decode latents to maps.

    Maps are in the consensus frame, in its box and pixel size; grey values are never rescaled, so
    that contours compare across states.
    """
    from napari_conformix.cli.decoding import along_component, latent_of_particle, read_latents
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    given = [latent is not None, particle is not None, pc is not None, path is not None]
    if sum(given) != 1:
        raise UserError("Give one of --latent, --particle, --pc and --path.")
    model: int = half or 1
    if latent is not None:
        latents = numbers(latent)[None]
    elif particle is not None:
        latents, model = latent_of_particle(opened, particle, half)
    elif pc is not None:
        latents = along_component(opened, pc, count, model, PC_PERCENTILES)
    else:
        assert path is not None
        latents = read_latents(path)
    for file in write_maps(opened, latents, model, output, number_or_best(epoch)):
        print(file)


def write_maps(
    job: "Job", latents: "NDArray[np.float32]", half: int, output: Path, epoch: int | str | None
) -> Iterator[Path]:
    """Decode (n, d) latents one by one and write them: one map to a file, several to a folder
    with a table of their latents. Yields the paths of the maps."""
    import numpy as np

    from napari_conformix.particles import write_map

    one_file = output.suffix.lower() in (".mrc", ".map")
    if one_file and len(latents) > 1:
        raise UserError(f"{len(latents)} maps do not fit in {output}; give the name of a folder.")
    folder = output.parent if one_file else output
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(len(latents) - 1)))
    for i, z in enumerate(latents):
        file = output if one_file else folder / f"volume_{i:0{digits}}.mrc"
        volume = job.decode(z, half=half, epoch=epoch)
        write_map(file, volume, job.spec.grids.pixel_size_angstrom)
        yield file
    if not one_file:
        np.savetxt(folder / "latents.txt", latents, fmt="%.7g", header=f"half {half}, a line a map")


def number_or_best(epoch: str | None) -> int | str | None:
    """An epoch as it is typed: a number, 'best', or None for the newest."""
    if epoch is None or epoch == "best":
        return epoch
    if not epoch.isdecimal():
        raise UserError(f"--epoch {epoch!r} must be the number of an epoch, or best.")
    return int(epoch)


def numbers(text: str) -> "NDArray[np.float32]":
    """(d,) from 'a,b,c'; UserError if these are no finite numbers."""
    import numpy as np

    try:
        values = np.array([float(part) for part in text.split(",")], dtype=np.float32)
    except ValueError as error:
        raise UserError(f"--latent {text!r} must be numbers with commas between them.") from error
    if not np.isfinite(values).all():
        raise UserError(f"--latent {text!r} must be finite numbers.")
    return values


def select(
    job: JobFolder,
    /,
    *,
    name: Annotated[str, Parameter(help="Name of the selection.")],
    indices: Annotated[
        Path | None, Parameter(help="Rows from 0: .npy or text; a .npy of true and false, too.")
    ] = None,
    column: Annotated[
        str | None,
        Parameter(
            help="Select by a range of this column: one of the particle file, or latent1, ... "
            "or motion1, ... of the trained job."
        ),
    ] = None,
    min_: Annotated[
        float | None,
        Parameter(name="--min", help="Least value of the range.", allow_leading_hyphen=True),
    ] = None,
    max_: Annotated[
        float | None,
        Parameter(name="--max", help="Largest value of the range.", allow_leading_hyphen=True),
    ] = None,
    motion_above: Annotated[
        float | None, Parameter(help="Particles whose RMS motion is at least this, in A.")
    ] = None,
    error_below: Annotated[
        float | None, Parameter(help="Particles whose RMS error is at most this, in A.")
    ] = None,
    error_above: Annotated[
        float | None, Parameter(help="Particles whose RMS error is at least this, in A.")
    ] = None,
    ratio_above: Annotated[
        float | None,
        Parameter(help="Particles whose motion is at least so many times its error."),
    ] = None,
) -> None:
    """Select particles by a list of rows, a range of a column, or their motion and its error.

    Conditions on motion and error may be combined. The error of particles that are not held out is
    estimated from held-out particles near them.
    """
    from napari_conformix.cli.selecting import (
        MotionLimits,
        rows_by_motion,
        rows_in_range,
        rows_of_file,
    )
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    limits = MotionLimits(motion_above, error_below, error_above, ratio_above)
    if [indices is None, column is None, not limits.given].count(False) != 1:
        raise UserError(
            "Give one of: --indices FILE; --column NAME with --min or --max; or conditions such "
            "as --error-below, --motion-above, --ratio-above."
        )
    if indices is not None:
        selection = rows_of_file(opened, name, indices)
    elif column is not None:
        selection = rows_in_range(opened, name, column, min_, max_)
    else:
        with progress_bar("Computing the motions of all particles") as tell:
            selection = rows_by_motion(opened, name, limits, tell)
    opened.save_selection(selection)
    total = selection.total
    print(f"{name}: {len(selection):,} of {total:,} particles ({len(selection) / total:.1%})")


def export(
    job: JobFolder,
    /,
    *,
    selection: Annotated[str, Parameter(help="Name of a saved selection.")],
    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], help="subset.star, subset.cs, or .npy for the rows."),
    ],
    overwrite: Annotated[
        bool, Parameter(help="Replace the file if it exists.", negative=())
    ] = False,
) -> None:
    """Write a selection as STAR or .cs with every column kept."""
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    chosen = opened.selection(selection)
    written = opened.export(chosen, output, overwrite=overwrite)
    print(f"{written}: {len(chosen):,} particles")
    if _stacks_are_lost(written):
        print(
            "Its image names stay as they were in the input file, relative to the project folder: "
            "run RELION there, or open the subset with --datadir."
        )


def _stacks_are_lost(subset: Path) -> bool:
    """Whether the stacks of an exported file are not found from where it lies."""
    from napari_conformix.particles import read_particles

    if subset.suffix == ".npy":
        return False
    return not all(path.is_file() for path in read_particles(subset).stacks)
