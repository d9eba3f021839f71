"""A command script for UCSF ChimeraX that opens a series of maps and plays it.

Written after ChimeraX's user guide (commands `open`, `volume`, `vseries`, `graphics`, `2dlabels`):
a script runs in its own folder, so that its paths are relative; `open ... vseries true` makes one
series of several maps; `volume` on the series sets all of its maps; `vseries play` without
`normalize` leaves the contour alone. Model numbers are given out from 1 in an empty session.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: how much of the consensus is seen through
TRANSPARENCY = 0.75
#: grey of the consensus, red, green, blue from 0 to 1
CONSENSUS_COLOUR = (0.78, 0.78, 0.76)
CONFORMATION_COLOUR = (0.36, 0.62, 0.95)

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Series:
    """What a script is about.

    consensus  name of its file, in the folder of the script
    maps       a name with a wildcard that stands for the maps, in the order of the path
    count      how many maps there are
    contour    of every map, in their own grey values
    lines      what to say about it at the top of the script
    """

    consensus: str
    maps: str
    count: int
    contour: float
    colour: Colour = CONFORMATION_COLOUR
    there_and_back: bool = True
    frames_per_second: float = 12.0
    lines: Sequence[str] = ()


def play_script(series: Series) -> str:
    """The commands (.cxc), each with what it does."""
    contour = f"{series.contour:.8g}"
    direction = "oscillate" if series.there_and_back else "forward"
    lines = [
        *(f"# {_plain(line)}" for line in series.lines),
        "# Open this file in a new ChimeraX session: model numbers are counted from 1.",
        "",
        "# The consensus, as a reference around the moving maps",
        f"open {series.consensus}",
        f"volume #1 style surface step 1 level {contour} color {_hex(CONSENSUS_COLOUR)} "
        f"transparency {TRANSPARENCY:g}",
        "",
        "# The maps along the path as one series, all at the consensus's contour",
        f"open {series.maps} vseries true",
        f"volume #2 style surface step 1 level {contour} color {_hex(series.colour)}",
        "",
        "graphics silhouettes true",
        "lighting soft",
        "view",
        "",
        "# Grey values are never rescaled: normalize stays false",
        f"vseries play #2 direction {direction} loop true normalize false "
        f"maxFrameRate {series.frames_per_second:g} cacheFrames {series.count}",
        "# To halt it:",
        "#   vseries stop #2",
        "# To record one round as a movie, halted before:",
        "#   movie record",
        "#   vseries play #2",
        f"#   wait {series.count}",
        f"#   movie encode path.mp4 framerate {series.frames_per_second:g}",
    ]
    return "\n".join(lines) + "\n"


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * max(0.0, min(1.0, value))):02x}" for value in colour)


def _plain(text: str) -> str:
    """One line of a comment, without what could end it: commands are parted by semicolons."""
    return " ".join(text.replace(";", ",").split())
