"""The curves of a run, gathered from its events. No Qt."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_conformix.runs import Event
from napari_conformix.training.events import (
    Checkpoint,
    Epoch,
    Finished,
    Notice,
    Quantity,
    Started,
    Step,
    quantity_of,
)

#: a curve is known by (kind, half, term); kind is 'train', 'validation', 'step' or 'scalar'
Key = tuple[str, str, str]
#: scalars of a half carry it in their name, 'lambda_half1'
_OF_A_HALF = re.compile(r"(.+?)_half([12])(.*)")


@dataclass
class Curve:
    """Points in order of x, in epochs."""

    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)

    def add(self, x: float, y: float) -> None:
        """Append a point, or replace what lies at or after it (an epoch done again)."""
        self.cut(x)
        self.x.append(x)
        self.y.append(y)

    def cut(self, x: float) -> None:
        """Forget the points at `x` and after."""
        if self.x and self.x[-1] >= x:
            keep = bisect_left(self.x, x)
            del self.x[keep:], self.y[keep:]


@dataclass(frozen=True)
class Phase:
    """Epochs `first` to `last` that trained the same thing."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Spectrum:
    """Values by Fourier shell, of the first epoch that had any and of the newest."""

    first_epoch: int
    first: list[float]
    epoch: int
    values: list[float]


class CurveData:
    """All loss terms by half, scalars by epoch, spectra, phases, and what the method noted.

    Feed it events in order. `quantities` is how the method of the run describes its numbers.
    """

    def __init__(self, quantities: Mapping[str, Quantity] | None = None) -> None:
        self.quantities = quantities or {}
        self.curves: dict[Key, Curve] = {}
        self.phases: list[Phase] = []
        #: by name and half ('' where it has none)
        self.spectra: dict[tuple[str, str], Spectrum] = {}
        #: (epoch, sentence) of what the method did on its own before that epoch
        self.notices: list[tuple[int, str]] = []
        self.epochs = 0
        #: the term that means the same in every epoch, shown first
        self.headline = "loss"
        self.headline_label = "Loss"
        #: whether the result of the run is its best epoch; which is the best so far; and which
        #: one the run has ended on (None while it goes on)
        self.chooses_epoch = False
        self.best: int | None = None
        self.chosen: int | None = None

    def take(self, event: Event) -> bool:
        """Add an event; True when a curve changed."""
        if isinstance(event, Started):
            self.epochs = event.epochs
            self.headline, self.headline_label = event.headline, event.headline_label
            self.chooses_epoch, self.chosen = event.chooses_epoch, None
            self._forget_from(event.first_epoch)
        elif isinstance(event, Step):
            at = event.epoch - 1 + event.done / max(event.total, 1)
            self._add_terms("step", at, event.terms)
        elif isinstance(event, Epoch):
            self.epochs = event.epochs
            self._add_terms("train", event.epoch, event.train)
            self._add_terms("validation", event.epoch, event.validation)
            for name, value in event.scalars.items():
                self._add(_scalar_key(name), event.epoch, value)
            for name, values in event.curves.items():
                self._add_spectrum(name, event.epoch, values)
            for name, value in _rates(event.learning_rates).items():
                self._add(name, event.epoch, value)
            self._add_phase(event.epoch, event.phase)
        elif isinstance(event, Checkpoint) and event.best:
            self.best = event.epoch
        elif isinstance(event, Finished):
            self.chosen = event.chosen_epoch
        elif isinstance(event, Notice):
            if event.epoch > self.last_epoch:  # what is said after an epoch changed nothing in it
                self.notices.append((event.epoch, event.message))
        else:
            return False
        return True

    def terms(self) -> list[str]:
        """Names of the loss terms, the headline first, then 'loss'."""
        found = {term for kind, _, term in self.curves if kind in ("train", "validation")}
        return sorted(found, key=lambda term: (term != self.headline, term != "loss", term))

    def scalars(self) -> list[str]:
        """Names of the other curves, without their halves: lambda, noise and the like."""
        return sorted({term for kind, _, term in self.curves if kind == "scalar"})

    def spectra_of(self, name: str) -> dict[str, Spectrum]:
        """half -> its spectrum of that name."""
        return {half: found for (n, half), found in self.spectra.items() if n == name}

    def of_term(self, term: str) -> dict[tuple[str, str], Curve]:
        """(kind, half) -> curve of a loss term or a scalar."""
        return {(k, half): curve for (k, half, t), curve in self.curves.items() if t == term}

    def in_words(self, term: str) -> str:
        """A loss term, scalar or spectrum for the list and the axis."""
        if term == self.headline:
            return self.headline_label
        return quantity_of(term, self.quantities).label()

    def note_of(self, term: str) -> str:
        """What must be known to read the curve of a term; mostly ''."""
        if term == self.headline:  # nothing is more comparable
            return ""
        return quantity_of(term, self.quantities).note

    @property
    def last_epoch(self) -> int:
        """The last epoch that is complete; 0 before the first."""
        return self.phases[-1].last if self.phases else 0

    def settled(self) -> int:
        """The last epoch of the first phase once another has begun: values up to it are a start.

        A warm-up ends far from where it begins; a range that held both would hide all that follows.
        A phase that comes again is no start.
        """
        if len(self.phases) < 2 or self.phases[-1].last <= self.phases[0].last + 1:
            return 0
        first = self.phases[0]
        return 0 if any(p.name == first.name for p in self.phases[1:]) else first.last

    def range_of(self, term: str) -> tuple[float, float] | None:
        """Lowest and highest value of a term over the epochs after :meth:`settled`."""
        first = self.settled()
        values = [
            y
            for (kind, _), curve in self.of_term(term).items()
            if kind != "step"
            for x, y in zip(curve.x, curve.y, strict=True)
            if x > first
        ]
        return (min(values), max(values)) if values else None

    def _add_terms(self, kind: str, x: float, terms: dict[str, dict[str, float]]) -> None:
        for half, values in terms.items():
            for term, value in values.items():
                self._add((kind, half, term), x, value)

    def _add(self, key: Key, x: float, value: float) -> None:
        if math.isfinite(value):
            self.curves.setdefault(key, Curve()).add(x, value)

    def _add_spectrum(self, name: str, epoch: int, values: list[float]) -> None:
        _, half, name = _scalar_key(name)
        before = self.spectra.get((name, half))
        first = (epoch, values) if before is None else (before.first_epoch, before.first)
        self.spectra[name, half] = Spectrum(*first, epoch, values)

    def _add_phase(self, epoch: int, name: str) -> None:
        last = self.phases[-1] if self.phases else None
        if last is not None and last.name == name:
            self.phases[-1] = Phase(name, last.first, epoch)
        else:
            self.phases.append(Phase(name, epoch, epoch))

    def _forget_from(self, epoch: int) -> None:
        """A run goes on from a checkpoint: what it had done after that is done again."""
        for (kind, *_), curve in self.curves.items():
            curve.cut(epoch - 1 + 1e-9 if kind == "step" else epoch)
        self.notices = [notice for notice in self.notices if notice[0] < epoch]
        kept = [phase for phase in self.phases if phase.first < epoch]
        self.phases = [Phase(p.name, p.first, min(p.last, epoch - 1)) for p in kept]


def _rates(learning_rates: dict[str, float]) -> dict[Key, float]:
    """{'1/decoder': 1e-4} -> the curve of each; without the name where a half has a single one."""
    named = {tuple(name.split("/", 1)): value for name, value in learning_rates.items()}
    alone = len({group for _, group in named}) == 1
    return {
        ("scalar", half, "learning_rate" if alone else f"learning_rate {group}"): value
        for (half, group), value in named.items()
    }


def _scalar_key(name: str) -> Key:
    found = _OF_A_HALF.fullmatch(name)
    return ("scalar", found[2], found[1] + found[3]) if found else ("scalar", "", name)
