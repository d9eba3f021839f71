"""What a run shows of itself: latents of all particles, those of earlier epochs, the live map."""

from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_conformix.runs import layout
from napari_conformix.training import events
from napari_conformix.training.batches import Batches
from napari_conformix.training.contract import Method
from napari_conformix.training.latent_history import LatentHistory
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.results.clean_pass import LatentSchedule, encode_all
from napari_conformix.training.results.live_volume import write_live_volumes
from napari_conformix.training.settings import TrainingSettings
from napari_conformix.training.split import Split

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Results:
    """The files latents.npz, latents/ and volumes/ of a job, written while it is trained."""

    def __init__(
        self,
        method: Method,
        data: Batches,
        split: Split,
        settings: TrainingSettings,
        folder: Path,
        fabric: "Fabric",
    ) -> None:
        self._method, self._data, self._split = method, data, split
        self._settings, self._folder, self._fabric = settings, folder, fabric
        self._history = LatentHistory(folder, settings.keep_latents)
        self.schedule = LatentSchedule(settings.latents_every, len(split))
        #: what latents.npz holds; None before the first refresh
        self.table: LatentTable | None = None

    @property
    def epoch(self) -> int | None:
        """The epoch that latents.npz is of."""
        return None if self.table is None else self.table.epoch

    def restore(self, epoch: int) -> None:
        """Take up what a run has left that goes on from `epoch`, 0 to begin."""
        self._history.forget_after(epoch)
        path = self._folder / layout.LATENTS
        if epoch and path.exists():
            self.table = LatentTable.load(path)

    def encode(
        self, epoch: int, batch_size: int, stop: Callable[[], bool]
    ) -> Generator[tuple[int, int], None, LatentTable | None]:
        """All particles, by the method as it is now; see `encode_all`."""
        return encode_all(
            self._method,
            self._data,
            self._split,
            fabric=self._fabric,
            batch_size=batch_size,
            epoch=epoch,
            seed=self._settings.seed,
            previous=self.table,
            stop=stop,
        )

    def keep(self, table: LatentTable, *, checkpoints: Collection[int], best: bool) -> None:
        """Remember a refresh: for looking back, and whole where the run may end on that epoch."""
        self._history.keep(table, always=checkpoints)
        if best and self._method.chooses_epoch:
            self._history.keep_best(table)

    def kept(self, epoch: int) -> LatentTable | None:
        """The whole table of an epoch, where there is no need to encode for it."""
        return self.table if epoch == self.epoch else self._history.best(epoch)

    def show(self, table: LatentTable) -> events.Event:
        """Make `table` what the job's latents are."""
        table.save(self._folder / layout.LATENTS)
        self.table = table
        return events.Latents(epoch=table.epoch)

    def volumes(self, epoch: int) -> Iterator[events.Event]:
        """Write the live maps, by the method as it is now."""
        mean = None if self.table is None else self.table.mean
        for path, half in write_live_volumes(self._method, mean, self._split, self._folder):
            yield events.Volume(epoch=epoch, path=path, half=half)
