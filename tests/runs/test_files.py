import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

import napari_conformix
from napari_conformix.errors import UserError
from napari_conformix.runs import (
    atomic_npz,
    atomic_path,
    atomic_write,
    is_disk_full,
    remove_leftovers,
    remove_leftovers_of,
    temporary_name,
    whole_file,
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


FOLDERS = [".", "checkpoints", "selections", "latents", "analysis", "clusters/kmeans6", "paths"]


def _killed_writer(folder):
    """The name under which a process that is gone was writing a file there."""
    code = (
        "import sys, pathlib; from napari_conformix.runs import temporary_name; "
        "name = temporary_name(pathlib.Path(sys.argv[1])); name.write_bytes(b'half'); print(name)"
    )
    command = [sys.executable, "-c", code, str(folder / "z.npz")]
    return Path(subprocess.check_output(command, text=True).strip())


def test_leftovers_are_removed_wherever_they_are_and_whoever_wrote_them(tmp_path):
    dead = _killed_writer(tmp_path)
    for name in FOLDERS:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kept.npz").touch()
        for left in (dead.name, ".latents.partial-0123abcd.npz", ".report.html.x3_b7kqa.tmp"):
            (folder / left).touch()
            os.utime(folder / left, (0, 0))
    remove_leftovers(tmp_path)
    found = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["kept.npz"] * len(FOLDERS)


def test_what_is_being_written_stays(tmp_path):
    with atomic_path(tmp_path / "a.npz") as temporary:
        temporary.write_bytes(b"half")
        (tmp_path / ".report.html.x3_b7kqa.tmp").touch()  # a window of an earlier version, just now
        remove_leftovers(tmp_path)
        assert temporary.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".report.html.x3_b7kqa.tmp",
        "a.npz",
    ]


def test_what_another_host_is_writing_stays_for_a_day(tmp_path, monkeypatch):
    mine = temporary_name(tmp_path / "a.npz")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "another host")
        theirs = temporary_name(tmp_path / "a.npz")
    assert mine.name.split("-")[1] != theirs.name.split("-")[1]
    theirs.touch()
    remove_leftovers(tmp_path)
    assert theirs.exists()
    os.utime(theirs, (0, 0))
    remove_leftovers(tmp_path)
    assert not theirs.exists()


def test_what_another_host_began_goes_at_once_where_only_the_run_writes(tmp_path, monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "another host")
        theirs = temporary_name(tmp_path / "images.npy")
    theirs.touch()
    with atomic_path(tmp_path / "a.npz") as mine:
        mine.write_bytes(b"half")
        remove_leftovers(tmp_path, alone=True)
        assert mine.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_a_disk_whose_clock_is_behind_makes_no_leftover(tmp_path):
    began = psutil.Process().create_time()
    with atomic_path(tmp_path / "a.npz") as temporary:
        temporary.write_bytes(b"half")
        os.utime(temporary, (began - 30, began - 30))
        remove_leftovers(tmp_path)
        assert temporary.exists()


#: of versions that named what they were writing in other ways
EARLIER = [
    "selections/.open.4711",
    "umap/.motion_n15_d0.1.npz.4711",
    "reconstruction/all/.run_fsc.part.star",
    "reconstruction/all/.plain_fsc.part.csv",
    "movies/.maps.partial-x_y1z2a9",
]


@pytest.mark.parametrize("name", EARLIER)
@pytest.mark.parametrize("folder", [False, True])
def test_other_names_of_earlier_versions_are_removed_when_they_are_old(tmp_path, name, folder):
    left = tmp_path / name
    left.parent.mkdir(parents=True)
    if folder:
        left.mkdir()
    else:
        left.touch()
    remove_leftovers(tmp_path)
    assert left.exists()  # an earlier version may be writing it
    os.utime(left, (0, 0))
    remove_leftovers(tmp_path)
    assert not left.exists()


@pytest.mark.parametrize("name", ["paths/.bashrc.1", ".trainer.guard", "maps/x.partial-0123abcd"])
def test_what_is_no_temporary_file_stays(tmp_path, name):
    kept = tmp_path / name
    kept.parent.mkdir(exist_ok=True)
    kept.touch()
    os.utime(kept, (0, 0))
    remove_leftovers(tmp_path, alone=True)
    assert kept.exists()


def test_leftovers_of_one_file(tmp_path):
    dead, other = _killed_writer(tmp_path), _killed_writer(tmp_path)
    other = other.rename(other.with_name(other.name.replace(".z.", ".y.")))
    with atomic_path(tmp_path / "z.npz") as mine:
        mine.touch()
        remove_leftovers_of(tmp_path / "z.npz")
        assert mine.exists()
    assert not dead.exists()
    assert other.exists()


@pytest.mark.parametrize("stem", ["n" * 250, "\N{ANGSTROM SIGN}" * 83, "n"])
def test_a_long_name_can_be_written(tmp_path, stem):
    atomic_write(tmp_path / f"{stem}.star", b"data_")
    assert [path.name for path in tmp_path.iterdir()] == [f"{stem}.star"]


def test_links_are_not_followed_to_leftovers(tmp_path):
    outside, job = tmp_path / "outside", tmp_path / "job"
    outside.mkdir()
    job.mkdir()
    (outside / ".images.partial-0123abcd.npy").touch()
    (job / "latents").symlink_to(outside)
    remove_leftovers(job)
    assert (outside / ".images.partial-0123abcd.npy").exists()


def test_a_person_is_told_why_a_file_cannot_be_written(tmp_path):
    wrong = pytest.raises(UserError, match=r"Cannot write .*no/a.star: No such file or directory")
    with wrong, whole_file(tmp_path / "no" / "a.star"):
        pass
    mask = os.umask(0)
    os.umask(mask)
    with whole_file(tmp_path / "a.star") as temporary:
        temporary.write_text("data_")
    assert (tmp_path / "a.star").stat().st_mode & 0o777 == 0o666 & ~mask


#: who puts a whole folder, or the files of one, in place
OF_FOLDERS = {
    "export/map_series.py",
    "jobs/clusters/clusters.py",
    "jobs/folder/importing.py",
    "simulation/dataset.py",
}


def test_whole_files_are_written_in_one_place():
    source = Path(napari_conformix.__file__).parent
    wrong = {
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if re.search(r"\bos\.re(place|name)\(|\bmkstemp\(", path.read_text(encoding="utf-8"))
    }
    assert wrong - OF_FOLDERS == {"runs/files.py"}


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
