"""Movies: a path that particles support, frames that differ, a file that is whole."""

import imageio.v2 as imageio
import numpy as np
import pytest
from explore_fakes import FakeJob

from napari_conformix.errors import UserError
from napari_conformix.widgets.movie import main_motion, write_movie


def test_the_path_runs_through_supported_latents_from_end_to_end(tmp_path) -> None:
    job = FakeJob(tmp_path)
    for half in (1, 2):
        way = main_motion(job.latents(), half, positions=9)
        angles = [job.angle_of(latent, half) for latent in way.latents]
        assert np.all(np.diff(angles) > 0) or np.all(np.diff(angles) < 0)
        assert min(angles) == pytest.approx(-38, abs=3.5)
        assert max(angles) == pytest.approx(38, abs=3.5)
        assert way.unit == "Å RMS"


def test_a_half_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="half 3"):
        main_motion(FakeJob(tmp_path).latents(), 3)


def test_wrong_names_are_refused_before_any_work(tmp_path) -> None:
    job = FakeJob(tmp_path)
    with pytest.raises(UserError, match=r"mp4 or \.gif"):
        write_movie(job, tmp_path / "film.avi")
    with pytest.raises(UserError, match="no folder"):
        write_movie(job, tmp_path / "nowhere" / "film.mp4")


@pytest.mark.window
@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_movie_shows_the_motion_there_and_back(tmp_path, suffix: str) -> None:
    job = FakeJob(tmp_path)
    told = []
    path = write_movie(
        job,
        tmp_path / f"film{suffix}",
        positions=4,
        size=(401, 361),
        progress=lambda done, total: told.append((done, total)),
    )
    frames = np.stack([frame[..., :3] for frame in imageio.mimread(path)]).astype(int)
    assert frames.shape == (6, 400, 360, 3)  # 4 there, 2 back; sizes made even
    assert told[-1] == (6, 6)
    assert len(job.decoded) == 4  # the way back is not decoded again
    blue = (frames[..., 2] > frames[..., 0] + 25) & (frames[..., 2] > 60)
    upper = blue[:, 66:130]  # the ball, below the caption and above the arm
    centres = [np.argwhere(frame)[:, 1].mean() for frame in upper]
    assert centres[3] > centres[0] + 15
    assert centres[1] == pytest.approx(centres[5], abs=2)  # there and back
    assert (frames[0, :60].sum(axis=-1) > 500).sum() > 50  # the caption is in the picture
    assert [p.name for p in tmp_path.glob(".film*")] == []
