"""The swinging ball with what the Paths page asks of a job; paths are made and kept by the real
code."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from explore_fakes import FakeJob

from napari_conformix.analysis.paths import LatentPath
from napari_conformix.jobs import paths
from napari_conformix.training.latent_table import LatentTable


class PathJob(FakeJob):
    """Two halves; `sets` are labels (N,) of clusters by name."""

    method_class = SimpleNamespace(
        has_decoder=True,
        independent_halves=True,
        has_displacement=True,
        title="Truth",
        pieces="beads",
    )

    def __init__(self, folder: Path, **arguments) -> None:
        super().__init__(folder, **arguments)
        self.sets: dict[str, np.ndarray] = {}

    def latents(self, epoch: int | None = None) -> LatentTable:
        return LatentTable(**vars(super().latents(epoch)))

    def paths(self) -> list[str]:
        return paths.paths_of(self.folder)

    def path(self, name: str) -> LatentPath:
        return paths.load(self, name)

    def save_path(self, name: str, path: LatentPath, *, overwrite: bool = False) -> Path:
        return paths.save(self, name, path, overwrite=overwrite)

    def delete_path(self, name: str) -> None:
        paths.delete(self, name)

    def cluster_sets(self) -> list[str]:
        return sorted(self.sets)

    def cluster_set(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(clustering=SimpleNamespace(labels=self.sets[name]))


class UndecodableJob(PathJob):
    """Latents of another program."""

    method_class = SimpleNamespace(
        has_decoder=False,
        independent_halves=True,
        has_displacement=False,
        title="Imported",
        pieces="beads",
    )

    def decode(self, *arguments, **named) -> np.ndarray:
        raise AssertionError("there is nothing to decode with")
