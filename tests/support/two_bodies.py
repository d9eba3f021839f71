"""A molecule of two bodies whose maps are exact sums over atoms, with the domain moved at will."""

import numpy as np
import torch
from point_atoms import Array, Atoms

from napari_conformix.imaging import soft_mask

BOX, PIXEL = 36, 4.0
B_FACTOR = 250.0
#: of the domain, A from the centre of the map: on the edge of the rest, as domains are
PLACE = np.array([14.0, 30.0, -9.0])


def _cloud(count: int, radius: float, place: Array, seed: int) -> Atoms:
    atoms = Atoms.random(count, radius, B_FACTOR, seed)
    return Atoms(atoms.xyz + place, atoms.weights, B_FACTOR)


DOMAIN = _cloud(150, 22.0, PLACE, 3)
REST = _cloud(350, 30.0, np.array([-6.0, -18.0, 5.0]), 4)


def moved(atoms: Atoms, matrix: Array, shift: Array) -> Atoms:
    """x -> matrix @ x + shift, xyz in A from the map's centre."""
    return Atoms(atoms.xyz @ np.asarray(matrix).T + shift, atoms.weights, atoms.b_factor)


def density(*parts: Atoms) -> Array:
    """(z, y, x) of all parts together."""
    return sum(part.density(BOX, PIXEL) for part in parts)


def mask_of(*parts: Atoms) -> Array:
    """Soft mask (z, y, x) around parts."""
    alone = torch.from_numpy(density(*parts))
    return soft_mask(alone, 0.1 * float(alone.max()), 1.0, 3.0).numpy()


def centre_of(atoms: Atoms) -> Array:
    """Centre of mass, A."""
    return atoms.weights @ atoms.xyz / atoms.weights.sum()
