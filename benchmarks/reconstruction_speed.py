"""Deformed back-projection: how fast, where the time goes, and how good against the truth.

    python benchmarks/reconstruction_speed.py                  # images per CPU-s
    python benchmarks/reconstruction_speed.py DATA --job JOB   # and maps against the truth

DATA holds truth/*.mrc, maps of some states along the motion; JOB is a job trained on its particles,
whose finished deformed reconstruction is taken (or made). It runs with one thread, so that
CPU-seconds compare.
"""

import argparse
import math
import os
import resource
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from napari_conformix import Job
from napari_conformix.imaging import PositionalEncoding, fsc, soft_mask
from napari_conformix.methods.dynamight.networks import Decoder, ModeDecoder
from napari_conformix.particles import read_map
from napari_conformix.reconstruction import (
    FieldGrid,
    GatherWarp,
    HalfMaps,
    Reconstructor,
    matter_weight,
)
from napari_conformix.reconstruction.deformed import fine_images, sample_linear
from napari_conformix.training.contract import Batch

PUBLISHED = "published: 9 h for 100,000 particles at box 320 on an A100, 3 particles/s"


def clock(work, repeats: int) -> float:
    """CPU-seconds of one call."""
    work()
    began = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - began) / repeats


def particles(box: int, count: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(
        index=torch.arange(count),
        images=torch.randn(count, box, box, generator=generator),
        rotation=torch.as_tensor(Rotation.random(count, random_state=0).as_matrix()).float(),
        shift_angstrom=torch.randn(count, 2, generator=generator),
        ctf=torch.randn(count, box, box // 2 + 1, generator=generator),
    )


def speed(box: int, kind: str) -> None:
    """Time of each part, for a molecule that fills 3 % of the box, and 25 A around it."""
    pixel_size, count = 256.0 / box, max(2, 2048 // box)
    sides = np.random.default_rng(0).normal(size=(10_000, 3))
    pieces = 50.0 * sides / np.linalg.norm(sides, axis=1, keepdims=True)
    pieces *= np.random.default_rng(1).random((10_000, 1)) ** (1 / 3)
    grid = FieldGrid.around(matter_weight(torch.as_tensor(pieces), box, pixel_size), pixel_size)
    batch = particles(box, count)
    encoding = PositionalEncoding(10, 256.0, 4 * pixel_size)
    if kind == "modes":
        decoder, each, shared = ModeDecoder(encoding, 6, 32, 64, 4, 10.0), 2 * 96, 2 * 18_000
    else:
        decoder, each, shared = Decoder(encoding, 6, 32, 8, 10.0), 2 * 7 * 32 * 32, 2 * 60 * 32
    latent = torch.randn(count, 6)

    @torch.no_grad()
    def field(rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return decoder(latent[rows], positions)

    repeats = 1 if box > 64 else 3
    sums = Reconstructor(box, pixel_size)
    values = sums.add(batch)
    plain = clock(lambda: sums.add(batch), repeats) / count
    fields = clock(lambda: field(batch.index, grid.nodes), repeats) / count
    delta = field(batch.index[:1], grid.nodes)[0, :, :2].contiguous()
    fine = fine_images(values[:1], 4)[0]
    scaled = grid.positions[:, :2] * (4 / pixel_size)
    upsample = clock(lambda: grid.upsample(delta), repeats)
    gather = clock(lambda: sample_linear(fine, torch.stack([scaled, scaled])), repeats)
    image = clock(lambda: fine_images(values, 4), repeats) / count
    warp = GatherWarp(grid, field)
    whole = plain + clock(lambda: warp.add(values, batch.rotation, batch.index), repeats) / count
    voxels, nodes = len(grid.voxels), len(grid.nodes)
    operations = (
        nodes * (each + shared / count)
        + voxels * (2 * 3.4 * 2 + 2 * 12 + 12)
        + 2.5 * (4 * box) ** 2 * math.log2((4 * box) ** 2)
    )
    times = "".join(f"{1e3 * t:9.2f}" for t in (plain, fields, upsample, gather, image, whole))
    print(
        f"{box:5d} {kind:11}{voxels:10,d}{nodes:9,d}{times}{1 / whole:9.1f}"
        f"{operations / 1e6:9.0f}{warp.memory_bytes() / 1e6:7.0f}",
        flush=True,
    )


def quality(data: Path, maps: HalfMaps) -> None:
    """FSC with the truth: deformed next to plain, inside the moving part and in the rest."""
    truth = {
        int(path.stem): torch.from_numpy(read_map(path)[0].copy())
        for path in sorted((data / "truth").glob("*.mrc"))
    }
    first, last = truth[min(truth)], truth[max(truth)]

    def moving_part(state: torch.Tensor) -> torch.Tensor:
        """Where a state has density that the farther end state lacks."""
        other = max((first, last), key=lambda end: float((state - end).square().sum()))
        return soft_mask((state - other).clamp_min(0), 0.15 * float(state.max()), 1, 3)

    def agreement(volume: torch.Tensor, state: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return fsc(volume, state, mask)[1:-1]

    # the reference lies between the states that were written; compare with the nearest one
    best = max(truth, key=lambda k: agreement(maps.full, truth[k], moving_part(truth[k])).mean())
    state = truth[best]
    whole = soft_mask(state, 0.1 * float(state.max()), 2, 4)
    moving = moving_part(state)
    rest = whole * (1 - soft_mask((state - first).abs(), 0.1 * float(state.max()), 2, 3))
    print(f"\nFSC with the truth (nearest state written: {best}), by part and map")
    assert maps.plain is not None
    extent = maps.full.shape[0] * maps.pixel_size_angstrom
    shells = list(range(2, maps.full.shape[0] // 2, 4))
    print(f"{'':24}" + "".join(f"{extent / (s + 1):7.1f} A" for s in shells) + "     mean")
    for name, mask in (("moving part", moving), ("the rest", rest), ("whole molecule", whole)):
        for kind, source in (("deformed", maps), ("plain", maps.plain)):
            curve = agreement(source.full, state, mask)
            print(
                f"{name:15}{kind:9}"
                + "".join(f"{float(curve[s]):9.3f}" for s in shells)
                + f"{float(curve.mean()):9.3f}"
            )
    for half, volume in (("1", maps.half1), ("2", maps.half2)):
        nearest = max(
            truth, key=lambda k: agreement(volume, truth[k], moving_part(truth[k])).mean()
        )
        print(f"half {half}'s reference is nearest to state {nearest}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--job", type=Path)
    parser.add_argument("--boxes", type=int, nargs="*", default=[64, 128])
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("milliseconds of one core for a particle")
    print(
        f"{'box':>5} {'decoder':11}{'voxels':>10}{'nodes':>9}{'plain':>9}{'field':>9}"
        f"{'upsample':>9}{'gather':>9}{'image':>9}{'whole':>9}{'per s':>9}{'Mflop':>9}{'MB':>7}"
    )
    for box in args.boxes:
        for kind in ("modes", "coordinate"):
            speed(box, kind)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
    print(PUBLISHED)
    if args.data is not None and args.job is not None:
        runs = [run for run in Job.open(args.job).reconstructions() if run.deformed]
        if not any(run.state == "finished" for run in runs):
            Job.open(args.job).reconstruct(deformed=True)
            runs = Job.open(args.job).reconstructions()
        done = next(run for run in runs if run.deformed and run.state == "finished")
        quality(args.data, done.half_maps())


if __name__ == "__main__":
    main()
