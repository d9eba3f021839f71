"""Latents of particles that a model never saw, fitted to their images with the model as it is."""

import torch

from napari_conformix.methods.dynamight.half_model import HalfModel
from napari_conformix.methods.dynamight.networks import ParticleLatents
from napari_conformix.training.contract import Batch

#: latents of the model's own particles that are tried first: the misfit has several minima
CANDIDATES = 32
#: Adam's steps from the best of them, and their size
STEPS, STEP_SIZE = 30, 0.05
#: the candidates are the same at every call
_SEED = 1


def embed(
    model: HalfModel, latents: ParticleLatents, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents of images that the model never saw.

    The best of `CANDIDATES` latents of trained particles by the data loss (eq. 11), then Adam on
    the loss of training: data and Kullback-Leibler term. The standard deviation is the mean one of
    the trained particles: a single image does not say how certain its latent is.

    Parameters
    ----------
    model : HalfModel
        A trained half; it stays as it is.
    latents : ParticleLatents
        Of the particles of that half.
    batch : Batch
        b particles; their `index` is not used.

    Returns
    -------
    mean, std : torch.Tensor
        (b, d) each.

    Raises
    ------
    ValueError
        If the model was not trained.
    """
    trained = latents.seen.nonzero()[:, 0]
    if len(trained) == 0:
        raise ValueError("A model that was not trained has no latents to compare images with.")
    generator = torch.Generator().manual_seed(_SEED)
    chosen = trained[torch.randperm(len(trained), generator=generator)[:CANDIDATES]]
    with torch.no_grad():
        mean = _best_candidate(model, latents.mean[chosen], batch)
        std = (0.5 * latents.log_variance[trained]).exp().mean(0)
    return _refined(model, mean, batch), std.expand_as(mean).clone()


def _best_candidate(model: HalfModel, candidates: torch.Tensor, batch: Batch) -> torch.Tensor:
    """(c, d) -> (b, d): for every image the candidate that explains it best."""
    positions = model.reference.positions
    misfits = [
        model.misfit_at(batch, (positions + model.displacement(z[None], positions))[0])
        for z in candidates
    ]
    return candidates[torch.stack(misfits).argmin(0)].clone()


def _refined(model: HalfModel, mean: torch.Tensor, batch: Batch) -> torch.Tensor:
    positions = model.reference.positions.detach()
    with torch.enable_grad():
        latent = mean.detach().requires_grad_()
        optimizer = torch.optim.Adam([latent], lr=STEP_SIZE)
        for _ in range(STEPS):
            data = model.misfit_at(batch, positions + model.displacement(latent, positions)).sum()
            prior = 0.5 * latent.square().sum() * model.kl_weight
            # not `backward`, which would leave gradients in the decoder
            (latent.grad,) = torch.autograd.grad(data + prior, latent)
            optimizer.step()
    return latent.detach()
