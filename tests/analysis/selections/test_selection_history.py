import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_conformix.analysis.selections import Selection, SelectionHistory
from napari_conformix.errors import UserError

TOTAL = 70
ROWS = st.lists(st.integers(0, TOTAL - 1), max_size=TOTAL)
MOVES = st.one_of(
    st.tuples(st.sampled_from(["replace", "add", "remove", "intersect", "invert"]), ROWS),
    st.tuples(st.sampled_from(["invert", "clear", "undo", "redo"]), st.none()),
)


def expected(action: str, before: set[int], rows: set[int] | None) -> set[int]:
    if action == "invert":
        return before ^ (set(range(TOTAL)) if rows is None else rows)
    rows = rows or set()
    return {
        "replace": rows,
        "add": before | rows,
        "remove": before - rows,
        "intersect": before & rows,
        "clear": set(),
    }[action]


@settings(deadline=None)
@given(st.lists(MOVES, max_size=25))
def test_history_does_what_sets_do(moves: list[tuple[str, list[int] | None]]) -> None:
    history = SelectionHistory(TOTAL)
    past: list[set[int]] = [set()]
    at = 0
    for action, rows in moves:
        if action == "undo":
            assert history.undo() == (at > 0)
            at = max(at - 1, 0)
        elif action == "redo":
            assert history.redo() == (at < len(past) - 1)
            at = min(at + 1, len(past) - 1)
        else:
            history.apply(action, rows, kind="rows")
            taken = None if rows is None else set(rows)
            past = [*past[: at + 1], expected(action, past[at], taken)]
            at += 1
        assert history.rows.tolist() == sorted(past[at])
        assert history.count == len(past[at])
        assert len(history.steps) == at
        assert history.can_undo == (at > 0)
        assert history.can_redo == (at < len(past) - 1)


@settings(deadline=None)
@given(st.lists(MOVES, max_size=15))
def test_the_steps_that_are_saved_are_enough_to_do_it_again(
    moves: list[tuple[str, list[int] | None]],
) -> None:
    history = SelectionHistory(TOTAL)
    for action, rows in moves:
        if action in ("undo", "redo"):
            getattr(history, action)()
        else:
            how = {} if rows is None else {"kind": "rows", "rows_taken": rows}
            history.apply(action, rows, **how)
    steps = json.loads(json.dumps(history.how))
    again = SelectionHistory.replay(TOTAL, steps, lambda step: step["rows_taken"])
    np.testing.assert_array_equal(again.rows, history.rows)


def test_masks_and_rows_are_the_same() -> None:
    by_rows, by_mask = SelectionHistory(5), SelectionHistory(5)
    by_rows.replace([1, 4, 1])
    by_mask.replace(np.array([False, True, False, False, True]))
    assert by_rows.rows.tolist() == by_mask.rows.tolist() == [1, 4]
    assert by_rows.mask.tolist() == [False, True, False, False, True]


@pytest.mark.parametrize("rows", [[-1], [5], [0.5], np.ones(4, bool)])
def test_rows_that_do_not_exist_are_refused_and_change_nothing(rows: object) -> None:
    history = SelectionHistory(5)
    with pytest.raises(ValueError):
        history.add(rows)  # type: ignore[arg-type]
    assert not history.can_undo


def test_a_mask_handed_out_is_neither_changed_nor_changeable() -> None:
    history = SelectionHistory(5)
    history.replace([1])
    mask = history.mask
    history.invert()
    history.undo()
    history.add([3])
    assert mask.tolist() == [False, True, False, False, False]
    with pytest.raises(ValueError, match="read-only"):
        mask[0] = True


def test_the_callers_own_mask_is_not_kept() -> None:
    history, mask = SelectionHistory(3), np.array([True, False, False])
    history.replace(mask)
    mask[:] = True
    assert history.rows.tolist() == [0]


def test_everyone_who_listens_hears_the_new_count() -> None:
    history, heard = SelectionHistory(10), []
    history.changed.connect(heard.append)
    history.replace([1, 2, 3])
    history.invert()
    history.undo()
    history.undo()
    history.undo()  # nothing left to undo: silence
    assert heard == [3, 7, 3, 0]


def test_hundreds_of_steps_over_a_million_particles_stay_small() -> None:
    total = 1_000_000
    rng = np.random.default_rng(0)
    history = SelectionHistory(total)
    for i in range(100):
        history.add(rng.choice(total, 1000), kind="lasso", polygon=[[0.0, 0.0]] * 100)
        history.replace(rng.random(total) < 0.5) if i % 10 == 0 else None
    size = sum(change.flipped.nbytes for change in history._done)
    assert size < 100 * 4_000 + 10 * 125_000
    while history.undo():
        pass
    assert history.count == 0


def test_provenance_begins_where_the_rows_do() -> None:
    history = SelectionHistory(10)
    history.add([1], kind="lasso")
    history.replace([2, 3], kind="cluster", cluster=np.int64(4))
    history.remove(np.array([3]), kind="lasso", polygon=np.eye(2), axes=("PC 1", "PC 2"))
    assert history.how == [
        {"action": "replace", "kind": "cluster", "cluster": 4},
        {
            "action": "remove",
            "kind": "lasso",
            "polygon": [[1.0, 0.0], [0.0, 1.0]],
            "axes": ["PC 1", "PC 2"],
        },
    ]
    history.clear()
    assert history.how == []
    assert len(history.steps) == 4


def test_nothing_selected_has_no_name() -> None:
    with pytest.raises(UserError, match="Nothing is selected"):
        SelectionHistory(5).to_selection("empty")


def example() -> Selection:
    history = SelectionHistory(100)
    history.replace([5, 3, 99], kind="lasso", polygon=[[0, 0], [1, 0], [1, 1]], half=1, epoch=7)
    return history.to_selection("open state", epoch=7, colour="#ff8800")


def test_json_round_trip() -> None:
    selection = example()
    text = selection.to_json()
    assert Selection.from_json(text, selection.rows) == selection
    assert json.loads(text)["count"] == 3


def test_files_round_trip(tmp_path: Path) -> None:
    path = example().save(tmp_path / "selections")
    assert sorted(p.name for p in path.parent.iterdir()) == ["open state.json", "open state.npy"]
    loaded = Selection.load(path.parent, "open state")
    assert loaded == example()
    assert loaded.rows.dtype == np.int64
    assert loaded.how[0]["half"] == 1


def test_rows_are_sorted_unique_and_fixed() -> None:
    selection = Selection("a", np.array([5, 1, 5, 3], np.int32), 6)
    assert selection.rows.tolist() == [1, 3, 5]
    assert selection.mask.tolist() == [False, True, False, True, False, True]
    with pytest.raises(ValueError, match="read-only"):
        selection.rows[0] = 0


@pytest.mark.parametrize("rows", [[0, 6], [-1, 2]])
def test_rows_of_another_file_are_told(rows: list[int]) -> None:
    with pytest.raises(UserError, match="outside the 6 particles"):
        Selection("a", np.array(rows), 6)


def test_rows_must_be_whole_numbers() -> None:
    with pytest.raises(UserError, match="whole numbers"):
        Selection("a", np.array([0.0, 1.0]), 6)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["", "  ", "a/b", "a\\b", "..", ".hidden", "a:b", "what?", "a\nb", "end.", "é" * 150]
)
def test_names_that_cannot_be_files_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="name"):
        Selection(name, np.arange(2), 6)


@pytest.mark.parametrize("name", ["open", "open state 2", "Öffnung", "a.b", "class_3-b"])
def test_other_names_are_files(name: str, tmp_path: Path) -> None:
    selection = Selection(name, np.arange(2), 6)
    selection.save(tmp_path)
    assert Selection.load(tmp_path, name) == selection


def test_damage_is_told(tmp_path: Path) -> None:
    example().save(tmp_path)
    np.save(tmp_path / "open state.npy", np.array([1, 2, 3]))
    with pytest.raises(UserError, match="are not those"):
        Selection.load(tmp_path, "open state")
    (tmp_path / "open state.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(UserError, match="cannot be read"):
        Selection.load(tmp_path, "open state")
    (tmp_path / "open state.json").write_text('{"name": "open')
    np.save(tmp_path / "open state.npy", np.array([1, 2, 3]))
    with pytest.raises(UserError, match="cannot be read"):
        Selection.load(tmp_path, "open state")
    (tmp_path / "open state.json").write_text('{"name": 5, "total": 9}')
    with pytest.raises(UserError, match="cannot be read"):
        Selection.load(tmp_path, "open state")
    with pytest.raises(UserError, match="it has: open state"):
        Selection.load(tmp_path, "closed")
