"""Motion by domains of a trained job, and the masks that multi-body refinement begins with."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.jobs.motion.deformations import deformations_of

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import Domains
    from napari_conformix.jobs.folder import JobFolder

#: particles looked at; displacements at 10,000 positions take 72 MB in float64 then
PARTICLES = 300
#: most displacements held at once, particles x positions
_MOST_VALUES = 3_000_000
_FEWEST_PARTICLES = 50
#: particles whose displacements are decoded at once
_DECODED = 16


def domains_of(job: "JobFolder", bodies: int, half: int = 1, seed: int = 0) -> "Domains":
    """Group the pieces of a half's model into rigid bodies.

    Looks at particles of the half drawn at random over the data, by the model of that half. The
    other half's model, with its own particles, is asked the same at the same positions; how far
    both agree is `agreement`. Where there is no motion beyond its error (`Deformations.verdict`),
    `caution` says so. UserError without a trained model or for a method without positions.
    """
    from napari_conformix.analysis.motion import find_domains, with_agreement, with_caution

    positions = _positions(job, half)
    pieces = job.method_class.pieces
    domains = find_domains(
        _tracks(job, positions, half, seed), positions, bodies, seed, pieces=pieces
    )
    verdict = deformations_of(job).verdict()
    if verdict is not None and not verdict.found:
        domains = with_caution(domains, verdict.sentence)
    if bodies == 1 or not job.method_class.independent_halves:
        return domains
    other = _tracks(job, positions, 3 - half, seed)
    return with_agreement(domains, find_domains(other, positions, bodies, seed).labels)


def _positions(job: "JobFolder", half: int) -> NDArray[np.float32]:
    from napari_conformix.jobs.folder import half_of

    method = job.method()
    positions = method.consensus_positions(half_of(method, half))
    if positions is None:
        raise UserError(
            f"{method.title} has no positions that move, so domains cannot be found; use a job of "
            "a method with displacements. How one domain turns and shifts "
            "between clusters is measured by: conformix domain-motion."
        )
    return np.asarray(positions.detach().float().cpu().numpy())


def _tracks(
    job: "JobFolder", positions: NDArray[np.float32], half: int, seed: int
) -> NDArray[np.float32]:
    """(n, p, 3) A: displacements of particles of one half by its own model."""
    table = job.latents()
    own = np.isin(table.half, (half, 0)) & np.isfinite(table.mean).all(axis=1)
    rows = np.flatnonzero(own)
    count = max(_FEWEST_PARTICLES, min(PARTICLES, _MOST_VALUES // len(positions)))
    if len(rows) > count:
        rows = np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))
    parts = [
        job.displacement(table.mean[rows[first : first + _DECODED]], positions, half)
        for first in range(0, len(rows), _DECODED)
    ]
    return np.concatenate(parts)


def write_body_masks(
    job: "JobFolder", domains: "Domains", folder: str | Path, *, overwrite: bool = False
) -> list[Path]:
    """A soft mask for each body on the grid of the consensus, and RELION's table of bodies."""
    from napari_conformix.analysis.motion import body_masks
    from napari_conformix.export.multibody import RefinedBody, write_multibody

    grids = job.spec.grids
    masks = body_masks(domains.labels, domains.positions, grids.box, grids.pixel_size_angstrom)
    bodies = []
    for number, mask in enumerate(masks):
        other = domains.neighbour[number]
        # motion is given as seen from the largest body; that one moves as its neighbour seen from
        # it
        seen = domains.bodies[number or max(other, 0)]
        bodies.append(RefinedBody(mask, other, seen.rotation_degrees, seen.shift_angstrom))
    return write_multibody(bodies, grids.pixel_size_angstrom, folder, overwrite=overwrite)
