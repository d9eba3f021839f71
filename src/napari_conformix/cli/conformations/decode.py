"""What is done with a trained job: `decode`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.options import Half
from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_conformix.jobs import Job

#: volumes along a component lie between these percentiles of the particles
PC_PERCENTILES = (5.0, 95.0)


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
        Path | None,
        Parameter(
            help="A saved path (`conformix path`), or latents of a file: text with one a line, or "
            ".npy (n, d)."
        ),
    ] = None,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="MRC file, or a folder for several maps.")
    ],
    half: Half = None,
    count: Annotated[int, Parameter(help="Number of maps along a component.")] = 10,
    epoch: Annotated[
        str | None, Parameter(help="Epoch whose model decodes: a number or best.")
    ] = None,
    overwrite: Annotated[bool, Parameter(help="Replace maps that are there.", negative=())] = False,
) -> None:
    """Decode latents to maps.

    Maps are in the consensus frame, in its box and pixel size; grey values are never rescaled, so
    that contours compare across states.
    """
    from napari_conformix.cli.conformations.decoding import (
        along_component,
        latent_of_particle,
        latents_of_epoch,
        latents_of_path,
    )
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    given = [latent is not None, particle is not None, pc is not None, path is not None]
    if sum(given) != 1:
        raise UserError("Give one of --latent, --particle, --pc and --path.")
    model: int = half or 1
    of, of_path = number_or_best(epoch), None
    if latent is not None:
        latents = numbers(latent)[None]
    elif particle is not None:
        latents, model = latent_of_particle(latents_of_epoch(opened, of), particle, half)
    elif pc is not None:
        table = latents_of_epoch(opened, of)
        latents = along_component(table, pc, count, model, PC_PERCENTILES)
    else:
        assert path is not None
        latents, model, of_path = latents_of_path(opened, path, half)
        of = of_path if of is None else of
    told = particle is not None or of_path is not None  # which half it is
    if half is None and not told and opened.method_class.independent_halves:
        print(f"By the model of half {model}; --half chooses.", file=sys.stderr)
    files = map_files(output, len(latents), overwrite=overwrite)
    for file in write_maps(opened, latents, model, files, of):
        print(file)
    if output not in files:
        note_latents(output, latents, model if opened.method_class.independent_halves else 0)
    if opened.model_biased is not None:
        print(opened.model_biased)


LATENTS_OF_MAPS = "latents.txt"


def map_files(output: Path, count: int, *, overwrite: bool) -> list[Path]:
    """Where `count` maps go: to `output` itself if it is named .mrc or .map, else to a folder of
    that name. UserError when several maps are to go to one file, or when one is there already."""
    if output.suffix.lower() in (".mrc", ".map"):
        if count > 1:
            raise UserError(f"{count} maps do not fit in {output}; give the name of a folder.")
        files = there = [output]
    else:
        digits = max(3, len(str(count - 1)))
        files = [output / f"volume_{i:0{digits}}.mrc" for i in range(count)]
        # maps of a longer series that stayed would look like a part of this one
        there = sorted(output.glob("volume_*.mrc")) or [output / LATENTS_OF_MAPS]
    taken = [file for file in there if file.exists()]
    if taken and not overwrite:
        raise UserError(
            f"{taken[0]} exists; choose another name, or ask to overwrite it (--overwrite)."
        )
    for file in set(taken) - set(files):
        file.unlink()
    return files


def write_maps(
    job: "Job",
    latents: "NDArray[np.float32]",
    half: int,
    files: Sequence[Path],
    epoch: int | str | None,
) -> Iterator[Path]:
    """Decode (n, d) latents one by one and write them. Yields the paths of the maps."""
    from napari_conformix.particles import write_map

    for z, file in zip(latents, files, strict=True):
        volume = job.decode(z, half=half, epoch=epoch)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_map(file, volume, job.spec.grids.pixel_size_angstrom)
        yield file


def note_latents(folder: Path, latents: "NDArray[np.float32]", half: int) -> None:
    """A table beside the maps of a folder: a line a map; half 0 where there is but one model."""
    import numpy as np

    header = f"half {half}, a line a map" if half else "a line a map"
    np.savetxt(folder / LATENTS_OF_MAPS, latents, fmt="%.7g", header=header)


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
