"""Pictures of maps against what geometry says must be in them."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_conformix.widgets.clusters import maps_group
from napari_conformix.widgets.scene import View, picture
from napari_conformix.widgets.session import axes

BOX, PIXEL_SIZE, PIXELS = 48, 2.0, 120
COLOUR = (1.0, 0.5, 0.25)


def ball(centre_xyz, radius: float, box: int = BOX, pixel_size: float = PIXEL_SIZE) -> np.ndarray:
    """(z, y, x): falls linearly from `radius` at the centre; the contour 0 is the sphere."""
    z, y, x = (np.indices((box,) * 3) - box // 2) * pixel_size
    cx, cy, cz = centre_xyz
    return (radius - np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2)).astype(np.float32)


def view(rotation: Rotation = Rotation.identity(), centre=(0.0, 0.0, 0.0), width=96.0) -> View:
    return View(rotation.as_matrix().T, np.array(centre), width)


def middle_of(rgba: np.ndarray) -> np.ndarray:
    """(right, up) in pixels of what is drawn, from the middle of the picture."""
    row, column = np.nonzero(rgba[..., 3])
    half = (rgba.shape[0] - 1) / 2
    return np.array([column.mean() - half, half - row.mean()])


def test_a_sphere_is_a_disc_of_its_size_in_the_middle():
    rgba = picture(ball((0, 0, 0), 20.0), PIXEL_SIZE, 0.0, view(), PIXELS, COLOUR)
    assert rgba.shape == (PIXELS, PIXELS, 4)
    assert rgba.dtype == np.uint8
    pixel = 96.0 / PIXELS
    row, column = np.indices((PIXELS, PIXELS)) - (PIXELS - 1) / 2
    distance = pixel * np.hypot(row, column)
    drawn = rgba[..., 3] > 0
    # Trilinear chords of the sphere lie within it by less than half a voxel.
    assert drawn[distance < 20.0 - PIXEL_SIZE / 2].all()
    assert not drawn[distance > 20.0 + pixel].any()


@pytest.mark.parametrize("seed", range(6))
def test_a_ball_lands_where_its_centre_is_projected(seed):
    random = np.random.default_rng(seed)
    rotation = Rotation.random(random_state=seed)
    centre = random.uniform(-18, 18, 3)
    looked_at = random.uniform(-8, 8, 3)
    rgba = picture(ball(centre, 9.0), PIXEL_SIZE, 0.0, view(rotation, looked_at), PIXELS, COLOUR)
    right, up, _ = rotation.inv().apply(centre - looked_at)
    expected = np.array([right, up]) * PIXELS / 96.0
    assert middle_of(rgba) == pytest.approx(expected, abs=0.7)


def test_what_is_nearer_hides_what_is_behind_and_light_falls_from_the_upper_left():
    near, far = ball((0, 0, 12), 8.0), ball((0, 0, -12), 14.0)
    both = picture(np.maximum(near, far), PIXEL_SIZE, 0.0, view(), PIXELS, COLOUR)
    alone = picture(far, PIXEL_SIZE, 0.0, view(), PIXELS, COLOUR)
    middle = PIXELS // 2
    assert both[middle, middle, 0] > alone[middle, middle, 0] or (alone[..., 3] > 0).sum() > 0
    # from behind, the far one is in front and all that is seen
    behind = view(Rotation.from_euler("y", 180, degrees=True))
    other = picture(np.maximum(near, far), PIXEL_SIZE, 0.0, behind, PIXELS, COLOUR)
    far_alone = picture(far, PIXEL_SIZE, 0.0, behind, PIXELS, COLOUR)
    assert np.array_equal(other[..., 3], far_alone[..., 3])
    shift = round(0.6 * 14.0 * PIXELS / 96.0 / np.sqrt(2))
    lit, dark = alone[middle - shift, middle - shift], alone[middle + shift, middle + shift]
    assert int(lit[0]) > int(dark[0]) + 40


def test_colour_scales_with_light_and_is_never_brighter_than_the_light():
    rgba = picture(ball((0, 0, 0), 20.0), PIXEL_SIZE, 0.0, view(), PIXELS, COLOUR)
    shown = rgba[rgba[..., 3] > 0][:, :3].astype(float)
    assert shown[:, 1] == pytest.approx(0.5 * shown[:, 0], abs=1)
    assert shown[:, 2] == pytest.approx(0.25 * shown[:, 0], abs=1)
    assert shown[:, 0].max() > 200


def test_nothing_at_a_contour_is_none_and_out_of_view_is_clear():
    volume = ball((0, 0, 0), 20.0)
    assert picture(volume, PIXEL_SIZE, 30.0, view(), PIXELS, COLOUR) is None
    aside = picture(volume, PIXEL_SIZE, 0.0, view(centre=(500.0, 0, 0)), PIXELS, COLOUR)
    assert not aside.any()


def test_matter_that_reaches_the_edge_of_the_box_is_cut_there():
    volume = np.ones((BOX,) * 3, dtype=np.float32)
    rgba = picture(volume, PIXEL_SIZE, 0.5, view(width=120.0), PIXELS, COLOUR)
    expected = ((BOX - 1) * PIXEL_SIZE / 120.0 * PIXELS) ** 2
    assert (rgba[..., 3] > 0).sum() == pytest.approx(expected, rel=0.05)


def test_values_that_are_no_numbers_are_no_matter():
    volume = ball((0, 0, 0), 20.0)
    holes = volume.copy()
    holes[:10] = np.nan
    same = picture(holes, PIXEL_SIZE, 0.0, view(), PIXELS, COLOUR)
    assert np.array_equal(same, picture(volume, PIXEL_SIZE, 0.0, view(), PIXELS, COLOUR))


@pytest.mark.parametrize("seed", range(4))
def test_the_view_of_a_napari_camera_shows_what_napari_shows(seed):
    """A point of the scene lands where napari's own transform puts it, up to the zoom."""
    from napari.components import ViewerModel

    random = np.random.default_rng(seed)
    model = ViewerModel(ndisplay=3)
    camera = model.scene.camera
    camera.angles = tuple(random.uniform(-80, 80, 3))
    camera.center, camera.zoom = tuple(random.uniform(-20, 20, 3)), 2.5
    viewer = SimpleNamespace(scene=model.scene, canvas=SimpleNamespace(size=(300, 500)))
    looked = View.of(viewer, 80.0)
    assert looked.width == pytest.approx(300 / 2.5)
    assert View.of(viewer, 80.0, zoom=0.5).width == pytest.approx(150 / 2.5)
    viewer.canvas.size = (0, 500)
    assert View.of(viewer, 80.0).width == 80.0
    assert np.linalg.det(looked.axes) == pytest.approx(1.0)
    point = random.uniform(-30, 30, 3)
    scene_offset = axes.to_napari(point) - np.array(camera.center)
    away, up = np.array(camera.view_direction), np.array(camera.up_direction)
    ours = looked.axes @ (point - looked.centre)
    assert ours[1] == pytest.approx(scene_offset @ up)
    assert ours[2] == pytest.approx(-scene_offset @ away)
    # the scene's axes (z, -y, x) are right-handed when read as (z, -y, x)
    assert abs(ours[0]) == pytest.approx(abs(scene_offset @ np.cross(up, away)))


@pytest.mark.parametrize("box", [32, 34, 50, 64, 66, 70, 98, 102])
def test_thinning_a_large_map_leaves_it_in_its_place(box, monkeypatch):
    monkeypatch.setattr(maps_group, "_PICTURE_BOX", 32)
    small, pixel_size = maps_group.thinned(ball((3.0, -2.0, 4.0), 7.0, box, 1.0), 1.0)
    assert len(small) <= 32
    drawn = picture(small, pixel_size, 0.0, view(width=32.0), 64, COLOUR)
    assert middle_of(drawn) == pytest.approx([6.0, -4.0], abs=0.6)
