"""Where the stacks of a particle file are.

RELION writes names relative to its project directory, which lies some levels above the STAR file;
files get moved; disks are mounted elsewhere. The places are tried in this order: under `datadir`
(the whole name, then shorter and shorter ends of it), the name itself when absolute, the folder of
the particle file and each one above it, the current folder. Links are followed.
"""

import os
from collections import defaultdict
from pathlib import Path, PurePosixPath

from napari_conformix.errors import UserError

#: entries of `datadir` looked at before a search is given up
MAX_SEARCHED = 500_000


class StackFinder:
    """Finds stacks by the names in a particle file, the place of the last find first."""

    def __init__(self, particle_file: Path, datadir: Path | None = None) -> None:
        if datadir is not None and not datadir.is_dir():
            raise UserError(f"The data folder {datadir} is not there; correct it (--datadir).")
        self._datadir = datadir.absolute() if datadir else None
        self._roots = _roots(particle_file)
        self._prefix: tuple[Path, int] | None = None
        self._index: dict[str, list[Path]] | None = None

    def find(self, name: str) -> Path | None:
        """The file of that name, absolute; None when it is nowhere."""
        parts = PurePosixPath(name).parts
        if self._prefix is not None:
            root, dropped = self._prefix
            if dropped < len(parts) and (path := root.joinpath(*parts[dropped:])).is_file():
                return path
        return self._below_datadir(parts) or self._beside(name, parts)

    def expected(self, name: str) -> Path:
        """Where a stack that was not found should have been."""
        return (self._datadir or self._roots[0]) / name

    def _beside(self, name: str, parts: tuple[str, ...]) -> Path | None:
        if os.path.isabs(name):
            return Path(name) if Path(name).is_file() else None
        for root in self._roots:
            path = root.joinpath(*parts)
            if path.is_file():
                self._prefix = root, 0
                return path
        return None

    def _below_datadir(self, parts: tuple[str, ...]) -> Path | None:
        if self._datadir is None:
            return None
        start = 1 if os.path.isabs(parts[0]) else 0
        for dropped in range(start, len(parts)):
            path = self._datadir.joinpath(*parts[dropped:])
            if path.is_file():
                self._prefix = self._datadir, dropped
                return path
        return self._search(parts)

    def _search(self, parts: tuple[str, ...]) -> Path | None:
        """The file anywhere under datadir whose path ends most like the name."""
        if self._index is None:
            self._index = _files_by_name(self._datadir or Path())
        found = self._index.get(parts[-1], [])
        if not found:
            return None
        common = [_common_end(path.parts, parts) for path in found]
        best = [p for p, n in zip(found, common, strict=True) if n == max(common)]
        if len(best) > 1:
            raise UserError(
                f"{len(best)} files under {self._datadir} could be {'/'.join(parts)}, among them "
                f"{best[0]} and {best[1]}; give a data folder that holds only one."
            )
        return best[0]


def _roots(particle_file: Path) -> list[Path]:
    places = [particle_file.absolute().parent, particle_file.resolve().parent]
    roots = [up for place in places for up in (place, *place.parents)]
    return list(dict.fromkeys([*roots, Path.cwd()]))


def _files_by_name(folder: Path) -> dict[str, list[Path]]:
    index: dict[str, list[Path]] = defaultdict(list)
    seen = 0
    for place, _, names in os.walk(folder, followlinks=False):
        for name in names:
            index[name].append(Path(place, name))
        seen += len(names)
        if seen > MAX_SEARCHED:
            raise UserError(
                f"{folder} holds more than {MAX_SEARCHED} files; give a data folder nearer to "
                "the stacks."
            )
    return index


def _common_end(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    count = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        count += 1
    return count
