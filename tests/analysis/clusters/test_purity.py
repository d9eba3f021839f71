"""Clusters against known labels, compared with hand computations and brute force."""

from itertools import combinations

import numpy as np
import pytest

from napari_conformix.analysis.clusters import label_codes, purity
from napari_conformix.analysis.clusters.purity import entropies
from napari_conformix.errors import UserError


def test_entropies_by_hand():
    """To base 10: log10 2 = 0.30103; of 3 to 1: 0.75 log10(4/3) + 0.25 log10 4 = 0.24422; of eight
    alike: 0.90309, the paper's figure for states evenly mixed."""
    assert entropies([[5, 5], [3, 1], [7, 0], [0, 0]]) == pytest.approx(
        [0.30103, 0.24422, 0, 0], abs=1e-5
    )
    assert entropies([[4] * 8])[0] == pytest.approx(0.90309, abs=1e-5)


def test_a_small_table_by_hand():
    truth = ["a", "a", "a", "b", "b", "b", "b", "b"]
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    found = purity(labels, truth)
    np.testing.assert_array_equal(found.table, [[3, 1], [0, 4]])
    assert found.states == ("a", "b")
    assert found.mean_entropy == pytest.approx(0.24422 / 2, abs=1e-5)
    assert found.weighted_entropy == pytest.approx(0.24422 / 2, abs=1e-5)
    lines = found.lines()
    assert lines[0].split() == ["cluster", "a", "b", "entropy"]
    assert lines[1].split() == ["1", "3", "1", "0.244"]


def test_means_over_clusters_and_over_particles_differ():
    found = purity([0] * 6 + [1] * 2, [0] * 6 + [0, 1])
    assert found.mean_entropy == pytest.approx(0.30103 / 2, abs=1e-5)
    assert found.weighted_entropy == pytest.approx(0.30103 / 4, abs=1e-5)


def test_the_adjusted_rand_index_by_counting_pairs():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 60)
    labels = np.where(random.random(60) < 0.7, truth, random.integers(0, 3, 60))
    pairs = list(combinations(range(60), 2))
    together = np.array([labels[i] == labels[j] for i, j in pairs])
    alike = np.array([truth[i] == truth[j] for i, j in pairs])
    both, expected = (together & alike).sum(), together.sum() * alike.sum() / len(pairs)
    index = (both - expected) / ((together.sum() + alike.sum()) / 2 - expected)
    assert purity(labels, truth).adjusted_rand == pytest.approx(index)


def test_chance_is_what_shuffled_labels_give():
    random = np.random.default_rng(1)
    truth = random.choice(6, 2000, p=[0.2, 0.1, 0.25, 0.15, 0.2, 0.1])
    labels = random.choice(4, 2000, p=[0.6, 0.2, 0.15, 0.05])
    found = purity(labels, truth)
    shuffled = []
    for _ in range(200):
        permuted = random.permutation(truth)
        table = [np.bincount(permuted[labels == i], minlength=6) for i in range(4)]
        shuffled.append(entropies(table).mean())
    assert found.random_entropy == pytest.approx(np.mean(shuffled), abs=0.001)
    assert found.random_spread == pytest.approx(np.std(shuffled), rel=0.3)
    shares = np.bincount(truth) / 2000  # large clusters: the entropy of the labels themselves
    assert found.random_entropy == pytest.approx(-(shares * np.log10(shares)).sum(), abs=0.01)
    assert found.adjusted_rand == pytest.approx(0, abs=0.02)


def test_perfect_clusters():
    truth = np.repeat([10, 9, 2], 5)
    found = purity(np.repeat([2, 0, 1], 5), truth)
    assert found.mean_entropy == 0
    assert found.adjusted_rand == 1
    assert found.states == ("2", "9", "10")  # in the order of numbers
    assert "0.000" in found.sentence()
    assert "1.00" in found.sentence()


def test_particles_without_a_label_or_cluster_are_left_out():
    truth = np.array([0.0, 0.0, np.nan, 1.0, 1.0])
    found = purity([0, 0, 0, 1, -1], truth)
    np.testing.assert_array_equal(found.table, [[2, 0], [0, 1]])
    assert found.states == ("0", "1")
    assert found.unlabelled == 1
    assert "1 particles without a label" in found.sentence()


@pytest.mark.parametrize(
    ("values", "codes", "states"),
    [
        (["open", "", "closed"], [1, -1, 0], ("closed", "open")),
        (np.array(["x", None, "y"], object), [0, -1, 1], ("x", "y")),
        ([0.5, np.nan, 2.0], [0, -1, 1], ("0.5", "2.0")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
    ],
)
def test_labels_may_be_of_any_kind(values, codes, states):
    found = label_codes(values)
    np.testing.assert_array_equal(found[0], codes)
    assert found[1] == states


def test_bad_labels_are_a_sentence():
    with pytest.raises(UserError, match="3 known labels, but 4 particles"):
        purity([0, 0, 1, 1], [0, 1, 1])
    with pytest.raises(UserError, match="No particle has a known label"):
        purity([0, 1], [np.nan, np.nan])
    with pytest.raises(UserError, match="No particle of these clusters"):
        purity([0, -1], [np.nan, 1.0])
    with pytest.raises(UserError, match=r"1,000 different values.*measured value"):
        purity(np.zeros(1000, int), np.linspace(0, 1, 1000))


def test_a_cluster_without_labelled_particles_does_not_count_as_pure():
    clusters = np.repeat([0, 1, 2], 40)
    truth = np.where(clusters == 1, np.nan, np.tile([0.0, 1.0], 60))
    found = purity(clusters, truth)
    assert found.mean_entropy == pytest.approx(np.log10(2))
    assert found.random_entropy == pytest.approx(np.log10(2), abs=0.02)
    assert found.unlabelled == 40
