"""Batches of one projection class: every particle once an epoch, whatever the orientations."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_conformix.methods.opusdsd.prior import projection_classes
from napari_conformix.training.batches import epoch_tasks
from napari_conformix.training.split import Split, make_split

BATCH = 72


def random_poses(random: np.random.Generator) -> np.ndarray:
    return Rotation.random(6000, random_state=random).as_matrix()


def preferred_poses(random: np.random.Generator) -> np.ndarray:
    """Nearly all look within some degrees of one axis, a few from behind, and single ones."""
    tilt = np.concatenate([random.normal(0, 4, 5700), 180 + random.normal(0, 4, 290)])
    rot, psi = random.uniform(-180, 180, (2, len(tilt)))
    most = Rotation.from_euler("ZYZ", np.stack([rot, tilt, psi], 1), degrees=True).as_matrix()
    return np.concatenate([most, Rotation.random(10, random_state=random).as_matrix()])


def one_pose(random: np.random.Generator) -> np.ndarray:
    """Everything in one class, so that there is no other to compare with."""
    psi = random.uniform(-180, 180, 500)
    return Rotation.from_euler(
        "ZYZ", np.stack([0 * psi + 20, 0 * psi + 60, psi], 1), True
    ).as_matrix()


@dataclass
class Plan:
    classes: np.ndarray
    split: Split

    def batches(self, epoch: int, seed: int = 1) -> list[np.ndarray]:
        tasks = epoch_tasks(
            self.split,
            (0,),
            BATCH,
            seed=seed,
            epoch=epoch,
            held_out=False,
            classes=self.classes,
        )
        assert {(task.half, task.purpose) for task in tasks} == {(0, "train")}
        return [task.rows for task in tasks]


@pytest.fixture(params=[random_poses, preferred_poses, one_pose])
def plan(request) -> Plan:
    rotation = request.param(np.random.default_rng(0))
    split = make_split(
        np.zeros(len(rotation), int), independent_halves=False, validation_fraction=0.1, seed=1
    )
    return Plan(projection_classes(rotation.astype(np.float32)), split)


def test_every_training_particle_comes_exactly_once_an_epoch(plan):
    for epoch in (1, 2, 7):
        rows = np.concatenate(plan.batches(epoch))
        assert np.array_equal(np.sort(rows), plan.split.rows(0, "train"))


def test_no_batch_mixes_classes(plan):
    for epoch in (1, 2, 7):
        assert max(len(np.unique(plan.classes[rows])) for rows in plan.batches(epoch)) == 1


def test_batches_are_as_large_as_their_class_allows(plan):
    train = plan.split.rows(0, "train")
    size_of_class = np.bincount(plan.classes[train], minlength=48)
    for rows in plan.batches(1):
        whole = size_of_class[plan.classes[rows[0]]]
        assert len(rows) <= BATCH
        assert len(rows) >= min(whole, BATCH // 2)
    # no more steps than one for each class beyond those of full batches
    assert len(plan.batches(1)) <= len(train) / BATCH + np.count_nonzero(size_of_class)


def test_batches_are_made_anew_every_epoch_and_follow_the_seed(plan):
    def sets(epoch, seed=1):
        return {frozenset(rows.tolist()) for rows in plan.batches(epoch, seed)}

    first = [rows.tolist() for rows in plan.batches(1)]
    assert [rows.tolist() for rows in plan.batches(1)] == first
    several = {frozenset(rows) for rows in first if plan_has_choice(plan, rows)}
    assert not several & sets(2)
    assert not several & sets(1, seed=2)


def plan_has_choice(plan: Plan, rows: list[int]) -> bool:
    """Whether the class of a batch fills more than one, so that another epoch deals it again."""
    train = plan.split.rows(0, "train")
    return np.count_nonzero(plan.classes[train] == plan.classes[rows[0]]) > BATCH


def test_classes_come_in_random_order():
    rotation = random_poses(np.random.default_rng(2))
    split = make_split(
        np.zeros(len(rotation), int), independent_halves=False, validation_fraction=0.1, seed=1
    )
    plan = Plan(projection_classes(rotation), split)
    order = np.array([plan.classes[rows[0]] for rows in plan.batches(1)])
    assert len(np.unique(order)) == 48
    # batch after batch by class, neighbours would differ by less than 1; at random, by about 16
    assert np.abs(np.diff(order)).mean() > 10
