"""A view of a job's particles by its name, without a window: motion, pca1, latent1, umap motion, or
two columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_conformix.analysis.spaces import views
from napari_conformix.errors import UserError
from napari_conformix.jobs.motion import deformations_of
from napari_conformix.jobs.spaces.umaps import (
    embedding_of,
    key_of,
    space_of,
    title_of,
    umaps_of,
)

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import LatentView, Show, Space
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.training.latent_table import LatentTable


def latent_view(
    job: "JobFolder",
    key: str | None = None,
    axes: Sequence[int | str] = (0, 1),
    *,
    table: "LatentTable | None" = None,
    show: "Show" = "all",
) -> "LatentView":
    """Two axes (from 0) of the view with that key; without one, of the view to start with.

    For the view 'columns' the axes are names of quantities. UserError names the views that there
    are.
    """
    latents = job.latents() if table is None else table
    if key == views.COLUMNS:
        return views.view(_columns(job, latents, axes), (0, 1), show, latents)
    space = _space(job, latents, key)
    x, y = (int(axis) for axis in axes[:2])
    most = len(space.axes)
    if most < 2:
        raise UserError(
            f"'{space.title}' has the one axis {space.axes[0]}, and a view needs two; take the "
            f"view "
            f"'{views.COLUMNS}' to put it next to another quantity."
        )
    if x == y or not (0 <= x < most and 0 <= y < most):
        raise UserError(
            f"The view '{space.title}' has the axes 1 to {most}; choose two of them, not "
            f"{x + 1} and {y + 1}."
        )
    return views.view(space, (x, y), show, latents)


def views_of(job: "JobFolder", table: "LatentTable | None" = None) -> list[tuple[str, str]]:
    """Keys and titles of the views that :func:`latent_view` can make now, the first one first;
    columns apart."""
    latents = job.latents() if table is None else table
    spaces = views.available(latents)
    return spaces + [(key_of(kept), title_of(kept)) for kept in umaps_of(job)]


def _space(job: "JobFolder", latents: "LatentTable", key: str | None) -> "Space":
    offered = views_of(job, latents)
    chosen = offered[0][0] if key is None else _whole_key(" ".join(key.split()), offered, latents)
    if chosen is None:
        known = "; ".join(f"'{name}' ({title})" for name, title in offered)
        raise UserError(f"This job has no view {key!r}; it has: {known}.")
    if chosen in dict(views.available(latents)):
        return views.build(chosen, latents)
    return _umap(job, latents, chosen)


def _whole_key(key: str, offered: list[tuple[str, str]], latents: "LatentTable") -> str | None:
    """The key that is meant: 'pca' is that of the first half, 'umap motion' the first of those."""
    if key in ("pca", "latent"):
        key += str(views.halves(latents)[0])
    names = [name for name, _ in offered]
    if key in names:
        return key
    begun = [name for name in names if key.startswith("umap") and name.startswith(key)]
    return begun[0] if begun else None


def _umap(job: "JobFolder", latents: "LatentTable", key: str) -> "Space":
    """A UMAP that the job keeps, if it is of these latents."""
    kept = next(kept for kept in umaps_of(job) if key_of(kept) == key)
    embedding = embedding_of(job, kept)
    if embedding is None or len(embedding) != len(latents):
        raise UserError(
            f"The view '{key}' is of other latents than the job's are now; make it again: "
            f"conformix umap {job.folder}"
        )
    return space_of(kept, embedding, latents)


def _columns(job: "JobFolder", latents: "LatentTable", names: Sequence[int | str]) -> "Space":
    from napari_conformix.analysis.spaces import quantity

    motions = deformations_of(job).motion_table if job.method_class.has_displacement else None
    one, two = (quantity(str(name), latents, job.particles, motions) for name in names[:2])
    values = (one.values(), two.values())
    return views.columns(latents, (one.name, two.name), values, (one.unit, two.unit))
