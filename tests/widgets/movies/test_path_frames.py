"""Which maps of a path are decoded first, and which leave memory."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_conformix.widgets.movies import Head
from napari_conformix.widgets.movies.path_frames import FrameCache, size_in_bytes
from napari_conformix.widgets.scene import Prepared

MODES = ("bounce", "loop", "once")


def frame(box: int = 8, vertices: int = 10) -> Prepared:
    mesh = np.zeros((vertices, 3), np.float32), np.zeros((2 * vertices, 3), np.int32)
    return Prepared(np.zeros((box,) * 3, np.float32), 1.0, 0.5, mesh)


def played(head: Head, ticks: int) -> list[int]:
    """Steps that a player comes to."""
    steps = []
    for _ in range(ticks):
        head = head.next()
        if head is None:
            break
        steps.append(head.step)
    return steps


# -- the order of playing -------------------------------------------------------------------------


def test_bouncing_turns_round_at_both_ends() -> None:
    assert played(Head(1, 3, 1, "bounce"), 7) == [2, 1, 0, 1, 2, 1, 0]


def test_looping_begins_again_and_playing_once_ends() -> None:
    assert played(Head(1, 3, 1, "loop"), 4) == [2, 0, 1, 2]
    assert played(Head(1, 3, 1, "once"), 4) == [2]


def test_a_path_of_one_step_does_not_move() -> None:
    assert all(Head(0, 1, 1, mode).next() is None for mode in MODES)


@given(st.integers(1, 40), st.data(), st.sampled_from(MODES), st.sampled_from((1, -1)))
def test_every_step_is_decoded_once_the_present_one_first(count, data, mode, direction) -> None:
    step = data.draw(st.integers(0, count - 1))
    for playing in (True, False):
        order = Head(step, count, direction, mode).reading_order(playing)
        assert order[0] == step
        assert sorted(order) == list(range(count))


@given(st.integers(2, 40), st.data(), st.sampled_from((1, -1)))
def test_at_rest_the_nearest_steps_come_first(count, data, direction) -> None:
    step = data.draw(st.integers(0, count - 1))
    order = Head(step, count, direction).reading_order(False)
    away = [abs(s - step) for s in order]
    assert away == sorted(away)
    pairs = [(a, b) for a, b in itertools.pairwise(order) if abs(a - step) == abs(b - step)]
    assert all((a - step) * direction > 0 for a, _ in pairs)


@given(st.integers(2, 30), st.data(), st.sampled_from(MODES), st.sampled_from((1, -1)))
def test_while_playing_steps_are_decoded_as_the_player_comes_to_them(
    count, data, mode, direction
) -> None:
    head = Head(data.draw(st.integers(0, count - 1)), count, direction, mode)
    coming = list(dict.fromkeys([head.step, *played(head, 2 * count)]))
    assert head.reading_order(True)[: len(coming)] == coming


# -- memory ---------------------------------------------------------------------------------------


def test_a_size_counts_map_and_surface() -> None:
    assert size_in_bytes(frame(8, 10)) == 8**3 * 4 + 10 * 3 * 4 + 20 * 3 * 4


def test_the_least_recently_used_map_leaves_first() -> None:
    cache = FrameCache(3 * size_in_bytes(frame()))
    for step in (0, 1, 2):
        cache.put(step, frame())
    cache.get(0)
    cache.peek(1)  # looking is no use
    cache.put(3, frame())
    assert cache.steps == {0, 2, 3}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(4, 12)), max_size=30))
def test_memory_is_never_exceeded_but_by_a_single_map(puts) -> None:
    cache = FrameCache(5000)
    for step, box in puts:
        cache.put(step, frame(box))
        assert step in cache
        assert cache.bytes <= 5000 or len(cache) == 1


def test_what_fits_is_judged_by_what_is_there() -> None:
    cache = FrameCache(10 * size_in_bytes(frame()))
    assert cache.room(24) == 24  # nothing is known yet
    cache.put(0, frame())
    assert cache.room(24) == 10
    assert cache.room(4) == 4
    assert FrameCache(1).room(5) == 5


@pytest.mark.parametrize("most", [1, 100])
def test_one_map_is_held_however_large_it_is(most) -> None:
    cache = FrameCache(most)
    cache.put(0, frame())
    assert cache.room(9) == 1
    cache.put(1, frame())
    assert cache.steps == {1}
