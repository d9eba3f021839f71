"""STAR files, kept as the bytes they are.

A table's rows are found once, as offsets into the file's bytes; columns are parsed when asked for
(by pandas' C reader), and an export copies the bytes of the chosen rows. So a value that nobody
understands survives as it was written, and a million rows open in seconds.

RELION's dialect: an empty line ends a loop, `#` begins a comment line, values with spaces are
quoted by " or '.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from csv import QUOTE_NONE
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_conformix.errors import UserError

#: texts that mean "no number", as C, Python and pandas write them
NOT_A_NUMBER = ("nan", "-nan", "NaN", "NAN", "None", "none", "<NA>")

_VALUE = rb"""(?:"[^"\n]*"(?=\s|\Z)|'[^'\n]*'(?=\s|\Z)|\S+)"""
_TOKEN = re.compile(_VALUE)
_END_OF_LOOP = re.compile(rb"\n[ \t\r]*(?=\n|\Z|(?:data_\S*|loop_)[ \t\r]*(?:\n|\Z|#))")
_COMMENT_LINE = re.compile(rb"\n[ \t]*#")
_CHUNK = 1 << 24


def tokens(line: bytes) -> list[bytes]:
    """The values of one line, quotes kept."""
    return _TOKEN.findall(line)


def unquote(token: bytes) -> str:
    """The text of a token."""
    if len(token) >= 2 and token[:1] in b"\"'" and token[:1] == token[-1:]:
        token = token[1:-1]
    return token.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class StarTable:
    """One table: a loop of rows, or a list of label-value pairs (then one row).

    name        what follows `data_`
    labels      without the leading underscore
    row_start   (n,) int64 offsets into `data`; row i is data[row_start[i]:row_end[i]], newline in
    header_end  where the line after the last label begins
    body        (start, stop) of the lines of the rows, comments among them included
    """

    path: Path
    name: str
    labels: tuple[str, ...]
    is_loop: bool
    data: bytes = field(repr=False)
    row_start: npt.NDArray[np.int64] = field(repr=False)
    row_end: npt.NDArray[np.int64] = field(repr=False)
    header_end: int = 0
    body: tuple[int, int] = (0, 0)
    values: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row_start) if self.is_loop else 1

    def __contains__(self, label: str) -> bool:
        return label in self.labels

    def row(self, index: int) -> bytes:
        """The bytes of a row, newline included when the file has one."""
        return self.data[self.row_start[index] : self.row_end[index]]

    def line_number(self, index: int) -> int:
        """The line of the file, counted from 1, that row `index` stands on."""
        return self.data.count(b"\n", 0, int(self.row_start[index])) + 1

    def has_quotes(self) -> bool:
        """True when some value may be quoted, so that whitespace does not always separate."""
        return any(self.data.find(q, *self.body) >= 0 for q in (b'"', b"'"))

    def texts(self, label: str) -> npt.NDArray[np.object_]:
        """(n,) object array of str: the values of a column as written, without quotes."""
        return self._parse((), (label,))[1][label]

    def numbers(self, labels: Iterable[str]) -> dict[str, npt.NDArray[np.float64]]:
        """(n,) float64 of those of the columns that are there.

        Errors: UserError names the first row whose value is not a number.
        """
        return self.read(labels, ())[0]

    def read(
        self, numbers: Iterable[str], texts: Iterable[str]
    ) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, npt.NDArray[np.object_]]]:
        """`numbers` and `texts` of several columns in one pass over the rows."""
        wanted = [label for label in dict.fromkeys(numbers) if label in self]
        try:
            return self._parse(wanted, tuple(texts))
        except ValueError:
            for label in wanted:
                self._check_numbers(label)
            raise

    def column(self, label: str) -> npt.NDArray[np.float64] | npt.NDArray[np.object_]:
        """Numbers when every value is one, otherwise texts."""
        try:
            return self._parse((label,), ())[0][label]
        except ValueError:
            return self.texts(label)

    def _check_numbers(self, label: str) -> None:
        texts = self.texts(label)
        numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").isna().to_numpy()
        for index in np.flatnonzero(numbers).tolist():
            if texts[index] not in NOT_A_NUMBER:
                where = f"row {index + 1} (line {self.line_number(index)}), column {label}"
                raise UserError(
                    f"{self.path}: {where}: {texts[index]!r} is not a number; correct the value."
                )

    def _parse(
        self, numbers: Sequence[str], texts: Sequence[str]
    ) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, npt.NDArray[np.object_]]]:
        if not self.is_loop or len(self) == 0 or self.has_quotes():
            found = self._texts_by_line([*numbers, *texts])
            return {k: _to_float(found[k]) for k in numbers}, {k: found[k] for k in texts}
        # labels could occur twice in a broken file, positions cannot
        place = {label: str(self.labels.index(label)) for label in (*numbers, *texts)}
        if not place:
            return {}, {}
        kinds = {place[k]: "float64" for k in numbers} | {place[k]: "object" for k in texts}
        frame = pd.read_csv(
            self._stream(),
            sep=r"\s+",
            header=None,
            names=[str(k) for k in range(len(self.labels))],
            usecols=sorted(set(place.values())),
            nrows=len(self),
            dtype=kinds,
            na_values={place[k]: list(NOT_A_NUMBER) for k in numbers},
            keep_default_na=False,
            na_filter=bool(numbers),
            quoting=QUOTE_NONE,
            encoding_errors="surrogateescape",
        )
        return (
            {k: frame[place[k]].to_numpy(np.float64) for k in numbers},
            {k: frame[place[k]].to_numpy(object) for k in texts},
        )

    def _stream(self) -> io.BytesIO:
        """The rows for pandas; the file's bytes are shared, not copied, unless comments intrude."""
        contiguous = np.array_equal(self.row_start[1:], self.row_end[:-1])
        if contiguous:
            stream = io.BytesIO(self.data)
            stream.seek(int(self.row_start[0]))
            return stream
        return io.BytesIO(b"".join(self.row(i) for i in range(len(self))))

    def _texts_by_line(self, labels: Iterable[str]) -> dict[str, npt.NDArray[np.object_]]:
        positions = {label: self.labels.index(label) for label in labels}
        if not self.is_loop:
            return {k: np.array([self.values[p]], dtype=object) for k, p in positions.items()}
        columns: dict[str, npt.NDArray[np.object_]] = {
            label: np.empty(len(self), dtype=object) for label in positions
        }
        for i in range(len(self)):
            line = tokens(self.row(i))
            for label, position in positions.items():
                columns[label][i] = unquote(line[position])
        return columns


def _to_float(texts: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    return np.array([np.nan if t in NOT_A_NUMBER else float(str(t)) for t in texts], np.float64)


@dataclass(frozen=True)
class StarFile:
    """All tables of a file, in its order, and its bytes."""

    path: Path
    data: bytes = field(repr=False)
    tables: tuple[StarTable, ...]

    def table(self, name: str) -> StarTable | None:
        """The first table of that name, if any."""
        return next((t for t in self.tables if t.name == name), None)


def read_star(path: Path) -> StarFile:
    """Find the tables and rows of a STAR file.

    Errors: UserError when it cannot be read, has no `data_` block, or a row does not have as many
    values as the table has columns (for example because the file was cut short).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    if b"\0" in data[:65536]:
        raise UserError(f"{path} is not a STAR file: it is binary.")
    tables = tuple(_Scanner(path, data).tables())
    if not tables:
        raise UserError(f"{path} is not a STAR file: it has no data_ block with columns.")
    return StarFile(path, data, tables)


class _Scanner:
    """Walks over headers line by line and over rows in big steps."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.data = path, data
        self.position = 3 if data.startswith(b"\xef\xbb\xbf") else 0

    def tables(self) -> Iterator[StarTable]:
        name: str | None = None
        pairs: list[tuple[str, str]] = []
        while (line := self._peek()) is not None:
            head = line.split(None, 1)[0] if line.split() else b"#"
            if head.startswith(b"data_") or head == b"loop_":
                yield from self._list(name, pairs)
                pairs = []
            if head.startswith(b"#"):
                self._skip()
            elif head.startswith(b"data_"):
                name = head[5:].decode("utf-8", "surrogateescape")
                self._skip()
            elif name is None:
                raise UserError(
                    f"{self.path} is not a STAR file: line {self._line_number(self.position)} "
                    "comes before any data_ block."
                )
            elif head == b"loop_":
                self._skip()
                yield self._loop(name)
            elif head.startswith(b"_"):
                pairs.append(self._pair(line))
                self._skip()
            else:
                raise UserError(
                    f"{self.path}, line {self._line_number(self.position)}: text outside of any "
                    "table. An empty line ends a table; remove the empty line or this text."
                )
        yield from self._list(name, pairs)

    def _peek(self) -> bytes | None:
        if self.position >= len(self.data):
            return None
        return self.data[self.position : self._line_end()]

    def _line_end(self) -> int:
        end = self.data.find(b"\n", self.position)
        return len(self.data) if end < 0 else end + 1

    def _skip(self) -> None:
        self.position = self._line_end()

    def _line_number(self, offset: int) -> int:
        return self.data.count(b"\n", 0, offset) + 1

    def _pair(self, line: bytes) -> tuple[str, str]:
        found = tokens(line)
        if len(found) < 2:
            where = f"{self.path}, line {self._line_number(self.position)}"
            raise UserError(f"{where}: the label {unquote(found[0])} has no value.")
        return unquote(found[0])[1:], unquote(found[1])

    def _list(self, name: str | None, pairs: list[tuple[str, str]]) -> Iterator[StarTable]:
        if name is None or not pairs:
            return
        none = np.empty(0, np.int64)
        labels, values = tuple(k for k, _ in pairs), tuple(v for _, v in pairs)
        yield StarTable(self.path, name, labels, False, self.data, none, none, values=values)

    def _loop(self, name: str) -> StarTable:
        labels: list[str] = []
        header_end = self.position
        while (line := self._peek()) is not None:
            head = line.split(None, 1)[0] if line.split() else b"#"
            if head.startswith(b"_"):
                labels.append(unquote(head)[1:])
                header_end = self._line_end()
            elif not head.startswith(b"#"):
                break
            self._skip()
        if not labels:
            where = f"{self.path}, line {self._line_number(header_end)}"
            raise UserError(f"{where}: loop_ is not followed by column names.")
        start = min(self.position, len(self.data))
        if line is None or (line.startswith((b"data_", b"loop_")) and len(line.split()) == 1):
            stop = start = header_end
        else:
            # the newline before the first row lets the pattern see that row, too
            match = _END_OF_LOOP.search(self.data, start - 1)
            stop = match.start() + 1 if match else len(self.data)
            self.position = stop
        row_start, row_end = self._rows(name, start, stop, len(labels))
        return StarTable(
            self.path, name, tuple(labels), True, self.data, row_start, row_end, header_end,
            (start, stop),
        )  # fmt: skip

    def _rows(
        self, name: str, start: int, stop: int, columns: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Offsets of the rows between start and stop, each checked to have `columns` values."""
        quoted = any(self.data.find(q, start, stop) >= 0 for q in (b'"', b"'"))
        starts, ends, counts = [], [], []
        for first, last in self._chunks(start, stop):
            chunk = np.frombuffer(self.data, np.uint8, last - first, first)
            self._refuse_control_characters(chunk, first)
            newline = np.flatnonzero(chunk == 10)
            begin = np.concatenate(([0], newline + 1))
            begin = begin[begin < len(chunk)]
            end = np.concatenate((begin[1:], [len(chunk)]))
            starts.append(begin + first)
            ends.append(end + first)
            counts.append(
                self._count_quoted(starts[-1], ends[-1]) if quoted else _count(chunk, begin)
            )
        if not starts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        row_start, row_end = np.concatenate(starts), np.concatenate(ends)
        count = np.concatenate(counts)
        comments = self._comments(start, stop)
        if len(comments):
            keep = ~np.isin(row_start, comments)
            row_start, row_end, count = row_start[keep], row_end[keep], count[keep]
        wrong = np.flatnonzero(count != columns)
        if len(wrong):
            self._complain(name, int(wrong[0]), len(count), columns, row_start, count)
        return row_start, row_end

    def _chunks(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        while start < stop:
            end = min(start + _CHUNK, stop)
            if end < stop:
                newline = self.data.find(b"\n", end, stop)
                end = stop if newline < 0 else newline + 1
            yield start, end
            start = end

    def _refuse_control_characters(self, chunk: npt.NDArray[np.uint8], offset: int) -> None:
        """Only spaces, tabs and line ends may part values; a vertical tab would be ambiguous."""
        strange = np.flatnonzero(chunk < 32)
        strange = strange[~np.isin(chunk[strange], (9, 10, 13))]
        if len(strange):
            line = self._line_number(offset + int(strange[0]))
            raise UserError(
                f"{self.path}, line {line}: there is a control character (code "
                f"{chunk[strange[0]]}); the file is damaged or not a STAR file."
            )

    def _count_quoted(
        self, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        return np.array([len(tokens(self.data[a:b])) for a, b in pairs], np.int64)

    def _comments(self, start: int, stop: int) -> list[int]:
        """Where comment lines between start and stop begin."""
        if self.data.find(b"#", start, stop) < 0:
            return []
        return [m.start() + 1 for m in _COMMENT_LINE.finditer(self.data, start - 1, stop)]

    def _complain(
        self, name: str, row: int, rows: int, columns: int,
        row_start: npt.NDArray[np.int64], count: npt.NDArray[np.int64],
    ) -> None:  # fmt: skip
        line = self._line_number(int(row_start[row]))
        cut = " The file seems to be cut short; copy it again." if row == rows - 1 else ""
        raise UserError(
            f"{self.path}, line {line}: row {row + 1} of table data_{name} has {count[row]} values "
            f"where there are {columns} columns.{cut}"
        )


def _count(chunk: npt.NDArray[np.uint8], begin: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Values in each of the lines that begin at `begin`: places where text follows space."""
    text = chunk > ord(" ")
    first = text.copy()
    first[1:] &= ~text[:-1]
    upto = np.searchsorted(np.flatnonzero(first), np.append(begin, len(chunk)))
    return np.diff(upto)


def replace_values(
    lines: Iterable[bytes], position: int, values: Iterable[bytes]
) -> Iterator[bytes]:
    """The lines with their value at `position` (from 0) replaced and all else kept."""
    pattern = re.compile(rb"\s*(?:%s\s+){%d}(%s)" % (_VALUE, position, _VALUE))
    for line, value in zip(lines, values, strict=True):
        match = pattern.match(line)
        if match is None:
            raise ValueError(f"no value {position} in {line!r}")
        yield line[: match.start(1)] + value + line[match.end(1) :]


def join_rows(table: StarTable, rows: Iterable[int]) -> Iterator[bytes]:
    """The bytes of the chosen rows, each ended by a newline."""
    data, start, end = table.data, table.row_start.tolist(), table.row_end.tolist()
    for i in rows:
        line = data[start[i] : end[i]]
        yield line if line.endswith(b"\n") else line + b"\n"
