"""The `conformix` command: every action of the window can be run here.

Each command imports what it needs when it runs, so that `conformix --help` stays quick and
training runs on a machine without a display.
"""

from napari_conformix.cli.app import app, main

__all__ = ["app", "main"]
