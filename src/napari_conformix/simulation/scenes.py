"""The scenes that `simulate` knows by name, and how a name or a file becomes a scene."""

from pathlib import Path

from napari_conformix.errors import UserError
from napari_conformix.simulation import adenylate_kinase
from napari_conformix.simulation.scene import Scene
from napari_conformix.simulation.structure import SUFFIXES, structure_scene

_MAKERS = {
    "adk": adenylate_kinase.opening,
    "adk-states": adenylate_kinase.states,
    "rigid": adenylate_kinase.rigid,
}

#: name -> what it is, for help texts and menus
SCENES = {name: make().title for name, make in _MAKERS.items()}


def find_scene(name: str | Path) -> Scene:
    """The scene of that name, or made from that PDB or mmCIF file; UserError if neither."""
    if str(name) in _MAKERS:
        return _MAKERS[str(name)]()
    if str(name).lower().endswith(SUFFIXES):
        return structure_scene(name)
    raise UserError(
        f"There is no scene {str(name)!r}; use {', '.join(SCENES)}, or a file whose name ends in "
        ".pdb or .cif."
    )
