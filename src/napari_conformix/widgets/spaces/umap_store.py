"""The UMAPs that a job keeps, for all latent space views of a session. No Qt in this file."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, ClassVar

from psygnal import Signal

from napari_conformix.jobs.spaces import umaps

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import KeptUmap, Space
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

    def look(self) -> None:
        """Find, in a worker, those that were made of these very latents."""
        job, latents = self._session.job, self._session.latents
        if job is None or latents is None or not umaps.folder_of(job).is_dir():
            return

        def find() -> list[tuple[KeptUmap, Space]]:
            found = []
            for kept in umaps.umaps_of(job):
                embedding = umaps.embedding_of(job, kept)
                if embedding is not None:
                    found.append((kept, umaps.space_of(kept, embedding, latents)))
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
