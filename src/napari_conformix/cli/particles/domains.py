"""`domains`: which parts of the molecule move as rigid bodies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import Domains


def domains(
    job: JobFolder,
    /,
    *,
    bodies: Annotated[int, Parameter(help="Number of rigid bodies.")],
    half: Annotated[Literal[1, 2], Parameter(help="Whose model; the other half is compared.")] = 1,
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"],
            help="Folder for a soft mask of each body and bodies.star, which RELION's multi-body "
            "refinement takes; without it nothing is written.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace masks that are there.", negative=())
    ] = False,
) -> None:
    """Group the molecule into parts that move as rigid bodies.

    Says how much of the motion they explain, and what one more body would add.
    """
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    found = opened.domains(bodies, half)
    print(f"From the motion of {found.particles} particles of half {half}:\n")
    print("\n".join(table(found)))
    print(f"\n{found.sentence()}")
    if opened.model_biased is not None:
        print(opened.model_biased)
    if output is not None:
        paths = opened.write_body_masks(found, output, overwrite=overwrite)
        print("\n" + "\n".join(map(str, paths)))
        print(
            "Continue a finished 3D auto-refinement with: relion_refine_mpi --continue "
            f"run_itNNN_optimiser.star --multibody_masks {paths[-1]} ..."
        )


def table(found: "Domains") -> list[str]:
    """Lines of a table, one a body."""
    title = found.pieces[:1].upper() + found.pieces[1:]
    width = max(9, len(title))
    lines = [
        f"body  {title:>{width}}  rotation   shift     left over",
        f"      {'':{width}}  (RMS deg)  (RMS A)   (RMS A)",
    ]
    for number, body in enumerate(found.bodies, start=1):
        seen = f"{body.rotation_degrees:9.1f}  {body.shift_angstrom:7.1f}"
        moves = seen if number > 1 else f"{'-':>9}  {'-':>7}"
        lines.append(
            f"{number:4d}  {body.points:{width},d}  {moves}  {body.residual_angstrom:9.2f}"
        )
    if len(found.bodies) > 1:
        lines.append("Rotation and shift are as seen from body 1, the largest.")
    return lines
