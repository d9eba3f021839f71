"""`conformix landscape`: how densely particles lie in a view, its states, paths between them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.conformations.paths import lines as path_lines
from napari_conformix.cli.options import ModelOptions, ViewOptions
from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.errors import UserError
from napari_conformix.export.formats import FIGURE_FILES

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape import Landscape


def landscape(
    job: JobFolder,
    /,
    *,
    where: ViewOptions = ViewOptions(),
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"],
            help=f"Figure to write ({FIGURE_FILES.suffixes}); the states (.csv) and the grid "
            "(.npz) go beside it.",
        ),
    ] = None,
    path: Annotated[
        tuple[int, int] | None,
        Parameter(help="Draw the path of least energy between these two states."),
    ] = None,
    name: Annotated[str | None, Parameter(help="Save that path under this name.")] = None,
    count: Annotated[int, Parameter(help="Number of steps of the saved path.")] = 20,
    model: ModelOptions = ModelOptions(),
    width: Annotated[
        float | None,
        Parameter(
            help="Standard deviation of the smoothing, in units of the first axis; chosen from the "
            "data if not given."
        ),
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace files and a path that are there.", negative=())
    ] = False,
) -> None:
    """Draw the landscape of the particles: -ln of their density in a latent space view, in kT.

    Its minima are listed as states, with the share of the particles, the lowest pass out, and
    errors. What the heights do and do not mean is printed with them and written below the figure.
    """
    from napari_conformix.analysis.landscape import cautions
    from napari_conformix.jobs import Job
    from napari_conformix.jobs import landscape as jobs_landscape
    from napari_conformix.jobs.paths import half_of, refuse_taken
    from napari_conformix.jobs.spaces import latent_view

    opened = Job.open(job)
    if name is not None and path is None:
        raise UserError("--name saves a path between two states; give them: --path 1 2.")
    if name is not None:
        refuse_taken(opened, name, overwrite=overwrite)
    files = [] if output is None else _files(output, overwrite=overwrite)
    table = opened.latents(model.epoch)
    view = latent_view(opened, where.view, where.of_axes(), table=table)
    found = jobs_landscape.of_view(opened, view, table, width=width)
    print("\n".join(states(found)))
    way = None
    if path is not None:
        chosen = half_of(opened, view.space.half or model.half)
        steps, way = jobs_landscape.path_between(found, view, *path, chosen, count)
        print("\n" + way.sentence(found.unit))
        print("\n".join(path_lines(steps)))
        if name is not None:
            print(f"Saved as {opened.save_path(name, steps, overwrite=overwrite)}.")
    print("\n" + "\n".join(cautions(found)))
    if files:
        figure, minima, grid = files
        jobs_landscape.write_figure(found, figure, way)
        jobs_landscape.write_minima(found, minima)
        jobs_landscape.write_grid(found, grid)
        print("\n" + "\n".join(map(str, files)))


def states(found: "Landscape") -> list[str]:
    """The finding, and a line a state."""
    x, y = (label.split(",")[0] for label in found.axes)
    text = [found.sentence()]
    if len(found.minima) < 2:
        return text
    head = f"state  particles  share  {found.unit} above state 1     lowest pass out, {found.unit}"
    text += ["", f"{head}     at ({x}, {y})"]
    for one in found.minima:
        above = f"{one.energy:.2f} ± {one.error:.2f}" if one.number > 1 else "0"
        if one.at_least:
            out = f"at least {one.barrier:.1f}"
        else:
            out = f"{one.barrier:.2f} ± {one.barrier_error:.2f} to state {one.barrier_to}"
        place = f"({one.xy[0]:.3g}, {one.xy[1]:.3g})"
        text.append(
            f"{one.number:>5} {one.count:>10,} {one.share:>6.1%} {above:>18} {out:>27}     {place}"
        )
    return text


def _files(figure: Path, *, overwrite: bool) -> list[Path]:
    """The figure, and the table and the grid beside it; UserError when one is there already."""
    from napari_conformix.jobs.landscape import figure_format

    figure_format(figure)
    files = [figure, figure.with_suffix(".csv"), figure.with_suffix(".npz")]
    taken = [file for file in files if file.exists()]
    if taken and not overwrite:
        raise UserError(
            f"{taken[0]} exists; choose another name, or ask to overwrite it (--overwrite)."
        )
    return files
