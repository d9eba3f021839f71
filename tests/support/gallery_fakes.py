"""The job of numbers with real images: particles of a STAR file, placed by the numbers' latents."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from explore_fakes import BOX, PIXEL_SIZE, FakeJob

from napari_conformix.jobs.folder.spec import Grids
from napari_conformix.particles import read_particles, write_map
from napari_conformix.training.settings import TrainingSettings
from napari_conformix.widgets.session import Inputs


class GalleryJob(FakeJob):
    """What the gallery and the comparison of two states ask of a job, too."""

    def __init__(self, folder: Path, star: Path) -> None:
        particles = read_particles(star)
        super().__init__(folder, count=len(particles))
        self.particles = particles
        mask = self.folder / "mask.mrc"
        write_map(mask, (self.volume(0.0) > 0.05).astype(np.float32), PIXEL_SIZE)
        grids = Grids(
            box=BOX,
            pixel_size_angstrom=PIXEL_SIZE,
            working_box=BOX,
            working_pixel_size_angstrom=PIXEL_SIZE,
        )
        inputs = Inputs(consensus=self.spec.inputs.consensus, mask=mask)
        self.spec = SimpleNamespace(inputs=inputs, grids=grids)
        self.settings = TrainingSettings()
        self.method_class = SimpleNamespace(
            title="Numbers", has_decoder=True, has_displacement=True, pieces="beads"
        )
        (self.folder / "latents.npz").touch()
        self.compared: list[tuple[float, float]] = []

    def deformation_between_states(self, first, first_half, last, last_half) -> SimpleNamespace:
        angles = self.angle_of(first, first_half), self.angle_of(last, last_half)
        self.compared.append(angles)
        return SimpleNamespace(sentence=lambda: f"Swings by {abs(angles[1] - angles[0]):.0f} A.")
