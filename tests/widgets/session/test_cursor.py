"""The owner of the cursor, without a window."""

import subprocess
import sys
from pathlib import Path

import pytest

from napari_conformix.widgets.session import cursor as file
from napari_conformix.widgets.session.cursor import FIRST, LINK, MOUSE, CursorPlace, LatentCursor


class Heard:
    """A cursor, and what it says."""

    def __init__(self) -> None:
        self.cursor = LatentCursor()
        self.moved: list[CursorPlace] = []
        self.drawn: list[tuple] = []
        self.cursor.moved.connect(self.moved.append)
        self.cursor.drawn.connect(lambda view, xy: self.drawn.append((view, xy)))


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_it_needs_no_qt() -> None:
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]);"
        "print([m for m in sys.modules if m.partition('.')[0].lower() in"
        " ('qtpy', 'pyqt5', 'pyqt6', 'pyside6', 'napari', 'vispy')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(Path(file.__file__))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


def test_it_knows_where_of_which_job_and_half_and_who_placed_it(heard: Heard) -> None:
    cursor = heard.cursor
    cursor.enter(FIRST, "/jobs/run1")
    cursor.enter("other", "/jobs/run2")
    cursor.set_half(FIRST, 2)
    cursor.move(FIRST, (1, 2), MOUSE)
    place = CursorPlace(FIRST, (1.0, 2.0), MOUSE, "/jobs/run1", 2)
    assert cursor.place(FIRST) == cursor.last == place
    assert heard.moved == [place]
    assert heard.drawn[-1] == (FIRST, (1.0, 2.0))
    assert cursor.xy("other") is None
    cursor.move("other", (5.0, 6.0), LINK)
    assert cursor.place("other") == CursorPlace("other", (5.0, 6.0), LINK, "/jobs/run2", 0)
    assert cursor.last == place, "the other view only goes along"
    cursor.set_half(FIRST, 1)
    assert cursor.place(FIRST).half == 1
    assert len(heard.moved) == 2


def test_a_known_state_goes_with_the_place(heard: Heard) -> None:
    state = object()
    heard.cursor.move(FIRST, (0, 0), "gallery", state)
    assert heard.moved[-1].state is state
    heard.cursor.move(FIRST, (0, 0), MOUSE)
    assert heard.moved[-1].state is None


def test_what_only_marks_is_followed_by_nobody(heard: Heard) -> None:
    heard.cursor.put(FIRST, (3, 4), "clusters")
    assert heard.cursor.place(FIRST).by == "clusters"
    assert heard.drawn == [(FIRST, (3.0, 4.0))]
    assert heard.moved == []
    assert heard.cursor.last is None
    heard.cursor.put(FIRST, None, "clusters")
    assert heard.cursor.place(FIRST) is None
    assert heard.drawn[-1] == (FIRST, None)


def test_a_page_borrows_the_mouse_and_the_cursor_is_where_it_was(heard: Heard) -> None:
    cursor = heard.cursor
    cursor.move(FIRST, (1, 1), MOUSE)
    cursor.lend(FIRST)
    assert cursor.xy(FIRST) is None
    assert heard.drawn[-1] == (FIRST, None)
    cursor.move(FIRST, (8, 8), MOUSE)
    assert heard.moved[-1].xy == (8.0, 8.0)
    assert heard.drawn[-1] == (FIRST, None)
    cursor.give_back(FIRST)
    assert heard.drawn[-1] == (FIRST, (1.0, 1.0))
    cursor.lend(FIRST)
    cursor.lift(FIRST)  # other axes meanwhile
    cursor.give_back(FIRST)
    assert cursor.place(FIRST) is None


def test_another_job_has_no_cursor_yet(heard: Heard) -> None:
    cursor = heard.cursor
    cursor.enter(FIRST, "/jobs/run1")
    cursor.move(FIRST, (1, 1), MOUSE)
    cursor.enter(FIRST, "/jobs/run1")
    assert cursor.xy(FIRST) == (1.0, 1.0)
    cursor.enter(FIRST, "/jobs/run2")
    assert cursor.place(FIRST) is None
    assert heard.drawn[-1] == (FIRST, None)


def test_who_follows_may_place_it_in_another_view_at_once(heard: Heard) -> None:
    def follow(place: CursorPlace) -> None:
        if place.by != LINK:
            heard.cursor.move("other", (-place.xy[0], 0.0), LINK)

    heard.cursor.moved.connect(follow)
    for x in (1, 2):
        heard.cursor.move(FIRST, (x, 0), MOUSE)
    assert [(p.view, p.xy[0]) for p in heard.moved] == [
        (FIRST, 1.0),
        ("other", -1.0),
        (FIRST, 2.0),
        ("other", -2.0),
    ]
    assert heard.cursor.last.view == FIRST
