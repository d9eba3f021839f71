"""`embed`: latents of particles that the job was not trained on."""

from pathlib import Path

import numpy as np
from command_line import PARTICLES, Conformix

from napari_conformix.jobs import Job


def test_embedding_fits_latents_that_explain_the_images(
    conformix: Conformix, trained: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.npz"
    done = conformix("embed", trained, "--particles", data / "particles.star", "-o", out)
    assert done.status == 0, done.err
    assert f"{PARTICLES} particles by 2 model(s)" in done.out
    with np.load(out, allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    job = Job.open(trained)
    for half in (1, 2):
        assert found[f"mean_half{half}"].shape == (PARTICLES, 6)
        assert (found[f"std_half{half}"] > 0).all()
        # the other half's particles are strangers to a model: asked by row they are embedded, too
        strangers = np.flatnonzero((job.split.half != half) & ~job.split.validation)[:5]
        mean, _ = job.encode(strangers, half)
        np.testing.assert_allclose(mean, found[f"mean_half{half}"][strangers], atol=1e-3)
        # and the half's own are as the run left them
        own = np.flatnonzero((job.split.half == half) & ~job.split.validation)[:5]
        np.testing.assert_allclose(job.encode(own, half)[0], job.latents().mean[own], atol=1e-6)
    again = conformix("embed", trained, "--particles", data / "particles.star", "-o", out)
    assert again.status == 1
    assert "--overwrite" in again.err


def test_another_kind_of_file_is_refused(
    conformix: Conformix, trained: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.star"
    done = conformix("embed", trained, "--particles", data / "particles.star", "-o", out)
    assert done.status == 1
    assert "must end in .npz" in done.err


def test_a_job_that_was_not_trained_has_no_model(
    conformix: Conformix, untrained: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.npz"
    done = conformix("embed", untrained, "--particles", data / "particles.star", "-o", out)
    assert done.status == 1
    assert done.err.strip()
    assert "Traceback" not in done.err
    assert not out.exists()
