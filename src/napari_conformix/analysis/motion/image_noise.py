"""What the noise of the images alone would make both halves agree on.

Both halves look at the same image of a held-out particle, so its noise n pulls their latents alike:
with predictions f_h(z), whitened, linear in the latent around the particle's own (J_h = df_h/dz,
D_h = d(displacement)/dz, and P_h a weak prior that bounds what an image does not say), a latent
that fits the image best errs by

    e_h = (J_h' J_h + P_h)^-1 J_h' n.

The covariance of the halves' displacement errors is then known without drawing any noise:

    < D_1 e_1 . D_2 e_2 > = trace( D_1 (J_1' J_1 + P_1)^-1 J_1' J_2 (J_2' J_2 + P_2)^-1 D_2' ).

It is what particles that do not move at all would show as shared motion. On simulated particles
that do not move, it has the shape of the observed covariance (correlation 0.9998 over positions)
and 0.98 of its size.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.motion.fields import Fields
from napari_conformix.analysis.motion.superposition import shape_change
from napari_conformix.training.contract import Batch

Floats = npt.NDArray[np.float64]
#: of a latent dimension's spread over particles: the step of the differences
STEP = 0.25
#: of the inverse covariance of the latents over particles: the prior. Their spread is itself what
#: noise makes it where nothing moves, so that the whole of it would hide the noise
PRIOR = 0.1
#: particles whose images are predicted at once
CHUNK = 8


def shared_noise(
    fields: Fields,
    index: npt.NDArray[np.int64],
    batch_of: Callable[[npt.NDArray[np.int64]], Batch],
    core: npt.NDArray[np.int64],
    stop: Callable[[], bool] | None = None,
) -> Floats | None:
    """(p,) A^2 at the table's positions: expected covariance of the halves' fields by noise.

    index      which of the held-out particles to take the mean over
    batch_of   rows of the particle file -> their batch
    core       rows of the positions that fields are superposed on
    None when the method does not say what it predicts, or `stop` said so.
    """
    rows = fields.table.validation_rows
    assert rows is not None
    latents = [z.astype(np.float64) for z in fields.held_out_latents()]
    spread = [np.maximum(z.std(axis=0), 1e-6) for z in latents]
    prior = [
        PRIOR * np.linalg.inv(np.cov(z.T) + np.diag(1e-6 * s**2))
        for z, s in zip(latents, spread, strict=True)
    ]
    total = np.zeros(len(fields.table_positions))
    for first in range(0, len(index), CHUNK):
        if stop is not None and stop():
            return None
        chunk = index[first : first + CHUNK]
        batch = batch_of(rows[chunk]).to(fields.method.device)
        images, gains = [], []
        for k in (0, 1):
            steps = _steps(latents[k][chunk], STEP * spread[k])
            jacobian = _image_jacobian(fields, steps, batch, k + 1, STEP * spread[k])
            if jacobian is None:
                return None
            gain = _field_jacobian(fields, steps, k + 1, STEP * spread[k], core)
            images.append(jacobian)
            information = np.swapaxes(jacobian, 1, 2) @ jacobian + prior[k]
            gains.append(np.einsum("bde,bepc->bdpc", np.linalg.inv(information), gain))
        cross = np.swapaxes(images[0], 1, 2) @ images[1]  # (b, d, d)
        total += np.einsum("bde,bdpc,bepc->p", cross, gains[0], gains[1], optimize=True)
    return np.asarray(total / len(index))


def _steps(latents: Floats, step: Floats) -> npt.NDArray[np.float32]:
    """(b, d) -> (b, d + 1, d): each latent, and a step from it along every dimension."""
    offsets = np.concatenate([np.zeros((1, len(step))), np.diag(step)])
    return np.asarray(latents[:, None] + offsets, np.float32)


def _image_jacobian(
    fields: Fields, steps: npt.NDArray[np.float32], batch: Batch, half: int, step: Floats
) -> Floats | None:
    """(b, k, d): change of the whitened predictions with every latent dimension."""
    import torch

    predicted = []
    for k in range(steps.shape[1]):
        latent = torch.from_numpy(np.ascontiguousarray(steps[:, k]))
        image = fields.method.whitened_prediction(latent.to(fields.method.device), batch, half)
        if image is None:
            return None
        predicted.append(image.double().cpu().numpy())
    changes = [(image - predicted[0]) / s for image, s in zip(predicted[1:], step, strict=True)]
    return np.stack(changes, axis=2)


def _field_jacobian(
    fields: Fields,
    steps: npt.NDArray[np.float32],
    half: int,
    step: Floats,
    core: npt.NDArray[np.int64],
) -> Floats:
    """(b, d, p, 3): change of the superposed displacements with every latent dimension."""
    place = fields.table_positions
    flat = fields.evaluate(steps.reshape(-1, steps.shape[2]), place, half)
    shape = shape_change(flat, place, core).reshape(*steps.shape[:2], len(place), 3)
    return np.asarray((shape[:, 1:] - shape[:, :1]) / step[None, :, None, None])
