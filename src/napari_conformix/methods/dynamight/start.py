"""Where a run's Gaussians begin: the map above its threshold, or positions that are given."""

from dataclasses import dataclass, field
from typing import Any

import torch

from napari_conformix.methods.dynamight.graph import Graph
from napari_conformix.methods.dynamight.reference import Placement


@dataclass(frozen=True)
class Start:
    """The first model of both halves.

    positions        (n, 3) xyz in A from the centre
    width_angstrom   standard deviation that the fit to the map starts from, at least a voxel
    move             whether the fit to the map may move the positions
    relative_mass    (n,) masses of the Gaussians relative to each other; None: all alike
    graph            fixed edges with their lengths; None: neighbours, found again every epoch
    facts            what the user should know, JSON values
    """

    positions: torch.Tensor
    width_angstrom: float
    move: bool = True
    relative_mass: torch.Tensor | None = None
    graph: Graph | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def start_from_map(placement: Placement) -> Start:
    """Gaussians that fill the map, each as wide as the space that it has.

    Parameters
    ----------
    placement : Placement
        Where they are.

    Returns
    -------
    Start
        With a width of 0.75 of the cube root of the volume of each.
    """
    spacing = (placement.enclosed_volume_angstrom3 / len(placement.positions)) ** (1 / 3)
    return Start(
        placement.positions,
        0.75 * spacing,
        facts={
            "threshold": placement.threshold,
            "enclosed_volume_angstrom3": placement.enclosed_volume_angstrom3,
        },
    )
