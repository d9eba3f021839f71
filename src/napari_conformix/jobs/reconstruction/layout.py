"""Names of the files in the folder of a reconstruction, next to those that every run has."""

from pathlib import Path

from napari_conformix.jobs.reconstruction.spec import SPEC
from napari_conformix.runs import layout

#: which particles, whose model and latents deform them, and the sums so far
ROWS = "rows.npy"
LATENTS = "latents.npz"
MODEL = "model.safetensors"
SUMS = "sums.safetensors"
#: what comes out
MASK = "mask.mrc"
LOCAL_RESOLUTION = "local_resolution.mrc"
PLAIN_LOCAL_RESOLUTION = "plain_local_resolution.mrc"
REPORT = "report.json"
PAGE = "report.html"


def half_map(name: str, half: int) -> str:
    """RELION's name of a half map; `name` is 'run', or 'plain' next to deformed maps."""
    return f"{name}_half{half}_class001_unfil.mrc"


def full_map(name: str) -> str:
    """RELION's name of the map of all particles."""
    return f"{name}_class001_unfil.mrc"


def remove_all(folder: Path) -> None:
    """Remove what reconstructions write, and nothing else that lies in the folder."""
    names = [SPEC, ROWS, LATENTS, MODEL, SUMS, MASK, REPORT, PAGE]
    names += [LOCAL_RESOLUTION, PLAIN_LOCAL_RESOLUTION, layout.EVENTS, layout.STDOUT, layout.STDERR]
    names += [*layout.MARKERS, layout.PAUSE_FILE, layout.ABORT_FILE]
    for name in ("run", "plain"):
        names += [half_map(name, 1), half_map(name, 2), full_map(name)]
        names += [f"{name}_fsc.star", f"{name}_fsc.csv"]
    for file in names:
        (folder / file).unlink(missing_ok=True)
