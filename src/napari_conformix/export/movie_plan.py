"""What a movie along a path shows, frame by frame: which step, and how far the camera has turned.

No window and no drawing here: the command line, the form in the window and the recorder share it.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from napari_conformix.errors import UserError
from napari_conformix.export import movie_words as words
from napari_conformix.export.formats import MOVIE_FILES
from napari_conformix.export.movie_words import LARGEST, SIZES, SMALLEST, Corner

#: how long a movie is whose path has a single step and that says nothing of its length, seconds
STILL_SECONDS = 4.0
#: a rock to one side, the other and back takes about so long, seconds
ROCK_SECONDS = 4.0

Vector = tuple[float, float, float]


def _even(pixels: Any) -> Any:
    """Video codecs need an even number of pixels."""
    return pixels - pixels % 2 if isinstance(pixels, int) else pixels


Side = Annotated[int, Field(ge=SMALLEST, le=LARGEST), BeforeValidator(_even)]


def _within(number: words.Range) -> Any:
    """What pydantic checks of a number, and the words for it."""
    return Field(
        gt=number.low if number.above else None,
        ge=None if number.above else number.low,
        lt=number.high if number.below else None,
        le=None if number.below else number.high,
        description=number.words,
    )


class View(BaseModel):
    """Where the camera is, in the frame of the map: x, y, z in A from its centre.

    direction           from the camera towards the molecule
    up                  what points up in the picture
    centre_angstrom     what is in the middle of the picture
    field_angstrom      how much of the scene the shorter side of the picture shows, at the centre
    perspective_degrees 0: orthographic
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    direction: Vector = (0.0, 0.0, -1.0)
    up: Vector = (0.0, 1.0, 0.0)
    centre_angstrom: Vector = (0.0, 0.0, 0.0)
    field_angstrom: float | None = Field(default=None, gt=0, description=words.FIELD)
    perspective_degrees: Annotated[float, _within(words.PERSPECTIVE)] = words.PERSPECTIVE.default


class MovieOptions(BaseModel):
    """How a movie looks; what is None is taken from the scene, or from the path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: Side = Field(default=words.SIDE, description="pixels, made even")
    height: Side = Field(default=words.SIDE, description="pixels, made even")
    frames_per_second: Annotated[float, _within(words.FRAMES_PER_SECOND)] = (
        words.FRAMES_PER_SECOND.default
    )
    seconds: Annotated[float, _within(words.SECONDS)] | None = None
    there_and_back: bool = True
    turn_degrees: Annotated[float, _within(words.TURN)] = words.TURN.default
    rock_degrees: Annotated[float, _within(words.ROCK)] = words.ROCK.default
    inset: Corner | None = words.CORNER
    inset_share: Annotated[float, _within(words.INSET_SHARE)] = words.INSET_SHARE.default
    scale_bar: bool = True
    label: bool = True
    title: str = Field(default="", description=words.TITLE)
    background: str = Field(default=words.BLACK, description=words.BACKGROUND)
    quality: Annotated[int, _within(words.QUALITY)] = int(words.QUALITY.default)
    consensus: bool | None = Field(default=None, description="whether it is shown as a ghost")
    contour: float | None = Field(default=None, description=words.CONTOUR)
    view: View | None = None

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        """0 to 255; UserError for a colour that nobody knows."""
        from PIL import ImageColor

        try:
            red, green, blue, *_ = ImageColor.getrgb(self.background)
        except ValueError as error:
            raise UserError(
                f"{self.background!r} is not a colour; give a name such as white, or #rrggbb."
            ) from error
        return red, green, blue

    @property
    def light_background(self) -> bool:
        """Whether words must be dark to be read."""
        red, green, blue = self.background_rgb
        return 0.299 * red + 0.587 * green + 0.114 * blue > 140


@dataclass(frozen=True)
class Shot:
    """One frame: the step of the path (from 0), and how far the camera has turned, degrees."""

    step: int
    turn_degrees: float


def shots(steps: int, options: MovieOptions, *, loops: bool) -> list[Shot]:
    """The frames of a movie along a path of so many steps.

    A movie that goes there and back ends with the frame that it began with; one that the viewer
    repeats without end (`loops`: a GIF) leaves that frame out, since it comes next anyway. A full
    turn goes at an even speed, any other one begins and ends slowly; rocking always ends where it
    began.
    """
    if steps < 1:
        raise UserError("The path has no step to show.")
    closed = options.there_and_back or steps == 1
    count = _count(steps, options)
    whole = count - 1 if loops and closed and count > 2 else count
    last = count - 1 or 1
    rocks = max(1, round(count / options.frames_per_second / ROCK_SECONDS))
    return [
        Shot(_step(i, last, steps, closed), _turn(i / last, options, rocks)) for i in range(whole)
    ]


def duration(frames: int, options: MovieOptions) -> float:
    """Seconds that a movie of so many frames lasts."""
    return frames / options.frames_per_second


def options_from(**values: Any) -> MovieOptions:
    """The options; UserError says what is wrong with which one."""
    try:
        options = MovieOptions.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = " ".join(str(part).replace("_", " ") for part in problem["loc"])
        reason = problem["msg"][0].lower() + problem["msg"][1:]
        raise UserError(f"The {name} of the movie is {problem['input']!r}: {reason}.") from error
    options.background_rgb  # noqa: B018 - a wrong colour is said now, not after the first frame
    return options


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels of '720', '1280x720', '720p', '1080p' or '4k'; made even."""
    found = re.fullmatch(r"(\d+)(?:\s*[x×]\s*(\d+))?", text.strip().lower())
    if text.strip().lower() in SIZES:
        return SIZES[text.strip().lower()]
    if found is None:
        raise UserError(
            f"The size {text!r} must be pixels such as 720 (a square), 1280x720, 720p or 1080p."
        )
    width = int(found[1])
    size = _even(width), _even(int(found[2] or width))
    if not all(SMALLEST <= side <= LARGEST for side in size):
        raise UserError(
            f"The size {text!r} is out of range: each side must be {SMALLEST} to {LARGEST} pixels."
        )
    return size


def check_file(path: Path, *, overwrite: bool) -> Path:
    """UserError when a movie cannot be written there: another suffix, no folder, a file there."""
    if MOVIE_FILES.of(path) is None:
        suffix = path.suffix or "without a suffix"
        raise UserError(f"A movie is written as {MOVIE_FILES.suffixes}, not {suffix}: {path}.")
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent} to write the movie to; make it first.")
    if path.exists() and not overwrite:
        raise UserError(
            f"{path} exists; choose another name, or ask to overwrite it (--overwrite)."
        )
    return path


def loops(path: Path) -> bool:
    """Whether viewers repeat such a file without end."""
    kind = MOVIE_FILES.of(path)
    return kind is not None and kind.loops


def _count(steps: int, options: MovieOptions) -> int:
    """Frames, the closing one included."""
    seconds = options.seconds
    if seconds is None and steps == 1:
        seconds = STILL_SECONDS
    if seconds is not None:
        return max(2, round(seconds * options.frames_per_second))
    return 2 * steps - 1 if options.there_and_back else steps


def _step(frame: int, last: int, steps: int, closed: bool) -> int:
    """The step that a frame shows, frames from 0 to `last`; in whole numbers, so that the way back
    shows the same steps as the way there."""
    along = last - abs(2 * frame - last) if closed else frame  # of `last`
    return (2 * along * (steps - 1) + last) // (2 * last)


def _turn(time: float, options: MovieOptions, rocks: int) -> float:
    turn = options.turn_degrees
    eased = time if turn % 360 == 0 else time * time * (3 - 2 * time)
    return turn * eased + options.rock_degrees * math.sin(2 * math.pi * rocks * time)
