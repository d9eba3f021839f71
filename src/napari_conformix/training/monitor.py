"""What a run says of itself: means of loss terms, speed, time to go, memory."""

import resource
import sys
from collections.abc import Collection
from statistics import median
from time import monotonic

import psutil
import torch

from napari_conformix.training.contract import Method
from napari_conformix.training.events import Terms


class Means:
    """Means of named loss terms by half, weighted by particles.

    Sums stay on the device until asked for: reading a number from a GPU waits for it.
    """

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, torch.Tensor]] = {}
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, half: int, terms: dict[str, torch.Tensor], count: int) -> None:
        """Count the mean terms of some particles.

        Parameters
        ----------
        half : int
            1 or 2; 0 of a method with one model.
        terms : dict of str to torch.Tensor
            0-d each.
        count : int
            How many particles they are the mean of.
        """
        sums = self._sums.setdefault(str(half), {})
        counts = self._counts.setdefault(str(half), {})
        for name, value in terms.items():
            weighted = value.detach().double() * count
            sums[name] = sums[name] + weighted if name in sums else weighted
            counts[name] = counts.get(name, 0) + count

    def values(self, without: Collection[str] = ()) -> Terms:
        """The means so far.

        Parameters
        ----------
        without : collection of str
            Names of terms that are left out.

        Returns
        -------
        Terms
            half -> term -> mean.
        """
        return {
            half: {
                name: float(value) / self._counts[half][name]
                for name, value in sums.items()
                if name not in without
            }
            for half, sums in self._sums.items()
        }


class Clock:
    """Speed and time to go. The estimate before the run serves until an epoch is done."""

    def __init__(self, epochs: int, first_epoch: int, epoch_seconds: float | None) -> None:
        self._epochs = epochs
        self._epoch = first_epoch
        self._estimate = epoch_seconds
        self._durations: list[float] = []
        self._paused = 0.0
        self._started = monotonic()

    def start_epoch(self, epoch: int) -> None:
        """Begin to count the time of an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 1.
        """
        self._epoch = epoch
        self._paused = 0.0
        self._started = monotonic()

    def end_epoch(self) -> float:
        """Take the time of the epoch that is done.

        Returns
        -------
        float
            Seconds that it took, pauses excluded.
        """
        self._durations.append(self.elapsed())
        return self._durations[-1]

    def pause(self, seconds: float) -> None:
        """Do not count a pause as work.

        Parameters
        ----------
        seconds : float
            How long it was.
        """
        self._paused += seconds

    def elapsed(self) -> float:
        """Time of work since the epoch began.

        Returns
        -------
        float
            Seconds, pauses excluded.
        """
        return monotonic() - self._started - self._paused

    def eta(self, share_done: float) -> float | None:
        """Time to the end of the run.

        Parameters
        ----------
        share_done : float
            Of the current epoch, from 0 to 1.

        Returns
        -------
        float or None
            Seconds; None when nothing is known yet.
        """
        whole = median(self._durations[-5:]) if self._durations else self._estimate
        if share_done > 0.1 and not self._durations:
            whole = self.elapsed() / share_done
        if whole is None:
            return None
        return max(0.0, (self._epochs - self._epoch + 1 - share_done) * whole)


def memory_bytes(device: torch.device) -> int:
    """Peak memory of this process on a device.

    Parameters
    ----------
    device : torch.device
        Of the run.

    Returns
    -------
    int
        Bytes; on a CPU, of resident memory.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def free_memory_bytes(device: torch.device) -> int:
    """Memory that a run may still take on a device.

    Parameters
    ----------
    device : torch.device
        Of the run.

    Returns
    -------
    int
        Bytes.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def learning_rates(method: Method) -> dict[str, float]:
    """Learning rate of every parameter group.

    Parameters
    ----------
    method : Method
        With its optimisers.

    Returns
    -------
    dict of str to float
        By half and name (or number): 'half/name'.
    """
    rates = {}
    for half in method.halves:
        for i, optimizer in enumerate(method.optimizers(half)):
            for j, group in enumerate(optimizer.param_groups):
                name = group.get("name", f"{i}.{j}")
                rates[f"{half}/{name}"] = float(group["lr"])
    return rates
