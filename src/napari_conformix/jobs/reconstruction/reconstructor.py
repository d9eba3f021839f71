"""The process of a reconstruction:
`python -m napari_conformix.jobs.reconstruction.reconstructor FOLDER`.

It knows no window. Its standard output and error are run.out and run.err of the folder.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from napari_conformix.jobs.reconstruction.events import ReconstructionProgress
from napari_conformix.jobs.reconstruction.running import run
from napari_conformix.runs import Event, Failed, follow_to_the_end


def main(arguments: Sequence[str] | None = None) -> int:
    """Reconstruct; returns 0 when it finished or was stopped, 1 when it failed."""
    parser = argparse.ArgumentParser(prog="napari_conformix.jobs.reconstruction.reconstructor")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--launched", action="store_true", help="the lock is mine already")
    options = parser.parse_args(arguments)
    return follow_to_the_end(partial(run, options.folder, launched=options.launched), _in_words)


def _in_words(event: Event) -> str | None:
    if isinstance(event, Failed | ReconstructionProgress):
        return None
    return event.model_dump_json(exclude={"time", "versions"})


if __name__ == "__main__":
    sys.exit(main())
