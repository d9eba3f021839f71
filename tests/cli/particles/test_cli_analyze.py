"""`analyze`, `arrows` and selections by motion on a trained job."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import PARTICLES, Conformix

from napari_conformix.jobs import Job


def test_analyze_says_the_verdict_first(conformix: Conformix, trained: Path) -> None:
    done = conformix("analyze", trained)
    assert done.status == 0, done.err
    verdict = Job.open(trained).verdict()
    assert verdict is not None
    lines = done.out.splitlines()
    assert lines[0] == verdict.sentence
    assert any(line.split() == ["particles", *line.split()[1:]] for line in lines)
    assert str(trained / "analysis" / "report.html") in lines
    assert verdict.sentence in (trained / "analysis" / "report.html").read_text()
    assert len(pd.read_csv(trained / "analysis" / "particles.csv")) == PARTICLES


def test_analyze_with_clusters_saves_selections_and_maps(
    conformix: Conformix, trained: Path
) -> None:
    done = conformix("analyze", trained, "--clusters", 2)
    assert done.status == 0, done.err
    job = Job.open(trained)
    names = ["kmeans2_cluster_01", "kmeans2_cluster_02"]
    assert job.selections() == names
    assert len(job.selection(names[0])) >= len(job.selection(names[1]))
    assert (trained / "clusters" / "kmeans2" / "cluster_02.mrc").is_file()
    assert names[0] in done.out
    assert job.cluster_set("kmeans2").clustering.sentence() in done.out
    assert conformix("analyze", trained, "--clusters", 0).status == 1


def test_analyze_before_training_is_a_sentence(conformix: Conformix, untrained: Path) -> None:
    done = conformix("analyze", untrained)
    assert done.status == 1
    assert "is not there yet" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("what", ["particle", "between", "latent", "path"])
def test_arrows_of(what: str, conformix: Conformix, trained: Path, tmp_path: Path) -> None:
    job = Job.open(trained)
    table = job.latents()
    first, second = (int(row) for row in np.flatnonzero(table.half == 2)[:2])
    z = table.mean[first]
    path = tmp_path / "path.npy"
    np.save(path, table.mean[[first, second]])
    arguments, expected = {
        "particle": (("--particle", first), job.deformation(first)),
        "between": (("--between", f"{first},{second}"), job.deformation_between(first, second)),
        "latent": (
            ("--latent", ",".join(map(str, z)), "--half", 2),
            job.deformation_of(z, 2, 1),
        ),
        "path": (
            ("--path", path, "--half", 2),
            job.deformation_along(table.mean[[first, second]], 2),
        ),
    }[what]
    out = tmp_path / "a.csv"
    done = conformix("arrows", trained, *arguments, "-o", out)
    assert done.status == 0, done.err
    assert expected.sentence() in done.out
    written = pd.read_csv(out, comment="#")
    np.testing.assert_allclose(written[["dx", "dy", "dz"]], expected.displacement, atol=2e-4)
    assert conformix("arrows", trained, *arguments, "-o", out).status == 1
    assert conformix("arrows", trained, *arguments, "-o", out, "--overwrite").status == 0


def test_arrows_for_chimerax_are_thinned(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.bild"
    row = int(np.flatnonzero(Job.open(trained).latents().validation)[0])
    done = conformix("arrows", trained, "--particle", row, "-o", out, "--count", 25)
    assert done.status == 0, done.err
    lines = out.read_text().splitlines()
    assert sum(line.startswith(".sphere") for line in lines) == 25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give one of"),
        (("--particle", 1, "--between", "1,2"), "Give one of"),
        (("--particle", PARTICLES), f"rows go from 0 to {PARTICLES - 1}"),
        (("--between", "1;2"), "two rows"),
        (("--particle", 1, "--count", 0), "at least 1"),
    ],
)
def test_arrows_asked_wrongly(
    arguments: tuple[object, ...],
    message: str,
    conformix: Conformix,
    trained: Path,
    tmp_path: Path,
) -> None:
    done = conformix("arrows", trained, *arguments, "-o", tmp_path / "a.bild")
    assert done.status == 1
    assert message in done.err
    assert not (tmp_path / "a.bild").exists()


def test_arrows_need_a_known_suffix(conformix: Conformix, trained: Path, tmp_path: Path) -> None:
    done = conformix("arrows", trained, "--particle", 1, "-o", tmp_path / "a.py")
    assert (done.status, ".bild (arrows for ChimeraX) or .csv" in done.err) == (1, True)


def test_select_by_motion_and_error(conformix: Conformix, trained: Path) -> None:
    table = Job.open(trained).motion_table()
    assert table is not None
    motion, error = table.rms_displacement, table.estimated_error
    high, low = float(np.quantile(motion, 0.3)), float(np.quantile(error, 0.6))
    done = conformix(
        "select", trained, "--motion-above", high, "--error-below", low, "--name", "good"
    )
    assert done.status == 0, done.err
    chosen = Job.open(trained).selection("good")
    np.testing.assert_array_equal(chosen.rows, np.flatnonzero((motion >= high) & (error <= low)))
    assert chosen.how[0]["kind"] == "motion"
    assert chosen.how[0]["error_below"] == pytest.approx(low)
    ratio = float(np.quantile(motion / error, 0.9))
    assert conformix("select", trained, "--ratio-above", ratio, "--name", "r").status == 0
    rows = Job.open(trained).selection("r").rows
    np.testing.assert_array_equal(rows, np.flatnonzero(motion / error >= ratio))
    assert conformix("select", trained, "--error-above", low, "--name", "bad").status == 0
    assert len(Job.open(trained).selection("bad")) == np.count_nonzero(error >= low)


def test_select_that_finds_nothing_or_is_asked_twice(conformix: Conformix, trained: Path) -> None:
    done = conformix("select", trained, "--motion-above", 1e6, "--name", "none")
    assert done.status == 1
    assert "RMS motions go from" in done.err
    assert Job.open(trained).selections() == []
    both = conformix("select", trained, "--motion-above", 0, "--column", "motion1", "--name", "x")
    assert both.status == 1
    assert "Give one of" in both.err
