"""How true the displacements of a trained job are, and how well their errors are known.

    python benchmarks/dynamight_truth.py DATA JOB --scene adk            # of conformix simulate
    python benchmarks/dynamight_truth.py DATA JOB --antibody 1hzh.pdb    # see below
    python benchmarks/dynamight_truth.py DATA JOB --rigid                # nothing moves

DATA holds truth.npz with `state` (N,), and JOB was trained on it. With --antibody the data are of
PDB 1HZH, centred on the mean of its atoms, whose first Fab (chain L, and H up to residue 232) is
turned by `value` degrees about the axis from the Fc's mean to the hinge (H 230 to 240).

Compared are displacements about their mean over the held-out particles, at the consensus positions
of half 1: where a consensus is drawn is a matter of convention. The true displacement of a position
is that of the atoms within 6 A of it in the middle state.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from scipy.stats import spearmanr

from napari_conformix import Job
from napari_conformix.analysis.motion import Fields
from napari_conformix.simulation import find_scene

#: A; farther from any atom a position is not compared
NEAR = 6.0
#: A; positions whose true displacement has a larger RMS over particles are the moving part
MOVING = 1.0

Atoms = Callable[[float], np.ndarray]


def antibody(path: Path) -> Atoms:
    """Angle in degrees -> atoms (n, 3) A of 1HZH with its first Fab swung by it."""
    import gemmi

    model = gemmi.read_structure(str(path))
    model.remove_waters()
    xyz, chain, number = [], [], []
    for ch in model[0]:
        for residue in ch:
            for atom in residue:
                xyz.append(atom.pos.tolist())
                chain.append(ch.name)
                number.append(residue.seqid.num)
    xyz, chain, number = np.array(xyz), np.array(chain), np.array(number)
    fab = (chain == "L") | ((chain == "H") & (number <= 232))
    fc = np.isin(chain, ["H", "K"]) & (number >= 245)
    hinge = xyz[(chain == "H") & (number >= 230) & (number <= 240)].mean(0)
    axis = hinge - xyz[fc].mean(0)
    axis, hinge, xyz = axis / np.linalg.norm(axis), hinge - xyz.mean(0), xyz - xyz.mean(0)

    def swung(degrees: float) -> np.ndarray:
        out = xyz.copy()
        turn = Rotation.from_rotvec(np.radians(degrees) * axis)
        out[fab] = turn.apply(out[fab] - hinge) + hinge
        return out

    return swung


def true_fields(
    atoms: Atoms, states: np.ndarray, reference: float, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(v, p, 3) A displacements from the reference state, and (p,) which positions have atoms."""
    start = atoms(reference)
    tree = cKDTree(start)
    near = tree.query_ball_point(positions, NEAR)
    known = np.array([len(rows) > 0 for rows in near])
    by_state = {}
    for state in np.unique(states):
        moved = atoms(state) - start
        by_state[state] = np.array(
            [moved[rows].mean(0) if len(rows) else np.zeros(3) for rows in near]
        )
    return np.stack([by_state[state] for state in states]), known


def rms(field: np.ndarray) -> float:
    return float(np.sqrt(np.square(field).sum(-1).mean()))


def particle_rms(field: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(field).sum(2).mean(1))


def compare(first: np.ndarray, second: np.ndarray, truth: np.ndarray) -> None:
    """Print how far fields (v, p, 3) without their means are from the truth, and their errors."""
    mean = (first + second) / 2
    error = particle_rms(first - second)
    moving = np.sqrt(np.square(truth).sum(2).mean(0)) > MOVING
    print(f"positions compared: {truth.shape[1]}, of which {moving.sum()} move")
    for name, field in (("half 1", first), ("half 2", second), ("mean of both", mean)):
        print(f"{name:>13}: RMSE {rms(field - truth):.2f} A over all", end="")
        if moving.any():
            part, true = field[:, moving], truth[:, moving]
            correlation = np.corrcoef(part.ravel(), true.ravel())[0, 1]
            slope = (part * true).sum() / np.square(true).sum()
            print(
                f"; moving part: RMSE {rms(part - true):.2f} A of {rms(true):.2f} A, "
                f"correlation {correlation:.3f}, slope {slope:.2f}",
                end="",
            )
        if (~moving).any():
            print(f"; resting part: {rms((field - truth)[:, ~moving]):.2f} A", end="")
        print()
    print("\nerror spheres (difference of the halves) against the true error, over particles:")
    for name, field in (("half 1", first), ("mean of both", mean)):
        true_error = particle_rms(field - truth)
        found = spearmanr(error, true_error).statistic
        print(
            f"{name:>13}: Spearman {found:.3f}; RMS of the true error {rms(field - truth):.2f} A, "
            f"of the sphere {np.sqrt(np.square(error).mean()):.2f} A"
        )
    spheres = np.linalg.norm(first - second, axis=2)
    wrong = np.linalg.norm(mean - truth, axis=2)
    print(f"  Spearman over particles and positions: {spearmanr(spheres, wrong, axis=None)[0]:.3f}")
    inside = (wrong < spheres).mean()
    print(f"  the true position lies within the sphere: {inside:.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("job", type=Path)
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--scene", help="a scene of conformix simulate")
    kind.add_argument("--antibody", type=Path, help="PDB file of 1HZH")
    kind.add_argument("--rigid", action="store_true")
    args = parser.parse_args()

    job = Job.open(args.job)
    table = job.latents()
    fields = Fields(job.method(table.epoch), table)
    rows = table.validation_rows
    verdict = job.verdict()
    assert rows is not None
    assert verdict is not None
    positions = fields.table_positions
    halves = [
        fields.evaluate(z, positions, half)
        for half, z in zip((1, 2), fields.held_out_latents(), strict=True)
    ]
    print(verdict.sentence, *verdict.warnings, sep="\n  ")
    print(f"\n{len(rows)} held-out particles, epoch {table.epoch}")

    with np.load(args.data / "truth.npz", allow_pickle=False) as truth:
        state, value = truth["state"], truth["value"]
    if args.rigid:
        true, known = np.zeros_like(halves[0]), np.ones(len(positions), bool)
    elif args.antibody:
        true, known = true_fields(antibody(args.antibody), value[rows], 0.0, positions)
    else:
        scene = find_scene(args.scene)
        middle = len(scene) // 2
        true, known = true_fields(lambda s: scene.atoms(int(s))[0], state[rows], middle, positions)
    first, second, true = (
        (field - field.mean(0))[:, known].astype(float) for field in (*halves, true)
    )
    compare(first, second, true)
    if not args.rigid:
        for half in (1, 2):
            mine = table.half == half
            assert table.motion is not None
            found = spearmanr(table.motion[mine, 0], value[mine]).statistic
            print(f"|Spearman| of the first motion component with the truth, half {half}: "
                  f"{abs(found):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
