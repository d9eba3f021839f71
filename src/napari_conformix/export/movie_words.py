"""How a movie looks in words: what each number means, where it begins, and its bounds.

The options, the command line and the window's form take them from here; nothing heavy is imported.
"""

from dataclasses import dataclass
from typing import Final, Literal

from napari_conformix.export.formats import MOVIE_FILES

Corner = Literal["top left", "top right", "bottom left", "bottom right"]


@dataclass(frozen=True)
class Range:
    """What a number of the options is, as a sentence, and its bounds; `above` and `below`: it must
    be more than the low one, less than the high one."""

    words: str
    low: float
    high: float
    above: bool = False
    below: bool = False


@dataclass(frozen=True)
class Number(Range):
    """A number that has a value where nothing is asked."""

    default: float = 0.0


#: steps of a path that is made for a movie, unless the movie's length asks for another number
STEPS = 24
#: pixels of a side, and the names of sizes: (width, height)
SMALLEST, LARGEST, SIDE = 64, 4096, 720
SIZES: Final = {"720": (720, 720), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
SIZE: Final = "Pixels: 720 (a square), 1280x720, 720p, 1080p."

FRAMES_PER_SECOND: Final = Number("Frames per second.", 1, 60, default=12.0)
SECONDS: Final = Range("Length of the movie; else a frame for every step.", 0, 600, above=True)
ONCE: Final = "From the start to the end, and not back again."
TURN: Final = Number(
    "Degrees that the camera turns in all, about the vertical of the picture.", -3600, 3600
)
ROCK: Final = Number("Degrees that the camera rocks to either side.", -180, 180)
INSET: Final = "Corner of the latent space view with its moving cursor."
CORNER: Final[Corner] = "bottom right"
INSET_SHARE: Final = Number(
    "Side of that map, as a share of the shorter side.", 0.05, 0.6, above=True, default=0.3
)
TITLE: Final = "A line at the top."
BLACK: Final = "black"
BACKGROUND: Final = "Colour: black, white, #rrggbb, ..."
CONTOUR: Final = "Contour in the maps' own grey values, the same in all frames."
_GRADED: Final = " or ".join(one.suffix for one in MOVIE_FILES if one.takes_quality)
QUALITY: Final = Number(f"Of an {_GRADED}: 1 to 9.", 1, 9, default=8)
FIELD: Final = "A that the shorter side of the picture shows; else all of the molecule."
PERSPECTIVE: Final = Number("Opening angle in degrees; 0: orthographic.", 0, 180, below=True)
