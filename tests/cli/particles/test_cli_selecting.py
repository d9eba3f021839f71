"""`select` in views, by saved selections and by replay; `new --from`: a job of a selection."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import starfile
from command_line import PARTICLES, Conformix

from napari_conformix.analysis.spaces import UmapParameters
from napari_conformix.analysis.spaces.umap_process import cache_key, read_rows, write_result
from napari_conformix.jobs import Job
from napari_conformix.particles.latents import read_indices


def rows(job: Path, name: str) -> set[int]:
    return set(Job.open(job).selection(name).rows.tolist())


def test_places_in_a_map(conformix: Conformix, trained: Path) -> None:
    xy = Job.open(trained).latents().motion[:, :2]
    x, y = np.median(xy, axis=0)
    done = conformix("select", trained, "--nearest", 20, "--at", f"{x},{y}", "--name", "near")
    assert done.status == 0, done.err
    order = np.argsort(np.hypot(*(xy - [x, y]).T))
    assert rows(trained, "near") == set(order[:20].tolist())
    assert Job.open(trained).selection("near").how[0]["count"] == 20
    low, high = xy.min(axis=0) - 1, xy.max(axis=0) + 1
    corners = f"{low[0]},{low[1]} {x},{low[1]} {x},{high[1]} {low[0]},{high[1]}"
    done = conformix("select", trained, "--polygon", corners, "--map", "motion", "--name", "left")
    assert done.status == 0, done.err
    assert rows(trained, "left") == set(np.flatnonzero(xy[:, 0] < np.float32(x)).tolist())


def test_places_in_a_umap_and_in_a_map_of_two_columns(conformix: Conformix, trained: Path) -> None:
    xy = Job.open(trained).latents().motion[:, :2]
    parameters = UmapParameters(array="motion")
    values = read_rows(trained / "latents.npz", parameters)
    out = trained / "umap" / f"{parameters.name}.npz"  # as if UMAP had left the motions as they are
    write_result(out, values[:, :2], cache_key(values, parameters), parameters)
    low, high, middle = xy.min(axis=0) - 1, xy.max(axis=0) + 1, np.median(xy[:, 0])
    corners = f"{low[0]},{low[1]} {middle},{low[1]} {middle},{high[1]} {low[0]},{high[1]}"
    wanted = set(np.flatnonzero(xy[:, 0] < middle).tolist())
    for name, where in (
        ("laid out", ("--view", "umap motion")),
        ("columns", ("--view", "columns", "--axes", "motion 1,motion 2")),
    ):
        done = conformix("select", trained, "--polygon", corners, *where, "--name", name)
        assert done.status == 0, done.err
        assert rows(trained, name) == wanted
    step = Job.open(trained).selection("laid out").how[0]
    assert step["embedding"] == "umap motion_n15_d0.1"
    done = conformix(
        "select", trained, "--replay", "laid out", "--from", trained, "--name", "again"
    )
    assert done.status == 0, done.err
    assert rows(trained, "again") == wanted


def test_saved_selections_are_combined(conformix: Conformix, trained: Path) -> None:
    np.savetxt(trained / "a.txt", np.arange(0, 40), fmt="%d")
    np.savetxt(trained / "b.txt", np.arange(30, 60), fmt="%d")
    for name in "ab":
        command = ("select", trained, "--indices", trained / f"{name}.txt", "--name", name)
        assert conformix(*command).status == 0
    for option, wanted in (
        ("--add-to", range(60)),
        ("--remove-from", range(30)),
        ("--intersect-with", range(30, 40)),
    ):
        done = conformix(
            "select", trained, "--saved", "b", option, "a", "--name", "c", "--overwrite"
        )
        assert done.status == 0, done.err
        assert rows(trained, "c") == set(wanted)
    kinds = [(step["action"], step["kind"]) for step in Job.open(trained).selection("c").how]
    assert kinds == [("replace", "saved"), ("intersect", "saved")]
    target = trained / "c.pkl"
    assert conformix("export", trained, "--selection", "c", "-o", target).status == 0
    assert read_indices(target).tolist() == list(range(30, 40))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--nearest 5", "--at"),
        ("--nearest 0 --at 0,0", "at least 1"),
        ("--nearest 5 --at 0", "x,y"),
        ("--at 0,0 --saved a", "--nearest COUNT"),
        ("--polygon 0,0", "three or more"),
        ("--polygon nan,0,1", "x,y"),
        ("--nearest 5 --at 0,0 --view pca0", "'pca1' (Principal components of half 1)"),
        ("--nearest 5 --at 0,0 --axes 1,99", "axes 1 to"),
        ("--nearest 5 --at 0,0 --axes 1", "two numbers"),
        ("--saved nothing", "no selection 'nothing'"),
        ("--replay up", "--from JOB"),
        ("--from JOB --saved a", "--replay NAME"),
        ("--column rlnDefocusU --min 1 --add-to a --remove-from a", "one of --add-to"),
        ("--column rlnDefocusU --min 1 --nearest 5", "Give one of"),
    ],
)
def test_mistakes(arguments: str, told: str, conformix: Conformix, trained_once: Path) -> None:
    words = [str(trained_once) if word == "JOB" else word for word in arguments.split()]
    done = conformix("select", trained_once, "--name", "x", *words)
    assert done.status == 1
    assert told in done.err
    assert Job.open(trained_once).selections() == []


def test_a_selection_is_replayed_in_another_job(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(trained, tmp_path / "other"))
    limit = float(np.median(Job.open(trained).latents().motion[:, 0]))
    assert conformix(
        "select", trained, "--column", "motion 1", "--min", limit, "--name", "up"
    ).status == 0  # fmt: skip
    done = conformix("select", other, "--replay", "up", "--from", trained, "--name", "again")
    assert done.status == 0, done.err
    assert rows(other, "again") == rows(trained, "up")
    assert "Jaccard index 1.00" in done.out
    assert "Motion 1 places the particles as it did" in done.out
    done = conformix("select", other, "--same-as", "up", "--from", trained, "--name", "same")
    assert rows(other, "same") == rows(trained, "up")
    assert f"{len(rows(trained, 'up'))} of the" in done.out
    missing = conformix("select", other, "--replay", "no", "--from", trained, "--name", "x")
    assert "no selection 'no'" in missing.err


def test_a_job_of_a_selection_is_made_and_trained(
    conformix: Conformix, trained: Path, data: Path, tmp_path: Path
) -> None:
    assert conformix(
        "select", trained, "--column", "rlnDefocusU", "--min", 15000, "--name", "thin ice"
    ).status == 0  # fmt: skip
    new = tmp_path / "far" / "new"
    arguments = ("new", new, "--from", trained, "--selection", "thin ice")
    done = conformix(*arguments, "--set", "epochs=2")
    assert done.status == 0, done.err
    chosen = rows(trained, "thin ice")
    assert f"dynamight, {len(chosen)} particles" in done.out
    table = starfile.read(new / "particles.star")["particles"]
    before = starfile.read(data / "particles.star")["particles"]
    expected = before.iloc[sorted(chosen)].rlnImageName.to_list()
    assert table.rlnImageName.to_list() == expected
    again = conformix(*arguments)
    assert again.status == 1
    assert "not empty" in again.err
    assert conformix("train", new, "--device", "cpu").status == 0
    job = Job.open(new)
    assert job.state == "finished"
    assert job.latents().epoch == 2
    assert 100 < len(job.latents()) == len(chosen) < PARTICLES


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("", "--particles FILE"),
        ("--from JOB", "belong together"),
        ("--selection a", "belong together"),
        ("--from JOB --selection a --particles x.star --method opusdsd", "--particles, --method"),
        ("--from JOB --selection a", "no selection 'a'"),
    ],
)
def test_mistakes_with_new(
    arguments: str, told: str, conformix: Conformix, trained_once: Path, tmp_path: Path
) -> None:
    words = [str(trained_once) if word == "JOB" else word for word in arguments.split()]
    done = conformix("new", tmp_path / "new", *words)
    assert done.status == 1
    assert told in done.err
    assert not (tmp_path / "new").exists()
