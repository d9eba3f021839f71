"""Clusters from the window: make, look at, step through, combine, save, reconstruct, delete."""

import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qt_waiting import handle_events
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QFileDialog, QMessageBox
from shell_window import ShellWindow

from napari_conformix.cli.app import main as conformix
from napari_conformix.export.formats import offered_to
from napari_conformix.jobs import Job
from napari_conformix.jobs.reconstruction import ReconstructionRun
from napari_conformix.particles import read_particles
from napari_conformix.particles.latents import read_indices
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.widgets.clusters import ClustersPage
from napari_conformix.widgets.clusters.own_maps import launcher
from napari_conformix.widgets.clusters.table import ENTROPY, HALF_1, PARTICLES, RESOLUTION
from napari_conformix.widgets.colours import cluster_colour

COUNT = 300
SMALL = {
    "epochs": 2,
    "gaussians": 60,
    "warmup_epochs": 1,
    "batch_size": 32,
    "latent_dim": 2,
    "decoder_layers": 3,
    "encoder_width": 32,
    "noise_particles": 16,
}
_BUTTON = Qt.MouseButton.LeftButton


#: particles of each group, and where the groups are in the two motion coordinates, A
GROUPS = (110, 80, 60, 50)
PLACES = np.array([(-20.0, 0.0), (20.0, 0.0), (0.0, 25.0), (0.0, -25.0)])


@pytest.fixture(scope="module")
def untouched(star: Path, tmp_path_factory) -> Path:
    """A job of two epochs: its halves do not agree yet."""
    folder = tmp_path_factory.mktemp("untouched") / "job"
    maps = {name: star.parent / f"{name}.mrc" for name in ("consensus", "mask")}
    job = Job.create(
        folder, method="dynamight", particles=star, settings=SMALL, check=False, **maps
    )
    last = [*job.train()][-1]
    assert last.kind == "finished", last
    return job.folder


@pytest.fixture(scope="module")
def trained(untouched: Path, tmp_path_factory) -> Path:
    """The same with particles that form four groups, each of both halves."""
    folder = Path(shutil.copytree(untouched, tmp_path_factory.mktemp("trained") / "job"))
    table = LatentTable.load(folder / "latents.npz")
    random = np.random.default_rng(5)
    group = random.permutation(np.repeat(np.arange(4), GROUPS))
    motion = PLACES[group] + random.normal(0, 2.0, (COUNT, 2))
    replace(table, motion=motion.astype(np.float32), motion_variance=None).save(
        folder / "latents.npz"
    )
    np.save(folder / "group.npy", group)
    return folder


@pytest.fixture(scope="module")
def clustered(trained: Path, tmp_path_factory) -> Path:
    """The same with its clusters, not made in the window."""
    folder = Path(shutil.copytree(trained, tmp_path_factory.mktemp("clustered") / "job"))
    Job.open(folder).cluster(4, checks=False)
    return folder


@pytest.fixture
def own_copy(tmp_path: Path):
    """A function that copies a job, to be changed."""

    def copy(folder: Path) -> Path:
        return Path(shutil.copytree(folder, tmp_path / "job"))

    return copy


def page_of(window: ShellWindow) -> ClustersPage:
    return window.panel.pages["clusters"]


def open_job(window: ShellWindow, folder: Path) -> ClustersPage:
    """Open a job and bring the page to the front."""
    window.open(folder)
    page = page_of(window)
    window.wait(lambda: window.session.latents is not None and page.scene.threshold is not None)
    window.wait(lambda: window.panel.pages["explore"].latent_view is not None)
    window.panel.show_page("clusters")
    handle_events()
    return page


def open_clusters(window: ShellWindow, folder: Path) -> ClustersPage:
    """Open a job that has clusters, and wait until all is drawn."""
    page = open_job(window, folder)
    window.wait(lambda: page.overview is not None and page.list.table.current == 0)
    window.settle()
    return page


def click_tile(window: ShellWindow, page: ClustersPage, cluster: int, modifier=None) -> None:
    """Press the mouse on a picture."""
    area = page.parentWidget().parentWidget()
    gallery = page.maps.gallery
    place = gallery.place(cluster).center()
    spot = gallery.mapTo(page, place)
    area.ensureVisible(spot.x(), spot.y(), 10, 60)
    handle_events()
    QTest.mouseClick(gallery, _BUTTON, modifier or Qt.KeyboardModifier.NoModifier, place)
    window.settle()


def click_row(window: ShellWindow, page: ClustersPage, cluster: int, modifier=None) -> None:
    table = page.list.table
    page.parentWidget().parentWidget().ensureWidgetVisible(table)
    handle_events()
    place = table.visualRect(table.content.index(cluster, PARTICLES)).center()
    QTest.mouseClick(table.viewport(), _BUTTON, modifier or Qt.KeyboardModifier.NoModifier, place)
    window.settle()


def shown_map(page: ClustersPage) -> np.ndarray:
    """What the scene has as the conformation."""
    return page.scene._maps["Conformation"].array


def layer(window: ShellWindow, name: str):
    return next(x for x in window.viewer.layers if x.name == name)


def picture_of(page: ClustersPage, cluster: int) -> np.ndarray:
    """(h, w, 4) as it is painted."""
    image = page.maps.gallery.tiles[cluster].image
    assert image is not None
    pointer = image.constBits()
    pointer.setsize(image.sizeInBytes())
    shape = (image.height(), image.width(), 4)
    return np.frombuffer(bytes(pointer), np.uint8).reshape(shape)


CTRL = Qt.KeyboardModifier.ControlModifier


# -- empty ----------------------------------------------------------------------------------------


def test_the_page_says_what_to_do_first(window: ShellWindow, star: Path, tmp_path: Path):
    window.panel.show_page("clusters")
    page = page_of(window)
    assert "Open a job" in page.hint.text()
    assert not page.form.isEnabled()
    consensus = star.parent / "consensus.mrc"
    job = Job.create(
        tmp_path / "new", method="dynamight", particles=star, consensus=consensus, check=False
    )
    window.open(job.folder)
    window.panel.show_page("clusters")
    assert "after the first epoch of training" in page.hint.text()
    assert not page.form.isEnabled()
    assert not any(group.isVisible() for group in page.groups)


# -- making ---------------------------------------------------------------------------------------


def test_clusters_are_made_listed_drawn_and_coloured(window: ShellWindow, trained: Path, own_copy):
    folder = own_copy(trained)
    page = open_job(window, folder)
    assert "press Make clusters" in page.hint.text()
    assert "motion coordinates" in page.form.of_what.text()
    assert "epoch 2" in page.form.of_what.text()
    page.form.count.setValue(4)
    command = page.form.command.toPlainText()
    window.click(page.form.make)
    assert page.form.stop.isVisible()
    assert not page.form.make.isEnabled()
    assert not page.form.how_many.isEnabled()
    window.wait(lambda: page.overview is not None, 90)
    window.settle()
    window.wait(lambda: page.list.table.current == 0)
    window.settle()

    made = Job.open(folder).cluster_set("kmeans4")
    labels = made.clustering.labels
    table = page.list.table
    assert table.content.rowCount() == 4
    for cluster in range(4):
        count = int((labels == cluster).sum())
        assert table.text(cluster, PARTICLES) == f"{count:,} ({count / COUNT:.1%})".replace(
            "%", " %"
        )
    half = Job.open(folder).latents().half
    assert int(table.text(0, HALF_1)) == ((labels == 0) & (half == 1)).sum()
    assert table.isColumnHidden(ENTROPY)
    assert page.list.belief.level == "good"
    assert "separate groups" in page.list.belief.text()
    assert not page.list.warnings.isVisible()
    assert not page.form.isVisible()  # folded away: its work is done

    # the latent space view, in the colours of the table
    canvas = window.panel.pages["explore"].canvas
    rows = canvas.drawn_rows
    expected = np.array([cluster_colour(i) for i in labels[rows]])
    assert canvas.drawn_colours[:, :3] == pytest.approx(expected, abs=0.01)
    # its cursor on the particle whose map the scene shows, in the same colour
    view = window.panel.pages["explore"].latent_view
    place = view.place_of(int(made.clustering.representatives[0]))
    assert canvas.overlay.cursor_xy == pytest.approx(place)
    assert np.array_equal(shown_map(page), made.volume(0))
    colours = layer(window, "Conformation").colormap.colors
    assert colours[0, :3] == pytest.approx(cluster_colour(0), abs=0.01)
    assert all(tile.image is not None and not tile.stale for tile in page.maps.gallery.tiles)

    # the command line makes the same clusters
    words = shlex.split(command)
    assert words[0] == "conformix"
    with pytest.raises(SystemExit) as done:
        conformix([*words[1:], "--name", "same"])
    assert not done.value.code
    same = Job.open(folder).cluster_set("same")
    assert np.array_equal(same.clustering.labels, labels)


def test_the_same_clusters_are_not_made_twice_but_compared_with_labels(
    window: ShellWindow, clustered: Path, own_copy, tmp_path: Path, monkeypatch
):
    folder = own_copy(clustered)
    page = open_clusters(window, folder)
    group = np.load(folder / "group.npy")
    truth = np.where(group == 0, "closed", "open")
    file = tmp_path / "truth.txt"
    file.write_text("\n".join(truth) + "\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    window.click(page.form_fold.button)
    box = page.form.labels
    box.setCurrentIndex(box.count() - 1)
    box.activated.emit(box.count() - 1)
    assert box.currentText() == "truth.txt"
    page.form.count.setValue(4)
    window.click(page.form.make)
    window.wait(lambda: not page.list.table.isColumnHidden(ENTROPY))
    assert Job.open(folder).cluster_sets() == ["kmeans4"]
    assert "made before" in page.form.said.text()
    assert [page.list.table.text(i, ENTROPY) for i in range(4)] == ["0.00"] * 4
    assert "closed (100 %)" in page.list.table.text(0, ENTROPY + 1)
    assert "drawn at random" in page.list.purity.text()


def test_clusters_that_only_separate_the_halves_are_no_clusters(
    window: ShellWindow, untouched: Path, own_copy
):
    folder = own_copy(untouched)
    table = LatentTable.load(folder / "latents.npz")
    apart = np.where(table.half[:, None] == 1, PLACES[0], PLACES[1])
    motion = apart + np.random.default_rng(1).normal(0, 1.0, (COUNT, 2))
    replace(table, motion=motion.astype(np.float32)).save(folder / "latents.npz")
    Job.open(folder).cluster(2, checks=False)
    page = open_clusters(window, folder)
    assert "follow the half sets" in page.list.warnings.text()
    assert page.list.warnings.isVisible()
    assert not page.own.one.isEnabled()
    assert "one half set only" in page.own.said.text()


def test_how_many_clusters_is_answered_in_words(window: ShellWindow, trained: Path, own_copy):
    page = open_job(window, own_copy(trained))
    window.click(page.form.how_many)
    assert page.form.stop.isVisible()
    window.wait(lambda: page.form.make.isEnabled(), 90)
    assert "4 describe the 300 particles" in page.form.said.text()


def test_wrong_labels_are_refused_in_a_sentence(
    window: ShellWindow, trained: Path, own_copy, tmp_path: Path
):
    page = open_job(window, own_copy(trained))
    wrong = tmp_path / "short.npy"
    np.save(wrong, np.arange(7))
    page.form.set_labels_file(wrong)
    window.click(page.form.make)
    window.wait(lambda: page.form.make.isEnabled(), 90)
    assert "No clusters were made." in page.form.said.text()
    assert "300" in page.form.said.text()
    assert page.overview is None


def test_stopping_leaves_nothing(window: ShellWindow, trained: Path, own_copy):
    folder = own_copy(trained)
    page = open_job(window, folder)
    window.click(page.form.make)
    window.wait(lambda: page._making is not None)
    process = page._making.handle._process
    window.click(page.form.stop)
    assert process.wait(10) != 0
    assert page.form.make.isEnabled()
    assert not page.form.stop.isVisible()
    assert "Stopped" in page.form.said.text()
    assert Job.open(folder).cluster_sets() == []


def test_closing_the_job_ends_what_makes_clusters(window: ShellWindow, trained: Path, own_copy):
    page = open_job(window, own_copy(trained))
    window.click(page.form.make)
    window.wait(lambda: page._making is not None)
    process = page._making.handle._process
    window.session.close()
    assert process.wait(10) != 0
    assert page.overview is None
    assert not page.form.isEnabled()


# -- looking --------------------------------------------------------------------------------------


def test_a_click_on_a_picture_or_a_row_shows_that_cluster(window: ShellWindow, clustered: Path):
    page = open_clusters(window, clustered)
    contour = page.scene.threshold
    click_tile(window, page, 2)
    assert page.list.table.current == 2
    assert page.maps.slider.value() == 3
    assert page.maps.position.text() == "3 of 4"
    assert np.array_equal(shown_map(page), page.clusters.volume(2))
    assert "Cluster 3 of 4" in page.scene.label
    click_row(window, page, 1)
    assert np.array_equal(shown_map(page), page.clusters.volume(1))
    view = window.panel.pages["explore"].latent_view
    place = view.place_of(int(page.clusters.clustering.representatives[1]))
    assert window.panel.pages["explore"].canvas.overlay.cursor_xy == pytest.approx(place)
    assert page.scene.threshold == contour


def test_arrow_keys_step_through_the_maps(window: ShellWindow, clustered: Path):
    page = open_clusters(window, clustered)
    page.maps.slider.setFocus()
    for expected in (1, 2):
        QTest.keyClick(page.maps.slider, Qt.Key.Key_Right)
        window.settle()
        assert page.list.table.current == expected
        assert np.array_equal(shown_map(page), page.clusters.volume(expected))
    gallery = page.maps.gallery
    QTest.keyClick(gallery, Qt.Key.Key_Left)
    assert page.list.table.current == 1
    for _ in range(5):
        QTest.keyClick(gallery, Qt.Key.Key_Left)
    assert page.list.table.current == 0
    window.settle()
    assert page.maps.slider.value() == 1


def test_a_click_in_the_latent_space_view_chooses_the_cluster_there(
    window: ShellWindow, clustered: Path
):
    page = open_clusters(window, clustered)
    explore = window.panel.pages["explore"]
    clustering = page.clusters.clustering
    for cluster in (3, 1):
        row = int(clustering.representatives[cluster])
        xy = np.array([explore.latent_view.place_of(row)])
        pixel = explore.canvas.overlay.transform.to_pixels(xy)[0]
        place = QPoint(round(pixel[0]), round(pixel[1]))
        native = explore.canvas.native
        target = native.childAt(place) or native
        QTest.mouseClick(target, _BUTTON, pos=place)
        window.settle()
        near = explore.latent_view.row_near(
            tuple(explore.canvas.overlay.transform.to_view(np.array([[place.x(), place.y()]]))[0])
        )
        assert page.list.table.current == int(clustering.labels[near])


def test_pictures_follow_contour_and_camera_and_look_like_the_scene(
    window: ShellWindow, clustered: Path
):
    page = open_clusters(window, clustered)
    camera = window.viewer.scene.camera
    before = [picture_of(page, i) for i in range(4)]
    page.maps.contour.setValue(0.6 * page.maps.contour.value())
    assert page.scene.threshold == pytest.approx(page.maps.contour.value())
    assert window.panel.pages["explore"].conformation.contour.value() == page.maps.contour.value()
    window.wait(lambda: any(tile.stale for tile in page.maps.gallery.tiles))
    window.settle()
    lower = [picture_of(page, i) for i in range(4)]
    for one, other in zip(before, lower, strict=True):
        assert (other[..., 3] > 0).sum() > (one[..., 3] > 0).sum()

    page.maps.ghost.setChecked(False)
    camera.angles = (20.0, 35.0, -50.0)
    window.wait(lambda: any(tile.stale for tile in page.maps.gallery.tiles))
    window.settle()
    turned = picture_of(page, 0)
    assert not np.array_equal(turned, lower[0])
    # The scene draws the same map with OpenGL; its middle square is what the picture shows.
    window.viewer.canvas.overlays.scale_bar.visible = False
    window.viewer.canvas.overlays.text.visible = False
    window.settle()
    scene = window.viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int).max(2) > 25
    height, width = scene.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = scene[top : top + side, left : left + side]
    index = ((np.arange(len(turned)) + 0.5) * side / len(turned)).astype(int)
    square, drawn = square[np.ix_(index, index)], turned[..., 3] > 0
    overlap = (square & drawn).sum() / (square | drawn).sum()
    mirrored = (square[:, ::-1] & drawn).sum() / (square[:, ::-1] | drawn).sum()
    page.maps.ghost.setChecked(True)
    camera.angles = (0.0, 0.0, 0.0)
    assert overlap > 0.85
    assert overlap > mirrored + 0.1


def test_leaving_the_page_gives_the_scene_back(window: ShellWindow, clustered: Path):
    page = open_clusters(window, clustered)
    window.panel.show_page("explore")
    window.settle()
    colours = layer(window, "Conformation").colormap.colors
    assert colours[0, :3] != pytest.approx(cluster_colour(0), abs=0.01)
    window.panel.show_page("deformation")
    window.panel.show_page("clusters")
    window.settle()
    assert page.list.table.current == 0
    assert np.array_equal(shown_map(page), page.clusters.volume(0))
    window.session.close_job()
    assert page.overview is None
    assert not layer(window, "Conformation").visible


# -- particles ------------------------------------------------------------------------------------


def test_a_small_window_keeps_room_for_the_molecule(window: ShellWindow, clustered: Path):
    open_clusters(window, clustered)
    main = window.panel.window()
    docks = [d for d in main.findChildren(QDockWidget) if d.windowTitle().startswith("layer ")]
    main.resize(1700, 900)
    window.wait(lambda: all(dock.isVisible() for dock in docks))
    main.resize(1100, 700)
    window.wait(lambda: not any(dock.isVisible() for dock in docks))
    window.wait(lambda: main.centralWidget().width() >= 150)
    main.resize(1700, 900)
    window.wait(lambda: all(dock.isVisible() for dock in docks))
    main.resize(1400, 900)


def test_particles_of_several_clusters_become_the_selection_and_back(
    window: ShellWindow, clustered: Path
):
    page = open_clusters(window, clustered)
    labels = page.clusters.clustering.labels
    history = window.panel.pages["explore"].history
    click_row(window, page, 1)
    window.click(page.list.select)
    assert np.array_equal(history.rows, np.flatnonzero(labels == 1))
    click_tile(window, page, 3, CTRL)
    assert page.list.table.rows == {1, 3}
    assert page.list.table.current == 3
    window.click(page.list.select)
    assert np.array_equal(history.rows, np.flatnonzero((labels == 1) | (labels == 3)))
    assert "clusters 2, 4" in page.list.said.text()
    how = history.how[-1]
    assert (how["kind"], how["set"], how["numbers"], how["epoch"]) == (
        "clusters", "kmeans4", [2, 4], 2,
    )  # fmt: skip
    # the command line selects the same
    select, _ = page.list.command.toPlainText().splitlines()
    with pytest.raises(SystemExit) as done:
        conformix(shlex.split(select)[1:])
    assert not done.value.code
    same = window.session.job.selection("kmeans4_clusters_02_04")
    assert np.array_equal(same.rows, history.rows)
    window.session.job.delete_selection(same.name)
    explore = window.panel.pages["explore"]
    explore.selections.save("both")
    window.wait(lambda: "both" in explore.selections.table.names)
    made = explore.selections.table.table.text(0, 2)
    assert made == "clusters 2, 4 of kmeans4; epoch 2"
    explore.selections.delete("both")
    undo = window.panel.pages["explore"].view_panel.bar
    undo.undo_asked.emit()
    window.wait(lambda: not explore.selections.table.names)
    assert np.array_equal(history.rows, np.flatnonzero(labels == 1))
    click_tile(window, page, 3, CTRL)  # one less
    assert page.list.table.rows == {1}


def test_particles_are_saved_with_every_column(
    window: ShellWindow, clustered: Path, star: Path, tmp_path: Path, monkeypatch
):
    page = open_clusters(window, clustered)
    asked = []

    def dialog(parent, title, name, filters):
        asked.append(name)
        return str(tmp_path / "picked"), "STAR file (*.star)"

    monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
    click_row(window, page, 2)
    window.click(page.list.save)
    window.wait(lambda: (tmp_path / "picked.star").exists())
    assert asked == ["kmeans4_cluster_03.star"]
    rows = page.clusters.clustering.rows(2)
    whole, part = read_particles(star), read_particles(tmp_path / "picked.star")
    assert set(whole.columns) <= set(part.columns)
    assert list(part.column("rlnImageName")) == list(whole.column("rlnImageName")[rows])
    window.wait(lambda: "Saved" in page.list.said.text())
    window.click(page.list.save)  # the name without ending was not asked about by Qt
    window.wait(lambda: "Not saved" in page.list.said.text())


def test_every_format_of_the_table_is_offered_and_its_suffix_kept(
    window: ShellWindow, clustered: Path, tmp_path: Path, monkeypatch
):
    page = open_clusters(window, clustered)
    asked = []

    def dialog(parent, title, name, filters):
        asked.append(filters)
        return str(tmp_path / "sub.pkl"), "STAR file (*.star)"

    monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
    click_row(window, page, 2)
    window.click(page.list.save)
    window.wait(lambda: "Saved" in page.list.said.text())
    assert asked == [offered_to("RELION").filters]
    assert [path.name for path in tmp_path.iterdir()] == ["sub.pkl"]
    wanted = page.clusters.clustering.rows(2)
    assert read_indices(tmp_path / "sub.pkl").tolist() == wanted.tolist()


def test_deleting_a_set_shows_the_one_before(
    window: ShellWindow, clustered: Path, own_copy, monkeypatch
):
    folder = own_copy(clustered)
    Job.open(folder).cluster(2, checks=False)
    page = open_clusters(window, folder)
    assert page.overview.name == "kmeans2"
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_: yes)
    window.click(page.list.delete)
    window.wait(lambda: page.overview is not None and page.overview.name == "kmeans4")
    assert Job.open(folder).cluster_sets() == ["kmeans4"]
    window.settle()
    assert len(page.maps.gallery.tiles) == 4
    window.click(page.list.delete)
    window.wait(lambda: page.overview is None)
    assert "press Make clusters" in page.hint.text()
    assert not page.list.isVisible()
    maps = page.space.views
    window.wait(lambda: maps.colour_box.findData("clusters kmeans4") < 0)
    window.settle()
    assert not maps.colours.made.legend.categories  # the view is not coloured by them any more
    assert window.errors() == []


def test_a_damaged_set_is_named_and_can_be_deleted(
    window: ShellWindow, clustered: Path, own_copy, monkeypatch
):
    folder = own_copy(clustered)
    damaged = folder / "clusters" / "kmeans4" / "clusters.npz"
    damaged.write_bytes(damaged.read_bytes()[:900])
    window.open(folder)
    page = window.panel.pages["clusters"]
    window.panel.show_page("clusters")
    window.wait(lambda: "“kmeans4” cannot be read" in page.hint.text())
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_: yes)
    window.click(page.list.delete)
    window.wait(lambda: "press Make clusters" in page.hint.text())
    assert Job.open(folder).cluster_sets() == []


# -- own particles --------------------------------------------------------------------------------


def test_a_cluster_is_judged_by_its_own_particles(window: ShellWindow, clustered: Path, own_copy):
    folder = own_copy(clustered)
    page = open_clusters(window, folder)
    assert page.own.show_box.count() == 1
    click_row(window, page, 1)
    assert page.own.one.text() == "Reconstruct 2"
    window.click(page.own.one)
    window.wait(lambda: 1 in page.own.maps, 120)
    window.settle()
    job = Job.open(folder)
    run = next(run for run in job.reconstructions() if run.name == "kmeans4_cluster_02")
    report = run.report()
    assert sum(report.particles) == (page.clusters.clustering.labels == 1).sum()
    shown = page.list.table.text(1, RESOLUTION)
    assert shown.removeprefix("<") == f"{report.curves.resolution_angstrom:.2f}"
    assert [family.name for family in page.own.fsc.families] == ["cluster 2"]
    family = page.own.fsc.families[0]
    assert family.curves["corrected"] == pytest.approx(report.curves.corrected)
    assert "agrees with that to" in page.own.said.text()

    # side by side, both at the scene's contour
    page.own.show_box.setCurrentIndex(2)
    window.wait(lambda: page._in_scene.layers.shown)
    window.settle()
    decoded, own = (layer(window, name) for name in ("Decoded map", "Own map"))
    assert decoded.visible
    assert own.visible
    assert not layer(window, "Conformation").visible
    for surface, array in (
        (decoded, page.clusters.volume(1)),
        (own, page.own.maps[1].array(page.own.scale)),
    ):
        from napari_conformix.widgets.scene import surface_of

        vertices = surface_of(array, job.spec.grids.pixel_size_angstrom, page.scene.threshold)[0]
        assert surface.data[0] == pytest.approx(vertices)
    page.own.show_box.setCurrentIndex(1)
    window.settle()
    assert not decoded.visible
    assert not own.visible
    assert shown_map(page) == pytest.approx(page.own.maps[1].array(page.own.scale))
    window.panel.show_page("data")
    assert not page._in_scene.layers.shown

    # found again when the job is opened next
    window.session.close()
    page = open_clusters(window, folder)
    window.wait(lambda: 1 in page.own.maps)
    assert page.list.table.text(1, RESOLUTION) == shown


def test_a_reconstruction_that_fails_says_why_and_the_next_has_its_turn(
    window: ShellWindow, clustered: Path, own_copy, star: Path
):
    folder = own_copy(clustered)
    page = open_clusters(window, folder)
    launched = []

    def launch(cluster: int):
        """The first run does not find its mask."""
        launched.append(cluster)
        if len(launched) > 1:
            return launcher(window.session.job, page.clusters)(cluster)
        selection = page.clusters.selection(cluster)
        mask = Path(shutil.copy(star.parent / "mask.mrc", folder / "gone.mrc"))
        run = ReconstructionRun.create(
            window.session.job, selection, deformed=False, settings={"mask": mask}
        )
        mask.unlink()
        run.launch()
        return run

    page.own.runs.start([0, 1], launch)
    window.wait(lambda: 1 in page.own.maps, 120)
    window.wait(lambda: page.list.table.text(0, RESOLUTION) == "failed")
    page.choose([0])
    assert "Its reconstruction failed: " in page.own.said.text()
    assert page.own.one.isEnabled()
    page.choose([1])
    assert not page.own.one.isEnabled()  # it has its map


def test_all_clusters_are_reconstructed_in_turn_and_can_be_stopped(
    window: ShellWindow, clustered: Path, own_copy
):
    folder = own_copy(clustered)
    page = open_clusters(window, folder)
    window.click(page.own.all)
    assert page.own.runs.current == 0
    assert page.list.table.text(3, RESOLUTION) == "waits"
    window.wait(lambda: 0 in page.own.maps, 120)
    window.wait(lambda: page.own.runs.current == 1, 60)
    # an epoch of training goes by: the queue is not lost, and the set is said to be old
    table = LatentTable.load(folder / "latents.npz")
    newer = replace(table, epoch=3)
    newer.save(folder / "latents.npz")
    window.session.latents_changed.emit(newer)
    window.wait(lambda: page.list.warnings.isVisible())
    assert "epoch 3" in page.list.warnings.text()
    page.open_set("kmeans4")
    window.wait(lambda: not window.session.workers.busy("job:open clusters"))
    assert page.own.runs.waiting == [2, 3] or page.own.runs.current == 2
    window.click(page.own.stop)
    window.wait(lambda: page.own.runs.current is None, 60)
    assert page.list.table.text(3, RESOLUTION) == "–"
    stopped = [r.index for r in page.clusters.results() if r.state == "stopped"]
    for cluster in stopped:
        page.choose([cluster])
        window.wait(lambda: "goes on where it ended" in page.own.said.text())
        assert page.list.table.text(cluster, RESOLUTION) == "stopped"
    assert page.own.all.isEnabled()
    assert not page.own.stop.isVisible()
    names = {run.name for run in Job.open(folder).reconstructions()}
    assert "kmeans4_cluster_04" not in names
