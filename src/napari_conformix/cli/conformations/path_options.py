"""How a path is made: the options of each way, and the description that it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from napari_conformix.cli.options import VIEW_NAMES, ViewOptions
from napari_conformix.errors import UserError


@Parameter(name="*")
@dataclass(frozen=True)
class PointsView(ViewOptions):
    """The view that points are in."""

    view: Annotated[
        str | None,
        Parameter(
            name=VIEW_NAMES,
            help="The latent space view of --points: motion, pca1, latent1, 'umap motion'.",
        ),
    ] = None
    axes: Annotated[str, Parameter(help="The two axes of that view, from 1.")] = "1,2"


@Parameter(name="*")
@dataclass(frozen=True)
class AlongOptions:
    """Along an axis of the latents."""

    pc: Annotated[
        int | None, Parameter(help="Along this principal component of the latents, from 1.")
    ] = None
    motion: Annotated[
        int | None, Parameter(help="Along this motion coordinate, from 1 (methods with motions).")
    ] = None
    percentiles: Annotated[
        str, Parameter(help="Where --pc and --motion begin and end among the particles.")
    ] = "5,95"

    @property
    def ways(self) -> dict[str, object]:
        return {"--pc": self.pc, "--motion": self.motion}

    def how(self) -> dict[str, Any]:
        """The description of the path; one of the ways is asked for."""
        kind, number = ("motion", self.motion) if self.pc is None else ("component", self.pc)
        ends = pair(self.percentiles, "--percentiles")
        return {"kind": kind, "component": number, "percentiles": ends}


@Parameter(name="*")
@dataclass(frozen=True)
class PointsOptions:
    """Through points of a view."""

    points: Annotated[
        str | None,
        Parameter(
            help="Through these points of a view: 'x,y x,y ...', in the units of its axes.",
            allow_leading_hyphen=True,
        ),
    ] = None
    where: PointsView = PointsView()
    closed: Annotated[
        bool, Parameter(help="Return from the last of --points to the first.", negative=())
    ] = False

    @property
    def ways(self) -> dict[str, object]:
        return {"--points": self.points}

    def how(self) -> dict[str, Any]:
        """The description of the path."""
        places = [pair(part, "--points") for part in str(self.points).replace(";", " ").split()]
        where = {"map": self.where.view, "axes": self.where.of_axes()}
        return {"kind": "points", **where, "points": places, "closed": self.closed}


@Parameter(name="*")
@dataclass(frozen=True)
class ParticleOptions:
    """Through the data from one particle to another."""

    from_row: Annotated[
        int | None, Parameter(help="Through the data from this particle (its row, from 0)...")
    ] = None
    to_row: Annotated[int | None, Parameter(help="... to this one.")] = None

    @property
    def ways(self) -> dict[str, object]:
        return {"--from-row": self.from_row}

    @property
    def whole(self) -> bool:
        """Whether both are given, or none."""
        return (self.from_row is None) == (self.to_row is None)

    def how(self) -> dict[str, Any]:
        """The description of the path."""
        return {"kind": "data", "start": self.from_row, "end": self.to_row}


@Parameter(name="*")
@dataclass(frozen=True)
class ClustersOptions:
    """Through the clusters of a set."""

    clusters: Annotated[
        str | None,
        Parameter(help="Through the centres of this set of clusters, in the shortest order."),
    ] = None
    over: Annotated[
        Literal["lines", "data"],
        Parameter(help="From cluster to cluster: straight, or through the data between them."),
    ] = "lines"

    @property
    def ways(self) -> dict[str, object]:
        return {"--clusters": self.clusters}

    def how(self) -> dict[str, Any]:
        """The description of the path."""
        return {"kind": "clusters", "set": self.clusters, "over": self.over}


@Parameter(name="*")
@dataclass(frozen=True)
class CourseOptions:
    """All ways to make a path, of which one is asked for."""

    along: AlongOptions = AlongOptions()
    through: PointsOptions = PointsOptions()
    between: ParticleOptions = ParticleOptions()
    around: ClustersOptions = ClustersOptions()
    file: Annotated[
        Path | None,
        Parameter(help="The latents of a file: text with one a line, .npy, or a saved path."),
    ] = None
    like: Annotated[
        str | None, Parameter(help="As this saved path was made, from the latents of now.")
    ] = None
    count: Annotated[int | None, Parameter(help="Number of steps; 20 if not given.")] = None
    straight: Annotated[
        bool,
        Parameter(
            help="Set what --pc or --points leave open to its mean, instead of following the "
            "particles; such a path may leave the data.",
            negative=(),
        ),
    ] = False

    def asked(self) -> str:
        """The option that says how the path is made; UserError when not exactly one is given."""
        groups = (self.along, self.through, self.between, self.around)
        ways = {option: value for group in groups for option, value in group.ways.items()}
        ways |= {"--file": self.file, "--like": self.like}
        given = [option for option, value in ways.items() if value is not None]
        if len(given) != 1 or not self.between.whole:
            raise UserError(
                "Give one of --pc NUMBER, --motion NUMBER, --points 'x,y x,y', --from-row ROW with "
                "--to-row ROW, --clusters SET, --file FILE and --like NAME; or --list."
            )
        return given[0]

    def how(self, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The description of the path; `before`: of the saved path that it is to be like."""
        steps = {} if self.count is None else {"count": self.count}
        asked = self.asked()
        if asked == "--pc":
            made = {**self.along.how(), "straight": self.straight}
        elif asked == "--motion":
            made = self.along.how()
        elif asked == "--points":
            made = {**self.through.how(), "exact": self.straight}
        elif asked == "--from-row":
            made = self.between.how()
        elif asked == "--clusters":
            made = self.around.how()
        else:
            made = dict(before or {})
        return {**made, **steps}


def pair(text: str, option: str) -> list[float]:
    """[x, y] of 'x,y'; UserError names the option."""
    try:
        one, other = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"{option} {text!r} must be two numbers with a comma between.") from error
    return [one, other]
