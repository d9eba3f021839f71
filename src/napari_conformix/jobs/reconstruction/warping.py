"""The displacement fields of a trained job, as the reconstruction takes them."""

import contextlib
import shutil
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.jobs import checks
from napari_conformix.jobs.reconstruction.events import ReconstructionProgress
from napari_conformix.jobs.reconstruction.layout import LATENTS, MODEL
from napari_conformix.jobs.reconstruction.report import InverseResidual
from napari_conformix.runs import Control, Event, atomic_path
from napari_conformix.training.latent_table import LatentTable

if TYPE_CHECKING:
    import torch

    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.jobs.reconstruction.results import Outcome
    from napari_conformix.reconstruction import Field, FieldGrid, InverseNetwork, Warp
    from napari_conformix.training.contract import Method


#: particles of each half whose fields are looked at for folding, and places in each
FIELDS_LOOKED_AT = 16
PLACES_LOOKED_AT = 1000
#: the same for the residual of an inverse; steps of its training between two signs of life
INVERSES_ASKED = 64
STEPS_BETWEEN_EVENTS = 50
#: positions of all particles for which a network is asked at once; bounds its scratch memory
POINTS_AT_ONCE = 1 << 22
#: share of folded places above which the user is warned
FOLDED_SHARE_WARNED = 0.01


class Stopped(Exception):
    """A stop was asked for while the displacement fields were made ready."""


def refuse_without_displacement(kind: "type[Method]") -> None:
    """NotSupportedError, in words, for a method without a displacement field."""
    if not kind.has_displacement:
        raise NotSupportedError(
            f"{kind.title} has no displacements that could be undone, so only a plain "
            "reconstruction can be made (--plain), of all particles or of a selection."
        )


def keep_model(job: "JobFolder", folder: Path) -> None:
    """Copy the newest latents and the model they belong to into the folder of a reconstruction,
    so that training may go on meanwhile."""
    latents = job.latents()
    weights = job.checkpoints.find(latents.epoch)
    with atomic_path(folder / MODEL) as temporary:
        shutil.copyfile(weights, temporary)
    latents.save(folder / LATENTS)


def deform(
    outcome: "Outcome", rows: NDArray[np.int64], control: Control
) -> "Generator[Event, None, dict[int, Warp]]":
    """The warp of each half from the model kept in the folder; doubts are said on the way.

    Raises Stopped when a stop was asked for before the warps were there.
    """
    import torch

    from napari_conformix.jobs.folder import load_method
    from napari_conformix.particles import read_map

    yield ReconstructionProgress(phase="fields", message="Looking at the displacement fields")
    latents = LatentTable.load(outcome.folder / LATENTS)
    method = load_method(outcome.folder / MODEL, str(outcome.device))
    for doubt in _doubts(outcome.job, control):
        yield outcome.warn(doubt)
    consensus = outcome.job.spec.inputs.consensus
    grids = field_grids(
        method,
        None if consensus is None else torch.from_numpy(read_map(consensus)[0].copy()),
        coarsening=outcome.spec.settings.coarsening,
    )
    yield from _look_at_fields(outcome, method, latents, grids, rows)
    if outcome.spec.settings.warp == "inverse":
        return (yield from _inverse_warps(outcome, method, latents, grids, rows, control))
    return _gathers(method, latents, grids, steady=outcome.spec.settings.steady)


def gather_warps(
    method: "Method", latents: LatentTable, consensus: "torch.Tensor | None"
) -> "dict[int, Warp]":
    """The warp of each half, without a look at its fields; see :func:`field_grids`."""
    return _gathers(method, latents, field_grids(method, consensus))


def _gathers(
    method: "Method",
    latents: LatentTable,
    grids: "dict[int, FieldGrid]",
    *,
    steady: bool = False,
) -> "dict[int, Warp]":
    from napari_conformix.jobs.reconstruction.steadying import SteadyField, trust_at
    from napari_conformix.reconstruction import GatherWarp

    warps: dict[int, Warp] = {}
    for half, grid in grids.items():
        field: Field = LatentField(method, latents.mean, model_of(method, half))
        trust = trust_at(method, latents, grid.nodes) if steady else None
        if trust is not None:
            field = SteadyField(field, grid.nodes, trust)
        warps[half] = GatherWarp(grid, field)
    return warps


def _doubts(job: "JobFolder", control: Control) -> Iterator[str]:
    """What speaks against following these motions."""
    if not job.method_class.independent_halves:
        yield (
            "One model of all particles deforms both half maps, so they are not independent: the "
            "FSC between them says nothing of the resolution."
        )
        return
    verdict = None
    with contextlib.suppress(NotSupportedError):  # a method whose motions cannot be judged
        verdict = checks.verdict(job, stop=control.stop_requested)
    if verdict is not None and not verdict.found:
        yield f"{verdict.sentence} The plain maps are the ones to take."
    if job.model_biased:
        yield job.model_biased


def _look_at_fields(
    outcome: "Outcome",
    method: "Method",
    latents: LatentTable,
    grids: "dict[int, FieldGrid]",
    rows: NDArray[np.int64],
) -> Iterator[Event]:
    """RMS displacement and folding, from some particles of each half where matter is."""
    import torch

    from napari_conformix.reconstruction import jacobian_determinants

    squares, folded = [], []
    for half, grid in grids.items():
        field = LatentField(method, latents.mean, model_of(method, half))
        near = _matter_nodes(grid)
        chosen = sample_rows(rows, latents, half, FIELDS_LOOKED_AT)
        for row in torch.from_numpy(chosen).split(1):
            squares.append(field(row, near).square().sum(-1).mean())
            folded.append((jacobian_determinants(partial(field, row), near) <= 0).float().mean())
    if not squares:
        return
    outcome.rms_displacement_angstrom = float(torch.stack(squares).mean().sqrt())
    outcome.folded_share = float(torch.stack(folded).mean())
    if outcome.folded_share > FOLDED_SHARE_WARNED:
        yield outcome.warn(
            f"The deformation folds at {outcome.folded_share:.1%} of the places looked at: there "
            "it cannot be undone, and density of one place is put to another. Train with a "
            "stronger regularisation."
        )


def _inverse_warps(
    outcome: "Outcome",
    method: "Method",
    latents: LatentTable,
    grids: "dict[int, FieldGrid]",
    rows: NDArray[np.int64],
    control: Control,
) -> "Generator[Event, None, dict[int, Warp]]":
    """Train an inverse of each half's fields, report its residual, and scatter by it."""
    import torch

    from napari_conformix.reconstruction import (
        FieldGrid,
        ScatterWarp,
        inverse_residual,
        matter_weight,
        train_inverse,
    )

    frame = method.frame
    extent, pixel_size = frame.box * frame.pixel_size_angstrom, frame.pixel_size_angstrom
    warps: dict[int, Warp] = {}
    for half, grid in grids.items():
        model = model_of(method, half)
        field = partial(_displacement, method, model)
        places = grid.positions[grid.weight > 0]
        mean = torch.from_numpy(latents.mean).to(method.device)
        latent = mean[torch.from_numpy(rows[latents.half[rows] == half])]
        for step, trained in enumerate(train_inverse(field, latent, places, extent, pixel_size)):
            if control.stop_requested():
                raise Stopped
            network = trained
            if step % STEPS_BETWEEN_EVENTS == 0:
                yield ReconstructionProgress(
                    phase="inverse", message=f"Training the inverse of half {half}", done=step
                )
        asked = _matter_nodes(grid)
        chosen = mean[torch.from_numpy(sample_rows(rows, latents, half, INVERSES_ASKED))]
        off = inverse_residual(network, field, chosen, asked)
        outcome.inverse_residual[str(half)] = InverseResidual(**vars(off))
        if off.mean_angstrom > 0.5 * pixel_size:
            yield outcome.warn(
                f"The inverse of half {half} is off by {off.mean_angstrom:.2f} A in the mean "
                f"({off.worst_angstrom:.2f} A at worst), more than half a voxel "
                f"({0.5 * pixel_size:.2f} A): the map is blurred by that. Use the gather instead."
            )
        moved = float(torch.cat([field(z, asked) for z in chosen.split(1)]).norm(dim=-1).max())
        wide = matter_weight(places, frame.box, pixel_size, moved + pixel_size, pixel_size)
        around = FieldGrid.around(
            wide,
            pixel_size,
            coarsening=outcome.spec.settings.coarsening,
            device=method.device,
        )
        warps[half] = ScatterWarp(grid, around, InverseField(network, mean))
    return warps


def _displacement(
    method: "Method", half: int, latent: "torch.Tensor", positions: "torch.Tensor"
) -> "torch.Tensor":
    return method.displacement(latent, positions, half)


def _matter_nodes(grid: "FieldGrid") -> "torch.Tensor":
    """(q, 3) A: voxels at which the field is fully believed, thinned to what a look needs."""
    inner = grid.positions[grid.weight >= 1]
    thinned: torch.Tensor = inner[:: max(1, len(inner) // PLACES_LOOKED_AT)]
    return thinned


def sample_rows(
    rows: NDArray[np.int64], latents: LatentTable, half: int, count: int
) -> NDArray[np.int64]:
    """Up to `count` of the rows of a half, evenly spread over the file."""
    mine = rows[latents.half[rows] == half]
    chosen: NDArray[np.int64] = mine[:: max(1, len(mine) // count)][:count]
    return chosen


def model_of(method: "Method", half: int) -> int:
    """The model that speaks for the particles of a half set."""
    return half if method.independent_halves else method.halves[0]


class InverseField:
    """The inverse displacements of one half's particles, by its inverse network."""

    def __init__(self, network: "InverseNetwork", latents: "torch.Tensor") -> None:
        self._network = network
        self._latents = latents

    def __call__(self, rows: "torch.Tensor", positions: "torch.Tensor") -> "torch.Tensor":
        """(b,) rows, (q, 3) A -> (b, q, 3) A."""
        displacement: torch.Tensor = self._network(
            self._latents[rows.to(self._latents.device)], positions
        )
        return displacement


class LatentField:
    """The fields of one half's particles: its own model at its own latents."""

    def __init__(self, method: "Method", latents: NDArray[np.float32], half: int) -> None:
        import torch

        self._method = method
        self._half = half
        self._latents = torch.from_numpy(np.ascontiguousarray(latents)).to(method.device)

    def __call__(self, rows: "torch.Tensor", positions: "torch.Tensor") -> "torch.Tensor":
        """(b,) rows, (q, 3) A -> (b, q, 3) A."""
        import torch

        latent = self._latents[rows.to(self._latents.device)]
        at_once = max(1, POINTS_AT_ONCE // len(positions))
        return torch.cat(
            [self._method.displacement(z, positions, self._half) for z in latent.split(at_once)]
        )


def field_grids(
    method: "Method", consensus: "torch.Tensor | None", *, coarsening: int = 2
) -> "dict[int, FieldGrid]":
    """Where the fields of each half are wanted: around its own model's pieces.

    consensus  (box, box, box): where matter is, for a method that has no pieces to say so
    """
    from napari_conformix.reconstruction import FieldGrid

    return {
        half: FieldGrid.around(
            _matter(method, model_of(method, half), consensus),
            method.frame.pixel_size_angstrom,
            coarsening=coarsening,
            device=method.device,
        )
        for half in (1, 2)
    }


def _matter(method: "Method", half: int, consensus: "torch.Tensor | None") -> "torch.Tensor":
    from napari_conformix.imaging import contour_threshold, soft_mask
    from napari_conformix.reconstruction import FADE_ANGSTROM, REACH_ANGSTROM, matter_weight

    frame = method.frame
    pieces = method.consensus_positions(half)
    if pieces is not None:
        return matter_weight(pieces, frame.box, frame.pixel_size_angstrom)
    if consensus is None:
        raise UserError("The job has no consensus map to say where matter is.")
    reach, fade = (a / frame.pixel_size_angstrom for a in (REACH_ANGSTROM, FADE_ANGSTROM))
    return soft_mask(consensus, contour_threshold(consensus), reach, fade)
