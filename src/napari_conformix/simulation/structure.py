"""A scene from a user's PDB or mmCIF file: the molecule moves along a soft normal mode."""

from pathlib import Path

import gemmi
import numpy as np
from scipy.spatial import cKDTree

from napari_conformix.errors import UserError
from napari_conformix.simulation.normal_modes import soft_mode
from napari_conformix.simulation.scene import Array, Atoms, Scene

SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif", ".pdb.gz", ".ent.gz", ".cif.gz")
_STATES = 100


def read_atoms(file: Path | str) -> tuple[Array, Array, Array]:
    """Heavy atoms of the first model, without waters and with one alternative location.

    Returns positions (atoms, 3) in A as in the file, atomic numbers (atoms,), and the positions
    (nodes, 3) of the alpha carbons and, in nucleic acids, phosphorus atoms.
    UserError when the file cannot be read or holds none of these.
    """
    file = Path(file)
    if not file.is_file():
        raise UserError(f"There is no structure file {file}.")
    try:
        structure = gemmi.read_structure(str(file))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{file} cannot be read as PDB or mmCIF: {error}") from error
    structure.setup_entities()
    structure.remove_waters()
    structure.remove_hydrogens()
    structure.remove_alternative_conformations()
    atoms = [
        (*atom.pos.tolist(), atom.element.atomic_number, _is_node(atom))
        for model in list(structure)[:1]
        for chain in model
        for residue in chain
        for atom in residue
    ]
    table = np.array(atoms, dtype=np.float64).reshape(-1, 5)
    node = table[:, 4] > 0
    if node.sum() < 10:
        raise UserError(
            f"{file} has {int(node.sum())} alpha carbons and phosphorus atoms; at least 10 are "
            "needed to compute how the molecule moves."
        )
    return table[:, :3], table[:, 3], table[node, :3]


def _is_node(atom: gemmi.Atom) -> bool:
    alpha_carbon = atom.name == "CA" and atom.element == gemmi.Element("C")
    return bool(alpha_carbon or (atom.name == "P" and atom.element == gemmi.Element("P")))


def structure_scene(file: Path | str, amplitude_angstrom: float | None = None) -> Scene:
    """The molecule of a file swaying along its softest collective mode.

    Each atom follows the nearest alpha carbon (or phosphorus). The value of a state is its
    displacement in A RMS over those, from -amplitude to +amplitude.

    Parameters
    ----------
    file: PDB or mmCIF, may be gzipped.
    amplitude_angstrom: RMS at both ends; by default a tenth of the radius of gyration.
    """
    positions, weights, nodes = read_atoms(file)
    centre = np.average(positions, axis=0, weights=weights)
    positions, nodes = positions - centre, nodes - centre
    if amplitude_angstrom is None:
        amplitude_angstrom = 0.1 * float(np.sqrt((nodes**2).sum(axis=1).mean()))
    if not amplitude_angstrom > 0:
        raise UserError(f"The amplitude of the motion must be above 0 A, not {amplitude_angstrom}.")
    mode = soft_mode(nodes)[cKDTree(nodes).query(positions)[1]]
    values = np.linspace(-amplitude_angstrom, amplitude_angstrom, _STATES)

    def atoms(state: int) -> Atoms:
        return positions + values[state] * mode, weights

    return Scene(
        name=Path(file).name,
        title=f"{Path(file).name} swaying along a soft normal mode, {amplitude_angstrom:.1f} A RMS",
        kind="continuous",
        values=values,
        value_name="displacement along the mode (A RMS)",
        populations=np.full(_STATES, 1 / _STATES),
        labels=(),
        atoms=atoms,
    )
