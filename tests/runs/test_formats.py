"""Versions of files: what is read, migrated and refused, by formats of the test's own."""

import json

import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.runs import formats
from napari_conformix.runs.formats import FORMATS, Format
from napari_conformix.version import __version__


def _split_name(contents):
    first, last = contents.pop("name").split()
    return contents | {"first": first, "last": last}


def _in_angstrom(contents):
    return contents | {"size": contents["size"] * 10}


#: its version 1 said so as "v", version 2 had one name, version 3 nanometres
THIRD = Format("thing", 4, {1: lambda c: c, 2: _split_name, 3: _in_angstrom}, older_keys=("v",))
FIRST = {"v": 1, "name": "Ada L", "size": 2}


def test_an_old_file_is_brought_up_step_by_step():
    now = {"first": "Ada", "last": "L", "size": 20, "format_version": 4}
    assert THIRD.read(FIRST, "a.json") == now
    second = {"format_version": 2, "name": "Ada L", "size": 2}
    assert THIRD.read(second, "a.json") == now
    third = {"format_version": 3, "first": "Ada", "last": "L", "size": 2}
    assert THIRD.read(third, "a.json") == now
    assert THIRD.read(now, "a.json") is now
    assert FIRST == {"v": 1, "name": "Ada L", "size": 2}  # the caller's own


def test_a_file_that_says_no_version_is_of_the_one_before_versions():
    assert THIRD.read({"name": "Ada L", "size": 2}, "a.json")["size"] == 20
    later = Format("thing", 3, {2: _in_angstrom}, unversioned=2)
    assert later.read({"size": 2}, "a.json") == {"size": 20, "format_version": 3}


@pytest.mark.parametrize("key", ["format_version", "v"])
def test_a_later_version_is_refused_with_all_that_is_known_of_it(key):
    with pytest.raises(UserError) as refused:
        THIRD.read({key: 5, "program_version": "9.9", "new": 1}, "job/a.json")
    said = str(refused.value)
    assert said == (
        "job/a.json has format_version 5: it was written by a later version (9.9) of this program. "
        f"This one (napari-conformix {__version__}) reads format_version 1 to 4. Open it with "
        "napari-conformix 9.9 or newer."
    )
    with pytest.raises(UserError, match=r"by a later version of this .* with a newer version\.$"):
        THIRD.read({key: 5}, "a.json")
    # of a version that is being worked on, it would not be true that it is later
    with pytest.raises(UserError, match="by a later version of this program"):
        THIRD.read({key: 5, "program_version": __version__}, "a.json")


def test_what_is_made_again_may_be_deleted():
    with pytest.raises(UserError, match=r"or delete that file: this version then makes its own\."):
        Format("sum", made_again=True).read({"format_version": 2}, "a.json")


@pytest.mark.parametrize("version", ["2", None, True, 0, 1.0, -1])
def test_what_is_no_version_is_refused(version):
    with pytest.raises(UserError, match=r"a\.json has format_version .*, which is no version"):
        THIRD.read({"format_version": version}, "a.json")


def test_arrays_carry_their_version_and_are_not_read_for_it(tmp_path):
    form = Format("table")
    np.savez(tmp_path / "a.npz", **form.array_stamp(), values=np.arange(3))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert form.read(file, "a.npz") is file
        assert str(file["program_version"]) == __version__
        with pytest.raises(UserError, match="which is no version"):
            Format("table", 3, {2: dict}, unversioned=2).read(file, "a.npz")
        newer = Format("table", 2, {1: lambda c: {**c, "values": c["values"] + 1}})
        assert newer.read(file, "a.npz")["values"].tolist() == [1, 2, 3]


def test_json_that_is_no_object_is_damage():
    assert THIRD.read_json(json.dumps(FIRST), "a.json")["size"] == 20
    for text in ("[]", "3", "{"):
        with pytest.raises(ValueError):
            THIRD.read_json(text, "a.json")


def test_a_missing_step_is_noticed_at_once():
    with pytest.raises(ValueError, match="thing: version 3 is reached from 1"):
        Format("thing", 3, {1: dict})


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_every_format_is_written_under_one_key_and_read_from_its_first_version(form):
    assert form.stamp() == {"format_version": form.version, "program_version": __version__}
    assert form.oldest == 1
    assert form.read(form.stamp(), "a") == form.stamp()
    assert form.unstamped(form.stamp() | {"a": 1}) == {"a": 1}


@pytest.mark.parametrize("form", [formats.SELECTION, formats.PATH], ids=lambda form: form.name)
def test_the_older_name_of_the_key_is_read(form):
    assert form.read({"format": 1, "name": "a"}, "a.json") == {"format_version": 2, "name": "a"}
    with pytest.raises(UserError, match="later version"):
        form.read({"format": 3, "name": "a"}, "a.json")
