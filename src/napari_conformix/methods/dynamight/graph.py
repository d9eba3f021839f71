"""The graph between Gaussians and the penalties on it (paper, eq. 12 to 14)."""

from dataclasses import dataclass

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
    """Connect Gaussians closer than `factor` times c_mean (eq. 12); positions (n, 3) in A."""
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


def deformation_energy(moved: torch.Tensor, graph: Graph) -> tuple[torch.Tensor, torch.Tensor]:
    """Eq. 13 (change of edge lengths) and eq. 14 (repulsion below c_mean), in A^2.

    moved (b, n, 3) in A. Each is summed over edges and divided by the number of Gaussians and the
    batch, so that it means the same for every size of model; lambda absorbs the factor.
    """
    edge = moved[:, graph.first] - moved[:, graph.second]  # (b, e, 3)
    length = (edge.square().sum(-1) + 1e-12).sqrt()  # (b, e)
    count = moved.shape[0] * moved.shape[1]
    stretch = (length - graph.length).square().sum() / count
    repulsion = (graph.mean_distance - length).clamp_min(0).square().sum() / count
    return stretch, repulsion
