"""`simulate`: data with known truth."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_conformix.cli.terminal import progress_bar


def simulate(
    scene: Annotated[
        str,
        Parameter(
            help="adk (a continuous motion), adk-states (three conformations, and one with a "
            "domain missing, in unequal shares), rigid, or a PDB or mmCIF file of several models."
        ),
    ],
    output: Annotated[Path, Parameter(help="A new folder for the particles.")],
    /,
    *,
    particles: Annotated[int, Parameter(help="Number of particles.")] = 5000,
    box: Annotated[int, Parameter(help="Box in pixels, even.")] = 64,
    pixel_size: Annotated[
        float | None, Parameter(help="Pixel size in A; by default the molecule fills the box.")
    ] = None,
    snr: Annotated[float, Parameter(help="Variance of the signal over that of the noise.")] = 0.05,
    b_factor: Annotated[float, Parameter(help="B-factor in A^2.")] = 100.0,
    half_precision: Annotated[bool, Parameter(help="Write a float16 stack.", negative=())] = False,
    seed: Annotated[int, Parameter(help="The same seed gives the same files.")] = 1,
) -> None:
    """Make particles of a molecule with known conformations.

    Writes a STAR file with its stack, the consensus map, a mask, and the truth. Where the states
    have names, labels.npy holds that of every particle, for clusters --truth.
    """
    from napari_conformix import simulation

    with progress_bar(f"Simulating {particles:,} particles") as tell:
        star = simulation.simulate(
            scene,
            output,
            particles,
            box,
            pixel_size_angstrom=pixel_size,
            snr=snr,
            b_factor=b_factor,
            seed=seed,
            half_precision=half_precision,
            progress=tell,
        )
    print(star)
