"""The process of a reconstruction:
`python -m napari_conformix.jobs.reconstruction.reconstructor FOLDER`.

It knows no window. Its standard output and error are run.out and run.err of the folder.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_conformix.errors import UserError
from napari_conformix.jobs.reconstruction.events import ReconstructionProgress
from napari_conformix.jobs.reconstruction.running import run
from napari_conformix.runs import Failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Reconstruct; returns 0 when it finished or was stopped, 1 when it failed."""
    parser = argparse.ArgumentParser(prog="napari_conformix.jobs.reconstruction.reconstructor")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--launched", action="store_true", help="the lock is mine already")
    options = parser.parse_args(arguments)
    status = 0
    try:
        for event in run(options.folder, launched=options.launched):
            if isinstance(event, Failed):
                print(f"{event.message}\n{event.traceback}", file=sys.stderr, flush=True)
                status = 1
            elif not isinstance(event, ReconstructionProgress):
                print(event.model_dump_json(exclude={"time", "versions"}), flush=True)
    except UserError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
