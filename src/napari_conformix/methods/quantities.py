"""What methods that fit images call the same."""

from napari_conformix.training.events import Quantity

_UNIT = (
    "In units of the noise, which is estimated again as training goes on: this may rise while the "
    "maps improve. Judge by the first curve of the list."
)
LOSS = Quantity("Loss: all terms, weighted", note=_UNIT)
DATA = Quantity("Misfit to the images", note=_UNIT)
KL = Quantity("KL divergence: latents from a standard normal")
NOISE_POWER = Quantity("Noise power by resolution", "a pixel’s variance")
