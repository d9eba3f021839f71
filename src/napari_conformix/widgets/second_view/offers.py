"""Lets either of two views be coloured by what the other job knows of its particles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from napari_conformix.widgets.second_view.colours import AMOUNTS, painters_of
from napari_conformix.widgets.spaces import MotionStore

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.second_view.store import Beside
    from napari_conformix.widgets.spaces import ViewGroup

_SOURCE: Final = "other job"
#: names of a job's sets of clusters, and of its saved selections
Names = tuple[list[str], list[str]]


class ColourOffers:
    """Keeps the lists of colours of two views: that of the opened job, and that of the other."""

    def __init__(self, beside: Beside, views: tuple[ViewGroup, ViewGroup]) -> None:
        self._beside, self._views = beside, views
        self._sessions = beside.session, beside.other
        for session, coloured in zip(self._sessions, reversed(views), strict=True):
            session.latents_changed.connect(lambda *_: self.refresh())
            store = MotionStore.of(session)
            store.table_changed.connect(partial(self._motions_known, coloured))
            coloured.colour_box.currentIndexChanged.connect(
                partial(self._want_motions, store, coloured)
            )
        beside.matched.connect(lambda *_: self.refresh())
        beside.closed.connect(lambda *_: self._withdraw())

    def refresh(self) -> None:
        """Look for what there is to colour by: clusters and selections come and go."""
        jobs = self._beside.session.job, self._beside.other.job
        if self._beside.matching is None or None in jobs:
            return

        def names() -> list[Names]:
            return [(job.cluster_sets(), job.selections()) for job in jobs]

        def offer(found: list[Names]) -> None:
            if jobs == (self._beside.session.job, self._beside.other.job):
                self._offer(jobs, found)

        self._beside.session.run_in_worker(names, offer, key="job:next to colours")

    def _offer(self, jobs: tuple[Job, Job], names: list[Names]) -> None:
        matching = self._beside.matching
        if matching is None:
            return
        # The rows of each job, for the particles of the other one's view.
        for side, rows in enumerate((matching.to_this, matching.to_other)):
            latents = self._sessions[side].latents
            if latents is None:
                continue
            store = MotionStore.of(self._sessions[side])
            painters = painters_of(
                self._beside.names[side],
                jobs[side],
                latents,
                rows,
                *names[side],
                lambda store=store: store.table,
            )
            self._views[1 - side].offer_colours(_SOURCE, painters)

    def _withdraw(self) -> None:
        for views in self._views:
            views.offer_colours(_SOURCE, {})

    # -- motions, which take a while to compute ---------------------------------------------------

    def _want_motions(self, store: MotionStore, views: ViewGroup, *_: object) -> None:
        if self._by_motion(views):
            store.want_table()

    def _motions_known(self, views: ViewGroup, table: object) -> None:
        if table is not None and self._by_motion(views):
            views.refresh()

    def _by_motion(self, views: ViewGroup) -> bool:
        """Whether a view is coloured by how much particles move in the other job."""
        chosen = views.colour_box.currentData()
        title = self._beside.names[1 - self._views.index(views)]
        return bool(title) and chosen in [f"{title}: {name}" for name in AMOUNTS]
