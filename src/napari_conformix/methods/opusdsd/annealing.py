"""What changes over a run: the weight of the priors and the learning rate.

Pure functions of how far the run is, so that a resumed run goes on where it was.
"""


def annealing_weight(progress: float, cycles: int = 4, rising: float = 0.5) -> float:
    """Cyclical annealing (Fu et al. 2019): weight of the priors, from 0 to 1.

    The run is divided into `cycles` of equal length. In each, the weight rises linearly from 0 to
    1 over the share `rising` of it and stays at 1 for the rest. The defaults are those of Fu et
    al.; the OPUS-DSD paper weights the overall restraint strength so and names neither number.

    Parameters
    ----------
    progress : float
        Share of the run that is done, from 0. At 1 and beyond (more epochs than were planned) the
        weight is 1.
    cycles : int
        At least 1.
    rising : float
        From 0 to 1.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If `cycles` or `rising` is out of range.
    """
    if cycles < 1 or not 0 <= rising <= 1:
        raise ValueError("cycles must be at least 1 and rising from 0 to 1")
    place = progress * cycles % 1.0
    if progress >= 1 or place >= rising:
        return 1.0
    return place / rising


def learning_rate_share(epoch: int, decay: float = 0.95) -> float:
    """Share of the first learning rate in an epoch.

    Parameters
    ----------
    epoch : int
        Counted from 1.
    decay : float
        Factor by which the rate falls in an epoch.

    Returns
    -------
    float
        1 in epoch 1.
    """
    return float(decay ** (epoch - 1))
