"""The graph between Gaussians and the penalties on it (paper, eq. 12 to 14)."""

from dataclasses import dataclass
from typing import Any

import torch

#: positions compared at once; bounds the distance matrix to chunk x N
_CHUNK = 2048


@dataclass(frozen=True)
class Graph:
    """Edges between Gaussians of one reference model.

    first, second     (e,) int64: the two ends, first < second
    length            (e,) A: distance in the reference
    mean_distance     c_mean of eq. 12 in A: mean distance to the two nearest neighbours; edges
                      shorter than this are pushed apart (eq. 14), so 0 means no repulsion (the
                      given edges of an atomic model, paper)
    """

    first: torch.Tensor
    second: torch.Tensor
    length: torch.Tensor
    mean_distance: float


def neighbour_graph(positions: torch.Tensor, factor: float) -> Graph:
    """Connect Gaussians closer than `factor` times c_mean (eq. 12).

    Parameters
    ----------
    positions : torch.Tensor
        (n, 3) in A, n at least 3.
    factor : float
        Of the mean distance to the two nearest neighbours.

    Returns
    -------
    Graph
        Edges with their lengths in A.
    """
    positions = positions.detach()
    nearest = [
        torch.cdist(chunk, positions).topk(3, largest=False).values[:, 1:]
        for chunk in positions.split(_CHUNK)
    ]
    mean_distance = float(torch.cat(nearest).mean())
    first, second = [], []
    for start in range(0, len(positions), _CHUNK):
        near = torch.cdist(positions[start : start + _CHUNK], positions) < factor * mean_distance
        i, j = near.nonzero(as_tuple=True)
        i = i + start
        keep = i < j
        first.append(i[keep])
        second.append(j[keep])
    i, j = torch.cat(first), torch.cat(second)
    return Graph(i, j, (positions[i] - positions[j]).norm(dim=1), mean_distance)


class _EdgeEnergy(torch.autograd.Function):
    """Sums of eq. 13 and 14 over edges and particles, with their gradient in closed form."""

    @staticmethod
    def forward(
        ctx: Any,
        moved: torch.Tensor,
        first: torch.Tensor,
        second: torch.Tensor,
        length: torch.Tensor,
        nearest: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        # particles last: rows that are gathered are long, and x, y, z are added as whole rows
        across = moved.permute(1, 2, 0).flatten(1)  # (n, 3 b)
        edge = across.index_select(0, first).sub_(across.index_select(0, second))
        x, y, z = edge.view(len(first), 3, -1).unbind(1)  # (e, b) each
        now = (x * x).addcmul_(y, y).addcmul_(z, z).sqrt_()  # (e, b)
        change = now - length[:, None]
        closeness = (nearest - now).clamp_min_(0)
        ctx.save_for_backward(edge, now, change, closeness, first, second)
        ctx.shape = across.shape
        return change.square().sum(), closeness.square().sum()

    @staticmethod
    def backward(
        ctx: Any, to_stretch: torch.Tensor, to_repulsion: torch.Tensor
    ) -> tuple[torch.Tensor, None, None, None, None]:
        edge, now, change, closeness, first, second = ctx.saved_tensors
        # an edge of no length has no direction: 0 / tiny leaves it without a gradient
        along = 2 * (to_stretch * change - to_repulsion * closeness) / now.clamp_min(1e-12)
        force = (edge.view(len(first), 3, -1) * along[:, None]).flatten(1)  # (e, 3 b)
        grad = force.new_zeros(ctx.shape)
        grad.index_add_(0, first, force).index_add_(0, second, force.neg_())
        return grad.view(len(grad), 3, -1).permute(2, 0, 1), None, None, None, None


def deformation_energy(moved: torch.Tensor, graph: Graph) -> tuple[torch.Tensor, torch.Tensor]:
    """Eq. 13 (change of edge lengths) and eq. 14 (repulsion below c_mean).

    Each is summed over edges and divided by the number of Gaussians and the batch, so that it means
    the same for every size of model; lambda absorbs the factor.

    Parameters
    ----------
    moved : torch.Tensor
        (b, n, 3) in A.
    graph : Graph
        Edges of the reference.

    Returns
    -------
    stretch, repulsion : torch.Tensor
        0-d, in A^2.
    """
    stretch, repulsion = _EdgeEnergy.apply(  # type: ignore[no-untyped-call]
        moved, graph.first, graph.second, graph.length, graph.mean_distance
    )
    count = moved.shape[0] * moved.shape[1]
    return stretch / count, repulsion / count
