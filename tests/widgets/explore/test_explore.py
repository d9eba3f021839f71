"""The Explore page in a real window: views, colours, live decoding, named selections."""

import time

import numpy as np
import pytest
from explore_fakes import FakeJob
from explore_window import Window
from qtpy.QtWidgets import QMessageBox

from napari_conformix.analysis.spaces import views
from napari_conformix.training import events

WINDOW = Window


# -- the view --------------------------------------------------------------------------------------


def test_motion_view_holds_both_halves_and_says_what_its_axes_are(window: Window) -> None:
    view = window.page.latent_view
    assert view.space.key == "motion"
    assert set(view.row_half) == {1, 2}
    x_label, y_label = window.overlay.axis_labels
    assert x_label.startswith("Motion 1 (Å RMS), ")
    share = int(x_label.split(", ")[1].split(" %")[0])
    assert share == round(100 * window.job.latents().motion_variance[0])
    assert y_label.startswith("Motion 2 (Å RMS), ")
    assert "trained independently" in window.page.views.explanation.text()


def test_views_of_latents_never_mix_halves(window: Window) -> None:
    titles = [
        window.page.views.space_box.itemText(i) for i in range(window.page.views.space_box.count())
    ]
    assert titles[-1] == "Any two columns"  # what both halves have: no latents
    for title in titles[1:-1]:
        window.choose(window.page.views.space_box, title)
        half = 1 if "half 1" in title else 2
        assert set(window.page.latent_view.row_half) == {half}, title
        assert f"half {half} only" in window.bar.note.text()


def test_points_are_drawn_in_their_colours(window: Window) -> None:
    window.choose(window.page.views.colour_box, "motion 1")
    middle = window.map_picture()
    columns = np.flatnonzero((middle.sum(axis=2) > 120).any(axis=0))
    left, right = columns[0] + 3, columns[-1] - 3

    def mean_colour(column: int) -> np.ndarray:
        strip = middle[:, column - 2 : column + 3].reshape(-1, 3)
        return strip[strip.sum(axis=1) > 120].mean(axis=0)

    violet, yellow = mean_colour(left), mean_colour(right)
    assert violet[2] > violet[1]  # viridis begins violet ...
    assert yellow[0] > 2 * yellow[2]  # ... and ends yellow
    assert yellow[1] > 2 * yellow[2]
    legend = window.page.view_panel.legend
    assert legend.isVisible()
    assert legend.title == "Motion 1 (Å RMS)"
    window.page.canvas.clear()
    assert (window.map_picture().sum(axis=2) > 120).mean() < 0.001


def test_a_job_of_fewer_particles_is_drawn_after_a_larger_one(window: Window, tmp_path) -> None:
    for count in (300, 900, 200):
        (tmp_path / str(count)).mkdir()
        window.open(FakeJob(tmp_path / str(count), count=count))
        assert window.messages == []
        assert len(window.page.canvas.drawn_rows) == count
        assert (window.map_picture().sum(axis=2) > 250).sum() > 50


def test_every_kind_of_column_can_be_chosen_one_after_the_other(window: Window) -> None:
    box = window.page.views.colour_box
    for index in [*range(box.count()), 1, 4, 0]:
        box.setCurrentIndex(index)
        window.settle()
    assert window.messages == []


def test_categories_are_counted(window: Window) -> None:
    window.choose(window.page.views.colour_box, "rlnClassNumber")
    counts = {c.label: c.count for c in window.page.view_panel.legend.legend.categories}
    classes = window.job.particles.column("rlnClassNumber")
    assert counts == {str(k): int((classes == k).sum()) for k in (1, 2, 3, 4)}


def test_refresh_keeps_selection_camera_and_the_sense_of_axes(window: Window) -> None:
    window.lasso([(4, -3), (9, -3), (9, 3), (4, 3)])
    camera = window.overlay.transform
    camera.look_at(2.0, 0.5, camera.zoom * 1.3)  # as a user who zoomed
    before = (window.selected.copy(), camera.centre, camera.zoom)
    old = window.page.latent_view.xy.copy()
    window.job.epoch, window.job.sign = 13, -1.0  # the trainer's axis comes out reversed
    window.job.tell(events.Latents(epoch=13))
    window.wait(lambda: window.page.latent_view.space.epoch == 13)
    window.settle()
    assert np.array_equal(window.selected, before[0])
    assert (camera.centre, camera.zoom) == before[1:]
    assert np.corrcoef(old[:, 0], window.page.latent_view.xy[:, 0])[0, 1] > 0.99


def test_a_principal_component_view_inverts_exactly() -> None:
    rng = np.random.default_rng(0)
    count, half = 500, np.repeat([1, 2], 250).astype(np.int8)
    mean = rng.normal(size=(count, 5)).astype(np.float32) * [3, 2, 1, 0.5, 0.1]
    table = FakeTable(mean, half)
    space = views.build("pca1", table)
    view = views.view(space, (0, 1), "all", table)
    row = 17
    place = space.coordinates[row]
    own = view.spot((float(place[0]), float(place[1])), 1)
    flat = place.copy()
    flat[2:] = 0
    centre = mean[half == 1].mean(axis=0)
    components = np.linalg.svd(mean[half == 1] - centre, full_matrices=False)[2]
    expected = centre + sum(
        ((mean[row] - centre) @ component) * component for component in components[:2]
    )
    np.testing.assert_allclose(own.latent, expected, atol=1e-4)
    assert own.half == 1


def test_a_method_with_one_model_has_no_halves_to_keep_apart() -> None:
    rng = np.random.default_rng(0)
    table = FakeTable(rng.normal(size=(100, 3)), np.zeros(100, dtype=np.int8))
    assert views.available(table) == [
        ("pca0", "Principal components"),
        ("latent0", "Latent axes"),
    ]
    view = views.view(views.build("latent0", table), (2, 0), "all", table)
    spot = view.spot((0.5, -0.5), 0)
    assert spot.half == 0
    np.testing.assert_allclose(spot.latent[[2, 0]], [0.5, -0.5])
    assert spot.latent[1] == pytest.approx(table.mean[:, 1].mean(), abs=1e-5)


class FakeTable:
    """Latents without a motion view."""

    def __init__(self, mean: np.ndarray, half: np.ndarray) -> None:
        self.mean, self.half = mean.astype(np.float32), half
        self.validation = np.zeros(len(mean), dtype=bool)
        self.epoch, self.motion, self.motion_unit = 1, None, ""


# -- live decoding --------------------------------------------------------------------------------


def test_dragging_the_cursor_moves_the_molecule(window: Window) -> None:
    window.drag([(0, 0), (-3, 0), (-6, 0)])
    window.settle()
    left = window.scene_picture()
    decoded = window.job.angle_of(window.job.decoded[-1], 1)
    assert decoded == pytest.approx(-30, abs=4)  # 5 degrees to an Angstrom of motion
    window.drag([(-6, 0), (0, 0), (6, 0)])
    window.settle()
    right = window.scene_picture()
    assert window.job.angle_of(window.job.decoded[-1], 1) == pytest.approx(30, abs=4)

    def centre_of_blue(picture: np.ndarray) -> float:
        blue = (picture[..., 2] > picture[..., 0] + 30) & (picture[..., 2] > 60)
        top = blue[: int(np.flatnonzero(blue.any(axis=1)).mean())]
        return float(np.flatnonzero(top.any(axis=0)).mean())

    assert centre_of_blue(right) > centre_of_blue(left) + 20
    assert window.page.conformation.decoded_label.text().startswith("Half 1, epoch 12: ")
    assert "particles nearby" in window.viewer.canvas.overlays.text.text


def test_where_there_are_no_particles_the_label_warns(window: Window) -> None:
    window.drag([(0, 6), (0, 6.5)])
    window.settle()
    assert window.messages == []
    assert "no particles here: extrapolated" in window.page.conformation.decoded_label.text()


def test_the_newest_place_wins_over_a_slow_decoder(window: Window) -> None:
    window.job.decode_seconds = 0.15
    began = time.monotonic()
    window.drag([(x, 0.0) for x in np.linspace(-7, 7, 60)])
    dragged = time.monotonic() - began
    window.settle()
    assert window.job.most_at_once == 1
    assert 2 <= len(window.job.decoded) <= dragged / 0.15 + 2  # none was waited for in vain
    last = window.job.angle_of(window.job.decoded[-1], 1)
    assert last == pytest.approx(35, abs=4)


def test_the_other_half_decodes_the_same_place_with_its_own_latents(window: Window) -> None:
    window.drag([(5, 0), (6, 0)])
    window.settle()
    window.choose(window.page.conformation.half_box, "half 2")
    assert window.job.angle_of(window.job.decoded[-1], 2) == pytest.approx(30, abs=4)
    assert window.page.conformation.decoded_label.text().startswith("Half 2")


def test_the_contour_is_absolute_and_never_follows_the_map(window: Window) -> None:
    consensus_contour = window.page.scene.threshold
    window.drag([(0, 0), (6, 0)])
    window.settle()
    assert window.page.scene.threshold == consensus_contour
    window.page.conformation.contour.setValue(0.6)
    window.settle()
    shown = {name: shown.threshold for name, shown in window.page.scene._maps.items()}
    assert shown == {"Consensus": pytest.approx(0.6), "Conformation": pytest.approx(0.6)}


def test_the_live_map_of_a_run_is_shown_until_the_cursor_is_placed(window: Window) -> None:
    from napari_conformix.particles import write_map

    write_map(window.job.folder / "live.mrc", window.job.volume(25.0), 3.0)
    window.job.tell(events.Volume(epoch=14, path="live.mrc", half=1))
    window.wait(lambda: "Live map" in window.page.scene.label)
    assert window.page.scene.label == "Live map: half 1, epoch 14"
    window.drag([(0, 0), (1, 0)])
    window.settle()
    heard = []
    window.session.volume_changed.connect(lambda *told: heard.append(told))
    window.job.tell(events.Volume(epoch=15, path="live.mrc", half=1))
    window.wait(lambda: heard)
    window.settle()
    assert "nearby" in window.page.scene.label


# -- named selections -----------------------------------------------------------------------------


def test_save_export_load_and_delete_a_selection(window: Window, monkeypatch) -> None:
    window.lasso([(4, -3), (9, -3), (9, 3), (4, 3)])
    chosen = window.selected.copy()
    table = window.page.selections.table
    table.name.setText("far end")
    table.save.click()
    window.wait(lambda: table.names == ["far end"])
    halves = np.bincount(window.job.latents().half[chosen], minlength=3)
    held_out = int(window.job.latents().validation[chosen].sum())
    assert table.table.text(0, 1) == (
        f"{len(chosen):,} ({len(chosen) / 20:.1f} %)\nhalf 1: {halves[1]:,}\nhalf 2: {halves[2]:,}"
        f"\nheld out: {held_out:,}"
    )
    saved = window.job.selection("far end")
    assert np.array_equal(saved.rows, chosen)
    assert saved.epoch == 12
    assert saved.how[-1]["kind"] == "lasso"
    assert saved.how[-1]["axes"] == ["Motion 1", "Motion 2"]

    table.select("far end")
    path = window.job.folder / "far.star"
    window.page.selections.export("far end", path)
    window.wait(lambda: table.written.text().startswith("Exported"))
    assert str(path) in table.written.text()
    assert table.table.text(0, 2).endswith(f"→ {path}")
    angles = np.array([float(line) for line in path.read_text().splitlines()[4:]])
    assert len(angles) == len(chosen)
    assert angles.min() > 15  # the end of the view is the end of the motion

    window.page.selections.export("far end", path)  # the file is there: not overwritten silently
    window.wait(lambda: "there already" in table.written.text())

    window.bar.clear.click()
    assert len(window.selected) == 0
    table.load.click()
    window.wait(lambda: len(window.selected) == len(chosen))
    assert np.array_equal(window.selected, chosen)
    window.bar.undo.click()
    assert len(window.selected) == 0

    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    table.delete.trigger()
    window.settle()
    assert window.job.selections() == ["far end"]
    table.delete.trigger()
    window.wait(lambda: table.names == [])
    assert window.job.selections() == []


def test_a_bad_name_is_refused_with_a_sentence(window: Window) -> None:
    window.lasso([(4, -3), (9, -3), (9, 3), (4, 3)])
    window.page.selections.table.name.setText("a/b")
    window.page.selections.table.save.click()
    window.wait(lambda: any("file name may not have" in text for text in window.messages))


def test_another_job_begins_with_an_empty_page(window: Window, tmp_path) -> None:
    window.lasso([(4, -3), (9, -3), (9, 3), (4, 3)])
    window.drag([(0, 0), (1, 0)])
    window.session.close()
    window.settle()
    assert window.page.latent_view is None
    assert not any(group.isEnabled() for group in window.page.groups)
    folder = tmp_path / "second"
    folder.mkdir()
    window.open(FakeJob(folder, 500))
    assert len(window.selected) == 0
    assert len(window.page.latent_view.rows) == 500


def test_a_million_particles(window: Window, tmp_path) -> None:
    folder = tmp_path / "million"
    folder.mkdir()
    window.open(FakeJob(folder, 1_000_000))
    assert len(window.page.canvas.drawn_rows) == 1_000_000
    assert "drawn" not in window.bar.note.text()
    polygon = window.lasso([(4, -3), (9, -3), (9, 3), (4, 3)])
    x, y = window.job.latents().motion[:, :2].T
    low, high = polygon.min(axis=0), polygon.max(axis=0)  # its sides are straight
    inside = (x >= low[0]) & (x < high[0]) & (y >= low[1]) & (y < high[1])
    assert len(window.selected) > 200_000
    assert np.count_nonzero(inside ^ window.page.history.mask) == 0
    window.bar.undo.click()
    window.bar.redo.click()
    assert np.array_equal(window.page.history.mask, inside)
