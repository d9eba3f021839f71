"""What a finished reconstruction holds, read in a worker. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from napari_conformix.widgets.parts import EnclosedVolume, FscFamily
from napari_conformix.widgets.scene import Coloured, coloured_surface
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.jobs.reconstruction import Curves, ReconstructionReport

DEFORMED: Final = "motion undone"
PLAIN: Final = "plain"
#: resolutions that differ by a smaller share are called the same
_SAME: Final = 0.01
COLOURS: Final = {DEFORMED: "#e69f00", PLAIN: "#56b4e9"}


@dataclass(frozen=True)
class ResultMap:
    """A map of all particles (z, y, x) and its local resolution in A; None where not made."""

    title: str
    array: np.ndarray
    local: np.ndarray | None


@dataclass(frozen=True)
class Result:
    """A report with its maps; the map that was asked for comes first."""

    run: Any
    report: ReconstructionReport
    maps: tuple[ResultMap, ...]
    threshold: float
    volume: EnclosedVolume

    @property
    def pixel_size_angstrom(self) -> float:
        """Of the maps."""
        return self.report.pixel_size_angstrom

    def families(self) -> list[FscFamily]:
        """The curves of the map asked for, and of the plain one next to it."""
        title = self.maps[0].title
        found = [FscFamily.of(title, COLOURS[title], self.report.curves)]
        if self.report.plain is not None:
            found.append(FscFamily.of(PLAIN, COLOURS[PLAIN], self.report.plain))
        return found

    def sentences(self) -> list[tuple[str, str]]:
        """(severity, sentence): what came out, then what to heed."""
        found = [("note", text) for text in [*_gain(self.report), *_residual(self.report)]]
        from napari_conformix.jobs.reconstruction import USE_PLAIN

        worse = [USE_PLAIN] if self.report.worse_than_plain else []
        heed = [("warning", text) for text in [*worse, *self.report.warnings]]
        return [(severity, with_units(text)) for severity, text in [*found, *heed]]

    def figures(self) -> list[str]:
        """All that the report says, and from which mask."""
        return [
            with_units(text).replace("cubic A", "Å³")
            for text in (*self.report.sentences(), f"Mask: {self.report.mask_origin}.")
        ]

    def files(self) -> list[Path]:
        """Half maps and map, as RELION's PostProcess takes them."""
        folder = Path(self.run.folder)
        return [folder / name for name in (*self.report.half_maps, self.report.full_map)]

    def surfaces(self, threshold: float) -> dict[str, Coloured | None]:
        """The contour of each map with local resolution at its vertices (in a worker)."""
        return {
            found.title: coloured_surface(
                found.array, found.local, self.pixel_size_angstrom, threshold
            )
            for found in self.maps
        }


def load(run: Any) -> Result:
    """Read the report and the maps of a finished run; UserError when one is missing."""
    import torch

    from napari_conformix.imaging import choose_threshold

    report = run.report()
    folder = Path(run.folder)
    title = DEFORMED if report.deformed else PLAIN
    maps = [_map(folder, title, report.full_map, report.local_resolution)]
    if report.plain_full_map is not None:
        maps.append(_map(folder, PLAIN, report.plain_full_map, report.plain_local_resolution))
    array = maps[0].array
    return Result(
        run,
        report,
        tuple(maps),
        choose_threshold(torch.from_numpy(array)),
        EnclosedVolume.of(array, report.pixel_size_angstrom),
    )


def _map(folder: Path, title: str, name: str, local: Any) -> ResultMap:
    from napari_conformix.particles import read_map

    array = np.array(read_map(folder / name)[0], dtype=np.float32)
    resolution = None
    if local is not None:
        resolution = np.array(read_map(folder / local.path)[0], dtype=np.float32)
    return ResultMap(title, array, resolution)


def _gain(report: ReconstructionReport) -> list[str]:
    """What undoing the motion has changed: resolution of the whole, then place by place."""
    counted = f"{sum(report.particles):,} particles"
    if report.plain is None:
        return [f"The plain map of {counted} reaches {_reach(report.curves)}."]
    ours, theirs = report.curves.resolution_angstrom, report.plain.resolution_angstrom
    if abs(theirs - ours) >= _SAME * theirs:
        how = "finer" if ours < theirs else "coarser"
        found = [
            f"With the motion undone the map of {counted} reaches {_reach(report.curves)}, {how} "
            f"than the plain map of the same particles with {_reach(report.plain)}."
        ]
    else:
        found = [
            f"With and without the motion undone the map of {counted} reaches "
            f"{_reach(report.curves)}. A part that moves is a small share of the whole: look at "
            "it in the map, side by side, coloured by local resolution."
        ]
    return found + _local_gain(report)


def _local_gain(report: ReconstructionReport) -> list[str]:
    ours, theirs = report.local_resolution, report.plain_local_resolution
    if ours is None or theirs is None:
        return []
    return [
        f"Local resolution within the mask: half of it better than {ours.median_angstrom:.1f} A "
        f"(plain {theirs.median_angstrom:.1f}), the worst tenth above {ours.worst_angstrom:.1f} A "
        f"(plain {theirs.worst_angstrom:.1f})."
    ]


def _residual(report: ReconstructionReport) -> list[str]:
    """How much was undone, and how well a learnt inverse does it, where one was used."""
    half_voxel = 0.5 * report.pixel_size_angstrom
    moved = report.rms_displacement_angstrom
    undone = [] if moved is None else [f"The motion that was undone: {moved:.1f} A RMS."]
    return undone + [
        f"The inverse of half {half}'s motion misses by {residual.mean_angstrom:.2f} A on average "
        f"and {residual.worst_angstrom:.2f} A at worst; half a voxel is {half_voxel:.2f} A."
        for half, residual in sorted(report.inverse_residual.items())
    ]


def _reach(curves: Curves) -> str:
    angstrom = f"{curves.resolution_angstrom:.2f} A"
    return angstrom if curves.reached else f"{angstrom}, the finest that the pixel size shows"
