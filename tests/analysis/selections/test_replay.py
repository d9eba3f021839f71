"""Steps of a selection looked up in other latents, against the truth, with axes turned about."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from napari_conformix.analysis.selections import (
    CannotReplayError,
    Ground,
    describe,
    replay_steps,
    view_of_quantity,
    view_steps,
)
from napari_conformix.analysis.selections.replay import rows_of_step
from napari_conformix.analysis.selections.words import told
from napari_conformix.analysis.spaces import align, views
from napari_conformix.errors import UserError
from napari_conformix.training.latent_table import LatentTable

N = 4000
SQUARE = [[0.2, -0.4], [2.0, -0.4], [2.0, 1.5], [0.2, 1.5]]


def table(mean: np.ndarray, motion: np.ndarray | None = None, halves: bool = True) -> LatentTable:
    rng = np.random.default_rng(1)
    half = rng.integers(1, 3, len(mean)) if halves else np.zeros(len(mean))
    return LatentTable(
        mean.astype(np.float32),
        np.full(mean.shape, 0.1, np.float32),
        half.astype(np.int8),
        rng.random(len(mean)) < 0.1,
        7,
        motion if motion is None else motion.astype(np.float32),
        "A" if motion is not None else "",
    )


@pytest.fixture
def latents() -> LatentTable:
    rng = np.random.default_rng(0)
    return table(rng.normal(size=(N, 4)), rng.normal(size=(N, 3)) * [3, 2, 1])


def view_of(latents: LatentTable, key: str = "motion", axes=(0, 1), show="all"):
    return views.view(views.build(key, latents), axes, show, latents)


class Column:
    """A particle file of two columns."""

    columns = ("rlnDefocusU", "rlnMicrographName", "rlnImageName")

    def column(self, name: str) -> np.ndarray:
        if name == "rlnImageName":
            return np.array([f"{i:06d}@s{i % 2}.mrcs" for i in range(N)], dtype=object)
        if name == "rlnMicrographName":
            return np.array([f"m{i % 5}" for i in range(N)], dtype=object)
        return np.arange(N, dtype=float)


@pytest.mark.parametrize("show", ["all", "half 2", "validation"])
@pytest.mark.parametrize("key", ["motion", "pca1", "latent2"])
def test_what_was_drawn_is_found_again(latents: LatentTable, key: str, show: str) -> None:
    if key == "pca1" and show == "half 2":
        return  # a map without particles
    view = view_of(latents, key, (1, 0), show)
    steps = [
        view_steps.lasso_step(view, SQUARE),
        view_steps.rectangle_step(view, [[2.0, -0.4], [0.2, 1.5]]),
        view_steps.nearest_step(view, (0.3, 0.1), 25),
        view_steps.shown_step(view),
    ]
    masks = [rows_of_step(json.loads(json.dumps(s)), Ground(latents)) for s in steps]
    x, y = view.xy.T
    square = view.rows[(x > 0.2) & (x < 2) & (y > -0.4) & (y < 1.5)]
    for mask in masks[:2]:
        np.testing.assert_array_equal(np.flatnonzero(mask), square)
    far = np.hypot(x - 0.3, y - 0.1)
    assert set(np.flatnonzero(masks[2])) == set(view.rows[np.argsort(far)[:25]])
    np.testing.assert_array_equal(np.flatnonzero(masks[3]), view.rows)


def test_nearest_counts_what_the_eye_sees_and_ties_are_settled() -> None:
    xy = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1], [np.nan, 0]], dtype=float)
    assert view_steps.nearest(xy, (0, 0), 3).tolist() == [True, True, True, False, False, False]
    assert view_steps.nearest(xy, (0, 0), 3, stretch=5.0).tolist() == [
        True, True, False, True, False, False,
    ]  # fmt: skip
    assert view_steps.nearest(xy, (0, 0), 99).sum() == 5
    assert view_steps.nearest(xy, (0, 0), 0).sum() == 0


def test_ranges_words_clusters_motions_and_saved_steps(latents: LatentTable) -> None:
    labels = np.arange(N) % 3
    ground = Ground(latents, Column(), lambda name: labels)
    for step, wanted in (
        ({"kind": "range", "column": "rlnDefocusU", "low": 10, "high": 20}, range(10, 21)),
        ({"kind": "range", "column": "rlnDefocusU", "range": [None, 4]}, range(5)),
        ({"kind": "category", "column": "rlnMicrographName", "value": "m3"}, range(3, N, 5)),
        ({"kind": "category", "column": "rlnImageName", "value": "s1.mrcs"}, range(1, N, 2)),
        ({"kind": "cluster", "set": "k3", "number": 2}, range(1, N, 3)),
        ({"kind": "clusters", "set": "k3", "numbers": [1, 2, 3]}, range(N)),
    ):
        assert np.flatnonzero(rows_of_step(step, ground)).tolist() == list(wanted)
    steps = [
        {"action": "replace", "kind": "range", "column": "rlnDefocusU", "low": 10, "high": None},
        {"action": "invert", **view_steps.shown_step(view_of(latents, "latent1"))},
        {"action": "intersect", "kind": "saved", "name": "a",
         "steps": [{"action": "add", "kind": "cluster", "set": "k3", "number": 1},
                   {"action": "invert"}]},
    ]  # fmt: skip
    mask = np.arange(N) >= 10
    mask[latents.half == 1] ^= True
    mask &= labels != 0
    np.testing.assert_array_equal(replay_steps(N, steps, ground).mask, mask)
    assert told(steps[1]) == "invert all shown on Latent 1 × Latent 2 of half 1"


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ({"kind": "lasso", "embedding": "pca0", "axes": ["PC 1", "PC 2"]}, "does not have"),
        ({"kind": "lasso", "embedding": "umap motion", "axes": ["UMAP 1", "UMAP 2"]}, "UMAP"),
        ({"kind": "lasso", "embedding": "motion", "axes": ["Motion 1", "Motion 9"]},
         "no such axes"),
        ({"kind": "lasso", "embedding": "motion", "axes": ["Motion 1", "Motion 2"], "job": "/x/b"},
         "stood next to"),
        ({"kind": "cluster", "set": "k3", "number": 4}, "no cluster 4"),
        ({"kind": "range", "column": "rlnMicrographName", "low": 1}, "has words"),
        ({"kind": "range", "column": "rlnNothing", "low": 1}, "Nothing is called"),
        ({"kind": "state", "numbers": [1]}, "no rule"),
        ({"kind": "inverted"}, "no rule"),
        ({"kind": "motion", "motion_above": 1}, "not known"),
        ({"kind": "replayed", "name": "a", "job": "/x/b", "steps": []}, "replay 'a' of b"),
    ],
)  # fmt: skip
def test_a_step_without_a_meaning_here_is_named_with_the_reason(
    latents: LatentTable, step: dict, why: str
) -> None:
    ground = Ground(latents, Column(), lambda name: np.arange(N) % 3)
    first = {"action": "replace", "kind": "range", "column": "rlnDefocusU", "low": 10}
    with pytest.raises(CannotReplayError, match=r"^Step 2 \(") as told_:
        replay_steps(N, [first, {"action": "add", **step}], ground)
    assert why in str(told_.value)
    assert str(told_.value).endswith(".")


def mixed(old: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """The same places with axes turned, flipped, scaled and moved; two more say nothing."""
    rng = np.random.default_rng(5)
    turned = old @ np.array([[-0.8, 1.9], [-0.6, -2.4]]) + [3, -1]
    more = rng.normal(size=(len(old), 2))
    return np.concatenate([turned + noise * rng.normal(size=turned.shape), more], axis=1)


def test_turned_flipped_and_scaled_axes_are_laid_over_the_old_ones() -> None:
    old = np.random.default_rng(2).normal(size=(N, 2)) * [3, 0.5]
    found = align(mixed(old), old, ("PC 1", "PC 2"), (0, 1))
    assert not found.doubtful
    np.testing.assert_allclose(found.place(mixed(old)), old, atol=1e-6)
    assert "are not the axes that they were" in found.sentence()
    flipped = align(old * [-1, 1], old, ("PC 1", "PC 2"), (0, 1))
    assert "PC 1 runs the other way" in flipped.sentence()


def test_with_noise_the_spread_stays_so_that_no_end_of_a_map_is_emptied() -> None:
    rng = np.random.default_rng(3)
    old = rng.normal(size=(N, 2))
    new = old + 0.7 * rng.normal(size=old.shape)
    found = align(new, old, ("a", "b"), (0, 1))
    placed = found.place(new)
    np.testing.assert_allclose(placed.std(axis=0), old.std(axis=0), rtol=0.05)
    assert abs((placed[:, 0] > 1.5).sum() / (old[:, 0] > 1.5).sum() - 1) < 0.2
    np.testing.assert_allclose(found.reached, 1 / np.hypot(1, 0.7), atol=0.03)


def test_the_same_axes_are_used_as_they_are_and_strangers_are_doubtful() -> None:
    rng = np.random.default_rng(4)
    old = rng.normal(size=(N, 2))
    same = align(old + 1e-4, old, ("a", "b"), (0, 1))
    np.testing.assert_array_equal(same.place(old[:5]), old[:5])
    assert "as they did" in same.sentence()
    stranger = align(rng.normal(size=(N, 3)), old, ("a", "b"), (0, 1))
    assert stranger.doubtful
    assert "That is little" in stranger.sentence()
    assert align(old[:49], old[:49], ("a", "b"), (0, 1)) is None
    strays = old.copy()
    strays[:4] = 1e6 * rng.normal(size=(4, 2))
    far = align(mixed(old), strays, ("a", "b"), (0, 1))
    np.testing.assert_allclose(far.place(mixed(old)[4:]), old[4:], atol=1e-6)


def test_conditions_on_motion_and_error(latents: LatentTable) -> None:
    rng = np.random.default_rng(6)
    motion, error = rng.uniform(0, 9, N), rng.uniform(0, 3, N)
    error[::7] = np.nan
    table = SimpleNamespace(rms_displacement=motion, estimated_error=error)
    step = {"kind": "motion", "motion_above": 4.0, "error_below": 2.0, "ratio_above": 2.5}
    found = rows_of_step(step, Ground(latents, motions=lambda: table))
    with np.errstate(invalid="ignore"):
        expected = (motion >= 4) & (error <= 2) & (motion / error >= 2.5)
    np.testing.assert_array_equal(found, expected)
    assert 0.05 < found.mean() < 0.8


def test_quantities_that_are_axes_of_a_map() -> None:
    assert view_of_quantity("motion 2") == ("motion", "Motion 2")
    assert view_of_quantity("PC 1 of half 2") == ("pca2", "PC 1")
    assert view_of_quantity("latent 3") == ("latent0", "Latent 3")
    assert view_of_quantity("rlnDefocusU") is None
    assert view_of_quantity("amount of motion") is None


def test_a_map_of_columns_is_found_by_their_names(latents: LatentTable) -> None:
    particles = Column()
    space = views.columns(
        latents,
        ("motion 1", "rlnDefocusU"),
        (latents.motion[:, 0], particles.column("rlnDefocusU")),
    )
    view = views.view(space, (0, 1), "all", latents)
    step = view_steps.rectangle_step(view, [[0, 100], [2, 900]])
    mask = rows_of_step(step, Ground(latents, particles))
    inside = (latents.motion[:, 0] > 0) & (latents.motion[:, 0] < 2)
    inside &= (np.arange(N) > 100) & (np.arange(N) < 900)
    np.testing.assert_array_equal(mask, inside)


def test_words_for_the_table(latents: LatentTable) -> None:
    from napari_conformix.analysis.selections import SelectionHistory

    history = SelectionHistory(N)
    view = view_of(latents, show="validation")
    history.add([1, 2], **view_steps.nearest_step(view, (1.0, -2.5), 1200))
    history.intersect([1], kind="range", column="rlnDefocusU", low=1e4, high=None)
    history.add([5], kind="rows", file="/a/b/mine.npy")
    history.remove([5], kind="clusters", set="k6", numbers=[2, 3])
    text = describe(history.to_selection("x", epoch=3))
    assert text == (
        "+ 1,200 nearest to (1, -2.5) on Motion 1 × Motion 2 (validation only), "
        "∩ rlnDefocusU ≥ 10000, + rows of mine.npy, − clusters 2, 3 of k6; epoch 3"
    )
    for i in range(30):
        history.add([i], kind="rows")
    assert "… 28 more …" in describe(history.to_selection("x"))


def test_ranges_of_words_are_refused_by_the_ground(latents: LatentTable) -> None:
    with pytest.raises(UserError, match="has words"):
        Ground(latents, Column()).values("rlnMicrographName")
