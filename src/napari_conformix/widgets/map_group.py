"""Which latent map is shown, of which particles, in which colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel

from napari_conformix.analysis import latent_maps
from napari_conformix.analysis.latent_maps import MapView, Space
from napari_conformix.widgets import colouring, motion_colours
from napari_conformix.widgets.forms import combo, fill, form_of
from napari_conformix.widgets.motion_store import MotionStore
from napari_conformix.widgets.style import hint
from napari_conformix.widgets.umap_control import UmapControl, parameters_of, path_of

if TYPE_CHECKING:
    from napari_conformix.analysis.motion_table import MotionTable
    from napari_conformix.jobs import LatentTable
    from napari_conformix.widgets.latent_map_panel import LatentMapPanel
    from napari_conformix.widgets.motion_colours import Parts
    from napari_conformix.widgets.scene import Scene
    from napari_conformix.widgets.session import Session

#: name in the list of colours -> what makes them
Painters = dict[str, Callable[[MapView], colouring.Colouring]]

_SHOW: Final = (
    ("all particles", "all"),
    ("half 1 only", "half 1"),
    ("half 2 only", "half 2"),
    ("held out (validation)", "validation"),
)
_HALF_SET: Final = "half set"
_BUILT_IN: Final = ("one colour", _HALF_SET, "validation", "density of the map")


class MapGroup(QGroupBox):
    """Choices of the latent map; views and colours are made in a worker, then drawn.

    `shown(view, moved)` tells what is drawn now, and whether it has other axes than before. With a
    scene, parts of the molecule can be shown there in the colours of the map.
    """

    shown = Signal(object, bool)

    def __init__(
        self,
        session: Session,
        scene: Scene | None,
        panel: LatentMapPanel,
        title: str = "Latent map",
    ) -> None:
        super().__init__(title)
        self._session, self._scene, self._panel = session, scene, panel
        self._motions = MotionStore.of(session)
        self._parts: tuple[int, Parts] | None = None
        self._offered: dict[str, Painters] = {}
        self.map_view: MapView | None = None
        self._past: latent_maps.Past | None = None
        self._spaces: dict[str, Space] = {}
        self._build()
        self.space_box.currentIndexChanged.connect(self._choose_space)
        for box in (self.x_box, self.y_box, self.show_box, self.colour_box):
            box.currentIndexChanged.connect(self.refresh)
        self._motions.table_changed.connect(self._take_motions)
        self._motions.said.connect(self._say_progress)
        self.umap.finished.connect(self._take_umap)

    def _build(self) -> None:
        self.space_box, self.x_box, self.y_box = combo(), combo(), combo()
        self.show_box, self.colour_box = combo(), combo()
        for text, show in _SHOW:
            self.show_box.addItem(text, show)
        self.explanation = QLabel()
        self.explanation.setWordWrap(True)
        self.umap = UmapControl(self._session)
        self.progress = hint()
        self.progress.hide()
        axes = QHBoxLayout()
        axes.addWidget(self.x_box, stretch=1)
        axes.addWidget(QLabel("×"))
        axes.addWidget(self.y_box, stretch=1)
        form = form_of(self)
        form.addRow("Show", self.space_box)
        form.addRow("Axes", axes)
        form.addRow("Particles", self.show_box)
        form.addRow("Colour by", self.colour_box)
        form.addRow(self.progress)
        form.addRow(self.explanation)
        form.addRow(self.umap)

    def forget(self) -> None:
        """Nothing of the job before is shown."""
        self.umap.stop()
        self.map_view = self._past = None
        self._spaces.clear()
        self._parts = None
        if self._scene is not None:
            self._scene.show_parts(None)
        self._panel.canvas.clear()
        self._panel.legend.set_legend(colouring.Legend(""))

    def take_latents(self, latents: LatentTable) -> None:
        """Draw new latents, as chosen."""
        self._fill_spaces(latents)
        halves = latent_maps.halves(latents)
        both = len([half for half in halves if half > 0]) > 1
        fill(self.show_box, [e for e in _SHOW if not e[1].startswith("half") or both])
        self.fill_colours()
        self.refresh()
        self._look_for_umaps()

    def show_past(self, past: latent_maps.Past | None) -> None:
        """Look back at an earlier epoch; None: at the job's result so far."""
        if past is not self._past:
            self._past = past
            self.refresh()

    # -- choices ----------------------------------------------------------------------------------

    def _fill_spaces(self, latents: LatentTable) -> None:
        umaps = [(key, space.title) for key, space in self._spaces.items() if "umap" in key]
        entries = [*latent_maps.available(latents), *umaps]
        fill(self.space_box, [(title, key) for key, title in entries])
        self._fill_axes()

    def _fill_axes(self) -> None:
        """Axes of the chosen space, the first two if it has others than the space before."""
        latents, key = self._session.latents, self.space_box.currentData()
        if latents is None or key is None:
            return
        if key in self._spaces and "umap" in key:
            names = self._spaces[key].axes
        else:
            word = {"mot": "Motion", "pca": "PC", "lat": "Latent"}[key[:3]]
            table = latents.motion if key == "motion" else latents.mean
            names = tuple(f"{word} {i + 1}" for i in range(table.shape[1]))
        entries = [(name, i) for i, name in enumerate(names)]
        if [self.x_box.itemText(i) for i in range(self.x_box.count())] == list(names):
            return
        fill(self.x_box, entries, 0)
        fill(self.y_box, entries, min(1, len(names) - 1))

    def fill_colours(self) -> None:
        """Everything that particles can be coloured by."""
        latents, particles = self._session.latents, self._session.particles
        entries = [(name, name) for name in _BUILT_IN]
        if latents is not None and latent_maps.halves(latents) == [0]:
            entries.remove((_HALF_SET, _HALF_SET))
        if latents is not None and latents.motion is not None:
            count = min(3, latents.motion.shape[1])
            word = "motion" if latent_maps.has_motion(latents) else "PC"
            entries += [(f"{word} {i + 1}", f"{word} {i + 1}") for i in range(count)]
            if latent_maps.in_angstrom(latents):
                entries += [(name, name) for name in self._by_motion()]
        entries += [(name, name) for offered in self._offered.values() for name in offered]
        if particles is not None:
            entries += [(column, column) for column in particles.columns]
        fill(self.colour_box, entries)

    def offer_colours(self, source: str, painters: Painters) -> None:
        """More to colour by, in place of what the same source offered before.

        A painter gives the colours of all rows of the file; it is called in a worker.
        """
        before = self._offered.get(source, {})
        self._offered[source] = painters
        chosen = self.colour_box.currentData()
        self.fill_colours()
        if chosen in before or chosen in painters:
            self.refresh()

    def _by_motion(self) -> list[str]:
        """Names of the colours by motion; places of it only where a scene can show them."""
        needs_scene = motion_colours.NEEDS_PARTS if self._scene is None else ""
        return [name for name in motion_colours.BY_MOTION if name != needs_scene]

    def _choose_space(self) -> None:
        self._fill_axes()
        self.refresh()

    # -- map --------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Make and show the chosen view, in a worker."""
        latents, key = self._session.latents, self.space_box.currentData()
        if latents is None or key is None or self.x_box.currentData() is None:
            return
        previous, shown = self._spaces.get(key), self.map_view
        axes = (self.x_box.currentData(), self.y_box.currentData())
        show, paint, past = self.show_box.currentData(), self._painter(), self._past

        def make() -> tuple[MapView, colouring.Colouring]:
            space = previous
            if space is None or (space.epoch != latents.epoch and "umap" not in key):
                space = latent_maps.build(key, latents, previous)
            if past is not None:
                then = latent_maps.at_epoch(space, past.latents)
                view = latent_maps.view(then, axes, show, past.latents, past)
                return view, paint(view)
            view = shown
            if view is None or view.space is not space or (view.axes, view.show) != (axes, show):
                view = latent_maps.view(space, axes, show, latents)
            return view, paint(view)

        self._session.run_in_worker(make, self._show, key="job:map")

    def _show(self, made: tuple[MapView, colouring.Colouring]) -> None:
        view, colours = made
        moved = self.map_view is None or self.map_view.space.key != view.space.key
        moved = moved or self.map_view.axes != view.axes
        self.map_view = view
        if view.past is None:
            self._spaces[view.space.key] = view.space
        if moved:
            self._panel.canvas.overlay.set_cursor(None)
        self._panel.canvas.set_map(view, colours.rgba)
        self._panel.legend.set_legend(colours.legend)
        self.explanation.setText(view.space.explanation)
        if view.past is None:  # a UMAP is made of the result's latents
            self.umap.set_space(view.space)
        self._show_parts()
        self._say_what_is_shown(view)
        self.shown.emit(view, moved)

    def _say_what_is_shown(self, view: MapView) -> None:
        """What the lasso can and cannot take in this map."""
        notes = []
        if view.show != "all":
            what = "held-out particles" if view.show == "validation" else view.show
            notes.append(f"This map shows {what} only: the lasso takes no others.")
        elif view.space.half:
            notes.append(f"This map shows half {view.space.half} only: the lasso takes no others.")
        drawn = len(self._panel.canvas.drawn_rows)
        if drawn < len(view.rows):
            notes.append(
                f"{drawn:,} of {len(view.rows):,} particles are drawn; the lasso counts all."
            )
        self._panel.bar.set_note(" ".join(notes))

    def _painter(self) -> Callable[[MapView], colouring.Colouring]:
        """A function that colours a view as chosen; it may run in a worker."""
        name, latents = self.colour_box.currentData(), self._session.latents
        particles, count = self._session.particles, len(self._session.latents.mean)
        for painters in self._offered.values():
            if name in painters:
                return painters[name]
        if name == _HALF_SET:
            return lambda view: colouring.by_half(latents.half)
        if name == "validation":
            return lambda view: colouring.by_validation(latents.validation)
        if name == "density of the map":
            return lambda view: colouring.by_density(view.xy, view.rows, count)
        if name in motion_colours.BY_MOTION:
            return self._motion_painter(name, count)
        if name is not None and name.startswith("PC "):
            space, component = self._spaces.get("pca0"), int(name.split()[1]) - 1
            return lambda view: colouring.by_number(
                latent_maps.component(
                    space or latent_maps.build("pca0", latents), component, count
                ),
                name,
                "",
            )
        if name is not None and name.startswith("motion "):
            values = latents.motion[:, int(name.split()[1]) - 1]
            unit = "Å RMS" if latent_maps.in_angstrom(latents) else ""
            return lambda view: colouring.by_number(values, name.capitalize(), unit)
        if name in (None, "one colour") or particles is None:
            return lambda view: colouring.one_colour(count)
        return lambda view: colouring.by_column(particles.column(name), name)

    # -- motions of the particles -----------------------------------------------------------------

    def _motion_painter(self, name: str, count: int) -> Callable[[MapView], colouring.Colouring]:
        """As `_painter`; all grey until the motions of all particles are computed."""
        self._motions.want_table()
        table, paint = self._motions.table, motion_colours.BY_MOTION[name]
        if table is None or len(table) != count:
            waiting = colouring.one_colour(count, "Motions of all particles are being computed")
            return lambda view: waiting
        if name != motion_colours.NEEDS_PARTS:
            return lambda view: paint(table)
        job, known = self._session.job, self._parts

        def by_place(view: MapView) -> colouring.Colouring:
            parts = known if known is not None and known[0] == table.epoch else None
            if parts is None:
                positions = job.method().consensus_positions(job.method().halves[0])
                parts = table.epoch, motion_colours.find_parts(positions)
            self._parts = parts
            return paint(table, parts[1])

        return by_place

    def _show_parts(self) -> None:
        """The parts of the molecule in the scene, while particles are coloured by them."""
        if self._scene is None:
            return
        wanted = self.colour_box.currentData() == motion_colours.NEEDS_PARTS
        if not wanted or self._parts is None or self._motions.table is None:
            self._scene.show_parts(None)
        else:
            parts = self._parts[1]
            self._scene.show_parts(parts.positions, parts.colours)

    def _take_motions(self, table: MotionTable | None) -> None:
        if table is not None and self.colour_box.currentData() in motion_colours.BY_MOTION:
            self.refresh()

    def _say_progress(self, text: str) -> None:
        self.progress.setText(text)
        self.progress.setVisible(bool(text))

    # -- UMAP -------------------------------------------------------------------------------------

    def _look_for_umaps(self) -> None:
        """Offer UMAPs that were computed before, of these very latents."""
        job, latents = self._session.job, self._session.latents
        keys = [key for key, _ in latent_maps.available(latents) if not key.startswith("latent")]

        def find() -> list[tuple[Space, np.ndarray]]:
            from napari_conformix.analysis.umap_process import cached_umap

            found, source = [], Path(job.folder) / "latents.npz"
            for key in keys:
                space = latent_maps.build(key, latents)
                parameters = parameters_of(space)
                embedding = cached_umap(source, path_of(job.folder, parameters), parameters)
                if embedding is not None:
                    found.append((space, embedding))
            return found

        def offer(found: list[tuple[Space, np.ndarray]]) -> None:
            for space, embedding in found:
                self._add_umap(space, embedding)

        if (Path(job.folder) / "umap").is_dir():
            self._session.run_in_worker(find, offer, key="job:find umaps")

    def _take_umap(self, space: Space, embedding: np.ndarray) -> None:
        key = self._add_umap(space, embedding)
        self.space_box.setCurrentIndex(self.space_box.findData(key))
        self.refresh()

    def _add_umap(self, space: Space, embedding: np.ndarray) -> str:
        key = f"umap {space.key}"
        placed = np.isfinite(embedding[space.rows]).all(axis=1)
        base = replace(space, rows=space.rows[placed])
        title = f"UMAP of: {space.title}"
        self._spaces[key] = latent_maps.embedding(
            key, title, base, embedding[base.rows], space.epoch
        )
        self._fill_spaces(self._session.latents)
        return key
