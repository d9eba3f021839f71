"""Trained models of a job, loaded from its checkpoints for decoding on the CPU."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.training.checkpoints import CheckpointFolder

if TYPE_CHECKING:
    from napari_conformix.training.contract import Method

#: models kept in memory: the newest, the best, and one to compare with
MOST_LOADED = 3

Floats = NDArray[np.float32]


def refuse_without_decoder(kind: "type[Method]", what: str) -> None:
    """NotSupportedError where latents came from another program; `what` this job cannot, a verb."""
    if not kind.has_decoder:
        raise NotSupportedError(
            f"This job cannot {what}: its latents are of another program, and there is no decoder "
            "for them. You can select particles, see their images, export them, and reconstruct a "
            "selection from its own images."
        )


class ModelCache:
    """Models by checkpoint file; may be used from several threads."""

    def __init__(self, checkpoints: Path) -> None:
        self._checkpoints = CheckpointFolder(checkpoints)
        self._models: dict[tuple[Path, int], Method] = {}
        self._lock = threading.Lock()

    def get(self, epoch: int | str | None = None) -> "Method":
        """The model of an epoch, of 'best', or (None) the newest; UserError without any."""
        with self._lock:
            path = self._checkpoints.find(epoch)
            key = (path, path.stat().st_mtime_ns)
            if key in self._models:
                self._models[key] = self._models.pop(key)  # the most recently used comes last
            else:
                self._models[key] = load_method(path)
            while len(self._models) > MOST_LOADED:
                del self._models[next(iter(self._models))]
            return self._models[key]


def load_method(path: Path, device: str = "cpu") -> "Method":
    """The model of a file of weights, ready to decode and encode."""
    from napari_conformix.jobs.folder.spec import validate_settings
    from napari_conformix.methods import method_class
    from napari_conformix.training.checkpoints import frame_of, load_weights

    weights, described = load_weights(path)
    kind = method_class(described.method)
    settings = validate_settings(kind.Settings, described.settings)
    method = kind(settings, frame_of(described), device)
    method.load_state(weights)
    return method


def half_of(method: "Method", half: int | None) -> int:
    """The model to ask: `half`, or the only one of a one-model method.

    UserError when there are two and none is named: their latents have nothing to do with each
    other, so neither can be meant by default.
    """
    if not method.independent_halves:
        return method.halves[0]
    if half is None:
        raise UserError(
            "This job has two models, one for each half set, and a latent means something else to "
            "each; say whose it is: half=1 or half=2."
        )
    if half not in method.halves:
        raise UserError(f"There is no half {half}; this job has halves 1 and 2.")
    return half


def decode(method: "Method", latent: ArrayLike, half: int | None) -> Floats:
    """(d,) -> (z, y, x) or (n, d) -> (n, z, y, x), float32, consensus grid."""
    import torch

    z = _as_latents(method, latent)
    with torch.no_grad():
        volumes = [
            method.decode(torch.from_numpy(one)[None].to(method.device), half_of(method, half))
            for one in np.atleast_2d(z)
        ]
    result = torch.cat(volumes).float().cpu().numpy()
    return result[0] if z.ndim == 1 else result


def displacement(method: "Method", latent: ArrayLike, positions: ArrayLike, half: int) -> Floats:
    """(d,) and (p, 3) xyz in A -> (p, 3) A; (n, d) -> (n, p, 3)."""
    import torch

    z = _as_latents(method, latent)
    points = np.asarray(positions, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 3:
        raise UserError(f"Positions must be (n, 3) in Angstrom, not {points.shape}.")
    with torch.no_grad():
        moved = method.displacement(
            torch.from_numpy(np.atleast_2d(z)).to(method.device),
            torch.from_numpy(np.ascontiguousarray(points)).to(method.device),
            half_of(method, half),
        )
    result: Floats = moved.float().cpu().numpy()
    return result[0] if z.ndim == 1 else result


def _as_latents(method: "Method", latent: ArrayLike) -> Floats:
    z = np.ascontiguousarray(latent, dtype=np.float32)
    if z.ndim not in (1, 2) or z.shape[-1] != method.latent_dim:
        raise UserError(
            f"A latent of this job has {method.latent_dim} numbers, not "
            f"{' x '.join(map(str, z.shape)) or 'one'}."
        )
    return z
