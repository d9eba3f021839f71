"""The UMAPs that a job keeps, for all latent maps of a session. No Qt in this file."""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from psygnal import Signal

from napari_conformix.analysis import latent_maps

if TYPE_CHECKING:
    from napari_conformix.analysis.latent_maps import Space
    from napari_conformix.analysis.umap_process import KeptUmap, UmapParameters
    from napari_conformix.jobs import LatentTable
    from napari_conformix.widgets.session import Session


class UmapStore:
    """Finds, adds and deletes them. Get it with :meth:`of`."""

    #: there are others than before
    changed = Signal()

    _stores: ClassVar[weakref.WeakKeyDictionary[Session, UmapStore]] = weakref.WeakKeyDictionary()

    @classmethod
    def of(cls, session: Session) -> UmapStore:
        """The store of a session, made at the first call."""
        if session not in cls._stores:
            cls._stores[session] = cls(session)
        return cls._stores[session]

    def __init__(self, session: Session) -> None:
        self._session = weakref.proxy(session)
        self.spaces: dict[str, Space] = {}
        self.kept: dict[str, KeptUmap] = {}
        session.job_opened.connect(lambda *_: self._forget())
        session.job_closed.connect(self._forget)
        session.latents_changed.connect(lambda *_: self.look())

    def _forget(self) -> None:
        if self.spaces:
            self.spaces, self.kept = {}, {}
            self.changed.emit()

    @property
    def folder(self) -> Path:
        """Where the job keeps them."""
        return Path(self._session.job.folder) / "umap"

    def look(self) -> None:
        """Find, in a worker, those that were made of these very latents."""
        job, latents = self._session.job, self._session.latents
        if job is None or latents is None or not self.folder.is_dir():
            return
        folder = self.folder

        def find() -> list[tuple[KeptUmap, Space]]:
            from napari_conformix.analysis.umap_process import cached_umap, kept_umaps

            found = []
            for kept in kept_umaps(folder):
                embedding = cached_umap(
                    Path(job.folder) / "latents.npz", kept.path, kept.parameters
                )
                if embedding is not None:
                    found.append((kept, space_of(kept, embedding, latents)))
            return found

        def take(found: list[tuple[KeptUmap, Space]]) -> None:
            if job is self._session.job:
                self.spaces = {space.key: space for _, space in found}
                self.kept = {space.key: kept for kept, space in found}
                self.changed.emit()

        self._session.run_in_worker(find, take, key="job:find umaps")

    def add(self, kept: KeptUmap, space: Space) -> None:
        """One more, or another one of the same name."""
        self.spaces[space.key], self.kept[space.key] = space, kept
        self.changed.emit()

    def delete(self, key: str) -> None:
        """Take one out of the job folder."""
        self.kept[key].path.unlink(missing_ok=True)
        del self.kept[key], self.spaces[key]
        self.changed.emit()


def base_of(parameters: UmapParameters) -> str:
    """The key of the space whose particles take part."""
    return "motion" if parameters.array == "motion" else f"pca{parameters.half or 0}"


def words_of(parameters: UmapParameters) -> str:
    """What is embedded: 'motions', 'latents of half 1'."""
    if parameters.array == "motion":
        return "motions"
    return "latents" + (f" of half {parameters.half}" if parameters.half else "")


def space_of(kept: KeptUmap, embedding: np.ndarray, latents: LatentTable) -> Space:
    """The space of an (N, 2) embedding."""
    base = latent_maps.build(base_of(kept.parameters), latents)
    placed = np.isfinite(embedding[base.rows]).all(axis=1)
    base = replace(base, rows=base.rows[placed], title=words_of(kept.parameters))
    title = f"UMAP of {base.title}, {kept.parameters.sentence(len(placed))}"
    coordinates = embedding[base.rows]
    space = latent_maps.embedding(f"umap {kept.name}", title, base, coordinates, latents.epoch)
    text = f"{space.explanation} Made with {kept.parameters.sentence(len(placed))}."
    return replace(space, explanation=text)
