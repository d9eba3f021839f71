"""The map that the window shows while training goes on."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_conformix.runs import layout
from napari_conformix.training.contract import Method
from napari_conformix.training.split import Split


def write_live_volumes(
    method: Method, mean: NDArray[np.float32] | None, split: Split, folder: Path
) -> Iterator[tuple[str, int]]:
    """Write volumes/live_half1.mrc (live.mrc with one model): the decoded mean latent of a half.

    Float32, original box and pixel size. Yields (path relative to `folder`, half).
    """
    from napari_conformix.particles import write_map

    for half in method.halves:
        latent = np.zeros(method.latent_dim, dtype=np.float32)
        if mean is not None:
            latent = mean[split.rows(half, "train")].mean(axis=0)
        with torch.no_grad():
            decoded = method.decode(torch.from_numpy(latent)[None].to(method.device), half)
        name = f"live_half{half}.mrc" if half else "live.mrc"
        volume = decoded[0].float().cpu().numpy()  # (z, y, x)
        (folder / layout.VOLUMES).mkdir(exist_ok=True)
        write_map(folder / layout.VOLUMES / name, volume, method.frame.pixel_size_angstrom)
        yield f"{layout.VOLUMES}/{name}", half
