"""JobFolder: what every part of the program needs of a job, and no more."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import creation, models
from napari_conformix.jobs.folder.inputs import read_inputs
from napari_conformix.jobs.folder.spec import JobSpec
from napari_conformix.runs import Event, RunFolder, layout
from napari_conformix.training.checkpoints import CheckpointFolder
from napari_conformix.training.events import from_line
from napari_conformix.training.latent_history import LatentHistory
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.split import Split

if TYPE_CHECKING:
    from typing import Self

    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.contract import Method
    from napari_conformix.training.preflight import Report
    from napari_conformix.training.settings import TrainingSettings


class JobFolder(RunFolder):
    """A job folder with its particles, split, latents and models.

    Several objects, processes and hosts may look at one folder at once. Whatever is made of a job
    (clusters, motions, selections, reconstructions) takes one of these and lives in a room of its
    own; :class:`napari_conformix.Job` puts all of it together for users.
    """

    @staticmethod
    def event_of(line: str) -> Event:
        """The event of a line of the log."""
        return from_line(line)

    def __init__(self, folder: str | Path, spec: JobSpec) -> None:
        super().__init__(folder)
        self.spec = spec
        #: what the checks found, when this object made the job
        self.report: Report | None = None
        self.checkpoints = CheckpointFolder(self.folder / layout.CHECKPOINTS)
        self._models = models.ModelCache(self.folder / layout.CHECKPOINTS)

    @classmethod
    def just_made(cls, folder: Path, made: "creation.Made") -> "Self":
        """The job of a folder that was written now, with what was read and found on the way."""
        job = cls(folder, made.spec)
        job.report = made.report
        if made.particles is not None:
            job.particles = made.particles
        return job

    @classmethod
    def open(cls, folder: str | Path) -> "Self":
        """Open a job folder; UserError when it is none or was written by a later version."""
        return cls(folder, JobSpec.read(Path(folder) / layout.SPEC))

    @cached_property
    def settings(self) -> "TrainingSettings":
        """The settings as the method's model."""
        return self.spec.validated_settings()

    @property
    def method_class(self) -> "type[Method]":
        """The class of the method; importing it takes a moment the first time."""
        from napari_conformix.methods import method_class

        return method_class(self.spec.method)

    @cached_property
    def particles(self) -> "ParticleSet":
        """The particle file of the job, read once.

        UserError when its rows are not those that the job was begun with.
        """
        particles = read_inputs(self.spec)
        if (self.folder / layout.SPLIT).exists():
            self.split.refuse_other_particles(
                len(particles), particles.images_digest, particles.source.path
            )
        return particles

    @property
    def split(self) -> Split:
        """Half sets and held-out particles; UserError before the first run made them."""
        path = self.folder / layout.SPLIT
        if not path.exists():
            raise UserError(f"{self.folder} has no split yet; the first training run makes it.")
        return Split.load(path)

    @property
    def model_biased(self) -> str | None:
        """A sentence to show wherever results are, when something other than the images shapes
        them, for example an atomic model. None also for settings that cannot be read (the method
        is not installed, or they are of another version): the job can still be looked at."""
        try:
            return self.settings.bias()
        except UserError:
            return None

    def latents(self, epoch: int | None = None) -> LatentTable:
        """The latents of the result so far, or of an epoch; UserError when they are not kept.

        The result is the newest refresh while a run goes on; when it has ended, for a method that
        chooses its epoch, the chosen one.
        """
        path = self.folder / layout.LATENTS
        if epoch is None or LatentTable.epoch_of(path) == epoch:
            return LatentTable.load(path)
        return LatentHistory(self.folder).load(epoch, self.split)

    def latent_epochs(self) -> list[int]:
        """Epochs whose latents can be asked for, ascending."""
        shown = LatentTable.epoch_of(self.folder / layout.LATENTS)
        kept = LatentHistory(self.folder).epochs()
        return sorted({*kept, *([] if shown is None else [shown])})

    def method(self, epoch: int | str | None = None) -> "Method":
        """The model of an epoch, of 'best', 'last', or (None) the one that :meth:`latents` are of,
        on the CPU; kept while it is in use. NotSupportedError where there is no decoder."""
        models.refuse_without_decoder(self.method_class, "decode maps")
        if epoch is None:
            shown = LatentTable.epoch_of(self.folder / layout.LATENTS)
            if shown is not None and self.checkpoints.weights_path(shown).exists():
                epoch = shown
        return self._models.get(epoch)

    def decode(
        self, z: ArrayLike, half: int | None = None, epoch: int | str | None = None
    ) -> NDArray[np.float32]:
        """(d,) -> (z, y, x); (n, d) -> (n, z, y, x): maps on the consensus grid, grey values as
        trained. `half` says whose latents they are; methods with one model do without."""
        return models.decode(self.method(epoch), z, half)

    def displacement(
        self, z: ArrayLike, positions: ArrayLike, half: int = 1, epoch: int | str | None = None
    ) -> NDArray[np.float32]:
        """(d,) and (p, 3) xyz in A from the centre -> (p, 3) A; NotSupportedError if the method
        has no displacement field."""
        return models.displacement(self.method(epoch), z, positions, half)
