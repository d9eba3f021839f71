import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_conformix.analysis.spaces import UmapParameters, cached_umap, start_umap
from napari_conformix.analysis.spaces.umap_process import read_rows
from napari_conformix.errors import UserError
from napari_conformix.runs import temporary_name


def write_latents(path: Path, n: int = 400) -> np.ndarray:
    """Three clusters far apart, one particle without a latent; returns the clusters."""
    cluster = np.arange(n) % 3
    mean = np.random.default_rng(0).normal(size=(n, 6)).astype(np.float32)
    mean[:, 0] += 50.0 * cluster
    mean[5] = np.nan
    np.savez(path, mean=mean, half=np.where(np.arange(n) < n // 2, 1, 2).astype(np.int8))
    return cluster


def test_umap_is_fitted_on_some_placed_for_the_rest_and_kept(tmp_path: Path) -> None:
    latents, out = tmp_path / "latents.npz", tmp_path / "made" / "umap.npz"
    cluster = write_latents(latents)
    parameters = UmapParameters(fit_rows=200)
    assert cached_umap(latents, out, parameters) is None

    handle = start_umap(latents, out, parameters)
    stages = []
    while not (progress := handle.poll()).done:
        stages.append(progress.stage)
        time.sleep(0.02)
    assert handle.poll().stage == "finished", handle.poll().message
    assert list(dict.fromkeys(stages))[-2:] == ["fitting", "placing"]

    embedding = handle.result()
    assert np.isnan(embedding[5]).all()
    assert np.isfinite(np.delete(embedding, 5, axis=0)).all()
    # clusters that are far apart stay apart: every particle is nearest to its own centre
    centres = np.array([np.nanmean(embedding[cluster == c], axis=0) for c in range(3)])
    nearest = np.linalg.norm(embedding[:, None] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(np.delete(nearest, 5), np.delete(cluster, 5))
    # and within a cluster a placed particle lies next to its nearest fitted ones
    values = read_rows(latents, parameters)
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    fitted = np.random.default_rng(1).choice(usable, 200, replace=False)
    placed = np.setdiff1d(usable, fitted)
    near = cKDTree(values[fitted]).query(values[placed], k=5)[1]
    beside = np.median(embedding[fitted[near]], axis=1)
    middles = np.array([np.nanmedian(embedding[cluster == c], axis=0) for c in range(3)])
    others = middles[cluster[placed]]
    away, spread = (np.linalg.norm(embedding[placed] - at, axis=1) for at in (beside, others))
    assert np.median(away) < 0.75 * np.median(spread)  # at random 1.4: clusters have no structure
    assert [p.name for p in out.parent.iterdir()] == ["umap.npz"]

    np.testing.assert_array_equal(cached_umap(latents, out, parameters), embedding)
    assert cached_umap(latents, out, UmapParameters(fit_rows=200, half=1)) is None
    again = start_umap(latents, out, parameters)
    assert again.wait(60).message == "UMAP was computed before."
    np.testing.assert_array_equal(again.result(), embedding)

    # the same numbers in a file written again are the same latents; one other number is not
    write_latents(latents)
    assert cached_umap(latents, out, parameters) is not None
    with np.load(latents) as data:
        changed = {name: data[name] for name in data.files}
    changed["mean"][0, 0] += 1e-3
    np.savez(latents, **changed)
    assert cached_umap(latents, out, parameters) is None
    out.write_bytes(b"PK half a file")
    assert cached_umap(latents, out, parameters) is None


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    write_latents(tmp_path / "latents.npz")
    handle = start_umap(tmp_path / "latents.npz", tmp_path / "umap.npz")
    handle.cancel()
    assert handle.poll().stage == "cancelled"
    assert handle.poll().done
    with pytest.raises(UserError, match="cancelled"):
        handle.result()
    assert [p.name for p in tmp_path.iterdir()] == ["latents.npz"]


def test_cancelling_while_it_writes_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_latents(tmp_path / "latents.npz")
    handle = start_umap(tmp_path / "latents.npz", tmp_path / "umap.npz")
    with monkeypatch.context() as worker:
        worker.setattr(os, "getpid", lambda: handle.pid)
        temporary_name(tmp_path / "umap.npz").touch()
    handle.cancel()
    assert [p.name for p in tmp_path.iterdir()] == ["latents.npz"]


def test_a_worker_that_dies_is_noticed(tmp_path: Path) -> None:
    write_latents(tmp_path / "latents.npz")
    handle = start_umap(tmp_path / "latents.npz", tmp_path / "umap.npz")
    os.kill(handle._process.pid, 9)
    progress = handle.wait(30)
    assert progress.stage == "failed"
    assert "ended early" in progress.message


@pytest.mark.parametrize(
    ("latents", "params", "message"),
    [
        ("none.npz", {}, "no latents file"),
        ("latents.npz", {"array": "motion"}, "no array 'motion'; it has mean, half"),
        ("latents.npz", {"neighbours": 500, "fit_rows": 600}, "needs more than that"),
        ("broken.npz", {}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_told(
    latents: str, params: dict[str, object], message: str, tmp_path: Path
) -> None:
    write_latents(tmp_path / "latents.npz")
    (tmp_path / "broken.npz").write_bytes((tmp_path / "latents.npz").read_bytes()[:500])
    progress = start_umap(tmp_path / latents, tmp_path / "umap.npz", params).wait(60)
    assert progress.stage == "failed"
    assert message in progress.message
    assert not (tmp_path / "umap.npz").exists()


@pytest.mark.parametrize("bad", [{"neighbours": 1}, {"min_dist": 2.0}, {"fit_rows": 10}])
def test_bad_parameters_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(UserError):
        UmapParameters(**bad)


def test_importing_the_room_does_not_import_umap() -> None:
    code = "import sys, napari_conformix.analysis; print('umap' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
