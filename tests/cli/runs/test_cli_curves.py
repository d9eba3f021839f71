"""Curves as text."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from napari_conformix.cli.runs.curves import (
    BLOCKS,
    curve_lines,
    duration,
    loss_curves,
    memory,
    sparkline,
)
from napari_conformix.training.events import Epoch


def epoch(number: int, loss: float, phase: str = "training") -> Epoch:
    return Epoch(
        epoch=number, epochs=9, phase=phase,
        train={"1": {"loss": loss}}, validation={"1": {"loss": loss + 1}},
    )  # fmt: skip


def test_a_falling_curve_falls() -> None:
    heights = [BLOCKS.index(c) for c in sparkline([7, 6, 5, 4, 3, 2, 1, 0], 8, (0, 7))]
    assert heights == [7, 6, 5, 4, 3, 2, 1, 0]


def test_a_long_curve_is_averaged() -> None:
    assert sparkline([0, 2, 7, 7, 0, 0], 3, (0, 7)) == "▂█▁"


def test_nan_is_a_gap_and_outliers_stay_in_the_picture() -> None:
    assert sparkline([0, math.nan, 99, -99], 4, (0, 7)) == "▁ █▁"


def test_a_constant_curve_is_flat() -> None:
    assert sparkline([3, 3, 3], 3, (3, 3)) == "▁▁▁"


@example([1e308, 1e308, -1e308], 1)
@example([5e-324, 0.0], 2)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200),
    st.integers(1, 50),
)
def test_any_curve_fits(values: list[float], width: int) -> None:
    finite = [value for value in values if math.isfinite(value)]
    limits = (min(finite), max(finite)) if finite else (0.0, 0.0)
    assert len(sparkline(values, width, limits)) == min(width, len(values))


def test_an_epoch_trained_again_counts_once() -> None:
    events = [epoch(1, 5), epoch(2, 4), epoch(3, 9), epoch(2, 3)]
    assert loss_curves(events)["1"] == {"training": [5, 3, 9], "validation": [6, 4, 10]}


def test_the_curve_is_of_the_term_that_means_the_same_in_every_epoch() -> None:
    event = epoch(1, 5).model_copy(
        update={"headline": "unexplained", "train": {"1": {"loss": 5, "unexplained": 0.9}}}
    )
    assert loss_curves([event])["1"]["training"] == [0.9]


def test_the_loss_of_a_warm_up_is_left_out() -> None:
    events = [epoch(1, 500, "warm-up"), epoch(2, 4), epoch(3, 3)]
    assert loss_curves(events)["1"]["training"] == [4, 3]


def test_both_curves_of_a_half_share_a_scale() -> None:
    training, validation = curve_lines({"1": {"training": [0, 0], "validation": [7, 7]}}, 80)
    assert "▁▁" in training
    assert "██" in validation
    assert len(training) <= 80


def test_a_loss_that_was_never_finite_has_no_line() -> None:
    assert curve_lines({"0": {"training": [math.nan], "validation": []}}, 80) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (math.nan, "?"), (-1, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
     (3599, "59 min 59 s"), (3600, "1 h 00 min"), (90_061, "25 h 01 min")],
)  # fmt: skip
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_memory() -> None:
    assert [memory(x) for x in (None, 640e6, 3.2e9)] == ["?", "640 MB", "3.2 GB"]
