import errno
import os

import numpy as np
import pytest

from napari_conformix.runs import (
    atomic_npz,
    atomic_path,
    atomic_write,
    is_disk_full,
    remove_leftovers,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    atomic_write(path, b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught:
        atomic_write(path, b"new")
    assert is_disk_full(caught.value)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_an_interrupt_leaves_nothing(tmp_path):
    def interrupted():
        with atomic_path(tmp_path / "a.bin") as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    (tmp_path / ".images.partial-0123abcd.npy").touch()
    (tmp_path / "images.npy").touch()
    remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["images.npy"]


def test_npz_needs_no_pickle(tmp_path):
    atomic_npz(tmp_path / "a.npz", a=np.arange(3), unit=np.array("A"))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as data:
        assert data["a"].tolist() == [0, 1, 2]
        assert str(data["unit"]) == "A"


def test_a_full_disk_is_recognised_through_other_errors():
    wrapped = RuntimeError("writer")
    wrapped.__cause__ = OSError(errno.EDQUOT, "quota")
    assert is_disk_full(wrapped)
    assert not is_disk_full(OSError(errno.EIO, "broken"))
