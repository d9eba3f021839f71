"""Clusters of jobs: made, kept, opened again, compared with known labels; here or in a process."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import samples

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.jobs.clusters.clusters import Request, refuse_taken
from napari_conformix.particles import read_map, read_particles
from napari_conformix.runs import layout
from napari_conformix.training.latent_table import LatentTable

#: of three groups, the largest first
SIZES = (24, 16, 8)
TRUTH = np.repeat([0, 1, 2], SIZES)[np.random.default_rng(0).permutation(samples.COUNT)]


def grouped(job: Job, epoch: int = 1) -> Job:
    """Put the particles of a trained job into three groups, in the coordinates to be clustered."""
    random = np.random.default_rng(1)
    centres = np.array([[0, 0], [9, 0], [0, 9]], np.float32)
    places = (centres[TRUTH] + random.normal(0, 0.3, (samples.COUNT, 2))).astype(np.float32)
    table = job.latents()
    if job.method_class.independent_halves:
        table = replace(table, motion=places)
    else:
        table = replace(table, mean=places, motion=places)
    replace(table, epoch=epoch).save(job.folder / layout.LATENTS)
    return job


@pytest.fixture(scope="module", params=["linear", "linear_whole"])
def trained(request, tmp_path_factory) -> Job:
    """With two models, and with one."""
    job = samples.make_job(tmp_path_factory.mktemp(request.param), request.param, epochs=1)
    list(job.train(device="cpu"))
    return grouped(job)


@pytest.fixture
def job(trained) -> Job:
    """With no clusters yet."""
    for name in trained.cluster_sets():
        trained.delete_cluster_set(name)
    grouped(trained)
    return Job.open(trained.folder)


def test_a_set_is_made_kept_and_opened_again(job):
    told = []
    made = job.cluster(3, progress=told.append)
    assert made.name == "kmeans3"
    assert told == sorted(told)
    assert told[-1] == 1
    again = Job.open(job.folder).cluster_set("kmeans3")
    two = job.method_class.independent_halves
    for found in (made, again):
        np.testing.assert_array_equal(found.clustering.labels, TRUTH)
        np.testing.assert_array_equal(found.counts, SIZES)
        assert found.epoch == 1
        assert found.clustering.coordinates == ("motion" if two else "latents")
        assert found.outdated is None
        assert found.purity is None
        assert len(found) == 3
    table = job.latents()
    for i in range(3):
        members = i == TRUTH
        assert again.half_counts[i].tolist() == [
            np.count_nonzero(members & (job.split.half == half)) for half in (1, 2)
        ]
        assert again.held_out[i] == pytest.approx(table.validation[members].mean())
    assert job.cluster_sets() == ["kmeans3"]
    assert not list(made.folder.parent.glob(".*"))
    assert "3 clusters of 48 particles" in again.sentences()[0]


def test_the_map_is_that_of_the_central_particle_by_its_own_half(job):
    found = job.cluster(3)
    table = job.latents()
    for i, path in enumerate(found.maps()):
        assert path.name == f"cluster_{i + 1:02d}.mrc"
        row = found.clustering.representatives[i]
        half = int(table.half[row]) if job.method_class.independent_halves else None
        volume, pixel_size = read_map(path)
        np.testing.assert_array_equal(volume, job.decode(table.mean[row], half))
        np.testing.assert_array_equal(found.volume(i), volume)
        assert volume.shape == (samples.BOX,) * 3
        assert pixel_size == pytest.approx(samples.PIXEL)
        whose = f"particle {row}" + (f", decoded by the model of half {half}" if half else "")
        assert found.whose_map(i) == whose


def test_a_cluster_is_a_selection_that_is_saved_and_exported(job, tmp_path):
    found = job.cluster(3, how="gmm", name="mine")
    chosen = found.selection(1)
    assert chosen.name == "mine_cluster_02"
    assert chosen.epoch == 1
    (step,) = chosen.how
    assert (step["kind"], step["set"], step["number"], step["how"]) == ("cluster", "mine", 2, "gmm")
    np.testing.assert_array_equal(chosen.rows, np.flatnonzero(TRUTH == 1))
    job.save_selection(chosen)
    assert job.selection("mine_cluster_02") == chosen
    path = job.export("mine_cluster_02", tmp_path / "second.star")
    back = read_particles(path, datadir=job.spec.inputs.particles.parent)
    assert back.image_index.tolist() == np.flatnonzero(TRUTH == 1).tolist()
    assert found.selection(0, "open").name == "open"
    with pytest.raises(UserError, match="no cluster 4 in mine; it has clusters 1 to 3"):
        found.selection(3)


def test_a_set_is_replaced_only_when_asked_and_as_a_whole(job):
    job.cluster(3, name="a")
    with pytest.raises(UserError, match=r"clusters 'a' already.*--overwrite"):
        job.cluster(2, name="a")
    made = job.cluster(2, name="a", overwrite=True)
    assert len(made) == 2
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "cluster_01.mrc", "cluster_02.mrc", "clusters.json", "clusters.npz",
    ]  # fmt: skip
    job.cluster(2, name="b", maps=False, checks=False)
    assert job.cluster_sets() == ["a", "b"]
    assert job.cluster_set("b").maps() == ()
    assert job.cluster_set("b").stability is None
    with pytest.raises(UserError, match="made without maps"):
        job.cluster_set("b").volume(0)
    job.delete_cluster_set("a")
    assert job.cluster_sets() == ["b"]
    with pytest.raises(UserError, match=r"no clusters 'a' in .* it has: b"):
        job.delete_cluster_set("a")


@pytest.mark.parametrize("asks", [1, 2, 4, 8, 9])
def test_a_stop_at_any_time_leaves_nothing(job, asks):
    answers = iter([False] * (asks - 1))
    assert job.cluster(3, stop=lambda: next(answers, True)) is None
    assert job.cluster_sets() == []
    assert not list((job.folder / layout.CLUSTERS).glob("*"))


def test_what_a_killed_process_left_is_removed(job):
    folder = job.folder / layout.CLUSTERS
    dead, alive = folder / ".x.partial-999999999-aa", folder / f".x.partial-{os.getpid()}-bb"
    for left in (dead, alive):
        left.mkdir(parents=True)
    assert job.cluster_sets() == []
    job.cluster(2)
    assert not dead.exists()
    assert alive.exists()
    alive.rmdir()


def test_clusters_of_other_latents_say_so(job):
    job.cluster(3)
    grouped(job, epoch=7)
    assert (
        "of the latents of epoch 1; the job's are of epoch 7" in job.cluster_set("kmeans3").outdated
    )
    earlier = job.cluster(2, name="earlier", epoch=1)  # of the history
    assert (earlier.epoch, earlier.record.model_epoch) == (1, 1)
    assert "epoch 7" in earlier.outdated
    made = job.cluster(3, name="new")  # the model of epoch 7 was not kept
    assert made.outdated is None
    assert made.record.model_epoch == 1
    assert any("decoded by that of epoch 1" in sentence for sentence in made.sentences())


def test_only_some_particles(job):
    rows = np.flatnonzero(TRUTH < 2)
    found = job.cluster(2, rows=rows)
    np.testing.assert_array_equal(found.clustering.labels, np.where(TRUTH < 2, TRUTH, -1))
    np.testing.assert_array_equal(found.counts, SIZES[:2])


def test_the_number_of_clusters_is_suggested(job):
    assert job.suggest_clusters(4).best == 3


def test_the_halves_latents_are_not_grouped_together(job):
    if job.method_class.independent_halves:
        with pytest.raises(UserError, match="nothing to do with each other"):
            job.cluster(2, coordinates="latents")
        replace(job.latents(), motion=None).save(job.folder / layout.LATENTS)
        with pytest.raises(UserError, match="no motion coordinates"):
            job.cluster(2)
    else:
        assert job.cluster(2, coordinates="motion").clustering.coordinates == "motion"


@pytest.mark.parametrize("name", ["../out", "", ".hidden", "a/b"])
def test_a_name_stays_within_the_folder(job, name):
    if name:
        with pytest.raises(UserError, match="name"):
            job.cluster(2, name=name)
        with pytest.raises(UserError, match="name"):
            job.cluster_set(name)
    else:
        assert job.cluster(2, name=name).name == "kmeans2"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("clusters.json", b"{"),
        ("clusters.json", b'{"how": "kmeans"}'),
        ("clusters.npz", b"PK"),
        ("clusters.npz", b""),
    ],
)
def test_a_damaged_set_is_a_sentence(job, file, content):
    found = job.cluster(2, maps=False, checks=False)
    (found.folder / file).write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read .*make the clusters again"):
        job.cluster_set("kmeans2")
    job.delete_cluster_set("kmeans2")
    assert job.cluster_sets() == []


# -- known labels ---------------------------------------------------------------------------------


def check_perfect(found):
    assert found.purity.mean_entropy == 0
    assert found.purity.adjusted_rand == 1
    assert found.purity.table.tolist() == np.diag(SIZES).tolist()


def test_known_labels_of_all_kinds(job, tmp_path):
    np.save(tmp_path / "truth.npy", TRUTH)
    (tmp_path / "truth.txt").write_text("# state\n" + "\n".join(f"state{i}" for i in TRUTH))
    for labels in (TRUTH, tmp_path / "truth.npy", str(tmp_path / "truth.txt")):
        made = job.cluster(3, labels=labels, overwrite=True)
        check_perfect(made)
        check_perfect(job.cluster_set("kmeans3"))  # kept
    assert job.cluster_set("kmeans3").purity.states == ("state0", "state1", "state2")
    assert job.cluster_set("kmeans3").record.truth == str(tmp_path / "truth.txt")


def test_known_labels_may_come_later_and_from_a_column(job):
    found = job.cluster(3)
    assert found.purity is None
    told = found.compare_with("rlnRandomSubset")
    halves = job.particles.half
    expected = [[np.count_nonzero((i == TRUTH) & (halves == h)) for h in (1, 2)] for i in range(3)]
    np.testing.assert_array_equal(told.table, expected)
    kept = job.cluster_set("kmeans3").purity
    np.testing.assert_array_equal(kept.table, expected)
    assert kept.states == ("1", "2")
    assert "rlnRandomSubset" in kept.sentence()


def test_numbers_stay_numbers_and_gaps_stay_gaps(job):
    labels = np.array([2.0, 10.0, np.nan])[TRUTH]
    job.cluster(3, labels=labels)
    kept = job.cluster_set("kmeans3").purity
    assert kept.states == ("2", "10")
    assert kept.unlabelled == SIZES[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros(47, int), "holds 47 labels, but the job has 48 particles"),
        (np.zeros((48, 2)), r"holds a table of \(48, 2\) labels, but the job has 48"),
        (b"not an array", "cannot be read as labels"),
        (None, "neither a column of .* nor a file"),
    ],
)
def test_bad_labels_are_a_sentence_and_leave_nothing(job, tmp_path, content, message):
    path = tmp_path / "truth.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(UserError, match=message):
        job.cluster(3, labels=path)
    assert job.cluster_sets() == []
    (tmp_path / "short.txt").write_text("a b c")
    with pytest.raises(UserError, match="holds 3 labels, but the job has 48 particles"):
        job.cluster(3, labels=tmp_path / "short.txt")


# -- a process of its own -------------------------------------------------------------------------


@pytest.mark.parametrize("trained", ["linear_whole"], indirect=True)
def test_a_process_makes_the_same_set(job):
    here = job.cluster(3, how="gmm", labels=TRUTH)
    handle = job.launch_clustering(3, "gmm", "there", TRUTH, rows=range(48))
    assert not handle.poll().done
    assert handle.wait(60).stage == "finished", handle.poll().message
    there = handle.result()
    np.testing.assert_array_equal(there.clustering.labels, here.clustering.labels)
    np.testing.assert_array_equal(there.clustering.probability, here.clustering.probability)
    np.testing.assert_array_equal(there.volume(0), here.volume(0))
    assert there.purity.adjusted_rand == 1
    assert handle.poll().message == there.clustering.sentence()
    with pytest.raises(UserError, match="already"):
        job.launch_clustering(2, name="there")


@pytest.mark.parametrize("trained", ["linear_whole"], indirect=True)
def test_a_process_that_fails_says_why_and_one_that_is_cancelled_ends(job):
    handle = job.launch_clustering(49)
    cancelled = job.launch_clustering(2)
    cancelled.cancel()
    assert cancelled.poll().stage == "cancelled"
    with pytest.raises(UserError, match="cancelled"):
        cancelled.result()
    assert handle.wait(60).stage == "failed"
    assert handle.poll().message == "48 particles do not make 49 clusters."
    assert job.cluster_sets() == []


@pytest.mark.parametrize("trained", ["linear_whole"], indirect=True)
def test_a_process_that_dies_is_noticed(job):
    handle = job.launch_clustering(3)
    handle._process.kill()
    assert handle.wait(10).stage == "failed"
    assert "ended early" in handle.poll().message


def test_requests_are_refused_before_a_process_is_started(job):
    job.cluster(3, maps=False, checks=False)
    with pytest.raises(UserError, match="already"):
        refuse_taken(job, Request(3))
    refuse_taken(job, Request(3, overwrite=True))
    refuse_taken(job, Request(4))


def test_the_record_is_plain_json(job):
    record = json.loads((job.cluster(3).folder / "clusters.json").read_text())
    assert record["format_version"] == 1
    assert (record["how"], record["asked"], record["seed"], record["epoch"]) == ("kmeans", 3, 1, 1)
    assert len(record["stability"]) == 3


def test_table_of_latents_is_as_the_tests_think(job):
    """The tests put their own coordinates into latents.npz."""
    assert LatentTable.load(job.folder / layout.LATENTS).motion.shape == (samples.COUNT, 2)
