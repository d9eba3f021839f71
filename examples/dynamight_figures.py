"""The figures 4, 5 and 6b of the DynaMight paper, drawn from a trained job.

    python examples/dynamight_figures.py JOB OUT [--states 5] [--particle I]

OUT/figure4.png   the latent space of one half set with the places of a few states, and the motion
                  between the outermost ones as arrows
OUT/figure5.png   the same places, and the maps of the states in the same colours
OUT/figure6b.png  the displacement of a held-out particle with its error as circles, and the error
                  against the displacement of all held-out particles

Maps are projected along the axis in which least moves; all lengths are in Angstrom.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Circle

from napari_conformix import Job
from napari_conformix.analysis.motion import Deformation
from napari_conformix.analysis.spaces import pca

COLOURS = ("#c4362b", "#e39a26", "#4a9a4a", "#2f7fb8", "#7a4fa3", "#8c6d4f", "#d16ba5")
ARROWS = 160
HALF = 1


@dataclass
class States:
    """Particles along the first component of one half's latents, and all of that half's
    coordinates (n, 2)."""

    rows: list[int]
    coordinates: np.ndarray
    places: np.ndarray
    shares: tuple[float, float]


def states_of(job: Job, count: int) -> States:
    """The particles nearest to evenly spaced points of the first component, 5th to 95th percentile,
    where the second is at its median."""
    latents = job.latents()
    mine = np.flatnonzero((latents.half == HALF) | (latents.half == 0))
    projection = pca(latents.mean[mine])
    xy = projection.transform(latents.mean[mine])[:, :2]
    along = np.linspace(*np.percentile(xy[:, 0], [5, 95]), count)
    rows = []
    for x in along:
        band = np.argsort(np.abs(xy[:, 0] - x))[: max(5, len(xy) // 50)]
        middle = np.median(xy[band, 1])
        rows.append(band[np.hypot(xy[band, 0] - x, xy[band, 1] - middle).argmin()])
    first, second = projection.explained_variance_ratio[:2]
    return States([int(mine[r]) for r in rows], xy, xy[rows], (float(first), float(second)))


def view_of(motion: Deformation) -> tuple[int, int, int]:
    """The axes (of x, y, z) to the right, up, and along the line of sight, where least moves."""
    sight = int(np.square(motion.displacement).sum(0).argmin())
    right, up = (axis for axis in range(3) if axis != sight)
    return right, up, sight


def projected(volume: np.ndarray, view: tuple[int, int, int]) -> np.ndarray:
    """(z, y, x) map, negative values cut off, summed along the sight, rows upwards."""
    image = np.clip(volume, 0, None).sum(axis=2 - view[2])
    return image if view[1] > view[0] else image.T


def draw_latents(axes: Axes, states: States) -> None:
    x, y = states.coordinates.T
    axes.hexbin(x, y, gridsize=45, cmap="Greys", mincnt=1, linewidths=0)
    for place, colour in zip(states.places, COLOURS, strict=False):
        axes.scatter(*place, s=90, color=colour, edgecolor="black", zorder=3)
    axes.set_xlabel(f"latent component 1 ({states.shares[0]:.0%})")
    axes.set_ylabel(f"latent component 2 ({states.shares[1]:.0%})")


def draw_map(
    axes: Axes, job: Job, volume: np.ndarray, view: tuple[int, int, int], colour: str | None = None
) -> None:
    """A projection in grey, or the outline of one in a colour."""
    box, pixel = volume.shape[0], job.spec.grids.pixel_size_angstrom
    image = projected(volume, view)
    edge = (np.arange(box) - box // 2) * pixel
    if colour is None:
        extent = (edge[0] - pixel / 2, edge[-1] + pixel / 2) * 2
        axes.imshow(image, cmap="Greys", origin="lower", extent=extent, alpha=0.6)
    else:
        axes.contour(edge, edge, image, levels=[0.15 * image.max()], colors=colour, linewidths=1.6)
    axes.set_aspect("equal")
    half_width = 1.15 * np.abs(np.argwhere(image > 0.1 * image.max()) - box // 2).max() * pixel
    if colour is not None:  # what was drawn before stays in sight
        half_width = max(half_width, axes.get_xlim()[1])
    axes.set(xlim=(-half_width, half_width), ylim=(-half_width, half_width))
    axes.set_xlabel(f"{'xyz'[view[0]]} (A)")
    axes.set_ylabel(f"{'xyz'[view[1]]} (A)")


def draw_arrows(
    figure: plt.Figure, axes: Axes, motion: Deformation, view: tuple[int, int, int]
) -> None:
    few = motion.thinned(ARROWS)
    x, y = few.begins[:, view[0]], few.begins[:, view[1]]
    u, v = few.displacement[:, view[0]], few.displacement[:, view[1]]
    arrows = axes.quiver(
        x, y, u, v, few.amount, angles="xy", scale_units="xy", scale=1, cmap="viridis", width=0.005
    )
    figure.colorbar(arrows, ax=axes, label="displacement (A)", shrink=0.8)


def figure4(job: Job, states: States, motion: Deformation, out: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    draw_latents(left, states)
    left.set_title(f"latent space of half set {HALF}")
    view = view_of(motion)
    draw_map(right, job, volume_of(job, states.rows[0]), view)
    draw_arrows(figure, right, motion, view)
    right.set_title("motion from the first state to the last")
    error = motion.rms_error
    said = "error unknown" if error is None else f"error {error:.2g} A RMS"
    figure.suptitle(f"moves by {motion.rms_displacement:.2g} A RMS, {said}")
    figure.savefig(out / "figure4.png", dpi=160)


def figure5(job: Job, states: States, view: tuple[int, int, int], out: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
    draw_latents(left, states)
    left.set_title(f"latent space of half set {HALF}")
    volumes = [volume_of(job, row) for row in states.rows]
    draw_map(right, job, np.mean(volumes, axis=0), view)
    for volume, colour in zip(volumes, COLOURS, strict=False):
        draw_map(right, job, volume, view, colour)
    right.set_title("outlines of the states' maps, on their mean")
    figure.savefig(out / "figure5.png", dpi=160)


def figure6b(job: Job, particle: int, view: tuple[int, int, int], out: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    shown = job.deformation(particle)
    error = shown.error
    assert error is not None
    ends = (shown.begins + shown.displacement)[:, list(view[:2])]
    circles = PatchCollection(
        [Circle(tuple(end), radius) for end, radius in zip(ends, error, strict=True)],
        cmap="magma_r",
        alpha=0.6,
    )
    circles.set_array(error)
    left.add_collection(circles)
    left.autoscale_view()
    left.set_aspect("equal")
    figure.colorbar(circles, ax=left, label="radius: error, difference of the halves (A)")
    left.set_xlabel(f"{'xyz'[view[0]]} (A)")
    left.set_ylabel(f"{'xyz'[view[1]]} (A)")
    left.set_title(
        f"particle {particle}: moves {shown.rms_displacement:.2g} A, error "
        f"{shown.rms_error:.2g} A RMS"
    )
    table = job.motion_table()
    assert table is not None
    held_out = np.isfinite(table.rms_error)
    right.scatter(table.rms_displacement[held_out], table.rms_error[held_out], s=8, alpha=0.6)
    right.scatter(
        table.rms_displacement[particle], table.rms_error[particle], color="red", zorder=3
    )
    end = min(right.get_xlim()[1], right.get_ylim()[1])
    right.plot([0, end], [0, end], "k--", label="error = displacement")
    right.set_xlabel("RMS displacement (A)")
    right.set_ylabel("RMS error (A)")
    right.legend()
    figure.savefig(out / "figure6b.png", dpi=160)


def volume_of(job: Job, row: int) -> np.ndarray:
    """The map of a particle, by its own half's model."""
    latents = job.latents()
    return job.decode(latents.mean[row], half=int(latents.half[row]) or None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--states", type=int, default=5, choices=range(2, len(COLOURS) + 1))
    parser.add_argument("--particle", type=int, help="a held-out one; by default a typical one")
    args = parser.parse_args()

    job = Job.open(args.job)
    verdict = job.verdict()
    assert verdict is not None
    print(verdict.sentence)
    args.out.mkdir(parents=True, exist_ok=True)
    states = states_of(job, args.states)
    motion = job.deformation_between(states.rows[0], states.rows[-1])
    view = view_of(motion)
    figure4(job, states, motion, args.out)
    figure5(job, states, view, args.out)
    held_out = job.latents().validation_rows
    if held_out is None:
        print("No figure 6b: the method trains one model, which gives no error.")
        return
    particle = args.particle
    if particle is None:
        table = job.motion_table()
        assert table is not None
        ratio = table.ratio[held_out]
        particle = int(held_out[np.argsort(ratio)[len(ratio) // 2]])
    elif particle not in held_out:
        parser.error(f"particle {particle} was not held out; try {held_out[0]}")
    figure6b(job, particle, view, args.out)


if __name__ == "__main__":
    main()
