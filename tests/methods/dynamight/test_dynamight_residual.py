"""What DynaMight's latents leave of an image, against what they predict of it."""

import torch

from napari_conformix.methods.dynamight import DynaMight, DynaMightSettings
from napari_conformix.training.contract import Batch


def test_the_residual_is_the_whitened_image_less_the_prediction(swing) -> None:
    torch.manual_seed(0)
    method = DynaMight(DynaMightSettings(gaussians=60, latent_dim=3), swing.frame)
    method.initialise(swing.consensus, None)
    model = method.models[1]
    model.set_noise(torch.linspace(3.0, 1.0, len(model.noise_power)))
    batch = swing.batch(range(5))
    latent = torch.randn(5, 3)
    blank = Batch(**vars(batch) | {"images": torch.zeros_like(batch.images)})
    residual, nothing = (method.image_residual(latent, seen, 1) for seen in (batch, blank))
    predicted = method.whitened_prediction(latent, batch, 1)
    twice = model.multiplicity.sqrt()  # there, every pixel of the full transform counts
    torch.testing.assert_close(torch.view_as_real(-nothing * twice).flatten(1), predicted)
    origin = torch.fft.ifftshift(batch.images, dim=(-2, -1))
    image = torch.fft.rfft2(origin) / model.noise_power[model.shells].sqrt()
    torch.testing.assert_close(residual - nothing, image, rtol=1e-4, atol=1e-4)
