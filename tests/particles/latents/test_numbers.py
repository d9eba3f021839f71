"""The one reader of files of numbers: what all that is read from them has in common."""

import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.particles.latents import (
    read_indices,
    read_labels,
    read_table,
    write_indices,
)

#: read in the same way by all that take a file of numbers
READERS = (read_table, read_indices, read_labels)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["a.npy", "a.pkl", "a.txt"])
def test_a_file_that_is_not_there_is_told_alike(tmp_path, read, name):
    with pytest.raises(UserError, match=f"no file .*{name}"):
        read(tmp_path / name)


@pytest.mark.parametrize("read", READERS)
def test_a_npy_of_objects_and_one_that_is_none_are_refused(tmp_path, read):
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "words.npy").write_text("1 2 3")
    for name in ("objects.npy", "words.npy"):
        with pytest.raises(UserError, match=r"cannot be read as \.npy"):
            read(tmp_path / name)


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_is_no_text_is_a_sentence(tmp_path, read):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as text"):
        read(tmp_path / "a.txt")


@pytest.mark.parametrize("name", ["a.npy", "a.pkl", "a.txt"])
def test_rows_are_the_same_from_every_kind_of_file(tmp_path, name):
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, [4, 1, 7])
    elif name == "a.pkl":
        write_indices(path, [4, 1, 7])
    else:
        path.write_text("# of the open state\n4, 1\n7\n")
    assert read_indices(path).tolist() == [4, 1, 7]
    assert read_indices(path, 8).tolist() == [4, 1, 7]
    with pytest.raises(UserError, match="row 7 outside the 5 particles"):
        read_indices(path, 5)


def test_what_is_no_row_in_a_text_is_named_with_its_line(tmp_path):
    (tmp_path / "a.txt").write_text("1 2\n3 1.5\n")
    with pytest.raises(UserError, match=r"cannot be read as a list of rows: line 2: .*1\.5"):
        read_indices(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("9" * 30)
    with pytest.raises(UserError, match="cannot be read as a list of rows"):
        read_indices(tmp_path / "a.txt")


def test_a_mask_of_another_number_of_particles_is_refused_from_a_pickle_too(tmp_path):
    import pickle

    (tmp_path / "mask.pkl").write_bytes(pickle.dumps(np.arange(5) > 2))
    assert read_indices(tmp_path / "mask.pkl", 5).tolist() == [3, 4]
    with pytest.raises(UserError, match=r"shape \(5,\); the job has 6"):
        read_indices(tmp_path / "mask.pkl", 6)


def test_an_array_without_rows_is_a_column_or_a_row(tmp_path):
    np.save(tmp_path / "a.npy", [1.0, 2.0])
    assert read_table(tmp_path / "a.npy").shape == (2, 1)
    assert read_table(tmp_path / "a.npy", flat="row").shape == (1, 2)
    (tmp_path / "a.txt").write_text("1 2\n")
    assert read_table(tmp_path / "a.txt").shape == (1, 2)


def test_labels_are_words_or_numbers_as_they_are(tmp_path):
    np.save(tmp_path / "words.npy", np.array(["open", "closed"]))
    assert read_labels(tmp_path / "words.npy").tolist() == ["open", "closed"]
    np.save(tmp_path / "numbers.npy", [2.0, np.nan])
    assert read_labels(tmp_path / "numbers.npy").dtype == np.float64
    (tmp_path / "a.txt").write_text("open # the first\nclosed, open\n")
    assert read_labels(tmp_path / "a.txt").tolist() == ["open", "closed", "open"]
