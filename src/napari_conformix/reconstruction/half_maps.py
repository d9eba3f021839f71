"""Half maps of a set of particles, their FSC, and the files that RELION's PostProcess takes."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import starfile
import torch

from napari_conformix.errors import UserError
from napari_conformix.imaging.fsc import Resolution, fsc, resolution_at
from napari_conformix.particles import write_map
from napari_conformix.reconstruction.reconstructor import Reconstructor
from napari_conformix.training.contract import Batch


@dataclass(frozen=True)
class HalfMaps:
    """Two maps from disjoint particles and the one from all of them, (z, y, x) float32 on the CPU.

    fsc, fsc_masked   (box // 2 + 1,) between the halves; masked is None without a mask
    """

    half1: torch.Tensor
    half2: torch.Tensor
    full: torch.Tensor
    counts: tuple[int, int]
    pixel_size_angstrom: float
    fsc: torch.Tensor
    fsc_masked: torch.Tensor | None

    @property
    def resolution(self) -> Resolution:
        """Where the FSC (with the mask where there is one) falls below 0.143.

        A masked FSC is not corrected for the correlation that the mask itself brings.
        """
        curve = self.fsc if self.fsc_masked is None else self.fsc_masked
        return resolution_at(curve, 0.143, self.half1.shape[0], self.pixel_size_angstrom)


def reconstruct_half_maps(
    batches: Iterable[Batch],
    half: npt.NDArray[np.integer],
    box: int,
    pixel_size_angstrom: float,
    *,
    mask: torch.Tensor | None = None,
    device: torch.device | str = "cpu",
    progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> HalfMaps | None:
    """Reconstruct both half sets in one pass over the particles.

    batches   any particles, in any order; read as they are needed
    half      the half set (1 or 2) of every row of the particle file; others are left out
    mask      (box, box, box) for a masked FSC beside the plain one
    progress  called with the number of particles done after each batch
    stop      asked after each batch; True ends the work
    returns   the maps, or None when stopped

    UserError when a half set has no particles or the mask has another box.
    """
    if mask is not None and mask.shape != (box,) * 3:
        raise UserError(
            f"The mask has the box {tuple(mask.shape)}, but the map has a box of {box}; "
            "give a mask on the grid of the consensus map."
        )
    halves = {h: Reconstructor(box, pixel_size_angstrom, device=device) for h in (1, 2)}
    done = 0
    for batch in batches:
        member = torch.as_tensor(half[batch.index.cpu().numpy()].astype(np.int64))
        for number, reconstructor in halves.items():
            chosen = (member == number).to(batch.index.device)
            if chosen.any():
                reconstructor.add(Batch(**{k: v[chosen] for k, v in vars(batch).items()}))
        done += len(batch)
        if progress is not None:
            progress(done)
        if stop is not None and stop():
            return None
    for number, reconstructor in halves.items():
        if reconstructor.count == 0:
            raise UserError(
                f"Half set {number} has none of the {done} particles to reconstruct; choose "
                "particles of both half sets."
            )
    return _finish(halves[1], halves[2], mask)


def _finish(first: Reconstructor, second: Reconstructor, mask: torch.Tensor | None) -> HalfMaps:
    half1, half2 = first.volume().cpu(), second.volume().cpu()
    masked = None if mask is None else fsc(half1.double(), half2.double(), mask.cpu().double())
    return HalfMaps(
        half1=half1,
        half2=half2,
        full=(first + second).volume().cpu(),
        counts=(first.count, second.count),
        pixel_size_angstrom=first.pixel_size_angstrom,
        fsc=fsc(half1.double(), half2.double()),
        fsc_masked=masked,
    )


def fsc_table(maps: HalfMaps) -> pd.DataFrame:
    """The FSC as a table with RELION's names; as in RELION shell 0 is said to be at 999 A."""
    box = maps.half1.shape[0]
    shell = np.arange(box // 2 + 1)
    frequency = np.maximum(shell / (box * maps.pixel_size_angstrom), 1 / 999)
    table = {
        "rlnSpectralIndex": shell,
        "rlnResolution": frequency,
        "rlnAngstromResolution": 1 / frequency,
        "rlnFourierShellCorrelationUnmaskedMaps": maps.fsc.numpy(),
    }
    if maps.fsc_masked is not None:
        table["rlnFourierShellCorrelationMaskedMaps"] = maps.fsc_masked.numpy()
    return pd.DataFrame(table)


def write_half_maps(maps: HalfMaps, folder: Path | str, name: str = "run") -> list[Path]:
    """Write the maps and the FSC; the folder is made when needed. Returns the paths.

    NAME_half1_class001_unfil.mrc and NAME_half2_class001_unfil.mrc are what RELION's PostProcess
    asks for; NAME_class001_unfil.mrc is the map of all particles, neither sharpened nor filtered;
    NAME_fsc.star and NAME_fsc.csv hold the curve.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    volumes = {
        f"{name}_half1_class001_unfil.mrc": maps.half1,
        f"{name}_half2_class001_unfil.mrc": maps.half2,
        f"{name}_class001_unfil.mrc": maps.full,
    }
    for file, volume in volumes.items():
        write_map(folder / file, volume.numpy(), maps.pixel_size_angstrom)
    table = fsc_table(maps)
    star, csv = folder / f"{name}_fsc.star", folder / f"{name}_fsc.csv"
    _replace(star, lambda path: starfile.write({"fsc": table}, path, overwrite=True))
    _replace(csv, lambda path: table.to_csv(path, index=False))
    return [*(folder / file for file in volumes), star, csv]


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write under a temporary name and rename, so that a reader never sees half a file."""
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    write(temporary)
    os.replace(temporary, path)
