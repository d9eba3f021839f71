"""A job with a set of clusters whose maps are those of a domain that was moved by known motions.

The maps are sums over atoms (`two_bodies`); no method was trained for them.
"""

from pathlib import Path

import mrcfile
import numpy as np
from particle_star import star_head
from scipy.spatial.transform import Rotation
from two_bodies import BOX, DOMAIN, PIXEL, REST, centre_of, density, mask_of, moved

from napari_conformix.analysis.clusters import Clustering
from napari_conformix.jobs import Job
from napari_conformix.jobs.clusters.record import ClusterRecord, save_arrays
from napari_conformix.particles import write_map
from napari_conformix.training import events
from napari_conformix.training.latent_table import LatentTable

NAME = "kmeans4"
EPOCH = 3
#: particles of each cluster
COUNTS = (40, 25, 20, 15)
#: turn about the axis (degrees); the last cluster does not have the domain
TURNS = (0.0, 25.0, -15.0, None)
AXIS = np.array([0.0, 0.6, 0.8])


def motion_of(cluster: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix (3, 3) and shift (3,) in A of the domain of a cluster: a hinge to the rest."""
    hinge = 0.5 * (centre_of(DOMAIN) + centre_of(REST))
    matrix = Rotation.from_rotvec(np.deg2rad(TURNS[cluster]) * AXIS).as_matrix()
    return matrix, hinge - matrix @ hinge


def translation_of(cluster: int) -> float:
    """How far the domain's centre of mass is from where it is in the consensus, A."""
    matrix, shift = motion_of(cluster)
    centre = centre_of(DOMAIN)
    return float(np.linalg.norm(matrix @ centre + shift - centre))


def volume_of(cluster: int) -> np.ndarray:
    """The map (z, y, x) of a cluster."""
    parts = [REST] if TURNS[cluster] is None else [REST, moved(DOMAIN, *motion_of(cluster))]
    return density(*parts).astype(np.float32)


def write_particles(folder: Path) -> None:
    """particles.star and a stack of empty images; consensus.mrc, mask.mrc and rest.mrc."""
    count = sum(COUNTS)
    with mrcfile.new(folder / "stack.mrcs") as stack:
        stack.set_data(np.zeros((count, BOX, BOX), np.float32))
        stack.set_image_stack()
        stack.voxel_size = PIXEL
    angles = Rotation.random(count, random_state=0).as_euler("ZYZ", degrees=True)
    rows = [
        f"{i + 1:06d}@stack.mrcs {rot:.3f} {tilt:.3f} {psi:.3f} 0 0 15000 15000 0 1 {i % 2 + 1}"
        for i, (rot, tilt, psi) in enumerate(angles)
    ]
    (folder / "particles.star").write_text(star_head(PIXEL, BOX) + "\n".join(rows) + "\n")
    write_map(folder / "consensus.mrc", density(REST, DOMAIN), PIXEL)
    write_map(folder / "domain.mrc", mask_of(DOMAIN), PIXEL)
    write_map(folder / "rest.mrc", mask_of(REST), PIXEL)


def make_job(folder: Path) -> Job:
    """A job with latents and the set NAME; its masks are next to it in `folder`/data."""
    data = folder / "data"
    data.mkdir(parents=True)
    write_particles(data)
    job = Job.create(
        folder / "job",
        method="dynamight",
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        check=False,
    )
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(COUNTS)), COUNTS))
    _write_latents(job, labels)
    _write_clusters(job, labels.astype(np.int16))
    return job


def _write_latents(job: Job, labels: np.ndarray) -> None:
    """Each cluster in a corner of its own."""
    count = len(labels)
    corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)
    places = corners[labels] + np.random.default_rng(2).normal(0, 0.15, (count, 2))
    table = LatentTable(
        mean=places.astype(np.float32),
        std=np.full((count, 2), 0.1, np.float32),
        half=(np.arange(count) % 2 + 1).astype(np.int8),
        validation=np.arange(count) % 10 == 0,
        epoch=EPOCH,
        motion=places.astype(np.float32),
        motion_unit="A",
    )
    table.save(job.folder / "latents.npz")
    with open(job.folder / "events.jsonl", "a") as file:
        file.write(events.to_line(events.Latents(epoch=EPOCH)))


def _write_clusters(job: Job, labels: np.ndarray) -> None:
    folder = job.folder / "clusters" / NAME
    folder.mkdir(parents=True)
    k = len(COUNTS)
    names = [f"cluster_{i + 1:02d}.mrc" for i in range(k)]
    for i, name in enumerate(names):
        write_map(folder / name, volume_of(i), PIXEL)
    clustering = Clustering(
        labels=labels,
        centres=np.zeros((k, 2), np.float32),
        representatives=np.array([np.flatnonzero(labels == i)[0] for i in range(k)]),
        counts=np.array(COUNTS),
        how="kmeans",
        seed=1,
        asked=k,
        fitted=len(labels),
        epoch=EPOCH,
        coordinates="motion",
    )
    save_arrays(folder, clustering, None)
    ClusterRecord(
        how="kmeans",
        asked=k,
        seed=1,
        epoch=EPOCH,
        model_epoch=EPOCH,
        coordinates="motion",
        fitted=len(labels),
        representative_halves=[1] * k,
        half_counts=[(n // 2, n - n // 2) for n in COUNTS],
        held_out=[0.1] * k,
        maps=names,
    ).save(folder)
