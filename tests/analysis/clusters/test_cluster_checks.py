"""Clusters that are there, and cuts of one cloud, told apart."""

import numpy as np
import pytest

from napari_conformix.analysis.clusters import (
    Separation,
    Stability,
    cluster,
    in_words,
    separation,
    stability,
)

COUNT = 2000


def states(apart, d=6, k=4, seed=0, shares=None):
    """k Gaussians of unit width in d dimensions, every two `apart`."""
    random = np.random.default_rng(seed)
    truth = random.choice(k, COUNT, p=shares)
    return apart / np.sqrt(2) * np.eye(k, d)[truth] + random.normal(size=(COUNT, d)), truth


def blob(d, seed):
    return np.random.default_rng(seed).normal(size=(COUNT, d))


def bent(seed):
    random = np.random.default_rng(seed)
    u = random.uniform(-1, 1, COUNT)
    return np.column_stack([8 * u, 3 * u**2, random.normal(0, 0.5, (COUNT, 4))])


def ring(seed):
    random = np.random.default_rng(seed)
    a = random.uniform(0, 2 * np.pi, COUNT)
    circle = 8 * np.column_stack([np.cos(a), np.sin(a)])
    return np.column_stack([circle, random.normal(0, 0.7, (COUNT, 3))])


def tails(seed):
    return np.random.default_rng(seed).standard_t(3, size=(COUNT, 5))


def gaps(latents, k, how="kmeans"):
    return separation(latents, cluster(latents, k, how).labels)


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize(
    "cloud",
    [blob(2, 1), blob(8, 2), blob(8, 3) * [9, 3, 1, 1, 1, 1, 1, 1], bent(1), ring(1), tails(1)],
    ids=["plane", "blob", "long", "bent", "ring", "tails"],
)
def test_one_cloud_is_one_cloud_however_it_is_cut(cloud, k):
    found = gaps(cloud, k)
    assert found.clouds == 1
    assert not found.all_separate
    assert found.sentence().startswith("No gap")


def test_continua_are_seldom_called_separate():
    """Among 40 clouds without a gap at most one may seem to have some."""
    clouds = [make(seed) for seed in range(10) for make in (bent, ring, tails)]
    clouds += [blob(4, seed) for seed in range(10)]
    assert sum(gaps(cloud, 4).clouds > 1 for cloud in clouds) <= 1


@pytest.mark.parametrize("how", ["kmeans", "gmm"])
@pytest.mark.parametrize("d", [4, 10])
def test_states_far_enough_apart_are_separate(how, d):
    latents, _ = states(6.0, d)
    found = gaps(latents, 4, how)
    assert found.all_separate
    assert found.clouds == 4
    assert (found.nearest < 0.6).all()
    assert "gap around every cluster" in found.sentence()
    # as for the true density between two Gaussians, which falls to 2 exp(-9 / 2) of its peak
    assert (found.nearest < 0.45).all()


def test_a_density_that_falls_to_half_is_measured_so():
    """Two Gaussians on a line, 3.3 apart: 2 exp(-3.3^2 / 8) = 0.51 of the peak in the middle."""
    random = np.random.default_rng(4)
    truth = np.arange(10_000) % 2
    latents = 3.3 * truth[:, None] + random.normal(size=(10_000, 1))
    found = separation(latents, truth)
    assert found.density[0, 1] == pytest.approx(0.51, abs=0.12)


def test_clusters_that_cut_one_of_two_clouds_are_told():
    latents, truth = states(14.0, k=2)
    labels = np.where((truth == 0) & (latents[:, 3] > 0), 2, truth)
    found = separation(latents, labels)
    np.testing.assert_array_equal(found.groups, [0, 1, 0])
    assert found.clouds == 2
    assert not found.all_separate
    assert "no gap is seen between the clusters 1 and 3" in found.sentence()
    assert found.density[0, 2] > 0.8
    assert found.density[0, 1] < 0.1
    stable = Stability(np.array([1.0]), 0.2)
    assert in_words(stable, found).startswith("Some of these clusters are separate")


def test_clusters_of_few_particles_are_not_judged():
    latents, truth = states(12.0, k=3, shares=[0.6, 0.397, 0.003])
    assert 0 < np.count_nonzero(truth == 2) < 20
    found = separation(latents, truth)
    np.testing.assert_array_equal(found.groups, [0, 1, -1])
    assert np.isnan(found.nearest[2])
    assert "Too few particles to judge: cluster 3" in found.sentence()
    assert found.all_separate


def test_a_chain_of_clusters_is_not_said_to_be_without_gaps():
    """From 1 to 2 and from 2 to 3 there is none, but from 1 to 3."""
    gap = np.array([[False, False, True], [False, False, False], [True, False, False]])
    chain = Separation(np.where(gap, 0.1, 1.0), gap)
    assert chain.clouds == 1
    assert "though not from each to every other" in chain.sentence()


def test_many_clusters_that_cannot_be_judged_are_listed_in_short():
    density = np.full((12, 12), np.nan)
    density[0, 0] = density[10, 10] = 1.0
    unjudged = Separation(density, np.zeros((12, 12), bool))
    assert "Too few particles to judge: clusters 2 to 10 and 12." in unjudged.sentence()


def test_clusters_between_which_nothing_could_be_measured_are_not_called_separate():
    unknown = Separation(np.array([[1.0, np.nan], [np.nan, 1.0]]), np.zeros((2, 2), bool))
    np.testing.assert_array_equal(unknown.groups, [0, 0])
    assert not unknown.all_separate
    assert "No gap is seen" in unknown.sentence()


def test_particles_of_no_cluster_are_not_looked_at():
    latents, truth = states(8.0)
    labels = truth.astype(np.int16)
    labels[::3] = -1
    latents[::3] = np.nan
    assert separation(latents, labels).all_separate


def test_one_cluster_is_no_division():
    found = separation(blob(3, 0), np.zeros(COUNT, int))
    assert found.sentence() == "One cluster is no division."
    assert np.isnan(found.nearest).all()


# -- found again ----------------------------------------------------------------------------------


def test_states_are_found_again_and_a_blob_is_not():
    there, made_up = stability(states(5.0)[0], 4), stability(blob(6, 0), 4)
    assert there.mean > 0.9
    assert there.found_again
    assert there.beyond_chance
    assert made_up.mean < 0.4
    assert made_up.by_chance == pytest.approx(made_up.mean, abs=0.2)  # it is such a cloud
    assert not made_up.found_again
    assert not made_up.beyond_chance
    assert f"{there.mean:.2f} (1 is the same, 0 chance" in there.sentence()


def test_a_long_cloud_is_cut_alike_again_and_again():
    long = blob(4, 1) * [20, 1, 1, 1]
    found = stability(long, 2)
    assert found.mean > 0.9
    assert not found.beyond_chance
    assert in_words(found, gaps(long, 2)).startswith("One long cloud")


def test_stability_is_the_same_for_the_same_seed_and_can_be_stopped():
    latents = states(3.0)[0]
    first, again = stability(latents, 3, seed=4), stability(latents, 3, seed=4)
    np.testing.assert_array_equal(first.adjusted_rand, again.adjusted_rand)
    assert stability(latents, 3, stop=lambda: True) is None
    assert separation(latents, np.arange(COUNT) % 2, stop=lambda: True) is None
    assert stability(latents[:6], 3).mean == 0  # too few to say


def words(mean, by_chance, gap):
    density = np.array([[1.0, 0.4 if gap else 1.0], [0.4 if gap else 1.0, 1.0]])
    separate = Separation(density, np.array([[False, gap], [gap, False]]))
    return in_words(Stability(np.array([mean]), by_chance), separate)


@pytest.mark.parametrize(
    ("mean", "by_chance", "gap", "beginning"),
    [
        (0.95, 0.3, True, "These are separate groups"),
        (0.5, 0.3, True, "There are gaps, but other particles"),
        (0.9, 0.3, False, "Not separate, but more than cuts"),
        (0.6, 0.3, False, "Not separate, but more than cuts"),
        (0.9, 0.85, False, "One long cloud"),
        (0.3, 0.3, False, "One cloud, cut arbitrarily"),
    ],
)
def test_what_the_clusters_are_in_words(mean, by_chance, gap, beginning):
    text = words(mean, by_chance, gap)
    assert text.startswith(beginning)
    assert ("uncertain" in text) is (mean == 0.6)
