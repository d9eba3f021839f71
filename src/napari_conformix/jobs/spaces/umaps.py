"""UMAPs of a job's particles: made in a process of their own, kept in `umap/` under the parameters
that they were made with."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.analysis.spaces import (
    KeptUmap,
    UmapParameters,
    cached_umap,
    kept_umaps,
    start_umap,
    views,
)
from napari_conformix.errors import UserError
from napari_conformix.runs import layout

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import Space
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.training.latent_table import LatentTable

#: how often the process is asked how far it is
_POLL_SECONDS = 0.2


def folder_of(job: "JobFolder") -> Path:
    """Where a job keeps its UMAPs."""
    return Path(job.folder) / layout.UMAPS


def umaps_of(job: "JobFolder") -> list[KeptUmap]:
    """All that are kept, also those of earlier latents, by name."""
    return kept_umaps(folder_of(job))


def embedding_of(job: "JobFolder", kept: KeptUmap) -> NDArray[np.float32] | None:
    """(N, 2), NaN for particles that took no part; None where the job has other latents now."""
    return cached_umap(_latents(job), kept.path, kept.parameters)


def key_of(kept: KeptUmap) -> str:
    """The key of its map: 'umap motion_n15_d0.1'."""
    return f"umap {kept.name}"


def title_of(kept: KeptUmap, particles: int | None = None) -> str:
    """'UMAP of motions, 15 neighbours, minimum distance 0.1'; `particles` are those that might take
    part."""
    return f"UMAP of {_embedded(kept.parameters)}, {kept.parameters.sentence(particles)}"


def space_of(kept: KeptUmap, embedding: NDArray[np.float32], latents: "LatentTable") -> "Space":
    """The space of an (N, 2) embedding of these latents."""
    of = kept.parameters
    base = views.build("motion" if of.array == "motion" else f"pca{of.half or 0}", latents)
    count = len(base.rows)
    rows = base.rows[np.isfinite(embedding[base.rows]).all(axis=1)]
    base = replace(base, rows=rows, title=_embedded(of))
    space = views.embedding(
        key_of(kept), title_of(kept, count), base, embedding[rows], latents.epoch
    )
    return replace(space, explanation=f"{space.explanation} Made with {of.sentence(count)}.")


def parameters_of(latents: "LatentTable", of: str | None = None, **more: object) -> UmapParameters:
    """Parameters for the UMAP of 'motion', 'half1', 'half2' or 'latents' (of a method with one
    model); None: what the latent space view begins with. `more` are fields of `UmapParameters`."""
    bases = {"half" + key[-1] if key[-1] != "0" else "latents": key for key in _bases(latents)}
    if views.has_motion(latents):
        bases = {"motion": "motion", **bases}
    chosen = next(iter(bases)) if of is None else of
    if chosen not in bases:
        raise UserError(f"This job has no '{of}' to embed; choose one of: {', '.join(bases)}.")
    key = bases[chosen]
    if key == "motion":
        return UmapParameters(array="motion", **more)  # type: ignore[arg-type]
    return UmapParameters(array="mean", half=int(key[-1]) or None, **more)  # type: ignore[arg-type]


def make(
    job: "JobFolder",
    parameters: UmapParameters,
    progress: Callable[[str, float | None], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> KeptUmap | None:
    """Compute a UMAP, unless it is there; None when `stop` said so.

    `progress` receives the stage ('loading', 'fitting', 'placing') and the share of it, None where
    that cannot be known. UserError where UMAP fails.
    """
    kept = KeptUmap(folder_of(job) / f"{parameters.name}.npz", parameters)
    handle = start_umap(_latents(job), kept.path, parameters)
    try:
        while not (now := handle.poll()).done:
            if stop is not None and stop():
                return None
            if progress is not None:
                progress(now.stage, now.fraction)
            time.sleep(_POLL_SECONDS)
    finally:
        handle.cancel()  # also when this was interrupted; nothing happens once it has ended
    if now.stage != "finished":
        raise UserError(now.message)
    return kept


def delete(job: "JobFolder", name: str) -> None:
    """Take a UMAP out of the job folder; UserError where there is none of that name."""
    kept = {one.name: one for one in umaps_of(job)}
    if name not in kept:
        there = f"there are: {', '.join(kept)}" if kept else "there are none"
        raise UserError(f"{job.folder} has no UMAP '{name}'; {there}.")
    kept[name].path.unlink()


def _latents(job: "JobFolder") -> Path:
    return Path(job.folder) / layout.LATENTS


def _embedded(parameters: UmapParameters) -> str:
    """'motions', 'latents of half 1'."""
    if parameters.array == "motion":
        return "motions"
    return "latents" + (f" of half {parameters.half}" if parameters.half else "")


def _bases(latents: "LatentTable") -> list[str]:
    return [key for key, _ in views.available(latents) if key.startswith("pca")]
