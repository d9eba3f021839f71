"""How well projections agree with noisy images, next to a baseline, with the error that noise
makes.

A correlation with an image is small even for the truth, because most of an image is noise, and a
wrong state reaches nearly as much: what separates states is the gain over a baseline, and whether
the gain exceeds the error of the same noise.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from napari_conformix.imaging import radial_average_2d, spread_shells_2d


@dataclass(frozen=True)
class Agreement:
    """Of b images with what is predicted of them. Every array is (b,) float64.

    correlation   of image and prediction over the picture, without its mean: -1 to 1
    baseline      the same of image and baseline; NaN where there is none
    gain          correlation less baseline
    error         standard error of the gain that the noise of the image makes
    scale         what the prediction is to be multiplied with to fit this image best
    """

    correlation: NDArray[np.float64]
    baseline: NDArray[np.float64]
    error: NDArray[np.float64]
    scale: NDArray[np.float64]

    @property
    def gain(self) -> NDArray[np.float64]:
        """(b,) by how much the prediction correlates better than the baseline."""
        return self.correlation - self.baseline


def agreement(
    images: torch.Tensor, predicted: torch.Tensor, baseline: torch.Tensor | None = None
) -> Agreement:
    """Compare half transforms (b, n, n // 2 + 1) of images with those of two predictions.

    The noise of each image is taken as stationary, its power by Fourier shell from what the
    prediction leaves over: the gain is an inner product of the image with the difference d of both
    unit predictions, so its variance is the sum of power x |d|^2 (noise of any colour).
    """
    images, predicted = (_without_mean(t).to(torch.complex128) for t in (images, predicted))
    count = _multiplicity(images)
    size, own = _norm(images, count), _norm(predicted, count)
    overlap = _inner(images, predicted, count)
    correlation, scale = overlap / (size * own), overlap / own.square()
    unknown = torch.full_like(correlation, torch.nan)
    if baseline is None:
        return Agreement(*(t.numpy() for t in (correlation, unknown, unknown, scale)))
    baseline = _without_mean(baseline).to(torch.complex128)
    other = _norm(baseline, count)
    left_over = images - scale[:, None, None] * predicted
    noise = spread_shells_2d(radial_average_2d(left_over.abs().square()), images.shape[-2])
    difference = predicted / own[:, None, None] - baseline / other[:, None, None]
    variance = (count * noise * difference.abs().square()).sum((-2, -1))
    return Agreement(
        correlation.numpy(),
        (_inner(images, baseline, count) / (size * other)).numpy(),
        (variance.sqrt() / size).numpy(),
        scale.numpy(),
    )


def common_scale(images: torch.Tensor, predicted: torch.Tensor) -> float:
    """The one factor that fits the predictions to all images best (least squares); half transforms
    (b, n, n // 2 + 1). Negative where the predictions have the wrong sign; 0 without any."""
    images, predicted = _without_mean(images), _without_mean(predicted)
    count = _multiplicity(images)
    power = float(_inner(predicted, predicted, count).sum())
    return float(_inner(images, predicted, count).sum()) / power if power else 0.0


def _without_mean(transform: torch.Tensor) -> torch.Tensor:
    rest = transform.clone()
    rest[:, 0, 0] = 0
    return rest


def _multiplicity(transform: torch.Tensor) -> torch.Tensor:
    """(n // 2 + 1,): how many coefficients of the whole transform one of the half stands for."""
    count = torch.full((transform.shape[-1],), 2.0, dtype=torch.float64)
    count[0] = count[-1] = 1.0  # boxes are even: the last column is the Nyquist frequency
    return count


def _inner(a: torch.Tensor, b: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    return ((a * b.conj()).real * count).sum((-2, -1))


def _norm(a: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    return _inner(a, a, count).clamp_min(torch.finfo(torch.float64).tiny).sqrt()
