"""`conformix select`: particles chosen in one of many ways, kept under a name."""

from typing import Annotated

from cyclopts import Parameter

from napari_conformix.cli.particles.select_options import (
    ClusterOptions,
    ListOptions,
    MotionOptions,
    OntoOptions,
    PlaceOptions,
    RangeOptions,
    SavedOptions,
    Way,
)
from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.errors import UserError

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
    listed: ListOptions = ListOptions(),
    within: RangeOptions = RangeOptions(),
    clusters: ClusterOptions = ClusterOptions(),
    place: PlaceOptions = PlaceOptions(),
    saved: SavedOptions = SavedOptions(),
    limits: MotionOptions = MotionOptions(),
    onto: OntoOptions = OntoOptions(),
    overwrite: Annotated[
        bool, Parameter(help="Replace the selection of that name.", negative=())
    ] = False,
) -> None:
    """Select particles by a list of rows, a range, a cluster, a place in a latent space view, or
    their motion and its error; combine saved selections; or replay one of another job.

    Conditions on motion and error may be combined. The error of particles that are not held out is
    estimated from held-out particles near them.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.selections import ways

    opened = Job.open(job)
    groups: tuple[Way, ...] = (listed, within, clusters, place, saved, limits)
    if sum(group.asked for group in groups) != 1:
        raise UserError(_WAYS)
    for group in groups:
        group.refuse_parts()
    found = next(group for group in groups if group.asked).find(opened)
    action, before = onto.action()
    selection = ways.make_selection(opened, name, found, action, before)
    opened.save_selection(selection, overwrite=overwrite)
    total = selection.total
    print(f"{name}: {len(selection):,} of {total:,} particles ({len(selection) / total:.1%})")
