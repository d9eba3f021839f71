"""`compare`: two jobs of the same particles, side by side in figures."""

import shutil
from pathlib import Path

import numpy as np
import starfile
from command_line import PARTICLES, Conformix

from napari_conformix.jobs import Job
from napari_conformix.jobs.comparison import compare_jobs, match_jobs, positions, titles
from napari_conformix.particles import read_particles
from napari_conformix.training.latent_table import LatentTable


def job_of(trained: Path, folder: Path, rows: np.ndarray) -> Job:
    """The same run as if it had been of these rows only: its latents and file are theirs."""
    shutil.copytree(trained, folder)
    job = Job.open(trained)
    table = job.latents()
    star = folder.parent / f"{folder.name}.star"
    blocks = starfile.read(job.particles.source.path)
    blocks["particles"] = blocks["particles"].iloc[rows]
    stacks = job.particles.source.path.parent
    names = blocks["particles"]["rlnImageName"]
    blocks["particles"]["rlnImageName"] = [
        f"{name.partition('@')[0]}@{stacks / name.partition('@')[2]}" for name in names
    ]
    starfile.write(blocks, star)
    LatentTable(
        table.mean[rows], table.std[rows], table.half[rows], table.validation[rows], table.epoch,
        None if table.motion is None else table.motion[rows], table.motion_unit,
    ).save(folder / "latents.npz")  # fmt: skip
    (folder / "split.npz").unlink()
    text = (folder / "job.toml").read_text()
    (folder / "job.toml").write_text(text.replace(str(job.spec.inputs.particles), str(star)))
    return Job.open(folder)


def test_a_job_and_a_shuffled_part_of_it(
    conformix: Conformix, trained_once: Path, tmp_path: Path
) -> None:
    rows = np.random.default_rng(0).permutation(PARTICLES)[:200]
    other = job_of(trained_once, tmp_path / "part", rows)
    done = conformix("compare", trained_once, other.folder, "--clusters", 4)
    assert done.status == 0, done.err
    first, *lines = done.out.splitlines()
    assert first == f"200 of {PARTICLES} particles are in both. The rows are in another order."
    assert lines[0].startswith("Where a particle lies in DynaMight job predicts 100 %"), lines[0]
    assert "canonical correlations 1.00" in lines[1]
    assert lines[-1].startswith("Groups by k-means (4) of DynaMight job and by k-means (4) of")


def test_stored_clusters_are_the_groups_that_are_compared(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "other")
    for folder in (trained, tmp_path / "other"):
        Job.open(folder).cluster(3)
    done = conformix("compare", trained, tmp_path / "other")
    assert done.status == 0, done.err
    (line,) = [line for line in done.out.splitlines() if line.startswith("Groups")]
    assert "Groups 'kmeans3' of DynaMight job and 'kmeans3' of DynaMight other" in line
    assert f"adjusted Rand index 1.00 of {PARTICLES} particles" in line


def test_copies_of_an_image_do_not_vouch_for_themselves(
    trained_once: Path, tmp_path: Path, monkeypatch
) -> None:
    """Positions drawn at random for every image, the same for its copies: nothing can be told."""
    images = 150
    rows = np.tile(np.arange(images), 4)
    jobs = [job_of(trained_once, tmp_path / name, rows) for name in ("a", "b")]
    for seed, job in enumerate(jobs):
        table = job.latents()
        drawn = np.random.default_rng(seed).normal(size=(images, 3)).astype(np.float32)
        LatentTable(
            table.mean, table.std, table.half, table.validation, table.epoch, drawn[rows], "A"
        ).save(job.folder / "latents.npz")
    comparison = compare_jobs(*jobs)
    assert comparison is not None
    assert comparison.matching.copies == (4, 4)
    (part,) = comparison.parts
    assert part.found is not None
    assert part.found.particles == images
    assert part.found.level == "none"


def test_wrong_folders_are_sentences(
    conformix: Conformix, trained_once: Path, untrained: Path, tmp_path: Path
) -> None:
    itself = conformix("compare", trained_once, trained_once)
    assert itself.status == 1
    assert "is the job itself" in itself.err
    nothing = conformix("compare", trained_once, tmp_path)
    assert nothing.status == 1
    assert "is not a job folder" in nothing.err
    new = conformix("compare", trained_once, untrained)
    assert new.status == 1
    assert "train the job" in new.err
    assert conformix("compare", trained_once, untrained, "--clusters", 1).status == 1


def test_stacks_of_the_same_name_with_other_images_are_seen_through(
    data: Path, tmp_path: Path
) -> None:
    shutil.copytree(data, tmp_path / "copy")
    this = read_particles(data / "particles.star")
    same = match_jobs(this, read_particles(tmp_path / "copy" / "particles.star"))
    assert same.identical
    assert same.caution == ""
    stack = tmp_path / "copy" / "particles.mrcs"
    size = stack.stat().st_size - 1024
    noise = np.random.default_rng(1).normal(size=size // 4).astype("<f4")
    stack.write_bytes(stack.read_bytes()[:1024] + noise.tobytes())
    other = match_jobs(this, read_particles(tmp_path / "copy" / "particles.star"))
    assert "images themselves are others (correlation 0.0" in other.caution
    assert "hold other particles" in other.sentence()


def test_halves_without_common_coordinates_are_compared_one_by_one(trained_once: Path) -> None:
    table = Job.open(trained_once).latents()
    without = LatentTable(table.mean, table.std, table.half, table.validation, table.epoch)
    parts = positions(without)
    assert [part.of for part in parts] == [" (half 1)", " (half 2)"]
    for half, part in enumerate(parts, start=1):
        known = np.isfinite(part.values).all(axis=1)
        assert np.array_equal(known, table.half == half)
    one = LatentTable(
        table.mean, table.std, np.zeros_like(table.half), table.validation, table.epoch
    )
    assert [part.of for part in positions(one)] == [""]


def test_names_tell_jobs_of_the_same_folder_name_apart(trained_once: Path, tmp_path: Path) -> None:
    folders = [tmp_path / project / "run1" for project in ("apo", "holo")]
    for folder in folders:
        shutil.copytree(trained_once, folder)
    first, second = titles(*(Job.open(folder) for folder in folders))
    assert first == "DynaMight apo/run1"
    assert second == "DynaMight holo/run1"
