"""Scenes from a structure file, and the normal mode that moves them."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.simulation import find_scene, simulate, structure_scene
from napari_conformix.simulation.adenylate_kinase import path
from napari_conformix.simulation.normal_modes import collectivity, hessian, soft_mode
from napari_conformix.simulation.structure import read_atoms


def alpha_carbons() -> np.ndarray:
    """(214, 3): the atom of each residue nearest to its middle, as a stand-in."""
    table = path()
    positions = table.at(1.0)
    middle = [positions[table.residue == r].mean(axis=0) for r in np.unique(table.residue)]
    return np.array(middle)


def write_structure(file: Path, nodes: np.ndarray) -> None:
    """Alanines with CA at the nodes and CB next to, one hydrogen, one water, one CA at half
    occupancy twice, and a calcium ion, whose atom is called CA too."""
    structure, model, chain = gemmi.Structure(), gemmi.Model("1"), gemmi.Chain("A")
    for number, place in enumerate(nodes, start=1):
        residue = gemmi.Residue()
        residue.name, residue.seqid = "ALA", gemmi.SeqId(number, " ")
        residue.add_atom(atom("CA", "C", place))
        residue.add_atom(atom("CB", "C", place + np.array([1.5, 0, 0])))
        residue.add_atom(atom("HA", "H", place + np.array([0, 1, 0])))
        chain.add_residue(residue)
    twice = chain[0].clone()
    chain[0][0].altloc = "A"
    twice[0].altloc = "B"
    chain[0].add_atom(twice[0])
    for name, element in (("HOH", "O"), ("CA", "Ca")):
        residue = gemmi.Residue()
        residue.name, residue.seqid = name, gemmi.SeqId(900 + len(name), " ")
        residue.het_flag = "H"
        residue.add_atom(atom("O" if name == "HOH" else "CA", element, nodes[0] + 5))
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    if file.name.endswith(".pdb"):
        structure.write_pdb(str(file))
    else:
        structure.make_mmcif_document().write_file(str(file))


def atom(name: str, element: str, place: np.ndarray) -> gemmi.Atom:
    made = gemmi.Atom()
    made.name, made.element, made.pos = name, gemmi.Element(element), gemmi.Position(*place)
    return made


def test_whole_body_motion_costs_nothing_and_stretching_does() -> None:
    nodes = alpha_carbons()
    matrix = hessian(nodes, 15.0).toarray()
    np.testing.assert_allclose(matrix, matrix.T)
    shift = np.tile([1.0, 2.0, 3.0], len(nodes))
    turn = np.cross([0.3, -1.0, 0.2], nodes).ravel()
    for rigid in (shift, turn):
        assert np.abs(matrix @ rigid).max() < 1e-9 * np.abs(rigid).max()
    breathing = nodes.ravel() - shift
    assert breathing @ matrix @ breathing > 1
    assert (np.linalg.eigvalsh(matrix) > 1e-9).sum() == 3 * len(nodes) - 6


def test_the_hessian_is_the_curvature_of_the_springs() -> None:
    nodes = np.random.default_rng(0).normal(0, 4, (12, 3))
    matrix = hessian(nodes, 100.0).toarray()
    length = np.linalg.norm(nodes[:, None] - nodes, axis=2)

    def energy(moved: np.ndarray) -> float:
        strain = np.linalg.norm(moved[:, None] - moved, axis=2) - length
        return float((strain**2).sum() / 4)

    step = 1e-4 * np.random.default_rng(1).normal(size=nodes.shape)
    expected = 0.5 * step.ravel() @ matrix @ step.ravel()
    assert energy(nodes + step) == pytest.approx(expected, rel=1e-3)


def test_soft_mode_is_an_internal_collective_motion() -> None:
    nodes = alpha_carbons()
    mode = soft_mode(nodes)
    assert mode.shape == nodes.shape
    assert np.sqrt((mode**2).sum(axis=1).mean()) == pytest.approx(1)
    assert np.abs(mode.mean(axis=0)).max() < 1e-9
    centred = nodes - nodes.mean(axis=0)
    assert np.abs(np.cross(centred, mode).sum(axis=0)).max() < 1e-6
    assert collectivity(mode) > 0.2
    np.testing.assert_allclose(soft_mode(nodes), mode, atol=1e-6)
    # it is soft: far less stiff than a random internal motion
    matrix = hessian(nodes, 15.0)
    other = np.random.default_rng(0).normal(size=nodes.shape)
    stiffness = [m.ravel() @ (matrix @ m.ravel()) / (m**2).sum() for m in (mode, other)]
    assert stiffness[0] < 0.05 * stiffness[1]


def test_the_mode_opens_the_enzyme() -> None:
    """Known of adenylate kinase: its soft modes point along the closing motion."""
    table = path()
    residues = np.unique(table.residue)

    def middles(opening: float) -> np.ndarray:
        positions = table.at(opening)
        return np.array([positions[table.residue == r].mean(axis=0) for r in residues])

    change = middles(0.0) - middles(1.0)
    mode = soft_mode(middles(1.0))
    # as internal motion: take the whole-body part out of the change
    centred = middles(1.0) - middles(1.0).mean(axis=0)
    rigid = [np.tile(axis, len(change)) for axis in np.eye(3)]
    rigid += [np.cross(axis, centred).ravel() for axis in np.eye(3)]
    basis = np.linalg.qr(np.array(rigid).T)[0]
    internal = change.ravel() - basis @ (basis.T @ change.ravel())
    overlap = abs(mode.ravel() @ internal) / np.linalg.norm(mode) / np.linalg.norm(internal)
    assert overlap > 0.7


def test_a_loose_end_is_not_taken_for_the_motion() -> None:
    nodes = alpha_carbons()
    outward = nodes[-1] / np.linalg.norm(nodes[-1])
    tail = nodes[-1] + 3.8 * np.arange(1, 16)[:, None] * outward
    with_tail = np.concatenate([nodes, tail])
    softest = np.linalg.eigh(hessian(with_tail, 15.0).toarray())[1][:, 6].reshape(-1, 3)
    assert collectivity(softest) < 0.2  # the trap is there
    assert collectivity(soft_mode(with_tail)) >= 0.2


def test_pieces_far_apart_still_move_as_one_network() -> None:
    nodes = alpha_carbons()
    two = np.concatenate([nodes, nodes + np.array([120.0, 0, 0])])
    mode = soft_mode(two)
    assert np.isfinite(mode).all()
    assert np.abs(mode).max() < 20


def test_large_molecules_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = alpha_carbons()
    full = soft_mode(nodes)
    monkeypatch.setattr("napari_conformix.simulation.normal_modes._MOST_NODES", 80)
    thin = soft_mode(nodes)
    assert thin.shape == full.shape
    assert len(np.unique(thin.round(9), axis=0)) <= 80


@pytest.mark.parametrize("suffix", [".pdb", ".cif"])
def test_atoms_of_a_file(suffix: str, tmp_path: Path) -> None:
    nodes = alpha_carbons()
    write_structure(tmp_path / f"protein{suffix}", nodes)
    positions, weights, found = read_atoms(tmp_path / f"protein{suffix}")
    assert len(found) == 214  # not the calcium
    np.testing.assert_allclose(found, nodes, atol=1e-3)
    assert sorted(set(weights)) == [6, 20]  # neither hydrogen nor water
    assert len(positions) == 2 * 214 + 1


def test_a_structure_becomes_a_data_set(tmp_path: Path) -> None:
    file = tmp_path / "protein.pdb"
    write_structure(file, alpha_carbons())
    scene = structure_scene(file, amplitude_angstrom=3.0)
    assert scene.values[[0, -1]].tolist() == [-3.0, 3.0]
    start, end = scene.atoms(0)[0], scene.atoms(99)[0]
    rms = np.sqrt(((end - start)[:-1] ** 2).sum(axis=1).mean())
    assert rms == pytest.approx(6.0, rel=0.02)
    # CB follows its own CA
    np.testing.assert_allclose((end - start)[0], (end - start)[1])
    assert np.abs(np.average(start + end, axis=0, weights=scene.atoms(0)[1])).max() < 1e-6
    assert find_scene(file).kind == "continuous"
    star = simulate(file, tmp_path / "data", 20, 32)
    assert len(np.load(star.parent / "truth.npz", allow_pickle=False)["values"]) == 100


def test_files_that_are_no_structures(tmp_path: Path) -> None:
    (tmp_path / "text.cif").write_text("this is not a structure")
    with pytest.raises(UserError, match="cannot be read as PDB or mmCIF"):
        find_scene(tmp_path / "text.cif")
    (tmp_path / "empty.pdb").write_text("END\n")
    with pytest.raises(UserError, match="has 0 alpha carbons"):
        find_scene(tmp_path / "empty.pdb")
    write_structure(tmp_path / "tiny.pdb", alpha_carbons()[:5])
    with pytest.raises(UserError, match="at least 10"):
        find_scene(tmp_path / "tiny.pdb")
    write_structure(tmp_path / "fine.pdb", alpha_carbons())
    with pytest.raises(UserError, match="amplitude"):
        structure_scene(tmp_path / "fine.pdb", amplitude_angstrom=0.0)
