"""How fast OPUS-DSD trains here, and what its latents say of the truth, epoch by epoch.

    python benchmarks/opusdsd_training.py DATA [--preset quick] [--job FOLDER] [--set width=0.25]

DATA holds particles.star, consensus.mrc, perhaps mask.mrc, and truth.npz with `state` (classes) or
`value` (a continuous coordinate). Training runs in this process with one thread, so that
CPU-seconds compare with those of other programs, which are printed next to ours. They were taken
elsewhere on the same class of machine (10,000 particles, box 64): quote them as what they are.
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
from napari_conformix.analysis.clusters import cluster, purity
from napari_conformix.analysis.spaces import pca

PUBLISHED = [
    ("OPUS-DSD, half-size images, 64^3 volume", "2.9 images per CPU-s, peak 2.5 GB"),
    ("OPUS-DSD, half-size images, 128^3 volume", "0.9 images per CPU-s, peak 4.7 GB"),
    ("OPUS-DSD, full-size images, 64^3 volume", "1.3 images per CPU-s"),
    ("OPUS-DSD, 3,000 CPU-s, |Spearman| on swing", "0.05 (best component 0.15)"),
    ("cryoDRGN 256x3", "31 images per CPU-s, peak 1.4 GB"),
    ("cryoDRGN 256x3, 1,830 CPU-s, |Spearman| on swing", "0.446"),
]
#: a truth with at most so many different states is one of classes
MOST_CLASSES = 20


def agreement(job: Job, truth: dict[str, np.ndarray]) -> str:
    """What the newest latents say of the truth, of all particles and of those held out."""
    latents = job.latents()
    held_out = latents.validation
    states = np.unique(truth["state"])
    if 1 < len(states) <= MOST_CLASSES:
        found = cluster(latents.mean, len(states))
        all_, unseen = (
            purity(found.labels[rows], truth["state"][rows])
            for rows in (np.ones(len(latents), bool), held_out)
        )
        return (
            f"k-means, k = {len(states)}: adjusted Rand {all_.adjusted_rand:.3f} "
            f"(held out {unseen.adjusted_rand:.3f}), mean entropy {all_.mean_entropy:.3f} "
            f"(at random {all_.random_entropy:.3f})"
        )
    if len(states) == 1:
        return "one state"
    first = pca(latents.mean).transform(latents.mean)[:, 0]
    of_all, of_unseen = (
        abs(float(spearmanr(first[rows], truth["value"][rows]).statistic))
        for rows in (np.ones(len(latents), bool), held_out)
    )
    return f"|Spearman| of the first component {of_all:.3f} (held out {of_unseen:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--no-mask", action="store_true")
    parser.add_argument("--job", type=Path, help="keep the job here")
    args = parser.parse_args()

    folder = args.job or Path(tempfile.mkdtemp()) / "job"
    cpu = time.process_time()
    mask = args.data / "mask.mrc"
    job = Job.create(
        folder,
        method="opusdsd",
        particles=args.data / "particles.star",
        consensus=args.data / "consensus.mrc",
        mask=None if args.no_mask or not mask.exists() else mask,
        preset=args.preset,
        settings={"threads": 1, **dict(item.split("=", 1) for item in args.set)},
    )
    truth = dict(np.load(args.data / "truth.npz", allow_pickle=False))
    count, epoch_start = len(truth["state"]), time.process_time()
    print(f"{'epoch':>5} {'CPU-s':>6} {'particles/CPU-s':>16} {'validation':>10}")
    headline = float("nan")
    for event in job.train(device="cpu"):
        if event.kind == "started":
            print("  " + ", ".join(f"{k} {v}" for k, v in event.facts.items()))
        elif event.kind == "epoch":
            headline = event.validation["0"]["unexplained"]
        elif event.kind == "latents":
            now = time.process_time()
            print(
                f"{event.epoch:5d} {now - cpu:6.0f} {count / (now - epoch_start):16.0f} "
                f"{headline:10.5f}  {agreement(job, truth)}",
                flush=True,
            )
            epoch_start = time.process_time()
        elif event.kind == "failed":
            raise SystemExit(event.message)
    # whole epochs: training and validation passes, encoding, checkpoint, live map
    print(f"all: {time.process_time() - cpu:.0f} CPU-s, peak memory "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")  # fmt: skip
    print("other programs (quoted):")
    for what, figure in PUBLISHED:
        print(f"  {what:<50} {figure}")


if __name__ == "__main__":
    main()
