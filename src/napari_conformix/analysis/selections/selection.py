"""Selections of particles as they are saved: the rows, and every step that made them."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_save, atomic_write, formats

#: One step of how a selection was made, JSON values only. `action` is what was done to the rows
#: selected before; `kind` is where the new rows are from, and what else the step says of them
#: depends on it (see `analysis.replay`): lasso (polygon), rectangle (corners), nearest (xy, count)
#: and shown, all four in a view (embedding, axes, show, half, epoch); range (column, low, high);
#: cluster (set, numbers); rows (file); saved (name, steps).
Step = dict[str, Any]
Action = Literal["replace", "add", "remove", "intersect", "invert", "clear"]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

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
        object.__setattr__(self, "how", tuple(plain(step) for step in self.how))

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
                **formats.SELECTION.stamp(),
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
    def from_json(
        cls, text: str, rows: npt.ArrayLike, source: str | Path = "A selection's description"
    ) -> "Selection":
        """The inverse of `to_json`, also of what earlier versions wrote.

        UserError when the text (of the file `source`) is damaged or of a later version, or the rows
        are others.
        """
        try:
            data = formats.SELECTION.read_json(text, source)
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
        rows = Path(folder) / f"{self.name}.npy"
        description = Path(folder) / f"{self.name}.json"
        atomic_save(rows, lambda file: np.save(file, self.rows, allow_pickle=False))
        atomic_write(description, (self.to_json() + "\n").encode())
        return description

    @classmethod
    def load(cls, folder: Path | str, name: str) -> "Selection":
        """Read NAME.json and NAME.npy of a folder."""
        folder = Path(folder)
        check_name(name)
        description = folder / f"{name}.json"
        try:
            text = description.read_text(encoding="utf-8")
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
        return cls.from_json(text, rows, description)


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


def plain(value: Any) -> Any:
    """numpy values, tuples and paths as the JSON values that they read back as."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value
