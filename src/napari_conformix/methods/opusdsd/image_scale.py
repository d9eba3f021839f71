"""The contrast of each image: the scale that fits the prediction to it best."""

import torch


def image_scale(
    observed: torch.Tensor,
    predicted: torch.Tensor,
    weight: torch.Tensor,
    spread: float = 0.2,
    differentiable: bool = False,
) -> torch.Tensor:
    """Least-squares scale of a prediction under the noise, with a prior towards 1.

    The s that minimises  sum_k w_k |x_k - s y_k|^2 + ((s - 1) / spread)^2 , twice the negative log
    posterior of a scale that is 1 give or take `spread`. An image too noisy to tell keeps 1, and
    the common scale stays with the volume.

    Parameters
    ----------
    observed : torch.Tensor
        (..., h, w // 2 + 1) complex transforms x of the images.
    predicted : torch.Tensor
        The same of y; leading dimensions broadcast (several poses of an image).
    weight : torch.Tensor
        (h, w // 2 + 1) pixels of the whole transform that each stands for, over the noise's power.
    spread : float
        Standard deviation of the images' scales, above 0.
    differentiable : bool
        Let gradients through. The sum above has the same gradient in y without: at its minimum in s
        a change of s changes nothing.

    Returns
    -------
    torch.Tensor
        (...) real.

    Raises
    ------
    ValueError
        If `spread` is not above 0.
    """
    if spread <= 0:
        raise ValueError(f"the spread of the scales must be above 0, not {spread}")
    with torch.set_grad_enabled(differentiable and torch.is_grad_enabled()):
        x, y = torch.view_as_real(observed), torch.view_as_real(predicted)
        weight = weight[..., None]
        overlap = (weight * x * y).sum((-3, -2, -1))
        power = (weight * y * y).sum((-3, -2, -1))
        precision = spread**-2
        return (overlap + precision) / (power + precision)
