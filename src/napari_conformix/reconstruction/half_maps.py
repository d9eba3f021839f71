"""Half maps of a set of particles, their FSC, and the files that RELION's PostProcess takes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import starfile
import torch

from napari_conformix.errors import UserError
from napari_conformix.imaging import Resolution, fsc, resolution_at
from napari_conformix.particles import write_map
from napari_conformix.reconstruction.deformed import Warp
from napari_conformix.reconstruction.reconstructor import Reconstructor
from napari_conformix.runs import atomic_path
from napari_conformix.training.contract import Batch


@dataclass(frozen=True)
class HalfMaps:
    """Two maps from disjoint particles and the one from all of them, (z, y, x) float32 on the CPU.

    fsc, fsc_masked   (box // 2 + 1,) between the halves; masked is None without a mask
    plain             where these maps are deformed: the undeformed ones of the same particles
    """

    half1: torch.Tensor
    half2: torch.Tensor
    full: torch.Tensor
    counts: tuple[int, int]
    pixel_size_angstrom: float
    fsc: torch.Tensor
    fsc_masked: torch.Tensor | None
    plain: "HalfMaps | None" = None

    @property
    def resolution(self) -> Resolution:
        """Where the FSC (with the mask where there is one) falls below 0.143.

        A masked FSC is not corrected for the correlation that the mask itself brings.
        """
        curve = self.fsc if self.fsc_masked is None else self.fsc_masked
        return resolution_at(curve, 0.143, self.half1.shape[0], self.pixel_size_angstrom)


class HalfReconstructions:
    """The sums of both half sets, while particles are added: plain, and deformed where asked for.

    half    the half set (1 or 2) of every row of the particle file; others are left out
    warps   by half, what its deformed particles add; without them the maps are plain
    """

    def __init__(
        self,
        half: npt.NDArray[np.integer],
        box: int,
        pixel_size_angstrom: float,
        *,
        warps: Mapping[int, Warp] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self._half = half
        self._warps = dict(warps or {})
        self._sums = {h: Reconstructor(box, pixel_size_angstrom, device=device) for h in (1, 2)}

    def add(self, batch: Batch) -> None:
        """Add each particle to its own half set.

        Parameters
        ----------
        batch : Batch
            Particles with images of the map's box and pixel size; `index` selects the half set.
        """
        member = torch.as_tensor(self._half[batch.index.cpu().numpy()].astype(np.int64))
        for number, sums in self._sums.items():
            chosen = (member == number).to(batch.index.device)
            if not chosen.any():
                continue
            mine = Batch(**{k: v[chosen] for k, v in vars(batch).items()}).to(sums.device)
            values = sums.add(mine)
            if number in self._warps:
                self._warps[number].add(values, mine.rotation, mine.index)

    @property
    def counts(self) -> tuple[int, int]:
        """Particles in either half so far."""
        return self._sums[1].count, self._sums[2].count

    def memory_bytes(self) -> int:
        """Peak memory, reached in :meth:`finish`: both sums, their total, and one division.

        Returns
        -------
        int
            Bytes, with those of the warps.
        """
        sums = self._sums[1]
        division = sums.memory_bytes(sums.box)  # of one half, its own sums included
        warps = sum(warp.memory_bytes() for warp in self._warps.values())
        return division + division // 2 + warps

    def state(self) -> dict[str, torch.Tensor]:
        """All sums, to go on from later.

        Returns
        -------
        dict of str to torch.Tensor
            By flat names: those of each half's sums, and of its warp, after `half1.`, `warp1.` and
            so on.
        """
        parts = {f"half{h}": sums.state() for h, sums in self._sums.items()}
        parts |= {f"warp{h}": warp.state() for h, warp in self._warps.items()}
        return {f"{part}.{k}": v for part, state in parts.items() for k, v in state.items()}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take over what :meth:`state` returned.

        Parameters
        ----------
        state : Mapping of str to torch.Tensor
            All sums, by flat names.

        Raises
        ------
        ValueError
            If it is of another set-up: with warps where there are none here, or the reverse.
        """
        if {*state} != {*self.state()}:
            raise ValueError("These sums are of another reconstruction.")
        for part, owner in (("half", self._sums), ("warp", self._warps)):
            for h, one in owner.items():
                prefix = f"{part}{h}."
                one.load_state(
                    {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
                )

    def finish(self, mask: torch.Tensor | None = None) -> HalfMaps:
        """The maps of what was added.

        Parameters
        ----------
        mask : torch.Tensor, optional
            (box, box, box) for a masked FSC next to the plain one.

        Returns
        -------
        HalfMaps
            Deformed where there are warps, with the plain ones in `plain`.

        Raises
        ------
        UserError
            If a half set has no particles.
        """
        for number, sums in self._sums.items():
            if sums.count == 0:
                raise UserError(
                    f"Half set {number} has none of the {sum(self.counts)} particles to "
                    "reconstruct; choose particles of both half sets."
                )
        plain = self._maps(None, mask)
        if not self._warps:
            return plain
        differences = {h: warp.difference() for h, warp in self._warps.items()}
        return replace(self._maps(differences, mask), plain=plain)

    def _maps(
        self, differences: dict[int, torch.Tensor] | None, mask: torch.Tensor | None
    ) -> HalfMaps:
        added: dict[int, torch.Tensor | None] = {1: None, 2: None, **(differences or {})}
        half1, half2 = (self._sums[h].volume(back_projected=added[h]).cpu() for h in (1, 2))
        both = None if differences is None else differences[1] + differences[2]
        masked = None if mask is None else fsc(half1.double(), half2.double(), mask.cpu().double())
        return HalfMaps(
            half1=half1,
            half2=half2,
            full=(self._sums[1] + self._sums[2]).volume(back_projected=both).cpu(),
            counts=self.counts,
            pixel_size_angstrom=self._sums[1].pixel_size_angstrom,
            fsc=fsc(half1.double(), half2.double()),
            fsc_masked=masked,
        )


def reconstruct_half_maps(
    batches: Iterable[Batch],
    half: npt.NDArray[np.integer],
    box: int,
    pixel_size_angstrom: float,
    *,
    mask: torch.Tensor | None = None,
    warps: Mapping[int, Warp] | None = None,
    device: torch.device | str = "cpu",
    progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> HalfMaps | None:
    """Reconstruct both half sets in one pass over the particles.

    Parameters
    ----------
    batches : Iterable of Batch
        Any particles, in any order; read as they are needed.
    half : numpy.ndarray
        (N,) integer: the half set (1 or 2) of every row of the particle file; rows with another
        value are left out.
    box : int
        Pixels along an edge of the images and voxels along an edge of the maps, even.
    pixel_size_angstrom : float
        Of images and maps, in A.
    mask : torch.Tensor, optional
        (box, box, box) for a masked FSC next to the plain one.
    warps : Mapping of int to Warp, optional
        By half, for deformed maps (see deformed.py); `plain` of the result holds the others.
    device : torch.device or str
        Where the sums are.
    progress : Callable, optional
        Called with the number of particles done after each batch.
    stop : Callable, optional
        Asked after each batch; True ends the work.

    Returns
    -------
    HalfMaps or None
        The maps; None when stopped.

    Raises
    ------
    UserError
        If a half set has no particles or the mask has another box.
    """
    refuse_other_box(mask, box)
    sums = HalfReconstructions(half, box, pixel_size_angstrom, warps=warps, device=device)
    done = 0
    for batch in batches:
        sums.add(batch)
        done += len(batch)
        if progress is not None:
            progress(done)
        if stop is not None and stop():
            return None
    return sums.finish(mask)


def refuse_other_box(mask: torch.Tensor | None, box: int) -> None:
    """Refuse a mask that is not on the grid of the map.

    Parameters
    ----------
    mask : torch.Tensor or None
        None passes.
    box : int
        Voxels along an edge of the map.

    Raises
    ------
    UserError
        If the mask is not (box, box, box).
    """
    if mask is not None and mask.shape != (box,) * 3:
        raise UserError(
            f"The mask has the box {tuple(mask.shape)}, but the map has a box of {box}; "
            "give a mask on the grid of the consensus map."
        )


def fsc_table(maps: HalfMaps) -> pd.DataFrame:
    """The FSC between half maps as a table with RELION's names.

    As in RELION, shell 0 is given as 999 A.

    Parameters
    ----------
    maps : HalfMaps
        Whose curves are taken.

    Returns
    -------
    pandas.DataFrame
        box // 2 + 1 rows: rlnSpectralIndex, rlnResolution (1/A), rlnAngstromResolution (A),
        rlnFourierShellCorrelationUnmaskedMaps and, with a mask,
        rlnFourierShellCorrelationMaskedMaps.
    """
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
    """Write the maps and the FSC.

    NAME_half1_class001_unfil.mrc and NAME_half2_class001_unfil.mrc are what RELION's PostProcess
    asks for; NAME_class001_unfil.mrc is the map of all particles, neither sharpened nor filtered;
    NAME_fsc.star and NAME_fsc.csv hold the curve.

    Parameters
    ----------
    maps : HalfMaps
        What to write; its `plain` maps are not written.
    folder : pathlib.Path or str
        Made when needed.
    name : str
        NAME above.

    Returns
    -------
    list of pathlib.Path
        The files: half 1, half 2, all particles, star, csv.
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
    with atomic_path(star) as temporary:
        starfile.write({"fsc": table}, temporary)
    with atomic_path(csv) as temporary:
        table.to_csv(temporary, index=False)
    return [*(folder / file for file in volumes), star, csv]
