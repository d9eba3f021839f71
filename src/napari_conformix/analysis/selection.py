"""Selections of particles: what is saved, and the state with undo that the lasso works on."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_conformix.errors import UserError

#: One step of how a selection was made, JSON values only. `action` is what was done to the rows
#: selected before; `kind` is where the new rows are from, and what else the step says of them
#: depends on it (see `analysis.replay`): lasso (polygon), rectangle (corners), nearest (xy, count)
#: and shown, all four in a map (embedding, axes, show, half, epoch); range (column, low, high);
#: cluster (set, numbers); rows (file); saved (name, steps).
Step = dict[str, Any]
Action = Literal["replace", "add", "remove", "intersect", "invert", "clear"]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

FORMAT_VERSION = 1
_NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')


def check_name(name: str, what: str = "selection") -> str:
    """The name, if it can be a file name everywhere; UserError if not."""
    if not name.strip():
        raise UserError(f"A {what} needs a name; type one.")
    bad = _NOT_IN_NAMES.search(name)
    if bad:
        raise UserError(
            f"The {what} name {name!r} contains {bad.group()!r}, which a file name may not "
            "have; use letters, digits, spaces, '-' and '_'."
        )
    if name[0] in ". -" or name[-1] in ". ":
        raise UserError(
            f"The {what} name {name!r} must not begin with '.', '-' or a space, nor end with "
            "'.' or a space; choose another."
        )
    if len(name.encode()) > 200:
        raise UserError(
            f"The {what} name {name[:20]!r}... is too long for a file name; use at most 200 "
            "characters."
        )
    return name


@dataclass(frozen=True, eq=False)
class Selection:
    """A named set of particles and how it was made.

    name    usable as a file name
    rows    (n,) int64, sorted, unique: rows of the input particle file, from 0
    total   number of particles of that file
    how     the steps that made it, oldest first
    epoch   of the latents that it was made on, None if it did not depend on them
    colour  '#rrggbb', or empty
    """

    name: str
    rows: Rows
    total: int
    how: tuple[Step, ...] = ()
    epoch: int | None = None
    colour: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)
        rows = _whole_numbers(self.rows, self.name)
        if (np.diff(rows) <= 0).any():  # sorting a million rows takes most of a second
            rows = np.unique(rows)
        outside = rows[(rows < 0) | (rows >= self.total)]
        if len(outside):
            raise UserError(
                f"Selection {self.name!r} has row {outside[0]} ({len(outside)} rows in all) "
                f"outside the {self.total} particles of the file (rows count from 0); was it made "
                "for another particle file?"
            )
        rows.setflags(write=False)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "how", tuple(_plain(step) for step in self.how))

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selection):
            return NotImplemented
        return self.to_json() == other.to_json() and np.array_equal(self.rows, other.rows)

    @property
    def mask(self) -> Mask:
        """(total,) bool."""
        mask = np.zeros(self.total, dtype=bool)
        mask[self.rows] = True
        return mask

    def to_json(self) -> str:
        """Everything but the rows, of which it keeps number and hash, as indented JSON."""
        return json.dumps(
            {
                "format": FORMAT_VERSION,
                "name": self.name,
                "count": len(self.rows),
                "total": self.total,
                "rows_sha256": _digest(self.rows),
                "epoch": self.epoch,
                "colour": self.colour,
                "how": list(self.how),
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str, rows: npt.ArrayLike) -> "Selection":
        """The inverse of `to_json`; UserError when the text is damaged or the rows are others."""
        try:
            data = json.loads(text)
            selection = cls(
                name=data["name"],
                rows=np.asarray(rows),
                total=int(data["total"]),
                how=tuple(data.get("how", ())),
                epoch=data.get("epoch"),
                colour=data.get("colour", ""),
            )
            expected = data["rows_sha256"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"A selection's description cannot be read ({error}); make the selection again."
            ) from error
        if expected != _digest(selection.rows):
            raise UserError(
                f"The rows of selection {selection.name!r} are not those that its description "
                f"speaks of ({data.get('count')} rows expected, {len(selection)} found); make the "
                "selection again."
            )
        return selection

    def save(self, folder: Path | str) -> Path:
        """Write NAME.npy and NAME.json to a folder, each complete or not at all; returns the
        latter. The description comes last, so that one that exists has its rows."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        rows, description = folder / f"{self.name}.npy", folder / f"{self.name}.json"
        temporary = folder / f".{self.name}.{os.getpid()}"
        try:
            with open(temporary, "wb") as file:
                np.save(file, self.rows, allow_pickle=False)
            os.replace(temporary, rows)
            temporary.write_text(self.to_json() + "\n", encoding="utf-8")
            os.replace(temporary, description)
        finally:
            temporary.unlink(missing_ok=True)
        return description

    @classmethod
    def load(cls, folder: Path | str, name: str) -> "Selection":
        """Read NAME.json and NAME.npy of a folder."""
        folder = Path(folder)
        check_name(name)
        try:
            text = (folder / f"{name}.json").read_text(encoding="utf-8")
            rows = np.load(folder / f"{name}.npy", allow_pickle=False)
        except FileNotFoundError as error:
            known = ", ".join(sorted(p.stem for p in folder.glob("*.json"))) or "none"
            raise UserError(
                f"There is no selection {name!r} in {folder}; it has: {known}."
            ) from error
        except (ValueError, EOFError) as error:
            raise UserError(
                f"The rows of selection {name!r} in {folder} cannot be read ({error}); make the "
                "selection again."
            ) from error
        return cls.from_json(text, rows)


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
        example the particles inside the step's polygon on a newer map."""
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
        step = {"action": action, **_plain(how)}
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


def _whole_numbers(rows: npt.ArrayLike, name: str) -> Rows:
    values = np.asarray(rows)
    if values.size == 0:
        return np.zeros(0, np.int64)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise UserError(
            f"The rows of selection {name!r} must be one list of whole numbers, not an array of "
            f"{values.dtype} with {values.ndim} dimensions."
        )
    return values.astype(np.int64)


def _digest(rows: Rows) -> str:
    return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()


def _plain(value: Any) -> Any:
    """numpy values, tuples and paths as the JSON values that they read back as."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
