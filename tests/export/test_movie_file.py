"""Frames in, the same frames out; a file that is whole or not there."""

from pathlib import Path

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.export.movie_file import MovieFile

SIZE = (96, 64)
COLOURS = np.array([[92, 158, 242], [10, 10, 10], [200, 200, 195], [240, 170, 40]], np.uint8)


def frame(number: int) -> np.ndarray:
    """Four fields of colour, one of which is lit."""
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    left = 24 * (number % 4)
    picture[:, left : left + 24] = COLOURS[number % 4]
    return picture


def write(path: Path, count: int = 9, fps: float = 12, quality: int = 8) -> None:
    with MovieFile(path, SIZE, fps, quality) as movie:
        for number in range(count):
            movie.add(frame(number))


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_every_frame_comes_back_with_its_colours(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    write(path)
    back = [picture[..., :3].astype(int) for picture in imageio.get_reader(path)]
    assert len(back) == 9
    for number, picture in enumerate(back):
        assert picture.shape == (64, 96, 3)
        # away from the edges, which an .mp4 blurs: it halves the resolution of colours
        field = picture[8:-8, 24 * (number % 4) + 6 : 24 * (number % 4) + 18]
        assert np.abs(field - COLOURS[number % 4]).max() <= 12
        assert picture[:, (24 * (number % 4) + 36) % 96 - 6].max() < 40
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_frame_rates_are_those_asked_for(tmp_path: Path) -> None:
    for fps in (12, 7.5):
        write(tmp_path / "film.mp4", fps=fps)
        described = imageio.get_reader(tmp_path / "film.mp4").get_meta_data()
        assert described["fps"] == pytest.approx(fps)
        assert described["size"] == SIZE
        assert described["codec"] == "h264"
        assert "yuv420p" in described["pix_fmt"]  # what every player takes
    write(tmp_path / "film.gif", count=25, fps=12)
    reader = imageio.get_reader(tmp_path / "film.gif")
    times = [reader.get_meta_data(index)["duration"] for index in range(24)]
    assert sum(times) == pytest.approx(24 / 12 * 1000, abs=20)  # exact on the whole, in 10 ms
    assert reader.get_meta_data()["loop"] == 0


@pytest.mark.parametrize("quality", [1, 9])
def test_every_quality_can_be_played(tmp_path: Path, quality: int) -> None:
    write(tmp_path / "film.mp4", quality=quality)
    assert imageio.get_reader(tmp_path / "film.mp4").get_meta_data()["pix_fmt"][:7] == "yuv420p"


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_movie_that_is_stopped_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    path.write_bytes(b"the film before")
    movie = MovieFile(path, SIZE, 12).__enter__()
    movie.add(frame(0))
    movie.abort()
    movie.abort()
    movie.add(frame(1))  # from a thread that has not heard yet
    assert path.read_bytes() == b"the film before"
    with pytest.raises(KeyboardInterrupt):
        _interrupted(path)
    assert path.read_bytes() == b"the film before"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def _interrupted(path: Path) -> None:
    with MovieFile(path, SIZE, 12) as movie:
        movie.add(frame(0))
        raise KeyboardInterrupt


def test_a_movie_that_ffmpeg_cut_short_is_no_movie(tmp_path: Path) -> None:
    movie = MovieFile(tmp_path / "film.mp4", SIZE, 12).__enter__()
    movie.add(frame(0))
    movie.frames += 1  # as if one more had been handed over
    with pytest.raises(UserError, match="incomplete"):
        movie.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    movie = MovieFile(tmp_path / "film.mp4", SIZE, 12).__enter__()
    with pytest.raises(ValueError, match="in a movie of"):
        movie.add(np.zeros((10, 10, 3), np.uint8))
    movie.abort()
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(UserError, match="apt-get install ffmpeg"):
        MovieFile(tmp_path / "film.mp4", SIZE, 12)
