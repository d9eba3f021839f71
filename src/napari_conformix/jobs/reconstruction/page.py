"""A reconstruction's report as a page of its own, with its curves drawn."""

from pathlib import Path

from napari_conformix.analysis.figures import page, plots
from napari_conformix.jobs.reconstruction.report import (
    HALF_MAP_THRESHOLD,
    Curves,
    ReconstructionReport,
)
from napari_conformix.runs import atomic_write

#: rows of the table of curves
_TABLE_ROWS = 24


def save_page(report: ReconstructionReport, path: str | Path) -> None:
    """Write a page for people, with the curves drawn, that needs no other file."""
    atomic_write(path, report_page(report).encode())


def report_page(report: ReconstructionReport) -> str:
    """HTML that needs no other file."""
    heads, rows = _table(report)
    return page(
        "reconstruction.html",
        title=f"Reconstruction {report.name} of {report.job}",
        sentences=report.sentences(),
        warnings=report.warnings,
        figures=[_halves_plot(report), _corrections_plot(report.curves)],
        details=[f"Mask: {report.mask_origin}.", *_details(report)],
        heads=heads,
        rows=rows,
    )


def _halves_plot(report: ReconstructionReport) -> str:
    """The corrected curve, next to that of the plain maps of the same particles."""
    curves = report.curves
    name = "deformed" if report.deformed else "plain"
    series = [(name, curves.frequency[1:], curves.corrected[1:], False)]
    if report.plain is not None:
        series.append(("plain, same particles", *_corrected(report.plain), True))
    ends = [curves.frequency[1], curves.frequency[-1]]
    series.append((f"{HALF_MAP_THRESHOLD}", ends, [HALF_MAP_THRESHOLD] * 2, True))
    return plots.lines(
        series,
        labels=("spatial frequency, 1/A", "FSC between half maps"),
        title="FSC between half maps, corrected for the mask",
    )


def _corrected(curves: Curves) -> tuple[list[float], list[float]]:
    return curves.frequency[1:], curves.corrected[1:]


def _corrections_plot(curves: Curves) -> str:
    names = ("corrected", "masked", "unmasked", "randomised")
    dashed = (False, True, False, True)
    series = [
        (name, curves.frequency[1:], getattr(curves, name)[1:], dash)
        for name, dash in zip(names, dashed, strict=True)
    ]
    return plots.lines(
        series,
        labels=("spatial frequency, 1/A", "FSC between half maps"),
        title="How the mask was corrected for",
    )


def _details(report: ReconstructionReport) -> list[str]:
    lines = [f"Files: {', '.join((*report.half_maps, report.full_map))} (not sharpened)."]
    if report.plain_half_maps is not None:
        lines.append(f"Plain, of the same particles: {', '.join(report.plain_half_maps)}.")
    lines.append(
        "RELION's PostProcess takes the half maps as they are: relion_postprocess --i "
        f"{report.half_maps[0]} --mask {report.mask} --angpix {report.pixel_size_angstrom:g}"
    )
    if report.deformed:
        shift = report.rms_displacement_angstrom
        moved = "" if shift is None else f", {shift:.1f} A RMS"
        lines.append(f"Displacements of epoch {report.epoch}{moved}.")
    for half, residual in report.inverse_residual.items():
        lines.append(
            f"Inverse of half {half}: off by {residual.mean_angstrom:.2f} A in the mean, "
            f"{residual.worst_angstrom:.2f} A at worst."
        )
    if report.images_per_second:
        lines.append(f"{report.seconds:,.0f} s; {report.images_per_second:,.0f} images/s.")
    return lines


def _table(report: ReconstructionReport) -> tuple[list[str], list[list[str]]]:
    """Some shells of the curves, as numbers."""
    curves, plain = report.curves, report.plain
    heads = ["resolution, A", "unmasked", "masked", "randomised", "corrected"]
    heads += ["plain, corrected"] if plain is not None else []
    rows = []
    shells = range(1, len(curves.frequency))
    for i in list(shells)[:: max(1, len(shells) // _TABLE_ROWS)]:
        values = [curves.unmasked[i], curves.masked[i], curves.randomised[i], curves.corrected[i]]
        values += [plain.corrected[i]] if plain is not None else []
        rows.append([f"{1 / curves.frequency[i]:.2f}", *(f"{value:.3f}" for value in values)])
    return heads, rows
