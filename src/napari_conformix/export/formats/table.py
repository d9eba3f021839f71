"""A format as people and programs know it, and the table of those that an export has."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """A kind of file.

    suffix   with its dot, lower case
    name     of the kind in a file dialog: 'STAR file'
    line     of it in a menu or a tooltip: 'STAR file, every column kept'
    example  of it in the help of the command line: 'subset.star'
    note     behind its suffix in a sentence, in brackets; '' for none
    """

    suffix: str
    name: str
    line: str
    example: str
    note: str = ""

    @property
    def filter(self) -> str:
        """Of a file dialog: 'STAR file (*.star)'."""
        return f"{self.name} (*{self.suffix})"

    @property
    def entry(self) -> str:
        """Of a menu, or of a tooltip: 'STAR file, every column kept (.star)'."""
        return f"{self.line} ({self.suffix})"


F = TypeVar("F", bound=FileFormat)


class FormatTable(Generic[F]):
    """The formats that an export can be written in, the usual one first."""

    def __init__(self, *formats: F, known: "FormatTable[F] | None" = None) -> None:
        """`known` has more formats than are offered: :meth:`complete` leaves their suffixes."""
        self.formats: tuple[F, ...] = formats
        self._known = known

    def __iter__(self) -> Iterator[F]:
        return iter(self.formats)

    @property
    def usual(self) -> F:
        """What is taken where nothing else is asked for."""
        return self.formats[0]

    def of(self, path: Path) -> F | None:
        """The format that the suffix of a path asks for, in any case; None for an unknown one."""
        return next((one for one in self.formats if one.suffix == path.suffix.lower()), None)

    @property
    def filters(self) -> str:
        """Of a file dialog, all of them."""
        return ";;".join(one.filter for one in self.formats)

    def complete(self, path: Path, chosen: str = "") -> Path:
        """A path from a file dialog with the suffix of the filter that was chosen there.

        A suffix that is known stays as it is typed, whichever filter was chosen.
        """
        if (self._known or self).of(path) is not None:
            return path
        asked = next((one for one in self.formats if one.filter == chosen), self.usual)
        return path.with_name(path.name + asked.suffix)

    @property
    def suffixes(self) -> str:
        """In a sentence: '.star, .cs or .npy', with their notes."""
        words = [f"{one.suffix} ({one.note})" if one.note else one.suffix for one in self.formats]
        return _listed(words, " or ")

    def examples(self, last: str = ", or ") -> str:
        """In the help of the command line: 'out.bild for ChimeraX, or a table: out.csv'."""
        return _listed([one.example for one in self.formats], last)


def _listed(words: list[str], last: str) -> str:
    *first, end = words
    return f"{', '.join(first)}{last}{end}" if first else end
