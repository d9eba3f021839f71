"""Latents of a path as a file of each kind, whole or not at all; the table is in `formats`."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_conformix.runs import whole_file


def write_numbers(latents: NDArray[np.floating], path: Path) -> None:
    """Write (n, d) latents as .npy."""
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.save(file, latents)


def write_text(latents: NDArray[np.floating], path: Path, sentence: str) -> None:
    """Write (n, d) latents as text: a line that says what they are, and one for each step."""
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        np.savetxt(file, latents, fmt="%.7g", header=sentence)
