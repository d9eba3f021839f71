"""The ways to select particles, each with its options: a group finds what it is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.options import VIEW_NAMES, ViewOptions
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Action
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.selections import Found


class Way:
    """What the groups have in common."""

    @property
    def asked(self) -> int:
        """How many of the ways of the group are asked for."""
        raise NotImplementedError

    def refuse_parts(self) -> None:
        """UserError when an option is given without the one that it belongs to."""

    def find(self, job: "Job") -> "Found":
        """The particles; one of the ways of the group is asked for."""
        raise NotImplementedError


@Parameter(name="*")
@dataclass(frozen=True)
class ListOptions(Way):
    """Particles of a file of row numbers."""

    indices: Annotated[
        Path | None,
        Parameter(help="Rows from 0: .npy, cryoDRGN's .pkl, or text; or true and false for each."),
    ] = None

    @property
    def asked(self) -> int:
        return _count(self.indices)

    def find(self, job: "Job") -> "Found":
        from napari_conformix.jobs.selections import ways

        assert self.indices is not None
        return ways.rows_of_file(job, self.indices)


@Parameter(name="*")
@dataclass(frozen=True)
class RangeOptions(Way):
    """Particles within a range of a number that they have."""

    column: Annotated[
        str | None,
        Parameter(
            help="Select by a range of this: a column of the particle file, or 'motion 1', "
            "'latent 1', 'PC 1', 'amount of motion' and the like of the trained job."
        ),
    ] = None
    min_: Annotated[
        float | None,
        Parameter(name="--min", help="Least value of the range.", allow_leading_hyphen=True),
    ] = None
    max_: Annotated[
        float | None,
        Parameter(name="--max", help="Largest value of the range.", allow_leading_hyphen=True),
    ] = None

    @property
    def asked(self) -> int:
        return _count(self.column)

    def find(self, job: "Job") -> "Found":
        from napari_conformix.jobs.selections import ways

        assert self.column is not None
        return ways.in_range(job, self.column, self.min_, self.max_)


@Parameter(name="*")
@dataclass(frozen=True)
class ClusterOptions(Way):
    """Particles of clusters of a set."""

    cluster: Annotated[
        list[int] | None,
        Parameter(
            help="The particles of a cluster: its number, from 1; given again, of others, too.",
            negative=(),
        ),
    ] = None
    of: Annotated[
        str | None,
        Parameter(help="The set of clusters that --cluster is of; not needed if there is one."),
    ] = None

    @property
    def asked(self) -> int:
        return _count(self.cluster)

    def refuse_parts(self) -> None:
        _refuse(self.of, self.cluster, "--of names the set of clusters of --cluster NUMBER")

    def find(self, job: "Job") -> "Found":
        from napari_conformix.jobs.selections import ways

        assert self.cluster is not None
        return ways.in_clusters(job, self.cluster, self.of)


@Parameter(name="*")
@dataclass(frozen=True)
class PlaceView(ViewOptions):
    """The view that a place is in."""

    view: Annotated[
        str | None,
        Parameter(
            name=VIEW_NAMES,
            help="The latent space view of --nearest and --polygon: motion, pca1, latent0, "
            "'umap motion', columns; the first that the job has if not given.",
        ),
    ] = None
    axes: Annotated[
        str, Parameter(help="Two axes of that view, from 1; for columns their names.")
    ] = "1,2"


@Parameter(name="*")
@dataclass(frozen=True)
class PlaceOptions(Way):
    """Particles at a place of a latent space view."""

    nearest: Annotated[
        int | None, Parameter(help="So many particles nearest to a point of a view (--at).")
    ] = None
    at: Annotated[
        str | None, Parameter(help="The point, x,y of the view.", allow_leading_hyphen=True)
    ] = None
    polygon: Annotated[
        str | None,
        Parameter(
            help="The particles inside corners in a view: 'x,y x,y x,y ...'.",
            allow_leading_hyphen=True,
        ),
    ] = None
    where: PlaceView = PlaceView()

    @property
    def asked(self) -> int:
        return _count(self.nearest, self.polygon)

    def refuse_parts(self) -> None:
        _refuse(self.at, self.nearest, "--at is the place of --nearest COUNT")

    def find(self, job: "Job") -> "Found":
        from napari_conformix.jobs.selections import ways
        from napari_conformix.jobs.spaces import latent_view

        view = latent_view(job, self.where.view, self.where.of_axes())
        if self.nearest is None:
            assert self.polygon is not None  # one of both was given
            return ways.in_polygon(job, view, _points(self.polygon, "--polygon"))
        if self.at is None:
            raise UserError("--nearest COUNT needs --at X,Y, a point of the view.")
        return ways.nearest_in_view(job, view, _points(self.at, "--at")[0], self.nearest)


@Parameter(name="*")
@dataclass(frozen=True)
class SavedOptions(Way):
    """Particles of a saved selection: of this job or, by its steps or particles, of another."""

    saved: Annotated[str | None, Parameter(help="The particles of a saved selection.")] = None
    replay: Annotated[
        str | None,
        Parameter(help="The steps of this selection of another job (--from), done again here."),
    ] = None
    same_as: Annotated[
        str | None,
        Parameter(
            help="The very particles of this selection of another job (--from), found by their "
            "images."
        ),
    ] = None
    from_: Annotated[
        Path | None, Parameter(name="--from", help="The job that --replay or --same-as is of.")
    ] = None
    as_drawn: Annotated[
        bool,
        Parameter(
            help="Replay at the coordinates as they were, without looking whether the axes of the "
            "two jobs are the same.",
            negative=(),
        ),
    ] = False

    @property
    def asked(self) -> int:
        return _count(self.saved, self.replay, self.same_as)

    def refuse_parts(self) -> None:
        another = self.replay or self.same_as
        _refuse(self.from_, another, "--from is the job of --replay NAME or --same-as NAME")

    def find(self, job: "Job") -> "Found":
        from napari_conformix.jobs import Job
        from napari_conformix.jobs.selections import ways

        if self.saved is not None:
            return ways.in_saved(job, self.saved)
        if self.from_ is None:
            raise UserError("--replay and --same-as need --from JOB, which has the selection.")
        return self._of_another(job, Job.open(self.from_))

    def _of_another(self, job: "Job", other: "Job") -> "Found":
        """A selection of another job, by its steps or its particles; what was found is printed."""
        from napari_conformix.jobs.selections import Found, replay_selection, same_particles

        if self.replay is None:
            assert self.same_as is not None  # one of both was given
            made = same_particles(job, other.selection(self.same_as), other)
        else:
            selection, aligned = other.selection(self.replay), not self.as_drawn
            with progress_bar("Computing the motions of all particles") as tell:
                made = replay_selection(job, selection, other, aligned=aligned, progress=tell)
        for line in made.lines():
            print(line)
        step = {key: value for key, value in made.selection.how[0].items() if key != "action"}
        return Found(made.selection.mask, step, made.selection.epoch)


@Parameter(name="*")
@dataclass(frozen=True)
class MotionOptions(Way):
    """Conditions on motion and error; several make one way."""

    motion_above: Annotated[
        float | None, Parameter(help="Particles whose RMS motion is at least this, in A.")
    ] = None
    error_below: Annotated[
        float | None, Parameter(help="Particles whose RMS error is at most this, in A.")
    ] = None
    error_above: Annotated[
        float | None, Parameter(help="Particles whose RMS error is at least this, in A.")
    ] = None
    ratio_above: Annotated[
        float | None,
        Parameter(help="Particles whose motion is at least so many times its error."),
    ] = None

    @property
    def asked(self) -> int:
        limits = (self.motion_above, self.error_below, self.error_above, self.ratio_above)
        return int(_count(*limits) > 0)

    def find(self, job: "Job") -> "Found":
        from napari_conformix.analysis.selections import MotionLimits
        from napari_conformix.jobs.selections import by_motion

        limits = MotionLimits(
            self.motion_above, self.error_below, self.error_above, self.ratio_above
        )
        with progress_bar("Computing the motions of all particles") as tell:
            return by_motion(job, limits, tell)


@Parameter(name="*")
@dataclass(frozen=True)
class OntoOptions:
    """What is done with what is found, and to which saved selection."""

    add_to: Annotated[
        str | None, Parameter(help="Begin with this saved selection, and add to it.")
    ] = None
    remove_from: Annotated[
        str | None, Parameter(help="Begin with this saved selection, and take out of it.")
    ] = None
    intersect_with: Annotated[
        str | None, Parameter(help="Keep only what is in this saved selection, too.")
    ] = None

    def action(self) -> "tuple[Action, str | None]":
        """The action and the selection; ('replace', None) if none is named."""
        actions: dict[Action, str | None] = {
            "add": self.add_to,
            "remove": self.remove_from,
            "intersect": self.intersect_with,
        }
        asked = [(action, saved) for action, saved in actions.items() if saved is not None]
        if len(asked) > 1:
            raise UserError("Give one of --add-to, --remove-from and --intersect-with.")
        return asked[0] if asked else ("replace", None)


def _count(*options: object) -> int:
    """How many of them are given."""
    return sum(option is not None for option in options)


def _refuse(part: object, whole: object, words: str) -> None:
    if part is not None and whole is None:
        raise UserError(f"{words}; give that, too.")


def _points(text: str, option: str) -> list[tuple[float, float]]:
    """(x, y) of 'x,y x,y ...'."""
    try:
        points = [tuple(float(word) for word in pair.split(",")) for pair in text.split()]
        return [(x, y) for x, y in points]
    except ValueError:
        raise UserError(f"{option} {text!r} must be x,y (several with spaces between).") from None
