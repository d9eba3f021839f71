"""The trainer process:
`python -m napari_conformix.jobs.training.trainer JOB [--device D] [--resume]`.

It knows no window. Its standard output and error are the job's run.out and run.err.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from napari_conformix.jobs.training.running import in_words, run_training
from napari_conformix.runs import follow_to_the_end


def main(arguments: Sequence[str] | None = None) -> int:
    """Train a job; returns 0 when it finished or was stopped, 1 when it failed."""
    parser = argparse.ArgumentParser(prog="napari_conformix.jobs.training.trainer")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--launched", action="store_true", help="the lock is mine already")
    options = parser.parse_args(arguments)
    begin = partial(
        run_training,
        options.folder,
        device=options.device,
        epochs=options.epochs,
        resume=options.resume,
        launched=options.launched,
    )
    return follow_to_the_end(begin, in_words)


if __name__ == "__main__":
    sys.exit(main())
