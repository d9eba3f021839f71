"""The latents of every refresh, kept so that the view can be seen as it forms.

    latents/epoch_0007.npz   mean (N, d), motion (N, k) or none, motion_unit, motion_variance,
                             one_model, epoch
    latents/best.npz         the whole table of the epoch that is best so far, where a method
                             ends on it, so that ending costs no further pass

Beyond 200,000 particles the numbers are float16 (three digits; enough for a view): 36 MB an epoch
for 1,000,000 particles of 12 latent dimensions, where a smaller set of 5,000 has 0.4 MB in float32.
Needs no torch.
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_npz, formats, layout, remove_leftovers
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.split import Split

#: above this many particles half precision is kept
MANY_PARTICLES = 200_000
_LARGEST_HALF_PRECISION = float(np.finfo(np.float16).max)


class LatentHistory:
    """The folder `latents` of a job. At most `most` epochs are kept, 0 for none."""

    def __init__(self, job_folder: str | Path, most: int = 0) -> None:
        self.folder = Path(job_folder) / layout.LATENT_HISTORY
        self._most = most

    def epochs(self) -> list[int]:
        """Epochs that are kept.

        Returns
        -------
        list of int
            Ascending; none in jobs of older versions.
        """
        names = (path.stem for path in self.folder.glob("epoch_*.npz"))
        return sorted(int(name.removeprefix("epoch_")) for name in names)

    def keep(self, table: LatentTable, *, always: Collection[int] = ()) -> None:
        """Write the latents of a refresh; when there are too many, thin out the others evenly.

        Parameters
        ----------
        table : LatentTable
            Of the newest epoch.
        always : collection of int
            Epochs that are not removed (those whose checkpoint is kept).
        """
        if self._most == 0:
            return
        remove_leftovers(self.folder, alone=True)
        kind = np.float16 if len(table) > MANY_PARTICLES else np.float32
        arrays = formats.LATENTS_OF_EPOCH.array_stamp(program=False)
        arrays |= {"epoch": np.array(table.epoch), "mean": _as(table.mean, kind)}
        arrays["one_model"] = np.array(not table.half.any())
        if table.motion is not None:
            arrays["motion"] = _as(table.motion, kind)
            arrays["motion_unit"] = np.array(table.motion_unit)
        if table.motion_variance is not None:
            arrays["motion_variance"] = table.motion_variance
        atomic_npz(self._path(table.epoch), **arrays)
        epochs = self.epochs()
        while len(epochs) > self._most:
            spare = least_missed(epochs, {*always, table.epoch})
            if spare is None:
                return
            epochs.remove(spare)
            self._path(spare).unlink(missing_ok=True)

    def forget_after(self, epoch: int) -> None:
        """Remove what a run wrote of epochs that will be done again.

        Parameters
        ----------
        epoch : int
            The last one that is kept.
        """
        for later in self.epochs():
            if later > epoch:
                self._path(later).unlink(missing_ok=True)

    def load(self, epoch: int, split: Split) -> LatentTable:
        """The table of an epoch.

        Parameters
        ----------
        epoch : int
            One of :meth:`epochs`.
        split : Split
            Of the job: half sets and held-out particles are not kept with the latents.

        Returns
        -------
        LatentTable
            Its `std` is NaN throughout, since it is not kept.

        Raises
        ------
        UserError
            If the epoch is not kept.
        """
        path = self._path(epoch)
        if not path.exists():
            kept = ", ".join(map(str, self.epochs())) or "none"
            raise UserError(
                f"The latents of epoch {epoch} are not kept; there are those of: {kept}."
            )
        with np.load(path, allow_pickle=False) as file:
            data = formats.LATENTS_OF_EPOCH.read(file, path)
            mean = data["mean"].astype(np.float32)
            half = np.zeros_like(split.half) if data["one_model"] else split.half
            motion = data["motion"].astype(np.float32) if "motion" in data else None
            unit = str(data["motion_unit"]) if "motion_unit" in data else ""
            variance = data.get("motion_variance")
        return LatentTable(
            mean=mean,
            std=np.broadcast_to(np.float32(np.nan), mean.shape),
            half=half,
            validation=split.validation,
            epoch=epoch,
            motion=motion,
            motion_unit=unit,
            motion_variance=variance,
        )

    # -- the best epoch so far --------------------------------------------------------------------

    def keep_best(self, table: LatentTable) -> None:
        """Keep the whole table of the epoch that is best so far.

        Parameters
        ----------
        table : LatentTable
            Of that epoch.
        """
        table.save(self.folder / "best.npz")

    def best(self, epoch: int) -> LatentTable | None:
        """The table of the best epoch.

        Parameters
        ----------
        epoch : int
            The one that is asked for.

        Returns
        -------
        LatentTable or None
            None if none was kept, or that of another epoch.
        """
        path = self.folder / "best.npz"
        if not path.exists():
            return None
        table = LatentTable.load(path)
        return table if table.epoch == epoch else None

    def _path(self, epoch: int) -> Path:
        return self.folder / f"epoch_{epoch:04d}.npz"


def least_missed(epochs: list[int], always: Collection[int]) -> int | None:
    """The epoch without which the others are spread most evenly.

    Parameters
    ----------
    epochs : list of int
        Ascending.
    always : collection of int
        Epochs that are not to be removed.

    Returns
    -------
    int or None
        Neither the first nor the last one, nor any of `always`; None when no other is left.
    """
    gaps = {
        epoch: after - before
        for before, epoch, after in zip(epochs, epochs[1:], epochs[2:], strict=False)
        if epoch not in always
    }
    return min(gaps, key=lambda epoch: (gaps[epoch], epoch)) if gaps else None


def _as(values: NDArray[np.float32], kind: type[np.floating]) -> NDArray[np.floating]:
    """In half precision, unless a value would not fit."""
    if kind is np.float16 and np.abs(values).max(initial=0.0) > _LARGEST_HALF_PRECISION:
        return values
    return values.astype(kind)
