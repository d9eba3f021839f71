"""k-means and mixtures of latents with known groups."""

import numpy as np
import pytest

from napari_conformix.analysis.clusters import Clustering, cluster, suggest
from napari_conformix.analysis.clusters import clustering as module
from napari_conformix.analysis.clusters.clustering import covariance_for
from napari_conformix.errors import UserError

SHARES = (0.45, 0.35, 0.2)


def groups(count=1000, d=4, apart=10.0, seed=0):
    """(count, d) latents about three centres, (count,) which, (3, d) the centres."""
    random = np.random.default_rng(seed)
    truth = random.choice(3, count, p=SHARES)
    centres = apart * np.eye(3, d) + 7.0
    return centres[truth] + random.normal(size=(count, d)), truth, centres


@pytest.mark.parametrize("how", ["kmeans", "gmm"])
def test_known_groups_are_found_the_largest_first(how):
    latents, truth, centres = groups()
    found = cluster(latents, 3, how)
    np.testing.assert_array_equal(found.labels, truth)  # the shares are in this order
    np.testing.assert_array_equal(found.counts, np.bincount(truth))
    means = [latents[truth == i].mean(axis=0) for i in range(3)]
    np.testing.assert_allclose(found.centres, means, atol=1e-4)
    np.testing.assert_allclose(found.centres, centres, atol=0.3)
    assert found.labels.dtype == np.int16
    assert found.k == found.asked == 3
    assert found.fitted == 1000
    assert "3 clusters of 1,000 particles (seed 1)" in found.sentence()


def test_the_representative_is_the_member_nearest_to_the_centre():
    latents, _, _ = groups(apart=3.0)
    found = cluster(latents, 3)
    for i, row in enumerate(found.representatives):
        members = found.rows(i)
        distance = np.linalg.norm(latents[members] - found.centres[i], axis=1)
        assert row == members[distance.argmin()]


def test_the_representative_of_a_gaussian_is_its_most_likely_member():
    """By the Gaussian's own widths: in a thin one, a particle off its plane is not typical."""
    random = np.random.default_rng(1)
    thin = random.normal(size=(600, 2)) * [10.0, 0.1]
    latents = np.concatenate([thin, random.normal([0.0, 30.0], size=(400, 2))])
    found = cluster(latents, 2, "gmm")
    members = found.rows(0)
    assert len(members) == 600
    offset = latents[members] - latents[members].mean(axis=0)
    inverse = np.linalg.inv(np.cov(latents[members].T))
    distance = np.einsum("ni,ij,nj->n", offset, inverse, offset)
    assert found.representatives[0] == members[distance.argmin()]


def test_a_mixture_tells_long_groups_that_lie_side_by_side_and_k_means_does_not():
    random = np.random.default_rng(2)
    truth = np.repeat([0, 1], (1100, 900))
    latents = random.normal(size=(2000, 2)) * [12.0, 0.5] + np.stack([0 * truth, 4 * truth], 1)
    assert (cluster(latents, 2, "gmm").labels == truth).mean() > 0.999
    assert (cluster(latents, 2).labels == truth).mean() < 0.7


def test_the_probability_is_that_of_the_posterior():
    """Two Gaussians of equal shares at -2 and 2: P(own) = 1 / (1 + exp(-4 |x|))."""
    random = np.random.default_rng(3)
    x = np.concatenate([random.normal(-2, 1, 10_000), random.normal(2, 1, 10_000)])[:, None]
    found = cluster(x, 2, "gmm")
    expected = 1 / (1 + np.exp(-4 * np.abs(x[:, 0])))
    np.testing.assert_allclose(found.probability, expected, atol=0.03)
    assert cluster(x, 2).probability is None


@pytest.mark.parametrize("how", ["kmeans", "gmm"])
def test_the_same_seed_gives_the_same_whatever_scale_and_place(how):
    latents, _, _ = groups(apart=2.0)
    found = cluster(latents, 3, how, seed=5)
    again = cluster(latents, 3, how, seed=5)
    np.testing.assert_array_equal(found.labels, again.labels)
    np.testing.assert_array_equal(found.centres, again.centres)
    moved = cluster(1e-4 * latents - 0.5, 3, how, seed=5)
    assert (moved.labels == found.labels).mean() > 0.999  # rounding moves those at the border
    np.testing.assert_allclose((moved.centres + 0.5) / 1e-4, found.centres, atol=0.02)


@pytest.mark.parametrize("as_mask", [True, False])
def test_only_rows_asked_for_and_with_numbers_are_grouped(as_mask):
    latents, truth, _ = groups()
    latents[3], latents[10, 1] = np.nan, np.inf
    rows = np.arange(0, 1000, 2)
    mask = np.isin(np.arange(1000), rows)
    found = cluster(latents, 3, rows=mask if as_mask else rows)
    expected = np.where(mask, truth, -1)
    expected[10] = -1
    np.testing.assert_array_equal(found.labels, expected)
    assert found.counts.sum() == 499
    assert set(found.representatives) <= set(rows)


def test_very_many_particles_are_assigned_by_a_fit_to_some(monkeypatch):
    monkeypatch.setattr(module, "MOST_FITTED", {"kmeans": 200, "gmm": 200})
    monkeypatch.setattr(module, "_ASSIGNED_AT_ONCE", 128)
    latents, truth, _ = groups()
    for how in ("kmeans", "gmm"):
        found = cluster(latents, 3, how)
        assert found.fitted == 200
        assert "Found from 200 particles drawn at random; all were assigned" in found.sentence()
        np.testing.assert_array_equal(found.labels, truth)


def test_a_mixture_gets_the_widths_that_its_particles_can_pay_for():
    assert covariance_for(particles=1300, dimensions=8, k=6) == "diag"  # 44 numbers a cluster
    assert covariance_for(particles=1400, dimensions=8, k=6) == "full"
    found = cluster(groups(count=150, d=8)[0], 3, "gmm")
    assert found.covariance == "diag"
    assert "too few particles" in found.sentence()
    assert cluster(groups(count=150, d=8)[0], 3).covariance is None


def test_an_empty_cluster_is_left_out_and_told():
    found = Clustering(
        labels=np.array([2, 2, 0, -1], np.int16),
        centres=np.arange(3, dtype=np.float32)[:, None],
        representatives=np.array([2, -1, 0]),
        counts=np.array([1, 0, 2]),
        how="gmm",
        seed=1,
        asked=3,
        fitted=3,
    )
    ordered = module._in_order(found)
    np.testing.assert_array_equal(ordered.labels, [0, 0, 1, -1])
    np.testing.assert_array_equal(ordered.centres, [[2], [0]])
    np.testing.assert_array_equal(ordered.representatives, [0, 2])
    assert "3 were asked for; 1 remained empty" in ordered.sentence()


@pytest.mark.parametrize(
    ("latents", "k", "message"),
    [
        (np.zeros((4, 2)), 5, "4 particles do not make 5 clusters"),
        (np.zeros((50, 2)), 2, "only 1 different latents"),
        (np.ones((4, 2)), 0, "between 1 and 1000, not 0"),
        (np.full((4, 2), np.nan), 1, "0 particles do not make 1 clusters"),
        (np.zeros(4), 1, "must be a table"),
    ],
)
def test_what_makes_no_clusters_is_a_sentence(latents, k, message):
    with pytest.raises(UserError, match=message):
        cluster(latents, k)


def test_one_cluster_and_as_many_as_particles():
    latents = np.random.default_rng(0).normal(size=(6, 2))
    assert cluster(latents, 1).counts.tolist() == [6]
    assert cluster(latents, 6).counts.tolist() == [1] * 6


# -- how many -------------------------------------------------------------------------------------


def test_the_number_of_gaussians_is_suggested():
    latents, _, _ = groups()
    told = []
    found = suggest(latents, 5, progress=told.append)
    assert (found.best, found.clouds) == (3, 3)
    assert "make at least 3 clusters" in found.sentence()
    assert told == sorted(told)
    assert told[-1] == 1


def test_one_gaussian_is_called_one():
    found = suggest(np.random.default_rng(1).normal(size=(800, 4)), 4)
    assert found.best == 1
    assert "nothing says that there are groups" in found.sentence()


def test_a_bent_cloud_takes_several_gaussians_and_they_are_not_called_states():
    random = np.random.default_rng(2)
    u = random.uniform(-1, 1, 3000)
    bent = np.stack([8 * u, 5 * u**2], 1) + random.normal(0, 0.3, (3000, 2))
    found = suggest(bent, 4)
    assert found.best > 2
    assert found.clouds == 1
    assert "no number of states" in found.sentence()


def test_a_suggestion_can_be_stopped():
    assert suggest(groups()[0], 3, stop=lambda: True) is None


def test_the_bic_is_the_textbook_one():
    """Of one Gaussian: n (d log 2 pi + log det C + d) + p log n, with the data's covariance C."""
    latents, _, _ = groups(count=400, d=2)
    found = suggest(latents, 1)
    scaled = latents - latents.mean(axis=0)
    scaled /= np.sqrt(np.square(scaled).mean())
    covariance = np.cov(scaled.T, bias=True)
    log_likelihood = -200 * (2 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + 2)
    assert found.bic[0] == pytest.approx(-2 * log_likelihood + 5 * np.log(400), rel=1e-4)
