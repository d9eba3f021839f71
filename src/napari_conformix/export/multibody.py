"""Body masks and the STAR file that `relion_refine --multibody_masks` reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.particles import write_map
from napari_conformix.runs import atomic_write

STAR_NAME = "bodies.star"
#: priors that RELION's tutorial begins with; a trained model rather underestimates the motion, so
#: narrower ones are not written
LEAST_DEGREES = 10.0
LEAST_PIXELS = 2.0


@dataclass(frozen=True)
class RefinedBody:
    """What multi-body refinement is given of one body.

    mask               (z, y, x) between 0 and 1
    relative_to        number of the body (from 0) relative to which it rotates
    rotation_degrees   RMS rotation expected
    shift_angstrom     RMS shift expected
    """

    mask: npt.NDArray[np.float32]
    relative_to: int
    rotation_degrees: float
    shift_angstrom: float


def write_multibody(
    bodies: Sequence[RefinedBody],
    pixel_size_angstrom: float,
    folder: Path | str,
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write body_001_mask.mrc, ... and bodies.star to `folder`; returns their paths, STAR last.

    `bodies` come from the largest to the smallest, as RELION asks. The widths of the priors are
    the motion expected, but no narrower than those of RELION's tutorial (10 degrees, 2 pixels).
    The names of the masks are absolute, since RELION finds relative ones only from its project
    folder. UserError when there is a single body, or when a file exists and `overwrite` is not set.
    """
    if len(bodies) < 2:
        raise UserError("Multi-body refinement needs at least two bodies; here is only one.")
    folder = Path(folder).absolute()
    if any(character.isspace() for character in str(folder)):
        raise UserError(f"RELION cannot read names with spaces; choose another folder: {folder}")
    masks = [folder / f"body_{number:03d}_mask.mrc" for number in range(1, len(bodies) + 1)]
    star = folder / STAR_NAME
    there = [path for path in (*masks, star) if path.exists()]
    if there and not overwrite:
        raise UserError(
            f"{there[0]} exists; choose another folder, or ask to overwrite (--overwrite)."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, body in zip(masks, bodies, strict=True):
            write_map(path, body.mask, pixel_size_angstrom)
        atomic_write(star, _star(bodies, masks, pixel_size_angstrom).encode())
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return [*masks, star]


def _star(bodies: Sequence[RefinedBody], masks: Sequence[Path], pixel_size_angstrom: float) -> str:
    """The table, one row a body.

    The prior on shifts is written in pixels, which RELION 3.0 reads, and in A, which later
    versions do (they leave the prior unset when the column in A is missing).
    """
    lines = [
        "",
        "data_",
        "",
        "loop_",
        "_rlnBodyMaskName #1",
        "_rlnBodyRotateRelativeTo #2",
        "_rlnBodySigmaAngles #3",
        "_rlnBodySigmaOffset #4",
        "_rlnBodySigmaOffsetAngst #5",
    ]
    for path, body in zip(masks, bodies, strict=True):
        degrees = max(LEAST_DEGREES, body.rotation_degrees)
        pixels = max(LEAST_PIXELS, body.shift_angstrom / pixel_size_angstrom)
        lines.append(
            f"{path} {body.relative_to + 1} {degrees:.1f} {pixels:.2f} "
            f"{pixels * pixel_size_angstrom:.2f}"
        )
    return "\n".join(lines) + "\n"
