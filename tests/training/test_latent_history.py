"""Latents of earlier epochs: what is kept, how exactly, and what goes when there are too many."""

import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.training import latent_history
from napari_conformix.training.latent_history import LatentHistory, least_missed
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.split import Split


def table(epoch, count=50, scale=1.0):
    random = np.random.default_rng(epoch)
    return LatentTable(
        mean=(scale * random.normal(size=(count, 3))).astype(np.float32),
        std=np.ones((count, 3), np.float32),
        half=np.ones(count, np.int8),
        validation=np.zeros(count, bool),
        epoch=epoch,
        motion=random.normal(size=(count, 2)).astype(np.float32),
        motion_unit="A",
        motion_variance=np.array([0.6, 0.3], np.float32),
    )


def split(count=50):
    return Split(np.tile([1, 2], count // 2).astype(np.int8), np.arange(count) % 10 == 0, False)


def test_what_is_kept_comes_back_with_half_sets_and_without_its_spread(tmp_path):
    history = LatentHistory(tmp_path, most=5)
    history.keep(table(7))
    loaded = history.load(7, split())
    np.testing.assert_array_equal(loaded.mean, table(7).mean)
    np.testing.assert_array_equal(loaded.motion, table(7).motion)
    np.testing.assert_array_equal(loaded.half, split().half)
    assert (loaded.epoch, loaded.motion_unit) == (7, "A")
    np.testing.assert_allclose(loaded.motion_variance, [0.6, 0.3])
    assert np.isnan(loaded.std).all()
    assert loaded.std.shape == loaded.mean.shape
    assert (tmp_path / "latents" / "epoch_0007.npz").exists()


def test_large_sets_take_half_precision_and_little_space(tmp_path, monkeypatch):
    monkeypatch.setattr(latent_history, "MANY_PARTICLES", 1000)
    history = LatentHistory(tmp_path, most=5)
    history.keep(table(1, count=20_000))
    size = (tmp_path / "latents" / "epoch_0001.npz").stat().st_size
    assert size < 20_000 * (3 + 2) * 2 + 2000
    loaded = history.load(1, split(20_000))
    assert loaded.mean.dtype == np.float32
    error = np.abs(loaded.mean - table(1, count=20_000).mean)
    assert error.max() <= 2**-11 * np.abs(loaded.mean).max()
    # what does not fit into half precision is not turned into infinity
    history.keep(table(2, count=2000, scale=1e6))
    np.testing.assert_array_equal(
        history.load(2, split(2000)).mean, table(2, count=2000, scale=1e6).mean
    )


def test_too_many_epochs_are_thinned_out_evenly_but_not_those_with_a_checkpoint(tmp_path):
    history = LatentHistory(tmp_path, most=10)
    for epoch in range(1, 101):
        history.keep(table(epoch), always={3, epoch - 1, epoch})
    kept = history.epochs()
    assert len(kept) == 10
    assert {1, 3, 99, 100} <= set(kept)
    others = [e for e in kept if e not in (3, 99)]
    gaps = np.diff(others)
    assert gaps.max() <= 2.5 * gaps.min()


def test_more_checkpoints_than_epochs_allowed_are_all_kept(tmp_path):
    history = LatentHistory(tmp_path, most=2)
    for epoch in range(1, 6):
        history.keep(table(epoch), always=range(1, 6))
    assert history.epochs() == [1, 2, 3, 4, 5]
    assert least_missed([1, 2], ()) is None


def test_none_are_kept_when_not_wanted_and_old_jobs_have_none(tmp_path):
    history = LatentHistory(tmp_path, most=0)
    assert history.epochs() == []
    history.keep(table(1))
    assert not (tmp_path / "latents").exists()
    with pytest.raises(UserError, match="of epoch 1 are not kept; there are those of: none"):
        history.load(1, split())


def test_what_will_be_done_again_is_forgotten(tmp_path):
    history = LatentHistory(tmp_path, most=5)
    for epoch in (1, 2, 3):
        history.keep(table(epoch))
    history.forget_after(1)
    assert history.epochs() == [1]


def test_the_best_table_is_whole_and_only_of_its_epoch(tmp_path):
    history = LatentHistory(tmp_path, most=0)
    assert history.best(1) is None
    history.keep_best(table(4))
    assert history.best(3) is None
    np.testing.assert_array_equal(history.best(4).std, table(4).std)
    assert history.epochs() == []


@pytest.mark.parametrize("left", [0, 0.5, 0.99])
def test_a_table_that_is_cut_short_is_told_of(tmp_path, left):
    path = tmp_path / "latents.npz"
    table(3).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole))])
    for read in (LatentTable.load, LatentTable.epoch_of):
        with pytest.raises(UserError, match="damaged, or was not copied whole"):
            read(path)
