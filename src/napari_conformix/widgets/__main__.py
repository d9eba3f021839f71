"""`python -m napari_conformix.widgets [PATH]`: napari with the panel open.

A launcher of its own because sharing OpenGL between windows must be asked for before Qt starts;
with it the latent space view can be torn off into a window.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

#: from this width in pixels there is room for everything side by side
_WIDE_SCREEN = 1700
#: exit status, as the shell has for a process that Ctrl-C ended
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Open the window; returns when it is closed. The exit status is 0 unless pictures failed."""
    options = _parser().parse_args(arguments)

    from qtpy.QtCore import QCoreApplication, Qt

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)

    import napari

    from napari_conformix.widgets.panel import show_panel

    if options.movie is not None:
        return _movie(options)
    viewer = napari.Viewer(title="napari-conformix", ndisplay=3)
    panel = show_panel(viewer)
    _make_room(panel)
    if options.screenshots is not None:
        from napari_conformix.widgets.screenshots import take_screenshots

        return take_screenshots(viewer, panel, options.path, options.screenshots)
    if options.path is not None:
        panel.session.open_path(options.path)
    napari.run()
    return 0


def _make_room(panel: QWidget) -> None:
    """On a small screen the scene and the latent space view need the width of napari's layer docks.

    They are in the Window menu.
    """
    from qtpy.QtWidgets import QDockWidget

    window = panel.window()
    if window.screen().availableSize().width() >= _WIDE_SCREEN:
        return
    for dock in window.findChildren(QDockWidget):
        if dock.windowTitle() in ("layer list", "layer controls"):
            dock.hide()


def _movie(options: argparse.Namespace) -> int:
    """Draw a movie without a window; what a user can fix is printed as a sentence."""
    from napari_conformix.errors import UserError
    from napari_conformix.widgets.movies import movie_main

    if options.path is None:
        print("Give the job folder whose motion is to be shown.", file=sys.stderr)
        return 2
    try:
        made = movie_main(
            options.path,
            options.movie,
            along=options.along,
            look=options.look,
            overwrite=options.overwrite,
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if made is not None else _INTERRUPTED


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
        "--movie",
        type=Path,
        metavar="FILE",
        help="save a movie of the job PATH and exit; `conformix movie` has more options",
    )
    parser.add_argument(
        "--along", type=Path, metavar="PATH.json", help="a saved path for the movie"
    )
    parser.add_argument("--look", type=Path, metavar="OPTIONS.json", help="how the movie looks")
    parser.add_argument("--overwrite", action="store_true", help="replace a movie that is there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
