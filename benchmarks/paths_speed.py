"""Paths and the landscape of many particles: how long each takes, and how often noise is a state.

CPU-seconds of one thread; the particles are made of numbers, nothing is trained or read.

    OMP_NUM_THREADS=1 python benchmarks/paths_speed.py                   # a million of them
    OMP_NUM_THREADS=1 python benchmarks/paths_speed.py --false-alarms 40 # landscapes of one basin
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from napari_conformix.analysis.landscape import landscape
from napari_conformix.analysis.paths import making
from napari_conformix.analysis.spaces import views
from napari_conformix.training.latent_table import LatentTable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=10)
    parser.add_argument("--false-alarms", type=int, metavar="SEEDS")
    options = parser.parse_args()
    if options.false_alarms:
        false_alarms(options.false_alarms)
    else:
        speed(options.particles, options.dimensions)


def speed(count: int, dimensions: int) -> None:
    """Six states on a bend; paths of 50 steps."""
    random = np.random.default_rng(0)
    state = random.integers(0, 6, count)
    angle = random.uniform(0, np.pi, count)
    latents = 3 * random.normal(size=(6, dimensions))[state] + random.normal(
        size=(count, dimensions)
    )
    latents[:, 0] += 4 * np.cos(angle)
    latents[:, 1] += 4 * np.sin(angle)
    mean = latents.astype(np.float32)
    none = np.zeros(count, bool)
    table = LatentTable(mean, np.full_like(mean, 0.1), none.astype(np.int8), none, 1, mean[:, :6])
    ends = int(angle.argmin()), int(angle.argmax())
    print(f"{count:,} particles of {dimensions} dimensions")
    near = timed("what support is counted with, once", lambda: making.support_of(table, 0))
    kept: dict[str, Any] = {"half": 0, "near": near}
    timed("support of 50 steps", lambda: near.count(mean[:50]))
    timed("along a component", lambda: making.along_component(table, 1, 50, **kept))
    timed("along a motion", lambda: making.along_motion(table, 1, 50, **kept))
    timed("between two particles", lambda: making.through_data(table, *ends, 50, **kept))
    timed("through clusters", lambda: making.through_clusters(table, state, 50, **kept))
    view = views.view(views.build("pca0", table), (0, 1), "all", table)
    low, high = np.percentile(view.xy, (20, 80), axis=0)
    timed(
        "through points of a map",
        lambda: making.through_points(view, [low, high], 0, 50, near=near),
    )
    found = timed("landscape", lambda: landscape(view.xy))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{found.sentence()}\npeak {peak:.1f} GB")


def timed(name: str, work: Callable[[], Any]) -> Any:
    """What the work gives; prints how long it took."""
    start = time.process_time()
    found = work()
    print(f"{name:<36} {time.process_time() - start:6.2f} CPU-s", flush=True)
    return found


def false_alarms(seeds: int) -> None:
    """How often a landscape of one basin shows several, and six states are not all found."""
    six = np.array([(0, 0), (4, 0), (0, 4), (4, 4), (8, 0), (8, 4)], float)
    shapes: dict[str, Callable[[Any, int], Any]] = {
        "normal": lambda random, n: random.normal(size=(n, 2)),
        "uniform": lambda random, n: random.uniform(size=(n, 2)),
        "bar": lambda random, n: np.c_[random.uniform(-3, 3, n), 0.2 * random.normal(size=n)],
        "ring": ring,
        "six": lambda random, n: six[random.integers(0, 6, n)] + 0.6 * random.normal(size=(n, 2)),
    }
    for name, draw in shapes.items():
        for count in (300, 2000, 10_000):
            found = [
                len(landscape(draw(np.random.default_rng(seed), count)).minima)
                for seed in range(seeds)
            ]
            wrong = np.count_nonzero(np.array(found) != (6 if name == "six" else 1))
            print(f"{name:<8} {count:>6,} particles: {wrong} of {seeds} wrong", flush=True)


def ring(random: np.random.Generator, count: int) -> np.ndarray:
    angle = random.uniform(0, 2 * np.pi, count)
    return 3 * np.c_[np.cos(angle), np.sin(angle)] + 0.2 * random.normal(size=(count, 2))


if __name__ == "__main__":
    main()
