"""The figures 2d to 2h of the OPUS-DSD paper, drawn from a trained job and its clusters.

    conformix clusters JOB -k 6 --reconstruct
    python examples/opusdsd_figures.py JOB OUT [OTHER] [--truth LABELS] [--umap]

OUT/figure2d.png  UMAP of the latents with the centres of the clusters
OUT/figure2e.png  the known states of the particles in each cluster, with their entropy
OUT/figure2f.png  the same for the clusters of another job on the same particles
OUT/figure2g.png  the maps that the particles of each cluster reconstruct to
OUT/figure2h.png  the same for the other job

LABELS are known states, for 2e and 2f: a column of the particle file, or a .npy or text file with
one label for every particle of JOB. --umap computes the UMAP of 2d, which is needed once unless the
window has done so. OTHER needs clusters of its own, and reconstructions of them for 2h.
"""

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from napari_conformix import Job
from napari_conformix.analysis.clusters import Purity, label_codes, purity
from napari_conformix.analysis.spaces import UmapParameters, cached_umap, start_umap
from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters import ClusterSet
from napari_conformix.jobs.comparison import match_jobs
from napari_conformix.jobs.folder import known_labels
from napari_conformix.particles import read_map
from napari_conformix.widgets.scene import View, picture

#: of the picture of a map
PIXELS = 260
#: the contour of the maps, as a share of the mean of their highest voxels
LEVEL, HIGHEST = 0.35, 0.001


@dataclass(frozen=True)
class Shown:
    """A set of clusters, and how it compares with the known states, if there are any."""

    clusters: ClusterSet
    purity: Purity | None

    @property
    def title(self) -> str:
        return f"{self.clusters.job.method_class.title}, {self.clusters.name}"


def newest_clusters(job: Job, name: str | None) -> ClusterSet:
    """The set of that name, by default the newest; UserError when there is none."""
    if name is not None:
        return job.cluster_set(name)
    if not job.cluster_sets():
        raise UserError(
            f"{job.folder} has no clusters yet; make some: conformix clusters {job.folder} -k 6 "
            "--reconstruct"
        )
    return job.cluster_set(job.cluster_sets()[-1])


def compared(
    job: Job, sets: list[ClusterSet], truth: str | None
) -> tuple[list[Shown], tuple[str, ...]]:
    """The sets with what the known labels of `job` say of them, and the names of all states.

    Without labels, those that the sets were made with. Rows of another job are found by image.
    """
    if truth is None:
        shown = [Shown(clusters, clusters.purity) for clusters in sets]
        names = {name: None for s in shown if s.purity is not None for name in s.purity.states}
        return shown, tuple(names)
    codes, states = label_codes(known_labels(job.particles, truth))
    labels = np.array([*states, ""])[codes]
    shown = []
    for clusters in sets:
        row = match_jobs(job.particles, clusters.job.particles).to_this
        if not (row >= 0).any():
            raise UserError(f"{clusters.job.folder} has no particle of {job.folder}.")
        its = np.where(row >= 0, labels[row], "")
        shown.append(Shown(clusters, purity(clusters.clustering.labels, its, source=truth)))
    return shown, states


def colours_of(count: int) -> np.ndarray:
    """(count, 3): well apart for up to ten, from a scale for more."""
    few = colormaps["tab10"](np.arange(10))
    many = colormaps["turbo"](np.linspace(0.05, 0.95, count))
    return (few[:count] if count <= len(few) else many)[:, :3]


def colours_of_clusters(shown: Shown, states: tuple[str, ...]) -> np.ndarray:
    """(k, 3): the colour of the state that most particles of a cluster have; without known states
    each cluster its own."""
    if shown.purity is None:
        return colours_of(len(shown.clusters))
    most = shown.purity.table.argmax(axis=1)
    return colours_of(len(states))[[states.index(shown.purity.states[state]) for state in most]]


# -- 2d -------------------------------------------------------------------------------------------


def umap_of(clusters: ClusterSet, compute: bool) -> np.ndarray:
    """(N, 2) of what was clustered, as the window keeps it in the job folder."""
    folder = clusters.job.folder
    array = "motion" if clusters.record.coordinates == "motion" else "mean"
    parameters = UmapParameters(array=array)
    out = folder / "umap" / f"{parameters.name}.npz"
    found = cached_umap(folder / "latents.npz", out, parameters)
    if found is not None:
        return found
    if not compute:
        raise UserError(
            f"{folder} has no UMAP of its latents yet; compute it on the Explore page, or give "
            "--umap (it takes a minute or more, once)."
        )
    print(f"Computing the UMAP of {folder} ...")
    worker = start_umap(folder / "latents.npz", out, parameters)
    worker.wait()
    return worker.result()


def draw_umap(axes: Axes, shown: Shown, colours: np.ndarray, xy: np.ndarray) -> None:
    """Particles in the colours of their clusters; a dot at the particle nearest to each centre."""
    labels = shown.clusters.clustering.labels
    order = np.random.default_rng(1).permutation(np.flatnonzero(labels >= 0))
    axes.scatter(*xy[order].T, s=3, color=colours[labels[order]], alpha=0.5, linewidths=0)
    for number, row in enumerate(shown.clusters.clustering.representatives, start=1):
        axes.scatter(*xy[row], s=30, color="black")
        axes.annotate(
            str(number),
            xy[row],
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=13,
            fontweight="bold",
        )
    axes.set(title=shown.title, xlabel="UMAP 1", ylabel="UMAP 2", xticks=[], yticks=[])


def umap_figure(sets: list[Shown], states: tuple[str, ...], compute: bool, path: Path) -> None:
    """One panel a job."""
    figure, panels = plt.subplots(
        1, len(sets), figsize=(5.6 * len(sets), 5), layout="constrained", squeeze=False
    )
    for axes, shown in zip(panels[0], sets, strict=True):
        colours = colours_of_clusters(shown, states)
        draw_umap(axes, shown, colours, umap_of(shown.clusters, compute))
    figure.savefig(path, dpi=160)


# -- 2e, 2f ---------------------------------------------------------------------------------------


def states_figure(shown: Shown, found: Purity, states: tuple[str, ...], path: Path) -> None:
    """Bars of the particles of each state in each cluster, and the entropy of each cluster."""
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(8, 5.6), layout="constrained", sharex=True, height_ratios=(3, 1)
    )
    numbers = np.arange(1, len(found.table) + 1)
    wide = 0.84 / len(states)
    for place, (state, colour) in enumerate(zip(states, colours_of(len(states)), strict=True)):
        if state in found.states:
            counts = found.table[:, found.states.index(state)]
            x = numbers + (place - (len(states) - 1) / 2) * wide
            upper.bar(x, counts, wide, color=colour, label=state)
    upper.set(ylabel="particles", title=shown.title)
    upper.legend(title="known state", loc="upper right", ncols=2 if len(states) > 4 else 1)
    lower.bar(numbers, found.entropy, 0.5, color="0.45")
    for x, entropy in zip(numbers, found.entropy, strict=True):
        lower.annotate(
            f"{entropy:.3f}",
            (x, entropy),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    lower.axhline(found.random_entropy, color="black", linestyle="--")
    lower.set(
        xlabel=f"cluster; mean entropy {found.mean_entropy:.3f}, "
        f"drawn at random {found.random_entropy:.3f} (dashed), "
        f"adjusted Rand index {found.adjusted_rand:.2f}",
        ylabel="entropy",
        ylim=(0, 1.25 * max(found.random_entropy, found.entropy.max())),
        xticks=numbers,
    )
    figure.savefig(path, dpi=160)


# -- 2g, 2h ---------------------------------------------------------------------------------------


def own_maps(clusters: ClusterSet) -> dict[int, np.ndarray]:
    """Cluster, from 0, to (z, y, x) within the mask of its reconstruction, as far as finished."""
    maps = {}
    for result in clusters.results():
        if result.state == "finished" and result.run is not None:
            folder, report = result.run.folder, result.run.report()
            full, mask = (read_map(folder / name)[0] for name in (report.full_map, report.mask))
            maps[result.index] = full * mask
    return maps


@dataclass(frozen=True)
class Camera:
    """One side and one contour for the maps of both jobs."""

    view: View
    contour: float

    @classmethod
    def of(cls, volumes: list[np.ndarray], pixel_size: float) -> "Camera":
        """What is above the contour in the mean of the maps is seen from its broadest side, its
        longest axis upright."""
        mean = np.mean(volumes, axis=0)
        highest = np.sort(mean, axis=None)[-max(1, int(HIGHEST * mean.size)) :]
        contour = LEVEL * float(highest.mean())
        xyz = (np.argwhere(mean >= contour)[:, ::-1] - len(mean) // 2) * pixel_size
        centre = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
        _, along = np.linalg.eigh(np.cov(xyz.T))
        up, right = along[:, 2], along[:, 1]
        axes = np.stack([right, up, np.cross(right, up)])
        width = 2.3 * float(np.linalg.norm(xyz - centre, axis=1).max())
        return cls(View(axes, centre, width), contour)


def maps_figure(
    shown: Shown,
    volumes: dict[int, np.ndarray],
    camera: Camera,
    states: tuple[str, ...],
    path: Path,
) -> None:
    """The map of each cluster's own particles, and its resolution."""
    clusters, colours = shown.clusters, colours_of_clusters(shown, states)
    pixel_size = clusters.job.spec.grids.pixel_size_angstrom
    contour, view = camera.contour, camera.view
    columns = max(2, math.ceil(math.sqrt(len(clusters))))
    rows = math.ceil(len(clusters) / columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(3 * columns, 3.4 * rows), layout="constrained", squeeze=False
    )
    for axes in panels.flat:
        axes.axis("off")
    for axes, result in zip(panels.flat, clusters.results(), strict=False):
        said = f"reconstruction {result.state}" if result.state else "not reconstructed"
        if result.index in volumes:
            said = f"{result.resolution} A, decoded agrees to {result.agrees_to} A"
            colour = tuple(colours[result.index])
            seen = picture(volumes[result.index], pixel_size, contour, view, PIXELS, colour)
            if seen is not None:
                axes.imshow(seen, interpolation="bilinear")
        count = clusters.counts[result.index]
        axes.set_title(f"{result.index + 1}: {count:,} particles\n{said}", fontsize=9)
    figure.suptitle(f"{shown.title}\nmaps of the clusters' own particles, contour {contour:.3g}")
    figure.savefig(path, dpi=160)


def draw_states(shown: Shown, states: tuple[str, ...], path: Path) -> None:
    """The bars, or a sentence why there are none."""
    if shown.purity is None:
        print(f"No {path.stem}: the particles' states are not known; give --truth if they are.")
    else:
        states_figure(shown, shown.purity, states, path)
        print(f"{path.name}: {shown.purity.sentence()}")


def draw_maps(sets: list[Shown], states: tuple[str, ...], paths: list[Path]) -> None:
    """The maps of one job or of both, or a sentence why there are none."""
    camera = None
    for shown, path in zip(sets, paths, strict=True):
        clusters = shown.clusters
        volumes = own_maps(clusters)
        if not volumes:
            print(
                f"No {path.stem}: no cluster has been reconstructed; conformix clusters "
                f"{clusters.job.folder} --of {clusters.name} --reconstruct"
            )
            continue
        if camera is None:
            pixel_size = clusters.job.spec.grids.pixel_size_angstrom
            camera = Camera.of(list(volumes.values()), pixel_size)
        maps_figure(shown, volumes, camera, states, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("other", type=Path, nargs="?", help="another job on the same particles")
    parser.add_argument("--clusters", help="a set of JOB; by default the newest")
    parser.add_argument("--other-clusters", help="a set of OTHER; by default the newest")
    parser.add_argument("--truth", help="known states: a column, or a file with one a particle")
    parser.add_argument("--umap", action="store_true", help="compute a UMAP where there is none")
    args = parser.parse_args()

    try:
        job = Job.open(args.job)
        sets = [newest_clusters(job, args.clusters)]
        if args.other is not None:
            sets.append(newest_clusters(Job.open(args.other), args.other_clusters))
        shown, states = compared(job, sets, args.truth)
        args.out.mkdir(parents=True, exist_ok=True)
        umap_figure(shown, states, args.umap, args.out / "figure2d.png")
        for one, panel in zip(shown, "ef", strict=False):
            draw_states(one, states, args.out / f"figure2{panel}.png")
        panels = "gh"[: len(shown)]
        draw_maps(shown, states, [args.out / f"figure2{panel}.png" for panel in panels])
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
