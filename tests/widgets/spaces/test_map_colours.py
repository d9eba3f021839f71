"""Colours, axes and the second view of the Explore page, with a mouse."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from explore_fakes import FakeJob
from explore_window import Window
from qt_waiting import handle_events, pause, settle
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_conformix.analysis.spaces import UmapParameters, views
from napari_conformix.analysis.spaces.umap_process import cache_key, read_rows, write_result
from napari_conformix.widgets.colours.colouring import MISSING
from napari_conformix.widgets.latent_view import Tool

WINDOW = Window
_LEFT = Qt.MouseButton.LeftButton


class ClusteredJob(FakeJob):
    """With two sets of clusters and a saved selection's folder."""

    def cluster_sets(self) -> list[str]:
        return ["kmeans2", "kmeans3"]

    def cluster_set(self, name: str) -> SimpleNamespace:
        k = int(name[-1])
        cuts = np.linspace(-40, 40, k + 1)[1:-1]
        labels = np.digitize(self.angle, cuts)
        return SimpleNamespace(clustering=SimpleNamespace(labels=labels, k=k), __len__=lambda: k)


def choose_data(window: Window, box, data) -> None:
    index = box.findData(data)
    assert index >= 0, [box.itemText(i) for i in range(box.count())]
    box.setCurrentIndex(index)
    window.settle()


def drag_handle(window: Window, legend, part: str, pixels: int) -> None:
    start = legend.bar.handle_place(part).toPoint()
    QTest.mousePress(legend.bar, _LEFT, pos=start)
    for step in range(1, 6):
        QTest.mouseMove(legend.bar, QPoint(start.x() + round(step * pixels / 5), start.y()))
        pause(0.01)
    QTest.mouseRelease(legend.bar, _LEFT, pos=QPoint(start.x() + pixels, start.y()))
    window.wait(lambda: not window.session.workers.busy("job:recolour"))


def test_a_dragged_range_recolours_and_selects(window: Window) -> None:
    maps, legend = window.page.views, window.page.view_panel.legend
    choose_data(window, maps.colour_box, "motion 1")
    before = window.page.canvas.drawn_colours.copy()
    drag_handle(window, legend, "low", 60)
    low, high = legend.bar.low, legend.bar.high
    assert not np.array_equal(window.page.canvas.drawn_colours, before)
    QTest.mouseClick(legend.grey, _LEFT)
    window.wait(lambda: not window.session.workers.busy("job:recolour"))
    motion = window.job.latents().motion[:, 0]
    inside = (motion >= low) & (motion <= high)
    grey = (maps.colours.made.rgba == MISSING).all(axis=1)
    assert np.array_equal(grey, ~inside)
    assert legend.select.text() == f"Select these {inside.sum():,}"
    QTest.mouseClick(legend.select, _LEFT)
    window.wait(lambda: len(window.selected) > 0)
    assert np.array_equal(window.selected, np.flatnonzero(inside))
    step = window.page.history.steps[-1]
    assert step["kind"] == "range"
    assert (step["column"], step["low"], step["high"]) == ("motion 1", low, high)
    QTest.mouseClick(legend.grey, _LEFT)
    window.wait(lambda: not window.session.workers.busy("job:recolour"))


def test_the_range_stays_with_newer_latents_and_goes_with_a_double_click(window: Window) -> None:
    maps, legend = window.page.views, window.page.view_panel.legend
    choose_data(window, maps.colour_box, "rlnDefocusU")
    chosen = legend.bar.low, legend.bar.high
    drag_handle(window, legend, "high", -70)
    high = legend.bar.high
    assert high < chosen[1]
    maps.refresh()
    window.settle()
    assert legend.bar.high == high
    assert maps.colours.made.legend.high == high
    choose_data(window, maps.colour_box, "rlnAngleRot")
    choose_data(window, maps.colour_box, "rlnDefocusU")
    assert legend.bar.high == high, "each column keeps its own"
    QTest.mouseDClick(legend.bar, _LEFT, pos=legend.bar.handle_place("both").toPoint())
    window.settle()
    assert (legend.bar.low, legend.bar.high) == pytest.approx(chosen)


def test_categories_of_the_legend_select_add_and_remove(window: Window) -> None:
    maps, strip = window.page.views, window.page.view_panel.legend.strip
    choose_data(window, maps.colour_box, "rlnClassNumber")
    classes = window.job.particles.column("rlnClassNumber")

    def click(place: int, key=Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseClick(strip, _LEFT, key, strip.place_of(place).toPoint())
        window.settle()

    click(0)
    assert np.array_equal(window.selected, np.flatnonzero(classes == 1))
    click(2, Qt.KeyboardModifier.ShiftModifier)
    assert np.array_equal(window.selected, np.flatnonzero(np.isin(classes, [1, 3])))
    click(0, Qt.KeyboardModifier.AltModifier)
    assert np.array_equal(window.selected, np.flatnonzero(classes == 3))
    assert window.page.history.steps[-1]["column"] == "rlnClassNumber"
    choose_data(window, maps.colour_box, "current selection")
    window.bar.clear.click()
    window.settle()
    assert [c.label for c in maps.colours.made.legend.categories] == ["not in it"]


def test_every_set_of_clusters_can_be_coloured_by(empty: Window, tmp_path) -> None:
    empty.open(ClusteredJob(tmp_path))
    maps = empty.page.views
    empty.wait(lambda: maps.colour_box.findData("clusters kmeans3") >= 0)
    choose_data(empty, maps.colour_box, "clusters kmeans3")
    labels = empty.job.cluster_set("kmeans3").clustering.labels
    assert np.array_equal(maps.colours.made.labels, labels)
    strip = empty.page.view_panel.legend.strip
    QTest.mouseClick(strip, _LEFT, pos=strip.place_of(1).toPoint())
    empty.settle()
    assert np.array_equal(empty.selected, np.flatnonzero(labels == 1))
    step = empty.page.history.steps[-1]
    assert (step["kind"], step["set"], step["numbers"]) == ("cluster", "kmeans3", [2])


def test_a_colour_is_found_by_typing_a_part_of_its_name(window: Window) -> None:
    box = window.page.views.colour_box
    for typed, expected in (("defoc", "rlnDefocusU"), ("HALF SET", "half set")):
        box.lineEdit().selectAll()
        QTest.keyClicks(box.lineEdit(), typed)
        QTest.keyClick(box.lineEdit(), Qt.Key.Key_Return)
        window.settle()
        assert box.currentData() == expected
        assert box.currentText() == expected
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), "nothing of the kind")
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Return)
    assert box.currentText() == "half set"


def test_headings_cannot_be_chosen(window: Window) -> None:
    box = window.page.views.colour_box
    headings = [i for i in range(box.count()) if box.itemData(i) is None]
    assert [box.itemText(i) for i in headings][:2] == ["The view", "Motion coordinates"]
    for i in headings:
        assert box.model().item(i).flags() == Qt.ItemFlag.NoItemFlags


def test_any_two_columns_are_the_axes_of_a_view(window: Window) -> None:
    maps = window.page.views
    choose_data(window, maps.space_box, "columns")
    choose_data(window, maps.x_box, "rlnDefocusU")
    choose_data(window, maps.y_box, "rlnAngleRot")
    view, columns = window.page.latent_view, window.job.particles
    expected = np.stack([columns.column(n) for n in ("rlnDefocusU", "rlnAngleRot")], axis=1)
    np.testing.assert_allclose(view.xy, expected, rtol=1e-5)
    assert window.overlay.axis_labels == ("rlnDefocusU (Å)", "rlnAngleRot (°)")
    # Different units have scales of their own: the particles fill the view both ways.
    low, high = window.overlay.transform.to_pixels(np.array(view.extent))
    width, height = np.abs(high - low)
    assert width == pytest.approx(height, rel=0.01)
    assert width > 0.6 * min(window.overlay.width(), window.overlay.height())
    # A lasso is in the units of the columns.
    window.lasso([(15000, -90), (18000, -90), (18000, 90), (15000, 90)])
    x, y = expected.T
    inside = (x > 15000) & (x < 18000) & (np.abs(y) < 90)
    assert np.count_nonzero(inside ^ window.page.history.mask) < 0.02 * inside.sum() + 3
    assert window.page.history.steps[-1]["axes"] == ["rlnDefocusU", "rlnAngleRot"]


def test_at_a_place_of_two_columns_the_nearest_particles_are_decoded(window: Window) -> None:
    maps = window.page.views
    choose_data(window, maps.space_box, "columns")
    choose_data(window, maps.x_box, "trueAngle")
    choose_data(window, maps.y_box, "rlnDefocusU")
    window.bar.choose_tool(Tool.CURSOR)
    window.drag([(0.0, 15000.0), (30.0, 15000.0)])
    window.settle()
    angle = window.job.angle_of(window.job.decoded[-1], window.job.half[0])
    spot = window.page.latent_view.spot((30.0, 15000.0), 1)
    assert window.job.angle_of(spot.latent, 1) == pytest.approx(30, abs=3)
    assert spot.nearby > 0
    assert np.isfinite(angle)


def test_words_cannot_be_an_axis(window: Window) -> None:
    maps = window.page.views
    choose_data(window, maps.space_box, "columns")
    offered = maps.x_box.texts()
    assert "rlnMicrographName" not in offered
    assert {"motion 1", "PC 1 of half 1", "latent 2 of half 2", "rlnDefocusU"} <= set(offered)


def test_the_particle_under_the_mouse_is_reported(window: Window) -> None:
    choose_data(window, window.page.views.colour_box, "rlnDefocusU")
    window.wait(lambda: "Micrograph" in window.page.canvas.describe(7))
    lines = window.page.canvas.describe(7).splitlines()
    columns, job = window.job.particles, window.job
    assert lines[0] == "Particle of row 7 (counted from 0)"
    assert f"Micrograph: {columns.column('rlnMicrographName')[7]}" in lines
    used = "held out" if job.validation[7] else "trained on"
    assert f"Half {job.half[7]}, {used}" in lines
    assert f"rlnDefocusU: {columns.column('rlnDefocusU')[7]:,.0f} Å" in lines


# -- the second view -------------------------------------------------------------------------------


@pytest.fixture
def linked(window: Window):
    page = window.page
    QTest.mouseClick(page.linked.button, _LEFT)
    window.wait(lambda: page.linked.views.latent_view is not None)
    window.settle()
    yield page.linked
    page.linked.close_view()


def test_the_second_view_shares_selection_and_lasso(window: Window, linked) -> None:
    view = linked.views.latent_view
    assert view.space.key == "pca1", "other axes than the first view's"
    window.lasso([(4, -3), (9, -3), (9, 3), (4, 3)])
    assert np.array_equal(linked.panel.canvas._selection, window.page.history.mask)
    # A lasso in the second view selects in both.
    overlay = linked.panel.canvas.overlay
    assert overlay.tool is Tool.LASSO, "both have the same tool"
    before = len(window.page.history.steps)
    corners = np.array([(0.1, 0.1), (0.45, 0.1), (0.45, 0.9), (0.1, 0.9), (0.1, 0.1)])
    pixels = corners * [overlay.width(), overlay.height()]
    QTest.mousePress(overlay, _LEFT, pos=QPoint(*map(int, pixels[0])))
    for pixel in pixels[1:]:
        QTest.mouseMove(overlay, QPoint(*map(int, pixel)))
        pause(0.02)
    QTest.mouseRelease(overlay, _LEFT, pos=QPoint(*map(int, pixels[-1])))
    window.wait(lambda: len(window.page.history.steps) > before)
    corner = overlay.transform.to_view(pixels[:4].astype(int).astype(float))
    low, high = corner.min(axis=0), corner.max(axis=0)
    inside = ((view.xy > low) & (view.xy < high)).all(axis=1)
    assert inside.sum() > 50
    assert np.array_equal(window.selected, view.rows[inside])
    step = window.page.history.steps[-1]
    assert (step["kind"], step["embedding"], step["half"]) == ("lasso", "pca1", 1)
    assert np.array_equal(window.page.canvas._selection, window.page.history.mask)


def test_the_cursor_and_the_mouse_are_shared(window: Window, linked) -> None:
    first, second = window.page.latent_view, linked.views.latent_view
    window.bar.choose_tool(Tool.CURSOR)
    window.drag([(0, 0), (5, 0)])
    window.settle()
    x, y = linked.panel.canvas.overlay.cursor_xy
    row = second.row_near((x, y))
    nearest = first.rows[np.isin(first.rows, second.rows)]
    places = np.array([first.place_of(r) for r in nearest])
    assert row == nearest[np.square(places - window.overlay.cursor_xy).sum(axis=1).argmin()]
    # The other way round: the molecule follows the second view's cursor.
    decoded = len(window.job.decoded)
    target = second.rows[10]
    linked.panel.canvas.cursor_moved.emit(*second.place_of(target))
    window.settle()
    assert window.overlay.cursor_xy == pytest.approx(first.place_of(target))
    assert len(window.job.decoded) > decoded
    linked.panel.canvas.hovered.emit(int(target))
    assert window.overlay.hovered_xy == pytest.approx(first.place_of(target))
    window.page.canvas.hovered.emit(None)
    assert linked.panel.canvas.overlay.hovered_xy is None


def test_a_lasso_in_the_second_view_is_counted_and_dropped(window: Window, linked) -> None:
    window.bar.tools[Tool.LASSO].click()
    overlay, view = linked.panel.canvas.overlay, linked.views.latent_view
    said = window.bar.count.text()
    corners = np.array([(0.1, 0.1), (0.45, 0.1), (0.45, 0.9), (0.1, 0.9)])
    pixels = (corners * [overlay.width(), overlay.height()]).astype(int)
    QTest.mousePress(overlay, _LEFT, pos=QPoint(*map(int, pixels[0])))
    for pixel in pixels[1:]:
        QTest.mouseMove(overlay, QPoint(*map(int, pixel)))
        handle_events()
    places = overlay.transform.to_view(pixels.astype(float))
    inside = ((view.xy > places.min(axis=0)) & (view.xy < places.max(axis=0))).all(axis=1)
    expected = f"Inside {inside.sum():,} of 2,000 "
    window.wait(lambda: window.bar.count.text().startswith(expected))
    linked.panel.bar.cancelled.emit()
    settle()
    assert not overlay.drawing
    assert window.bar.count.text() == said
    QTest.mouseRelease(overlay, _LEFT)
    settle()
    assert window.page.history.count == 0


def test_a_kept_umap_is_what_the_second_view_shows(empty: Window, tmp_path) -> None:
    job = FakeJob(tmp_path)
    table = job.latents()
    np.savez(tmp_path / "latents.npz", mean=table.mean, half=table.half, motion=table.motion)
    for neighbours in (15, 30):
        parameters = UmapParameters(array="motion", neighbours=neighbours)
        values = read_rows(tmp_path / "latents.npz", parameters)
        out = tmp_path / "umap" / f"{parameters.name}.npz"
        write_result(out, values[:, :2] + neighbours, cache_key(values, parameters), parameters)
    empty.open(job)
    page, store = empty.page, empty.page.views.umaps
    empty.wait(lambda: len(store.spaces) == 2)
    titles = [page.views.space_box.itemText(i) for i in range(page.views.space_box.count())]
    assert sum("15 neighbours" in title for title in titles) == 1
    page.linked.open_view()
    empty.wait(lambda: page.linked.views.latent_view is not None)
    empty.settle()
    view = page.linked.views.latent_view
    assert view.space.key == "umap motion_n15_d0.1"
    np.testing.assert_allclose(view.xy, table.motion[:, :2] + 15, rtol=1e-5)
    # Deleted on the page: the file is gone, and the second view shows another one.
    control = page.views.umap
    control.kept_box.setCurrentIndex(control.kept_box.findData("umap motion_n15_d0.1"))
    control.delete.click()
    empty.settle()
    assert [path.name for path in (tmp_path / "umap").iterdir()] == ["motion_n30_d0.1.npz"]
    assert page.linked.views.latent_view.space.key != "umap motion_n15_d0.1"
    page.linked.close_view()
    assert empty.messages == []


def test_a_umap_is_made_followed_and_cancelled(window: Window, tmp_path, monkeypatch) -> None:
    """The process itself has its own tests; here one that is as far as it is set to be."""
    from napari_conformix.analysis import spaces
    from napari_conformix.analysis.spaces import umap_process

    table = window.job.latents()
    np.savez(tmp_path / "latents.npz", mean=table.mean, half=table.half, motion=table.motion)
    started = []

    class Handle:
        def __init__(self, source, out, parameters) -> None:
            self.out, self.parameters, self.cancelled = out, parameters, False
            self.now = umap_process.UmapProgress("fitting", 0.4)
            started.append(self)

        def poll(self):
            return self.now

        def result(self):
            return table.motion[:, :2] + 100

        def cancel(self) -> None:
            self.cancelled = True

    monkeypatch.setattr(spaces, "start_umap", Handle)
    control = window.page.views.umap
    control.neighbours.setValue(40)
    control.min_dist.setValue(0.25)
    control.fit_rows.setValue(1500)
    control.fast.setChecked(True)
    control.start.click()
    window.wait(lambda: control.progress.value() == 40)
    assert control.said.text() == "UMAP: laying out"
    assert not control.start.isVisibleTo(control)
    expected = UmapParameters("motion", None, 40, 0.25, 1500, repeatable=False)
    assert started[0].parameters == expected
    assert started[0].out == tmp_path / "umap" / "motion_n40_d0.25_f1500_fast.npz"
    control.cancel.click()
    assert started[0].cancelled
    assert control.said.text() == "UMAP was cancelled."
    control.start.click()
    started[1].now = umap_process.UmapProgress("finished", 1.0)
    window.wait(lambda: window.page.latent_view.space.key.startswith("umap motion_n40"))
    np.testing.assert_allclose(window.page.latent_view.xy, table.motion[:, :2] + 100, rtol=1e-5)
    explanation = window.page.views.explanation.text()
    assert "fitted to 1,500 of 2,000 particles, not exactly repeatable" in explanation
    # Of a UMAP there is no way back: the nearest particles are decoded.
    assert window.page.latent_view.space.inverse is None
    for box, value in ((control.neighbours, 15), (control.fit_rows, 200_000)):
        box.setValue(value)
    control.fast.setChecked(False)


def test_a_second_view_that_is_closed_does_not_look_back(window: Window, linked) -> None:
    linked.close_view()
    shown = linked.views.latent_view
    past = views.Past(window.session.latents, False)
    window.page.views.show_past(past)
    window.settle()
    assert linked.views.past is None  # its axes may be those of another job by then
    assert linked.views.latent_view is shown
    linked.open_view()
    assert linked.views.past is past
    window.page.views.show_past(None)
    window.settle()
    assert linked.views.past is None
