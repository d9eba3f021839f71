"""`decode`, `select` and `export` on a trained job."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from command_line import PARTICLES, Conformix

from napari_conformix import particles
from napari_conformix.jobs import Job


def volume(path: Path) -> np.ndarray:
    with mrcfile.open(path) as mrc:
        assert mrc.voxel_size.x == pytest.approx(Job.open(path.parents[1] / "job").spec.grids.
                                                 pixel_size_angstrom)  # fmt: skip
        return np.array(mrc.data)


def test_decode_a_latent_given_in_numbers(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    z = [-0.5, 0.25, 0, 1e-3, 2, 0]
    target = tmp_path / "out" / "z.mrc"
    done = conformix(
        "decode", trained, "--latent", ",".join(map(str, z)), "--half", 2, "-o", target
    )
    assert done.status == 0, done.err
    job = Job.open(trained)
    np.testing.assert_array_equal(volume(target), job.decode(z, half=2))
    assert not np.array_equal(volume(target), job.decode(z, half=1))


def test_decode_a_particle_by_the_model_of_its_own_half(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    table = Job.open(trained).latents()
    for half in (1, 2):
        row = int(np.flatnonzero(table.half == half)[-1])
        target = tmp_path / "out" / f"{half}.mrc"
        arguments = ("decode", trained, "--particle", row, "-o", target)
        assert conformix(*arguments).status == 0
        expected = Job.open(trained).decode(table.mean[row], half=half)
        np.testing.assert_array_equal(volume(target), expected)
        assert conformix(*arguments, "--half", 3 - half).status == 1


def test_decode_along_a_component(conformix: Conformix, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    done = conformix("decode", trained, "--pc", 2, "--count", 4, "--half", 2, "-o", folder)
    assert done.status == 0, done.err
    job = Job.open(trained)
    table = job.latents()
    mine = table.mean[table.half == 2].astype(np.float64)
    _, _, axes = np.linalg.svd(mine - mine.mean(axis=0), full_matrices=False)
    latents = np.loadtxt(folder / "latents.txt")
    offsets = (latents - mine.mean(axis=0)) @ axes.T
    np.testing.assert_allclose(np.delete(offsets, 1, axis=1), 0, atol=1e-5)
    spread = np.percentile((mine - mine.mean(axis=0)) @ axes[1], [5, 95])
    along = np.sort(offsets[:, 1])  # either direction: a component has no sign
    np.testing.assert_allclose(along, np.linspace(*spread, 4), rtol=1e-3, atol=1e-5)
    for i in range(4):
        decoded = job.decode(latents[i], half=2)
        np.testing.assert_allclose(volume(folder / f"volume_{i:03d}.mrc"), decoded, atol=1e-4)
    assert len(list(folder.glob("*.mrc"))) == 4


@pytest.mark.parametrize("kind", ["text", "commas", "npy", "one"])
def test_decode_latents_of_a_file(
    kind: str, conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    latents = np.array([[0, 1, 2, 3, 4, 5], [0.5, 0, 0, 0, 0, -1]], np.float32)
    path = tmp_path / ("path.npy" if kind in ("npy", "one") else "path.txt")
    if kind == "text":
        np.savetxt(path, latents)
    elif kind == "commas":
        np.savetxt(path, latents, delimiter=", ", header="a line a map")
    else:
        np.save(path, latents[0] if kind == "one" else latents)
    expected = latents[:1] if kind == "one" else latents
    folder = tmp_path / "out"
    done = conformix("decode", trained, "--path", path, "-o", folder)
    assert done.status == 0, done.err
    files = sorted(folder.glob("*.mrc"))
    assert len(files) == len(expected)
    for file, z in zip(files, expected, strict=True):
        np.testing.assert_array_equal(volume(file), Job.open(trained).decode(z, half=1))


def test_decode_another_epoch(conformix: Conformix, trained: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "first.mrc"
    z = "1,1,1,1,1,1"
    arguments = ("decode", trained, "--latent", z, "-o", target)
    assert conformix(*arguments, "--epoch", 1).status == 0
    first = volume(target)
    assert conformix(*arguments, "--epoch", "best", "--overwrite").status == 0
    np.testing.assert_array_equal(first, Job.open(trained).decode(np.ones(6), 1, epoch=1))
    np.testing.assert_array_equal(
        volume(target), Job.open(trained).decode(np.ones(6), 1, epoch="best")
    )


def test_a_particle_is_decoded_with_its_latent_of_that_epoch(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    """A latent of the last epoch would mean something else to the model of an earlier one."""
    job = Job.open(trained)
    earlier = job.latents(epoch=1)
    row = int(np.flatnonzero(earlier.half == 1)[-1])
    target = tmp_path / "out" / "first.mrc"
    arguments = ("decode", trained, "--particle", row, "-o", target, "--epoch")
    assert conformix(*arguments, 1).status == 0
    np.testing.assert_array_equal(volume(target), job.decode(earlier.mean[row], 1, epoch=1))
    (trained / "latents" / "epoch_0001.npz").unlink()
    done = conformix(*arguments, 1, "--overwrite")
    assert done.status == 1
    assert "latents of epoch 1 are not kept" in done.err


def test_maps_are_not_replaced_unasked(conformix: Conformix, trained: Path, tmp_path: Path) -> None:
    one = ("decode", trained, "--latent", "1,1,1,1,1,1", "-o", tmp_path / "out" / "one.mrc")
    several = ("decode", trained, "--pc", 1, "-o", tmp_path / "out" / "series")
    assert "By the model of half 1" in conformix(*one).err
    assert conformix(*several, "--count", 4).status == 0
    before = {file: file.read_bytes() for file in (tmp_path / "out").rglob("*.*")}
    assert len(before) == 6
    for arguments in ((*one, "--half", 2), (*several, "--count", 2, "--half", 2)):
        refused = conformix(*arguments)
        assert refused.status == 1
        assert "--overwrite" in refused.err
    assert all(file.read_bytes() == content for file, content in before.items())
    assert conformix(*one, "--half", 2, "--overwrite").status == 0
    assert conformix(*several, "--count", 2, "--half", 2, "--overwrite").status == 0
    left = sorted((tmp_path / "out" / "series").iterdir())
    # nothing of the longer series stays next to the new one
    assert [file.name for file in left] == ["latents.txt", "volume_000.mrc", "volume_001.mrc"]
    assert all(file.read_bytes() != before[file] for file in left)


def test_a_selection_is_not_replaced_unasked(conformix: Conformix, trained: Path) -> None:
    arguments = ("select", trained, "--name", "few", "--column", "rlnDefocusU", "--min")
    assert conformix(*arguments, 0).status == 0
    refused = conformix(*arguments, 15000)
    assert refused.status == 1
    assert "'few' already" in refused.err
    assert len(Job.open(trained).selection("few")) == PARTICLES
    assert conformix(*arguments, 15000, "--overwrite").status == 0
    assert len(Job.open(trained).selection("few")) < PARTICLES


def test_results_of_an_atomic_model_say_that_they_are_biased(
    conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    spec = trained / "job.toml"
    spec.write_text(spec.read_text() + 'atomic_model = "/models/fitted.cif"\n')
    (tmp_path / "rows.txt").write_text("0 1 2")
    assert conformix(
        "select", trained, "--name", "few", "--indices", tmp_path / "rows.txt"
    ).status == 0  # fmt: skip
    for arguments in (
        ("status", trained),
        ("decode", trained, "--particle", 0, "-o", tmp_path / "out" / "one.mrc"),
        ("export", trained, "--selection", "few", "-o", tmp_path / "few.star"),
        ("domains", trained, "--bodies", 2),
        ("reconstruct", trained, "--plain", "--selection", "few"),
    ):
        done = conformix(*arguments)
        assert done.status == 0, done.err
        assert "Model-biased" in done.out, arguments
        assert "fitted.cif" in done.out


def test_a_range_of_a_column_round_trips_to_a_star(
    conformix: Conformix, trained: Path, data: Path, tmp_path: Path
) -> None:
    table = starfile.read(data / "particles.star")["particles"]
    low, high = np.percentile(table.rlnDefocusU, [30, 60])
    selected = conformix(
        "select", trained, "--name", "middle", "--column", "rlnDefocusU",
        "--min", low, "--max", high,
    )  # fmt: skip
    assert selected.status == 0, selected.err
    target = tmp_path / "middle.star"
    assert conformix("export", trained, "--selection", "middle", "-o", target).status == 0
    expected = table[(table.rlnDefocusU >= low) & (table.rlnDefocusU <= high)]
    exported = starfile.read(target)["particles"]
    assert f"{len(expected)} of {PARTICLES} particles" in selected.out
    assert list(exported.columns) == list(table.columns)
    for name in table.columns:
        if name != "rlnImageName":  # may be relative to another folder
            assert list(exported[name]) == list(expected[name])
    how = Job.open(trained).selection("middle").how
    assert how == ({"action": "replace", "kind": "range", "column": "rlnDefocusU",
                    "low": low, "high": high},)  # fmt: skip


@pytest.mark.parametrize("column", ["latent2 of half 1", "motion1"])
def test_a_range_below_zero_of_the_latents(
    column: str, conformix: Conformix, trained: Path
) -> None:
    table = Job.open(trained).latents()
    assert table.motion is not None
    of_half = np.where(table.half == 1, table.mean[:, 1], np.nan)
    values = {"latent2 of half 1": of_half, "motion1": table.motion[:, 0]}[column]
    limit = float(np.nanmedian(values)) - 0.01
    done = conformix("select", trained, "--name", "low", "--column", column, "--max", limit)
    assert done.status == 0, done.err
    selection = Job.open(trained).selection("low")
    np.testing.assert_array_equal(selection.rows, np.flatnonzero(values <= limit))
    assert selection.epoch == table.epoch


@pytest.mark.parametrize("kind", ["npy", "bool", "text"])
def test_rows_of_a_file(kind: str, conformix: Conformix, trained: Path, tmp_path: Path) -> None:
    rows = np.array([7, 0, 299, 7])
    path = tmp_path / ("rows.txt" if kind == "text" else "rows.npy")
    if kind == "npy":
        np.save(path, rows)
    elif kind == "bool":
        np.save(path, np.isin(np.arange(PARTICLES), rows))
    else:
        path.write_text("7, 0\n299\n7\n")
    assert conformix("select", trained, "--name", "mine", "--indices", path).status == 0
    assert Job.open(trained).selection("mine").rows.tolist() == [0, 7, 299]
    target = tmp_path / "out.npy"
    assert conformix("export", trained, "--selection", "mine", "-o", target).status == 0
    assert np.load(target, allow_pickle=False).tolist() == [0, 7, 299]


def test_an_export_far_from_the_stacks_says_so(
    conformix: Conformix,
    trained: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "rows.txt").write_text("0\n1\n2\n")
    chosen = ("select", trained, "--indices", tmp_path / "rows.txt", "--name", "few")
    assert conformix(*chosen).status == 0
    opened = Job.open(trained).particles  # the subset must not be read a second time
    monkeypatch.setattr(particles, "read_particles", lambda *_, **__: opened)
    far = conformix("export", trained, "--selection", "few", "-o", tmp_path / "few.star")
    assert "relative to the project folder" in far.out
    near = conformix("export", trained, "--selection", "few", "-o", data / "few.star")
    (data / "few.star").unlink()
    assert "relative to the project folder" not in near.out
