"""Which epochs train what: warm-up, training, 'reference only', replacement of the reference.

A function of the settings and the epoch alone, so that a resumed run follows the same schedule.
"""

from dataclasses import dataclass
from typing import Literal

from napari_conformix.methods.dynamight.settings import DynaMightSettings

Phase = Literal["warm-up", "training", "reference only"]

#: the last share of a run, and at least and at most so many epochs, go without any change of the
#: reference, so that networks, latents and maps end settled on one reference
_SETTLING_SHARE, _SETTLING_LEAST, _SETTLING_MOST = 0.25, 5, 20


@dataclass(frozen=True)
class Schedule:
    """Epochs count from 1; `warmup` of them come first, the rest goes round in cycles.

    A cycle is `reference_every` epochs of training and `reference_epochs` in which the networks
    are frozen (paper: 30 and 5). The reference is replaced before the epoch that follows every
    `replace_every` epochs in which the networks were trained (paper: 10). Neither is begun when it
    would reach into the last epochs, so a short run has fewer of them rather than shorter ones: a
    replacement means something only once the networks have learnt the motion.
    """

    epochs: int
    warmup: int
    reference_every: int
    reference_epochs: int
    replace_every: int
    settled_share: float = 1.0

    @classmethod
    def of(cls, settings: DynaMightSettings) -> "Schedule":
        """The schedule that the settings ask for.

        Parameters
        ----------
        settings : DynaMightSettings
            Of the run.

        Returns
        -------
        Schedule
            For all of its epochs.
        """
        return cls(
            settings.epochs,
            settings.warmup_epochs,
            settings.reference_every,
            settings.reference_epochs,
            settings.replace_every,
            settings.settled_learning_rate,
        )

    def phase(self, epoch: int) -> Phase:
        """What an epoch trains.

        Parameters
        ----------
        epoch : int
            Counted from 1.

        Returns
        -------
        Phase
            'warm-up', 'training' or 'reference only'.
        """
        if epoch <= self.warmup:
            return "warm-up"
        return "reference only" if self._frozen(epoch - self.warmup) else "training"

    def replaces_reference(self, epoch: int) -> bool:
        """Whether the reference is replaced before an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 1.

        Returns
        -------
        bool
            Never True in the last epochs.
        """
        after = epoch - self.warmup
        if self.replace_every == 0 or self.phase(epoch) != "training" or after > self._last():
            return False
        trained = sum(not self._frozen(k) for k in range(1, after))
        # the first one after the mark, which may have been passed just before a frozen block
        return trained > 0 and trained % self.replace_every == 0

    def learning_rate_share(self, epoch: int) -> float:
        """Share of the step sizes that is left: 1, falling to `settled_share` in the last epochs.

        What the noise of single batches does to networks and latents falls with them.

        Parameters
        ----------
        epoch : int
            Counted from 1.

        Returns
        -------
        float
            From `settled_share` to 1.
        """
        falling = max(1, min(round(_SETTLING_SHARE * self.epochs), _SETTLING_MOST))
        gone = (epoch - (self.epochs - falling)) / falling
        return 1.0 - (1.0 - self.settled_share) * min(max(gone, 0.0), 1.0)

    def _frozen(self, after_warmup: int) -> bool:
        if self.reference_every == 0 or self.reference_epochs == 0:
            return False
        cycle = self.reference_every + self.reference_epochs
        block, place = divmod(after_warmup - 1, cycle)
        block_ends = (block + 1) * cycle
        return place >= self.reference_every and block_ends <= self._last()

    def _last(self) -> int:
        """The last epoch after the warm-up in which the reference may be changed."""
        training = self.epochs - self.warmup
        settling = round(_SETTLING_SHARE * training)
        return training - min(max(settling, _SETTLING_LEAST), _SETTLING_MOST)
