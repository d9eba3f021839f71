"""Two jobs made of numbers that saw the same ball swing: one with two models, one with one.

The second one has some of the particles only, in another order, and its own latent axes; its maps
have grey values of their own.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from explore_fakes import FakeJob, Latents, Particles

from napari_conformix.particles import write_map
from napari_conformix.training import events

#: grey values of the one-model job, relative to those of the other
GREY = 50.0


def with_images(particles: Particles, folder: Path, images: np.ndarray) -> Particles:
    """Give particles their images: numbers (N,) within one stack."""
    particles.source = SimpleNamespace(path=folder / "particles.star", table=None)
    particles.stacks = [Path("particles.mrcs")]
    particles.stack_index = np.zeros(len(images), np.int32)
    particles.image_index = images.astype(np.int32)
    particles.image_key = images.astype(np.int64)
    particles.rotation = np.tile(np.eye(3, dtype=np.float32), (len(images), 1, 1))
    return particles


class Named:
    """What the comparison needs of a job besides."""

    def cluster_sets(self) -> list[str]:
        return list(self.clusters)

    def cluster_set(self, name: str) -> SimpleNamespace:
        labels = self.clusters[name]
        clustering = SimpleNamespace(labels=labels, k=int(labels.max()) + 1)
        return SimpleNamespace(name=name, clustering=clustering)


class TwoModels(Named, FakeJob):
    """A DynaMight job with a folder of its own."""

    method_class = SimpleNamespace(title="DynaMight (motion)", has_decoder=True, pieces="beads")

    def __init__(self, folder: Path, count: int = 1500) -> None:
        folder.mkdir()
        super().__init__(folder, count)
        self.clusters: dict[str, np.ndarray] = {}
        with_images(self.particles, folder, np.arange(count))


class OneModel(Named, FakeJob):
    """An OPUS-DSD job of the images (M,) of another job, whose angles are known."""

    method_class = SimpleNamespace(title="OPUS-DSD (volumes)", has_decoder=True, pieces="")

    def __init__(self, folder: Path, other: TwoModels, images: np.ndarray) -> None:
        folder.mkdir()
        self._grey = 1.0
        super().__init__(folder, len(images))
        self.angle = other.angle[images % len(other.angle)]
        self.half = np.zeros(len(images), np.int8)
        self.particles = with_images(Particles(self.angle), folder, images)
        self.clusters = {"kmeans2": (self.angle > 0).astype(np.int16)}
        self._grey = GREY
        write_map(folder / "consensus.mrc", self.volume(0.0), 3.0)

    def volume(self, angle: float) -> np.ndarray:
        return np.float32(self._grey) * super().volume(angle)

    def latents(self, epoch: int | None = None) -> Latents:
        """Angle and something else, turned by 30 degrees."""
        rng = np.random.default_rng(5)
        own = np.stack([self.angle / 10, rng.normal(0, 0.5, len(self.angle))], axis=1)
        turn = np.deg2rad(30)
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        mean = (own @ axes).astype(np.float32)
        return Latents(
            mean, np.full_like(mean, 0.1), self.half, self.validation, self.epoch, None, ""
        )

    def angle_of(self, latent: np.ndarray, half: int | None) -> float:
        assert half is None
        turn = np.deg2rad(30)
        return float(10 * np.asarray(latent) @ [np.cos(turn), np.sin(turn)])


class Untrained(OneModel):
    """Made, and not begun."""

    def tell(self, event: events.Event) -> None:
        if event.kind != "latents":
            super().tell(event)
        else:
            (self.folder / "events.jsonl").touch()
