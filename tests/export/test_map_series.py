"""A folder of maps that can be moved, and a script that fits it."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest

from napari_conformix.analysis.paths import LatentPath
from napari_conformix.errors import UserError
from napari_conformix.export import chimerax
from napari_conformix.export.map_series import write_series

BOX, PIXEL = 16, 1.37
ORIGIN, START = (-3.5, 12.25, 7.0), (-8, -8, -8)


class Decoder:
    """A job whose map of a latent is the consensus times its first number plus its second."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(4)
        self.consensus = rng.normal(0, 1, (BOX,) * 3).astype(np.float32)
        self.consensus[4:12, 5:11, 6:10] += 5
        path = folder / "run_half_map.mrc"
        with mrcfile.new(path) as mrc:
            mrc.set_data(self.consensus)
            mrc.voxel_size = PIXEL
            mrc.header.origin = ORIGIN
            mrc.nstart = START
        self.spec = SimpleNamespace(inputs=SimpleNamespace(consensus=path))
        self.asked: list[tuple[int | None, int | None]] = []

    def latents(self) -> SimpleNamespace:
        return SimpleNamespace(epoch=7)

    def decode(self, latent, half=None, epoch=None) -> np.ndarray:
        self.asked.append((half, epoch))
        return self.consensus * latent[0] + latent[1]


@pytest.fixture
def job(tmp_path: Path) -> Decoder:
    return Decoder(tmp_path)


def path_of(count: int, epoch: int = 7) -> LatentPath:
    latents = np.stack([np.linspace(0.5, 2, count), np.linspace(-1, 1, count)], axis=1)
    support = np.arange(count) % 3  # the first and every third step have no particles
    positions = np.linspace(-4, 4, count, dtype=np.float32)
    return LatentPath(
        latents.astype(np.float32),
        2,
        support.astype(np.int64),
        "motion",
        {"kind": "motion", "component": 1},
        epoch,
        None,
        positions,
        "Motion 1",
        "Å",
    )


def commands(script: Path) -> list[list[str]]:
    """The words of each command, without comments."""
    lines = script.read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_maps_are_the_decoded_ones_in_the_place_of_the_consensus(job, tmp_path: Path) -> None:
    path = path_of(5)
    written = write_series(tmp_path / "series", job, path, contour=2.5)
    assert [file.name for file in written.maps] == [f"map_00{i}.mrc" for i in range(1, 6)]
    for file, latent in zip([*written.maps, written.consensus], [*path.latents, None], strict=True):
        assert mrcfile.validate(file)
        with mrcfile.open(file) as mrc:
            wanted = job.consensus if latent is None else job.decode(latent)
            assert np.array_equal(mrc.data, wanted)  # bit for bit: never rescaled
            assert mrc.voxel_size.tolist() == pytest.approx([PIXEL] * 3, abs=1e-6)
            assert mrc.header.origin.tolist() == ORIGIN
            assert (mrc.nstart.x, mrc.nstart.y, mrc.nstart.z) == START
    assert set(job.asked[:5]) == {(2, None)}  # epoch 7 is the job's own


def test_a_path_of_another_epoch_is_decoded_by_its_model(job, tmp_path: Path) -> None:
    write_series(tmp_path / "series", job, path_of(2, epoch=3), contour=2.5)
    assert set(job.asked) == {(2, 3)}


def test_the_description_has_latents_support_and_positions(job, tmp_path: Path) -> None:
    path = path_of(4)
    written = write_series(tmp_path / "series", job, path, contour=2.5)
    described = json.loads(written.description.read_text())
    steps = described["steps"]
    assert np.array_equal(np.array([s["latent"] for s in steps], np.float32), path.latents)
    assert [s["particles_near"] for s in steps] == path.support.tolist()
    assert [s["supported"] for s in steps] == [False, True, True, False]
    assert [s["position"] for s in steps] == pytest.approx(path.positions.tolist())
    assert (described["half"], described["epoch"], described["unit"]) == (2, 7, "Å")
    assert described["contour"] == 2.5


def test_the_script_opens_what_is_there_at_one_contour_wherever_the_folder_is(
    job, tmp_path: Path
) -> None:
    contour = 0.1234567
    write_series(tmp_path / "series", job, path_of(12), contour=contour, frames_per_second=7)
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "series", moved)
    opened, levels = [], []
    for words in commands(moved / "play.cxc"):
        if words[0] == "open":
            assert not Path(words[1]).is_absolute()
            opened.append(sorted(file.name for file in moved.glob(words[1])))
        if words[0] == "volume":
            levels.append((words[1], float(option(words, "level")), option(words, "step")))
    assert opened == [["consensus.mrc"], [f"map_{i:03}.mrc" for i in range(1, 13)]]
    assert levels == [("#1", contour, "1"), ("#2", contour, "1")]
    series = next(w for w in commands(moved / "play.cxc") if w[:2] == ["open", "map_*.mrc"])
    assert option(series, "vseries") == "true"
    play = next(w for w in commands(moved / "play.cxc") if w[0] == "vseries")
    assert play[:3] == ["vseries", "play", "#2"]
    assert (option(play, "direction"), option(play, "normalize")) == ("oscillate", "false")
    assert (option(play, "maxFrameRate"), option(play, "cacheFrames")) == ("7", "12")


def test_the_script_says_which_maps_are_extrapolated(job, tmp_path: Path) -> None:
    written = write_series(tmp_path / "series", job, path_of(5), contour=1.0)
    head = [line for line in written.script.read_text().splitlines() if line.startswith("# No ")]
    assert head == ["# No particle is near these maps, they are extrapolated: 1, 4."]


def test_comments_cannot_become_commands() -> None:
    text = chimerax.play_script(
        chimerax.Series("consensus.mrc", "map_*.mrc", 2, 1.0, lines=("first; close\nall",))
    )
    assert text.splitlines()[0] == "# first, close all"
    assert all(";" not in line for line in text.splitlines())


def test_colours_are_those_of_the_scene() -> None:
    series = chimerax.Series("c.mrc", "map_*.mrc", 2, 1.0, colour=(1.0, 0.5, 0.0))
    assert "color #ff8000" in chimerax.play_script(series)


def test_a_default_contour_lies_between_solvent_and_molecule(job, tmp_path: Path) -> None:
    written = write_series(tmp_path / "series", job, path_of(2))
    contour = json.loads(written.description.read_text())["contour"]
    assert 1 < contour < 5


def test_a_shorter_series_takes_the_place_of_a_longer_one(job, tmp_path: Path) -> None:
    folder = tmp_path / "series"
    write_series(folder, job, path_of(6), contour=1.0)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        write_series(folder, job, path_of(3), contour=1.0)
    write_series(folder, job, path_of(3), contour=1.0, overwrite=True)
    assert len(list(folder.glob("map_*.mrc"))) == 3
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_stop_or_an_error_leaves_what_was_there(job, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "series"
    assert write_series(folder, job, path_of(4), contour=1.0, stop=lambda: True) is None
    assert not folder.exists()
    write_series(folder, job, path_of(2), contour=1.0)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    told: list[int] = []

    def tell(done: int, total: int) -> None:
        told.append(done)

    def fails(latent, half=None, epoch=None):
        if told:
            raise UserError("The model is gone.")
        return job.consensus

    monkeypatch.setattr(job, "decode", fails)
    with pytest.raises(UserError, match="gone"):
        write_series(
            folder,
            job,
            path_of(4),
            contour=1.0,
            overwrite=True,
            progress=lambda d, _: told.append(d),
        )
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_a_file_in_the_way_is_named(job, tmp_path: Path) -> None:
    (tmp_path / "series").touch()
    with pytest.raises(UserError, match="is a file"):
        write_series(tmp_path / "series", job, path_of(2), contour=1.0)
