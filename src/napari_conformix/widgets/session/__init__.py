"""What is open in one viewer, and what all parts of the window need: workers, following, axes,
words.

`Session` is the one object that pages share.
"""

from napari_conformix.widgets.session import axes, commands
from napari_conformix.widgets.session.commands import particles_command
from napari_conformix.widgets.session.cursor import FIRST, LINK, MOUSE, CursorPlace, LatentCursor
from napari_conformix.widgets.session.dropping import FileDrop
from napari_conformix.widgets.session.follow import Follower
from napari_conformix.widgets.session.gl import software_rendering
from napari_conformix.widgets.session.guess import free_name, guess_maps
from napari_conformix.widgets.session.layer_docks import LayerDocks
from napari_conformix.widgets.session.session import Inputs, Map, Session
from napari_conformix.widgets.session.wording import unbroken, with_units
from napari_conformix.widgets.session.workers import Workers

__all__ = [
    "FIRST",
    "LINK",
    "MOUSE",
    "CursorPlace",
    "FileDrop",
    "Follower",
    "Inputs",
    "LatentCursor",
    "LayerDocks",
    "Map",
    "Session",
    "Workers",
    "axes",
    "commands",
    "free_name",
    "guess_maps",
    "particles_command",
    "software_rendering",
    "unbroken",
    "with_units",
]
