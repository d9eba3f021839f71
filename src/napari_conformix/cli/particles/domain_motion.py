"""`domain-motion`: how a domain turns and shifts from cluster to cluster."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.jobs.rigid import DomainMotion

_HEAD = ["cluster", "particles", "turn (deg)", "shift (A)", "axis x y z", "along it (A)"]
_HEAD += ["correlation before", "after", "density"]
_LEGEND = (
    "Turn, right-handed about the axis, and shift of the domain's centre of mass. Correlation with "
    "the domain\nwhere it lies in the reference, and where it was found. Density: 1 is as much of "
    "the domain as there;\n- where the mask leaves too little of the molecule out to compare with."
)


def domain_motion(
    job: JobFolder,
    /,
    *,
    clusters: Annotated[str, Parameter(help="Name of the set of clusters, such as kmeans6.")],
    mask: Annotated[
        Path, Parameter(help="Soft mask (MRC) around the domain in the consensus map.")
    ],
    fixed: Annotated[
        Path | None,
        Parameter(
            help="Mask of a part that is taken to be at rest; the motion is given relative to it. "
            "Needed where whole maps are turned or shifted."
        ),
    ] = None,
    reconstructed: Annotated[
        bool,
        Parameter(
            help="Fit what each cluster's own particles reconstruct to, with errors from its half "
            "maps, rather than the decoded maps.",
            negative=(),
        ),
    ] = False,
    reference: Annotated[
        int | None,
        Parameter(
            help="Number of a cluster whose map is used in place of the consensus, where the "
            "motion has smeared the domain."
        ),
    ] = None,
    svg: Annotated[
        Path | None, Parameter(help="Write the translation-rotation plot to this file.")
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace the plot's file if it exists.", negative=())
    ] = False,
) -> None:
    """Measure how a domain turns and shifts from cluster to cluster.

    The domain of the consensus is laid on each cluster's map. A cluster that does not have it is
    said to differ in composition. `conformix select JOB --cluster 3 --of NAME --name X` makes a
    selection of a cluster.
    """
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    if svg is not None and svg.exists() and not overwrite:
        raise UserError(f"{svg} exists; choose another name, or ask to overwrite it (--overwrite).")
    with progress_bar("Fitting the domain") as tell:
        found = opened.domain_motion(
            clusters,
            mask,
            fixed,
            "reconstructed" if reconstructed else "decoded",
            reference=None if reference is None else reference - 1,
            progress=tell,
        )
    assert found is not None  # nothing asks it to stop
    print(f"Domain {mask.name} in the clusters of {clusters} ({found.of_what}):\n")
    print("\n".join(table(found)))
    print("\n" + "\n".join(found.sentences()))
    if opened.model_biased is not None:
        print(opened.model_biased)
    if svg is not None:
        _write(svg, plot(found))
        print(svg)


def table(found: "DomainMotion") -> list[str]:
    """A line a cluster."""
    rows = [_HEAD]
    for index, (motion, count) in enumerate(zip(found.motions, found.counts, strict=True)):
        cells = [str(index + 1), f"{count:,}"]
        if motion is None:
            rows.append([*cells, "no map yet", *[""] * 6])
            continue
        if motion.found:
            cells += [
                _with_error(motion.rotation_degrees, motion.rotation_error_degrees),
                _with_error(motion.translation_angstrom, motion.translation_error_angstrom),
                " ".join(f"{value:z.2f}" for value in motion.axis) if motion.turns else "-",
                f"{motion.along_axis_angstrom:z.1f}" if motion.turns else "-",
            ]
        else:
            cells += ["not found", "", "", ""]
        cells += [f"{motion.correlation_before:.2f}", f"{motion.correlation:.2f}"]
        rows.append([*cells, "-" if math.isnan(motion.density) else f"{motion.density:.2f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [*lines, _LEGEND]


def plot(found: "DomainMotion") -> str:
    """The translation-rotation plot as SVG."""
    from napari_conformix.analysis.figures import Place, places

    most = max(found.counts)
    items = []
    for index in found.found:
        motion = found.motions[index]
        assert motion is not None
        items.append(
            Place(
                str(index + 1),
                motion.translation_angstrom,
                motion.rotation_degrees,
                motion.translation_error_angstrom,
                motion.rotation_error_degrees,
                7 + 9 * math.sqrt(found.counts[index] / most),
            )
        )
    below = []
    if found.missing:
        below.append(f"The domain was not found in: {_numbers(found.missing)}")
    if found.unmeasured:
        below.append(f"No map yet: {_numbers(found.unmeasured)}")
    return places(
        items,
        labels=("translation of the centre of mass (A)", "rotation (degrees)"),
        title=f"Motion of {Path(found.mask).name} in the clusters of {found.clusters}",
        below=below,
    )


def _numbers(indices: list[int]) -> str:
    return ", ".join(str(index + 1) for index in indices)


def _with_error(value: float, error: float) -> str:
    return f"{value:.1f} +- {error:.1f}" if math.isfinite(error) else f"{value:.1f} +- ?"


def _write(path: Path, text: str) -> None:
    from napari_conformix.runs import whole_file

    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
