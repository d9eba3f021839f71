"""Replacing a half's reference by one of its own predictions (paper, Training).

The displacement is measured from the reference, D(z, x) = x + delta(z, x) (eq. 9). When the
reference c becomes c' = c + delta(z*, c), a prediction that was c + delta(z, c) must stay where it
was, hence the new field is delta'(z, x) = delta(z, x) - delta(z*, x): zero at z*, which is the
conformation that the reference now is. Only the argument differs, c' instead of c, so predictions
move by the change of delta(z, .) - delta(z*, .) over the length |delta(z*)|: second order, where
replacing the positions alone moves every prediction by delta(z*) itself. Offsets do not pile up:
the next replacement takes another z*, and the field is again the network's less that at z*.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from napari_conformix.methods.dynamight.half_model import HalfModel
from napari_conformix.training.contract import Batch

#: particles of a half whose predictions are looked at
CANDIDATES = 2000
#: of the predictions looked at, at most this share is averaged: all of them would be no choice
_MOST_AVERAGED = 0.1
#: Gaussians entered into a voxel mask at once
_CHUNK = 1024


@dataclass(frozen=True)
class Change:
    """What became of a reference: RMS shift in A, and the share of Gaussians inside the mask."""

    shift_angstrom: float
    inside: float = 1.0


@torch.no_grad()
def take_smallest(model: HalfModel, batches: Iterable[Batch]) -> Change:
    """Replace the reference by the predicted positions of smallest RMS displacement.

    Parameters
    ----------
    model : HalfModel
        Changed in place.
    batches : Iterable of Batch
        Particles of its half whose predictions are looked at.

    Returns
    -------
    Change
        The RMS shift in A; 0 without particles, where nothing changes.
    """
    positions = model.reference.positions
    best, latent = float("inf"), None
    for batch in batches:
        mean, _ = model.encode(batch)
        rms = model.displacement(mean, positions).square().sum(-1).mean(1).sqrt()  # (b,)
        if float(rms.min()) < best:
            best, latent = float(rms.min()), mean[rms.argmin()]
    if latent is None:
        return Change(0.0)
    move_reference(model, model.displacement(latent[None], positions)[0], latent)
    return Change(best)


@torch.no_grad()
def align(
    model: HalfModel,
    other: torch.Tensor,
    batches: Iterable[Batch],
    radius_angstrom: float,
    predictions: int,
) -> Change:
    """Bring the reference into the conformation of the other half's.

    The predictions (paper: 100) that have the most Gaussians within `radius_angstrom` (6 A) of a
    Gaussian of the other half are averaged. The reference becomes the prediction of a single latent
    next to that mean, as a rule of the mean latent: a mean of predictions is itself none, and
    would leave all predictions displaced by what it differs from the one at the new origin.

    This is the one place where a half learns of the other: which of its own predictions agree
    best with the other's reference. The positions still come from its own decoder and images;
    what leaks is a choice among them, the conformation that both call the reference.

    Parameters
    ----------
    model : HalfModel
        Changed in place.
    other : torch.Tensor
        (n, 3) xyz in A, positions of the other half's reference.
    batches : Iterable of Batch
        Particles of the model's own half whose predictions are looked at.
    radius_angstrom : float
        In A.
    predictions : int
        How many are averaged; at most a tenth of those looked at.

    Returns
    -------
    Change
        The RMS shift in A, and the mean share of Gaussians within the radius in those averaged.
    """
    positions = model.reference.positions
    mask = near_mask(other, radius_angstrom, model.box, model.pixel_size)
    latents, counts = [], []
    for batch in batches:
        mean, _ = model.encode(batch)
        moved = positions + model.displacement(mean, positions)
        latents.append(mean)
        counts.append(inside(moved, mask, model.pixel_size))
    latent, share = torch.cat(latents), torch.cat(counts)
    chosen = max(1, min(predictions, int(_MOST_AVERAGED * len(share))))
    best = share.topk(chosen)
    agreeing = latent[best.indices]
    # the mean latent, or one of them where the latent space is folded and the mean is elsewhere
    tried = torch.cat([agreeing.mean(0, keepdim=True), agreeing])
    field = torch.stack([model.displacement(z[None], positions)[0] for z in tried])
    nearest = int((field - field[1:].mean(0)).square().sum((1, 2)).argmin())
    move_reference(model, field[nearest], tried[nearest])
    return Change(_rms(field[nearest]), float(best.values.mean()))


@torch.no_grad()
def move_reference(model: HalfModel, shift: torch.Tensor, latent: torch.Tensor) -> None:
    """Move the positions, and make the field zero at a latent from now on.

    Parameters
    ----------
    model : HalfModel
        Changed in place.
    shift : torch.Tensor
        (n, 3) in A, added to the positions.
    latent : torch.Tensor
        (d,), the new origin.
    """
    model.reference.positions.add_(shift)
    model.origin = latent[None].detach().clone()


def near_mask(
    positions: torch.Tensor, radius_angstrom: float, box: int, pixel_size_angstrom: float
) -> torch.Tensor:
    """Voxels whose centre is near a position.

    Parameters
    ----------
    positions : torch.Tensor
        (n, 3) xyz in A from the centre.
    radius_angstrom : float
        Near is closer than this, in A.
    box : int
        Voxels along an edge.
    pixel_size_angstrom : float
        Edge of a voxel, in A.

    Returns
    -------
    torch.Tensor
        (z, y, x) bool.
    """
    reach = int(radius_angstrom / pixel_size_angstrom) + 1
    steps = torch.arange(-reach, reach + 1, device=positions.device)
    offsets = torch.cartesian_prod(steps, steps, steps)  # (m, 3) x, y, z
    mask = torch.zeros(box**3, dtype=torch.bool, device=positions.device)
    for chunk in positions.split(_CHUNK):
        at = chunk / pixel_size_angstrom + box // 2
        voxel = at.round().long()[:, None] + offsets  # (p, m, 3)
        near = (voxel - at[:, None]).norm(dim=-1) * pixel_size_angstrom < radius_angstrom
        near &= ((voxel >= 0) & (voxel < box)).all(-1)
        mask[_flat(voxel[near], box)] = True
    return mask.view(box, box, box)


def inside(positions: torch.Tensor, mask: torch.Tensor, pixel_size_angstrom: float) -> torch.Tensor:
    """Share of the positions whose voxel is in a mask.

    Parameters
    ----------
    positions : torch.Tensor
        (b, n, 3) xyz in A from the centre.
    mask : torch.Tensor
        (z, y, x) bool.
    pixel_size_angstrom : float
        Edge of a voxel, in A.

    Returns
    -------
    torch.Tensor
        (b,).
    """
    box = len(mask)
    voxel = (positions / pixel_size_angstrom + box // 2).round().long()
    within = ((voxel >= 0) & (voxel < box)).all(-1)
    found = mask.flatten()[_flat(voxel.clamp(0, box - 1), box)] & within
    return found.float().mean(-1)


def references_apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """RMS distance of the halves' references: they began as the same Gaussians.

    Parameters
    ----------
    one, other : torch.Tensor
        (n, 3) in A.

    Returns
    -------
    float
        In A.
    """
    return _rms(one.detach() - other.detach())


def _flat(voxel: torch.Tensor, box: int) -> torch.Tensor:
    x, y, z = voxel.unbind(-1)
    return (z * box + y) * box + x


def _rms(shift: torch.Tensor) -> float:
    return float(shift.square().sum(-1).mean().sqrt())
