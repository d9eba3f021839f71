"""The paper's rules for atomic models, residue by residue, and what is refused."""

from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
import torch

from napari_conformix.errors import UserError
from napari_conformix.methods.dynamight import DynaMight, DynaMightSettings
from napari_conformix.methods.dynamight.coarse_graining import (
    CoarseModel,
    coarse_grain,
    read_model,
    start_from_model,
)
from napari_conformix.methods.dynamight.graph import deformation_energy
from napari_conformix.training.contract import Frame

#: heavy atoms of each residue next to N, CA, C, O, and the groups that the paper's rules make of
#: its side chain (CA belongs to the first)
SIDE_CHAINS = {
    "ALA": ["CA CB"],
    "GLY": ["CA"],
    "SER": ["CA CB OG"],
    "CYS": ["CA CB SG"],
    "VAL": ["CA CB CG1 CG2"],
    "THR": ["CA CB OG1 CG2"],
    "PRO": ["CA CB CG CD"],
    "LEU": ["CA CB CG", "CD1 CD2"],
    "ILE": ["CA CB CG1 CG2", "CD1"],
    "ASP": ["CA CB CG", "OD1 OD2"],
    "ASN": ["CA CB CG", "OD1 ND2"],
    "MET": ["CA CB CG", "SD CE"],
    "GLU": ["CA CB CG", "CD OE1 OE2"],
    "GLN": ["CA CB CG", "CD OE1 NE2"],
    "LYS": ["CA CB CG", "CD CE NZ"],
    "ARG": ["CA CB CG", "CD NE CZ NH1 NH2"],
    "HIS": ["CA CB CG", "ND1 CD2 CE1 NE2"],
    "PHE": ["CA CB CG", "CD1 CD2 CE1 CE2 CZ"],
    "TYR": ["CA CB CG", "CD1 CD2 CE1 CE2", "CZ OH"],
    "TRP": ["CA CB CG", "CD1 CD2 NE1 CE2", "CE3 CZ2 CZ3 CH2"],
}
AT_BETA = {"ALA": "CB", "GLY": "CA", "SER": "CB", "CYS": "CB", "VAL": "CB", "THR": "CB"}
SUGAR = "O5' C5' C4' O4' C3' O3' C2' O2' C1'"
BASES = {
    "A": ["N9 C8 N7 C5 C4", "C6 N6 N1 C2 N3"],
    "G": ["N9 C8 N7 C5 C4", "C6 O6 N1 C2 N2 N3"],
    "C": ["N1 C2 O2 C6", "N3 C4 N4 C5"],
    "U": ["N1 C2 O2 C6", "N3 C4 O4 C5"],
}
NUMBERS = {"C": 6, "N": 7, "O": 8, "P": 15, "S": 16}
RANDOM = np.random.default_rng(7)


def add_residue(
    chain: gemmi.Chain, name: str, atoms: str, at: np.ndarray, fixed: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Append a residue with its atoms strewn about a place, some at given places."""
    residue = gemmi.Residue()
    residue.name = name
    residue.seqid = gemmi.SeqId(len(chain) + 1, " ")
    places = {}
    for key in atoms.split():
        atom = gemmi.Atom()
        atom.name, atom.element = key, gemmi.Element(key[0])
        places[key] = np.round(fixed.get(key, at + RANDOM.normal(0, 1.5, 3)), 3)
        atom.pos = gemmi.Position(*places[key])
        residue.add_atom(atom)
    chain.add_residue(residue)
    return places


def peptide(names: list[str], gap_after: int | None = None) -> tuple[gemmi.Structure, list[Any]]:
    """A stretched chain, C to N 1.33 A; residues after `gap_after` are 9 A further on."""
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A")
    places, x = [], 0.0
    for number, name in enumerate(names):
        fixed = {
            "N": np.array([x, 0, 0]),
            "CA": np.array([x + 1.2, 0.8, 0]),
            "C": np.array([x + 2.47, 0, 0]),
            "O": np.array([x + 2.47, -1.2, 0]),
        }
        atoms = "N C O " + " ".join(SIDE_CHAINS[name])
        places.append(add_residue(chain, name, atoms, np.array([x + 1.2, 4, 0]), fixed))
        x += 3.8 + (9.0 if number == gap_after else 0.0)
    model.add_chain(chain)
    structure.add_model(model)
    return structure, places


def rna(names: str) -> tuple[gemmi.Structure, list[Any]]:
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("R")
    places = []
    for number, name in enumerate(names):
        x = 6.0 * number
        fixed = {"P": np.array([x, 0, 0]), "O3'": np.array([x + 4.4, 0, 0])}
        phosphate = "P OP1 OP2 " if number else ""  # the first nucleotide ends in a hydroxyl
        atoms = phosphate + " ".join([SUGAR, *BASES[name]])
        places.append(add_residue(chain, name, atoms, np.array([x + 2, 3, 0]), fixed))
    model.add_chain(chain)
    structure.add_model(model)
    return structure, places


def barycentre(places: dict[str, np.ndarray], keys: str) -> np.ndarray:
    weights = [NUMBERS[key[0]] for key in keys.split()]
    return np.average([places[key] for key in keys.split()], axis=0, weights=weights)


def test_every_amino_acid_by_the_rules_of_the_paper() -> None:
    names = sorted(SIDE_CHAINS)
    structure, places = peptide(names)
    model = coarse_grain(structure)
    at = 0
    expected_edges = []
    for name, atoms in zip(names, places, strict=True):
        groups = ["N C O", *SIDE_CHAINS[name]]
        for number, keys in enumerate(groups):
            expected = barycentre(atoms, keys)
            if number == 1 and name in AT_BETA:
                expected = atoms[AT_BETA[name]]
            np.testing.assert_allclose(model.positions[at + number], expected, atol=1e-6)
            amount = sum(NUMBERS[key[0]] for key in keys.split())
            assert model.atomic_number[at + number] == amount
            if number:
                expected_edges.append((at + number - 1, at + number))
        if at + len(groups) < len(model.positions):
            expected_edges.append((at, at + len(groups)))
        at += len(groups)
    assert at == len(model.positions)
    assert [tuple(edge) for edge in model.edges] == sorted(expected_edges)
    assert model.residues == 20
    assert len(model.atoms) == sum(len(atoms) for atoms in places)


def test_four_gaussians_a_nucleotide() -> None:
    structure, places = rna("ACGU")
    model = coarse_grain(structure)
    groups = [
        (atoms, keys)
        for name, atoms in zip("ACGU", places, strict=True)
        for keys in ["P OP1 OP2", SUGAR, *BASES[name]]
        if keys.split()[0] in atoms
    ]
    assert len(model.positions) == len(groups) == 15
    for position, number, (atoms, keys) in zip(
        model.positions, model.atomic_number, groups, strict=True
    ):
        place = atoms["P"] if keys.startswith("P") else barycentre(atoms, keys)
        np.testing.assert_allclose(position, place, atol=1e-6)
        assert number == sum(NUMBERS[key[0]] for key in keys.split())
    # sugar 0 - phosphate 3 - sugar 4 - phosphate 7 ...; bases hang on their sugar
    expected = [(0, 1), (1, 2), (0, 3), (4, 7), (8, 11)]
    expected += [(p + k, p + k + 1) for p in (3, 7, 11) for k in range(3)]
    assert [tuple(edge) for edge in model.edges] == sorted(expected)


def test_no_edge_across_a_gap() -> None:
    whole = coarse_grain(peptide(["ALA"] * 8)[0])
    broken = coarse_grain(peptide(["ALA"] * 8, gap_after=3)[0])
    missing = {tuple(e) for e in whole.edges} - {tuple(e) for e in broken.edges}
    assert missing == {(6, 8)}
    assert len(broken.edges) == len(whole.edges) - 1


def test_alpha_carbons_alone_are_a_chain() -> None:
    structure = gemmi.Structure()
    model, chain = gemmi.Model(1), gemmi.Chain("A")
    for number in range(12):
        add_residue(chain, "LEU", "CA", np.zeros(3), {"CA": np.array([3.8 * number, 0, 0])})
    model.add_chain(chain)
    structure.add_model(model)
    found = coarse_grain(structure)
    np.testing.assert_allclose(found.positions[:, 0], 3.8 * np.arange(12), atol=1e-6)
    assert len(found.edges) == 11


def test_hydrogens_other_locations_models_waters_and_ligands_are_left_out() -> None:
    plain, _ = peptide(["SER"] * 6)
    bare = coarse_grain(plain)
    structure = plain.clone()
    chain = structure[0][0]
    for key, element, location in (("HA", "H", "\0"), ("OG", "O", "B")):
        atom = gemmi.Atom()
        atom.name, atom.element, atom.altloc = key, gemmi.Element(element), location
        atom.pos = gemmi.Position(50, 50, 50)
        chain[2].add_atom(atom)
    chain[2].find_atom("OG", "\0").altloc = "A"
    other = gemmi.Chain("B")
    for name, key in (("HOH", "O"), ("HOH", "O"), ("ZN", "Zn")):
        residue = gemmi.Residue()
        residue.name, residue.het_flag = name, "H"
        residue.seqid = gemmi.SeqId(len(other) + 1, " ")
        atom = gemmi.Atom()
        atom.name, atom.element = key, gemmi.Element(key)
        residue.add_atom(atom)
        other.add_residue(residue)
    structure[0].add_chain(other)
    second = gemmi.Model(2)
    second.add_chain(chain.clone())
    structure.add_model(second)
    found = coarse_grain(structure)
    np.testing.assert_array_equal(found.positions, bare.positions)
    np.testing.assert_array_equal(found.atomic_number, bare.atomic_number)
    assert found.left_out == {"water": 2, "ligand": 1}
    assert bare.left_out == {}


@pytest.mark.parametrize("suffix", [".pdb", ".cif"])
def test_pdb_and_mmcif_say_the_same(suffix: str, tmp_path: Path) -> None:
    structure, _ = peptide(sorted(SIDE_CHAINS))
    file = tmp_path / f"model{suffix}"
    if suffix == ".pdb":
        structure.write_pdb(str(file))
    else:
        structure.setup_entities()
        structure.make_mmcif_document().write_file(str(file))
    read, made = coarse_grain(read_model(file)), coarse_grain(structure)
    np.testing.assert_allclose(read.positions, made.positions, atol=2e-3)
    np.testing.assert_array_equal(read.edges, made.edges)
    np.testing.assert_array_equal(read.atomic_number, made.atomic_number)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.pdb", None, "no atomic model"),
        ("text.cif", "this is not a structure", "cannot be read"),
        ("empty.pdb", "END\n", "no atomic model; give"),
    ],
)
def test_files_that_are_no_models(
    name: str, content: str | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=words):
        read_model(tmp_path / name)


def test_a_model_without_polymer_is_refused() -> None:
    with pytest.raises(UserError, match="too few"):
        coarse_grain(peptide(["GLY", "GLY"])[0])


# -- into a map -----------------------------------------------------------------------------------

BOX, PIXEL = 40, 3.0


def folded(count: int = 60) -> tuple[gemmi.Structure, CoarseModel]:
    """A chain with its atoms near (60, 60, 60), the centre of the map from its corner."""
    structure, _ = peptide(["LEU", "SER", "LYS"] * (count // 3))
    for atom in (atom for residue in structure[0][0] for atom in residue):
        x, y, z = atom.pos.tolist()
        row, along = divmod(x, 45.6)  # 12 residues a row
        atom.pos = gemmi.Position(along + 37, y + 12 * row + 30, z + 60)
    return structure, coarse_grain(structure)


def density(model: CoarseModel) -> torch.Tensor:
    """Gaussians of 4 A at the model, (z, y, x), computed from coordinates from the corner."""
    axis = np.arange(BOX) * PIXEL
    g = np.exp(-((axis - model.positions[..., None]) ** 2) / (2 * 4.0**2))  # (n, 3, N)
    volume = np.einsum("n,nz,ny,nx->zyx", model.atomic_number, g[:, 2], g[:, 1], g[:, 0])
    return torch.from_numpy(volume).float()


def test_coordinates_are_counted_from_the_corner_of_the_map() -> None:
    _, model = folded()
    start = start_from_model(model, density(model), PIXEL, 20.0, "m.pdb")
    expected = model.positions - BOX // 2 * PIXEL
    np.testing.assert_allclose(start.positions.numpy(), expected, atol=1e-4)
    assert start.facts["atomic_model_coordinates_from"] == "corner"
    assert start.facts["model_biased"] is True
    assert start.facts["atomic_model_atoms_in_density"] > 0.95
    assert start.relative_mass is not None
    assert float(start.relative_mass.mean()) == pytest.approx(1)
    np.testing.assert_allclose(
        start.relative_mass.numpy() * model.atomic_number.mean(), model.atomic_number, rtol=1e-5
    )


def test_coordinates_from_the_centre_are_taken_so_and_told() -> None:
    _, model = folded()
    volume = density(model)
    shifted = CoarseModel(
        model.positions - 60, model.atomic_number, model.edges, model.atoms - 60,
        model.residues, model.left_out,
    )  # fmt: skip
    start = start_from_model(shifted, volume, PIXEL, 20.0, "m.pdb")
    np.testing.assert_allclose(start.positions.numpy(), shifted.positions, atol=1e-4)
    assert start.facts["atomic_model_coordinates_from"] == "centre"


@pytest.mark.parametrize("shift", [40.0, 500.0])
def test_a_model_beside_the_map_is_refused(shift: float) -> None:
    _, model = folded()
    away = CoarseModel(
        model.positions, model.atomic_number, model.edges, model.atoms + shift,
        model.residues, model.left_out,
    )  # fmt: skip
    with pytest.raises(UserError, match=r"m\.pdb.*not fitted into the consensus map"):
        start_from_model(away, density(model), PIXEL, 20.0, "m.pdb")


def test_edges_hold_bonds_and_nothing_repels() -> None:
    _, model = folded()
    start = start_from_model(model, density(model), PIXEL, 20.0, "m.pdb")
    assert start.graph is not None
    stretch, repulsion = deformation_energy(start.positions[None], start.graph)
    assert float(stretch) == pytest.approx(0, abs=1e-6)
    stretch, repulsion = deformation_energy(0.2 * start.positions[None], start.graph)
    assert float(stretch) > 0.1
    assert float(repulsion) == 0


def test_a_run_begins_with_the_model(tmp_path: Path) -> None:
    structure, model = folded()
    structure.write_pdb(str(tmp_path / "fitted.pdb"))
    settings = DynaMightSettings(atomic_model=tmp_path / "fitted.pdb", threshold=20.0)
    torch.manual_seed(0)
    method = DynaMight(settings, Frame(BOX, PIXEL, BOX, PIXEL))
    facts = method.initialise(density(model), None)
    assert facts["gaussians"] == len(model.positions)
    assert facts["atomic_model"] == "fitted.pdb"
    assert facts["fit_correlation"] > 0.98
    for half in (1, 2):
        positions = method.consensus_positions(half)
        assert positions is not None
        np.testing.assert_allclose(positions.numpy(), model.positions - 60, atol=2e-3)
        method.models[half].rebuild_graph()
        graph = method.models[half].graph
        assert graph is not None
        assert len(graph.first) == len(model.edges)
    # the edges come back from a checkpoint, without the file
    (tmp_path / "fitted.pdb").unlink()
    again = DynaMight(settings, Frame(BOX, PIXEL, BOX, PIXEL))
    again.load_state(method.state())
    again.models[1].rebuild_graph()
    before, after = method.models[1].graph, again.models[1].graph
    assert before is not None
    assert after is not None
    torch.testing.assert_close(after.length, before.length)
    torch.testing.assert_close(after.first, before.first)
    torch.testing.assert_close(
        again.decode(torch.zeros(1, 6), 1), method.decode(torch.zeros(1, 6), 1)
    )
