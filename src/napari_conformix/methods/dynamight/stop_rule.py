"""When training has nothing left to gain (paper, Training)."""

import math
from dataclasses import dataclass


@dataclass
class RiseCounter:
    """Counts how often a loss rose from one epoch to the next.

    The paper stops "if the MSE loss increased for the kth time", k = 40. Its weights (eq. 11) are
    estimated again every epoch, so their loss is not comparable between epochs; what is counted
    here is the share of image power left unexplained, whose weights are fixed, on the held-out
    particles, which are the same in every epoch.
    """

    last: float = math.inf
    rises: int = 0

    def add(self, loss: float) -> bool:
        """Take the loss of an epoch.

        Parameters
        ----------
        loss : float
            Its mean over held-out particles.

        Returns
        -------
        bool
            True if it rose.
        """
        rose = loss > self.last
        self.rises += rose
        self.last = loss
        return rose

    def stops(self, rose: bool, limit: int) -> bool:
        """Whether a rise is the `limit`-th (or twice that: a run may be asked for more).

        Parameters
        ----------
        rose : bool
            What :meth:`add` returned.
        limit : int
            0: never.

        Returns
        -------
        bool
            True where training should end.
        """
        return rose and limit > 0 and self.rises % limit == 0
