"""Small data sets for the File > Open Sample menu, made when first asked for and kept."""

from pathlib import Path

import platformdirs

from napari_conformix.errors import UserError
from napari_conformix.simulation.dataset import Progress, simulate
from napari_conformix.simulation.scenes import SCENES

#: name -> what it is
SAMPLES = dict(SCENES)

_PARTICLES, _BOX, _SNR = 2000, 48, 0.1
#: raised when the files would come out differently, so that old ones are not taken for new
_VERSION = 1


def sample_data(
    name: str, folder: Path | str | None = None, progress: Progress | None = None
) -> Path:
    """The particles.star of a sample: 2,000 particles, box 48, 18 MB; a few seconds to make.

    Parameters
    ----------
    name: one of :data:`SAMPLES`.
    folder: where samples are kept; by default in the user's data folder.
    progress: receives the share of the work done, 0 to 1.
    """
    if name not in SAMPLES:
        raise UserError(f"There is no sample {name!r}; there are {', '.join(SAMPLES)}.")
    kept = Path(folder) if folder else platformdirs.user_data_path("napari-conformix") / "samples"
    out = kept / f"{name}-{_VERSION}"
    star = out / "particles.star"
    if star.exists():
        return star
    try:
        return simulate(name, out, _PARTICLES, _BOX, snr=_SNR, progress=progress)
    except UserError:
        if star.exists():  # another process made it meanwhile
            return star
        raise
