"""The particles selected now: what the lasso works on, with undo and redo without limit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_conformix.analysis.selections.selection import (
    Action,
    Mask,
    Rows,
    Selection,
    Step,
    plain,
)
from napari_conformix.errors import UserError


@dataclass(frozen=True)
class _Change:
    """One step and the rows that it flipped: indices if they are few, else a packed mask."""

    step: Step
    flipped: npt.NDArray[np.uint32] | npt.NDArray[np.uint8]
    packed: bool

    @classmethod
    def between(cls, step: Step, before: Mask, after: Mask) -> "_Change":
        difference = before ^ after
        if np.count_nonzero(difference) * 32 < len(difference):
            return cls(step, np.flatnonzero(difference).astype(np.uint32), packed=False)
        return cls(step, np.packbits(difference), packed=True)

    def flip(self, mask: Mask) -> None:
        if self.packed:
            mask ^= np.unpackbits(self.flipped.view(np.uint8), count=len(mask)).view(bool)
        else:
            mask[self.flipped] ^= True


@dataclass(eq=False)
class SelectionHistory:
    """The particles selected now, with undo and redo without limit.

    Every action takes rows as indices or as an (N,) bool mask, and how they were found as keyword
    arguments (see :data:`Step`): ``history.add(mask, kind="lasso", polygon=..., axes=[...])``.
    A step costs at most N / 8 bytes. `changed` is emitted with the new count.
    """

    changed = Signal(int)

    total: int
    _mask: Mask = field(init=False, repr=False)
    _done: list[_Change] = field(init=False, repr=False, default_factory=list)
    _undone: list[_Change] = field(init=False, repr=False, default_factory=list)
    _count: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.total < 0:
            raise ValueError("total must not be negative")
        self._mask = np.zeros(self.total, dtype=bool)

    # -- actions ----------------------------------------------------------------------------------

    def replace(self, rows: npt.ArrayLike, **how: Any) -> None:
        """Select these rows and no others."""
        self._do("replace", self._as_mask(rows), how)

    def add(self, rows: npt.ArrayLike, **how: Any) -> None:
        """Select these rows too."""
        self._do("add", self._mask | self._as_mask(rows), how)

    def remove(self, rows: npt.ArrayLike, **how: Any) -> None:
        """Take these rows out."""
        self._do("remove", self._mask & ~self._as_mask(rows), how)

    def intersect(self, rows: npt.ArrayLike, **how: Any) -> None:
        """Keep only the selected rows that are among these."""
        self._do("intersect", self._mask & self._as_mask(rows), how)

    def invert(self, among: npt.ArrayLike | None = None, **how: Any) -> None:
        """Select what is not selected; of the rows `among` only, where they are given."""
        after = ~self._mask if among is None else self._mask ^ self._as_mask(among)
        self._do("invert", after, how)

    def clear(self, **how: Any) -> None:
        """Select nothing; can be undone like any other step."""
        self._do("clear", np.zeros(self.total, dtype=bool), how)

    def apply(self, action: Action, rows: npt.ArrayLike | None = None, **how: Any) -> None:
        """The action of that name; `rows` are what it needs or, inverting, what it keeps to."""
        if action == "clear":
            self.clear(**how)
        elif action == "invert":
            self.invert(rows, **how)
        elif action in ("replace", "add", "remove", "intersect"):
            getattr(self, action)(() if rows is None else rows, **how)
        else:
            raise ValueError(f"unknown action {action!r}")

    def undo(self) -> bool:
        """Take the last step back; False if there is none."""
        return self._travel(self._done, self._undone)

    def redo(self) -> bool:
        """Do the last undone step again; False if there is none."""
        return self._travel(self._undone, self._done)

    # -- state ------------------------------------------------------------------------------------

    @property
    def mask(self) -> Mask:
        """(N,) bool, a read-only; a later step does not change it."""
        view = self._mask.view()
        view.setflags(write=False)
        return view

    @property
    def rows(self) -> Rows:
        """(n,) int64, sorted."""
        return np.flatnonzero(self._mask)

    @property
    def count(self) -> int:
        """Number of selected rows."""
        return self._count

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return bool(self._undone)

    @property
    def steps(self) -> list[Step]:
        """Every step that is in force, oldest first."""
        return [dict(change.step) for change in self._done]

    @property
    def how(self) -> list[Step]:
        """The steps that the present rows depend on: those since the last replace or clear."""
        steps = self.steps
        for i in range(len(steps) - 1, -1, -1):
            if steps[i]["action"] == "replace":
                return steps[i:]
            if steps[i]["action"] == "clear":
                return steps[i + 1 :]
        return steps

    def to_selection(self, name: str, *, epoch: int | None = None, colour: str = "") -> Selection:
        """The present rows under a name; UserError for a bad name or if nothing is selected."""
        if not self._count:
            raise UserError("Nothing is selected; draw a lasso or choose a range first.")
        return Selection(name, self.rows, self.total, tuple(self.how), epoch, colour)

    @classmethod
    def replay(
        cls, total: int, steps: Iterable[Step], rows_of: Callable[[Step], npt.ArrayLike]
    ) -> "SelectionHistory":
        """Make a selection again from its steps; `rows_of` finds the rows of one step, for
        example the particles inside the step's polygon on a newer view."""
        history = cls(total)
        for step in steps:
            how = {key: value for key, value in step.items() if key != "action"}
            action = step["action"]
            everywhere = action == "clear" or (action == "invert" and "kind" not in step)
            rows = None if everywhere else rows_of(step)
            history.apply(action, rows, **how)
        return history

    # -- within -----------------------------------------------------------------------------------

    def _as_mask(self, rows: npt.ArrayLike) -> Mask:
        values = np.asarray(rows)
        if values.dtype == bool:
            if values.shape != (self.total,):
                raise ValueError(f"mask is {values.shape}, expected ({self.total},)")
            return values
        mask = np.zeros(self.total, dtype=bool)
        if values.size:
            if not np.issubdtype(values.dtype, np.integer):
                raise ValueError(f"rows must be whole numbers or bool, not {values.dtype}")
            if values.min() < 0 or values.max() >= self.total:
                raise ValueError(f"rows reach outside 0..{self.total - 1}")
            mask[values] = True
        return mask

    def _do(self, action: Action, after: Mask, how: dict[str, Any]) -> None:
        step = {"action": action, **plain(how)}
        self._done.append(_Change.between(step, self._mask, after))
        self._undone.clear()
        self._mask = after.copy()
        self._tell()

    def _travel(self, source: list[_Change], target: list[_Change]) -> bool:
        if not source:
            return False
        change = source.pop()
        mask = self._mask.copy()  # views handed out stay as they were
        change.flip(mask)
        self._mask = mask
        target.append(change)
        self._tell()
        return True

    def _tell(self) -> None:
        self._count = int(np.count_nonzero(self._mask))
        self.changed.emit(self._count)
