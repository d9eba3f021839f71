"""`conformix clusters` and `conformix select --cluster`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import PARTICLES, Conformix

from napari_conformix.jobs import Job


@pytest.fixture
def twice(conformix: Conformix, trained: Path) -> Path:
    """A job with two sets of clusters."""
    assert conformix("clusters", trained, "-k", 3, "--truth", "rlnRandomSubset").status == 0
    assert conformix("clusters", trained, "-k", 2, "--how", "gmm", "--name", "two").status == 0
    return trained


def test_clusters_are_made_and_shown(conformix: Conformix, trained: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "truth.npy", np.arange(PARTICLES) % 4)
    done = conformix("clusters", trained, "-k", 3, "--truth", tmp_path / "truth.npy")
    assert done.status == 0, done.err
    found = Job.open(trained).cluster_set("kmeans3")
    lines = done.out.splitlines()
    assert lines[0].split()[:3] == ["cluster", "particles", "share"]
    for i in range(3):
        words = lines[1 + i].split()
        assert words[:2] == [str(i + 1), str(found.counts[i])]
        assert lines[1 + i].endswith(found.whose_map(i))
        assert "decoded by the model of half" in lines[1 + i]
    for sentence in (*found.sentences(), *found.purity.lines()):
        assert sentence in lines
    assert "Judge a cluster by what its particles reconstruct to" in done.out
    assert lines[-1] == f"Maps and files: {found.folder}"
    again = conformix("clusters", trained, "--of", "kmeans3")
    assert again.out == done.out


def test_a_set_is_not_replaced_unless_asked(conformix: Conformix, twice: Path) -> None:
    refused = conformix("clusters", twice, "-k", 3)
    assert refused.status == 1
    assert "already" in refused.err
    assert conformix("clusters", twice, "-k", 3, "--overwrite", "--seed", 2).status == 0
    assert Job.open(twice).cluster_set("kmeans3").record.seed == 2


def test_sets_are_listed(conformix: Conformix, trained: Path, twice: Path) -> None:
    listed = conformix("clusters", twice, "--list").out.splitlines()
    assert [line.split(":")[0] for line in listed] == ["kmeans3", "two"]
    assert "k-means of the motion coordinates of epoch 3: 3 clusters" in listed[0]
    for name in ("kmeans3", "two"):
        Job.open(twice).delete_cluster_set(name)
    assert "no clusters yet" in conformix("clusters", twice, "--list").out


def test_labels_may_come_later(conformix: Conformix, twice: Path) -> None:
    before = conformix("clusters", twice, "--of", "two")
    assert "known labels" not in before.out
    after = conformix("clusters", twice, "--of", "two", "--truth", "rlnRandomSubset")
    assert "Against the 2 known labels (rlnRandomSubset)" in after.out
    wrong = conformix("clusters", twice, "--of", "two", "--truth", "rlnNothing")
    assert wrong.status == 1
    assert "neither a column" in wrong.err


@pytest.fixture
def agreed(trained: Path) -> Path:
    """A job whose halves agree on who is in which of two groups."""
    table = Job.open(trained).latents()
    places = np.random.default_rng(0).normal(size=(PARTICLES, 2))
    places[: PARTICLES // 2] += 30.0
    replace(table, motion=places.astype(np.float32)).save(trained / "latents.npz")
    return trained


def test_clusters_are_reconstructed_and_judged(conformix: Conformix, agreed: Path) -> None:
    trained = agreed
    done = conformix("clusters", trained, "-k", 2, "--reconstruct")
    assert done.status == 0, done.err
    found = Job.open(trained).cluster_set("kmeans2")
    results = found.results()
    assert [result.state for result in results] == ["finished", "finished"]
    lines = done.out.splitlines()
    for i, result in enumerate(results):
        assert sum(result.particles) == found.counts[i]
        assert lines[1 + i].split()[-2:] == [result.resolution, result.agrees_to]
    assert "What sets the decoded maps apart" in done.out
    assert "Judge a cluster by" not in done.out
    again = conformix("clusters", trained, "--of", "kmeans2", "--reconstruct")  # nothing is left
    assert again.out == done.out


def test_clusters_of_one_half_set_are_told_and_fail(conformix: Conformix, agreed: Path) -> None:
    """As of a job of which the halves' models do not agree."""
    table = Job.open(agreed).latents()
    places = (30.0 * table.half[:, None] + np.arange(PARTICLES)[:, None] % 7).astype(np.float32)
    replace(table, motion=places).save(agreed / "latents.npz")
    done = conformix("clusters", agreed, "-k", 2, "--reconstruct")
    assert done.status == 1
    assert done.err.strip() == "2 of 2 clusters could not be reconstructed."
    assert "Cluster 1: Half set 2 has none of the" in done.out.replace("set 1", "set 2")
    assert "The clusters follow the half sets: 100% of cluster 1 are of half" in done.out
    table_of_clusters = done.out.splitlines()[2:5]  # after the reasons
    assert all("failed" in line for line in table_of_clusters[1:])


def test_the_number_of_clusters_is_suggested(conformix: Conformix, trained: Path) -> None:
    done = conformix("clusters", trained, "--suggest")
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "Gaussians  BIC above the best"
    (best,) = [line for line in lines if line.endswith("<- best")]
    assert best.split()[1] == "0"
    assert "(BIC)" in lines[-1]


@pytest.mark.parametrize(
    "arguments",
    [(), ("-k", 3, "--list"), ("--of", "a", "-k", 2), ("--suggest", "--list")],
)
def test_what_is_to_be_done_must_be_clear(
    conformix: Conformix, trained: Path, arguments: tuple[object, ...]
) -> None:
    done = conformix("clusters", trained, *arguments)
    assert done.status == 1
    assert done.err.startswith("Give one of: -k 6")


def test_too_many_clusters_and_unknown_sets_are_a_sentence(
    conformix: Conformix, trained: Path
) -> None:
    assert "300 particles do not make 301" in conformix("clusters", trained, "-k", 301).err
    assert "no clusters 'x'" in conformix("clusters", trained, "--of", "x").err
    assert conformix("clusters", trained, "-k", 2, "--how", "magic").status != 0


def test_a_cluster_becomes_a_selection(conformix: Conformix, twice: Path, tmp_path: Path) -> None:
    unclear = conformix("select", twice, "--cluster", 2, "--name", "mine")
    assert unclear.status == 1
    assert unclear.err.strip() == "Say which clusters are meant: --of kmeans3 or --of two."
    done = conformix("select", twice, "--cluster", 2, "--of", "kmeans3", "--name", "mine")
    assert done.status == 0, done.err
    job = Job.open(twice)
    rows = job.cluster_set("kmeans3").clustering.rows(1)
    np.testing.assert_array_equal(job.selection("mine").rows, rows)
    assert f"mine: {len(rows)} of 300 particles" in done.out
    both = ("--cluster", 3, "--cluster", 1, "--of", "kmeans3", "--name", "both")
    done = conformix("select", twice, *both)
    assert done.status == 0, done.err
    labels = job.cluster_set("kmeans3").clustering.labels
    np.testing.assert_array_equal(job.selection("both").rows, np.flatnonzero(labels != 1))
    assert job.selection("both").how[0]["numbers"] == [1, 3]
    job.delete_cluster_set("two")
    only = conformix("select", twice, "--cluster", 1, "--name", "first")
    assert only.status == 0, only.err
    for arguments, message in (
        (("--cluster", 4), "has clusters 1 to 3"),
        (("--cluster", 0), "has clusters 1 to 3"),
        (("--cluster", 1, "--of", "two"), "no clusters 'two'"),
        (("--of", "kmeans3"), "Give one of"),
        (("--of", "kmeans3", "--motion-above", 0), "give that, too"),
    ):
        refused = conformix("select", twice, *arguments, "--name", "x")
        assert refused.status == 1
        assert message in refused.err


def test_without_clusters_the_command_to_make_some_is_told(
    conformix: Conformix, trained: Path
) -> None:
    refused = conformix("select", trained, "--cluster", 1, "--name", "x")
    assert f"conformix clusters {trained} -k 6" in refused.err
