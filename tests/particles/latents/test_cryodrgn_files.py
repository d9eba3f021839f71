"""Latents and indices of cryoDRGN: read right whatever numpy wrote, and never run."""

import base64
import contextlib
import io
import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.particles.latents import read_indices, write_indices
from napari_conformix.particles.latents.cryodrgn import read_z, read_z_spread
from napari_conformix.particles.latents.plain_pickle import NotPlainError, read_pickled

#: numpy 1.25's pickles of np.asfortranarray(np.arange(6, dtype="f4").reshape(3, 2))
NUMPY_1 = {
    2: "gAJjbnVtcHkuY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAGNudW1weQpuZGFycmF5CnEBSwCFcQJjX2Nv"
    "ZGVjcwplbmNvZGUKcQNYAQAAAGJxBFgGAAAAbGF0aW4xcQWGcQZScQeHcQhScQkoSwFLA0sChnEKY251bXB5CmR0"
    "eXBlCnELWAIAAABmNHEMiYiHcQ1ScQ4oSwNYAQAAADxxD05OTkr/////Sv////9LAHRxEGKIaANYGwAAAAAAAAAA"
    "AABAAADCgEAAAMKAPwAAQEAAAMKgQHERaAWGcRJScRN0cRRiLg==",
    4: "gASVogAAAAAAAACMFW51bXB5LmNvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFy"
    "cmF5lJOUSwCFlEMBYpSHlFKUKEsBSwNLAoaUaAOMBWR0eXBllJOUjAJmNJSJiIeUUpQoSwOMATyUTk5OSv////9K"
    "/////0sAdJRiiEMYAAAAAAAAAEAAAIBAAACAPwAAQEAAAKBAlHSUYi4=",
    5: "gAWVjQAAAAAAAACMEm51bXB5LmNvcmUubnVtZXJpY5SMC19mcm9tYnVmZmVylJOUKJYYAAAAAAAAAAAAAAAAAABA"
    "AACAQAAAgD8AAEBAAACgQJSMBW51bXB5lIwFZHR5cGWUk5SMAmY0lImIh5RSlChLA4wBPJROTk5K/////0r/////"
    "SwB0lGJLA0sChpSMAUaUdJRSlC4=",
}


def _written(path: Path, *values: object, protocol: int = 4) -> Path:
    path.write_bytes(b"".join(pickle.dumps(value, protocol=protocol) for value in values))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8", "<i4", "u1"])
def test_reads_every_array_that_numpy_pickles(tmp_path, protocol, dtype):
    values = np.random.default_rng(protocol).uniform(0, 200, (7, 3)).astype(dtype)
    for array in (values, np.asfortranarray(values), values[::2], values[:, 0], values[:0]):
        path = _written(tmp_path / "z.pkl", array, protocol=protocol)
        (found,) = read_pickled(path, most=1)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
    path = _written(tmp_path / "z.pkl", values, protocol=protocol)
    assert read_z(path).dtype == np.float32
    np.testing.assert_array_equal(read_z(path), values.astype(np.float32))


@pytest.mark.parametrize("protocol", NUMPY_1)
def test_reads_what_numpy_1_wrote(tmp_path, protocol):
    path = tmp_path / "z.pkl"
    path.write_bytes(base64.b64decode(NUMPY_1[protocol]))
    np.testing.assert_array_equal(read_z(path), np.arange(6).reshape(3, 2))


def test_latents_are_followed_by_the_logarithms_of_their_variances(tmp_path):
    z = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    path = _written(tmp_path / "z.pkl", z, np.full_like(z, np.log(0.04)))
    np.testing.assert_allclose(read_z_spread(path), 0.2, rtol=1e-6)
    assert read_z_spread(_written(tmp_path / "one.pkl", z)) is None
    assert read_z_spread(_written(tmp_path / "other.pkl", z, "a remark")) is None
    np.testing.assert_array_equal(read_z(tmp_path / "other.pkl"), z)


def test_npy_is_told_by_its_content_and_a_list_is_one_column(tmp_path):
    z = np.arange(8.0).reshape(4, 2)
    with (tmp_path / "z.pkl").open("wb") as file:
        np.save(file, z)
    np.testing.assert_array_equal(read_z(tmp_path / "z.pkl"), z)
    assert read_z(_written(tmp_path / "line.pkl", z[:, 0])).shape == (4, 1)


class _Nested:
    """Pickles as a call within a call."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return np.asarray, (_Runs(self.marker),)


class _Runs:
    """Pickles as a call of os.system that leaves a file behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


class _Sub(np.ndarray):
    pass


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_in_a_pickle_is_run(tmp_path, protocol):
    marker = tmp_path / "it ran".replace(" ", "_")
    z = np.ones((3, 2), np.float32)
    for bad in (_Runs(marker), _Nested(marker), [z, _Runs(marker)], (_Runs(marker), z)):
        path = _written(tmp_path / "bad.pkl", bad, protocol=protocol)
        with pytest.raises(NotPlainError, match="nothing in it was run"):
            read_z(path)
        assert not marker.exists()
    # behind a good array: the array is read, the rest is not run either
    path = _written(tmp_path / "late.pkl", z, _Runs(marker), protocol=protocol)
    np.testing.assert_array_equal(read_z(path), z)
    assert read_z_spread(path) is None
    assert not marker.exists()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (np.array([1, "a", None], dtype=object), "Python objects"),
        (np.ones(3, "c16"), "values of type 'c16'"),
        (np.array(["a", "b"]), "values of type 'U1'"),
        (np.ones(3, [("x", "f4")]), "no array of numbers needs"),
        (np.ones((2, 2)).view(_Sub), "asks to run|class of its own"),
        ((np.eye(3), np.ones(2)), "several values"),
        ({"z": np.ones(3)}, "instruction EMPTY_DICT"),
        ([[1, 2], [3, 4]], "several values"),
        ("some text", "array of numbers"),
        (None, "array of numbers"),
    ],
)
def test_what_is_no_array_is_refused_in_a_sentence(tmp_path, value, why):
    with pytest.raises(UserError, match=why) as error:
        read_z(_written(tmp_path / "z.pkl", value))
    assert "numpy.save(" in str(error.value)  # what to do


def test_a_torch_tensor_is_named(tmp_path):
    torch = pytest.importorskip("torch")
    with pytest.raises(UserError, match="torch tensor"):
        read_z(_written(tmp_path / "z.pkl", torch.ones(3, 2)))
    torch.save(torch.ones(3, 2), tmp_path / "saved.pkl")
    with pytest.raises(UserError, match=r"torch\.save"):
        read_z(tmp_path / "saved.pkl")


def test_every_cut_and_every_changed_byte_ends_in_a_sentence(tmp_path):
    whole = pickle.dumps(np.arange(6, dtype="f4").reshape(3, 2), protocol=4)
    path = tmp_path / "z.pkl"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError):
            read_z(path)
    random = np.random.default_rng(1)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] = random.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(UserError):  # anything else is a mistake of ours
            assert read_z(path).size <= 6


def test_random_bytes_end_in_a_sentence(tmp_path):
    random = np.random.default_rng(2)
    path = tmp_path / "z.pkl"
    for _ in range(300):
        path.write_bytes(b"\x80\x04" + random.bytes(60))
        with pytest.raises(UserError):
            read_z(path)


def _array_pickle(shape: bytes, data: bytes) -> bytes:
    """An array whose shape and bytes need not agree, protocol 3."""
    whole = pickle.dumps(np.zeros((3, 2), "f4"), protocol=3)
    old_shape, old_data = b"K\x03K\x02\x86", b"C\x18" + bytes(24)
    assert whole.count(old_shape) == 1
    assert whole.count(old_data) == 1
    return whole.replace(old_shape, shape).replace(old_data, data)


@pytest.mark.parametrize(
    "data",
    [
        _array_pickle(b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", b"C\x18" + bytes(24)),
        _array_pickle(b"J\xff\xff\xff\xffK\x02\x86", b"C\x18" + bytes(24)),  # -1
        _array_pickle(b"K\x03K\x02\x86", b"B\xff\xff\xff\xff" + bytes(24)),  # 4 GB announced
        _array_pickle(b"K\x03K\x02\x86", b"\x8e" + b"\xff" * 7 + b"\x7f" + bytes(24)),
        _array_pickle(b"K\x03K\x02\x86", b"\x8a\xff" + b"\x7f" * 255),  # a huge number as data
        # one large text, named a hundred thousand times in a list
        b"\x80\x04]\x94(X" + struct.pack("<I", 100_000) + b"a" * 100_000 + b"\x94"
        + b"h\x01" * 100_000 + b"e.",
        # tuples of tuples of tuples: 2^5000 leaves
        b"\x80\x04)\x94" + b"".join(b"h\x00\x86".replace(b"\x86", b"h\x00\x86\x94")
                                      for _ in range(5000)) + b".",
        b"(" * 200_000 + b".",
        b"\x80\x04" + b"]\x94" * 100_000 + b"a" * 99_999 + b".",
        b"\x80\x02r\xff\xff\xff\x7f.",
    ],
)  # fmt: skip
def test_bombs_stay_small(tmp_path, data):
    path = tmp_path / "bomb.pkl"
    path.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(UserError):
        read_z(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40e6 + 60 * len(data)


def test_an_index_is_read_by_pickle_and_by_us(tmp_path):
    rows = np.array([3, 5, 9, 2_000_000_000_000])
    path = write_indices(tmp_path / "ind.pkl", rows)
    found = pickle.loads(path.read_bytes())
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, rows)
    np.testing.assert_array_equal(np.arange(20)[found[:3]], [3, 5, 9])
    np.testing.assert_array_equal(read_indices(path), rows)
    assert b"numpy._core" not in path.read_bytes()  # not known to numpy before 1.26
    np.testing.assert_array_equal(read_indices(write_indices(path, [])), [])


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([4, 1, 7], [4, 1, 7]),
        ([np.int64(4), np.int64(1)], [4, 1]),
        (np.array([4.0, 1.0]), [4, 1]),
        (np.array([[4], [1]]), [4, 1]),
        (np.array([False, True, True]), [1, 2]),
        (np.uint8([200]), [200]),
    ],
)
def test_forms_of_an_index(tmp_path, value, rows):
    np.testing.assert_array_equal(read_indices(_written(tmp_path / "i.pkl", value)), rows)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (np.array([1, -2]), "row -2"),
        (np.array([1.5]), "no row"),
        (np.array([np.nan]), "no row"),
        (np.ones((2, 2), int), "2 x 2"),
    ],
)
def test_what_is_no_index(tmp_path, value, why):
    with pytest.raises(UserError, match=why):
        read_indices(_written(tmp_path / "i.pkl", value))


def test_infinite_latents_and_deep_tables_are_refused_and_missing_ones_kept(tmp_path):
    z = np.ones((3, 2), np.float32)
    z[1] = np.nan
    assert np.isnan(read_z(_written(tmp_path / "nan.pkl", z))[1]).all()
    with pytest.raises(UserError, match="row 2, column 1"):
        read_z(_written(tmp_path / "big.pkl", np.array([[1.0], [1e200]])))
    with pytest.raises(UserError, match="2 x 2 x 2"):
        read_z(_written(tmp_path / "deep.pkl", np.ones((2, 2, 2))))
    with pytest.raises(UserError, match="no file"):
        read_z(tmp_path / "absent.pkl")


def test_a_npy_that_lies_about_its_size_is_refused(tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, 2), "f4"))
    (tmp_path / "z.npy").write_bytes(stream.getvalue().replace(b"(3, 2)", b"(3, 9)"))
    with pytest.raises(UserError, match=r"cannot be read as \.npy"):
        read_z(tmp_path / "z.npy")
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    with pytest.raises(UserError, match=r"cannot be read as \.npy"):
        read_z(tmp_path / "objects.npy")
