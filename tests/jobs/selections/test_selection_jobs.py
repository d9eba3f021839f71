"""A job of a selection of another, and selections made again in another job."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import samples

from napari_conformix.analysis.selections import Selection
from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.jobs.selections import (
    replay_selection,
    same_particles,
    train_on,
    ways,
)
from napari_conformix.jobs.selections.subset_job import root_of_stacks
from napari_conformix.jobs.spaces import latent_view
from napari_conformix.particles import ImageReader
from napari_conformix.training.latent_table import LatentTable

ROWS = np.array([1, 2, 3, 5, 8, 13, 21, 34, 40, 41, 44, 47])


def trained(folder: Path, **settings) -> Job:
    job = samples.make_job(folder, epochs=1, **settings)
    assert list(job.train(device="cpu"))[-1].kind == "finished"
    return job


def choose(job: Job, name: str = "open", rows: np.ndarray = ROWS) -> Selection:
    chosen = Selection(name, rows, samples.COUNT, ({"action": "replace", "kind": "rows"},))
    job.save_selection(chosen)
    return chosen


# -- training on a selection ----------------------------------------------------------------------


@pytest.mark.parametrize("halves", [True, False])
def test_the_new_job_has_those_particles_and_trains(tmp_path: Path, halves: bool) -> None:
    job = trained(tmp_path, halves=halves)
    choose(job)
    new = train_on(job, "open", tmp_path / "elsewhere" / "new", settings={"epochs": 2})
    assert new.state == "created"
    assert new.spec.method == job.spec.method
    assert new.spec.settings == {**job.spec.settings, "epochs": 2}
    assert new.spec.inputs.consensus == job.spec.inputs.consensus
    assert new.spec.inputs.particles.parent == new.folder
    np.testing.assert_array_equal(new.particles.image_index, job.particles.image_index[ROWS])
    np.testing.assert_array_equal(new.particles.half, job.split.half[ROWS])  # halves stay halves
    images = [ImageReader(one).read(rows) for one, rows in
              ((new.particles, range(len(ROWS))), (job.particles, ROWS))]  # fmt: skip
    np.testing.assert_array_equal(*images)
    kinds = [event.kind for event in Job.open(new.folder).train(device="cpu")]
    assert kinds[-1] == "finished"
    assert len(Job.open(new.folder).latents()) == len(ROWS)
    origin = json.loads((new.folder / "made_from.json").read_text())
    assert origin["selection"]["name"] == "open"
    assert origin["job"] == str(job.folder)


def write_cryosparc(folder: Path) -> tuple[Path, Path]:
    """The samples' particles as a .cs file, the poses of which are in its passthrough file."""
    samples.write_particles(folder)
    count = samples.COUNT
    first = np.zeros(count, [("uid", "<u8"), ("blob/path", "S20"), ("blob/idx", "<u4"),
                             ("blob/shape", "<u4", (2,)), ("blob/psize_A", "<f4"),
                             ("blob/sign", "<f4")])  # fmt: skip
    rest = np.zeros(count, [("uid", "<u8"), ("ctf/accel_kv", "<f4"), ("ctf/cs_mm", "<f4"),
                            ("ctf/amp_contrast", "<f4"), ("ctf/df1_A", "<f4"),
                            ("ctf/df2_A", "<f4"), ("ctf/df_angle_rad", "<f4"),
                            ("alignments3D/pose", "<f4", (3,)), ("alignments3D/shift", "<f4", (2,)),
                            ("alignments3D/psize_A", "<f4")])  # fmt: skip
    first["uid"] = rest["uid"] = np.arange(count) + 7
    first["blob/path"], first["blob/idx"] = b">stack.mrcs", np.arange(count)
    first["blob/shape"], first["blob/psize_A"], first["blob/sign"] = samples.BOX, samples.PIXEL, 1
    rest["ctf/accel_kv"], rest["ctf/cs_mm"], rest["ctf/amp_contrast"] = 300, 2.7, 0.1
    rest["ctf/df1_A"] = rest["ctf/df2_A"] = 12000 + 10 * np.arange(count)
    rest["alignments3D/pose"] = np.random.default_rng(0).normal(size=(count, 3))
    rest["alignments3D/psize_A"] = samples.PIXEL
    for name, array in (("particles.cs", first), ("passthrough.cs", rest[::-1])):
        with open(folder / name, "wb") as file:
            np.save(file, array)
    return folder / "particles.cs", folder / "passthrough.cs"


def test_particles_of_cryosparc_with_their_passthrough_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    particles, passthrough = write_cryosparc(tmp_path / "data")
    job = Job.create(
        tmp_path / "job0",
        method="linear",
        particles=particles,
        passthrough=passthrough,
        consensus=tmp_path / "data" / "consensus.mrc",
        settings={"epochs": 1, "batch_size": 4, "validation_fraction": 0.25, "threads": 1},
    )
    new = train_on(job, choose(job), tmp_path / "far" / "new")
    assert new.spec.inputs.particles.name == "particles.cs"
    assert new.spec.inputs.passthrough is None
    np.testing.assert_array_equal(new.particles.column("uid"), ROWS + 7)
    np.testing.assert_array_equal(new.particles.rotation, job.particles.rotation[ROWS])
    assert list(new.train(device="cpu"))[-1].kind == "finished"


def test_nothing_is_overwritten_and_nothing_left_of_what_fails(tmp_path: Path) -> None:
    job = samples.make_job(tmp_path)
    choose(job)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        train_on(job, "open", full)
    assert [path.name for path in full.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match="epochs"):
        train_on(job, "open", tmp_path / "new", settings={"epochs": -1})
    with pytest.raises(UserError, match="no selection 'closed'"):
        train_on(job, "closed", tmp_path / "new")
    with pytest.raises(UserError, match="there is no"):
        train_on(job, "open", tmp_path / "new", consensus=tmp_path / "nothing.mrc")
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there is no"):
        train_on(job, "open", tmp_path / "empty", mask=tmp_path / "nothing.mrc")
    assert list((tmp_path / "empty").iterdir()) == []


def test_the_folder_of_the_stacks(tmp_path: Path) -> None:
    job = samples.make_job(tmp_path)
    assert root_of_stacks(job.particles) == tmp_path / "data"
    text = job.spec.inputs.particles.read_text()
    absolute = tmp_path / "absolute.star"
    absolute.write_text(text.replace("@stack", f"@{tmp_path}/data/stack"))
    from napari_conformix.particles import read_particles

    assert root_of_stacks(read_particles(absolute)) is None
    lost = tmp_path / "lost.star"
    lost.write_text(text.replace("@stack", "@gone"))
    assert root_of_stacks(read_particles(lost)) is None


# -- rows of files --------------------------------------------------------------------------------


def test_rows_of_files_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    from napari_conformix.particles.latents import read_indices, write_indices

    np.save(tmp_path / "rows.npy", [4, 1])
    np.save(tmp_path / "mask.npy", np.arange(5) > 2)
    (tmp_path / "rows.txt").write_text("4, 1\n")
    write_indices(tmp_path / "rows.pkl", [4, 1])
    for name, rows in (("rows.npy", [4, 1]), ("rows.txt", [4, 1]), ("rows.pkl", [4, 1]),
                       ("mask.npy", [3, 4])):  # fmt: skip
        assert read_indices(tmp_path / name, 5).tolist() == rows
    with pytest.raises(UserError, match="row 4 outside the 3"):
        read_indices(tmp_path / "rows.npy", 3)
    with pytest.raises(UserError, match="shape"):
        read_indices(tmp_path / "mask.npy", 6)
    (tmp_path / "bad.txt").write_text("one two")
    (tmp_path / "negative.txt").write_text("-1")
    for name in ("bad.txt", "negative.txt", "nothing.txt", "nothing.npy"):
        with pytest.raises(UserError):
            read_indices(tmp_path / name, 5)


# -- replaying ------------------------------------------------------------------------------------


def give_latents(job: Job, mean: np.ndarray, epoch: int = 1) -> None:
    """Latents of a method with one model, as if it had been trained."""
    count = len(mean)
    LatentTable(
        mean.astype(np.float32),
        np.full(mean.shape, 0.1, np.float32),
        np.zeros(count, np.int8),
        np.zeros(count, bool),
        epoch,
    ).save(job.folder / "latents.npz")


def pair(tmp_path: Path, count: int = 400) -> tuple[Job, Job, np.ndarray]:
    """Two jobs of the same particles, of which the second finds the axes turned and flipped."""
    data = tmp_path / "data"
    data.mkdir()
    samples.write_particles(data, count)
    jobs = [samples.make_job(tmp_path) for _ in range(2)]
    old = np.random.default_rng(0).normal(size=(count, 3)) * [3, 2, 1]
    give_latents(jobs[0], old)
    give_latents(jobs[1], 0.5 * old[:, [1, 0, 2]] * [-1, -1, 1])
    return jobs[0], jobs[1], old


@pytest.mark.parametrize("key", ["latent0", "pca0"])
def test_a_lasso_follows_its_particles_to_other_axes(tmp_path: Path, key: str) -> None:
    source, job, _ = pair(tmp_path)
    view = latent_view(source, key)
    found = ways.in_polygon(source, view, [[1, -9], [9, -9], [9, 9], [1, 9]])
    chosen = ways.make_selection(source, "end", found)
    made = replay_selection(job, chosen, source, name="end again")
    np.testing.assert_array_equal(made.selection.rows, chosen.rows)
    assert made.agreement.jaccard == 1.0
    assert made.agreement.both == len(chosen)
    assert made.selection.how[0]["kind"] == "replayed"
    assert "Jaccard index 1.00" in made.lines()[0]
    if key == "latent0":  # components were found by their size, but their signs are free
        assert "are not the axes" in made.notes[0]
        drawn = replay_selection(job, chosen, source, aligned=False)
        assert drawn.agreement.jaccard < 0.5


def test_other_signs_of_components_in_the_window_are_known_by_one_particle(tmp_path: Path) -> None:
    source, job, _ = pair(tmp_path)
    view = latent_view(source, "pca0")
    found = ways.in_polygon(source, view, [[1, -9], [9, -9], [9, 9], [1, 9]])
    step = dict(found.step)
    step["polygon"] = [[-x, y] for x, y in step["polygon"]]  # as drawn on an axis turned round
    row, x, y = step["anchor"]
    step["anchor"] = [row, -x, y]
    chosen = ways.make_selection(source, "end", ways.Found(found.mask, step, found.epoch))
    assert replay_selection(job, chosen, source).agreement.jaccard == 1.0
    step["anchor"] = [row, -2 * x, y]  # the view is another by now
    chosen = ways.make_selection(source, "end", ways.Found(found.mask, step, found.epoch))
    warnings = replay_selection(job, chosen, source).warnings
    assert "could not be checked" in warnings[0]


def test_a_range_of_a_latent_axis_follows_and_of_a_column_stays(tmp_path: Path) -> None:
    source, job, old = pair(tmp_path)
    chosen = ways.make_selection(source, "a", ways.in_range(source, "latent1", 1.0, None))
    made = replay_selection(job, chosen, source)
    np.testing.assert_array_equal(made.selection.rows, np.flatnonzero(old[:, 0] >= 1.0))
    column = ways.make_selection(source, "b", ways.in_range(source, "rlnDefocusU", None, 10500))
    made = replay_selection(job, column, source)
    assert (made.notes, made.warnings) == ((), ())
    np.testing.assert_array_equal(made.selection.rows, column.rows)


def test_rows_of_a_file_go_with_their_particles(tmp_path: Path) -> None:
    source, job, _ = pair(tmp_path)
    text = job.spec.inputs.particles.read_text().splitlines(keepends=True)
    first = next(i for i, line in enumerate(text) if "@" in line)
    part = tmp_path / "data" / "part.star"
    part.write_text("".join(text[:first] + text[first + 100 :][::-1]))
    fewer = Job.create(
        tmp_path / "fewer", method="linear", particles=part,
        consensus=tmp_path / "data" / "consensus.mrc",
    )  # fmt: skip
    give_latents(fewer, np.random.default_rng(1).normal(size=(300, 3)))
    np.save(tmp_path / "rows.npy", [0, 100, 399])
    found = ways.rows_of_file(source, tmp_path / "rows.npy")
    chosen = ways.make_selection(source, "mine", found)
    made = replay_selection(fewer, chosen, source)
    assert made.selection.rows.tolist() == [0, 299]  # the last is the first; row 0 is not there
    assert (made.agreement.before, made.agreement.both) == (2, 2)
    view = latent_view(source, "latent0")
    drawn = ways.nearest_in_view(source, view, (0, 0), 150)
    made = replay_selection(fewer, ways.make_selection(source, "near", drawn), source)
    assert "That is little" in made.warnings[0]  # latents that know nothing of each other
    assert made.agreement.jaccard < made.agreement.by_chance + 0.15


def test_the_very_particles_in_a_file_of_other_order_and_fewer(tmp_path: Path) -> None:
    source, _, _ = pair(tmp_path, 100)
    text = source.spec.inputs.particles.read_text().splitlines(keepends=True)
    first = next(i for i, line in enumerate(text) if "@" in line)
    part = tmp_path / "data" / "part.star"
    part.write_text("".join(text[:first] + text[first + 40 :][::-1]))  # rows 99, 98, ... 40
    fewer = Job.create(
        tmp_path / "fewer", method="linear", particles=part,
        consensus=tmp_path / "data" / "consensus.mrc",
    )  # fmt: skip
    chosen = Selection(
        "mine", np.array([3, 41, 98]), 100, ({"action": "replace"},), colour="#ff0000"
    )
    made = same_particles(fewer, chosen, source, name="here")
    assert made.selection.rows.tolist() == [1, 58]
    assert made.selection.name == "here"
    assert made.lines() == ["2 of the 3 particles of 'mine' are in this job."]
    with pytest.raises(UserError, match="None of the particles"):
        same_particles(fewer, Selection("gone", np.array([0, 39]), 100), source)


def test_jobs_without_a_common_particle_are_told_so(tmp_path: Path) -> None:
    source, _, _ = pair(tmp_path)
    (tmp_path / "b" / "data").mkdir(parents=True)
    path = samples.write_particles(tmp_path / "b" / "data", 400, seed=1)
    path.write_text(path.read_text().replace("@stack", "@others"))
    shutil.move(path.parent / "stack.mrcs", path.parent / "others.mrcs")
    other = samples.make_job(tmp_path / "b")
    give_latents(other, np.random.default_rng(1).normal(size=(400, 3)) * 3)
    view = latent_view(source, "latent0")
    found = ways.in_polygon(source, view, [[1, -9], [9, -9], [9, 9], [1, 9]])
    chosen = ways.make_selection(source, "end", found)
    made = replay_selection(other, chosen, source)
    assert made.agreement is None
    assert "could not be checked" in made.warnings[0]
    mean = other.latents().mean
    inside = (mean[:, 0] > 1) & (mean[:, 0] < 9) & (np.abs(mean[:, 1]) < 9)
    np.testing.assert_array_equal(made.selection.rows, np.flatnonzero(inside))
    np.save(tmp_path / "rows.npy", [1])
    rows = ways.rows_of_file(source, tmp_path / "rows.npy")
    with pytest.raises(UserError, match=r"Step 1 \(rows of rows.npy\) cannot be replayed"):
        replay_selection(other, ways.make_selection(source, "r", rows), source)
    with pytest.raises(UserError, match="keeps no steps"):
        replay_selection(other, Selection("bare", np.array([1]), 400), source)


def test_without_a_source_steps_are_done_at_their_coordinates_and_kept(tmp_path: Path) -> None:
    source, _, _ = pair(tmp_path)
    view = latent_view(source, "latent0")
    found = ways.in_polygon(source, view, [[1, -9], [9, -9], [9, 9], [1, 9]])
    chosen = ways.make_selection(source, "end", found)
    made = replay_selection(source, chosen)
    np.testing.assert_array_equal(made.selection.rows, chosen.rows)
    assert made.selection.how == chosen.how
    assert made.lines() == []
