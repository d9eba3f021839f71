"""How fast DynaMight trains here, and how well: images per CPU-second, memory, first picture.

    python benchmarks/dynamight_training.py DATA [--epochs 20] [--gaussians 2000] [--job FOLDER]
                                            [--set embedding=encoder] [--set decoder=coordinate]

DATA holds particles.star, consensus.mrc and truth.npz with `value` (as `conformix simulate`
writes them). Training runs in this process with one thread, so that CPU-seconds compare with the
published program's, which are printed next to ours. They were taken elsewhere on the same class of
machine (10,000 particles, box 64): quote them as what they are.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import spearmanr

from napari_conformix import Job
from napari_conformix.analysis.spaces import pca

PUBLISHED = [
    ("3,000 Gaussians, training pass alone", "63 images per CPU-s, peak 2.8 GB"),
    ("3,000 Gaussians, whole epoch", "40-44 particles per CPU-s"),
    ("2,000 Gaussians, whole epoch", "74 particles per CPU-s, peak 2.2 GB"),
    ("4,000 Gaussians, whole epoch", "38 particles per CPU-s, peak 3.6 GB"),
    ("|Spearman|, 10,000 particles, 1,050 CPU-s", "0.83 / 0.85"),
    ("|Spearman|, 10,000 particles, 2,100 CPU-s", "0.962 / 0.966"),
]


def agreement(job: Job, truth: np.ndarray) -> list[float]:
    """|Spearman| of each half's first latent component with the truth."""
    latents = job.latents()
    out = []
    for half in (1, 2):
        rows = np.flatnonzero(latents.half == half)
        first = pca(latents.mean[rows]).transform(latents.mean[rows])[:, 0]
        out.append(abs(float(spearmanr(first, truth[rows]).statistic)))
    return out


def strangers(job: Job, truth: np.ndarray, count: int = 500) -> float:
    """|Spearman| for particles of half 2 shown to half 1's model, which never saw them."""
    latents = job.latents()
    rows = np.flatnonzero((latents.half == 2) & ~latents.validation)[:count]
    own = latents.mean[latents.half == 1]
    first = pca(own).transform(job.encode(rows, half=1)[0])[:, 0]
    return abs(float(spearmanr(first, truth[rows]).statistic))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--gaussians", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--job", type=Path, help="keep the job here")
    args = parser.parse_args()

    folder = args.job or Path(tempfile.mkdtemp()) / "job"
    cpu, wall = time.process_time(), time.monotonic()
    job = Job.create(
        folder,
        method="dynamight",
        particles=args.data / "particles.star",
        consensus=args.data / "consensus.mrc",
        settings={
            "epochs": args.epochs,
            "gaussians": args.gaussians,
            "batch_size": args.batch_size,
            "threads": 1,
            "warmup_epochs": 2,
            **dict(item.split("=", 1) for item in args.set),
        },
    )
    truth = np.load(args.data / "truth.npz", allow_pickle=False)["value"]
    first_picture, headline = None, float("nan")
    epoch_start = time.process_time()
    print(f"{'epoch':>5} {'CPU-s':>7} {'particles/CPU-s':>16} {'validation':>11}  |Spearman|")
    for event in job.train(device="cpu"):
        if event.kind == "epoch":
            headline = np.mean([terms["unexplained"] for terms in event.validation.values()])
        elif event.kind == "latents":
            first_picture = first_picture or time.monotonic() - wall
            now = time.process_time()
            print(
                f"{event.epoch:5d} {now - cpu:7.0f} {len(truth) / (now - epoch_start):16.0f} "
                f"{headline:11.6f}  " + " / ".join(f"{v:.3f}" for v in agreement(job, truth)),
                flush=True,
            )
            epoch_start = time.process_time()
    # whole epochs: training, held-out and validation passes, encoding, checkpoint, live map
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    spent = time.process_time() - cpu
    final = agreement(job, truth)
    print(f"\nours: {args.gaussians} Gaussians, {len(truth)} particles, {args.epochs} epochs")
    print(f"  |Spearman|, halves 1 / 2           {final[0]:.3f} / {final[1]:.3f}")
    print(f"  all CPU-seconds                    {spent:.0f}")
    print(f"  particles never seen               {strangers(job, truth):.3f}")
    print(f"  peak memory                        {peak:.1f} GB")
    print(f"  first latent picture after         {first_picture:.0f} s (wall)")
    print("published program:")
    for what, figure in PUBLISHED:
        print(f"  {what:<44} {figure}")


if __name__ == "__main__":
    main()
