"""Local resolution on a surface: the right value at the right place, and the same hand."""

import numpy as np
import pytest

from napari_conformix.widgets.scene import colour_range, coloured_surface, legend
from napari_conformix.widgets.scene.local_resolution import at_vertices

BOX, PIXEL = 24, 3.0


def _field() -> np.ndarray:
    """A local resolution that differs along every axis: 10 + x + 2 y + 3 z, in voxels."""
    z, y, x = np.meshgrid(*[np.arange(BOX) - BOX // 2] * 3, indexing="ij")
    return (60 + x + 2 * y + 3 * z).astype(np.float32)


def _lump() -> np.ndarray:
    z, y, x = np.meshgrid(*[np.arange(BOX) - BOX // 2] * 3, indexing="ij")
    return np.exp(-((x - 4) ** 2 + (y + 3) ** 2 + (z - 2) ** 2) / 12).astype(np.float32)


def test_every_vertex_has_the_value_of_its_place() -> None:
    found = coloured_surface(_lump(), _field(), PIXEL, 0.5)
    assert found is not None
    z, minus_y, x = found.mesh[0].T / PIXEL  # the scene is (z, -y, x)
    expected = 60 + x - 2 * minus_y + 3 * z
    np.testing.assert_allclose(found.resolution, expected, atol=1e-3)
    assert found.mesh[0].mean(0) == pytest.approx([2 * PIXEL, 3 * PIXEL, 4 * PIXEL], abs=0.2)


def test_places_without_a_value_take_the_nearest() -> None:
    field = np.zeros((BOX,) * 3, np.float32)
    field[:, :, 10:14] = 7.0
    vertices = np.array([[0.0, 0.0, 8 * PIXEL], [0.0, 0.0, 0.0]], np.float32)
    np.testing.assert_allclose(at_vertices(field, vertices, PIXEL), [7.0, 7.0])
    assert np.isnan(at_vertices(np.zeros_like(field), vertices, PIXEL)).all()


def test_no_contour_no_surface_and_no_local_resolution_no_values() -> None:
    assert coloured_surface(_lump(), _field(), PIXEL, 5.0) is None
    plain = coloured_surface(_lump(), None, PIXEL, 0.5)
    assert plain is not None
    assert plain.resolution is None


def test_two_maps_share_one_range_of_colours() -> None:
    low, high = colour_range(np.linspace(5, 6, 100), np.array([np.nan, 9.0]))
    assert low == pytest.approx(5.0, abs=0.1)
    assert high > 5.9
    assert colour_range(np.array([8.0, 8.0])) == (8.0, 9.0)
    said = legend((low, high))
    assert (said.title, said.unit, said.low) == ("Local resolution", "Å", low)
