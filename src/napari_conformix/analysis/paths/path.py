"""A path through the latent space of one half: what it leads through, how it was made, its files.

A path never mixes halves: a latent means something to the model of its own half alone.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_conformix.analysis.selections import check_name
from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_npz, atomic_write, formats

Kind = Literal[
    "component", "motion", "points", "drawn", "data", "clusters", "least energy", "latents"
]

#: arrays of a path that may be missing
_OPTIONAL = ("xy", "positions")

KIND_IN_WORDS: dict[str, str] = {
    "component": "along a principal component",
    "motion": "along a motion coordinate",
    "points": "through picked points",
    "drawn": "drawn by hand",
    "data": "through the data between two particles",
    "clusters": "through the centres of clusters",
    "least energy": "of least energy between two minima",
    "latents": "given as latents",
}


@dataclass(frozen=True, eq=False)
class LatentPath:
    """Steps (n,) through the latent space of one half.

    latents    (n, d) float32: what is decoded, step by step
    half       whose model they belong to: 1 or 2; 0 for a method with one model
    support    (n,) int64: particles of that half near each step; 0: nothing but extrapolation
               (see `spaces.support`)
    kind       how it was made, in a word; `how` has everything needed to make it again (JSON
               values), which `jobs.paths.make` does
    epoch      of the latents that it was made from; None for latents from elsewhere
    xy         (n, 2): where the steps lie in the view that `how` names; None without a view
    positions  (n,): the coordinate `axis`, in `unit`, along which the steps go; None without one
    radius     within which the particles of `support` were counted, in units of the latents
    typical    how many others the median particle of the half has within that radius
    name       under which it was saved; empty until then
    """

    latents: NDArray[np.float32]
    half: int
    support: NDArray[np.int64]
    kind: Kind
    how: dict[str, Any] = field(default_factory=dict)
    epoch: int | None = None
    xy: NDArray[np.float32] | None = None
    positions: NDArray[np.float32] | None = None
    axis: str = ""
    unit: str = ""
    radius: float = float("nan")
    typical: float = float("nan")
    name: str = ""

    def __post_init__(self) -> None:
        count = len(self.latents)
        if self.latents.ndim != 2 or not count or not np.isfinite(self.latents).all():
            raise UserError(
                f"A path needs finite latents, one for each step, not {self.latents.shape}."
            )
        if self.half not in (0, 1, 2) or self.kind not in KIND_IN_WORDS:
            raise ValueError(f"no such half or kind of path: {self.half}, {self.kind!r}")
        for name, shape in (("support", (count,)), ("xy", (count, 2)), ("positions", (count,))):
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise ValueError(f"{name} of a path has the shape {value.shape}, not {shape}")
        object.__setattr__(self, "how", json.loads(json.dumps(self.how, default=_plain)))

    def __len__(self) -> int:
        return len(self.latents)

    @cached_property
    def arc(self) -> NDArray[np.float64]:
        """(n,) length along the path from its start, in units of the latents."""
        steps = np.linalg.norm(np.diff(self.latents.astype(np.float64), axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def supported(self) -> NDArray[np.bool_]:
        """(n,) whether any particles are near a step."""
        return np.asarray(self.support > 0)

    def sentence(self) -> str:
        """What it is and what stands behind it."""
        text = f"Path {KIND_IN_WORDS[self.kind]}{self._where()}: {len(self)} steps"
        text += f" in the latent space of half {self.half}" if self.half else ""
        return f"{text}. {self.support_sentence()}"

    def support_sentence(self) -> str:
        """How many particles are near its steps."""
        grey = int((~self.supported).sum())
        least, most = int(self.support.min()), int(self.support.max())
        if grey == len(self):
            return "No step has particles near it: everything decoded here is extrapolated."
        of = f"of half {self.half} " if self.half else ""
        if grey:
            return (
                f"{grey} of {len(self)} steps have no particles {of}near them (grey): what is "
                f"decoded there is extrapolated, not seen. The others have up to {most:,}."
            )
        text = f"Every step has {least:,} to {most:,} particles {of}near it"
        if np.isfinite(self.typical):
            text += f" (half of all particles have more than {self.typical:,.0f})"
        return f"{text}."

    def reversed(self) -> "LatentPath":
        """The same steps from the end to the start."""
        xy, positions = self.xy, self.positions
        return replace(
            self,
            latents=self.latents[::-1].copy(),
            support=self.support[::-1].copy(),
            xy=None if xy is None else xy[::-1].copy(),
            positions=None if positions is None else positions[::-1].copy(),
            how={**self.how, "reversed": not self.how.get("reversed", False)},
        )

    def _where(self) -> str:
        if self.kind in ("component", "motion") and self.positions is not None:
            unit = f" {self.unit}" if self.unit else ""
            return f", {self.axis} from {self.positions[0]:.3g} to {self.positions[-1]:.3g}{unit}"
        view_of = self.how.get("map")
        return f" on the view {view_of}" if view_of else ""

    # -- files ------------------------------------------------------------------------------------

    def save(self, folder: Path | str, name: str) -> Path:
        """Write NAME.npz and NAME.json, each complete or not at all; returns the latter, which
        comes last, so that one that exists has its arrays."""
        folder = Path(folder)
        check_name(name, "path")
        arrays: dict[str, NDArray[Any]] = {"latents": self.latents, "support": self.support}
        arrays |= {key: value for key in _OPTIONAL if (value := getattr(self, key)) is not None}
        description = {
            **formats.PATH.stamp(),
            "created": datetime.now(UTC).replace(microsecond=0).isoformat(),
            "name": name,
            "kind": self.kind,
            "steps": len(self),
            "half": self.half,
            "epoch": self.epoch,
            "axis": self.axis,
            "unit": self.unit,
            "radius": self.radius if np.isfinite(self.radius) else None,
            "typical": self.typical if np.isfinite(self.typical) else None,
            "latents_sha256": _digest(self.latents),
            "how": self.how,
        }
        atomic_npz(folder / f"{name}.npz", **arrays)
        path = folder / f"{name}.json"
        atomic_write(path, (json.dumps(description, indent=1) + "\n").encode())
        return path

    @classmethod
    def load(cls, folder: Path | str, name: str) -> "LatentPath":
        """Read NAME.json and NAME.npz; UserError says what is wrong with them."""
        folder = Path(folder)
        check_name(name, "path")
        try:
            path = folder / f"{name}.json"
            described = formats.PATH.read_json(path.read_bytes(), path)
            with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
                arrays = {
                    key: file[key] for key in ("latents", "support", *_OPTIONAL) if key in file
                }
        except FileNotFoundError as error:
            known = ", ".join(names(folder)) or "none"
            raise UserError(f"There is no path {name!r} in {folder}; it has: {known}.") from error
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(
                f"The path {name!r} in {folder} cannot be read ({error}); make it again."
            ) from error
        return cls._from(described, arrays, name, folder)

    @classmethod
    def _from(
        cls, described: Any, arrays: dict[str, NDArray[Any]], name: str, folder: Path
    ) -> "LatentPath":
        try:
            if described["latents_sha256"] != _digest(arrays["latents"]):
                raise UserError(
                    f"The latents of path {name!r} in {folder} are not those that its description "
                    "speaks of; make the path again."
                )
            nan = float("nan")
            return cls(
                latents=arrays["latents"].astype(np.float32),
                half=int(described["half"]),
                support=arrays["support"].astype(np.int64),
                kind=described["kind"],
                how=dict(described["how"]),
                epoch=described["epoch"],
                xy=arrays.get("xy"),
                positions=arrays.get("positions"),
                axis=described["axis"],
                unit=described["unit"],
                radius=nan if described.get("radius") is None else float(described["radius"]),
                typical=nan if described.get("typical") is None else float(described["typical"]),
                name=name,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"The description of path {name!r} in {folder} cannot be read "
                f"({type(error).__name__}: {error}); make the path again."
            ) from error


def names(folder: Path | str) -> list[str]:
    """Names of the paths saved in a folder, sorted."""
    return sorted(path.stem for path in Path(folder).glob("*.json") if path.stem[0] != ".")


def _digest(latents: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(latents, dtype="<f4").tobytes()).hexdigest()


def _plain(value: Any) -> Any:
    """numpy values and paths as what JSON has for them."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
