"""The 3-D scene: no mirror images, one absolute contour, layers reused."""

import napari
import numpy as np
import pytest
from explore_fakes import BOX, PIXEL_SIZE, ball
from qt_waiting import handle_events, settle, wait

from napari_conformix.widgets.scene import Scene
from napari_conformix.widgets.scene.scene import suggest_threshold, surface_of
from napari_conformix.widgets.session import Session, axes


@pytest.fixture(scope="module")
def viewer(screen):
    viewer = napari.Viewer(show=True)
    viewer.window.resize(900, 700)
    yield viewer
    Session.of(viewer).shut_down()
    viewer.close()
    handle_events()


@pytest.fixture
def session(viewer):
    session = Session.of(viewer)
    yield session
    for layer in viewer.layers:
        layer.visible = False


def show(scene: Scene, array: np.ndarray, *, consensus: bool = False) -> None:
    threshold = 0.5 if scene.threshold is None else scene.threshold
    scene.show_prepared(scene.prepare(array, PIXEL_SIZE, threshold), consensus=consensus)


def picture(viewer) -> np.ndarray:
    handle_events()
    return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)


def centre_of(mask: np.ndarray) -> np.ndarray:
    """(x, y) from the middle of the picture, y up."""
    assert mask.any()
    y, x = np.argwhere(mask).mean(axis=0)
    return np.array([x - mask.shape[1] / 2, mask.shape[0] / 2 - y])


@pytest.mark.parametrize("rendering", ["surface", "iso"])
def test_the_scene_is_right_handed(viewer, session, rendering: str) -> None:
    """A ball at +x is right, at +y up, and at +z in front of one at -z."""
    scene = Scene(session, rendering)
    scene.set_ghost(True)
    bright = {}
    for name, place in {"x": (24, 0, 0), "y": (0, 24, 0)}.items():
        show(scene, ball(place), consensus=True)
        shown = picture(viewer)[60:-60]  # without caption and scale bar
        bright[name] = centre_of(shown.sum(axis=2) > 90)
    assert bright["x"][0] > 60
    assert abs(bright["x"][1]) < 15
    assert bright["y"][1] > 60
    assert abs(bright["y"][0]) < 15
    scene.clear()

    scene = Scene(session, rendering)
    show(scene, ball((0, 0, 24), 9.0))  # the blue conformation, before a grey consensus
    conformation = [layer for layer in viewer.layers if layer.visible][-1]
    show(scene, ball((0, 0, -24), 9.0), consensus=True)
    scene.set_ghost(True)
    for layer in viewer.layers:
        if layer.visible:
            layer.opacity = 1.0
    middle = picture(viewer)
    height, width = middle.shape[:2]
    red, _, blue = middle[height // 2, width // 2]
    assert conformation.visible
    assert blue > red + 20
    scene.clear()


def test_surfaces_are_lit_from_the_viewer(viewer, session) -> None:
    scene = Scene(session, "surface")
    show(scene, ball((0, 0, 0), 24.0), consensus=True)
    shown = picture(viewer).sum(axis=2)
    height, width = shown.shape
    assert shown[height // 2, width // 2] > 350  # a surface lit from behind is about 130 there
    scene.clear()


def test_one_function_turns_axes_and_surfaces_obey_it() -> None:
    place = np.array([12.0, -9.0, 21.0])
    vertices, faces = surface_of(ball(tuple(place)), PIXEL_SIZE, 0.5)
    np.testing.assert_allclose(vertices.mean(axis=0), axes.to_napari(place), atol=0.3)
    np.testing.assert_array_equal(axes.to_napari(np.array([1.0, 2.0, 3.0])), [3.0, -2.0, 1.0])
    assert faces.max() < len(vertices)


def test_volume_layers_lie_where_surfaces_do() -> None:
    place = np.array([12.0, -9.0, 21.0])
    layer = axes.volume_layer(ball(tuple(place)), PIXEL_SIZE)
    peak = np.unravel_index(np.argmax(layer["data"]), (BOX,) * 3)
    world = np.array(peak) * layer["scale"] + layer["translate"]
    np.testing.assert_allclose(world, axes.to_napari(place))


def test_a_weaker_map_is_drawn_smaller_not_rescaled() -> None:
    full, _ = surface_of(ball((0, 0, 0)), PIXEL_SIZE, 0.5)
    weak, _ = surface_of(0.7 * ball((0, 0, 0)), PIXEL_SIZE, 0.5)
    assert np.linalg.norm(weak, axis=1).mean() < 0.9 * np.linalg.norm(full, axis=1).mean()
    assert surface_of(0.4 * ball((0, 0, 0)), PIXEL_SIZE, 0.5) is None


def test_a_map_without_the_contour_hides_the_one_before(viewer, session) -> None:
    scene = Scene(session, "surface")
    scene.set_ghost(False)
    show(scene, ball((0, 0, 0)), consensus=True)
    show(scene, ball((0, 0, 0)))
    assert (picture(viewer)[60:-60].sum(axis=2) > 90).mean() > 0.01
    show(scene, 0.3 * ball((0, 0, 0)))
    assert (picture(viewer)[60:-60].sum(axis=2) > 90).mean() < 0.001
    scene.clear()


@pytest.mark.parametrize("rendering", ["surface", "iso"])
def test_the_contour_is_that_of_the_consensus_for_every_map(
    viewer, session, rendering: str
) -> None:
    scene = Scene(session, rendering)
    consensus = ball((0, 0, 0), 20.0)
    show(scene, consensus, consensus=True)
    count = len(viewer.layers)
    for strength in (1.0, 3.0):
        show(scene, strength * ball((0, 0, 0), 20.0))
        assert scene.threshold == 0.5
    assert len(viewer.layers) == count  # in place, never one more
    if rendering == "iso":
        layer = next(layer for layer in reversed(viewer.layers) if layer.visible)
        assert layer.iso_threshold == 0.5
        assert tuple(layer.contrast_limits) == (0.0, 1.0)
        scene.set_threshold(0.8)
        assert layer.iso_threshold == 0.8
    scene.clear()


def test_a_layer_that_the_user_deleted_is_made_again(viewer, session) -> None:
    scene = Scene(session, "iso")
    show(scene, ball((0, 0, 0)), consensus=True)
    consensus = next(layer for layer in viewer.layers if layer.visible)
    viewer.layers.remove(consensus)
    show(scene, ball((0, 0, 0)), consensus=True)
    assert [layer.visible for layer in viewer.layers].count(True) == 1
    scene.clear()


def test_pieces_of_the_model_shine_through_the_conformation(viewer, session) -> None:
    scene = Scene(session, "surface")
    show(scene, ball((0, 0, 0), 24.0), consensus=True)
    show(scene, ball((0, 0, 0), 24.0))
    scene.set_ghost(False)
    grid = np.stack(np.meshgrid(*[np.linspace(-9, 9, 7)] * 3), axis=-1).reshape(-1, 3)

    def orange() -> float:
        shown = picture(viewer)
        return ((shown[..., 0] > shown[..., 2] + 20) & (shown[..., 0] > 80)).mean()

    assert orange() == 0
    scene.show_pieces(grid)
    assert orange() > 0.0005
    scene.show_pieces(None)
    assert orange() == 0
    scene.show_pieces(grid, "Beads")
    assert "Beads" in viewer.layers
    scene.clear()


def test_a_motion_that_begins_elsewhere_has_its_start_as_the_ghost(viewer, session) -> None:
    scene = Scene(session, "surface")
    show(scene, ball((0, 0, 0)), consensus=True)
    show(scene, ball((24, 0, 0)))
    scene.show_start(scene.prepare(ball((-24, 0, 0)), PIXEL_SIZE, 0.5))
    visible = {layer.name.split(" [")[0]: layer for layer in viewer.layers if layer.visible}
    assert set(visible) == {"Conformation A", "Conformation"}
    np.testing.assert_allclose(
        visible["Conformation A"].data[0].mean(axis=0), axes.to_napari([-24.0, 0, 0]), atol=0.3
    )
    assert visible["Conformation A"].opacity < 0.5 < visible["Conformation"].opacity
    scene.show_start(None)
    names = {layer.name.split(" [")[0] for layer in viewer.layers if layer.visible}
    assert names == {"Consensus", "Conformation"}
    scene.clear()


def test_maps_are_glass_around_arrows(viewer, session) -> None:
    scene = Scene(session, "surface")
    show(scene, ball((0, 0, 0), 24.0), consensus=True)
    show(scene, ball((0, 0, 0), 24.0))

    def opacities() -> list[float]:
        return [layer.opacity for layer in viewer.layers if layer.visible]

    assert max(opacities()) == 1.0
    scene.set_glass(True)
    assert max(opacities()) < 0.5
    scene.set_conformation_shown(False)
    assert len(opacities()) == 1
    scene.set_conformation_shown(True)
    scene.set_glass(False)
    assert max(opacities()) == 1.0
    scene.clear()


def test_parts_of_the_molecule_are_seen_in_their_colours(viewer, session) -> None:
    scene = Scene(session, "surface")
    show(scene, ball((0, 0, 0), 24.0), consensus=True)
    places = np.array([[x, y, 0.0] for x in (-12, 12) for y in np.linspace(-12, 12, 9)])
    rgba = np.where(places[:, :1] < 0, [[1.0, 0, 0, 1]], [[0, 1.0, 0, 1]])

    def middles() -> list[float]:
        shown = picture(viewer)
        red = shown[..., 0] > shown[..., 1] + 40
        green = shown[..., 1] > shown[..., 0] + 40
        return [np.argwhere(mask)[:, 1].mean() if mask.any() else -1 for mask in (red, green)]

    assert middles() == [-1, -1]
    scene.show_parts(places, rgba)
    left, right = middles()
    assert 0 < left < right - 50
    scene.show_parts(None)
    assert middles() == [-1, -1]
    scene.clear()


def test_the_suggested_contour_shows_the_molecule_and_not_the_noise() -> None:
    rng = np.random.default_rng(0)
    molecule = ball((0, 0, 0), 18.0)
    noisy = molecule + rng.normal(0, 0.02, molecule.shape).astype(np.float32)
    threshold = suggest_threshold(noisy)
    inside = noisy > threshold
    assert 0.1 < threshold < 0.9
    assert inside[molecule < 0.02].mean() < 1e-4
    assert inside[molecule > 0.8].all()


def test_the_molecule_fits_the_canvas_until_the_user_zooms(viewer, session) -> None:
    scene = Scene(session, "surface")
    show(scene, ball((0, 0, 0), 20.0), consensus=True)
    settle()
    camera, before = viewer.scene.camera, viewer.scene.camera.zoom
    canvas = viewer.window._qt_viewer.canvas.native
    wide = canvas.width()
    viewer.window.resize(600, 700)  # as when a dock opens next to it
    wait(lambda: canvas.width() < wide)
    settle()
    assert camera.zoom < 0.9 * before
    camera.zoom = chosen = 1.7 * camera.zoom
    viewer.window.resize(900, 700)
    wait(lambda: canvas.width() == wide)
    settle()
    assert camera.zoom == pytest.approx(chosen)
    scene.clear()


def test_a_conformation_that_was_hidden_does_not_come_back_from_the_worker(session) -> None:
    scene = Scene(session, "surface")
    show(scene, ball((0, 0, 0)), consensus=True)
    scene.show_conformation(ball((24, 0, 0)), PIXEL_SIZE, label="Live map")
    scene.hide_conformation()
    settle()
    assert not scene._layers["Conformation"].visible
    assert scene.label == ""
