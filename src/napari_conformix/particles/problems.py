"""What a check has to say."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Problem:
    """A finding, in a sentence that says what is wrong and what to do.

    severity  error: nothing can start; warning: it can, but look at it; note: good to know
    where     the file, or file and row, that the sentence is about
    rows      rows of the ParticleSet concerned, from 0 (sentences count them from 1)
    """

    severity: Severity
    message: str
    where: str = ""
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = f" [{self.where}]" if self.where else ""
        return f"{self.severity}: {self.message}{where}"


def named_rows(rows: list[int], most: int = 3) -> str:
    """'row 3', 'rows 3, 4 and 5', 'rows 3, 4, 5 and 20 more': as a person counts them."""
    names = [str(row + 1) for row in rows[:most]]
    if len(rows) > most:
        names.append(f"{len(rows) - most} more")
    if len(names) == 1:
        return f"row {names[0]}"
    return f"rows {', '.join(names[:-1])} and {names[-1]}"
