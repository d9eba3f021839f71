import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_conformix.errors import UserError
from napari_conformix.training.split import Split, make_split


def split(column, **changes):
    options = {"independent_halves": True, "validation_fraction": 0.1, "seed": 1} | changes
    return make_split(np.asarray(column), **options)


@given(st.integers(4, 300), st.floats(0.01, 0.49), st.integers(0, 5), st.booleans())
def test_halves_are_disjoint_cover_everything_and_validate(count, fraction, seed, known):
    column = np.arange(count) % 2 + 1 if known else np.zeros(count, int)
    result = split(column, validation_fraction=fraction, seed=seed)
    parts = [result.rows(h, subset) for h in (1, 2) for subset in ("train", "validation")]
    assert sorted(np.concatenate(parts)) == list(range(count))
    assert all(len(part) > 0 for part in parts)
    assert result.made_halves is not known
    if known:
        np.testing.assert_array_equal(result.half, column)
    assert abs(int((result.half == 1).sum()) - int((result.half == 2).sum())) <= 1


def test_fraction_is_held_out_of_each_half():
    column = np.r_[np.ones(1000, int), np.full(200, 2)]
    result = split(column)
    assert [len(result.rows(h, "validation")) for h in (1, 2)] == [100, 20]
    assert len(result.rows(0, "train")) == 1080


def test_seed_decides():
    first, again, other = (split(np.zeros(50, int), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.half, again.half)
    np.testing.assert_array_equal(first.validation, again.validation)
    assert not np.array_equal(first.half, other.half)


def test_partly_missing_half_sets_name_the_row():
    with pytest.raises(UserError, match=r"is 0 in row 3 .* 2 rows in all"):
        split([1, 2, 0, 2, 0])


def test_a_half_without_particles_is_refused_unless_there_is_one_model():
    with pytest.raises(UserError, match="10 and 0 particles"):
        split(np.ones(10, int))
    assert len(split(np.ones(10, int), independent_halves=False).rows(0, "train")) == 9


def test_comes_back_from_disk(tmp_path):
    result = split(np.zeros(20, int))
    result.save(tmp_path / "split.npz")
    back = Split.load(tmp_path / "split.npz")
    np.testing.assert_array_equal(back.half, result.half)
    np.testing.assert_array_equal(back.validation, result.validation)
    assert back.made_halves is True


@pytest.mark.parametrize("known", [True, False])
def test_copies_of_an_image_stay_together(known):
    """After symmetry expansion a random row held out would be a copy of a training image."""
    images = np.random.default_rng(3).permutation(np.repeat(np.arange(100), 4))
    half = images % 2 + 1 if known else np.zeros(400, int)
    split = make_split(
        half, independent_halves=True, validation_fraction=0.1, seed=1, images=images
    )
    for image in range(100):
        rows = images == image
        assert len(set(split.half[rows])) == 1
        assert len(set(split.validation[rows])) == 1
    assert split.validation.sum() == 40
    assert np.bincount(split.half).tolist() == [0, 200, 200]
