"""A job made of numbers: a ball that swings on an arm, seen by two halves with their own axes.

The real job and methods have their own tests; here the window must be quick and the truth exact.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from napari_conformix.analysis.checks import Invariance
from napari_conformix.analysis.motion import MotionTable
from napari_conformix.analysis.selections import Selection
from napari_conformix.errors import UserError
from napari_conformix.particles import write_map
from napari_conformix.training import events
from napari_conformix.widgets.session import Inputs

BOX, PIXEL_SIZE = 32, 3.0
#: where the ball is in the consensus
_ARM = (0.0, 30.0, 0.0)


@dataclass(frozen=True)
class Latents:
    """What `Job.latents()` gives."""

    mean: np.ndarray
    std: np.ndarray
    half: np.ndarray
    validation: np.ndarray
    epoch: int
    motion: np.ndarray | None
    motion_unit: str
    motion_variance: np.ndarray | None = None


class Particles:
    """Columns of a STAR file."""

    def __init__(self, angle: np.ndarray) -> None:
        rng = np.random.default_rng(3)
        count = len(angle)
        micrograph = rng.integers(0, 40, count)
        self._columns = {
            "rlnDefocusU": rng.normal(15000, 2500, count),
            "rlnAngleRot": rng.uniform(-180, 180, count),
            "rlnClassNumber": rng.integers(1, 5, count),
            "rlnMicrographName": np.array([f"mic{m:03}.mrc" for m in micrograph], dtype=object),
            "trueAngle": angle,
        }

    @property
    def columns(self) -> list[str]:
        return list(self._columns)

    def column(self, name: str) -> np.ndarray:
        return self._columns[name]

    def __len__(self) -> int:
        return len(self._columns["trueAngle"])


def ball(centre_xyz: tuple[float, float, float], radius: float = 9.0) -> np.ndarray:
    """A Gaussian ball at x, y, z in A: (z, y, x) float32 with peak 1."""
    z, y, x = (np.indices((BOX,) * 3) - BOX // 2) * PIXEL_SIZE
    cx, cy, cz = centre_xyz
    squared = (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2
    return np.exp(-squared / (2 * (radius / 1.8) ** 2)).astype(np.float32)


def _swing(angle: np.ndarray) -> np.ndarray:
    """(N,) degrees -> (N, 3) A: where the ball goes from its place in the consensus."""
    a = np.deg2rad(angle)
    place = np.stack([30 * np.sin(a), 30 * np.cos(a), np.zeros_like(a)], axis=1)
    return (place - _ARM).astype(np.float32)


class FakeJob:
    """The part of `Job` that the Explore page uses. `angle` (N,) is the truth, in degrees."""

    state = "finished"
    model_biased: str | None = None
    method_class = SimpleNamespace(title="Fake", has_decoder=True, pieces="beads")

    def __init__(self, folder: Path, count: int = 2000, decode_seconds: float = 0.0) -> None:
        self.folder = Path(folder)
        self.decode_seconds = decode_seconds
        self.decoded: list[np.ndarray] = []
        self.decoded_by: list[int | None] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        rng = np.random.default_rng(7)
        self.angle = rng.uniform(-40, 40, count)
        self.half = rng.integers(1, 3, count).astype(np.int8)
        self.validation = rng.random(count) < 0.1
        self._bend = rng.normal(0, 0.3, count)
        self._mixing = {h: np.linalg.qr(rng.normal(size=(4, 4)))[0] for h in (1, 2)}
        self.particles = Particles(self.angle)
        self.epoch = 12
        #: earlier epochs whose latents are kept, and those of which there is a model
        self.past: list[int] = []
        self.models: list[int] = []
        self.chosen: int | None = None
        self.sign = 1.0
        consensus = self.folder / "consensus.mrc"
        write_map(consensus, self.volume(0.0), PIXEL_SIZE)
        self.spec = SimpleNamespace(inputs=Inputs(consensus=consensus))
        self.tell(events.Latents(epoch=self.epoch))

    def tell(self, event: events.Event) -> None:
        """Something happens in the run."""
        with open(self.folder / "events.jsonl", "a") as file:
            file.write(events.to_line(event))

    def latents(self, epoch: int | None = None) -> Latents:
        """Those of earlier epochs are smaller: the view grows while it forms."""
        rng = np.random.default_rng(11)
        count = len(self.angle)
        grown = 1.0 if epoch in (None, self.epoch) else epoch / 20
        own = np.stack([self.angle / 20, self._bend, *rng.normal(0, 0.05, (2, count))], axis=1)
        mean = np.empty((count, 4), dtype=np.float32)
        for half, mixing in self._mixing.items():
            mean[self.half == half] = own[self.half == half] @ mixing
        motion = np.stack([self.angle / 5, 2 * self._bend, rng.normal(0, 0.2, count)], axis=1)
        return Latents(
            grown * mean,
            np.full_like(mean, 0.1),
            self.half,
            self.validation,
            epoch or self.epoch,
            (grown * self.sign * motion).astype(np.float32),
            "A",
            # some of the motion is in coordinates that are not kept
            0.9 * motion.var(axis=0) / motion.var(axis=0).sum(),
        )

    def angle_of(self, latent: np.ndarray, half: int) -> float:
        """The angle that a latent stands for, in degrees."""
        return float((np.asarray(latent) @ self._mixing[half].T)[0] * 20)

    def volume(self, angle: float) -> np.ndarray:
        a = np.deg2rad(angle)
        arm = ball((0, 0, 0), 14.0) + ball((0, -16, 0), 12.0)
        return np.maximum(arm, ball((30 * np.sin(a), 30 * np.cos(a), 0)))

    def latent_epochs(self) -> list[int]:
        return sorted({*self.past, self.epoch})

    @property
    def checkpoints(self) -> SimpleNamespace:
        kept = sorted({*self.models, self.epoch})
        last = max([*self.past, self.epoch])
        return SimpleNamespace(epochs=lambda: kept, chosen=lambda: self.chosen, last=lambda: last)

    def decode(
        self, latent: np.ndarray, half: int | None = None, epoch: int | None = None
    ) -> np.ndarray:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        time.sleep(self.decode_seconds)
        self.decoded.append(np.asarray(latent))
        self.decoded_by.append(epoch)
        with self._lock:
            self._now -= 1
        return self.volume(self.angle_of(latent, half))

    def motion_table(self, progress=None, stop=None) -> MotionTable:
        """The ball is all that moves, in the plane of x and y; each half errs by 1.5 A."""
        move = _swing(self.angle)
        amount = np.linalg.norm(move, axis=1)
        count = len(amount)
        error = np.full(count, 1.5, dtype=np.float32)
        if progress is not None:
            progress(1.0)
        return MotionTable(
            self.epoch,
            amount / 2,
            amount,
            np.tile(np.array(_ARM, dtype=np.float32), (count, 1)),
            move / np.maximum(amount, 1e-6)[:, None],
            np.where(self.validation, error, np.nan),
            error,
        )

    def invariance(self) -> Invariance:
        """Too few particles to say anything."""
        return Invariance((), 0, epoch=self.epoch)

    def method(self, epoch: int | None = None) -> SimpleNamespace:
        positions = np.array([(0, 0, 0), (0, -16, 0), _ARM], dtype=np.float32)
        return SimpleNamespace(halves=(1, 2), consensus_positions=lambda half: positions)

    def cluster_sets(self) -> list[str]:
        return []

    def selections(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "selections").glob("*.json"))

    def selection(self, name: str) -> Selection:
        return Selection.load(self.folder / "selections", name)

    def save_selection(self, selection: Selection) -> None:
        selection.save(self.folder / "selections")

    def delete_selection(self, name: str) -> None:
        for suffix in (".json", ".npy"):
            (self.folder / "selections" / f"{name}{suffix}").unlink()

    def export(self, selection: Selection, path: Path, *, overwrite: bool = False) -> Path:
        if Path(path).exists() and not overwrite:
            raise UserError(f"{path} is there already; choose another name.")
        if Path(path).suffix not in (".star", ".npy"):
            raise UserError(f"{path} has an ending that cannot be written; use .star or .npy.")
        lines = ["data_particles", "", "loop_", "_trueAngle #1"]
        lines += [f"{self.angle[row]:.6f}" for row in selection.rows]
        Path(path).write_text("\n".join(lines) + "\n")
        return Path(path)
