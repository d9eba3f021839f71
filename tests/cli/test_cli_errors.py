"""A user's mistake is answered by a sentence on standard error, and status 1."""

from pathlib import Path

import numpy as np
import pytest
from command_line import PARTICLES, Conformix

WRONG = [
    ("train /nowhere", "not a job folder"),
    ("status /nowhere --follow", "not a job folder"),
    ("train JOB", "--resume"),
    ("settings cryodrgn", "dynamight"),
    ("decode JOB -o x.mrc", "--latent"),
    ("decode JOB --pc 1 --particle 2 -o x.mrc", "--latent"),
    ("decode JOB --pc 7 -o out", "1 to 6"),
    ("decode JOB --pc 0 -o out", "1 to 6"),
    ("decode JOB --pc 1 --count 0 -o out", "at least 1"),
    ("decode JOB --pc 1 -o x.mrc", "folder"),
    ("decode JOB --latent 1,2 -o x.mrc", "6 numbers"),
    ("decode JOB --latent 1,two -o x.mrc", "numbers"),
    ("decode JOB --latent nan,0,0,0,0,0 -o x.mrc", "finite"),
    ("decode JOB --particle 300 -o x.mrc", "0 to 299"),
    ("decode JOB --particle -1 -o x.mrc", "0 to 299"),
    ("decode JOB --particle 0 --epoch 99 -o x.mrc", "99"),
    ("decode JOB --particle 0 --epoch last-but-one -o x.mrc", "best"),
    ("decode JOB --path nothing.txt -o out", "nothing.txt"),
    ("select JOB --name a", "--indices"),
    ("select JOB --name a --column rlnDefocusU", "--min"),
    ("select JOB --name a --column rlnDefocusX --min 1", "rlnDefocusU"),
    ("select JOB --name a --column rlnMicrographName --min 1", "does not hold numbers"),
    ("select JOB --name a --column rlnDefocusU --min 1e9", "No particle"),
    ("select JOB --name a --column latent7 --min 1", "latent 6 of half 2"),
    ("select JOB --name a --column latent2 --min 1", "nothing to do with each other"),
    ("select JOB --name a/b --column rlnDefocusU --min 1", "a/b"),
    ("select JOB --name a --indices nothing.npy", "nothing.npy"),
    ("export JOB --selection open -o open.star", "'open'"),
    ("reconstruct JOB --selection open", "'open'"),
    ("new new --particles nothing.star --consensus nothing.mrc", "nothing.star"),
    ("new new --particles nothing.star --set epochs", "key=value"),
    ("new new --particles nothing.star --set epochs=many", "epochs"),
    ("new new --particles nothing.star --set epoch=3", "epochs"),
    ("new new --particles nothing.star --preset slow", "quick"),
    ("new new --particles nothing.star --method cryodrgn", "dynamight"),
    ("simulate nothing out", "adk"),
    ("simulate adk out --box 33", "even"),
    ("open nothing.star", "nothing.star"),
]


@pytest.mark.parametrize(("line", "answer"), WRONG, ids=[line for line, _ in WRONG])
def test_mistake(
    line: str,
    answer: str,
    conformix: Conformix,
    trained_once: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [str(trained_once) if word == "JOB" else word for word in line.split()]
    before = sorted(trained_once.rglob("*"))
    status, out, err = conformix(*words)
    assert status == 1
    assert answer in err
    assert out == ""
    assert sorted(tmp_path.iterdir()) == []
    assert sorted(trained_once.rglob("*")) == before


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        (np.array([0, PARTICLES]), f"row {PARTICLES}"),
        (np.array([-1]), "row -1"),
        (np.array([0.5]), "whole numbers"),
        (np.zeros(PARTICLES - 1, bool), "shape"),
        (np.zeros(PARTICLES, bool), "No particle"),
        (np.array([{}]), "cannot be read"),
    ],
)
def test_wrong_rows(
    values: np.ndarray, answer: str, conformix: Conformix, trained_once: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "rows.npy", values)
    status, _, err = conformix(
        "select", trained_once, "--name", "a", "--indices", tmp_path / "rows.npy"
    )
    assert status == 1
    assert answer in err


def test_export_replaces_only_when_told(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    conformix("select", trained, "--name", "a", "--column", "rlnDefocusU", "--min", 0)
    target = tmp_path / "a.npy"
    arguments = ("export", trained, "--selection", "a", "-o", target)
    assert conformix(*arguments).status == 0
    written = target.stat().st_mtime_ns
    assert conformix(*arguments).status == 1
    assert target.stat().st_mtime_ns == written
    assert conformix(*arguments, "--overwrite").status == 0


def test_no_display(
    conformix: Conformix, trained_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    status, _, err = conformix("open", trained_once)
    assert status == 1
    assert "DISPLAY" in err
    assert "conformix status" in err
