"""Agreement of images with predictions: right numbers, errors that noise really makes, and the gain
that a fit to nothing but noise gives."""

import numpy as np
import pytest
import torch

from napari_conformix.analysis.checks import agreement, common_scale

BOX = 32


def transform(images: np.ndarray) -> torch.Tensor:
    return torch.fft.rfft2(torch.from_numpy(images.copy()))


def smooth(rng: np.random.Generator, count: int, width: float) -> np.ndarray:
    """(count, n, n) patterns of unit variance without details below `width` pixels."""
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(BOX), np.fft.fftfreq(BOX)))
    white = np.fft.fft2(rng.normal(size=(count, BOX, BOX)))
    pattern = np.fft.ifft2(white * np.exp(-((k * width) ** 2))).real
    return pattern / pattern.std(axis=(1, 2), keepdims=True)


def test_correlations_and_scales_are_those_of_the_pixels() -> None:
    rng = np.random.default_rng(0)
    images, predicted, baseline = (rng.normal(1.5, 1.0, (5, BOX, BOX)) for _ in range(3))
    images = images + 0.8 * predicted
    found = agreement(transform(images), transform(predicted), transform(baseline))
    for i in range(5):
        image, prediction = images[i] - images[i].mean(), predicted[i] - predicted[i].mean()
        np.testing.assert_allclose(
            found.correlation[i], np.corrcoef(images[i].ravel(), predicted[i].ravel())[0, 1]
        )
        np.testing.assert_allclose(
            found.baseline[i], np.corrcoef(images[i].ravel(), baseline[i].ravel())[0, 1]
        )
        np.testing.assert_allclose(
            found.scale[i], (image * prediction).sum() / (prediction**2).sum()
        )
    np.testing.assert_allclose(found.gain, found.correlation - found.baseline)


def test_one_scale_for_all_is_that_of_least_squares_and_knows_its_sign() -> None:
    rng = np.random.default_rng(1)
    predicted = smooth(rng, 40, 6.0)
    noisy = predicted + rng.normal(0, 0.5, predicted.shape)
    assert common_scale(transform(0.3 * noisy), transform(predicted)) == pytest.approx(
        0.3, rel=0.02
    )
    assert common_scale(transform(-0.3 * noisy), transform(predicted)) < -0.29
    assert common_scale(transform(noisy), transform(0 * predicted)) == 0.0


@pytest.mark.parametrize("width", [0.0, 5.0])
def test_the_error_of_the_gain_is_what_noise_makes(width: float) -> None:
    """Of 400 images of one particle the gains scatter by their error, in noise of any colour."""
    rng = np.random.default_rng(2)
    own, other = smooth(rng, 2, 6.0)
    own = own + 0.5 * other  # as two states of one molecule: not without likeness
    noise = 4.0 * (smooth(rng, 400, width) if width else rng.normal(size=(400, BOX, BOX)))
    images = own + noise
    found = agreement(
        transform(images),
        transform(np.broadcast_to(own, images.shape)),
        transform(np.broadcast_to(other, images.shape)),
    )
    assert found.gain.std() / found.error.mean() == pytest.approx(1.0, abs=0.12)
    assert found.gain.mean() > 1.5 * found.error.mean()  # there is a gain to be in error about


def test_what_a_fit_to_noise_gains_is_half_the_root_of_its_dimensions_in_errors() -> None:
    """Images of the baseline and noise alone; the prediction follows the noise in d directions."""
    rng = np.random.default_rng(3)
    base = 3.0 * smooth(rng, 1, 6.0)[0]
    for dimensions in (4, 12):
        directions = np.linalg.qr(rng.normal(size=(BOX * BOX, dimensions)))[0]
        images = base + rng.normal(size=(300, BOX, BOX))
        noise = (images - base).reshape(300, -1)
        fitted = base + ((noise @ directions) @ directions.T).reshape(images.shape)
        found = agreement(
            transform(images), transform(fitted), transform(np.broadcast_to(base, images.shape))
        )
        ratio = found.gain.mean() / found.error.mean()
        assert ratio == pytest.approx(np.sqrt(dimensions) / 2, rel=0.12)


def test_without_a_baseline_there_is_no_gain() -> None:
    rng = np.random.default_rng(4)
    images = transform(rng.normal(size=(3, BOX, BOX)))
    found = agreement(images, images)
    np.testing.assert_allclose(found.correlation, 1.0)
    assert np.isnan(found.gain).all()
    assert np.isnan(found.error).all()
