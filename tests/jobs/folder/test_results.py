"""Selections, subsets and half maps of a job."""

import threading

import numpy as np
import pytest
import samples

from napari_conformix.analysis.selections import Selection
from napari_conformix.errors import UserError
from napari_conformix.particles import read_map, read_particles


def select(job, rows, name="open"):
    return Selection(name, np.asarray(rows), len(job.particles), ({"kind": "rows"},), epoch=1)


def test_selections_are_saved_listed_and_deleted(tmp_path):
    job = samples.make_job(tmp_path)
    assert job.selections() == []
    chosen = select(job, [5, 2, 9])
    job.save_selection(chosen)
    job.save_selection(select(job, [1], "closed"))
    assert job.selections() == ["closed", "open"]
    assert job.selection("open") == chosen
    job.delete_selection("closed")
    assert job.selections() == ["open"]
    with pytest.raises(UserError, match=r"no selection 'closed' .* it has: open"):
        job.delete_selection("closed")


@pytest.mark.parametrize("halves", [True, False])
def test_an_exported_star_tells_the_half_sets_that_were_trained(tmp_path, halves):
    job = samples.make_job(tmp_path, halves=halves, epochs=1)
    list(job.train(device="cpu"))
    rows = np.array([3, 4, 20, 41, 42])
    path = job.export(select(job, rows), tmp_path / "open.star")
    back = read_particles(path, datadir=tmp_path / "data")
    np.testing.assert_array_equal(back.half, job.split.half[rows])
    np.testing.assert_allclose(back.rotation, job.particles.rotation[rows], atol=1e-6)
    np.testing.assert_array_equal(back.image_index, job.particles.image_index[rows])
    assert job.split.made_halves is not halves
    with pytest.raises(UserError, match="exists"):
        job.export(select(job, rows), path)
    job.save_selection(select(job, rows[:2]))
    job.export("open", path, overwrite=True)
    assert len(read_particles(path, datadir=tmp_path / "data")) == 2


def test_half_maps_of_all_and_of_a_selection(tmp_path):
    job = samples.make_job(tmp_path, working_box=8)  # reconstructed at full size all the same
    told = []
    maps = job.reconstruct(progress=told.append)
    assert maps.counts == (24, 24)
    assert told[-1] == samples.COUNT
    volume, pixel_size = read_map(
        job.folder / "reconstruction" / "all" / "run_half1_class001_unfil.mrc"
    )
    assert volume.shape == (samples.BOX,) * 3
    assert pixel_size == pytest.approx(samples.PIXEL)
    some = job.reconstruct(select(job, np.arange(20)), tmp_path / "some")
    assert some.counts == (10, 10)
    assert (tmp_path / "some" / "run_half2_class001_unfil.mrc").exists()
    with pytest.raises(UserError, match="holds a finished reconstruction"):
        job.reconstruct()
    assert job.reconstruct(stop=lambda: True, overwrite=True) is None


def test_decoding_from_several_threads_loads_the_model_once(tmp_path, monkeypatch):
    from napari_conformix.jobs.folder import models

    job = samples.make_job(tmp_path, epochs=1)
    list(job.train(device="cpu"))
    loads, results = [], []
    load = models.load_method
    monkeypatch.setattr(models, "load_method", lambda path: loads.append(path) or load(path))
    threads = [
        threading.Thread(target=lambda: results.append(job.decode([0.5, 0.5], 1))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(results) == 6
    assert all(np.array_equal(result, results[0]) for result in results)


def test_a_newer_checkpoint_replaces_the_model_and_few_are_kept(tmp_path):
    job = samples.make_job(tmp_path, epochs=1, keep_checkpoints=10)
    list(job.train(device="cpu"))
    first = job.method()
    list(job.train(device="cpu", resume=True, epochs=6))
    assert job.method() is not first
    assert job.method(6) is job.method()
    for epoch in (1, 2, 3, 4, 5):
        job.method(epoch)
    assert len(job._models._models) == 3
