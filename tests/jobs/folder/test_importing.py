"""Job folders of imported latents where particle files say little."""

from pathlib import Path

import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.runs import Warning
from napari_conformix.training.events import Notice

N = 8
_OPTICS = (
    "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnOpticsGroupName\n_rlnImagePixelSize\n"
    "_rlnVoltage\n_rlnSphericalAberration\n_rlnAmplitudeContrast\n{label}1 g 2.5 300 2.7 0.1{size}"
    "\n\n"
)


def _star(path: Path, *, image_size: bool, halves: tuple[int, ...] = ()) -> Path:
    """Particles without poses, CTF or images, as an ab initio program may have seen them."""
    label, size = ("_rlnImageSize\n", " 48") if image_size else ("", "")
    labels = ["_rlnImageName", "_rlnOpticsGroup", *(["_rlnRandomSubset"] if halves else [])]
    rows = [f"{i + 1}@gone.mrcs 1" + (f" {halves[i]}" if halves else "") for i in range(N)]
    path.write_text(
        _OPTICS.format(label=label, size=size)
        + "data_particles\n\nloop_\n" + "\n".join(labels + rows) + "\n"
    )  # fmt: skip
    return path


@pytest.fixture
def latents(tmp_path: Path) -> Path:
    np.save(tmp_path / "z.npy", np.arange(2.0 * N).reshape(N, 2))
    return tmp_path / "z.npy"


def test_without_poses_and_images_the_latents_can_be_explored(tmp_path, latents):
    job = Job.from_latents(
        tmp_path / "job", particles=_star(tmp_path / "p.star", image_size=True), latents=latents
    )
    assert (job.spec.grids.box, job.spec.grids.pixel_size_angstrom) == (48, 2.5)
    warned = [event.message for event in job.events() if isinstance(event, Warning)]
    assert any("have no pose" in text for text in warned)
    assert "nothing can be reconstructed" in warned[-1]
    assert [e.message[:1] for e in job.events() if isinstance(e, Notice)] == [str(N)]
    np.testing.assert_array_equal(np.bincount(job.split.half), [0, N // 2, N // 2])
    assert job.split.made_halves
    np.testing.assert_array_equal(job.cluster(2, checks=False).clustering.counts, [N // 2, N // 2])


def test_half_sets_of_the_file_are_kept(tmp_path, latents):
    halves = (1, 2, 2, 1, 1, 1, 2, 2)
    star = _star(tmp_path / "p.star", image_size=True, halves=halves)
    job = Job.from_latents(tmp_path / "job", particles=star, latents=latents)
    np.testing.assert_array_equal(job.split.half, halves)
    assert not job.split.validation.any()
    assert not job.split.made_halves


def test_images_of_unknown_size_need_their_folder_or_a_map(tmp_path, latents):
    star = _star(tmp_path / "p.star", image_size=False)
    with pytest.raises(UserError, match=r"size of the images.*--datadir.*--consensus"):
        Job.from_latents(tmp_path / "job", particles=star, latents=latents)
    assert not list(tmp_path.glob("*job*"))


def test_a_failed_write_leaves_nothing(tmp_path, latents, monkeypatch):
    from napari_conformix.training.split import Split

    def full(self: Split, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Split, "save", full)
    star = _star(tmp_path / "p.star", image_size=True)
    with pytest.raises(UserError, match="No space left"):
        Job.from_latents(tmp_path / "job", particles=star, latents=latents)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.star", "z.npy"]
    monkeypatch.undo()
    (tmp_path / "job").mkdir()  # an empty folder is as good as none
    assert Job.from_latents(tmp_path / "job", particles=star, latents=latents).state == "finished"


def test_the_particle_file_may_not_change_behind_the_latents(tmp_path, latents):
    star = _star(tmp_path / "p.star", image_size=True)
    Job.from_latents(tmp_path / "job", particles=star, latents=latents)
    lines = star.read_text().replace("1@gone", "99@gone", 1)
    star.write_text(lines)
    with pytest.raises(UserError, match="other images"):
        _ = Job.open(tmp_path / "job").particles
