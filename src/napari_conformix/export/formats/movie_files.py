"""What a movie is written as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from napari_conformix.export.formats.table import FileFormat, FormatTable


@dataclass(frozen=True, kw_only=True)
class MovieFormat(FileFormat):
    """A kind of movie; ffmpeg writes all of them.

    loops          whether viewers repeat it without end
    takes_quality  whether its quality can be chosen, at the cost of a larger file
    encoding       what `imageio_ffmpeg.write_frames` is given for it
    """

    loops: bool
    takes_quality: bool
    encoding: Mapping[str, Any] = field(repr=False)


MOVIE_FILES: Final = FormatTable(
    MovieFormat(
        suffix=".mp4",
        name="Movie",
        line="for slides and players",
        example="movie.mp4",
        loops=False,
        takes_quality=True,
        # the index in front, so that it plays while it loads
        encoding={"output_params": ["-movflags", "+faststart"]},
    ),
    MovieFormat(
        suffix=".gif",
        name="Animated picture",
        line="for web pages",
        example="movie.gif",
        loops=True,
        takes_quality=False,
        encoding={
            "codec": "gif",
            "pix_fmt_out": "pal8",
            # a palette for each frame, flat areas without dither; 0: repeated without end
            "output_params": [
                "-filter_complex",
                "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none",
                "-loop",
                "0",
            ],
        },
    ),
)
