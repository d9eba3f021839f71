"""The UMAP process: ``python -m napari_conformix.analysis.spaces.umap_worker``.

Writes its progress to stdout (see :mod:`~napari_conformix.runs.worker_process`) and the result
to `--output`. It ends by itself when nobody reads its progress any more.
"""

import argparse
import contextlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.spaces.umap_process import (
    UmapParameters,
    cache_key,
    cached_umap,
    read_rows,
    write_result,
)
from napari_conformix.errors import UserError
from napari_conformix.runs import worker_process

_PLACED_AT_ONCE = 20_000


class Reporter(worker_process.Reporter):
    """Writes progress lines; also the file that UMAP's progress bar writes to."""

    def write(self, text: str) -> None:
        """A bar of the form 'done total', as set by `bar_format` below."""
        numbers = text.split()
        if len(numbers) == 2 and all(number.isdigit() for number in numbers):
            done, total = map(int, numbers)
            self("fitting", done / max(total, 1), "laying out")

    def flush(self) -> None:
        self._stream.flush()


def embed(
    values: npt.NDArray[np.float32], parameters: UmapParameters, report: Reporter
) -> npt.NDArray[np.float32]:
    """(N, d) to (N, 2); NaN rows stay NaN. UserError when too few rows are left."""
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    if len(usable) <= parameters.neighbours:
        raise UserError(
            f"UMAP with {parameters.neighbours} neighbours needs more than that many particles; "
            f"there are {len(usable)} with latents."
        )
    rng = np.random.default_rng(parameters.seed)
    fitted = usable
    if len(usable) > parameters.fit_rows:
        fitted = np.sort(rng.choice(usable, parameters.fit_rows, replace=False))

    report("loading", None, "loading UMAP")
    import umap

    report("fitting", None, f"finding neighbours of {len(fitted)} particles")
    bar: dict[str, Any] = {"bar_format": "{n_fmt} {total_fmt}", "mininterval": 0.3}
    model = umap.UMAP(
        n_neighbors=parameters.neighbours,
        min_dist=parameters.min_dist,
        random_state=parameters.seed if parameters.repeatable else None,
        n_jobs=1 if parameters.repeatable else -1,
        tqdm_kwds=bar | {"file": report, "disable": False},
    )
    embedding = np.full((len(values), 2), np.nan, np.float32)
    embedding[fitted] = model.fit_transform(values[fitted])

    rest = np.setdiff1d(usable, fitted, assume_unique=True)
    model.tqdm_kwds = {"disable": True}
    for first in range(0, len(rest), _PLACED_AT_ONCE):
        report("placing", first / len(rest), f"placing the other {len(rest)} particles")
        rows = rest[first : first + _PLACED_AT_ONCE]
        embedding[rows] = model.transform(values[rows])
    return embedding


def run(latents: Path, out: Path, parameters: UmapParameters, report: Reporter) -> None:
    """Compute and write, unless `out` already holds the answer."""
    if cached_umap(latents, out, parameters) is not None:
        report("finished", 1.0, "UMAP was computed before.")
        return
    values = read_rows(latents, parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # umap's remarks on its own settings
        embedding = embed(values, parameters, report)
    write_result(out, embedding, cache_key(values, parameters), parameters)
    report("finished", 1.0, "UMAP is finished.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True, help="latents.npz of a job")
    parser.add_argument("--output", type=Path, required=True, help="npz to write")
    parser.add_argument("--parameters", default="{}", help="fields of UmapParameters as JSON")
    arguments = parser.parse_args()
    if hasattr(os, "nice"):
        os.nice(5)  # the window and the trainer come first
    report = Reporter(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            parameters = UmapParameters(**json.loads(arguments.parameters))
            run(arguments.input, arguments.output, parameters, report)
    except UserError as error:
        report("failed", None, str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
