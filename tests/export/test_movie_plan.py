"""Which frame shows which step, and how the camera turns."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from napari_conformix.errors import UserError
from napari_conformix.export.movie_plan import check_file, duration, options_from, parse_size, shots


def steps_of(plan) -> list[int]:
    return [shot.step for shot in plan]


def turns_of(plan) -> np.ndarray:
    return np.array([shot.turn_degrees for shot in plan])


def test_there_and_back_ends_with_the_frame_that_it_began_with() -> None:
    plan = shots(5, options_from(turn_degrees=360), loops=False)
    assert steps_of(plan) == [0, 1, 2, 3, 4, 3, 2, 1, 0]
    assert turns_of(plan)[[0, -1]].tolist() == [0, 360]
    assert np.allclose(np.diff(turns_of(plan)), 45)  # a full turn goes at an even speed


def test_what_repeats_without_end_does_not_show_that_frame_twice() -> None:
    plan = shots(5, options_from(turn_degrees=360), loops=True)
    assert steps_of(plan) == [0, 1, 2, 3, 4, 3, 2, 1]
    assert turns_of(plan)[-1] + 45 == 360


def test_once_goes_from_the_start_to_the_end() -> None:
    assert steps_of(shots(4, options_from(there_and_back=False), loops=True)) == [0, 1, 2, 3]


@example(steps=22, seconds=1.125, fps=22, back=True, loops=False)  # halves of a step
@given(
    steps=st.integers(1, 60),
    seconds=st.one_of(st.none(), st.floats(0.5, 20)),
    fps=st.integers(1, 60),
    back=st.booleans(),
    loops=st.booleans(),
)
def test_no_step_is_jumped_over_by_more_than_the_length_asks(
    steps: int, seconds: float | None, fps: int, back: bool, loops: bool
) -> None:
    options = options_from(seconds=seconds, frames_per_second=fps, there_and_back=back)
    plan = shots(steps, options, loops=loops)
    shown = np.array(steps_of(plan))
    assert shown[0] == 0
    assert 0 <= shown.min() <= shown.max() <= steps - 1
    if back and not loops:
        assert np.array_equal(shown, shown[::-1])
    if not back:
        assert np.all(np.diff(shown) >= 0)
        assert shown[-1] == steps - 1
    if seconds is None:
        assert steps == 1 or set(shown) == set(range(steps))
    else:
        assert duration(len(plan), options) == pytest.approx(max(seconds, 2 / fps), abs=2 / fps)
    ways = 2 if back else 1
    assert np.abs(np.diff(shown)).max(initial=0) <= np.ceil(ways * (steps - 1) / (len(plan) - 1))


def test_a_part_of_a_turn_begins_and_ends_slowly() -> None:
    moved = np.diff(turns_of(shots(40, options_from(turn_degrees=-90), loops=False)))
    assert np.all(moved < 0)
    assert moved.sum() == pytest.approx(-90)
    middle = moved[len(moved) // 2]
    assert abs(moved[0]) < 0.1 * abs(middle)
    assert abs(moved[-1]) < 0.1 * abs(middle)


def test_rocking_goes_to_both_sides_and_ends_where_it_began() -> None:
    turns = turns_of(shots(48, options_from(rock_degrees=20), loops=False))  # 95 frames, 8 s
    assert turns[0] == 0
    assert turns[-1] == pytest.approx(0, abs=1e-9)
    assert turns.max() == pytest.approx(20, abs=0.2)
    assert turns.min() == pytest.approx(-20, abs=0.2)
    assert np.count_nonzero(np.diff(np.sign(turns[1:-1]))) == 3  # two rocks


def test_a_single_step_can_be_turned_around() -> None:
    plan = shots(1, options_from(turn_degrees=360), loops=False)
    assert set(steps_of(plan)) == {0}
    assert duration(len(plan), options_from()) == 4


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("720", (720, 720)),
        ("401x361", (400, 360)),
        ("1080p", (1920, 1080)),
        ("640 X 480", (640, 480)),
    ],
)
def test_sizes_are_read_and_made_even(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "10", "9000x100", "1280x", "-3"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("frames_per_second", 0, "frames per second"),
        ("background", "blurple", "not a colour"),
        ("width", 20, "width"),
        ("quality", 10, "quality"),
        ("seconds", -1, "seconds"),
        ("turn_degrees", float("nan"), "turn degrees"),
    ],
)
def test_wrong_options_are_named(name: str, value: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        options_from(**{name: value})


def test_files_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.mp4 or \.gif, not \.avi"):
        check_file(tmp_path / "film.avi", overwrite=False)
    with pytest.raises(UserError, match="without a suffix"):
        check_file(tmp_path / "film", overwrite=False)
    with pytest.raises(UserError, match="no folder"):
        check_file(tmp_path / "nowhere" / "film.mp4", overwrite=False)
    there = tmp_path / "film.mp4"
    there.touch()
    with pytest.raises(UserError, match="--overwrite"):
        check_file(there, overwrite=False)
    assert check_file(there, overwrite=True) == there
