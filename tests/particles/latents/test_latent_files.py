"""Latents of other programs: which columns, and whose rows they are."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.particles import read_particles
from napari_conformix.particles.latents import (
    number_columns,
    on_particles,
    proposed_columns,
    read_latents,
)
from napari_conformix.particles.latents.files import LatentFile

N = 6
#: larger than what float64 holds exactly
UIDS = 2**63 + np.arange(N, dtype=np.uint64) * 3


def _star(path: Path, rows=range(N), *, names=True) -> Path:
    """Particles in a STAR with two columns of latents, 10 i and -i for image i."""
    labels = ["_rlnImageName"] * names + ["_rlnDefocusU", "_zOne", "_zTwo", "_rlnWord"]
    lines = [f"{i + 1:06d}@stack.mrcs " * names + f"{1e4 + i} {10 * i} {-i} word{i}" for i in rows]
    head = "data_particles\n\nloop_\n"
    path.write_text(head + "\n".join(labels) + "\n" + "\n".join(lines) + "\n")
    return path


def _cs(path: Path, rows=range(N), *, blob=True) -> Path:
    kinds = [("uid", "u8")]
    kinds += [("blob/path", "S12"), ("blob/idx", "u4"), ("blob/shape", "u4", (2,))] if blob else []
    kinds += [("components_mode_1/value", "f4"), ("components_mode_0/value", "f4"), ("v", "f4", 2)]
    array = np.zeros(len(rows), kinds)
    array["uid"] = UIDS[list(rows)]
    if blob:
        array["blob/path"], array["blob/idx"] = b"stack.mrc", rows
        array["blob/shape"] = 32
    array["components_mode_0/value"] = [10.0 * i for i in rows]
    array["components_mode_1/value"] = [-float(i) for i in rows]
    with path.open("wb") as file:
        np.save(file, array)
    return path


EXPECTED = np.stack([10.0 * np.arange(N), -np.arange(N)], axis=1)


def test_columns_of_a_star_are_matched_by_image_whatever_their_order(tmp_path):
    particles = read_particles(_star(tmp_path / "p.star"))
    order = [3, 0, 5, 1, 2, 4]
    found = read_latents(_star(tmp_path / "z.star", order), ["zOne", "_zTwo"])
    assert found.columns == ("zOne", "zTwo")
    mean, spread, told = on_particles(found, particles, None, tmp_path / "z.star")
    np.testing.assert_array_equal(mean, EXPECTED)
    assert np.isnan(spread).all()
    assert "6 of 6" in told
    some = read_latents(_star(tmp_path / "some.star", [4, 2]), ["zOne", "zTwo"])
    mean, _, told = on_particles(some, particles, None, tmp_path / "some.star")
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(mean[:, 0])), [2, 4])
    np.testing.assert_array_equal(mean[[2, 4]], EXPECTED[[2, 4]])


def test_fields_of_cryosparc_are_found_and_matched_by_uid(tmp_path):
    particles = read_particles(_cs(tmp_path / "p.cs"))
    path = _cs(tmp_path / "v.cs", [5, 4, 3, 2, 1, 0], blob=False)
    names = number_columns(path)
    assert names == ["uid", "components_mode_1/value", "components_mode_0/value", "v[0]", "v[1]"]
    assert proposed_columns(names) == ["components_mode_0/value", "components_mode_1/value"]
    mean, _, _ = on_particles(read_latents(path), particles, None, path)
    np.testing.assert_array_equal(mean, EXPECTED)
    np.testing.assert_array_equal(read_latents(path, ["v[1]"]).mean, np.zeros((N, 1)))


def test_images_that_are_listed_twice_must_have_one_order(tmp_path):
    """As after symmetry expansion: neither name says which of its rows a latent belongs to."""
    twice = [0, 1, 2, 0, 1, 2]
    particles = read_particles(_star(tmp_path / "p.star", twice))
    same = read_latents(_star(tmp_path / "z.star", twice), ["zOne", "zTwo"])
    mean, _, told = on_particles(same, particles, None, tmp_path / "z.star")
    np.testing.assert_array_equal(mean, EXPECTED[twice])
    assert "same order" in told
    for rows in ([0, 0, 1, 1, 2, 2], [0, 1, 2, 0, 1]):
        other = read_latents(_star(tmp_path / "z.star", rows), ["zOne"])
        with pytest.raises(UserError, match="more than once"):
            on_particles(other, particles, None, tmp_path / "z.star")


def test_another_data_set_is_refused_by_its_images(tmp_path):
    particles = read_particles(_star(tmp_path / "p.star"))
    other = read_latents(_star(tmp_path / "z.star", range(10, 16)), ["zOne"])
    with pytest.raises(UserError, match="no image in common"):
        on_particles(other, particles, None, tmp_path / "z.star")


def test_an_array_goes_by_row_and_must_have_as_many(tmp_path):
    particles = read_particles(_star(tmp_path / "p.star"))
    path = tmp_path / "z.npy"
    np.save(path, EXPECTED)
    mean, _, told = on_particles(read_latents(path), particles, None, path)
    np.testing.assert_array_equal(mean, EXPECTED)
    assert "one order" in told
    np.save(path, EXPECTED[:4])
    with pytest.raises(UserError, match=r"4 rows .* 6 particles.*--rows"):
        on_particles(read_latents(path), particles, None, path)


def test_rows_say_whose_the_latents_of_a_subset_are(tmp_path):
    particles = read_particles(_star(tmp_path / "p.star"))
    z = np.float32([[50.0], [0.0], [20.0]])
    path = tmp_path / "z.pkl"
    path.write_bytes(pickle.dumps(z) + pickle.dumps(np.log(np.full_like(z, 0.25))))
    found = read_latents(path)
    mean, spread, told = on_particles(found, particles, np.array([5, 0, 2]), path)
    np.testing.assert_array_equal(mean[[0, 2, 5], 0], [0, 20, 50])
    np.testing.assert_allclose(spread[[0, 2, 5]], 0.5)
    assert np.isnan(mean[[1, 3, 4]]).all()
    assert np.isnan(spread[[1, 3, 4]]).all()
    assert "3 of 6" in told
    for rows, why in (([0, 1], "lists 2"), ([0, 1, 6], "row 6"), ([0, 1, 1], "row 1 more than")):
        with pytest.raises(UserError, match=why):
            on_particles(found, particles, np.array(rows), path)


def test_a_latent_is_known_as_a_whole_or_not_at_all(tmp_path):
    particles = read_particles(_star(tmp_path / "p.star"))
    z = EXPECTED.astype(np.float32)
    z[3, 1] = np.nan
    mean, _, _ = on_particles(LatentFile(z), particles, None, tmp_path / "z")
    assert np.isnan(mean[3]).all()
    assert np.isfinite(mean[[0, 1, 2, 4, 5]]).all()
    with pytest.raises(UserError, match="No particle has a latent"):
        on_particles(LatentFile(np.full_like(z, np.nan)), particles, None, tmp_path / "z")


@pytest.mark.parametrize(
    "text", ["1 2\n3 4\n", "a,b\n1,2\n3,4\n", "# about\n1\t2\n\n3\t4 # end\n", "1e0, 2.0\n3,4"]
)
def test_tables_of_text(tmp_path, text):
    path = tmp_path / "z.csv"
    path.write_text(text)
    np.testing.assert_array_equal(read_latents(path).mean, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(read_latents(path, ["2"]).mean, [[2], [4]])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 2\n3\n", "line 2: there are 1 numbers"),
        ("1 2\n3 x\n", "line 2: 'x' is not a number"),
        ("\n# nothing\n", "no numbers"),
        ("a b\n", "no numbers"),
    ],
)
def test_what_is_no_table_of_text(tmp_path, text, why):
    (tmp_path / "z.txt").write_text(text)
    with pytest.raises(UserError, match=why):
        read_latents(tmp_path / "z.txt")


def test_wrong_columns_and_files_are_answered_with_what_there_is(tmp_path):
    star = _star(tmp_path / "z.star")
    assert number_columns(star) == ["rlnDefocusU", "zOne", "zTwo"]
    with pytest.raises(UserError, match=r"Say which columns.*zOne, zTwo"):
        read_latents(star)
    with pytest.raises(UserError, match=r"no column 'zThree'.*zOne"):
        read_latents(star, ["zThree"])
    with pytest.raises(UserError, match="'word0' is not a number"):
        read_latents(star, ["rlnWord"])
    np.save(tmp_path / "z.npy", EXPECTED)
    with pytest.raises(UserError, match="numbers from 1, not '3'"):
        read_latents(tmp_path / "z.npy", ["3"])
    with pytest.raises(UserError, match="is not there"):
        read_latents(tmp_path / "none.pkl")
    (tmp_path / "z.mrc").touch()
    with pytest.raises(UserError, match="of no kind"):
        read_latents(tmp_path / "z.mrc")
    with pytest.raises(UserError, match="is a folder"):
        read_latents(tmp_path)
