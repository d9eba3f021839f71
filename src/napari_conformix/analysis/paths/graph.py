"""The way through the data from one particle to another, over particles that are neighbours.

Particles are linked with their nearest neighbours in latent space; a link costs the square of its
length, so that many short steps through dense data are cheaper than one leap across a gap, however
much shorter the leap is (a Fermat distance: Bijral, Ratliff and Srebro, 2011).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.paths.curves import evenly, smoothed
from napari_conformix.errors import UserError

#: neighbours that a particle is linked with
LINKS = 12
#: particles that take part; of more, a random sample
MOST_NODES = 20_000
#: a step is the mean of so many particles about it, since the latent of one is noisy
AVERAGED = 16


@dataclass(frozen=True, eq=False)
class GraphPath:
    """points (n, d) from the first particle's latent to the last's; `particles` that lie on the
    way; `leaps`: places where no chain of neighbours leads on."""

    points: NDArray[np.float64]
    particles: int
    leaps: int


def graph_path(
    latents: ArrayLike, start: ArrayLike, end: ArrayLike, count: int, seed: int = 1
) -> GraphPath:
    """From a latent (d,) to another through the particles (N, d) of one half, in even steps.

    Above `MOST_NODES` particles a random sample is linked; the means that make the steps are of
    all particles of that sample.
    """
    values = np.asarray(latents, np.float32)
    values = values[np.isfinite(values).all(axis=1)]
    ends = np.stack([np.asarray(start, np.float32), np.asarray(end, np.float32)])
    if (ends[0] == ends[1]).all():
        raise UserError("The path begins and ends at the same latent; choose two particles.")
    if len(values) > MOST_NODES:
        chosen = np.random.default_rng(seed).choice(len(values), MOST_NODES, replace=False)
        values = values[np.sort(chosen)]
    nodes = np.concatenate([ends, values])
    near = _neighbours(nodes)
    way, leaps = _shortest(nodes, near)
    means = nodes[near[way, :AVERAGED]].mean(axis=1, dtype=np.float64)
    means[0], means[-1] = ends
    even = evenly(means, max(4 * count, 100))
    curve = smoothed(even, 0.02 * len(even))
    return GraphPath(evenly(curve, count), len(way), leaps)


def _neighbours(nodes: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n, k) the nearest of each node, itself first or among the first."""
    from sklearn.neighbors import NearestNeighbors

    k = min(max(LINKS + 1, AVERAGED), len(nodes))
    finder = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(nodes)
    return np.asarray(finder.kneighbors(nodes, return_distance=False), np.int64)


def _shortest(nodes: NDArray[np.float32], near: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Nodes from node 0 to node 1, and over how many leaps."""
    from scipy.sparse.csgraph import connected_components, dijkstra

    source = np.repeat(np.arange(len(nodes)), min(LINKS + 1, near.shape[1]))
    links = np.stack([source, near[:, : LINKS + 1].ravel()])
    leaps: list[tuple[int, int]] = []
    part = connected_components(_graph(nodes, links), directed=False)[1]
    while part[0] != part[1]:
        leaps.append(_nearest_of_another(nodes, part))
        links = np.concatenate([links, np.array(leaps[-1])[:, None]], axis=1)
        part[part == part[leaps[-1][1]]] = part[0]
    _, before = dijkstra(_graph(nodes, links), directed=False, indices=0, return_predecessors=True)
    way = [1]
    while way[-1] != 0:
        way.append(int(before[way[-1]]))
    taken = {frozenset(pair) for pair in pairwise(way)}
    return np.array(way[::-1]), sum(frozenset(leap) in taken for leap in leaps)


def _graph(nodes: NDArray[np.float32], links: NDArray[np.int64]) -> Any:
    from scipy.sparse import coo_matrix

    cost = np.square(nodes[links[0]] - nodes[links[1]]).sum(axis=1, dtype=np.float64)
    cost = np.maximum(cost, 1e-12)  # a sparse graph has no link of no cost
    apart = links[0] != links[1]
    entries = (cost[apart], (links[0][apart], links[1][apart]))
    graph = coo_matrix(entries, shape=(len(nodes), len(nodes))).tocsr()
    return graph.maximum(graph.T)  # linked both ways; coo would add up what is given twice


def _nearest_of_another(nodes: NDArray[np.float32], part: NDArray[np.int32]) -> tuple[int, int]:
    """The shortest leap from the part of node 0 to any other: a node of either."""
    from scipy.spatial import cKDTree

    here, there = np.flatnonzero(part == part[0]), np.flatnonzero(part != part[0])
    if len(here) > len(there):
        distance, index = cKDTree(nodes[here]).query(nodes[there])
        k = int(distance.argmin())
        return int(here[index[k]]), int(there[k])
    distance, index = cKDTree(nodes[there]).query(nodes[here])
    k = int(distance.argmin())
    return int(here[k]), int(there[index[k]])
