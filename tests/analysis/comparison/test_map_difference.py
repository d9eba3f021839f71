"""Differences in the maps' own grey units."""

import numpy as np
import pytest

from napari_conformix.analysis.comparison import compare_maps, difference
from napari_conformix.errors import UserError


def maps(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.random.default_rng(seed).normal(2.0, 1.0, (2, 8, 8, 8)).astype(np.float32)
    return first, second


def test_nothing_is_rescaled() -> None:
    first, second = maps()
    np.testing.assert_allclose(difference(first, second), first - second, rtol=1e-6)
    np.testing.assert_allclose(difference(2 * first, first), first, rtol=1e-6)
    half = np.full(first.shape, 0.5)
    np.testing.assert_allclose(difference(first, second, half), (first - second) / 2, rtol=1e-6)


def test_numbers_are_of_the_mask_or_of_what_is_above_the_contour() -> None:
    first, second = maps()
    mask = np.zeros(first.shape)
    mask[2:6] = 1.0
    inside = compare_maps(first, second, 1.0, mask)
    a, b = first[2:6].ravel(), second[2:6].ravel()
    assert inside.correlation == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-6)
    assert inside.rms_difference == pytest.approx(np.sqrt(np.mean((a - b) ** 2)), rel=1e-5)
    assert "inside the mask" in inside.sentence()
    above = (first >= 3.0) | (second >= 3.0)
    seen = compare_maps(first, second, 3.0)
    assert seen.correlation == pytest.approx(
        np.corrcoef(first[above], second[above])[0, 1], abs=1e-6
    )
    assert "above the contour" in seen.sentence()
    same = compare_maps(first, 3 * first + 1, 1.0)
    assert same.correlation == pytest.approx(1.0)
    assert same.rms_difference > 3  # a map three times as strong is not the same


def test_what_cannot_be_compared_is_a_sentence() -> None:
    first, second = maps()
    with pytest.raises(UserError, match="8 x 8 x 8 and 4 x 8 x 8"):
        difference(first, second[:4])
    with pytest.raises(UserError, match="nothing to compare"):
        compare_maps(first, second, 1e6)
