"""What is asked of the core for a path, and what is kept of one path for the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape import EnergyPath, Landscape
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.analysis.spaces import DataSupport, LatentView
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable


class Supports:
    """What support is counted with, kept for each half: it costs seconds with many particles."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[LatentTable, DataSupport]] = {}

    def of(self, latents: LatentTable, half: int) -> DataSupport:
        """Of the particles of a half; for a worker."""
        from napari_conformix.analysis.paths import support_of

        kept = self._kept.get(half)
        if kept is None or kept[0] is not latents:
            kept = self._kept[half] = latents, support_of(latents, half)
        return kept[1]


@dataclass(frozen=True)
class Made:
    """A path, and where it is one of least energy what is known of the way."""

    path: LatentPath
    way: EnergyPath | None = None


@dataclass(frozen=True)
class PathRequest:
    """`how` to make a path of a `half`, in the words that the path keeps; `view` is the one that
    its points lie on, where it is the one that is shown; `landscape` what the states of a
    path of least energy are of; `name` that of the path to make again."""

    how: dict[str, Any]
    half: int
    view: LatentView | None = None
    name: str = ""
    landscape: Landscape | None = None

    @classmethod
    def again(cls, path: LatentPath) -> PathRequest:
        """The same path through other latents."""
        return cls(dict(path.how), path.half, name=path.name)

    def make(self, job: Job, latents: LatentTable, supports: Supports) -> Made:
        """Make it; for a worker. UserError says what is in the way."""
        view = self.view
        if view is not None and view.past is not None:
            return self._on_view(view, None)  # its latents are not those that support is kept of
        near = supports.of(latents, self.half)
        if view is not None:
            return self._on_view(view, near)
        from napari_conformix.jobs.paths import make

        return Made(replace(make(job, self.how, half=self.half or None, near=near), name=self.name))

    def _on_view(self, view: LatentView, near: DataSupport | None) -> Made:
        """Over places of the view that is shown, as it is drawn."""
        from napari_conformix.analysis.paths import drawn, through_points

        how, count = self.how, int(self.how["count"])
        if how["kind"] == "points":
            closed = how["closed"]
            return Made(
                through_points(view, how["points"], self.half, count, closed=closed, near=near)
            )
        if how["kind"] == "drawn":
            return Made(drawn(view, how["points"], self.half, count, near=near))
        from napari_conformix.jobs.landscape import path_between

        return Made(*path_between(self.landscape, view, *how["states"], self.half, count, near))
