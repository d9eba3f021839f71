"""Colours of columns, their limits and histograms, against what can be counted by hand."""

import numpy as np
import pytest

from napari_conformix.widgets.colours import colouring
from napari_conformix.widgets.colours.colouring import MISSING, by_column, by_label, by_number
from napari_conformix.widgets.colours.histogram import Histogram

RNG = np.random.default_rng(0)


def test_a_number_has_the_colour_of_its_place_between_the_percentiles() -> None:
    values = RNG.normal(size=5000)
    made = by_number(values, "x", "Å")
    low, high = np.percentile(values, (1, 99))
    assert made.legend.low == pytest.approx(low, rel=1e-5)
    assert made.legend.high == pytest.approx(high, rel=1e-5)
    place = np.clip((values - low) / (high - low), 0, 1) * 255
    expected = colouring.viridis()[np.floor(place + 0.5).astype(int)]
    # A colour is one step off at most, where a value lies on the border of two.
    assert np.abs(made.rgba[:, :3] - expected).max() < 0.03
    assert (made.rgba[:, 3] == 1).all()


def test_missing_values_are_grey_and_counted() -> None:
    values = np.array([0.5, np.nan, 1.5, np.inf, 2.5, -np.inf])
    made = by_number(values, "x")
    assert (made.rgba[[1, 3, 5]] == MISSING).all()
    assert not (made.rgba[[0, 2, 4]] == MISSING).all(axis=1).any()
    assert "3 without a value in grey" in made.legend.note
    assert made.legend.histogram.counts.sum() == 3
    nothing = by_number(np.full(4, np.nan), "x")
    assert (nothing.rgba == MISSING).all()
    assert nothing.legend.histogram is None


def test_limits_are_included_even_where_float32_rounds_them() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4])
    made = by_number(values, "x")
    for low in values:
        for high in values[values >= low]:
            expected = (values >= low) & (values <= high)
            assert np.array_equal(made.between(low, high), expected), (low, high)


def test_outside_the_range_is_grey_or_has_the_colours_of_the_ends() -> None:
    values = np.linspace(0, 10, 101)
    made = by_number(values, "x")
    ends = made.limited(4.0, 6.0)
    table = colouring.viridis()
    assert np.allclose(ends.rgba[values < 4][:, :3], table[0])
    assert np.allclose(ends.rgba[values > 6][:, :3], table[-1])
    grey = made.limited(4.0, 6.0, grey_outside=True)
    outside = ~made.between(4.0, 6.0)
    assert (grey.rgba[outside] == MISSING).all()
    assert np.array_equal(grey.rgba[~outside], ends.rgba[~outside])
    assert grey.values is made.values  # what is coloured is the same


def test_a_histogram_counts_everything_and_keeps_strays_within_reach() -> None:
    values = np.concatenate([RNG.normal(size=9990), np.full(10, 1000.0)]).astype(np.float32)
    found = Histogram.of(values)
    assert found.counts.sum() == len(values)
    assert found.high < 10, "ten strays do not rule the axis"
    assert found.value_at(1.0) == found.highest == 1000.0
    assert found.value_at(0.0) == found.lowest == pytest.approx(values.min())
    edges = np.linspace(found.low, found.high, len(found.counts) + 1)
    edges[[0, -1]] = -np.inf, np.inf  # strays are in the bars at the ends
    expected = np.histogram(values.astype(float), edges)[0]
    assert np.abs(found.counts - expected).sum() <= 4, "but for values on a border"
    middle = 0.5 * (found.low + found.high)
    assert found.share_of(middle) == pytest.approx(0.5)
    assert Histogram.of(np.ones(5, dtype=np.float32)) is None
    assert Histogram.of(np.zeros(0, dtype=np.float32)) is None


@pytest.mark.parametrize(
    "column",
    [
        np.array([3, 1, 2, 1]),
        np.array([3.0, 1.0, 2.0, 1.0]),
        np.array(["3", "1", "2", "1"], dtype=object),
    ],
)
def test_few_whole_numbers_and_words_are_categories(column: np.ndarray) -> None:
    made = by_column(column, "rlnClassNumber")
    assert [(c.label, c.count) for c in made.legend.categories] == [("1", 2), ("2", 1), ("3", 1)]
    assert made.labels.tolist() == [2, 0, 1, 0]
    assert made.of_category(0).tolist() == [False, True, False, True]
    for row, label in enumerate(made.labels):
        assert np.allclose(made.rgba[row, :3], made.legend.categories[label].colour)


def test_a_class_without_a_number_is_no_category() -> None:
    made = by_column(np.array([1.0, np.nan, 2.0]), "x")
    assert made.labels.tolist() == [0, -1, 1]
    assert (made.rgba[1] == MISSING).all()


def test_many_whole_numbers_are_a_range_also_when_they_come_late() -> None:
    late = np.concatenate([np.ones(20_000, dtype=int), np.arange(100)])
    assert by_column(late, "x").legend.histogram is not None
    half = np.concatenate([np.ones(20_000), [1.5]])
    assert by_column(half, "x").legend.gradient is not None


def test_of_many_words_the_most_frequent_have_colours() -> None:
    words = np.array([f"mic{i:02}" for i in range(30) for _ in range(i + 1)], dtype=object)
    made = by_column(words, "rlnMicrographName")
    labels = [c.label for c in made.legend.categories]
    assert labels == [f"mic{i:02}" for i in range(29, 18, -1)] + ["all others"]
    assert sum(c.count for c in made.legend.categories) == len(words)
    rest = made.of_category(len(labels) - 1)
    assert set(words[rest]) == {f"mic{i:02}" for i in range(19)}
    assert "11 most frequent of 30" in made.legend.note


def test_images_of_a_stack_are_one_category() -> None:
    images = np.array(["1@a.mrcs", "2@a.mrcs", "1@b.mrcs"], dtype=object)
    made = by_column(images, "rlnImageName")
    assert [(c.label, c.count) for c in made.legend.categories] == [("a.mrcs", 2), ("b.mrcs", 1)]


def test_names_without_particles_are_left_out() -> None:
    made = by_label(np.array([2, 0, -1, 2]), ["a", "b", "c"], "x")
    assert [(c.label, c.count) for c in made.legend.categories] == [("a", 1), ("c", 2)]
    assert made.labels.tolist() == [1, 0, -1, 1]


def test_density_is_that_of_a_brute_force_count() -> None:
    xy = RNG.normal(size=(4000, 2)).astype(np.float32)
    rows = np.arange(0, 8000, 2)
    made = colouring.by_density(xy, rows, 8000)
    assert (made.rgba[1::2] == MISSING).all()
    density = made.values[rows]
    near = (np.linalg.norm(xy[:, None] - xy[None, ::20], axis=2) < 0.3).sum(axis=0)
    assert np.corrcoef(density[::20], near)[0, 1] > 0.95
    assert density.max() == pytest.approx(100.0)
