"""The picture of all particles: each in the right pixel, once, in the right colour."""

import numpy as np
import pytest

from napari_conformix.widgets.colours import HIGHLIGHT
from napari_conformix.widgets.latent_view import Camera, Raster, Scene
from napari_conformix.widgets.latent_view.raster import (
    brightness,
    disc_radius,
    pixels_of,
    shade,
    spread,
    tally,
)

NOTHING = np.zeros(0, dtype=bool)


def by_hand(xy: np.ndarray, camera: Camera) -> list[int]:
    """Pixel by pixel, in Python's own numbers."""
    pixels = []
    for x, y in xy.tolist():
        column = (x - camera.x) * camera.zoom + camera.width / 2
        row = (camera.y - y) * camera.zoom * camera.stretch + camera.height / 2
        inside = 0 <= column < camera.width and 0 <= row < camera.height
        outside = camera.width * camera.height
        pixels.append(int(row) * camera.width + int(column) if inside else outside)
    return pixels


@pytest.mark.parametrize("seed", range(6))
def test_every_particle_is_in_its_pixel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, stretch = int(rng.integers(1, 90)), (1.0, 0.01, 300.0)[seed % 3]
    camera = Camera(*rng.normal(size=2), rng.uniform(1, 40), width, 61, stretch=stretch)
    xy = rng.normal(scale=3, size=(3000, 2)).astype(np.float32)
    np.testing.assert_array_equal(pixels_of(xy, camera), by_hand(xy, camera))


def test_borders_of_pixels_and_of_the_picture() -> None:
    """Worst case: places exactly on borders. A pixel has its left and upper border."""
    camera = Camera(0.0, 0.0, 1.0, 4, 4)
    edge = np.arange(-3.0, 4.0)
    xy = np.stack(np.meshgrid(edge, edge), axis=-1).reshape(-1, 2)
    found = pixels_of(xy, camera)
    np.testing.assert_array_equal(found, by_hand(xy, camera))
    assert pixels_of(np.array([[-2.0, 2.0]]), camera)[0] == 0
    assert pixels_of(np.array([[2.0, 0.0], [0.0, -2.0]]), camera).tolist() == [16, 16]
    almost = np.array([[2.0, 1.0]]) - 1e-9
    assert pixels_of(almost, camera)[0] == 7
    counts, _ = tally(found, np.ones((len(xy), 3)), 16)
    assert counts.tolist() == [1] * 16  # every pixel has its own corner, none is counted twice


def test_what_is_not_a_number_is_nowhere() -> None:
    camera = Camera(0.0, 0.0, 10.0, 8, 8)
    xy = np.array([[np.nan, 0], [0, np.nan], [np.inf, 0], [0, -np.inf], [0, 0]], np.float32)
    assert pixels_of(xy, camera).tolist() == [64, 64, 64, 64, 36]


def test_particles_far_away_do_not_come_back_round() -> None:
    camera = Camera(0.0, 0.0, 1e9, 8, 8)
    xy = np.array([[1e30, 0], [-1e30, 0], [4e9, 4e9]], dtype=np.float32)
    assert pixels_of(xy, camera).tolist() == [64, 64, 64]


def test_counts_and_mean_colours_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    camera = Camera(0.0, 0.0, 4.0, 20, 15)
    xy, rgb = rng.normal(size=(4000, 2)), rng.random((4000, 3))
    pixels = pixels_of(xy, camera)
    counts, sums = tally(pixels, rgb, 300)
    for pixel in range(300):
        mine = [i for i, p in enumerate(by_hand(xy, camera)) if p == pixel]
        assert counts[pixel] == len(mine)
        np.testing.assert_allclose(sums[pixel], rgb[mine].sum(axis=0), atol=1e-9)
        if mine:
            rgba = shade(counts, sums)[pixel]
            np.testing.assert_allclose(rgba[:3] / rgba[3], rgb[mine].mean(axis=0), atol=1e-5)
    assert counts.sum() == np.sum((np.abs(xy) <= [2.5, 1.875]).all(axis=1))


def test_a_disc_is_round_and_stops_at_the_borders() -> None:
    camera = Camera(0.0, 0.0, 1.0, 30, 20)
    rows, columns = np.divmod(spread(np.array([10 * 30 + 15]), 3, camera)[0], 30)
    assert ((rows - 10) ** 2 + (columns - 15) ** 2 <= 3.3**2).all()
    assert len(rows) == sum(dy**2 + dx**2 <= 3.3**2 for dy in range(-3, 4) for dx in range(-3, 4))
    corner = np.divmod(spread(np.array([0]), 3, camera)[0], 30)
    assert set(zip(*map(np.ndarray.tolist, corner), strict=True)) == {
        (dy, dx) for dy in range(4) for dx in range(4) if dy**2 + dx**2 <= 3.3**2
    }
    at, who = spread(np.array([0, 305, 599]), 1, camera)
    assert np.bincount(who).tolist() == [3, 5, 3]
    assert np.isin([0, 305, 599], at).all()


def test_denser_pixels_are_brighter_and_single_particles_are_seen() -> None:
    alpha = brightness(np.array([1, 2, 10, 100, 1000]))
    assert (np.diff(alpha) > 0).all()
    assert alpha[0] > 0.3
    assert alpha[-1] == pytest.approx(1, abs=0.02)
    assert brightness(np.ones(5, int)) == pytest.approx(1)  # nothing overlaps: nothing is faint
    assert brightness(np.array([1, 1, 2]))[0] > 0.8
    assert len(brightness(np.zeros(0, int))) == 0


def scene(xy: np.ndarray, chosen: np.ndarray = NOTHING, rows: np.ndarray | None = None) -> Scene:
    rows = np.arange(len(xy)) if rows is None else rows
    rgba = np.tile(np.array([0.2, 0.9, 0.1, 1.0], np.float32), (rows.max() + 1, 1))
    return Scene(xy, rows, rgba, chosen)


def is_pink(picture: np.ndarray) -> np.ndarray:
    rgb = picture[..., :3].astype(float)
    return (rgb[..., 0] > 150) & (rgb[..., 1] < 0.5 * rgb[..., 0]) & (rgb[..., 2] > 90)


@pytest.mark.parametrize("where", ["in the crowd", "alone", "at the border"])
def test_one_selected_particle_of_many_is_seen(where: str) -> None:
    rng = np.random.default_rng(1)
    xy = rng.normal(scale=0.3, size=(200_000, 2)).astype(np.float32)
    camera = Camera(0.0, 0.0, 60.0, 300, 200)
    xy[77] = {"in the crowd": (0, 0), "alone": (2, 1), "at the border": (-2.5, 0.8)}[where]
    chosen = np.zeros(len(xy), dtype=bool)
    chosen[77] = True
    raster = Raster()
    plain = raster.draw(scene(xy), camera)
    assert not is_pink(plain).any()
    picture = raster.draw(scene(xy, chosen), camera)
    row, column = divmod(by_hand(xy[77:78], camera)[0], camera.width)
    assert is_pink(picture)[row, column]
    rows, columns = np.nonzero(is_pink(picture))
    assert max(abs(rows - row).max(), abs(columns - column).max()) <= 2
    others = ~is_pink(picture) & (plain[..., 3] > 60)
    dimmed = picture[others].astype(float).sum() / plain[others].sum()
    assert dimmed < 0.5  # the rest steps back


def test_a_selected_particle_out_of_view_dims_the_others_too() -> None:
    xy = np.array([[0.0, 0.0], [100.0, 0.0]])
    camera = Camera(0.0, 0.0, 10.0, 20, 20)
    picture = Raster().draw(scene(xy, np.array([False, True])), camera)
    assert not is_pink(picture).any()
    assert 0 < picture[..., 3].max() < 0.5 * 255


def test_a_view_of_some_rows_takes_their_colours_and_their_selection() -> None:
    """Half 2 only: row 5 of the file is the second particle of the view."""
    rows, xy = np.array([2, 5]), np.array([[-1.0, 0.0], [1.0, 0.0]])
    rgba = np.zeros((7, 4), dtype=np.float32)
    rgba[2, 0] = rgba[5, 2] = 1
    camera = Camera(0.0, 0.0, 10.0, 40, 20)
    raster = Raster()
    picture = raster.draw(Scene(xy, rows, rgba, NOTHING), camera)
    assert picture[10, 10, :3].tolist() == [255, 0, 0]
    assert picture[10, 30, :3].tolist() == [0, 0, 255]
    chosen = np.zeros(7, dtype=bool)
    chosen[5] = True
    picture = raster.draw(Scene(xy, rows, rgba, chosen), camera)
    assert is_pink(picture)[10, 30]
    assert not is_pink(picture)[10, 10]


def test_what_is_kept_from_the_scene_before_is_never_wrong() -> None:
    """Any order of changes gives the picture that a new raster gives."""
    rng = np.random.default_rng(2)
    places = [rng.normal(size=(500, 2)), rng.normal(size=(500, 2))]
    rows = np.arange(500)
    colours = [rng.random((500, 4)).astype(np.float32) for _ in range(2)]
    masks = [NOTHING, rng.random(500) < 0.3, np.zeros(500, bool)]
    cameras = [Camera(0.0, 0.0, 40.0, 200, 150), Camera(0.5, 0.0, 90.0, 200, 150)]
    raster = Raster()
    for _ in range(60):
        a, b, c, d = rng.integers(0, [2, 2, 3, 2])
        wanted = Scene(places[a], rows, colours[b], masks[c])
        fresh = Raster().draw(wanted, cameras[d])
        np.testing.assert_array_equal(raster.draw(wanted, cameras[d]), fresh)


def test_discs_shrink_with_the_crowd_and_grow_with_the_screen() -> None:
    camera = Camera(0.0, 0.0, 1.0, 600, 600)
    radii = [disc_radius(count, camera) for count in (1, 1_000, 5_000, 20_000, 1_000_000)]
    assert radii == sorted(radii, reverse=True)
    assert radii[0] == 4
    assert radii[-1] == 0
    assert disc_radius(1, camera.scaled(2)) == 8


def test_the_camera_goes_there_and_back() -> None:
    rng = np.random.default_rng(3)
    camera = Camera(1.5, -2.0, 37.0, 640, 480)
    xy = rng.normal(size=(50, 2))
    np.testing.assert_allclose(camera.to_view(camera.to_pixels(xy)), xy, atol=1e-12)
    np.testing.assert_allclose(camera.to_pixels(np.array([[1.5, -2.0]])), [[320, 240]])
    twice = camera.scaled(2)
    np.testing.assert_allclose(twice.to_pixels(xy), 2 * camera.to_pixels(xy))
    around = Camera.around((np.array([0, 0]), np.array([4, 1])), 100, 100, share=0.8)
    np.testing.assert_allclose(around.to_pixels(np.array([[0, 0.5], [4, 0.5]]))[:, 0], [10, 90])


def test_nobody_is_highlighted_in_the_colour_of_a_gradient() -> None:
    assert is_pink((255 * HIGHLIGHT).astype(np.uint8)[None, None])[0, 0]
