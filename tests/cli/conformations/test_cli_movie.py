"""`conformix movie`: what is refused before any work, the maps, and one real movie."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import imageio.v2 as imageio
import imageio_ffmpeg
import mrcfile
import numpy as np
import pytest
from command_line import Conformix

from napari_conformix.cli.conformations import movie as cli_movie
from napari_conformix.cli.conformations import movie_process
from napari_conformix.export.movie_plan import options_from
from napari_conformix.jobs import Job


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What would be drawn: (job, path, file, options), with nothing drawn."""
    seen: list[tuple] = []

    def record(*given, overwrite: bool):
        seen.append(given)
        return given[2]

    monkeypatch.setattr(cli_movie, "record", record)
    return seen


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Give a file for the movie"),
        (("-o", "film.avi", "--pc", 1), r"\.mp4 or \.gif, not \.avi"),
        (("-o", "no/film.mp4", "--pc", 1), "no folder no"),
        (("-o", "there.mp4", "--pc", 1), "--overwrite"),
        (("-o", "film.mp4"), "Give one of --pc"),
        (("-o", "film.mp4", "--pc", 1, "--motion", 1), "Give one of --pc"),
        (("-o", "film.mp4", "--pc", 99), "no component 99"),
        (("-o", "film.mp4", "--pc", 1, "--half", 1, "--size", "huge"), "'huge'"),
        (("-o", "film.mp4", "--pc", 1, "--background", "blurple"), "'blurple' is not a colour"),
        (("-o", "film.mp4", "--pc", 1, "--view-from", "1,2"), "three numbers"),
        (("-o", "film.mp4", "--pc", 1, "--up", "0,0,0"), "no direction"),
        (("-o", "film.mp4", "--path", "swing"), "no path 'swing'"),
        (("-o", "film.mp4", "--path", "x.npy", "--steps", 4), "has its own steps"),
        (("--maps", "there.mp4", "--pc", 1), "is a file"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    conformix: Conformix, trained_once: Path, tmp_path: Path, monkeypatch, asked, arguments, said
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.mp4").touch()
    done = conformix("movie", trained_once, *arguments)
    assert done.status == 1
    assert re.search(said, done.err)
    assert asked == []
    assert [path.name for path in tmp_path.iterdir()] == ["there.mp4"]


def test_a_job_without_latents_is_named(conformix: Conformix, untrained: Path, tmp_path) -> None:
    done = conformix("movie", untrained, "--pc", 1, "-o", tmp_path / "film.mp4")
    assert done.status == 1
    assert "latents" in done.err


def test_options_reach_the_movie(
    conformix: Conformix, trained_once: Path, tmp_path: Path, asked
) -> None:
    file = tmp_path / "film.gif"
    arguments = ("--half", 2, "--seconds", 2, "--fps", 10, "--size", "1080p", "--turn", -360)
    look = ("--rock", 10, "--inset", "top-left", "--no-label", "--view-from", "-1,0,2", "--once")
    done = conformix("movie", trained_once, "--motion", 1, "-o", file, *arguments, *look)
    assert done.status == 0, done.err
    assert str(file) in done.out
    ((job, path, given, options),) = asked
    assert job.folder == trained_once
    assert (path.kind, path.half, len(path)) == ("motion", 2, 20)  # a step for every frame
    assert given == file
    assert options == options_from(
        width=1920,
        height=1080,
        frames_per_second=10,
        seconds=2,
        there_and_back=False,
        turn_degrees=-360,
        rock_degrees=10,
        inset="top left",
        label=False,
        view={"direction": (1, 0, -2)},
    )
    assert f"half {path.half}" in done.err


def test_a_saved_path_and_one_in_a_file_can_be_shown(
    conformix: Conformix, trained: Path, tmp_path: Path, asked
) -> None:
    job = Job.open(trained)
    latents = job.latents()
    rows = np.flatnonzero(latents.half == 2)[:5]
    np.save(tmp_path / "five.npy", latents.mean[rows])
    done = conformix(
        "movie", trained, "--path", tmp_path / "five.npy", "--half", 2, "-o", tmp_path / "a.mp4"
    )
    assert done.status == 0, done.err
    path = asked[0][1]
    assert np.array_equal(path.latents, latents.mean[rows])
    job.save_path("five", path)
    assert conformix("movie", trained, "--path", "five", "-o", tmp_path / "b.mp4").status == 0
    assert np.array_equal(asked[1][1].latents, path.latents)
    assert asked[1][1].half == 2


def test_maps_need_no_display(
    conformix: Conformix, trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(movie_process, "with_display", lambda: None)
    folder = tmp_path / "maps"
    steps = ("--steps", 3, "--half", 2, "--contour", 0.25)
    done = conformix("movie", trained_once, "--pc", 1, "--maps", folder, *steps)
    assert done.status == 0, done.err
    assert f"open {folder / 'play.cxc'}" in done.out
    described = json.loads((folder / "path.json").read_text())
    job = Job.open(trained_once)
    for step in described["steps"]:
        wanted = job.decode(np.array(step["latent"], np.float32), half=2)
        assert np.array_equal(mrcfile.read(folder / step["map"]), wanted)
    assert described["contour"] == 0.25
    again = conformix("movie", trained_once, "--pc", 1, "--maps", folder, *steps)
    assert again.status == 1
    assert "--overwrite" in again.err


def test_without_a_display_it_says_what_to_install(
    conformix: Conformix, trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movie_process, "with_display", lambda: None)
    done = conformix("movie", trained_once, "--pc", 1, "-o", tmp_path / "film.mp4")
    assert done.status == 1
    assert "apt-get install xvfb xauth" in done.err
    assert "--maps" in done.err


def test_without_ffmpeg_it_says_what_to_install(
    conformix: Conformix, trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise RuntimeError

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    done = conformix("movie", trained_once, "--pc", 1, "-o", tmp_path / "film.mp4")
    assert done.status == 1
    assert "apt-get install ffmpeg" in done.err


def test_what_the_drawing_process_says_is_passed_on(
    conformix: Conformix, trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = ["bash", "-c", "echo frame 1 of 2; echo noise; echo 'The model is gone.'; exit 1", "--"]
    monkeypatch.setattr(movie_process, "with_display", lambda: says)
    arguments = ("movie", trained_once, "--pc", 1, "--steps", 2, "-o", tmp_path / "film.mp4")
    done = conformix(*arguments)
    assert done.status == 1
    assert "The model is gone." in done.err
    assert "frame" not in done.err
    monkeypatch.setattr(
        movie_process, "with_display", lambda: ["bash", "-c", "kill -SEGV $$", "--"]
    )
    done = conformix(*arguments)
    assert "conformix doctor" in done.err


@pytest.mark.window
def test_a_movie_is_drawn_without_a_display(
    conformix: Conformix, trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    file = tmp_path / "film.mp4"
    arguments = ("--pc", 1, "--steps", 4, "--size", "200x160", "--turn", 360)
    done = conformix("movie", trained_once, *arguments, "-o", file)
    assert done.status == 0, done.err
    assert str(file) in done.out
    reader = imageio.get_reader(file)
    frames = np.stack([frame for frame in reader]).astype(int)  # noqa: C416
    assert frames.shape == (7, 160, 200, 3)
    assert reader.get_meta_data()["fps"] == 12
    assert np.abs(frames[0] - frames[-1]).mean() < 1
    assert np.abs(frames[0] - frames[2]).mean() > 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4"]


def test_ctrl_c_ends_the_drawing_and_all_that_it_started(
    conformix: Conformix, trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive, end = tmp_path / "alive", tmp_path / "end"
    # as xvfb-run: a server that does not hear Ctrl-C, in the background of a shell
    server = f"(trap '' INT; touch {alive}; sleep 60; touch {end}) > /dev/null 2>&1"
    draws = f"{server} & echo frame 1 of 9; wait"
    monkeypatch.setattr(movie_process, "with_display", lambda: ["bash", "-c", draws, "--"])
    press = f"until [ -e {alive} ]; do sleep 0.1; done; sleep 0.5; kill -INT {os.getpid()}"
    with subprocess.Popen(["bash", "-c", press]) as keyboard:
        arguments = ("--pc", 1, "--steps", 2, "-o", tmp_path / "film.mp4")
        done = conformix("movie", trained_once, *arguments)
        keyboard.kill()  # so that it ends where nothing was drawn
    assert done.status == 130
    assert alive.exists()
    assert not end.exists()  # it was not waited for
    deadline = time.monotonic() + 10
    while subprocess.run(["pgrep", "-f", str(alive)], capture_output=True).stdout:
        assert time.monotonic() < deadline, "the server runs on"
        time.sleep(0.05)
