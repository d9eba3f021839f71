"""`conformix particles`: a sheet to look at, a stack, and sentences on what is wrong."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from command_line import PARTICLES, Conformix
from PIL import Image

from napari_conformix.analysis.selections import Selection
from napari_conformix.jobs import Job


def test_a_sheet_of_a_selection(trained: Path, tmp_path: Path, conformix: Conformix) -> None:
    chosen = np.arange(40, 60)
    Job.open(trained).save_selection(Selection("some", chosen, PARTICLES, ()))
    for seed in (0, 1):
        sheet = tmp_path / f"sheet{seed}.png"
        done = conformix("particles", trained, "--selection", "some", "--seed", seed, "-o", sheet)
        assert (done.status, done.err) == (0, "")
        assert str(sheet) in done.out
        assert "Image and projection correlate by" in done.out
    first, second = (np.asarray(Image.open(tmp_path / f"sheet{s}.png")) for s in (0, 1))
    assert first.shape[0] > 500
    assert first.shape[1] > 900
    assert not np.array_equal(first[-500:], second[-500:])


def test_a_stack_of_rows_in_the_order_asked(
    trained_once: Path, tmp_path: Path, conformix: Conformix
) -> None:
    stack = tmp_path / "some.mrcs"
    arguments = ("particles", trained_once, "-o", stack, "--low-pass", 0)
    assert conformix(*arguments, "--rows", "7,3").status == 0
    white = mrcfile.read(stack)
    images = mrcfile.read(Job.open(trained_once).particles.stacks[0])
    assert white.shape == (4, 32, 32)
    for place, row in ((0, 7), (2, 3)):
        assert np.corrcoef(white[place].ravel(), images[row].ravel())[0, 1] > 0.9999
        assert np.corrcoef(white[place + 1].ravel(), images[row].ravel())[0, 1] > 0.2
    assert conformix(*arguments, "--rows", "7,3", "--black", "--overwrite").status == 0
    np.testing.assert_allclose(mrcfile.read(stack), -white, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "x.jpg"), "must end with .png"),
        (("-o", "x.png", "--rows", "1,two"), "whole numbers"),
        (("-o", "x.png", "--rows", "1,9999"), "no particle 9999"),
        (("-o", "x.png", "--count", 0), "0 pictures"),
        (("-o", "x.png", "--count", 1000), "1 to 200"),
        (("-o", "x.png", "--selection", "none"), "none"),
        (("-o", "x.png", "--rows", "1", "--selection", "none"), "not both"),
        (("-o", "nowhere/x.png"), "no folder"),
        (("-o", "x.png", "--low-pass", "-3"), "low-pass"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    trained_once: Path,
    tmp_path: Path,
    conformix: Conformix,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[object, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = conformix("particles", trained_once, *arguments)
    assert done.status == 1
    assert said in done.err
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("x*"))


def test_an_untrained_job_shows_its_images(
    untrained: Path, tmp_path: Path, conformix: Conformix
) -> None:
    done = conformix("particles", untrained, "-o", tmp_path / "images.mrcs", "--count", 3)
    assert done.status == 0, done.err
    assert "no latents yet" in done.out
    assert mrcfile.read(tmp_path / "images.mrcs").shape == (3, 32, 32)


def test_displacement_between_two_states_is_that_of_two_particles(trained_once: Path) -> None:
    job = Job.open(trained_once)
    table = job.latents()
    a, b = np.flatnonzero((table.half == 1) & ~table.validation)[:2]
    between = job.deformation_between_states(table.mean[a], 1, table.mean[b], 1)
    np.testing.assert_allclose(
        between.displacement, job.deformation_between(int(a), int(b)).displacement, atol=1e-5
    )
    assert between.sentence().startswith("From A to B: moves by")
    other = int(np.flatnonzero((table.half == 2) & ~table.validation)[0])
    across = job.deformation_between_states(table.mean[a], 1, table.mean[other], 2)
    np.testing.assert_allclose(
        across.displacement, job.deformation_between(int(a), other).displacement, atol=1e-5
    )
