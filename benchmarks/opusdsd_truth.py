"""Decoded volumes against the true ones, as CryoBench compares them, with two controls.

    python benchmarks/opusdsd_truth.py DATA JOB [--particles 100]

DATA holds consensus.mrc, mask.mrc, truth.npz with `state`, and truth/NNN.mrc of some states. Of the
particles in these states 100 are taken evenly, sorted by state; each is decoded at its own latent
at the full box. One mask multiplies both maps; shell i holds i - 1 <= r < i, FSC[0] = 1, clipped to
0 and 1, the area is a trapezoid over x = arange(D / 2) / D. Next to it: the area that the mean of
the true maps gives in place of the decoded one, and that of another state's true map.
"""

import argparse
from pathlib import Path

import mrcfile
import numpy as np

from napari_conformix import Job


def fsc_area(a: np.ndarray, b: np.ndarray, highest: float = 0.5) -> float:
    """Area under the FSC of two masked maps (z, y, x), up to `highest` cycles a voxel."""
    box = a.shape[0]
    k = np.fft.fftfreq(box, 1 / box)
    radius = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None] ** 2)
    shell = np.floor(radius).astype(int).ravel() + 1  # i - 1 <= r < i
    fa, fb = (np.fft.fftn(v.astype(np.float64)).ravel() for v in (a, b))
    sums = [
        np.bincount(shell, values)[: box // 2]
        for values in ((fa * fb.conj()).real, abs(fa) ** 2, abs(fb) ** 2)
    ]
    curve = sums[0] / np.sqrt(np.maximum(sums[1] * sums[2], 1e-30))
    curve[0] = 1.0
    x = np.arange(box // 2) / box
    inside = x <= highest
    return float(np.trapezoid(np.clip(curve, 0, 1)[inside], x[inside]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("job", type=Path)
    parser.add_argument("--particles", type=int, default=100)
    args = parser.parse_args()

    job = Job.open(args.job)
    latents = job.latents()
    state = np.load(args.data / "truth.npz", allow_pickle=False)["state"]
    mask = mrcfile.read(args.data / "mask.mrc")
    truth = {int(p.stem): mrcfile.read(p) * mask for p in (args.data / "truth").glob("*.mrc")}
    known = np.flatnonzero(np.isin(state, list(truth)))
    rows = known[np.argsort(state[known], kind="stable")]
    rows = rows[np.arange(0, len(rows), max(len(rows) // args.particles, 1))]
    numbers = sorted(truth)
    weight = np.array([np.mean(state[known] == n) for n in numbers])
    mean = sum(w * truth[n] for w, n in zip(weight, numbers, strict=True))
    far = {n: truth[numbers[len(numbers) - 1 - i]] for i, n in enumerate(numbers)}
    band = job.spec.grids.working_box / mask.shape[0] / 2  # images hold nothing beyond
    names = ("decoded at its own latent", "mean of the true maps", "state at the other end")
    areas: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for row in rows:
        half = int(latents.half[row]) if job.method_class.independent_halves else None
        decoded = job.decode(latents.mean[row], half=half) * mask
        number = int(state[row])
        for name, volume in zip(names, (decoded, mean, far[number]), strict=True):
            pair = volume, truth[number]
            areas[name].append((fsc_area(*pair), fsc_area(*pair, highest=band)))
    box = mask.shape[0]
    print(f"{len(rows)} particles, epoch {latents.epoch}, box {box}; area under the FSC")
    print(f"{'':28} {'whole':>16} {f'to {band:.3f}/voxel':>16}")
    print(f"{'at most':28} {(box // 2 - 1) / box:16.3f} {band:16.3f}")
    for name, values in areas.items():
        columns = zip(np.mean(values, axis=0), np.std(values, axis=0), strict=True)
        print(f"{name:28} " + " ".join(f"{m:.3f} +- {s:.3f}".rjust(16) for m, s in columns))


if __name__ == "__main__":
    main()
