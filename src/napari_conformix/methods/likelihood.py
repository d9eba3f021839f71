"""How well a prediction explains images, under the noise of each Fourier shell; for any method."""

import torch
from torch import nn

from napari_conformix.imaging import rfft_radius, rfft_shell
from napari_conformix.training.contract import Batch


class ImageLikelihood(nn.Module):
    """Squared error over noise power, per Fourier pixel (DynaMight paper, eq. 11).

    With white noise it is the squared error of eq. 8 of the OPUS-DSD paper. Frequencies beyond
    Nyquist's circle are left out.

    noise_power    (box // 2 + 1,) radial power of the residual of rfft2(image)
    image_power    (box // 2 + 1,) radial power of the images themselves, from the first epoch on:
                   the fixed weights with which the unexplained part is reported
    """

    def __init__(self, box: int) -> None:
        super().__init__()
        self.box = box
        self.register_buffer("noise_power", torch.ones(box // 2 + 1))
        self.noise_power: torch.Tensor
        self.register_buffer("image_power", torch.ones(box // 2 + 1))
        self.image_power: torch.Tensor
        # eq. 11's weights on the rfft grid, and the radius of every pixel in it
        # corners beyond Nyquist count to the last shell, where their weight is 0
        shells = rfft_shell(box, 2).clamp_max(box // 2)
        self.register_buffer("shells", shells, persistent=False)
        self.register_buffer("multiplicity", _multiplicity(box), persistent=False)
        self.shells: torch.Tensor
        self.multiplicity: torch.Tensor
        #: Fourier pixels of the whole transform that count; a number, not to wait for a GPU
        self.pixels = float(self.multiplicity.sum())

    @property
    def pixel_weight(self) -> torch.Tensor:
        """(h, w // 2 + 1): how often a pixel of the half transform counts, over its noise."""
        return self.multiplicity / self.noise_power[self.shells]

    @staticmethod
    def observed(batch: Batch) -> torch.Tensor:
        """Transforms of the images, phase origin at the image centre.

        Parameters
        ----------
        batch : Batch
            Images (b, h, w).

        Returns
        -------
        torch.Tensor
            (b, h, w // 2 + 1) complex.
        """
        transform: torch.Tensor = torch.fft.rfft2(torch.fft.ifftshift(batch.images, dim=(-2, -1)))
        return transform

    def misfit(self, difference: torch.Tensor) -> torch.Tensor:
        """Eq. 11 of every image, per Fourier pixel.

        Parameters
        ----------
        difference : torch.Tensor
            (b, h, w // 2 + 1) complex, image minus prediction.

        Returns
        -------
        torch.Tensor
            (b,).
        """
        return self._power_of_each(difference, self.pixel_weight)

    def data_loss(self, difference: torch.Tensor) -> torch.Tensor:
        """Eq. 11 per Fourier pixel: 1 where the residual is as strong as the noise estimate.

        Parameters
        ----------
        difference : torch.Tensor
            (b, h, w // 2 + 1) complex, image minus prediction.

        Returns
        -------
        torch.Tensor
            0-d, the mean over images.
        """
        return self.misfit(difference).mean()

    def unexplained_power(self, observed: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
        """Share of the images' power that the model leaves over, comparable between epochs.

        Divided by the power of the *same* images, so that training and held-out particles, which
        differ by chance in their contrast, can be compared too. Without gradients.

        Parameters
        ----------
        observed : torch.Tensor
            (b, h, w // 2 + 1) complex transforms of the images.
        difference : torch.Tensor
            (b, h, w // 2 + 1) complex, image minus prediction.

        Returns
        -------
        torch.Tensor
            0-d.
        """
        with torch.no_grad():
            weight = self.multiplicity / self.image_power[self.shells]
            left = self._power_of_each(difference, weight).mean()
            return left / self._power_of_each(observed, weight).mean()

    def whitened(self, difference: torch.Tensor) -> torch.Tensor:
        """Divided by the noise: pure noise then has mean square 1 at every Fourier pixel.

        Parameters
        ----------
        difference : torch.Tensor
            (b, h, w // 2 + 1) complex, image minus prediction.

        Returns
        -------
        torch.Tensor
            The same shape.
        """
        return difference / self.noise_power[self.shells].sqrt()

    def _power_of_each(self, difference: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        power = torch.view_as_real(difference).square().sum(-1)  # (b, h, w // 2 + 1)
        return (power * weight).sum((-2, -1)) / self.pixels  # (b,)

    def best_scale(self, observed: torch.Tensor, predicted: torch.Tensor) -> tuple[float, float]:
        """Overlap and power of a prediction under the noise.

        Their ratio is the scale that fits the images best (least squares).

        Parameters
        ----------
        observed : torch.Tensor
            (b, h, w // 2 + 1) complex transforms of the images.
        predicted : torch.Tensor
            (b, h, w // 2 + 1) complex transforms of the predictions.

        Returns
        -------
        overlap, power : float
            Summed over the images, so that batches can be added.
        """
        weight = self.pixel_weight
        overlap = float((weight * (predicted.conj() * observed).real).sum())
        power = float((weight * torch.view_as_real(predicted).square().sum(-1)).sum())
        return overlap, power

    def shell_power(self, transform: torch.Tensor) -> torch.Tensor:
        """Mean power per Fourier shell.

        Parameters
        ----------
        transform : torch.Tensor
            (b, h, w // 2 + 1) complex.

        Returns
        -------
        torch.Tensor
            (box // 2 + 1,).
        """
        power = torch.view_as_real(transform).square().sum(-1).sum(0) * self.multiplicity
        total = power.new_zeros(len(self.noise_power))
        count = power.new_zeros(len(self.noise_power))
        total.index_add_(0, self.shells.flatten(), power.flatten())
        count.index_add_(0, self.shells.flatten(), self.multiplicity.flatten())
        return total / (count * len(transform))

    def set_noise(self, power: torch.Tensor) -> None:
        """Adopt a noise estimate; empty shells (a band-limited stack) get a floor.

        Parameters
        ----------
        power : torch.Tensor
            (box // 2 + 1,) radial power of the noise; no shell gets less than 1e-6 of the largest.
        """
        self.noise_power.copy_(power.clamp_min(1e-6 * float(power.max())))


def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of normal distributions from the standard normal one.

    Parameters
    ----------
    mean, log_variance : torch.Tensor
        (b, d) each.

    Returns
    -------
    torch.Tensor
        0-d: summed over dimensions, mean over particles.
    """
    per_dimension = mean.square() + log_variance.exp() - log_variance - 1
    return 0.5 * per_dimension.sum(1).mean()


def _multiplicity(box: int) -> torch.Tensor:
    """How many pixels of the full transform an rfft2 pixel stands for; 0 beyond Nyquist.

    Corners beyond the last shell carry no signal after Fourier cropping and are left out.
    """
    weight = torch.full((box, box // 2 + 1), 2.0)
    weight[:, 0] = 1.0
    weight[:, -1] = 1.0
    return torch.where(rfft_radius(box, 2) <= box // 2, weight, 0.0)
