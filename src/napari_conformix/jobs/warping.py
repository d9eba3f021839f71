"""The displacement fields of a trained job, as the reconstruction takes them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import NotSupportedError, UserError

if TYPE_CHECKING:
    import torch

    from napari_conformix.jobs import Job
    from napari_conformix.reconstruction import Field, GatherWarp
    from napari_conformix.training.contract import Method
    from napari_conformix.training.latent_table import LatentTable


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


def warps_of(job: "Job") -> "dict[int, GatherWarp]":
    """The warp of each half of a trained job, at its newest latents."""
    import torch

    from napari_conformix.particles import read_map

    refuse_without_displacement(job.method_class)
    latents = job.latents()
    consensus = job.spec.inputs.consensus
    return gather_warps(
        job.method(latents.epoch),
        latents,
        None if consensus is None else torch.from_numpy(read_map(consensus)[0].copy()),
    )


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
    latents: "LatentTable",
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
