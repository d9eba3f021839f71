"""Job folders that earlier versions have made (scripts/make_old_jobs.py), unpacked for a test."""

import os
import tarfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "old_jobs"
ARCHIVES = sorted(FOLDER.glob("*.tar.xz"))
#: what the archive says where files name each other by the folder that it is unpacked to
ROOT = "@ROOT@"
_TEXT = (".toml", ".json", ".jsonl", ".html", ".csv")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack into a new folder, and let what is there name it; times of files stay."""
    folder.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    rename(folder, ROOT, str(folder))
    return folder


def rename(folder: Path, old: str, new: str) -> None:
    """Replace a word in all files of text."""
    for path in folder.rglob("*"):
        if path.suffix in _TEXT and old in (text := path.read_text()):
            status = path.stat()
            path.write_text(text.replace(old, new))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
