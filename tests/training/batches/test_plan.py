from collections import Counter

import numpy as np
import torch

from napari_conformix.training.batches import (
    cut,
    encoding_tasks,
    epoch_seed,
    epoch_tasks,
    first_pass_tasks,
    make_sampler,
    validation_tasks,
)
from napari_conformix.training.contract import Batch
from napari_conformix.training.split import make_split

SPLIT = make_split(np.arange(103) % 2 + 1, independent_halves=True, validation_fraction=0.2, seed=3)


def tasks(halves=(1, 2), epoch=1, seed=1, held_out=True, size=8):
    return epoch_tasks(SPLIT, halves, size, seed=seed, epoch=epoch, held_out=held_out)


def rows_of(tasks, half, purpose):
    chosen = [t.rows for t in tasks if (t.half, t.purpose) == (half, purpose)]
    return np.concatenate(chosen) if chosen else np.empty(0, int)


def test_an_epoch_visits_every_training_particle_of_its_half_once():
    for half in (1, 2):
        np.testing.assert_array_equal(
            np.sort(rows_of(tasks(), half, "train")), SPLIT.rows(half, "train")
        )


def test_decoders_never_see_the_other_half_nor_validation():
    for half in (1, 2):
        trained = set(rows_of(tasks(), half, "train"))
        assert not trained & set(SPLIT.rows(3 - half, "train"))
        assert not trained & set(SPLIT.rows(0, "validation"))
        assert set(rows_of(tasks(), half, "held_out")) == set(SPLIT.rows(0, "validation"))


def test_halves_take_turns():
    halves = [t.half for t in tasks(held_out=False)]
    first, second = Counter(halves[: len(halves) // 2])[1], Counter(halves)[1] / 2
    assert abs(first - second) <= 1
    assert max(len(run) for run in "".join(map(str, halves)).split("1")) <= 2


def test_order_follows_from_seed_and_epoch():
    def order(**changes):
        return rows_of(tasks(**changes), 1, "train").tolist()

    assert order() == order()
    assert len({tuple(order()), tuple(order(epoch=2)), tuple(order(seed=2))}) == 3
    assert len({epoch_seed(s, e) for s in range(20) for e in range(20)}) == 400


def test_one_model_sees_both_halves():
    np.testing.assert_array_equal(
        np.sort(rows_of(tasks(halves=(0,)), 0, "train")), SPLIT.rows(0, "train")
    )


def test_no_batch_of_one_is_left_over():
    assert [len(b) for b in cut(np.arange(9), 8)] == [5, 4]
    assert cut(np.empty(0, int), 8) == []


def test_validation_stays_in_its_half_and_encoding_covers_both():
    validated = validation_tasks(SPLIT, (1, 2), 8)
    for half in (1, 2):
        np.testing.assert_array_equal(
            rows_of(validated, half, "validate"), SPLIT.rows(half, "validation")
        )
        encoded = rows_of(encoding_tasks(SPLIT, (1, 2), 8), half, "encode")
        assert set(encoded) == set(SPLIT.rows(half, "train")) | set(SPLIT.rows(0, "validation"))


def test_sampler_draws_the_same_particles_at_every_call():
    def load(rows):
        empty = torch.empty(len(rows))
        return Batch(torch.from_numpy(rows), empty, empty, empty, empty)

    def draw(epoch, half=2, subset="train", count=20):
        sampler = make_sampler(SPLIT, load, 8, seed=1, epoch=epoch)
        return [b.index.tolist() for b in sampler(half, subset, count)]

    assert draw(1) == draw(1) != draw(2)
    flat = [row for rows in draw(1) for row in rows]
    assert len(set(flat)) == 20
    assert set(flat) <= set(SPLIT.rows(2, "train"))
    assert {r for b in draw(1, subset="validation", count=999) for r in b} == set(
        SPLIT.rows(2, "validation")
    )


def classed(classes, epoch=1, size=8):
    return epoch_tasks(SPLIT, (0,), size, seed=1, epoch=epoch, held_out=False, classes=classes)


def test_batches_of_one_class_still_visit_every_particle_once():
    classes = np.random.default_rng(0).integers(0, 5, len(SPLIT))
    classes[:3] = 7  # a class of fewer than a batch
    tasks = classed(classes)
    np.testing.assert_array_equal(np.sort(rows_of(tasks, 0, "train")), SPLIT.rows(0, "train"))
    assert all(len(set(classes[task.rows])) == 1 for task in tasks)
    counts = Counter(classes[SPLIT.rows(0, "train")].tolist())
    for task in tasks:
        of_class = counts[int(classes[task.rows[0]])]
        assert len(task.rows) <= 8
        assert len(task.rows) >= min(of_class, 4)


def test_classes_come_in_random_order_that_follows_from_the_epoch():
    classes = np.arange(len(SPLIT)) % 4
    order = [int(classes[task.rows[0]]) for task in classed(classes)]
    assert order != sorted(order)
    assert order == [int(classes[task.rows[0]]) for task in classed(classes)]
    assert order != [int(classes[task.rows[0]]) for task in classed(classes, epoch=2)]


def test_classes_split_as_evenly_as_they_can():
    """A class of one more than a batch is halved rather than leaving one over."""
    classes = np.zeros(len(SPLIT), int)
    rows = SPLIT.rows(0, "train")
    sizes = [len(task.rows) for task in classed(classes, size=len(rows) - 1)]
    assert max(sizes) - min(sizes) <= 1
    assert sum(sizes) == len(rows)


def test_the_first_pass_sees_training_particles_only_in_their_order():
    tasks = first_pass_tasks(SPLIT, (1, 2), 8)
    for half in (1, 2):
        np.testing.assert_array_equal(rows_of(tasks, half, "first pass"), SPLIT.rows(half, "train"))
