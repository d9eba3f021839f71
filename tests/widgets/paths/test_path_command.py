"""The command line next to a path makes that path."""

import shlex
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pytest

from napari_conformix.analysis.paths import LatentPath
from napari_conformix.cli.app import app
from napari_conformix.widgets.paths.command import path_command


def path(kind: str, half: int = 1, **how) -> LatentPath:
    count = 5
    return LatentPath(
        np.arange(2 * count, dtype=np.float32).reshape(count, 2),
        half,
        np.ones(count, np.int64),
        kind,
        {"kind": kind, "count": count, **how},
        epoch=3,
        name="mine",
    )


def options(arguments: dict[str, Any]) -> dict[str, Any]:
    """Those of the groups, too, by their own names."""
    found = {}
    for name, value in arguments.items():
        found |= options(vars(value)) if is_dataclass(value) else {name: value}
    return found


CASES = [
    (path("component", component=2, percentiles=(5, 95)), {"pc": 2, "percentiles": "5,95"}),
    (path("motion", component=1, percentiles=(2.5, 90)), {"motion": 1, "percentiles": "2.5,90"}),
    (
        path("points", map="motion", axes=[0, 2], points=[[-1.5, 2], [3, 4]], closed=True),
        {"points": "-1.5,2 3,4", "view": "motion", "axes": "1,3", "closed": True},
    ),
    (path("data", start=4, end=17), {"from_row": 4, "to_row": 17}),
    (path("clusters", set="kmeans_4"), {"clusters": "kmeans_4"}),
    (path("clusters", set="mine", over="data"), {"clusters": "mine", "over": "data"}),
    (
        path("component", component=1, percentiles=(5, 95), straight=True),
        {"pc": 1, "straight": True},
    ),
    (
        path("points", map="pca1", axes=[0, 1], points=[[0, 1], [2, 3]], exact=True),
        {"points": "0,1 2,3", "straight": True},
    ),
    (
        path("least energy", map="pca0", axes=[0, 1], states=[3, 1]),
        {"path": (3, 1), "view": "pca0", "axes": "1,2"},
    ),
]


@pytest.mark.parametrize(("made", "expected"), CASES, ids=[made.kind for made, _ in CASES])
def test_the_command_line_reads_back_as_what_was_made(made, expected, tmp_path) -> None:
    words = shlex.split(path_command(tmp_path, made))
    assert words[0] == "conformix"
    _, bound, _ = app.parse_args(words[1:], exit_on_error=False, print_error=False)
    given = options(bound.arguments)
    for name, value in {**expected, "half": 1, "count": 5, "name": "mine"}.items():
        assert given[name] == value, name


def test_one_model_needs_no_half(tmp_path) -> None:
    made = path("component", half=0, component=1, percentiles=(5, 95))
    assert "--half" not in path_command(tmp_path, made)


def test_of_a_line_by_hand_it_says_that_it_must_be_saved(tmp_path) -> None:
    text = path_command(tmp_path, path("drawn", map="motion", axes=[0, 1], points=[[0, 0], [1, 1]]))
    assert "Save it" in text
    assert "--like mine" in text
    turned = path("motion", component=1, percentiles=(5, 95)).reversed()
    assert "--like mine" in path_command(tmp_path, turned)
