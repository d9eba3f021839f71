"""The Clusters page: groups of particles, their maps side by side, and what to do with them.

The page connects what makes clusters (`form`), lists them (`list_group`), draws their maps
(`maps_group`, `scene`) and judges them by their own particles (`reconstruct_group`); the job
computes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QSize, QTimer, Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout

from napari_conformix.errors import UserError
from napari_conformix.widgets.clusters.form import ClusterForm, Request
from napari_conformix.widgets.clusters.list_group import ClusterListGroup
from napari_conformix.widgets.clusters.making import (
    Making,
    Suggesting,
    label_columns,
    make_or_find,
)
from napari_conformix.widgets.clusters.maps_group import ClusterMapsGroup, Maps
from napari_conformix.widgets.clusters.overview import (
    Catalogue,
    Overview,
    catalogue,
    overview,
)
from napari_conformix.widgets.clusters.reconstruct_group import (
    BOTH,
    DECODED,
    OWN,
    ClusterReconstructGroup,
)
from napari_conformix.widgets.clusters.scene import ClusterScene, Shown
from napari_conformix.widgets.colours import by_cluster
from napari_conformix.widgets.page import Page
from napari_conformix.widgets.parts import BiasBanner, Fold
from napari_conformix.widgets.rigid import DomainMotionGroup
from napari_conformix.widgets.session import FIRST

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.latent_space import LatentSpace
    from napari_conformix.widgets.session import CursorPlace

_NO_JOB: Final = "Open a job folder on the Data page to group its particles."
_UNTRAINED: Final = (
    "Clusters can be made after the first epoch of training. Start the run on the Train page."
)
_NO_SET: Final = "No clusters yet: choose a number above and press Make clusters."
_POLL_MS: Final = 150


class ClustersPage(Page):
    """Make clusters, look at them, and hand their particles on."""

    name, title = "clusters", "Clusters"
    tip = "Make clusters of particles and see what sets them apart"

    #: another :class:`ClusterSet` is open, or None
    set_changed = Signal(object)

    def __init__(self, space: LatentSpace) -> None:
        super().__init__(space)
        session = space.session
        self.scene = space.scene
        self.active = False
        self.overview: Overview | None = None
        self._making: Making | None = None
        self._in_scene = ClusterScene(session, self.scene)
        self.hint = QLabel(_NO_JOB)
        self.hint.setWordWrap(True)
        self.form = ClusterForm()
        self.list = ClusterListGroup()
        self.maps = ClusterMapsGroup(session, self._in_scene, space.conformation.contour)
        self.own = ClusterReconstructGroup(session)
        self.domains = DomainMotionGroup(session)
        self.groups = [self.list, self.maps, self.own, self.domains]
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 6, 2, 6)
        self.form_fold = Fold("Make clusters", self.form, opened=True)
        for widget in (BiasBanner(session), self.form_fold, self.hint, *self.groups):
            column.addWidget(widget)
        column.addStretch(1)  # or groups with wrapped lines share what is left
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        self._connect()
        self._forget(_NO_JOB)

    def _connect(self) -> None:
        session, space = self.session, self.space
        session.job_opened.connect(self._open_job)
        session.job_closed.connect(lambda: self._forget(_NO_JOB))
        session.latents_changed.connect(self._take_latents)
        session.particles_opened.connect(self._take_particles)
        session.consensus_changed.connect(lambda *_: self._show_in_scene())
        self.form.asked.connect(self.make)
        self.form.number_asked.connect(self.suggest)
        self.form.stop_asked.connect(self.stop)
        self.list.open_asked.connect(self.open_set)
        self.list.delete_asked.connect(self.delete_set)
        self.list.select_asked.connect(self.select_particles)
        self.list.save_asked.connect(self.save_particles)
        self.list.table.chosen.connect(self._chosen)
        self.maps.picked.connect(lambda cluster, add: self.list.table.choose(cluster, add=add))
        self.maps.contour.valueChanged.connect(lambda *_: self._in_scene.contour_changed())
        self.own.shown_changed.connect(self._show_in_scene)
        self.own.found_changed.connect(self._show_resolutions)
        self.own.progress_said.connect(self._say_progress)
        self.set_changed.connect(self.domains.take_cluster_set)
        self.domains.classes_picked.connect(self.choose)
        self.domains.selection_asked.connect(self._select_rows)
        self.domains.painting_changed.connect(self._painting_changed)
        space.cursor.moved.connect(self._cursor_moved)
        space.views.shown.connect(lambda *_: self._mark_on_view())

    def minimumSizeHint(self) -> QSize:
        """As high as it is at its width: Qt adds up what the parts need where they are narrowest,
        and leaves the rest of the page empty."""
        size, layout = super().minimumSizeHint(), self.layout()
        size.setHeight(layout.heightForWidth(max(self.width(), size.width())))
        return size

    # -- what is open -----------------------------------------------------------------------------

    @property
    def clusters(self) -> Any:
        """The :class:`ClusterSet` that is open; None without."""
        return None if self.overview is None else self.overview.clusters

    def choose(self, clusters: list[int]) -> None:
        """Choose clusters, from 0; the last one is current."""
        for place, cluster in enumerate(clusters):
            self.list.table.choose(cluster, add=place > 0)

    def set_active(self, active: bool) -> None:
        """Whether this page is the one in front: only then is the scene its own."""
        if active == self.active:
            return
        self.active = active
        self.space.conformation.set_active(not active)
        self._in_scene.set_active(active)
        self.maps.set_active(active)
        self.domains.set_active(active)
        if active:
            self.refresh()
            self._colour_map()
            self._choose_one()
            self._mark_on_view()
            self.own.look()

    def refresh(self) -> None:
        """See which sets there are, also those that the command line has made, and open one."""
        job = self.session.job
        if job is not None and self.session.latents is not None:
            self.session.run_in_worker(
                lambda: catalogue(job), partial(self._take_catalogue, job), key="job:cluster sets"
            )

    def _open_job(self, job: Job) -> None:
        self._forget(_UNTRAINED)
        self.form.set_folder(Path(job.folder))
        self.list.set_folder(Path(job.folder))

    def _forget(self, why: str) -> None:
        """Nothing of the job before is shown."""
        self.stop()
        self._in_scene.forget()
        self._show(None)
        self.form.set_folder(None)
        self.form.set_columns(())
        self.list.show_catalogue(Catalogue(), None)
        self.form.setEnabled(False)
        self._say(why)

    def _say(self, why: str) -> None:
        self.hint.setText(why)
        self.hint.setVisible(bool(why))

    def _take_particles(self, particles: Any) -> None:
        self.session.run_in_worker(
            lambda: label_columns(particles), self.form.set_columns, key="job:label columns"
        )

    def _take_latents(self, latents: LatentTable) -> None:
        self.form.setEnabled(True)
        self.form.set_latents(latents)
        if self.overview is None:
            self._say(_NO_SET)
        else:
            self._look_whether_outdated(self.session.job, self.overview.name)
        self.refresh()

    def _look_whether_outdated(self, job: Job, name: str) -> None:
        """The set stays as it is, with its reconstructions; only what is said of it changes."""

        def done(found: Overview) -> None:
            if self.overview is not None and self.overview.name == found.name:
                self.list.show_warnings(found.warnings)

        self.session.run_in_worker(lambda: overview(job, name), done, key="job:clusters outdated")

    def _take_catalogue(self, job: Job, found: Catalogue) -> None:
        if job is not self.session.job:
            return
        current = None if self.overview is None else self.overview.name
        if current not in found.names:
            current = found.readable[-1] if found.readable else None
            if current is None:
                self._show(None)
                self._say(_unreadable(found.names) if found.names else _NO_SET)
            elif not self.session.workers.busy("job:open clusters"):
                self._open(current)
        self.list.setVisible(bool(found.names))
        self.list.show_catalogue(found, current)

    # -- making, opening, deleting ----------------------------------------------------------------

    def make(self, request: Request) -> None:
        """Make clusters in a process of its own, or open those that are there."""
        job = self.session.job
        if job is None or self._making is not None:
            return
        self.form.begin()
        self._say("")
        self.session.run_in_worker(
            lambda: make_or_find(job, request), partial(self._begun, job), self._not_made,
            key="job:clusters",
        )  # fmt: skip

    def suggest(self) -> None:
        """Say how many clusters there may be."""
        job = self.session.job
        if job is None or self._making is not None:
            return
        self._making = Making("", Suggesting(job))
        self.form.begin()
        self.session.run_in_worker(
            self._making.handle.work, None, self._not_made, key="job:clusters"
        )
        self._timer.start()

    def stop(self) -> None:
        """End the making of clusters; nothing of them stays."""
        self._timer.stop()
        making, self._making = self._making, None
        if making is not None and making.handle is not None:
            making.handle.cancel()
            self.form.say("Stopped; no clusters were made." if making.name else "Stopped.")
            self._say("" if self.overview is not None else _NO_SET)
        self.session.workers.drop("job:clusters")
        self.form.end()

    def open_set(self, name: str) -> None:
        """Show a saved set."""
        self._open(name)

    def delete_set(self, name: str) -> None:
        """Take a set out of the job folder."""
        job = self.session.job

        def done(_: Any) -> None:
            if self.overview is not None and self.overview.name == name:
                self._show(None)
            self.refresh()

        self.session.run_in_worker(
            lambda: job.delete_cluster_set(name), done, key="job:delete clusters"
        )

    def _begun(self, job: Job, making: Making) -> None:
        if job is not self.session.job:
            return
        self._making = making
        if making.handle is None:
            self._made("These clusters were made before.")
        else:
            self._timer.start()

    def _poll(self) -> None:
        """Hear how far the process is."""
        progress = self._making.handle.poll()
        self.form.set_progress(progress.fraction or 0.0)
        if progress.stage == "finished":
            self._made(progress.message if not self._making.name else "")
        elif progress.done:
            self._not_made(UserError(progress.message))

    def _made(self, words: str = "") -> None:
        making, self._making = self._making, None
        self._timer.stop()
        self.form.end()
        self.form.say(words)
        if making.name:
            self.form_fold.button.setChecked(bool(words))
            self._open(making.name)
            self.refresh()

    def _not_made(self, error: Exception) -> None:
        self._making = None
        self._timer.stop()
        self.form.end()
        self.form.say(f"No clusters were made. {error}", "error")
        if not isinstance(error, UserError):
            self.session.report_error(error)

    def _open(self, name: str) -> None:
        """Read a set; where it was open before, the same clusters stay chosen."""
        job = self.session.job

        def done(found: Overview) -> None:
            if job is not self.session.job:
                return
            table, before = self.list.table, self.overview
            current, rows = table.current, table.rows
            self._show(found)
            if before is not None and before.name == found.name:
                table.restore(current, rows)
            self._choose_one()

        def failed(error: Exception) -> None:
            self._show(None)
            self.session.report_error(error)

        self.session.run_in_worker(
            lambda: overview(job, name), done, failed, key="job:open clusters"
        )

    # -- showing ----------------------------------------------------------------------------------

    def _show(self, found: Overview | None) -> None:
        """Another set, or none."""
        before, self.overview = self.overview, found
        self._in_scene.show(None)
        self.list.show_overview(found)
        self.maps.show_maps(None if found is None else self._maps_of(found))
        self.own.show_set(self.clusters)
        for group in self.groups:
            group.setVisible(found is not None)
        if (found is None) != (before is None):
            self.form_fold.button.setChecked(found is None)
        if found is not None:
            self._say("")
            self._colour_map()
        else:
            self.space.views.offer_colours("clusters", {})
            if self.session.latents is not None:
                self._say(_NO_SET)
        if found is not None or before is not None:
            self.set_changed.emit(self.clusters)

    def _maps_of(self, found: Overview) -> Maps:
        grids = self.session.job.spec.grids
        decoded = bool(found.clusters.record.maps)
        return Maps(
            found.name,
            found.clusters.volume if decoded else self.own.volume,
            grids.pixel_size_angstrom,
            grids.box * grids.pixel_size_angstrom,
            tuple(found.caption(i) for i in range(len(found))),
            tuple(row.tip for row in found.rows),
            decoded,
        )

    def _colour_map(self) -> None:
        """Offer the colours of the clusters in the latent space view; choose them while in
        front."""
        found, maps = self.overview, self.space.views
        if found is None:
            return
        name = f"clusters {found.name}"
        made = by_cluster(found.clusters.clustering.labels, len(found), found.name)
        maps.offer_colours("clusters", {name: lambda view: made})
        if self.active:
            maps.colour_box.setCurrentIndex(maps.colour_box.findData(name))

    def _choose_one(self) -> None:
        """Something is to be seen as soon as the page is."""
        if self.active and self.overview is not None and self.list.table.current is None:
            self.list.table.choose(0)

    def _chosen(self, current: int | None, chosen: frozenset[int]) -> None:
        self.maps.mark(current, chosen)
        self.own.choose(current, chosen)
        self._mark_on_view()
        self._show_in_scene()

    def _cursor_moved(self, place: CursorPlace) -> None:
        """A click in the latent space view chooses the cluster of the particle there."""
        view = self.space.latent_view
        if not self.active or self.overview is None or view is None or not len(view.xy):
            return
        if place.view != FIRST:
            return
        cluster = int(self.clusters.clustering.labels[view.row_near(place.xy)])
        if cluster >= 0 and cluster != self.list.table.current:
            self.list.table.choose(cluster)

    def _mark_on_view(self) -> None:
        """Put the view's cursor on the particle whose map is shown."""
        view, current = self.space.latent_view, self.list.table.current
        if not self.active or None in (view, current, self.overview):
            return
        row = int(self.clusters.clustering.representatives[current])
        self.space.cursor.put(FIRST, view.place_of(row), "clusters")

    def _show_in_scene(self) -> None:
        current, found = self.list.table.current, self.overview
        if current is None or found is None or self.session.job is None:
            self._in_scene.show(None)
            return
        clusters = found.clusters
        wanted = self.own.shown if clusters.record.maps else OWN
        own = self.own.maps.get(current)
        if own is None and not clusters.record.maps:
            self._in_scene.show(None)
            return
        scale = self.own.scale if own is not None else None
        self._in_scene.show(
            Shown(
                current,
                self._label(found, current, wanted),
                self.session.job.spec.grids.pixel_size_angstrom,
                partial(clusters.volume, current) if wanted in (DECODED, BOTH) else None,
                partial(own.array, scale) if wanted in (OWN, BOTH) else None,
            )
        )

    def _label(self, found: Overview, cluster: int, wanted: str) -> str:
        """Short lines: the scene may be narrow."""
        lines = [
            f"Cluster {cluster + 1} of {len(found)}",
            f"{found.rows[cluster].particles:,} particles",
        ]
        if wanted == OWN:
            return "\n".join([*lines, "reconstructed", "from them"])
        half = found.clusters.record.representative_halves[cluster]
        model = f"half {half}, " if half else ""
        model += f"epoch {found.clusters.record.model_epoch}"
        return "\n".join([*lines, model[0].upper() + model[1:]])

    def _painting_changed(self, painting: bool) -> None:
        """A mask is painted on the consensus: nothing else is in the scene meanwhile."""
        self._in_scene.set_active(self.active and not painting)

    # -- own maps ---------------------------------------------------------------------------------

    def _show_resolutions(self) -> None:
        if self.overview is not None and not self.overview.clusters.record.maps:
            self.maps.show_maps(
                self._maps_of(self.overview)
            )  # of own particles, now that there are
            self.maps.mark(self.list.table.current, frozenset(self.list.chosen))
        for cluster, found in self.own.maps.items():
            self.list.table.set_resolution(cluster, found.result.resolution, found.sentence())
        self._show_in_scene()

    def _say_progress(self, cluster: int, words: str) -> None:
        if cluster not in self.own.maps:
            self.list.table.set_resolution(cluster, words or "–")

    # -- particles --------------------------------------------------------------------------------

    def select_particles(self) -> None:
        """Make the particles of the chosen clusters the current selection; can be undone."""
        history, chosen = self.space.history, self.list.chosen
        if history is None or not chosen:
            return
        selection = self.clusters.selection_of(chosen)
        how = {key: value for key, value in selection.how[0].items() if key != "action"}
        self._select_rows(selection.rows, how)
        self.list.say(
            f"{history.count:,} particles of {_named(chosen)} are selected now. Undo is above the "
            "latent space view; name and save the selection on the Explore page."
        )

    def _select_rows(self, rows: np.ndarray, how: dict[str, Any]) -> None:
        """Make particles the current selection; can be undone."""
        if self.space.history is not None:
            self.space.history.replace(rows, **how)

    def save_particles(self, path: Path, overwrite: bool = False) -> None:
        """Write the particles of the chosen clusters, in a worker."""
        job, chosen = self.session.job, self.list.chosen
        if job is None or not chosen:
            return
        selection = self.clusters.selection_of(chosen)
        self.list.say(f"Writing {path} …")

        def failed(error: Exception) -> None:
            self.list.say(f"Not saved. {error}", "error")
            self.session.report_error(error)

        self.session.run_in_worker(
            lambda: job.export(selection, path, overwrite=overwrite),
            lambda written: self.list.say(f"Saved {len(selection):,} particles to {written}"),
            failed,
        )


def _unreadable(names: tuple[str, ...]) -> str:
    """What to do about sets none of which can be read."""
    which = ", ".join(f"“{name}”" for name in names)
    return (
        f"The clusters {which} cannot be read: their files are damaged or incomplete. Make "
        "clusters again above, and delete what cannot be read below."
    )


def _named(chosen: list[int]) -> str:
    """'cluster 2' or 'clusters 2, 5'."""
    word = "cluster" if len(chosen) == 1 else "clusters"
    return f"{word} {', '.join(str(cluster + 1) for cluster in chosen)}"
