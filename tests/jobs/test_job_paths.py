"""Paths and landscapes of a job: saved, read, made again, in both kinds of methods."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from samples import make_job, write_particles

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.jobs import landscape as job_landscape
from napari_conformix.jobs import paths as job_paths
from napari_conformix.jobs.clusters.record import ClusterRecord, save_arrays
from napari_conformix.jobs.spaces import latent_view, views_of
from napari_conformix.training.latent_table import LatentTable

COUNT = 900


def latents_of(halves: bool) -> LatentTable:
    """Three states on a bent line; the second half's axes are those of the first, turned."""
    random = np.random.default_rng(0)
    state = random.integers(0, 3, COUNT)
    place = np.array([(-2.0, 0, 0), (0, 1, 0), (2.0, 0, 0)])[state]
    mean = (place + 0.25 * random.normal(size=(COUNT, 3))).astype(np.float32)
    motion = mean.copy()
    half = np.zeros(COUNT, np.int8)
    if halves:
        half[:] = np.arange(COUNT) % 2 + 1
        mean[half == 2] = mean[half == 2][:, [2, 0, 1]] + 5
    return LatentTable(mean, np.full_like(mean, 0.05), half, np.zeros(COUNT, bool), 3, motion, "A")


def job_with_latents(folder: Path, method: str, *, halves: bool) -> Job:
    (folder / "data").mkdir(parents=True)
    write_particles(folder / "data", COUNT)
    job = make_job(folder, method)
    latents_of(halves).save(job.folder / "latents.npz")
    return job


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Job:
    return job_with_latents(tmp_path_factory.mktemp("two") / "a", "linear", halves=True)


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> Job:
    return job_with_latents(tmp_path_factory.mktemp("one") / "a", "linear_whole", halves=False)


def clusters_of(job: Job, name: str) -> None:
    """A set of clusters by the sign of the motion, without training anything."""
    from napari_conformix.analysis.clusters import cluster

    found = cluster(job.latents().motion, 3, epoch=3)
    record = ClusterRecord(
        how="kmeans", asked=3, seed=1, epoch=3, model_epoch=3, coordinates="motion", fitted=COUNT,
        representative_halves=[1, 1, 1], half_counts=[(1, 1)] * 3, held_out=[0.0] * 3,
    )  # fmt: skip
    folder = job.folder / "clusters" / name
    folder.mkdir(parents=True)
    save_arrays(folder, found, None)
    record.save(folder)


def test_a_path_is_kept_with_its_job(two):
    path = two.make_path({"kind": "motion", "component": 1}, half=2)
    assert path.half == 2
    assert two.paths() == []
    file = two.save_path("open", path)
    assert file == two.folder / "paths" / "open.json"
    assert two.paths() == ["open"]
    np.testing.assert_array_equal(two.path("open").latents, path.latents)
    assert two.path("open").name == "open"
    with pytest.raises(UserError, match="already"):
        two.save_path("open", path)
    two.save_path("open", path, overwrite=True)
    with pytest.raises(UserError, match="it has: open"):
        two.path("other")
    with pytest.raises(UserError, match="no path 'x'"):
        two.delete_path("x")
    two.delete_path("open")
    assert not list((two.folder / "paths").iterdir())


def test_a_path_on_a_map_follows_axes_that_run_the_other_way_by_now(tmp_path):
    job = job_with_latents(tmp_path / "a", "linear_whole", halves=False)
    how = {"kind": "points", "map": "pca0", "axes": [0, 1], "points": [[-1.5, 0.1], [2, -0.4]]}
    before = job.make_path(how)
    table = latents_of(halves=False)
    replace(table, mean=-table.mean, epoch=4).save(job.folder / "latents.npz")
    again = Job.open(job.folder).make_path(before.how)
    np.testing.assert_allclose(again.latents, -before.latents, atol=1e-4)
    np.testing.assert_allclose(again.xy, -before.xy, atol=1e-4)
    third = Job.open(job.folder).make_path(again.how)
    np.testing.assert_array_equal(third.latents, again.latents)


@pytest.mark.parametrize(
    "how",
    [
        {"kind": "component", "component": 1, "count": 7},
        {"kind": "component", "component": 2, "straight": True},
        {"kind": "motion", "component": 1, "percentiles": [10, 90]},
        {"kind": "points", "map": "motion", "axes": [0, 1], "points": [[-2, 0], [0, 1], [2, 0]]},
        {"kind": "drawn", "map": None, "axes": [0, 1], "points": [[-2, 0], [0, 1], [2, 0]]},
        {"kind": "points", "map": "columns", "axes": ["motion 1", "motion 2"],
         "points": [[-2, 0], [2, 0]]},
        {"kind": "data", "start": 1, "end": 5},
        {"kind": "clusters", "set": "three", "over": "data"},
        {"kind": "latents", "latents": [[5, 5, 5], [5.5, 5, 5]], "source": "x.txt"},
    ],
)  # fmt: skip
def test_what_a_path_keeps_of_itself_makes_it_again(two, how):
    if how["kind"] == "clusters" and "three" not in two.cluster_sets():
        clusters_of(two, "three")
    made = two.make_path(how, half=2).reversed()
    again = two.make_path(made.how, half=2)
    np.testing.assert_allclose(again.latents, made.latents, atol=0.02)
    assert again.how == made.how
    assert again.epoch == 3
    # all of it lies in the latent space of the second half
    if how["kind"] != "latents":
        assert (again.latents > 1).all()
        assert again.support.min() >= 0


def test_the_half_of_a_path_between_particles_is_theirs(two):
    rows = np.flatnonzero(two.latents().half == 2)[:2]
    path = two.make_path({"kind": "data", "start": rows[0], "end": rows[1]})
    assert path.half == 2
    with pytest.raises(UserError, match="never leads from one half to the other"):
        two.make_path({"kind": "data", "start": 0, "end": 1})


def test_one_model_has_half_0_whatever_is_asked(one):
    path = one.make_path({"kind": "component", "component": 1}, half=2)
    assert path.half == 0
    assert "half" not in path.support_sentence()


def test_a_path_through_three_clusters_takes_the_middle_one_second(one):
    clusters_of(one, "three")
    path = one.make_path({"kind": "clusters", "set": "three", "count": 21})
    middle = path.latents[path.how["stops"][1]]
    assert abs(middle[0]) < 0.3
    assert middle[1] > 0.7
    with pytest.raises(UserError, match="four"):
        one.make_path({"kind": "clusters", "set": "four"})


def test_paths_are_read_from_files_and_names(two, tmp_path):
    latents = two.latents().mean[two.latents().half == 2][:4]
    np.save(tmp_path / "a.npy", latents)
    np.savetxt(tmp_path / "a.txt", latents, delimiter=",")
    for name in ("a.npy", "a.txt"):
        path = job_paths.read(two, tmp_path / name, 2)
        np.testing.assert_allclose(path.latents, latents, atol=1e-5)
        assert (path.half, path.kind) == (2, "latents")
        assert path.supported.all()
    # latents of half 2 are nowhere near those of half 1
    assert not job_paths.read(two, tmp_path / "a.npy", 1).supported.any()
    two.save_path("kept", path)
    assert job_paths.read(two, "kept").half == 2
    beside = job_paths.read(two, two.folder / "paths" / "kept.npz")
    np.testing.assert_array_equal(beside.latents, path.latents)
    with pytest.raises(UserError, match="leave --half 1 out"):
        job_paths.read(two, "kept", 1)
    with pytest.raises(UserError, match="no file of that name"):
        job_paths.read(two, "nothing")
    (tmp_path / "words.txt").write_text("a b c\n")
    with pytest.raises(UserError, match="cannot be read as latents"):
        job_paths.read(two, tmp_path / "words.txt")
    two.delete_path("kept")


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"kind": "spiral"}, "No path can be made of kind 'spiral'"),
        ({"kind": "component"}, "lacks 'component'"),
        ({"kind": "points", "map": "pca9", "axes": [0, 1], "points": []}, "it has: 'motion'"),
        ({"kind": "points", "map": "pca1", "axes": [0, 9], "points": []}, "axes 1 to 3"),
        ({"kind": "points", "map": "pca1", "axes": [0, 1], "points": [[0, 0]]}, "two picked"),
    ],
)
def test_what_cannot_be_made_again_is_said(two, how, word):
    with pytest.raises(UserError, match=word):
        two.make_path(how)


def test_the_maps_of_a_job_have_names(two, one):
    assert [key for key, _ in views_of(two)] == ["motion", "pca1", "pca2", "latent1", "latent2"]
    assert latent_view(two).space.key == "motion"
    assert latent_view(two, "pca").space.key == "pca1"
    assert latent_view(one, "latent", (2, 0)).axes == (2, 0)
    columns = latent_view(one, "columns", ("motion 1", "rlnDefocusU"))
    assert columns.space.axes == ("motion 1", "rlnDefocusU")
    with pytest.raises(UserError, match="choose two of them"):
        latent_view(one, "latent", (1, 1))
    table = one.latents()
    single = replace(table, mean=table.mean[:, :1], std=table.std[:, :1])
    with pytest.raises(UserError, match="one axis PC 1, and a view needs two"):
        latent_view(one, "pca", table=single)


def test_a_landscape_needs_two_axes(one):
    view = replace(latent_view(one), axes=(0, 0))
    with pytest.raises(UserError, match="Both axes"):
        job_landscape.of_view(one, view, one.latents())


def test_the_landscape_of_both_halves_has_their_three_states(two):
    found = two.landscape()
    assert found.key == "motion"
    assert found.total > 880
    assert len(found.minima) == 3
    assert found.halves is not None
    assert found.noise is None
    places = sorted(one.xy for one in found.minima)
    np.testing.assert_allclose(places, [(-2, 0), (0, 1), (2, 0)], atol=0.25)
    of_half = two.landscape("pca2")
    assert of_half.halves is None
    assert of_half.noise == pytest.approx((0.05, 0.05), rel=0.01)
    assert any("Only particles of half 2" in text for text in of_half.sentences())
    assert len(of_half.minima) == 3


def test_a_umap_is_not_called_an_energy(one):
    view = latent_view(one)
    view = replace(view, space=replace(view.space, key="umap motion", project=None))
    found = job_landscape.of_view(one, view, one.latents())
    text = " ".join(found.sentences())
    assert "kT" not in text
    assert "without any meaning as an energy" in text
    assert found.unit == "relative crowding"


def test_a_path_between_states_keeps_its_barrier(two):
    view, found = latent_view(two), two.landscape()
    numbers = {one.xy[0] > 1: one.number for one in found.minima if abs(one.xy[0]) > 1}
    path, way = job_landscape.path_between(found, view, numbers[False], numbers[True], 2, 25)
    assert path.kind == "least energy"
    assert path.how["barrier"] == pytest.approx(way.barrier)
    # it goes by the middle state, which lies off the straight line
    assert path.xy[np.abs(path.xy[:, 0]).argmin(), 1] > 0.5
    np.testing.assert_allclose(path.xy[:, 0], path.latents[:, 1] - 5, atol=0.4)
    again = two.make_path(path.how, half=2)
    np.testing.assert_allclose(again.latents, path.latents, atol=0.05)
    assert again.how["barrier"] == path.how["barrier"]


def test_the_figure_the_table_and_the_grid(two, tmp_path):
    import xml.etree.ElementTree as ElementTree

    found, view = two.landscape(), latent_view(two)
    _, way = job_landscape.path_between(found, view, 1, 2, 1)
    file = job_landscape.write_figure(found, tmp_path / "a.svg", way)
    root = ElementTree.fromstring(file.read_text())
    words = " ".join(root.itertext())
    for word in ("Motion 1", "kT", "State 3", "picked, kept and frozen", "least energy"):
        assert word in words
    marks = [element.get("id") for element in root.iter()]
    assert [mark for mark in marks if (mark or "").startswith("state ")] == [
        "state 1",
        "state 2",
        "state 3",
    ]
    again = job_landscape.write_figure(found, tmp_path / "again.svg", way)
    assert again.read_bytes() == file.read_bytes()
    for kind, begin in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        picture = job_landscape.write_figure(found, tmp_path / f"a.{kind}", way)
        assert picture.read_bytes().startswith(begin)
    table = job_landscape.write_minima(found, tmp_path / "a.csv").read_text().splitlines()
    assert len(table) == 4
    assert table[1].split(",")[0] == "1"
    with np.load(job_landscape.write_grid(found, tmp_path / "a.npz"), allow_pickle=False) as grid:
        assert grid["energy"].shape == (len(grid["y_edges"]) - 1, len(grid["x_edges"]) - 1)
        assert grid["counts"].sum() == found.total
        assert set(np.unique(grid["basins"])) >= {1, 2, 3}
    with pytest.raises(UserError, match="must end in"):
        job_landscape.write_figure(found, tmp_path / "a.jpg")
