"""Selections on the command line: `select` and `export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.conformations.paths import axes_of_view
from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Action, MotionLimits, Selection
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.selections import Found

_WAYS = (
    "Give one of: --indices FILE; --column NAME with --min or --max; --cluster NUMBER; --nearest "
    "COUNT with --at X,Y; --polygon 'X,Y X,Y ...'; --saved NAME; --replay NAME or --same-as NAME "
    "with --from JOB; or conditions such as --error-below, --motion-above, --ratio-above."
)


def select(
    job: JobFolder,
    /,
    *,
    name: Annotated[str, Parameter(help="Name of the selection.")],
    indices: Annotated[
        Path | None,
        Parameter(help="Rows from 0: .npy, cryoDRGN's .pkl, or text; or true and false for each."),
    ] = None,
    column: Annotated[
        str | None,
        Parameter(
            help="Select by a range of this: a column of the particle file, or 'motion 1', "
            "'latent 1', 'PC 1', 'amount of motion' and the like of the trained job."
        ),
    ] = None,
    min_: Annotated[
        float | None,
        Parameter(name="--min", help="Least value of the range.", allow_leading_hyphen=True),
    ] = None,
    max_: Annotated[
        float | None,
        Parameter(name="--max", help="Largest value of the range.", allow_leading_hyphen=True),
    ] = None,
    cluster: Annotated[
        list[int] | None,
        Parameter(
            help="The particles of a cluster: its number, from 1; given again, of others, too.",
            negative=(),
        ),
    ] = None,
    of: Annotated[
        str | None,
        Parameter(help="The set of clusters that --cluster is of; not needed if there is one."),
    ] = None,
    nearest: Annotated[
        int | None, Parameter(help="So many particles nearest to a point of a map (--at).")
    ] = None,
    at: Annotated[
        str | None, Parameter(help="The point, x,y of the map.", allow_leading_hyphen=True)
    ] = None,
    polygon: Annotated[
        str | None,
        Parameter(
            help="The particles inside corners in a map: 'x,y x,y x,y ...'.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    map_: Annotated[
        str | None,
        Parameter(
            name="--map",
            help="The map of --nearest and --polygon: motion, pca1, latent0, 'umap motion', "
            "columns; the first that the job has if not given.",
        ),
    ] = None,
    axes: Annotated[
        str, Parameter(help="Two axes of that map, from 1; for columns their names.")
    ] = "1,2",
    saved: Annotated[str | None, Parameter(help="The particles of a saved selection.")] = None,
    replay: Annotated[
        str | None,
        Parameter(help="The steps of this selection of another job (--from), done again here."),
    ] = None,
    same_as: Annotated[
        str | None,
        Parameter(
            help="The very particles of this selection of another job (--from), found by their "
            "images."
        ),
    ] = None,
    from_: Annotated[
        Path | None, Parameter(name="--from", help="The job that --replay or --same-as is of.")
    ] = None,
    as_drawn: Annotated[
        bool,
        Parameter(
            help="Replay at the coordinates as they were, without looking whether the axes of the "
            "two jobs are the same.",
            negative=(),
        ),
    ] = False,
    motion_above: Annotated[
        float | None, Parameter(help="Particles whose RMS motion is at least this, in A.")
    ] = None,
    error_below: Annotated[
        float | None, Parameter(help="Particles whose RMS error is at most this, in A.")
    ] = None,
    error_above: Annotated[
        float | None, Parameter(help="Particles whose RMS error is at least this, in A.")
    ] = None,
    ratio_above: Annotated[
        float | None,
        Parameter(help="Particles whose motion is at least so many times its error."),
    ] = None,
    add_to: Annotated[
        str | None, Parameter(help="Begin with this saved selection, and add to it.")
    ] = None,
    remove_from: Annotated[
        str | None, Parameter(help="Begin with this saved selection, and take out of it.")
    ] = None,
    intersect_with: Annotated[
        str | None, Parameter(help="Keep only what is in this saved selection, too.")
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace the selection of that name.", negative=())
    ] = False,
) -> None:
    """Select particles by a list of rows, a range, a cluster, a place in a map, or their motion and
    its error; combine saved selections; or replay one of another job.

    Conditions on motion and error may be combined. The error of particles that are not held out is
    estimated from held-out particles near them.
    """
    from napari_conformix.analysis.selections import MotionLimits
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.selections import ways

    opened = Job.open(job)
    limits = MotionLimits(motion_above, error_below, error_above, ratio_above)
    asked = [indices, column, cluster, nearest, polygon, saved, replay, same_as]
    if sum(way is not None for way in asked) + bool(limits.given) != 1:
        raise UserError(_WAYS)
    for part, whole, words in (
        (of, cluster, "--of names the set of clusters of --cluster NUMBER"),
        (
            from_,
            replay or same_as,
            "--from is the job of --replay NAME or --same-as NAME",
        ),
        (at, nearest, "--at is the place of --nearest COUNT"),
    ):
        if part is not None and whole is None:
            raise UserError(f"{words}; give that, too.")
    if replay is not None or same_as is not None:
        if from_ is None:
            raise UserError("--replay and --same-as need --from JOB, which has the selection.")
        found = _of_another(opened, Job.open(from_), replay, same_as, as_drawn)
    elif indices is not None:
        found = ways.rows_of_file(opened, indices)
    elif column is not None:
        found = ways.in_range(opened, column, min_, max_)
    elif cluster is not None:
        found = ways.in_clusters(opened, cluster, of)
    elif saved is not None:
        found = ways.in_saved(opened, saved)
    elif limits.given:
        found = _by_motion(opened, limits)
    else:
        found = _in_view(opened, nearest, at, polygon, map_, axes)
    action, onto = _onto(add_to, remove_from, intersect_with)
    selection = ways.make_selection(opened, name, found, action, onto)
    opened.save_selection(selection, overwrite=overwrite)
    total = selection.total
    print(f"{name}: {len(selection):,} of {total:,} particles ({len(selection) / total:.1%})")


def _by_motion(job: "Job", limits: "MotionLimits") -> "Found":
    from napari_conformix.jobs.selections import by_motion

    with progress_bar("Computing the motions of all particles") as tell:
        return by_motion(job, limits, tell)


def _in_view(
    job: "Job",
    nearest: int | None,
    at: str | None,
    polygon: str | None,
    key: str | None,
    axes: str,
) -> "Found":
    from napari_conformix.jobs.selections import ways
    from napari_conformix.jobs.spaces import latent_view

    view = latent_view(job, key, axes_of_view(axes, key))
    if nearest is None:
        assert polygon is not None  # one of both was given
        return ways.in_polygon(job, view, _points(polygon, "--polygon"))
    if at is None:
        raise UserError("--nearest COUNT needs --at X,Y, a point of the map.")
    return ways.nearest_in_view(job, view, _points(at, "--at")[0], nearest)


def _points(text: str, option: str) -> list[tuple[float, float]]:
    """(x, y) of 'x,y x,y ...'."""
    try:
        points = [tuple(float(word) for word in pair.split(",")) for pair in text.split()]
        return [(x, y) for x, y in points]
    except ValueError:
        raise UserError(f"{option} {text!r} must be x,y (several with spaces between).") from None


def _onto(
    add_to: str | None, remove_from: str | None, intersect_with: str | None
) -> "tuple[Action, str | None]":
    """What is done with what was found, and to which saved selection."""
    actions: dict[Action, str | None]
    actions = {"add": add_to, "remove": remove_from, "intersect": intersect_with}
    asked = [(action, saved) for action, saved in actions.items() if saved is not None]
    if len(asked) > 1:
        raise UserError("Give one of --add-to, --remove-from and --intersect-with.")
    return asked[0] if asked else ("replace", None)


def _of_another(
    job: "Job", other: "Job", replayed: str | None, same: str | None, as_drawn: bool
) -> "Found":
    """A selection of another job, by its steps or its particles; what was found is printed."""
    from napari_conformix.jobs.selections import Found, replay_selection, same_particles

    if replayed is None:
        assert same is not None  # one of both was given
        made = same_particles(job, other.selection(same), other)
    else:
        selection = other.selection(replayed)
        with progress_bar("Computing the motions of all particles") as tell:
            made = replay_selection(job, selection, other, aligned=not as_drawn, progress=tell)
    for line in made.lines():
        print(line)
    step = {key: value for key, value in made.selection.how[0].items() if key != "action"}
    return Found(made.selection.mask, step, made.selection.epoch)


def export(
    job: JobFolder,
    /,
    *,
    selection: Annotated[str, Parameter(help="Name of a saved selection.")],
    output: Annotated[
        Path,
        Parameter(
            name=["--output", "-o"],
            help="subset.star, subset.cs, .npy for the rows, or .pkl for cryoDRGN's --ind.",
        ),
    ],
    overwrite: Annotated[
        bool, Parameter(help="Replace the file if it exists.", negative=())
    ] = False,
) -> None:
    """Write a selection as STAR or .cs with every column kept, or the numbers of its rows."""
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    chosen = opened.selection(selection)
    written = opened.export(chosen, output, overwrite=overwrite)
    print(f"{written}: {len(chosen):,} particles")
    if opened.model_biased is not None:
        print(opened.model_biased)
    if _stacks_are_lost(opened, chosen, written):
        print(
            "Its image names stay as they were in the input file, relative to the project folder: "
            "run RELION there, or open the subset with --datadir."
        )


def _stacks_are_lost(job: "Job", selection: "Selection", written: Path) -> bool:
    """Whether stacks of an exported file are not found from where it lies.

    Told from the names that the job knows, not by reading the file again.
    """
    from napari_conformix.particles import StackFinder, stack_names

    if written.suffix in (".npy", ".pkl"):
        return False
    finder = StackFinder(written)
    names = stack_names(job.particles.subset(selection.rows))
    return any(finder.find(name) is None for name in names)
