"""`conformix path` and `conformix landscape`, and what else takes a saved path."""

import re
from pathlib import Path

import numpy as np
from command_line import Conformix

from napari_conformix.jobs import Job


def test_a_path_is_made_listed_decoded_and_deleted(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    made = conformix("path", trained, "--pc", 1, "--name", "open", "--count", 4, "--half", 2)
    assert made.status == 0, made.err
    assert "4 steps in the latent space of half 2" in made.out
    rows = [line.split() for line in made.out.splitlines() if re.match(r" +\d+ ", line)]
    path = Job.open(trained).path("open")
    assert [int(row[3]) for row in rows] == path.support.tolist()
    np.testing.assert_allclose([float(row[2]) for row in rows], path.positions, rtol=0.01)

    assert conformix("path", trained, "--list").out.startswith("open: Path along a principal")
    again = conformix("path", trained, "--pc", 1, "--name", "open")
    assert (again.status, "already" in again.err) == (1, True)

    maps = conformix("decode", trained, "--path", "open", "-o", tmp_path / "maps")
    assert maps.status == 0, maps.err
    assert "--half chooses" not in maps.err  # the path knows its half
    written = np.loadtxt(tmp_path / "maps" / "latents.txt")
    np.testing.assert_allclose(written, path.latents, rtol=1e-5, atol=1e-6)
    assert (tmp_path / "maps" / "latents.txt").read_text().startswith("# half 2")
    wrong = conformix("decode", trained, "--path", "open", "--half", 1, "-o", tmp_path / "m")
    assert (wrong.status, "half 2" in wrong.err) == (1, True)
    missing = conformix("decode", trained, "--path", "shut", "-o", tmp_path / "m")
    assert (missing.status, "it has: open" in missing.err) == (1, True)

    arrows = conformix("arrows", trained, "--path", "open", "-o", tmp_path / "a.bild")
    assert arrows.status == 0, arrows.err

    like = conformix("path", trained, "--like", "open", "--name", "finer", "--count", 8)
    assert like.status == 0, like.err
    finer = Job.open(trained).path("finer")
    assert (len(finer), finer.half) == (8, 2)
    np.testing.assert_allclose(finer.positions[[0, -1]], path.positions[[0, -1]])

    assert conformix("path", trained, "--delete", "open").status == 0
    assert Job.open(trained).paths() == ["finer"]


def test_paths_through_points_particles_and_files(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    job = Job.open(trained)
    low, high = np.percentile(job.latents().motion[:, :2], (20, 80), axis=0)
    points = f"{low[0]},{low[1]} {high[0]},{high[1]}"
    drawn = conformix("path", trained, "--points", points, "--name", "drawn")
    assert drawn.status == 0, drawn.err
    np.testing.assert_allclose(job.path("drawn").xy[[0, -1]], [low, high], rtol=1e-4)
    rows = np.flatnonzero(job.latents().half == 2)
    graph = conformix(
        "path", trained, "--from-row", rows[0], "--to-row", rows[1], "--name", "graph"
    )
    assert graph.status == 0, graph.err
    assert job.path("graph").half == 2
    np.save(tmp_path / "z.npy", job.path("graph").latents)
    file = conformix("path", trained, "--file", tmp_path / "z.npy", "--half", 2, "--name", "f")
    assert file.status == 0, file.err
    np.testing.assert_array_equal(job.path("f").support, job.path("graph").support)


def test_wrong_input_is_answered_with_a_sentence(conformix: Conformix, trained: Path) -> None:
    def says(*arguments: object) -> str:
        outcome = conformix("path", trained, *arguments)
        assert outcome.status == 1
        assert "Traceback" not in outcome.err
        return outcome.err

    assert "Give one of" in says("--name", "a")
    assert "Give one of" in says("--name", "a", "--from-row", 3)
    assert "needs a name" in says("--pc", 1)
    assert "two numbers" in says("--name", "a", "--points", "1 2")
    assert "--axes" in says("--name", "a", "--points", "1,2 3,4", "--axes", "0,1")
    assert "no view 'pca7'" in says("--name", "a", "--points", "1,2 3,4", "--view", "pca7")
    assert "--percentiles" in says("--name", "a", "--pc", 1, "--percentiles", "5")
    assert "may not" in says("--name", "a/b", "--pc", 1)
    assert not Job.open(trained).paths()


def test_a_landscape_is_printed_and_written(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    figure = tmp_path / "landscape.svg"
    made = conformix("landscape", trained, "-o", figure)
    assert made.status == 0, made.err
    assert "not of an equilibrium" in made.out
    for suffix in (".svg", ".csv", ".npz"):
        assert str(figure.with_suffix(suffix)) in made.out
        assert figure.with_suffix(suffix).stat().st_size > 0
    again = conformix("landscape", trained, "-o", figure)
    assert (again.status, "exists" in again.err) == (1, True)
    by_view = conformix("landscape", trained, "--view", "pca2", "--axes", "2,1")
    assert by_view.status == 0, by_view.err
    # as older scripts say it
    assert conformix("landscape", trained, "--map", "pca2", "--axes", "2,1") == by_view
    for arguments, word in (
        (("-o", tmp_path / "a.jpg"), "must end in .svg"),
        (("--path", 1, 99), "no state 99"),
        (("--name", "a"), "--path 1 2"),
        (("--view", "umap motion"), "it has"),
        (("--width", -1), "width"),
    ):
        outcome = conformix("landscape", trained, *arguments)
        assert (outcome.status, word in outcome.err) == (1, True), outcome.err
