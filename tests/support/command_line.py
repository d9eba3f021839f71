"""What the tests of the command line share."""

from collections.abc import Callable
from typing import NamedTuple

#: in the simulated data set
PARTICLES = 300


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


Conformix = Callable[..., Outcome]
