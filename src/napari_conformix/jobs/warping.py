"""The displacement fields of a trained job, as the reconstruction takes them."""

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.jobs.reconstruction_events import ReconstructionProgress
from napari_conformix.jobs.reconstruction_files import LATENTS, MODEL
from napari_conformix.training.control import Control
from napari_conformix.training.events import Event
from napari_conformix.training.files import atomic_path
from napari_conformix.training.latent_table import LatentTable

if TYPE_CHECKING:
    import torch

    from napari_conformix.jobs.job import Job
    from napari_conformix.jobs.reconstruction_results import Outcome
    from napari_conformix.reconstruction import Field, GatherWarp
    from napari_conformix.training.contract import Method


def has_displacement(kind: "type[Method]") -> bool:
    """Whether a method moves matter, so that its reconstructions can be deformed."""
    from napari_conformix.training.contract import Method

    return kind.displacement is not Method.displacement


def refuse_without_displacement(kind: "type[Method]") -> None:
    """NotSupportedError, in words, for a method without a displacement field."""
    if not has_displacement(kind):
        raise NotSupportedError(
            f"{kind.title} has no displacement field, so only a plain reconstruction can be made."
        )


def keep_model(job: "Job", folder: Path) -> None:
    """Copy the newest latents and the model they belong to into the folder of a reconstruction,
    so that training may go on meanwhile."""
    latents = job.latents()
    weights = job.checkpoints.find(latents.epoch)
    with atomic_path(folder / MODEL) as temporary:
        shutil.copyfile(weights, temporary)
    latents.save(folder / LATENTS)


def deform(
    outcome: "Outcome", rows: NDArray[np.int64], control: Control
) -> "Generator[Event, None, dict[int, GatherWarp]]":
    """The warp of each half from the model kept in the folder; doubts are said on the way."""
    import torch

    from napari_conformix.jobs.models import load_method
    from napari_conformix.particles import read_map

    yield ReconstructionProgress(phase="fields", message="Looking at the displacement fields")
    latents = LatentTable.load(outcome.folder / LATENTS)
    method = load_method(outcome.folder / MODEL)
    consensus = outcome.job.spec.inputs.consensus
    warps = gather_warps(
        method,
        latents,
        None if consensus is None else torch.from_numpy(read_map(consensus)[0].copy()),
        coarsening=outcome.spec.settings.coarsening,
    )
    return warps


class LatentField:
    """The fields of one half's particles: its own model at its own latents."""

    def __init__(self, method: "Method", latents: NDArray[np.float32], half: int) -> None:
        import torch

        self._method = method
        self._half = half
        self._latents = torch.from_numpy(np.ascontiguousarray(latents)).to(method.device)

    def __call__(self, rows: "torch.Tensor", positions: "torch.Tensor") -> "torch.Tensor":
        """(b,) rows, (q, 3) A -> (b, q, 3) A."""
        latent = self._latents[rows.to(self._latents.device)]
        return self._method.displacement(latent, positions, self._half)


def gather_warps(
    method: "Method",
    latents: LatentTable,
    consensus: "torch.Tensor | None",
    *,
    coarsening: int = 2,
) -> "dict[int, GatherWarp]":
    """The warp of each half, from the model and the latents of that half alone.

    consensus  (box, box, box): where matter is, for a method that has no pieces to say so
    """
    from napari_conformix.reconstruction import FieldGrid, GatherWarp

    frame = method.frame
    warps = {}
    for half in (1, 2):
        model = half if method.independent_halves else method.halves[0]
        weight = _matter(method, model, consensus)
        grid = FieldGrid.around(
            weight, frame.pixel_size_angstrom, coarsening=coarsening, device=method.device
        )
        field: Field = LatentField(method, latents.mean, model)
        warps[half] = GatherWarp(grid, field)
    return warps


def _matter(method: "Method", half: int, consensus: "torch.Tensor | None") -> "torch.Tensor":
    from napari_conformix.imaging import contour_threshold, soft_mask
    from napari_conformix.reconstruction import matter_weight
    from napari_conformix.reconstruction.field_grid import FADE_ANGSTROM, REACH_ANGSTROM

    frame = method.frame
    pieces = method.consensus_positions(half)
    if pieces is not None:
        return matter_weight(pieces, frame.box, frame.pixel_size_angstrom)
    if consensus is None:
        raise UserError("The job has no consensus map to say where matter is.")
    reach, fade = (a / frame.pixel_size_angstrom for a in (REACH_ANGSTROM, FADE_ANGSTROM))
    return soft_mask(consensus, contour_threshold(consensus), reach, fade)
