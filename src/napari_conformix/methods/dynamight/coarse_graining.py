"""An atomic model as a few Gaussians a residue, joined by its bonds (paper, Methods).

| residue | Gaussians |
|---|---|
| amino acid | main chain: barycentre of N, C and O |
| all but those below | side chain: barycentre of the alpha, beta and gamma atoms |
| PRO | side chain: barycentre of the alpha to delta atoms |
| ALA, CYS, GLY, SER, THR, VAL | side chain: at the beta atom (the alpha atom of GLY) |
| larger ones | the remaining atoms of the side chain: one more; two for TYR and TRP |
| nucleotide | phosphate, sugar, two in the base |

Each heavy atom of a polymer counts to one Gaussian, whose amplitude is proportional to their summed
atomic number. The paper does not say how the last atoms of TYR and TRP and the bases are divided;
that is chosen here by rings. Waters, ions, ligands and sugars are left out and counted: nothing
would hold their Gaussians in place.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.methods.dynamight.graph import Graph
from napari_conformix.methods.dynamight.start import Start

_MAIN_CHAIN = ("N", "C", "O")
#: of a last residue: it weighs with the main chain, which stays where it is
_TERMINAL = ("OXT", "O2", "OT1", "OT2")
_AT_BETA = frozenset({"ALA", "CYS", "GLY", "SER", "THR", "VAL"})
#: the two additional Gaussians of large side chains, divided by rings
_TWO_MORE = {
    "TYR": (("CD1", "CD2", "CE1", "CE2"), ("CZ", "OH")),
    "TRP": (("CD1", "CD2", "NE1", "CE2"), ("CE3", "CZ2", "CZ3", "CH2")),
}
#: also the two further phosphates of a first nucleotide
_PHOSPHATE = re.compile(r"P[ABG]?|OP[123]|O[123][ABGP]")
#: of a base, the half at the sugar: of purines the five-membered ring, of pyrimidines N1 and its
#: neighbours
_PURINE_NEAR = frozenset({"N9", "C8", "N7", "C5", "C4"})
_PYRIMIDINE_NEAR = frozenset({"N1", "C2", "O2", "C6"})
#: A; bonds are C-N 1.33 and O3'-P 1.61, CA-CA is 3.8
_LONGEST_BOND = 2.2
_LONGEST_CA_CA = 4.5
#: A; begins the fit of the width; two Gaussians a residue are about this far apart
_WIDTH_ANGSTROM = 3.0
_LEAST_IN_DENSITY = 0.5
_FEWEST_GAUSSIANS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CoarseModel:
    """Gaussians for an atomic model, in the coordinates of its file.

    positions       (n, 3) xyz in A
    atomic_number   (n,) summed over the heavy atoms of each Gaussian
    edges           (e, 2) int64, first < second
    atoms           (m, 3) A, the heavy atoms that the Gaussians stand for
    residues        how many residues they are
    left_out        kind -> number of atoms that no Gaussian stands for
    """

    positions: Floats
    atomic_number: Floats
    edges: NDArray[np.int64]
    atoms: Floats
    residues: int
    left_out: dict[str, int]


@dataclass(frozen=True)
class _Bead:
    """A Gaussian: `atoms` weigh in it, and it lies at the barycentre of those `at`."""

    atoms: Sequence[gemmi.Atom]
    at: Sequence[gemmi.Atom]

    @property
    def atomic_number(self) -> float:
        return float(sum(atom.element.atomic_number for atom in self.atoms))

    @property
    def position(self) -> Floats:
        weights = [atom.element.atomic_number for atom in self.at]
        return np.average([atom.pos.tolist() for atom in self.at], axis=0, weights=weights)


# -- from a structure -----------------------------------------------------------------------------


def read_model(path: Path) -> gemmi.Structure:
    """Read an atomic model.

    Parameters
    ----------
    path : pathlib.Path
        A PDB or mmCIF file, gzipped or not.

    Returns
    -------
    gemmi.Structure
        As it is in the file.

    Raises
    ------
    UserError
        If there is no such file, it cannot be read, or it holds no atoms.
    """
    if not path.is_file():
        raise UserError(f"There is no atomic model {path} (setting atomic_model).")
    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path} cannot be read as PDB or mmCIF: {error}.") from error
    if not len(structure) or not structure[0].count_atom_sites():
        raise UserError(f"{path} holds no atomic model; give a PDB or mmCIF file with coordinates.")
    return structure


def coarse_grain(structure: gemmi.Structure) -> CoarseModel:
    """The Gaussians and bonds of an atomic model.

    Of its first model, with one alternative location and no hydrogen.

    Parameters
    ----------
    structure : gemmi.Structure
        Left as it is.

    Returns
    -------
    CoarseModel
        In the coordinates of the file.

    Raises
    ------
    UserError
        If it holds too few residues of protein or nucleic acid: less than ten Gaussians.
    """
    structure = structure.clone()
    structure.remove_hydrogens()
    structure.remove_alternative_conformations()
    structure.setup_entities()
    beads: list[_Bead] = []
    edges: list[tuple[int, int]] = []
    left_out = {"water": 0, "ligand": 0}
    residues = 0
    for chain in structure[0]:
        before: _Placed | None = None
        for residue in chain:
            groups = _groups(residue)
            if not groups:
                kind = "water" if residue.is_water() else "ligand"
                left_out[kind] += len(residue)
                continue
            placed = _Placed(residue, len(beads), tuple(groups))
            beads += groups.values()
            edges += placed.edges()
            if before is not None and _bonded(before.residue, residue):
                edges.append((before.end, placed.first))
            before = placed
            residues += 1
    if len(beads) < _FEWEST_GAUSSIANS:
        raise UserError(
            f"The atomic model has {residues} residue(s) of protein or nucleic acid, too few for "
            "a run; leave the setting atomic_model out."
        )
    return CoarseModel(
        positions=np.array([bead.position for bead in beads]),
        atomic_number=np.array([bead.atomic_number for bead in beads]),
        edges=np.array(sorted(edges), dtype=np.int64).reshape(-1, 2),
        atoms=np.array([atom.pos.tolist() for bead in beads for atom in bead.atoms]),
        residues=residues,
        left_out={kind: count for kind, count in left_out.items() if count},
    )


@dataclass(frozen=True)
class _Placed:
    """A residue whose Gaussians are numbered from `first`, in the order of `kinds`."""

    residue: gemmi.Residue
    first: int
    kinds: tuple[str, ...]

    @property
    def end(self) -> int:
        """The Gaussian that the next residue is bonded to: main chain, or sugar."""
        return self.first + (self.kinds.index("sugar") if "sugar" in self.kinds else 0)

    def edges(self) -> Iterator[tuple[int, int]]:
        """Main chain to side chain, or phosphate to sugar to base: each to the next."""
        for number in range(self.first, self.first + len(self.kinds) - 1):
            yield number, number + 1


def _groups(residue: gemmi.Residue) -> dict[str, _Bead]:
    """The Gaussians of a residue by kind, from the chain outwards; none for what is no polymer."""
    if residue.entity_type != gemmi.EntityType.Polymer:
        return {}
    atoms = {atom.name.replace("*", "'"): atom for atom in residue}
    if "CA" in atoms:
        return _amino_acid(residue.name, atoms)
    if "C1'" in atoms or "P" in atoms:
        return _nucleotide(atoms)
    return {}


def _amino_acid(name: str, atoms: Mapping[str, gemmi.Atom]) -> dict[str, _Bead]:
    side = [key for key in atoms if key not in _MAIN_CHAIN and key not in _TERMINAL]
    inner = {"A", "B", "G", "D"} if name == "PRO" else {"A", "B", "G"}
    if name in _AT_BETA:
        near, far = side, []
    else:
        near = [key for key in side if key[1:2] in inner]
        far = [key for key in side if key not in near]
    if name in _TWO_MORE:
        more = [[key for key in part if key in far] for part in _TWO_MORE[name]]
        more[-1] += [key for key in far if not any(key in part for part in more)]
    else:
        more = [far]
    beta = [key for key in (("CA",) if name == "GLY" else ("CB", "CA")) if key in atoms][:1]
    main = [key for key in _MAIN_CHAIN if key in atoms]
    terminal = [key for key in _TERMINAL if key in atoms]
    groups = {"main": (main + terminal, main), "near": (near, beta if name in _AT_BETA else near)}
    groups |= {f"far{number}": (part, part) for number, part in enumerate(more)}
    return _beads(groups, atoms)


def _nucleotide(atoms: Mapping[str, gemmi.Atom]) -> dict[str, _Bead]:
    phosphate = [key for key in atoms if _PHOSPHATE.fullmatch(key)]
    sugar = [key for key in atoms if key.endswith("'")]
    base = [key for key in atoms if key not in phosphate and key not in sugar]
    ring = _PURINE_NEAR if "N9" in atoms else _PYRIMIDINE_NEAR
    near = [key for key in base if key in ring]
    far = [key for key in base if key not in ring]
    at_phosphorus = ["P"] if "P" in atoms else phosphate
    return _beads(
        {
            "phosphate": (phosphate, at_phosphorus),
            "sugar": (sugar, sugar),
            "near": (near, near),
            "far": (far, far),
        },
        atoms,
    )


def _beads(
    groups: Mapping[str, tuple[Sequence[str], Sequence[str]]], atoms: Mapping[str, gemmi.Atom]
) -> dict[str, _Bead]:
    """Gaussians of the groups that have atoms in this residue."""
    return {
        kind: _Bead([atoms[key] for key in members], [atoms[key] for key in at or members])
        for kind, (members, at) in groups.items()
        if members
    }


def _bonded(first: gemmi.Residue, second: gemmi.Residue) -> bool:
    """Whether a residue follows the one before without a gap."""
    for one, other, longest in (
        ("C", "N", _LONGEST_BOND),
        ("O3'", "P", _LONGEST_BOND),
        ("CA", "CA", _LONGEST_CA_CA),
    ):
        a, b = first.find_atom(one, "*"), second.find_atom(other, "*")
        if a is not None and b is not None:
            return bool(a.pos.dist(b.pos) <= longest)
    return False


# -- into a map -----------------------------------------------------------------------------------


def start_from_model(
    model: CoarseModel,
    volume: torch.Tensor,
    pixel_size_angstrom: float,
    threshold: float,
    name: str,
) -> Start:
    """The beginning of a run from an atomic model that is fitted into the map.

    Coordinates are A from the corner of the map, as in every program that fits models; those that
    only fit when counted from the centre of the map are taken so.

    Parameters
    ----------
    model : CoarseModel
        Gaussians and bonds.
    volume : torch.Tensor
        (z, y, x), the consensus map.
    pixel_size_angstrom : float
        Edge of a voxel, in A.
    threshold : float
        Above it there is density, in the map's grey values.
    name : str
        Of the model, for messages.

    Returns
    -------
    Start
        Positions that the fit to the map does not move, with relative masses and fixed edges.

    Raises
    ------
    UserError
        If less than half of the atoms are in density either way.
    """
    centre = volume.shape[0] // 2 * pixel_size_angstrom
    shares = {
        "corner": _share_in_density(model.atoms - centre, volume, pixel_size_angstrom, threshold),
        "centre": _share_in_density(model.atoms, volume, pixel_size_angstrom, threshold),
    }
    frame = "corner" if shares["corner"] >= min(_LEAST_IN_DENSITY, shares["centre"]) else "centre"
    if shares[frame] < _LEAST_IN_DENSITY:
        raise UserError(
            f"Only {shares[frame]:.0%} of the atoms of {name} are in density above "
            f"{threshold:.3g}: the model is not fitted into the consensus map, or its coordinates "
            "are those of another map. Fit it into the consensus (whose header should have the "
            "origin 0, 0, 0) and save it relative to that map."
        )
    positions = torch.from_numpy(model.positions - (centre if frame == "corner" else 0)).float()
    first, second = torch.from_numpy(model.edges).unbind(1)
    weights = torch.from_numpy(model.atomic_number).float()
    return Start(
        positions,
        _WIDTH_ANGSTROM,
        move=False,
        relative_mass=weights / weights.mean(),
        graph=Graph(
            first, second, (positions[first] - positions[second]).norm(dim=1), mean_distance=0.0
        ),
        facts=_facts(model, name, frame, shares[frame], threshold),
    )


def _facts(
    model: CoarseModel, name: str, frame: str, share: float, threshold: float
) -> dict[str, Any]:
    return {
        "threshold": threshold,
        "model_biased": True,
        "atomic_model": name,
        "atomic_model_residues": model.residues,
        "atomic_model_edges": len(model.edges),
        "atomic_model_atoms_in_density": share,
        "atomic_model_coordinates_from": frame,
        "atomic_model_atoms_left_out": dict(model.left_out),
    }


def _share_in_density(
    atoms: Floats, volume: torch.Tensor, pixel_size_angstrom: float, threshold: float
) -> float:
    """Share of atoms (xyz in A from the centre) whose voxel is above the threshold."""
    box = volume.shape[0]
    index = np.rint(atoms / pixel_size_angstrom).astype(np.int64) + box // 2  # (m, 3) x y z
    inside = ((index >= 0) & (index < box)).all(axis=1)
    x, y, z = torch.from_numpy(index[inside]).unbind(1)
    return float((volume[z, y, x] > threshold).sum()) / len(atoms)
