"""The current cluster in the 3-D scene: its decoded map, its own particles' map, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.widgets.colours import RGB, cluster_colour, hex_of
from napari_conformix.widgets.scene import (
    SIDE_BY_SIDE_ZOOM,
    Drawn,
    Mesh,
    Prepared,
    ReconstructionLayers,
)

if TYPE_CHECKING:
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Session

#: of the map that a cluster's own particles reconstruct to, next to the decoded one in the
#: cluster's colour
_OWN_COLOUR: Final = "#d8d2c4"
_KEY: Final = "job:cluster in scene"


@dataclass(frozen=True)
class Shown:
    """What is to be in the scene. `decoded` and `own` read maps (z, y, x), in a worker; None: not
    wanted."""

    cluster: int
    label: str
    pixel_size_angstrom: float
    decoded: Callable[[], np.ndarray] | None
    own: Callable[[], np.ndarray] | None

    @property
    def both(self) -> bool:
        """Whether two maps are to stand side by side."""
        return self.decoded is not None and self.own is not None


class ClusterScene:
    """Draws while the page is in front; the newest request wins. Every map is drawn at the scene's
    contour."""

    def __init__(self, session: Session, scene: Scene) -> None:
        self._session, self.scene = session, scene
        self.layers = ReconstructionLayers(scene)
        self.shown: Shown | None = None
        self._active = False

    def set_active(self, active: bool) -> None:
        """Whether the scene is this page's."""
        self._active = active
        if active:
            self.scene.hide_conformation()
            self._draw()
            return
        self._session.workers.drop(_KEY)
        self.layers.hide()
        self.scene.tint_conformation(None)

    @property
    def zoom(self) -> float:
        """Times which the camera is zoomed now, because two maps stand side by side."""
        return SIDE_BY_SIDE_ZOOM if self.layers.side_by_side else 1.0

    def show(self, shown: Shown | None) -> None:
        """Another cluster, or none."""
        self.shown = shown
        self._draw()

    def contour_changed(self) -> None:
        """Two maps side by side are meshed again; the scene sees to a single one."""
        if self.shown is not None and self.shown.both:
            self._draw()

    def forget(self) -> None:
        """Another job."""
        self.shown = None
        self._session.workers.drop(_KEY)
        self.layers.forget()
        self.scene.tint_conformation(None)

    def _draw(self) -> None:
        shown, contour = self.shown, self.scene.threshold
        if not self._active or contour is None:
            return
        if shown is None:
            self.layers.hide()
            self.scene.hide_conformation()
            return
        self._session.run_in_worker(
            lambda: self._make(shown, contour), lambda made: self._take(shown, made), key=_KEY
        )

    def _make(self, shown: Shown, contour: float) -> Prepared | tuple[Mesh | None, Mesh | None]:
        """In a worker: a single map as the scene takes it, or two meshes."""
        arrays = [read() for read in (shown.decoded, shown.own) if read is not None]
        if not shown.both:
            return self.scene.prepare(arrays[0], shown.pixel_size_angstrom, contour)
        from napari_conformix.widgets.scene import surface_of

        decoded, own = (surface_of(a, shown.pixel_size_angstrom, contour) for a in arrays)
        return decoded, own

    def _take(self, shown: Shown, made: Prepared | tuple[Mesh | None, Mesh | None]) -> None:
        if not self._active or shown is not self.shown:
            return
        colour = cluster_colour(shown.cluster)
        if isinstance(made, Prepared):
            self.layers.hide()
            self.scene.tint_conformation(colour)
            self.scene.show_prepared(made, shown.label)
            return
        self._show_both(made, colour)

    def _show_both(self, made: tuple[Mesh | None, Mesh | None], colour: RGB) -> None:
        number = self.shown.cluster + 1
        entries = (
            ("Decoded map", f"Cluster {number} decoded", made[0], hex_of(colour)),
            ("Own map", "its own particles", made[1], _OWN_COLOUR),
        )
        self.layers.show(
            [
                Drawn(name, title, mesh, colour)
                for name, title, mesh, colour in entries
                if mesh is not None
            ]
        )
