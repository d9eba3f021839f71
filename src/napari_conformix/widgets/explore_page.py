"""The Explore page: the latent map, the conformation at its cursor, and selections of particles.

The page connects parts that know nothing of each other: the map (:mod:`latent_canvas`), what it
shows (:mod:`map_views`, :mod:`colouring`), live decoding into the scene, and the selection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDockWidget,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from napari_conformix.widgets import colouring, map_views
from napari_conformix.widgets.dropping import FileDrop
from napari_conformix.widgets.lasso import Mode
from napari_conformix.widgets.latent_canvas import LatentCanvas
from napari_conformix.widgets.legend import LegendBar
from napari_conformix.widgets.live_decode import Decoded, LiveDecode
from napari_conformix.widgets.map_views import MapView, Space
from napari_conformix.widgets.scene import Scene
from napari_conformix.widgets.selection_bar import SelectionBar
from napari_conformix.widgets.selection_table import COLOURS, SelectionTable
from napari_conformix.widgets.style import signed
from napari_conformix.widgets.umap_control import UmapControl, parameters_of, path_of

if TYPE_CHECKING:
    from napari_conformix.analysis import SelectionHistory
    from napari_conformix.jobs import Job, LatentTable
    from napari_conformix.training.events import Event
    from napari_conformix.widgets.session import Map, Session

_ACTIONS: Final = {Mode.NEW: "replace", Mode.ADD: "add", Mode.REMOVE: "remove"}
_SHOW: Final = (
    ("all particles", "all"),
    ("half 1 only", "half 1"),
    ("half 2 only", "half 2"),
    ("held out (validation)", "validation"),
)
_BUILT_IN: Final = ("one colour", "half set", "validation", "density of the map")
_NOT_DECODED: Final = "Click or drag in the latent map to see the molecule there."
_EMPTY: Final = (
    "The latent map appears here after the first epoch of training. Open a job folder on the Data "
    "page, or start a run on the Train page."
)


class LatentMapPanel(QWidget):
    """What goes into the dock beside the scene: tools, map, legend."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = SelectionBar(self)
        self.canvas = LatentCanvas(self)
        self.legend = LegendBar(self)
        self.bar.tool_chosen.connect(self.canvas.overlay.set_tool)
        self.bar.mode_chosen.connect(lambda mode: setattr(self.canvas.overlay, "mode", mode))
        self.bar.fit_asked.connect(self.canvas.fit)
        self.bar.cancelled.connect(self.canvas.overlay.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        layout.addWidget(self.bar)
        layout.addWidget(self.canvas, stretch=1)
        layout.addWidget(self.legend)


class ExplorePage(QWidget):
    """Choose a map, colour it, move through it, select and export."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.scene = Scene.of(session)
        self.decode = LiveDecode(session, self.scene)
        self.map_panel = LatentMapPanel()
        FileDrop(self.map_panel, session.open_path)
        self.history: SelectionHistory | None = None
        self.dock: QDockWidget | None = None
        self._map_view: MapView | None = None
        self._spaces: dict[str, Space] = {}
        self.canvas.overlay.hint = "The latent map appears here after the first epoch."
        self._build_form()
        self._connect()
        self._enable(False)

    # -- parts ------------------------------------------------------------------------------------

    @property
    def canvas(self) -> LatentCanvas:
        """The latent map's canvas."""
        return self.map_panel.canvas

    @property
    def map_view(self) -> MapView | None:
        """What the map shows now."""
        return self._map_view

    def _build_form(self) -> None:
        self.hint = QLabel(_EMPTY)
        self.hint.setWordWrap(True)
        self.groups = [
            self._map_group(),
            self._conformation_group(),
            self._selection_group(),
        ]
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 6, 2, 6)
        column.addWidget(self.hint)
        for group in self.groups:
            column.addWidget(group)
        column.addStretch()

    def _map_group(self) -> QGroupBox:
        self.space_box, self.x_box, self.y_box = _combo(), _combo(), _combo()
        self.show_box, self.colour_box = _combo(), _combo()
        for text, show in _SHOW:
            self.show_box.addItem(text, show)
        self.explanation = QLabel()
        self.explanation.setWordWrap(True)
        self.umap = UmapControl(self.session)
        axes = QHBoxLayout()
        axes.addWidget(self.x_box, stretch=1)
        axes.addWidget(QLabel("×"))
        axes.addWidget(self.y_box, stretch=1)
        group = QGroupBox("Latent map")
        form = _form(group)
        form.addRow("Show", self.space_box)
        form.addRow("Axes", axes)
        form.addRow("Particles", self.show_box)
        form.addRow("Colour by", self.colour_box)
        form.addRow(self.explanation)
        form.addRow(self.umap)
        return group

    def _conformation_group(self) -> QGroupBox:
        self.decoded_label = QLabel(_NOT_DECODED)
        self.decoded_label.setWordWrap(True)
        self.half_box = _combo()
        self.contour = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.contour.setToolTip(
            "Contour of every map in the scene, in the maps' own grey values: never rescaled"
        )
        self.ghost = QCheckBox("Consensus around it, translucent")
        self.ghost.setChecked(True)
        self.gaussians = QCheckBox("Gaussians as points")
        group = QGroupBox("Conformation at the cursor")
        form = _form(group)
        form.addRow(self.decoded_label)
        form.addRow("Decoder", self.half_box)
        form.addRow("Contour", self.contour)
        form.addRow(self.ghost)
        form.addRow(self.gaussians)
        self.half_label = form.labelForField(self.half_box)
        return group

    def _selection_group(self) -> QGroupBox:
        self.table = SelectionTable()
        group = QGroupBox("Selections")
        layout = QVBoxLayout(group)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(self.table)
        return group

    def _connect(self) -> None:
        session, bar, table = self.session, self.map_panel.bar, self.table
        session.job_opened.connect(self._open_job)
        session.job_closed.connect(self._close_job)
        session.particles_opened.connect(self._take_particles)
        session.consensus_changed.connect(self._take_consensus)
        session.latents_changed.connect(self._take_latents)
        session.volume_changed.connect(self._take_volume)
        session.event.connect(self._take_event)
        self.space_box.currentIndexChanged.connect(self._choose_space)
        for box in (self.x_box, self.y_box, self.show_box, self.colour_box):
            box.currentIndexChanged.connect(self._refresh_map)
        self.umap.finished.connect(self._take_umap)
        self.canvas.cursor_moved.connect(self._cursor_moved)
        self.canvas.lasso_finished.connect(self._lasso)
        self.decode.shown.connect(self._decoded)
        self.half_box.currentIndexChanged.connect(self._decode_again)
        self.contour.valueChanged.connect(self.scene.set_threshold)
        self.ghost.toggled.connect(self.scene.set_ghost)
        self.gaussians.toggled.connect(self._toggle_gaussians)
        bar.undo_asked.connect(lambda: self.history and self.history.undo())
        bar.redo_asked.connect(lambda: self.history and self.history.redo())
        bar.clear_asked.connect(lambda: self.history and self.history.clear())
        bar.invert_asked.connect(self._invert)
        table.save_asked.connect(self.save_selection)
        table.load_asked.connect(self.load_selection)
        table.delete_asked.connect(self.delete_selection)
        table.export_asked.connect(self.export_selection)

    def _enable(self, enabled: bool) -> None:
        self.hint.setVisible(not enabled)
        self.map_panel.bar.setEnabled(enabled)
        for group in self.groups:
            group.setEnabled(enabled)

    # -- what is open -----------------------------------------------------------------------------

    def _open_job(self, job: Job) -> None:
        self._forget()
        self.show_dock()
        self._list_selections()

    def _close_job(self) -> None:
        self._forget()
        self.scene.clear()
        self.table.set_selections([], None)

    def _forget(self) -> None:
        """Nothing of the job before is shown."""
        self.umap.stop()
        self.history, self._map_view = None, None
        self._spaces.clear()
        self.decode.reset()
        self.scene.hide_conformation()
        self.decoded_label.setText(_NOT_DECODED)
        self.canvas.clear()
        self.canvas.set_selection(np.zeros(0, dtype=bool))
        self.map_panel.legend.set_legend(colouring.Legend(""))
        self._enable(False)

    def _take_particles(self, particles: Any) -> None:
        self._fill_colours()

    def _take_consensus(self, consensus: Map | None) -> None:
        if consensus is None:
            return
        array = consensus.array
        self.scene.show_consensus(array, consensus.pixel_size_angstrom)
        with QSignalBlocker(self.contour):
            peak = float(np.max(array))
            self.contour.setRange(0.0, peak)
            self.contour.setDecimals(_decimals(peak))
            self.contour.setSingleStep(peak / 200)
            self.contour.setValue(self.scene.threshold)
        self.decode.again()

    def _take_latents(self, latents: LatentTable) -> None:
        from napari_conformix.analysis import SelectionHistory

        if self.history is None or self.history.total != len(latents.mean):
            self.history = SelectionHistory(len(latents.mean))
            self.history.changed.connect(self._selection_changed)
            self._list_selections()  # with their counts by half, which latents tell
        self._fill_spaces(latents)
        self._fill_halves(latents)
        self._fill_colours()
        self._enable(True)
        self._refresh_map()
        self._selection_changed()
        self._look_for_umaps()

    def _take_event(self, event: Event) -> None:
        if event.kind == "checkpoint":
            self.decode.epoch = event.epoch

    def _take_volume(self, path: Path, half: int, epoch: int) -> None:
        """The live map of a run, until the user has put the cursor somewhere."""
        if self.canvas.overlay.cursor_xy is not None or half not in (0, 1):
            return
        of = f"half {half}, " if half else ""

        def show(read: tuple[np.ndarray, float]) -> None:
            if self.canvas.overlay.cursor_xy is None:
                self.scene.show_conformation(*read, label=f"Live map: {of}epoch {epoch}")

        def read() -> tuple[np.ndarray, float]:
            from napari_conformix.particles import read_map

            return read_map(path)

        self.session.run_in_worker(read, show, key="job:live map")

    # -- choices ----------------------------------------------------------------------------------

    def _fill_spaces(self, latents: LatentTable) -> None:
        umaps = [(key, space.title) for key, space in self._spaces.items() if "umap" in key]
        entries = [*map_views.available(latents), *umaps]
        _fill(self.space_box, [(title, key) for key, title in entries])
        self._fill_axes()

    def _fill_axes(self) -> None:
        """Axes of the chosen space, the first two if it has others than the space before."""
        latents, key = self.session.latents, self.space_box.currentData()
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
        _fill(self.x_box, entries, 0)
        _fill(self.y_box, entries, min(1, len(names) - 1))

    def _fill_halves(self, latents: LatentTable) -> None:
        halves = [int(h) for h in np.unique(latents.half) if h > 0]
        _fill(self.half_box, [(f"half {h}", h) for h in halves])
        for widget in (self.half_box, self.half_label):
            widget.setVisible(len(halves) > 1)
        _fill(self.show_box, [e for e in _SHOW if not e[1].startswith("half") or len(halves) > 1])

    def _fill_colours(self) -> None:
        latents, particles = self.session.latents, self.session.particles
        entries = [(name, name) for name in _BUILT_IN]
        if latents is not None and latents.motion is not None:
            count = min(3, latents.motion.shape[1])
            entries += [(f"motion {i + 1}", f"motion {i + 1}") for i in range(count)]
        if particles is not None:
            entries += [(column, column) for column in particles.columns]
        _fill(self.colour_box, entries)

    def _choose_space(self) -> None:
        self._fill_axes()
        self._refresh_map()

    @property
    def half(self) -> int:
        """The half set whose model decodes; 0 for a method with one model."""
        return int(self.half_box.currentData() or 0)

    # -- map --------------------------------------------------------------------------------------

    def _refresh_map(self) -> None:
        """Make and show the chosen view, in a worker."""
        latents, key = self.session.latents, self.space_box.currentData()
        if latents is None or key is None or self.x_box.currentData() is None:
            return
        previous, shown = self._spaces.get(key), self._map_view
        axes = (self.x_box.currentData(), self.y_box.currentData())
        show, paint = self.show_box.currentData(), self._painter()

        def make() -> tuple[MapView, colouring.Colouring]:
            space = previous
            if space is None or (space.epoch != latents.epoch and "umap" not in key):
                space = map_views.build(key, latents, previous)
            view = shown
            if view is None or view.space is not space or (view.axes, view.show) != (axes, show):
                view = map_views.view(space, axes, show, latents)
            return view, paint(view)

        self.session.run_in_worker(make, self._show_map, key="job:map")

    def _show_map(self, made: tuple[MapView, colouring.Colouring]) -> None:
        view, colours = made
        moved = self._map_view is None or self._map_view.space.key != view.space.key
        moved = moved or self._map_view.axes != view.axes
        self._map_view = view
        self._spaces[view.space.key] = view.space
        if moved:
            self.canvas.overlay.set_cursor(None)
            self.decode.forget()
        self.canvas.set_map(view, colours.rgba)
        self.map_panel.legend.set_legend(colours.legend)
        self.explanation.setText(view.space.explanation)
        self.umap.set_space(view.space)
        self._say_what_is_shown()
        if self.canvas.overlay.cursor_xy is not None:
            self.decode.request(view, self.canvas.overlay.cursor_xy, self._half_of(view))

    def _say_what_is_shown(self) -> None:
        """What the lasso can and cannot take in this map."""
        view, notes = self._map_view, []
        if view.show != "all":
            what = "held-out particles" if view.show == "validation" else view.show
            notes.append(f"This map shows {what} only: the lasso takes no others.")
        elif view.space.half:
            notes.append(f"This map shows half {view.space.half} only: the lasso takes no others.")
        drawn = len(self.canvas.drawn_rows)
        if drawn < len(view.rows):
            notes.append(
                f"{drawn:,} of {len(view.rows):,} particles are drawn; the lasso counts all."
            )
        self.map_panel.bar.set_note(" ".join(notes))

    def _painter(self) -> Callable[[MapView], colouring.Colouring]:
        """A function that colours a view as chosen; it may run in a worker."""
        name, latents = self.colour_box.currentData(), self.session.latents
        particles, count = self.session.particles, len(self.session.latents.mean)
        if name == "half set":
            return lambda view: colouring.by_half(latents.half)
        if name == "validation":
            return lambda view: colouring.by_validation(latents.validation)
        if name == "density of the map":
            return lambda view: colouring.by_density(view.xy, view.rows, count)
        if name is not None and name.startswith("motion "):
            values = latents.motion[:, int(name.split()[1]) - 1]
            return lambda view: colouring.by_number(values, name.capitalize(), "Å RMS")
        if name in (None, "one colour") or particles is None:
            return lambda view: colouring.one_colour(count)
        return lambda view: colouring.by_column(particles.column(name), name)

    def _look_for_umaps(self) -> None:
        """Offer UMAPs that were computed before, of these very latents."""
        job, latents = self.session.job, self.session.latents
        keys = [key for key, _ in map_views.available(latents) if not key.startswith("latent")]

        def find() -> list[tuple[Space, np.ndarray]]:
            from napari_conformix.analysis.umap_process import cached_umap

            found, source = [], Path(job.folder) / "latents.npz"
            for key in keys:
                space = map_views.build(key, latents)
                parameters = parameters_of(space)
                embedding = cached_umap(source, path_of(job.folder, parameters), parameters)
                if embedding is not None:
                    found.append((space, embedding))
            return found

        def offer(found: list[tuple[Space, np.ndarray]]) -> None:
            for space, embedding in found:
                self._add_umap(space, embedding)

        if (Path(job.folder) / "umap").is_dir():
            self.session.run_in_worker(find, offer, key="job:find umaps")

    def _take_umap(self, space: Space, embedding: np.ndarray) -> None:
        key = self._add_umap(space, embedding)
        self.space_box.setCurrentIndex(self.space_box.findData(key))
        self._refresh_map()

    def _add_umap(self, space: Space, embedding: np.ndarray) -> str:
        key = f"umap {space.key}"
        placed = np.isfinite(embedding[space.rows]).all(axis=1)
        base = replace(space, rows=space.rows[placed])
        title = f"UMAP of: {space.title}"
        self._spaces[key] = map_views.embedding(key, title, base, embedding[base.rows], space.epoch)
        self._fill_spaces(self.session.latents)
        return key

    # -- conformation -----------------------------------------------------------------------------

    def _cursor_moved(self, x: float, y: float) -> None:
        view = self._map_view
        if view is not None and len(view.xy):
            self.decode.request(view, (x, y), self._half_of(view))

    def _half_of(self, view: MapView) -> int:
        """A map of one half is decoded with that half's model."""
        own = view.space.half
        self.half_box.setEnabled(not own)
        return own or self.half

    def _decode_again(self) -> None:
        xy = self.canvas.overlay.cursor_xy
        if xy is not None:
            self._cursor_moved(*xy)

    def _decoded(self, decoded: Decoded) -> None:
        text = f"{decoded.model}: {decoded.support}".removeprefix(": ")
        text = text[0].upper() + text[1:]
        self.decoded_label.setText(text if decoded.spot.nearby else signed("warning", text))

    def _toggle_gaussians(self, on: bool) -> None:
        self.decode.gaussians = on
        if on:
            self.decode.again()
        else:
            self.scene.show_gaussians(None)

    # -- selection --------------------------------------------------------------------------------

    def _lasso(self, polygon: np.ndarray, mode: Mode) -> None:
        """Apply a lasso to all rows that the map shows, drawn or not."""
        from napari_conformix.analysis import points_in_polygon

        view, history = self._map_view, self.history
        if view is None or history is None:
            return

        def apply(inside: np.ndarray) -> None:
            if history is self.history:
                history.apply(_ACTIONS[mode], view.rows[inside], **_how(view, polygon))

        self.session.run_in_worker(lambda: points_in_polygon(view.xy, polygon), apply)

    def _invert(self) -> None:
        """Among the particles that the map shows, swap selected and not selected."""
        view, history = self._map_view, self.history
        if view is None or history is None:
            return
        if len(view.rows) == history.total:
            history.invert()
            return
        mask = history.mask.copy()
        mask[view.rows] ^= True
        history.replace(mask, kind="inverted", **_where(view))

    def _selection_changed(self, count: int = 0) -> None:
        history, latents = self.history, self.session.latents
        mask = history.mask
        self.canvas.set_selection(mask)
        self.map_panel.bar.set_state(history.count, history.can_undo, history.can_redo)
        self.map_panel.bar.count.setText(_count_text(mask, latents))
        self.table.set_can_save(history.count > 0)

    def _list_selections(self) -> None:
        job = self.session.job

        def show(selections: list[Any]) -> None:
            latents = self.session.latents
            self.table.set_selections(selections, None if latents is None else latents.half)

        self.session.run_in_worker(
            lambda: [job.selection(name) for name in job.selections()], show, key="job:selections"
        )

    def save_selection(self, name: str) -> None:
        """Keep what is selected under a name, in the job folder."""
        job, latents = self.session.job, self.session.latents
        colour = COLOURS[len(self.table.names) % len(COLOURS)]

        def saved(_: Any) -> None:
            self._list_selections()
            self.table.say(name, f"Saved: {len(selection):,} particles.")

        try:
            selection = self.history.to_selection(name, epoch=latents.epoch, colour=colour)
        except Exception as error:
            self.session.report_error(error)
            return
        self.session.run_in_worker(lambda: job.save_selection(selection), saved)

    def load_selection(self, name: str) -> None:
        """Make a saved selection the current one; one step that can be undone."""
        job, history = self.session.job, self.history

        def show(selection: Any) -> None:
            if history is not None and history is self.history:
                history.replace(selection.rows, kind=f"saved '{name}'", steps=list(selection.how))

        self.session.run_in_worker(lambda: job.selection(name), show)

    def delete_selection(self, name: str) -> None:
        """Take a saved selection out of the job folder."""
        job = self.session.job
        self.session.run_in_worker(
            lambda: job.delete_selection(name), lambda _: self._list_selections()
        )

    def export_selection(self, name: str, path: Path, overwrite: bool = False) -> None:
        """Write the particles of a saved selection, in a worker; the table says where."""
        job, table = self.session.job, self.table
        table.say(name, f"Writing {path} …")

        def failed(error: Exception) -> None:
            table.say(name, f"Not exported: {error}")
            self.session.report_error(error)

        def export() -> tuple[int, Path]:
            selection = job.selection(name)
            return len(selection), job.export(selection, path, overwrite=overwrite)

        self.session.run_in_worker(
            export,
            lambda done: table.say(name, f"Exported {done[0]:,} particles to {done[1]}"),
            failed,
        )

    # -- dock -------------------------------------------------------------------------------------

    def show_dock(self) -> None:
        """Put the map beside the scene, once; nothing without a window (a viewer model alone)."""
        window = getattr(self.session.viewer, "window", None)
        if self.dock is not None or window is None:
            return
        self.dock = window.add_dock_widget(
            self.map_panel, name="Latent map", area="right", add_vertical_stretch=False
        )
        # A floating dock would lose its OpenGL context.
        features = self.dock.features() & ~QDockWidget.DockWidgetFeature.DockWidgetFloatable
        self.dock.setFeatures(features)
        own = _dock_of(self)
        if own is not None and not own.isFloating():
            self.dock.window().splitDockWidget(self.dock, own, Qt.Orientation.Horizontal)
            # Qt gives a new dock its size only once it has laid the window out.
            QTimer.singleShot(0, self._share_width)

    def _share_width(self) -> None:
        """Map and scene side by side, equally wide."""
        main, own = self.dock.window(), _dock_of(self)
        both = main.centralWidget().width() + self.dock.width()
        sizes = [both // 2, own.width()]
        main.resizeDocks([self.dock, own], sizes, Qt.Orientation.Horizontal)


def _how(view: MapView, polygon: np.ndarray) -> dict[str, Any]:
    """How a lasso was drawn, to be kept with the selection."""
    return {"kind": "lasso", "polygon": np.round(polygon, 6).tolist(), **_where(view)}


def _where(view: MapView) -> dict[str, Any]:
    axes = [view.space.axes[axis] for axis in view.axes]
    return {
        "embedding": view.space.key,
        "axes": axes,
        "show": view.show,
        "half": view.space.half,
        "epoch": view.space.epoch,
    }


def _count_text(mask: np.ndarray, latents: LatentTable) -> str:
    """Two lines: how many are selected, and of which half sets."""
    count, total = int(mask.sum()), len(mask)
    if not count:
        return f"Nothing selected of {total:,} particles.\nChoose Lasso and draw around some."
    parts = []
    by_half = np.bincount(np.clip(latents.half[mask], 0, 2), minlength=3)
    if by_half[1:].any():
        parts += [f"half 1: {by_half[1]:,}", f"half 2: {by_half[2]:,}"]
    parts.append(f"held out: {int(np.count_nonzero(latents.validation & mask)):,}")
    return f"Selected {count:,} of {total:,} ({100 * count / total:.1f} %)\n" + ", ".join(parts)


def _combo() -> QComboBox:
    """A list that does not widen the panel."""
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    return box


def _form(group: QGroupBox) -> QFormLayout:
    form = QFormLayout(group)
    form.setContentsMargins(8, 6, 8, 8)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form


def _fill(box: QComboBox, entries: list[tuple[str, Any]], default: int = 0) -> None:
    """Set the entries of a list and keep the choice if it is still there; tells nobody."""
    chosen = box.currentData()
    with QSignalBlocker(box):
        box.clear()
        for text, data in entries:
            box.addItem(text, data)
        place = box.findData(chosen) if chosen is not None else -1
        box.setCurrentIndex(place if place >= 0 else min(default, len(entries) - 1))


def _decimals(peak: float) -> int:
    return int(np.clip(3 - np.floor(np.log10(peak or 1.0)), 0, 8))


def _dock_of(widget: QWidget) -> QDockWidget | None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent
