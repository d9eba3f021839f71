"""Latents of particles that are asked for one by one, also of particles that no run has seen."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    import torch

    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.contract import Batch, Method
    from napari_conformix.training.split import Split

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
#: particles embedded at once
AT_ONCE = 64


def encode_rows(
    method: "Method", particles: "ParticleSet", split: "Split", rows: Rows, half: int
) -> tuple[Floats, Floats]:
    """Mean and standard deviation, each (b, d), of particles of the job by `half`'s model.

    What the model was trained on or held out is encoded; the other half's particles are strangers
    to it and are embedded. UserError when there is no such row.
    """
    wrong = rows[(rows < 0) | (rows >= len(particles))]
    if len(wrong):
        raise UserError(f"There is no particle {wrong[0]}; rows go from 0 to {len(particles) - 1}.")
    known = (split.half[rows] == half) | split.validation[rows] | (half == 0)
    mean = np.empty((len(rows), method.latent_dim), dtype=np.float32)
    std = np.empty_like(mean)
    for chosen, latents_of in ((known, method.encode), (~known, method.embed)):
        if chosen.any():
            mean[chosen], std[chosen] = _in_batches(
                method, particles, rows[chosen], partial(latents_of, half=half)
            )
    return mean, std


def embed_particles(
    method: "Method",
    particles: "ParticleSet",
    half: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> tuple[Floats, Floats]:
    """Mean and standard deviation, each (n, d), of all particles of another file.

    UserError when their pixel size is another than the one the model was trained at and the images
    cannot be brought to it, or when they have no poses.
    """
    if not np.isfinite(particles.rotation).all():
        raise UserError(
            f"{particles.source.path} has particles without a pose; give them those of the "
            "refinement that the consensus map is from."
        )
    return _in_batches(
        method,
        particles,
        np.arange(len(particles)),
        partial(method.embed, half=half),
        progress,
    )


def _in_batches(
    method: "Method",
    particles: "ParticleSet",
    rows: Rows,
    latents_of: "Callable[[Batch], tuple[torch.Tensor, torch.Tensor]]",
    progress: Callable[[int], None] | None = None,
) -> tuple[Floats, Floats]:
    from napari_conformix.training.batches import TrainingData, cut, prefetched

    settings = method.settings.model_copy(update={"images": "stream"})
    data = TrainingData(particles, method.frame, settings)
    means, stds = [], []
    done = 0
    with prefetched(data.batch, cut(rows, AT_ONCE)) as batches:
        for chunk, batch in batches:
            mean, std = latents_of(batch.to(method.device))
            means.append(mean.detach().float().cpu().numpy())
            stds.append(std.detach().float().cpu().numpy())
            done += len(chunk)
            if progress is not None:
                progress(done)
    return np.concatenate(means), np.concatenate(stds)


def save_embedding(path: Path, by_half: dict[int, tuple[Floats, Floats]]) -> None:
    """Write mean_half1, std_half1, ... (n, d), row i for row i of the particle file, as .npz."""
    from napari_conformix.runs import atomic_npz, formats

    arrays: dict[str, NDArray[Any]] = formats.EMBEDDING.array_stamp()
    for half, (mean, std) in by_half.items():
        name = f"_half{half}" if half else ""
        arrays |= {f"mean{name}": mean, f"std{name}": std}
    atomic_npz(path, **arrays)
