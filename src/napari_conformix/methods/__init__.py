"""The methods that are installed, found by their entry points.

A package adds a method by naming a class in the entry-point group `napari_conformix.methods`;
nothing else changes. Listing the names imports none of them.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.training.contract import Method

GROUP = "napari_conformix.methods"
#: not among those that can be chosen: what a job is whose latents another program made
IMPORTED = "imported"


def available_methods() -> list[str]:
    """Names of the installed methods, sorted; imports none of them."""
    return sorted(_entry_points())


@cache
def method_class(name: str) -> "type[Method]":
    """The class of an installed method, or of jobs with imported latents; UserError when there is
    none of that name."""
    if name == IMPORTED:
        from napari_conformix.methods.imported import Imported

        return Imported
    found = _entry_points().get(name)
    if found is None:
        known = ", ".join(available_methods()) or "none"
        raise UserError(f"There is no method {name!r}; installed methods: {known}.")
    try:
        loaded: type[Method] = found.load()
    except ImportError as error:
        raise UserError(f"The method {name!r} cannot be loaded: {error}.") from error
    return loaded


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
