"""`python -m napari_conformix.widgets [PATH]`: napari with the panel open.

A launcher of its own because sharing OpenGL between windows must be asked for before Qt starts;
with it the latent map can be torn off into a window.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Open the window; returns when it is closed. The exit status is 0 unless pictures failed."""
    options = _parser().parse_args(arguments)

    from qtpy.QtCore import QCoreApplication, Qt

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)

    import napari

    from napari_conformix.widgets.panel import show_panel

    viewer = napari.Viewer(title="napari-conformix", ndisplay=3)
    panel = show_panel(viewer)
    if options.screenshots is not None:
        from napari_conformix.widgets.screenshots import take_screenshots

        return take_screenshots(viewer, panel, options.path, options.screenshots)
    if options.movie is not None:
        from napari_conformix.widgets.screenshots import take_movie

        return take_movie(viewer, panel, options.path, options.movie)
    if options.path is not None:
        panel.session.open_path(options.path)
    napari.run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m napari_conformix.widgets",
        description="Open napari with the Conformix panel.",
    )
    parser.add_argument("path", nargs="?", type=Path, help="a job folder, .star or .cs file")
    parser.add_argument(
        "--screenshots",
        type=Path,
        metavar="FOLDER",
        help="open the job PATH, save pictures of every page there, and exit",
    )
    parser.add_argument(
        "--movie", type=Path, metavar="FILE", help="open the job PATH, save a movie, and exit"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
