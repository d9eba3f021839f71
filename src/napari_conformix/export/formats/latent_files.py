"""What the latents of a path are written as."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from napari_conformix.export.formats.table import FileFormat, FormatTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    #: (n, d) latents, the path, and what they are in a sentence
    Writer = Callable[[NDArray[np.floating], Path, str], None]


@dataclass(frozen=True, kw_only=True)
class LatentFormat(FileFormat):
    """A kind of file for latents."""

    write: "Writer"


def _write_numbers(latents: "NDArray[np.floating]", path: Path, sentence: str) -> None:
    from napari_conformix.export.latent_writers import write_numbers

    write_numbers(latents, path)


def _write_text(latents: "NDArray[np.floating]", path: Path, sentence: str) -> None:
    from napari_conformix.export.latent_writers import write_text

    write_text(latents, path, sentence)


LATENT_FILES: Final = FormatTable(
    LatentFormat(
        suffix=".npy",
        name="Numbers",
        line="Numbers",
        example=".npy",
        write=_write_numbers,
    ),
    LatentFormat(
        suffix=".txt",
        name="Text",
        line="Text that other programs read, too",
        example=".txt that other programs read, too",
        write=_write_text,
    ),
)
