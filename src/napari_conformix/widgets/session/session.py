"""What is open in one viewer: a data set, a job, its latents; and who wants to know.

The pages share one :class:`Session` and talk through its signals. Every signal is emitted on the
window's thread. There is no widget here.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from psygnal import EmitLoopError, Signal

from napari_conformix.errors import UserError
from napari_conformix.runs import Event, layout
from napari_conformix.widgets.session.follow import Follower
from napari_conformix.widgets.session.guess import guess_maps
from napari_conformix.widgets.session.warm_up import load_parts
from napari_conformix.widgets.session.workers import Workers

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_conformix.jobs import Job
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.training.settings import TrainingSettings


@dataclass(frozen=True)
class Inputs:
    """The files of a data set, as the Data page shows them; None where none is given."""

    particles: Path | None = None
    consensus: Path | None = None
    mask: Path | None = None
    datadir: Path | None = None
    passthrough: Path | None = None


@dataclass(frozen=True)
class Map:
    """A density map (z, y, x) float32 and its pixel size."""

    array: np.ndarray
    pixel_size_angstrom: float


class Session:
    """The one session of a viewer; get it with :meth:`of`.

    `event` carries every event of the run, one by one, also those from before the job was opened;
    `events` carries the same in lists, for listeners that draw once for many. `latents_changed`
    follows a 'latents' event once the file is read, `volume_changed` a 'volume' event (path, half,
    epoch; only the newest of each half when many arrive at once).
    """

    job_opened = Signal(object)
    job_closed = Signal()
    particles_opened = Signal(object)
    inputs_changed = Signal(object)
    consensus_changed = Signal(object)
    event = Signal(object)
    events = Signal(list)
    latents_changed = Signal(object)
    volume_changed = Signal(object, int, int)
    state_changed = Signal(str)
    busy_changed = Signal(str)
    #: text and level: 'info', 'warning' or 'error'
    message = Signal(str, str)
    #: a file of latents of another program was dropped: the Data page asks for the rest
    latents_offered = Signal(object)
    #: a page asks for a page to be shown, by its name: 'data', 'train'
    page_requested = Signal(str)
    #: a contour of the consensus that the user wants the training to use, in the map's own units
    threshold_chosen = Signal(float)
    #: the window closes
    closing = Signal()

    _sessions: ClassVar[dict[int, Session]] = {}

    @classmethod
    def of(cls, viewer: ViewerModel) -> Session:
        """The session of a viewer, made at the first call."""
        viewer = getattr(viewer, "__wrapped__", viewer)  # plugins are handed a proxy
        session = cls._sessions.get(id(viewer))
        if session is None:
            session = cls._sessions[id(viewer)] = cls(viewer)
            weakref.finalize(viewer, cls._sessions.pop, id(viewer), None)
        return session

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self.job: Job | None = None
        self.particles: ParticleSet | None = None
        self.latents: LatentTable | None = None
        self.consensus: Map | None = None
        self.inputs = Inputs()
        #: as they stand on the Train page; None until the methods are loaded, or when they clash
        self.draft_settings: TrainingSettings | None = None
        self.state = ""
        self._follower: Follower | None = None
        self.workers = Workers(self.report_error)

    @property
    def viewer(self) -> ViewerModel:
        """The napari viewer; ReferenceError once it is gone."""
        viewer = self._viewer()
        if viewer is None:
            raise ReferenceError("The napari window of this session is closed.")
        return viewer

    @property
    def has_decoder(self) -> bool:
        """Whether the open job has a model to decode and train; True while none is open."""
        return self.job is None or self.job.method_class.has_decoder

    # -- work and messages ------------------------------------------------------------------------

    def run_in_worker(
        self,
        fn: Callable[[], Any],
        on_done: Callable[[Any], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        key: str | None = None,
    ) -> None:
        """Run `fn()` in a thread; see :meth:`Workers.submit`. Errors become a message."""
        self.workers.submit(fn, on_done, on_error, key)

    def report_error(self, error: Exception) -> None:
        """Say what went wrong: a UserError as it is, anything else with its type."""
        if isinstance(error, EmitLoopError) and isinstance(error.__cause__, Exception):
            error = error.__cause__  # psygnal wraps what a listener raised
        if isinstance(error, UserError):
            text = str(error)
        else:
            text = f"Something went wrong inside the program ({type(error).__name__}: {error})."
        self.message.emit(text, "error")

    # -- opening ----------------------------------------------------------------------------------

    def open_path(self, path: str | Path) -> None:
        """Open a job folder (or its job.toml), a .star or a .cs file, in a worker; latents of
        another program (.pkl, .npy) ask for their particle file first."""
        path = Path(path).expanduser().resolve()
        if path.name == layout.SPEC:
            path = path.parent
        if (path / layout.SPEC).is_file():
            self.open_job(path)
        elif path.suffix.lower() in (".star", ".cs"):
            self.open_particles(path)
        elif path.suffix.lower() in (".pkl", ".npy"):
            self.latents_offered.emit(path)
            self.page_requested.emit("data")
        else:
            self.message.emit(
                f"{path} is neither a job folder (with a job.toml) nor a particle file "
                "(.star or .cs), nor latents of another program (.pkl, .npy); choose one of those.",
                "error",
            )

    def open_particles(
        self,
        path: str | Path,
        *,
        datadir: Path | None = None,
        passthrough: Path | None = None,
        consensus: Path | None = None,
        mask: Path | None = None,
    ) -> None:
        """Read a particle file in a worker and make it the session's data set; closes the job.

        Without a consensus, map and mask are guessed from the names next to the file.
        """
        path = Path(path)

        def read() -> ParticleSet:
            from napari_conformix.particles import read_particles

            return read_particles(path, datadir=datadir, passthrough=passthrough)

        def done(particles: ParticleSet) -> None:
            self.close()
            maps = (consensus, mask) if consensus else guess_maps(path)
            self.set_inputs(Inputs(path, *maps, datadir, passthrough))
            self._set_particles(particles)
            self.page_requested.emit("data")

        self._begin("open", f"Reading {path.name} ...", read, done)

    def set_inputs(self, inputs: Inputs) -> None:
        """The files of the data set, for the pages. The consensus map is read in a worker."""
        before, self.inputs = self.inputs, inputs
        if inputs == before:
            return
        self.inputs_changed.emit(inputs)
        if inputs.consensus != before.consensus:
            self._read_consensus(inputs.consensus)

    def change_inputs(self, **changes: Path | None) -> None:
        """Replace single files of :attr:`inputs`."""
        self.set_inputs(replace(self.inputs, **changes))

    def open_job(self, job: Job | str | Path) -> None:
        """Open a job folder and follow it, whether its run goes on, is over or has yet to begin."""
        if not isinstance(job, str | Path):
            self._set_job(job)
            return
        folder = Path(job)

        def read() -> Job:
            from napari_conformix.jobs import Job

            return Job.open(folder)

        self._begin("open", f"Opening {folder.name} ...", read, self._set_job)

    def close(self) -> None:
        """Let go of the job and the data set. A run goes on: it is a process of its own."""
        self.particles = None
        self._let_go_of_job()
        self.set_inputs(Inputs())

    def close_job(self) -> None:
        """Let go of the job and keep its data set, to make another job of it."""
        self._let_go_of_job()
        self.consensus_changed.emit(self.consensus)  # the scene was emptied with the job

    def _let_go_of_job(self) -> None:
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
        self.workers.drop("job:")
        had_job = self.job is not None
        self.job = self.latents = None
        self.state = ""
        if had_job:
            self.job_closed.emit()

    def shut_down(self) -> None:
        """The window closes: stop following, and hear nothing of what still runs in threads."""
        self.closing.emit()
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
        self.workers.close()

    # -- inside -----------------------------------------------------------------------------------

    def _begin(
        self, key: str, what: str, fn: Callable[[], Any], on_done: Callable[[Any], None]
    ) -> None:
        """Run `fn` and say so in the meantime."""
        self.busy_changed.emit(what)

        def work() -> Any:
            load_parts()
            return fn()

        def done(result: Any) -> None:
            self.busy_changed.emit("")
            on_done(result)

        def failed(error: Exception) -> None:
            self.busy_changed.emit("")
            self.report_error(error)

        self.run_in_worker(work, done, failed, key=key)

    def _set_particles(self, particles: ParticleSet) -> None:
        self.particles = particles
        self.particles_opened.emit(particles)

    def _set_job(self, job: Job) -> None:
        self.close()
        self.job = job
        given = job.spec.inputs
        self.set_inputs(
            Inputs(given.particles, given.consensus, given.mask, given.datadir, given.passthrough)
        )
        self.job_opened.emit(job)
        self._follower = Follower(job, self._take_events, self._take_state, self.report_error)
        self._follower.start()
        self.run_in_worker(
            lambda: job.particles, self._set_particles, self.report_error, key="job:particles"
        )

    def _read_consensus(self, path: Path | None) -> None:
        """No map until the new one is read."""
        self._set_consensus(None)
        if path is None:
            return

        def read() -> Map:
            from napari_conformix.particles import read_map

            return Map(*read_map(path))

        def done(consensus: Map) -> None:
            if path == self.inputs.consensus:
                self._set_consensus(consensus)

        self.run_in_worker(read, done, key="consensus")

    def _set_consensus(self, consensus: Map | None) -> None:
        self.consensus = consensus
        self.consensus_changed.emit(consensus)

    def _take_state(self, state: str) -> None:
        self.state = state
        self.state_changed.emit(state)

    def _take_events(self, events: list[Event]) -> None:
        self.events.emit(events)
        newest: dict[int, Event] = {}
        latents = False
        for event in events:
            self.event.emit(event)
            if event.kind == "volume":
                newest[event.half] = event
            latents = latents or event.kind == "latents"
        job = self.job
        if job is None:
            return
        for half, event in newest.items():
            self.volume_changed.emit(Path(job.folder) / event.path, half, event.epoch)
        if latents:
            self.run_in_worker(
                job.latents, partial(self._set_latents, job), self.report_error, key="job:latents"
            )

    def _set_latents(self, job: Job, latents: LatentTable) -> None:
        if job is self.job:
            self.latents = latents
            self.latents_changed.emit(latents)
