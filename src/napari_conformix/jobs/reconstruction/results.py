"""From the sums over particles to maps, curves and report."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import psutil

from napari_conformix.jobs.reconstruction import layout as files
from napari_conformix.jobs.reconstruction.events import (
    ReconstructionFinished,
    ReconstructionProgress,
)
from napari_conformix.jobs.reconstruction.page import save_page
from napari_conformix.jobs.reconstruction.report import (
    Curves,
    InverseResidual,
    LocalResolution,
    ReconstructionReport,
)
from napari_conformix.jobs.reconstruction.spec import ReconstructionSpec
from napari_conformix.runs import Event, Warning
from napari_conformix.training.events import Started

if TYPE_CHECKING:
    import torch

    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.reconstruction import HalfMaps, HalfReconstructions

#: A; maps are low-passed to this before a mask is drawn around them, as is usual
MASK_LOW_PASS_ANGSTROM = 15.0
MASK_EXTEND_PX, MASK_SOFT_EDGE_PX = 3.0, 6.0


@dataclass
class Outcome:
    """What a run found out so far, for its report."""

    job: "JobFolder"
    folder: Path
    spec: ReconstructionSpec
    began: float
    device: "torch.device"
    warnings: list[str] = field(default_factory=list)
    folded_share: float | None = None
    rms_displacement_angstrom: float | None = None
    inverse_residual: dict[str, InverseResidual] = field(default_factory=dict)
    images_per_second: float | None = None

    def warn(self, message: str) -> Warning:
        """The event that says it; the report will, too."""
        self.warnings.append(message)
        return Warning(message=message)


def write_results(outcome: Outcome, sums: "HalfReconstructions") -> Iterator[Event]:
    """Write maps, mask, curves, local resolution and report; the last event is `finished`."""
    from napari_conformix.reconstruction import write_half_maps

    folder = outcome.folder
    yield ReconstructionProgress(phase="maps", message="Making the half maps")
    maps = sums.finish()
    mask, origin = _mask(outcome, maps)
    _write_map(folder / files.MASK, mask, maps.pixel_size_angstrom)
    yield ReconstructionProgress(phase="FSC", message="Comparing the half maps")
    curves = _curves(maps, mask)
    plain = None if maps.plain is None else _curves(maps.plain, mask)
    write_half_maps(maps, folder)
    if maps.plain is not None:
        write_half_maps(maps.plain, folder, name="plain")
    local = plain_local = None
    if outcome.spec.settings.local_resolution and not (mask > 0.5).any():
        yield outcome.warn("The mask of the FSC is empty: there is no local resolution.")
    elif outcome.spec.settings.local_resolution:
        yield ReconstructionProgress(phase="local resolution", message="Local resolution")
        local = _local_resolution(outcome, maps, mask, curves, files.LOCAL_RESOLUTION)
        if maps.plain is not None:
            plain_local = _local_resolution(
                outcome, maps.plain, mask, curves, files.PLAIN_LOCAL_RESOLUTION
            )
    yield ReconstructionProgress(phase="report", message="Writing the report")
    report = _report(outcome, maps, origin, curves, plain, local, plain_local)
    save_page(report, folder / files.PAGE)
    report.save(folder / files.REPORT)
    (folder / files.SUMS).unlink(missing_ok=True)
    yield ReconstructionFinished(
        done=sum(maps.counts),
        seconds=monotonic() - outcome.began,
        resolution_angstrom=curves.resolution_angstrom,
        plain_resolution_angstrom=None if plain is None else plain.resolution_angstrom,
    )


def _curves(maps: "HalfMaps", mask: "torch.Tensor") -> Curves:
    from napari_conformix.imaging import corrected_fsc

    found = corrected_fsc(maps.half1, maps.half2, mask)
    return Curves.of(found, maps.half1.shape[0], maps.pixel_size_angstrom)


def _mask(outcome: Outcome, maps: "HalfMaps") -> "tuple[torch.Tensor, str]":
    """The mask of the FSC, and how it came about in words."""
    import torch

    from napari_conformix.imaging import contour_threshold, low_pass, soft_mask, threshold_enclosing
    from napari_conformix.particles import read_map
    from napari_conformix.reconstruction import refuse_other_box

    given = outcome.spec.settings.mask or outcome.job.spec.inputs.mask
    if given is not None:
        mask = torch.from_numpy(read_map(given)[0].copy())
        refuse_other_box(mask, maps.full.shape[0])
        return mask, f"as given, {given}"
    pixel_size = maps.pixel_size_angstrom
    smooth = low_pass(maps.full, pixel_size, MASK_LOW_PASS_ANGSTROM)
    facts = next((event.facts for event in outcome.job.events() if isinstance(event, Started)), {})
    enclosed = facts.get("enclosed_volume_angstrom3")
    if enclosed:
        threshold = threshold_enclosing(smooth, float(enclosed), pixel_size)
        contour = f"the contour that encloses {float(enclosed):,.0f} cubic A, as in training"
    else:
        threshold, contour = contour_threshold(smooth), "an automatic contour"
    mask = soft_mask(smooth, threshold, MASK_EXTEND_PX, MASK_SOFT_EDGE_PX)
    return mask, (
        f"made from the map of all particles, low-passed to {MASK_LOW_PASS_ANGSTROM:g} A: "
        f"{contour}, extended by {MASK_EXTEND_PX:g} px, with a soft edge of "
        f"{MASK_SOFT_EDGE_PX:g} px"
    )


def _local_resolution(
    outcome: Outcome, maps: "HalfMaps", mask: "torch.Tensor", curves: Curves, name: str
) -> LocalResolution:
    """Written as `name`; the window is that of the maps asked for, so that the plain ones
    compare."""
    from napari_conformix.reconstruction import default_window, local_resolution

    settings = outcome.spec.settings
    pixel_size = maps.pixel_size_angstrom
    window = settings.local_window_angstrom or default_window(
        curves.resolution_angstrom, maps.full.shape[0], pixel_size
    )
    found = local_resolution(
        maps.half1,
        maps.half2,
        mask,
        pixel_size,
        window_angstrom=window,
        threshold=settings.local_threshold,
    )
    _write_map(outcome.folder / name, found.map, pixel_size)
    best, median, worst = found.quantiles(0.1, 0.5, 0.9)
    return LocalResolution(
        path=name,
        threshold=settings.local_threshold,
        window_angstrom=window,
        best_angstrom=best,
        median_angstrom=median,
        worst_angstrom=worst,
    )


def _report(
    outcome: Outcome,
    maps: "HalfMaps",
    mask_origin: str,
    curves: Curves,
    plain: Curves | None,
    local: LocalResolution | None,
    plain_local: LocalResolution | None,
) -> ReconstructionReport:
    spec = outcome.spec
    beside = maps.plain is not None
    return ReconstructionReport(
        name=spec.name,
        job=outcome.job.folder.name,
        deformed=spec.deformed,
        warp=spec.settings.warp,
        epoch=spec.epoch,
        selection=spec.selection,
        particles=maps.counts,
        box=maps.half1.shape[0],
        pixel_size_angstrom=maps.pixel_size_angstrom,
        half_maps=(files.half_map("run", 1), files.half_map("run", 2)),
        full_map=files.full_map("run"),
        plain_half_maps=(files.half_map("plain", 1), files.half_map("plain", 2))
        if beside
        else None,
        plain_full_map=files.full_map("plain") if beside else None,
        mask=files.MASK,
        mask_origin=mask_origin,
        curves=curves,
        plain=plain,
        deformed_against_plain=_against_plain(maps),
        local_resolution=local,
        plain_local_resolution=plain_local,
        inverse_residual=outcome.inverse_residual,
        folded_share=outcome.folded_share,
        rms_displacement_angstrom=outcome.rms_displacement_angstrom,
        seconds=monotonic() - outcome.began,
        images_per_second=outcome.images_per_second,
        memory_bytes=psutil.Process().memory_info().rss,
        warnings=outcome.warnings,
    )


def _against_plain(maps: "HalfMaps") -> dict[str, list[float]]:
    from napari_conformix.imaging import fsc

    if maps.plain is None:
        return {}
    pairs = {"1": (maps.half1, maps.plain.half1), "2": (maps.half2, maps.plain.half2)}
    return {half: fsc(a.double(), b.double()).tolist() for half, (a, b) in pairs.items()}


def _write_map(path: Path, volume: "torch.Tensor", pixel_size_angstrom: float) -> None:
    from napari_conformix.particles import write_map

    write_map(path, volume.numpy(), pixel_size_angstrom)
