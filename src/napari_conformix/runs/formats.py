"""Versions of files: what each kind is at, and how older ones are read.

Every kind of file that this program writes and reads again has a :class:`Format` here. Whoever
writes one puts :meth:`Format.stamp` into it; whoever reads one passes it through
:meth:`Format.read` before looking at anything else. So a file once written can be read for ever,
and one of a later version is refused in a sentence that says so, not in one about a key that this
version does not know.

To change what a file holds: raise the version of its format, add a function that makes the new
contents of the old, and keep a job folder of before as test data (scripts/make_old_jobs.py).

An array that lies next to a description (the rows of a selection, the latents of a path) goes with
the version of that. Three files have none: `events.jsonl`, whose readers keep what they do not
know; the lock, which ends with its process; the cache of images, which is written again unless all
of its description is as expected.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.version import __version__

#: the key under which every file says its version, and that under which it says who wrote it
VERSION = "format_version"
PROGRAM = "program_version"

Contents = Mapping[str, Any]
Migration = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    name
        Of the kind, in words.
    version
        What is written now.
    migrations
        From version n to n + 1: a function that is given the contents as a dictionary of its own,
        and returns those of the next version; the version itself is none of its concerns.
    older_keys
        Keys under which older files say their version.
    unversioned
        The version of files that do not say any; None where all ever written do.
    made_again
        Whether the program makes the file again when it is missing.
    """

    name: str
    version: int = 1
    migrations: Mapping[int, Migration] = field(default_factory=dict)
    older_keys: tuple[str, ...] = ()
    unversioned: int | None = 1
    made_again: bool = False

    def __post_init__(self) -> None:
        steps = sorted(self.migrations)
        if steps != list(range(self.oldest, self.version)):
            raise ValueError(
                f"{self.name}: version {self.version} is reached from {self.oldest} by a step "
                f"each, not by those from {steps}"
            )

    @property
    def oldest(self) -> int:
        """The oldest version that can be read."""
        return min(self.migrations, default=self.version)

    # -- writing ----------------------------------------------------------------------------------

    def stamp(self) -> dict[str, Any]:
        """The entries that say version and program, for a new file.

        Returns
        -------
        dict
            To be merged with the contents.
        """
        return {VERSION: self.version, PROGRAM: __version__}

    def array_stamp(self, *, program: bool = True) -> dict[str, NDArray[Any]]:
        """The same as :meth:`stamp` as arrays without dimensions, for an .npz.

        Parameters
        ----------
        program : bool
            False where there are so many files that their size counts.

        Returns
        -------
        dict of numpy.ndarray
            To be saved with the other arrays.
        """
        stamp = self.stamp() if program else {VERSION: self.version}
        return {key: np.array(value) for key, value in stamp.items()}

    # -- reading ----------------------------------------------------------------------------------

    def read(self, contents: Contents, source: str | Path) -> Contents:
        """The contents of a file as the current version has them.

        Parameters
        ----------
        contents
            A dictionary, or the arrays of an .npz: those are looked at no further if the file is of
            the current version.
        source
            The file, for the sentence.

        Returns
        -------
        Mapping
            `contents` themselves if they are current, else a dictionary of the current version.

        Raises
        ------
        UserError
            When the version is a later one, or none at all.
        """
        found = self._version_of(contents, source)
        if found > self.version:
            raise UserError(self._refusal(found, contents, source))
        if found == self.version:
            return contents
        values = {key: value for key, value in contents.items() if key not in self.older_keys}
        for number in range(found, self.version):
            values = {**self.migrations[number](values), VERSION: number + 1}
        return values

    def read_json(self, text: str | bytes, source: str | Path) -> dict[str, Any]:
        """As :meth:`read`, from the text of a JSON file.

        Parameters
        ----------
        text : str or bytes
            All of the file.
        source : str or Path
            The file, for the sentence.

        Returns
        -------
        dict
            Of the current version.

        Raises
        ------
        ValueError
            If the text holds no object.
        UserError
            When the version is a later one, or none at all.
        """
        contents = json.loads(text)
        if not isinstance(contents, dict):
            raise ValueError(f"it holds {type(contents).__name__}, not an object")
        return dict(self.read(contents, source))

    @staticmethod
    def unstamped(contents: Contents) -> dict[str, Any]:
        """The contents without what :meth:`stamp` has put in.

        Parameters
        ----------
        contents : Mapping
            Of a file that was read.

        Returns
        -------
        dict
            What its writer gave.
        """
        return {key: value for key, value in contents.items() if key not in (VERSION, PROGRAM)}

    def _version_of(self, contents: Contents, source: str | Path) -> int:
        key = next((key for key in (VERSION, *self.older_keys) if key in contents), None)
        said = self.unversioned if key is None else contents[key]
        value = said.item() if isinstance(said, np.ndarray) and not said.ndim else said
        if isinstance(value, int) and not isinstance(value, bool) and value >= self.oldest:
            return value
        raise UserError(
            f"{source} has {key or VERSION} {value!r}, which is no version of its kind "
            f"({self.name}): it is damaged, or not of this program. This one (napari-conformix "
            f"{__version__}) reads {self._readable()}. Restore the file from a copy, or make it "
            "again."
        )

    def _refusal(self, found: int, contents: Contents, source: str | Path) -> str:
        writer = str(contents[PROGRAM]) if PROGRAM in contents else ""
        # of one version there may be several states while it is being worked on
        known = f" ({writer})" if writer and writer != __version__ else ""
        opener = f"napari-conformix {writer} or newer" if known else "a newer version"
        text = (
            f"{source} has {VERSION} {found}: it was written by a later version{known} of this "
            f"program. This one (napari-conformix {__version__}) reads {self._readable()}. Open it "
            f"with {opener}"
        )
        if self.made_again:
            return f"{text}, or delete that file: this version then makes its own."
        return f"{text}."

    def _readable(self) -> str:
        span = f"{self.oldest} to {self.version}" if self.oldest < self.version else self.version
        return f"{VERSION} {span}"


FORMATS: dict[str, Format] = {}


def _format(name: str, **more: Any) -> Format:
    assert name not in FORMATS
    FORMATS[name] = made = Format(name, **more)
    return made


def _as_it_was(contents: dict[str, Any]) -> dict[str, Any]:
    """A step in which only the key of the version, or what is said besides it, has changed."""
    return contents


# -- jobs ------------------------------------------------------------------------------------------

#: job.toml
JOB = _format("job", unversioned=None)
#: made_from.json: the selection that a job's particles were
ORIGIN = _format("origin of a job")
#: split.npz
SPLIT = _format("split")
#: latents.npz, latents/best.npz
LATENTS = _format("latents")
#: latents/epoch_0001.npz
LATENTS_OF_EPOCH = _format("latents of an epoch")
#: checkpoints/epoch_0001.safetensors: the description in it
WEIGHTS = _format("weights")
#: checkpoints/epoch_0001.resume.pt
RESUME = _format("state of training")
#: checkpoints/last.json, best.json, chosen.json
POINTER = _format("name of a checkpoint")

# -- what is made of a job -------------------------------------------------------------------------

#: selections/NAME.json, with NAME.npy
SELECTION = _format("selection", version=2, older_keys=("format",), migrations={1: _as_it_was})
#: paths/NAME.json, with NAME.npz
PATH = _format("path", version=2, older_keys=("format",), migrations={1: _as_it_was})
#: clusters/NAME/clusters.json, with clusters.npz
CLUSTERS = _format("clusters")
#: clusters/NAME/agreement_01.json
AGREEMENT = _format("agreement of a cluster's maps", made_again=True)
#: clusters/NAME/domain_MASK.json
DOMAIN_MOTION = _format("motion of a domain", made_again=True)
#: umap/NAME.npz
UMAP = _format("UMAP", made_again=True)
#: analysis/motion.npz
MOTION = _format("table of motions", made_again=True)
#: analysis/invariance.json
INVARIANCE = _format("check of imaging conditions", made_again=True)
#: analysis/heterogeneity.json
HETEROGENEITY = _format("check of heterogeneity", made_again=True)
#: reconstruction/NAME/reconstruction.toml, with rows.npy
RECONSTRUCTION = _format("reconstruction")
#: reconstruction/NAME/sums.safetensors: the counts in it
SUMS = _format("sums of a reconstruction")
#: reconstruction/NAME/report.json
REPORT = _format("report of a reconstruction")

# -- files for other programs, which this one does not read ----------------------------------------

#: path.json of the maps of a path
MAP_SERIES = _format("maps of a path")
#: latents that particles of another file were given (conformix embed)
EMBEDDING = _format("latents of other particles")
#: the grid of a landscape (conformix landscape -o)
LANDSCAPE = _format("grid of a landscape")
