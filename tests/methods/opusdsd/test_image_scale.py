"""Scales of images: against a minimisation over pixels in real space, in float64."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from napari_conformix.methods.opusdsd.image_scale import image_scale

BOX, COUNT, SIGMA = 16, 5, 0.7
RNG = np.random.default_rng(3)
SCALES = np.array([0.6, 0.9, 1.0, 1.3, 2.0])
PREDICTED = RNG.normal(size=(COUNT, BOX, BOX))
IMAGES = SCALES[:, None, None] * PREDICTED + SIGMA * RNG.normal(size=PREDICTED.shape)


def weight(sigma=SIGMA):
    """White noise: power box^2 sigma^2 in every coefficient, which stands for two but at the
    edges."""
    multiplicity = torch.full((BOX, BOX // 2 + 1), 2.0, dtype=torch.float64)
    multiplicity[:, [0, -1]] = 1.0
    return multiplicity / (BOX**2 * sigma**2)


def transform(images):
    return torch.fft.rfft2(torch.as_tensor(images))


def objective(s, image, predicted, spread):
    return ((image - s * predicted) ** 2).sum() / SIGMA**2 + ((s - 1) / spread) ** 2


@pytest.mark.parametrize("spread", [0.01, 0.2, 100.0])
def test_scale_is_the_minimum_over_pixels(spread):
    ours = image_scale(transform(IMAGES), transform(PREDICTED), weight(), spread)
    for s, image, predicted in zip(ours, IMAGES, PREDICTED, strict=True):
        best = minimize_scalar(objective, args=(image, predicted, spread), tol=1e-12).x
        assert float(s) == pytest.approx(best, abs=1e-6)


def test_a_wide_prior_leaves_the_scale_to_the_image_and_a_narrow_one_to_1():
    wide = image_scale(transform(IMAGES), transform(PREDICTED), weight(), 100.0)
    error = SIGMA / np.sqrt((PREDICTED**2).sum((1, 2)))
    assert (abs(wide.numpy() - SCALES) < 4 * error).all()
    narrow = image_scale(transform(IMAGES), transform(PREDICTED), weight(), 1e-4)
    np.testing.assert_allclose(narrow, 1, atol=1e-4)
    noisy = image_scale(transform(IMAGES), transform(PREDICTED), weight(1e4), 0.2)
    np.testing.assert_allclose(noisy, 1, atol=1e-4)  # an image too noisy to tell


def test_nothing_predicted_is_scale_1():
    nothing = torch.zeros_like(transform(IMAGES)).requires_grad_()
    scale = image_scale(transform(IMAGES), nothing, weight(), differentiable=True)
    assert scale.tolist() == [1.0] * COUNT
    scale.sum().backward()
    assert bool(nothing.grad.isfinite().all())


def loss(predicted, differentiable, spread=0.2):
    observed = transform(IMAGES)
    scale = image_scale(observed, predicted, weight(), spread, differentiable)
    difference = torch.view_as_real(observed - scale[:, None, None] * predicted)
    misfit = (weight()[..., None] * difference.square()).sum((-3, -2, -1))
    return misfit + ((scale - 1) / spread) ** 2


def test_the_posterior_has_the_same_gradient_with_and_without_that_of_the_scale():
    gradients = []
    for differentiable in (True, False):
        predicted = transform(PREDICTED).requires_grad_()
        loss(predicted, differentiable).sum().backward()
        gradients.append(predicted.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-9)
    direction = transform(RNG.normal(size=PREDICTED.shape))
    step = 1e-4
    ahead, behind = (loss(transform(PREDICTED) + h * direction, False).sum() for h in (step, -step))
    slope = (torch.view_as_real(gradients[1]) * torch.view_as_real(direction)).sum()
    assert float(slope) == pytest.approx(float((ahead - behind) / (2 * step)), rel=1e-6)


def test_gradient_is_let_through_only_when_asked_for():
    predicted = transform(PREDICTED).requires_grad_()
    assert not image_scale(transform(IMAGES), predicted, weight()).requires_grad
    scale = image_scale(transform(IMAGES), predicted, weight(), differentiable=True)
    assert scale.requires_grad
    with torch.no_grad():
        assert not image_scale(
            transform(IMAGES), predicted, weight(), differentiable=True
        ).requires_grad


def test_several_predictions_of_an_image():
    both = torch.stack([transform(PREDICTED), 2 * transform(PREDICTED)], dim=1)  # (b, 2, h, w)
    scale = image_scale(transform(IMAGES)[:, None], both, weight(), 1e3)
    assert scale.shape == (COUNT, 2)
    torch.testing.assert_close(scale[:, 0], 2 * scale[:, 1], rtol=1e-6, atol=0)


@pytest.mark.parametrize("spread", [0.0, -0.1])
def test_a_spread_must_be_above_zero(spread):
    with pytest.raises(ValueError, match="above 0"):
        image_scale(transform(IMAGES), transform(PREDICTED), weight(), spread)
