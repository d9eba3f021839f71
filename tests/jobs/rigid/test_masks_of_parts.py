"""Masks that are kept in a job folder."""

from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest

from napari_conformix.errors import UserError
from napari_conformix.jobs.rigid import masks_of, save_mask


@pytest.fixture
def job(tmp_path):
    grids = SimpleNamespace(box=8, pixel_size_angstrom=1.5)
    return SimpleNamespace(folder=tmp_path, spec=SimpleNamespace(grids=grids))


def test_a_mask_is_kept_on_the_grid_of_the_job(job) -> None:
    mask = np.zeros((8, 8, 8))
    mask[2:5, 3, 4] = 0.75
    path = save_mask(job, "arm", mask)
    assert path == job.folder / "masks" / "arm.mrc"
    with mrcfile.open(path) as mrc:
        np.testing.assert_array_equal(mrc.data, mask)
        assert mrc.voxel_size.z == pytest.approx(1.5)
    assert masks_of(job) == [path]


def test_masks_of_bodies_are_listed_after_those_that_were_painted(job) -> None:
    assert masks_of(job) == []
    (job.folder / "bodies").mkdir()
    body = job.folder / "bodies" / "body_1_mask.mrc"
    body.touch()
    (job.folder / "bodies" / "map.mrc").touch()
    own = save_mask(job, "arm", np.ones((8, 8, 8)))
    assert masks_of(job) == [own, body]


def test_what_cannot_be_kept_is_refused(job) -> None:
    save_mask(job, "arm", np.ones((8, 8, 8)))
    with pytest.raises(UserError, match="a mask 'arm' already"):
        save_mask(job, "arm", np.ones((8, 8, 8)))
    save_mask(job, "arm", np.full((8, 8, 8), 0.5), overwrite=True)
    with pytest.raises(UserError, match="The mask is empty"):
        save_mask(job, "leg", np.zeros((8, 8, 8)))
    with pytest.raises(UserError, match=r"The mask name '\.\./x' contains"):
        save_mask(job, "../x", np.ones((8, 8, 8)))
