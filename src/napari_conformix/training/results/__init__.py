"""What a run shows of itself while it goes on: latents, coordinates of motion, the live map.

The loop asks for a refresh; the files are read by `training.latent_table` and `latent_history`.
"""

from napari_conformix.training.results import clean_pass, motion
from napari_conformix.training.results.refresh import Results

__all__ = [
    "Results",
    "clean_pass",
    "motion",
]
