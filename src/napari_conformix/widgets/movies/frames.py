"""The frames of a movie along a path: decoding, drawing, and what is painted over them.

Every frame has one contour in the maps' own grey values, and the colours of the scene. A step that
no particle supports is drawn grey, and its caption says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.analysis.paths import making
from napari_conformix.errors import UserError
from napari_conformix.export.movie_plan import MovieOptions, Shot, View, shots
from napari_conformix.widgets.movies.inset import Inset
from napari_conformix.widgets.movies.overlays import Caption, Overlays, ScaleBar, scale_bar
from napari_conformix.widgets.movies.path_frames import FrameCache
from napari_conformix.widgets.movies.path_words import caption
from napari_conformix.widgets.movies.studio import Studio, turned, view_of
from napari_conformix.widgets.scene import EXTRAPOLATED, Scene, suggest_threshold
from napari_conformix.widgets.session import axes

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.scene import Prepared
    from napari_conformix.widgets.session import Session

#: share of the picture that the molecule fills where nobody has chosen a camera
_FILL: Final = 0.8


@dataclass(frozen=True)
class Look:
    """What a movie takes over from the scene.

    consensus and its pixel size, the contour in grey values, whether the consensus is shown as a
    ghost, the conformation's colour (None: its own), and the camera (None: from the front, fitted).
    """

    consensus: np.ndarray
    pixel_size_angstrom: float
    contour: float
    ghost: bool = True
    colour: tuple[float, float, float] | None = None
    view: View | None = None

    @classmethod
    def of_session(cls, session: Session) -> Look:
        """As the window shows it; UserError while there is nothing to see."""
        scene = Scene.of(session)
        if session.consensus is None or scene.threshold is None:
            raise UserError("The consensus map is not there yet; wait until the scene shows it.")
        return cls(
            session.consensus.array,
            session.consensus.pixel_size_angstrom,
            scene.threshold,
            scene.ghost,
            _colour_in(session),
            view_of(session.viewer),
        )

    @classmethod
    def of_job(cls, job: Job, contour: float | None = None) -> Look:
        """As a window that opens the job would show it."""
        from napari_conformix.particles import read_map

        array, pixel_size = read_map(job.spec.inputs.consensus)
        return cls(array, pixel_size, suggest_threshold(array) if contour is None else contour)


@dataclass(frozen=True)
class InsetView:
    """A view (with colours (n, 4) of its particles) to show the path in."""

    view: LatentView
    rgba: np.ndarray


class Film:
    """The frames of one movie. :meth:`prepare` is slow and may run in a thread; :meth:`draw` needs
    the window's thread and what was prepared before."""

    def __init__(
        self,
        job: Job,
        path: LatentPath,
        options: MovieOptions,
        look: Look,
        *,
        inset: Callable[[], InsetView | None] | None = None,
        loops: bool = False,
    ) -> None:
        """`inset` finds the view to show the path in; it is asked in the thread of
        :meth:`begin`."""
        self.path, self.options = path, options
        self.shots: list[Shot] = shots(len(path), options, loops=loops)
        self.contour = look.contour if options.contour is None else options.contour
        self.view = options.view or look.view or View()
        self._job, self._look, self._find_view = job, look, inset
        self._cache, self._lock = FrameCache(), threading.Lock()
        self._overlays = Overlays(options.width, options.height, light=options.light_background)
        self._studio: Studio | None = None
        self._epoch: int | None = None
        self._inset: Inset | None = None

    def __len__(self) -> int:
        return len(self.shots)

    # -- slow -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Everything that the first frame needs besides its map; may run in a thread.

        The camera that nobody has chosen is fitted to the consensus, both ends and the middle.
        """
        # the result's epoch is asked for as None, since its model may be kept under another name
        own = self.path.epoch == self._job.latents().epoch
        self._epoch = None if own else self.path.epoch
        if self._find_view is not None and self.options.inset is not None:
            self._inset = self._make_inset(self._find_view())
        self._consensus = self._ready(self._look.consensus)
        if self.view.field_angstrom is None:
            steps = {0, len(self.path) // 2, len(self.path) - 1}
            maps = [self._consensus, *map(self._prepared, sorted(steps))]
            self.view = _fitted(self.view, maps, self.options)

    def _make_inset(self, found: InsetView | None) -> Inset | None:
        """None where there is no view, or it has no place for the path."""
        places = None if found is None else making.place_on_view(self.path, found.view)
        if found is None or places is None:
            return None
        side = round(self.options.inset_share * min(self.options.width, self.options.height))
        return Inset(found.view, found.rgba, self.path, places, side)

    def prepare(self, shot: Shot) -> None:
        """Have the map of a shot ready: decoded and meshed."""
        self._prepared(shot.step)

    def _prepared(self, step: int) -> Prepared:
        with self._lock:
            known = self._cache.get(step)
        if known is not None:
            return known
        path = self.path
        array = self._job.decode(path.latents[step], half=path.half or None, epoch=self._epoch)
        made = self._ready(array)
        with self._lock:
            self._cache.put(step, made)
        return made

    def _ready(self, array: np.ndarray) -> Prepared:
        """`Scene.prepare` needs no more of the studio's scene than how it renders."""
        return self._scene.prepare(array, self._look.pixel_size_angstrom, self.contour)

    # -- drawing ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the studio; on the window's thread, before anything else."""
        self._studio = Studio.open()
        self._scene = self._studio.scene

    def set_up(self) -> None:
        """Put the consensus into the studio; on the window's thread, after :meth:`begin`."""
        options, studio = self.options, self._studio
        studio.set_size(options.width, options.height)
        studio.set_background(options.background_rgb)
        ghost = self._look.ghost if options.consensus is None else options.consensus
        self._scene.set_ghost(ghost)
        self._scene.show_prepared(self._consensus, consensus=True)
        self._scene.tint_conformation(self._look.colour)
        studio.viewer.canvas.overlays.scale_bar.visible = False  # the movie paints its own

    def draw(self, shot: Shot) -> np.ndarray:
        """(height, width, 3) uint8 of a shot."""
        options, studio = self.options, self._studio
        prepared = self._prepared(shot.step)
        self._scene.show_prepared(prepared)
        supported = self.path.support[shot.step] > 0
        self._scene.tint_conformation(self._look.colour if supported else EXTRAPOLATED)
        studio.look(self.view, shot.turn_degrees)
        frame = studio.picture(options.width, options.height)
        inset = self._inset.picture(shot.step) if self._inset is not None else None
        return self._overlays.paint(
            frame,
            self.caption(shot.step, empty=prepared.mesh is None),
            self.scale_bar if options.scale_bar else None,
            (inset, options.inset) if inset is not None else None,
        )

    def close(self) -> None:
        """Leave the studio to the next movie."""
        if self._studio is not None:
            self._studio.scene.clear()
            self._studio = None
        self._cache.clear()

    @property
    def scale_bar(self) -> ScaleBar:
        """As long as it must be for this camera."""
        view, options = self.view, self.options
        return scale_bar(
            view.field_angstrom, options.width, options.height, view.perspective_degrees
        )

    def caption(self, step: int, *, empty: bool = False) -> Caption | None:
        """Words of a step, from 0; without the label only its title and warnings."""
        lines = caption(self.path, step).split("\n")
        near = lines.pop()
        warning = "" if self.path.support[step] else near
        if empty:
            warning = "No surface at this contour"
        shown = tuple(lines if warning else [*lines, near]) if self.options.label else ()
        if not (shown or self.options.title or warning):
            return None
        return Caption(self.options.title, shown, warning)


def _fitted(view: View, maps: list[Prepared], options: MovieOptions) -> View:
    """The same camera, so far away that all maps fill the picture and none is cut off, also when
    it turns."""
    points = np.concatenate([_outline(prepared) for prepared in maps])
    points = points - np.array(view.centre_angstrom)
    direction, up = turned(view, 0.0)
    across = np.abs(points @ np.cross(direction, up))
    if options.turn_degrees or options.rock_degrees:
        across = np.linalg.norm(points - np.outer(points @ up, up), axis=1)
    short = min(options.width, options.height)
    tall = float(np.abs(points @ up).max()) * short / options.height
    wide = float(across.max()) * short / options.width
    # with perspective what is in front of the centre appears larger than it would there
    front = float(np.linalg.norm(points, axis=1).max())
    nearer = 2 * front * np.tan(np.deg2rad(view.perspective_degrees) / 2)
    field = 2 * max(tall, wide, 1.0) / _FILL + nearer
    return view.model_copy(update={"field_angstrom": float(field)})


def _outline(prepared: Prepared) -> np.ndarray:
    """(n, 3) x, y, z in A of what the contour shows; the centre where it shows nothing."""
    return np.zeros((1, 3)) if prepared.mesh is None else axes.from_napari(prepared.mesh[0])


def _colour_in(session: Session) -> tuple[float, float, float] | None:
    """The colour of the conformation in the window's scene; None while there is none."""
    layers = session.viewer.layers
    if "Conformation" not in layers:
        return None
    red, green, blue, *_ = layers["Conformation"].colormap.colors[-1]
    return float(red), float(green), float(blue)
