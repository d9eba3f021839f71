"""How a movie is made and looks, as options of the command line.

Their words, defaults and bounds are those of `export.movie_words`, which the options of a movie and
the window's form share.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from napari_conformix.cli.options import Half
from napari_conformix.errors import UserError
from napari_conformix.export import movie_words as words
from napari_conformix.export.formats import MOVIE_FILES

if TYPE_CHECKING:
    from napari_conformix.export.movie_plan import MovieOptions, Vector

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
LOOK = Group("Look")
CAMERA = Group("Camera (x, y, z are those of the map)")


@Parameter(name="*")
@dataclass(frozen=True)
class WhichOptions:
    """The path that the movie is along."""

    pc: Annotated[
        int | None, Parameter(help="Along this principal component of the latents, from 1.")
    ] = None
    motion: Annotated[
        int | None, Parameter(help="Along this motion coordinate, from 1 (both halves share it).")
    ] = None
    path: Annotated[
        str | None,
        Parameter(help="A saved path (`conformix path`), or a file with a latent on each line."),
    ] = None
    half: Half = None
    steps: Annotated[
        int | None,
        Parameter(
            help=f"Conformations along --pc or --motion; {words.STEPS} if nothing asks more."
        ),
    ] = None

    def refuse(self) -> None:
        """UserError when none or several are asked for."""
        if sum(way is not None for way in (self.pc, self.motion, self.path)) != 1:
            raise UserError("Give one of --pc NUMBER, --motion NUMBER and --path NAME-OR-FILE.")
        if self.path is not None and self.steps is not None:
            raise UserError("--steps is for --pc and --motion; a path has its own steps.")


@Parameter(name="*")
@dataclass(frozen=True)
class OutputOptions:
    """What is written."""

    output: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], help=f"{MOVIE_FILES.examples(' or ')}."),
    ] = None
    maps: Annotated[
        Path | None,
        Parameter(
            help="Folder for the maps themselves with a script for ChimeraX; needs no display."
        ),
    ] = None
    overwrite: Annotated[bool, Parameter(help="Replace what is there.", negative=())] = False


@Parameter(name="*")
@dataclass(frozen=True)
class TimeOptions:
    """How long the movie is."""

    seconds: Annotated[float | None, Parameter(help=words.SECONDS.words)] = None
    fps: Annotated[float, Parameter(help=words.FRAMES_PER_SECOND.words)] = (
        words.FRAMES_PER_SECOND.default
    )
    once: Annotated[bool, Parameter(help=words.ONCE, negative=())] = False

    def values(self) -> dict[str, Any]:
        """As `MovieOptions` has them."""
        return {
            "frames_per_second": self.fps,
            "seconds": self.seconds,
            "there_and_back": not self.once,
        }


@Parameter(name="*", group=LOOK)
@dataclass(frozen=True)
class LookOptions:
    """What is drawn, and in which colours."""

    size: Annotated[str, Parameter(help=words.SIZE)] = str(words.SIDE)
    title: Annotated[str, Parameter(help=words.TITLE)] = ""
    inset: Annotated[Corner, Parameter(help=words.INSET)] = "bottom-right"
    inset_size: Annotated[float, Parameter(help=words.INSET_SHARE.words)] = (
        words.INSET_SHARE.default
    )
    no_inset: Annotated[bool, Parameter(help="Leave the latent space view out.", negative=())] = (
        False
    )
    no_scale_bar: Annotated[bool, Parameter(help="Leave the scale bar out.", negative=())] = False
    no_label: Annotated[
        bool,
        Parameter(
            help="Leave step, position and model out; that a step has no particles is always said.",
            negative=(),
        ),
    ] = False
    no_consensus: Annotated[
        bool, Parameter(help="Leave the translucent consensus out.", negative=())
    ] = False
    background: Annotated[str, Parameter(help=words.BACKGROUND)] = words.BLACK
    contour: Annotated[float | None, Parameter(help=words.CONTOUR)] = None
    quality: Annotated[int, Parameter(help=words.QUALITY.words)] = int(words.QUALITY.default)

    def values(self) -> dict[str, Any]:
        """As `MovieOptions` has them; UserError for a size that is none."""
        from napari_conformix.export.movie_plan import parse_size

        width, height = parse_size(self.size)
        return {
            "width": width,
            "height": height,
            "inset": None if self.no_inset else self.inset.replace("-", " "),
            "inset_share": self.inset_size,
            "scale_bar": not self.no_scale_bar,
            "label": not self.no_label,
            "title": self.title,
            "background": self.background,
            "quality": self.quality,
            "consensus": False if self.no_consensus else None,
            "contour": self.contour,
        }


@Parameter(name="*", group=CAMERA)
@dataclass(frozen=True)
class CameraOptions:
    """Where the camera is, and how it moves."""

    turn: Annotated[float, Parameter(help=words.TURN.words, allow_leading_hyphen=True)] = (
        words.TURN.default
    )
    rock: Annotated[float, Parameter(help=words.ROCK.words)] = words.ROCK.default
    view_from: Annotated[
        str | None, Parameter(help="Where it is seen from: 0,0,1.", allow_leading_hyphen=True)
    ] = None
    up: Annotated[
        str | None,
        Parameter(help="What points up in the picture: 0,1,0.", allow_leading_hyphen=True),
    ] = None
    centre: Annotated[
        str | None,
        Parameter(
            help="What is in the middle, in A from the centre of the map.",
            allow_leading_hyphen=True,
        ),
    ] = None
    field: Annotated[float | None, Parameter(help=words.FIELD)] = None
    perspective: Annotated[float, Parameter(help=words.PERSPECTIVE.words)] = (
        words.PERSPECTIVE.default
    )

    def values(self) -> dict[str, Any]:
        """As `MovieOptions` has them; UserError for a direction that is none."""
        return {"turn_degrees": self.turn, "rock_degrees": self.rock, "view": self._view()}

    def _view(self) -> dict[str, object] | None:
        """The camera's place; None where nothing is asked."""
        given: dict[str, object] = {}
        if self.view_from is not None:
            x, y, z = _vector("--view-from", self.view_from, zero=False)
            given["direction"] = (-x, -y, -z)
        if self.up is not None:
            given["up"] = _vector("--up", self.up, zero=False)
        if self.centre is not None:
            given["centre_angstrom"] = _vector("--centre", self.centre)
        if self.field is not None:
            given["field_angstrom"] = self.field
        if self.perspective:
            given["perspective_degrees"] = self.perspective
        return given or None


def movie_options(time: TimeOptions, look: LookOptions, camera: CameraOptions) -> "MovieOptions":
    """The options of a movie; UserError says what is wrong with which."""
    from napari_conformix.export.movie_plan import options_from

    return options_from(**look.values(), **time.values(), **camera.values())


def _vector(option: str, text: str, *, zero: bool = True) -> "Vector":
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"{option} {text!r} must be three numbers x,y,z.") from error
    if not zero and x == y == z == 0:
        raise UserError(f"{option} {text!r} is no direction; one of its numbers must not be 0.")
    return x, y, z
