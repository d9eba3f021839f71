"""What the list of colours offers, and what its entries paint."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from napari_conformix.training.latent_table import LatentTable
from napari_conformix.widgets.colours import CURRENT, Choice, Known, choices, colouring, motion
from napari_conformix.widgets.colours.choices import HALF_SET, SAVED
from napari_conformix.widgets.spaces.colours import category_step

COUNT = 50


def one_model() -> LatentTable:
    mean = np.random.default_rng(0).normal(size=(COUNT, 2)).astype(np.float32)
    return LatentTable(mean, mean, np.zeros(COUNT, np.int8), np.zeros(COUNT, bool), 4)


def names(known: Known) -> list[str]:
    return [choice.name for _, offered in known.groups() for choice in offered]


def painted(known: Known, name: str) -> colouring.Colouring:
    found = {choice.name: choice for _, offered in known.groups() for choice in offered}
    return found[name].paint(None)


def test_of_selections_that_overlap_the_first_is_named() -> None:
    rows = {"open": np.arange(10), "all": np.arange(40)}
    job = SimpleNamespace(selection=lambda name: SimpleNamespace(rows=rows[name]))
    known = Known(one_model(), job=job, selections=["open", "all"])
    made = painted(known, SAVED)
    counts = [(c.label, c.count) for c in made.legend.categories]
    assert counts == [("open", 10), ("all", 30), ("in none", 10)]
    assert (made.rgba[40:] == colouring.MISSING).all()
    alone = painted(known, "selection all")
    assert [(c.label, c.count) for c in alone.legend.categories] == [
        ("not in it", 10),
        ("in it", 40),
    ]
    assert SAVED not in names(Known(one_model(), job=job))


def test_what_is_selected_now_is_asked_for_when_it_is_painted() -> None:
    masks = [None]
    known = Known(one_model(), selected=lambda: masks[0])
    assert painted(known, CURRENT).legend.categories[0].count == COUNT
    masks[0] = np.arange(COUNT) < 7
    made = painted(known, CURRENT)
    assert np.array_equal(made.of_category(1), masks[0])


def test_a_method_with_one_model_has_no_half_sets_of_its_own() -> None:
    table = one_model()
    assert HALF_SET not in names(Known(table))
    half = np.repeat([1, 2], COUNT // 2).astype(np.int8)
    two = replace(table, half=half)
    assert np.array_equal(painted(Known(two), HALF_SET).labels + 1, half)


def test_what_is_offered_takes_the_place_of_what_has_its_name() -> None:
    own = colouring.one_colour(COUNT, "from the page")
    known = Known(
        one_model(),
        cluster_sets=["kmeans2", "kmeans3"],
        offered={"clusters": {"clusters kmeans3": lambda view: own}},
    )
    assert names(known).count("clusters kmeans3") == 1
    assert painted(known, "clusters kmeans3") is own
    assert names(known).index("clusters kmeans2") < names(known).index("clusters kmeans3")


def test_no_name_is_offered_twice() -> None:
    columns = ["rlnDefocusU", "rlnRandomSubset"]
    particles = SimpleNamespace(columns=columns, half=np.ones(COUNT), column=lambda name: None)
    known = Known(one_model(), particles, cluster_sets=["a"], selections=["b"])
    assert len(set(names(known))) == len(names(known))


def test_a_category_is_recorded_as_what_can_be_asked_again() -> None:
    assert category_step("clusters kmeans6", "3") == {
        "kind": "cluster",
        "set": "kmeans6",
        "numbers": [3],
    }
    step = category_step("rlnClassNumber", "2")
    assert step == {"kind": "range", "column": "rlnClassNumber", "low": 2.0, "high": 2.0}
    assert category_step("rlnMicrographName", "a.mrc")["value"] == "a.mrc"
    others = category_step("rlnMicrographName", "all others")
    assert others == {"kind": "other values of rlnMicrographName"}


def test_a_colour_is_declared_in_one_place(monkeypatch) -> None:
    def toy(known: Known):
        yield "Toys", Choice("even rows", "", lambda view: even(known.count))

    def even(count: int) -> colouring.Colouring:
        return colouring.by_column(np.arange(count) % 2 == 0, "Even")

    monkeypatch.setattr(choices, "SOURCES", [*choices.SOURCES, toy])
    known = Known(one_model())
    assert [heading for heading, _ in known.groups()][-1] == "Toys"
    assert painted(known, "even rows").of_category(1).sum() == COUNT // 2


def test_a_colour_by_motion_is_declared_in_one_place(monkeypatch) -> None:
    toy = motion.MotionColour("a toy", "What it means.", motion.by_amount)
    monkeypatch.setitem(motion.BY_MOTION, toy.name, toy)
    groups = dict(Known(one_model(), by_motion=tuple(motion.BY_MOTION)).groups())
    assert [c.meaning for c in groups["Motion and its error"] if c.name == "a toy"] == [
        "What it means."
    ]
