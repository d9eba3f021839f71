"""Batches against the files, the optics and the imaging functions they come from."""

import socket
from dataclasses import replace

import numpy as np
import psutil
import pytest
import samples
import torch

from napari_conformix.imaging import fourier_resize_2d
from napari_conformix.particles import ImageReader, read_particles
from napari_conformix.runs import temporary_name
from napari_conformix.training.batches import TrainingData, outside_circle, sources
from napari_conformix.training.contract import Frame
from napari_conformix.training.settings import TrainingSettings

FRAME = Frame(samples.BOX, samples.PIXEL, samples.BOX, samples.PIXEL)
HALF_SIZE = Frame(samples.BOX, samples.PIXEL, samples.BOX // 2, 2 * samples.PIXEL)


@pytest.fixture
def particles(tmp_path):
    return read_particles(samples.write_particles(tmp_path))


def data(particles, frame=FRAME, folder=None, **settings):
    return TrainingData(particles, frame, TrainingSettings(**settings), cache_folder=folder)


def prepared(*args, **kwargs):
    result = data(*args, **kwargs)
    events = list(result.prepare())
    return result, events


def test_a_batch_holds_what_the_files_say(particles):
    rows = np.array([40, 3, 17])
    batch = data(particles, images="stream").batch(rows)
    np.testing.assert_array_equal(batch.images, ImageReader(particles).read(rows))
    np.testing.assert_array_equal(batch.rotation, particles.rotation[rows])
    np.testing.assert_array_equal(batch.shift_angstrom, particles.shift_angstrom[rows])
    assert batch.index.tolist() == rows.tolist()
    assert batch.ctf.shape == (3, samples.BOX, samples.BOX // 2 + 1)
    assert batch.ctf[:, 0, 0].numpy() == pytest.approx(0.1, abs=1e-3)  # +Q0 at zero frequency
    assert not torch.equal(batch.ctf[0], batch.ctf[1])  # each its own defocus
    assert {t.dtype for n, t in vars(batch).items() if n != "index"} == {torch.float32}


@pytest.mark.parametrize("source", ["memory", "cache", "stream"])
def test_every_source_gives_the_same_images(particles, tmp_path, source):
    rows = np.array([5, 47, 0, 5])
    result, events = prepared(particles, HALF_SIZE, tmp_path / "cache", images=source)
    assert result.source_name == source
    assert [e.done for e in events] == ([] if source == "stream" else [samples.COUNT])
    images = result.batch(rows).images
    expected = fourier_resize_2d(
        torch.from_numpy(ImageReader(particles).read(rows)), samples.BOX // 2
    )
    torch.testing.assert_close(images, expected)


def test_the_cache_is_used_again_only_while_it_is_right(particles, tmp_path):
    cache = tmp_path / "cache"
    assert prepared(particles, folder=cache, images="cache")[1]
    again, events = prepared(particles, folder=cache, images="cache")
    assert events == []
    other, events = prepared(particles, folder=cache, images="cache", invert_contrast=True)
    assert events
    rows = np.arange(4)
    torch.testing.assert_close(other.batch(rows).images, -again.batch(rows).images)
    assert sorted(p.name for p in cache.iterdir()) == ["images.json", "images.npy"]


def test_a_cache_that_was_interrupted_is_begun_again(particles, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setattr(sources, "CHUNK", 8)
    half_done = data(particles, folder=cache, images="cache").prepare()
    next(half_done)
    half_done.close()
    assert list(cache.iterdir()) == []
    _, events = prepared(particles, folder=cache, images="cache")
    assert [e.done for e in events] == list(range(8, samples.COUNT + 1, 8))


def test_what_a_trainer_of_another_host_began_makes_room_at_once(particles, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    cache.mkdir()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "node17")
        temporary_name(cache / "images.npy").touch()
    prepared(particles, folder=cache, images="cache")
    assert sorted(path.name for path in cache.iterdir()) == ["images.json", "images.npy"]


def test_automatic_choice_says_why(particles, tmp_path, monkeypatch):
    assert data(particles).source_name == "memory"
    small = psutil.virtual_memory()._replace(available=100)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: small)
    # a cache of the same size as the stacks would spare nothing
    assert data(particles, folder=tmp_path / "new" / "cache").source_name == "stream"
    shrunk = data(particles, HALF_SIZE, tmp_path / "new" / "cache")
    assert shrunk.source_name == "cache"
    assert "do not fit in memory" in shrunk.source_reason
    assert data(particles, HALF_SIZE).source_name == "stream"  # nowhere to write


def test_optics_groups_of_other_pixel_sizes_come_to_one_grid(particles):
    # the same stack, said to be sampled finer for every second particle
    fine = replace(particles.optics[0], number=2, pixel_size_angstrom=samples.PIXEL / 2)
    index = np.arange(len(particles)) % 2
    mixed = replace(particles, optics=[particles.optics[0], fine], optics_index=index)
    rows = np.array([0, 1, 2, 3])
    images = data(mixed, images="stream").batch(rows).images
    raw = torch.from_numpy(ImageReader(particles).read(rows))
    torch.testing.assert_close(images[[0, 2]], raw[[0, 2]])
    shrunk = fourier_resize_2d(raw[[1, 3]], samples.BOX // 2)
    quarter = samples.BOX // 4
    inner = slice(quarter, quarter + samples.BOX // 2)
    torch.testing.assert_close(images[[1, 3], inner, inner], shrunk)
    assert images[1].abs().sum() == images[1, inner, inner].abs().sum()


def test_beam_tilt_is_taken_off(particles):
    tilted = replace(particles.optics[0], beam_tilt_mrad=(2.0, 0.0))
    plain = data(particles, images="stream").batch(np.arange(3)).images
    other = data(replace(particles, optics=[tilted]), images="stream").batch(np.arange(3)).images
    assert not torch.allclose(plain, other)
    # only phases change: the power spectrum stays, but for the unpaired Nyquist frequencies
    a, b = (torch.fft.rfft2(v).abs()[:, 1 : samples.BOX // 2, 1:-1] for v in (plain, other))
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_normalisation_is_that_of_the_stored_box(particles):
    images = data(particles, images="stream", normalise_images=True).batch(np.arange(4)).images
    axis = np.arange(samples.BOX) - samples.BOX // 2
    outside = axis[:, None] ** 2 + axis[None] ** 2 > (0.375 * samples.BOX) ** 2
    assert images[:, torch.from_numpy(outside)].std(1, correction=0).numpy() == pytest.approx(1)


def test_normalised_images_have_one_scale_whatever_their_pixel_size(particles):
    """White noise of sigma 1 on either raw grid would leave the finer one weaker by the ratio."""
    working = data(particles, HALF_SIZE, images="stream", normalise_images=True)
    rows = np.arange(8)
    images = working.batch(rows).images.numpy()
    outside = outside_circle(samples.BOX // 2)
    np.testing.assert_allclose(images[:, outside].std(axis=1), 1, atol=1e-4)
