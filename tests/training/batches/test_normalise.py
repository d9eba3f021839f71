import numpy as np

from napari_conformix.training.batches import outside_circle
from napari_conformix.training.batches.normalise import normalise_background


def test_background_becomes_mean_0_sigma_1():
    random = np.random.default_rng(1)
    images = (5 + 3 * random.normal(size=(4, 64, 64))).astype(np.float32)
    images[:, 20:44, 20:44] += 40  # the particle must not count
    normalise_background(images)
    background = images[:, outside_circle(64)]
    np.testing.assert_allclose(background.mean(1), 0, atol=1e-4)
    np.testing.assert_allclose(background.std(1), 1, atol=1e-4)
    assert abs(images[:, 32, 32].mean() - 40 / 3) < 2


def test_a_constant_image_does_not_become_nan():
    images = np.full((1, 16, 16), 2.0, np.float32)
    normalise_background(images)
    assert np.all(images == 0)


def test_the_empty_border_of_a_larger_box_is_no_background_and_stays_0():
    random = np.random.default_rng(2)
    images = np.zeros((3, 64, 64), np.float32)
    images[:, 8:56, 8:56] = 5 + 3 * random.normal(size=(3, 48, 48))
    normalise_background(images, extent_px=48)
    background = images[:, outside_circle(64, extent_px=48)]
    np.testing.assert_allclose(background.mean(1), 0, atol=1e-4)
    np.testing.assert_allclose(background.std(1), 1, atol=1e-4)
    assert np.all(images[:, :8] == 0)
    assert images[:, 8:56, 8:56].std() > 0.9
