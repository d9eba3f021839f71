"""The command's list of commands, and how errors end it."""

import os
import sys
from collections.abc import Callable, Sequence

from cyclopts import App, Group

from napari_conformix.cli import demo, doctor, sources, window
from napari_conformix.cli.conformations import decode, embedding, landscape, movie, paths, umap
from napari_conformix.cli.particles import (
    analyzing,
    clusters,
    compare,
    domain_motion,
    domains,
    exporting,
    pictures,
    selecting,
)
from napari_conformix.cli.runs import importing, reconstructing, training
from napari_conformix.cli.terminal import INTERRUPTED
from napari_conformix.errors import UserError
from napari_conformix.version import __version__

app = App(
    name="conformix",
    help="From a cryo-EM consensus refinement to the conformations and compositions of its "
    "particles, subsets and maps.",
    version=__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)

BEGIN = Group.create_ordered("Get started")
TRAIN = Group.create_ordered("Train")
RESULTS = Group.create_ordered("Results")

#: in the order in which they are used
COMMANDS: tuple[tuple[Group, tuple[Callable[..., object], ...]], ...] = (
    (BEGIN, (demo.demo, doctor.doctor, sources.simulate, importing.import_, window.open_)),
    (
        TRAIN,
        (
            training.new,
            training.settings,
            training.train,
            training.status,
            training.pause,
            training.stop,
        ),
    ),
    (
        RESULTS,
        (
            analyzing.analyze,
            clusters.clusters,
            compare.compare,
            decode.decode,
            paths.path,
            landscape.landscape,
            movie.movie,
            analyzing.arrows,
            embedding.embed,
            umap.umap,
            selecting.select,
            pictures.particles,
            exporting.export,
            reconstructing.reconstruct,
            domains.domains,
            domain_motion.domain_motion,
        ),
    ),
)
for group, commands in COMMANDS:
    for position, command in enumerate(commands):
        app.command(command, group=group, sort_key=position)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; what a user can fix is printed as a sentence, without traceback."""
    try:
        try:
            app(arguments)
        finally:
            sys.stdout.flush()  # here, where a reader that is gone can be answered
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
