"""The methods that are installed, found by their entry points.

A package adds a method by naming a class in the entry-point group `napari_conformix.methods`;
nothing else changes. Listing the names imports none of them.

The module that the entry point names may have `SETTINGS`, its settings models by the names of its
methods, and load the classes themselves later: then settings can be read without torch.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from types import ModuleType

    from napari_conformix.training.contract import Method
    from napari_conformix.training.settings import TrainingSettings

GROUP = "napari_conformix.methods"
#: not among those that can be chosen: what a job is whose latents another program made
IMPORTED = "imported"
#: taken where none is named
RECOMMENDED = "dynamight"


def available_methods() -> list[str]:
    """Names of the installed methods; imports none of them.

    Returns
    -------
    list of str
        Sorted.
    """
    return sorted(_entry_points())


@cache
def method_class(name: str) -> "type[Method]":
    """The class of an installed method, or of jobs with imported latents.

    Parameters
    ----------
    name : str
        As in job.toml: the name of an entry point, or `IMPORTED`.

    Returns
    -------
    type of Method
        Imported when it is first asked for.

    Raises
    ------
    UserError
        If there is no method of that name, or it cannot be imported.
    """
    try:
        loaded: type[Method] = _entry_point(name).load()
    except ImportError as error:
        raise UserError(f"The method {name!r} cannot be loaded: {error}.") from error
    return loaded


@cache
def settings_model(name: str) -> "type[TrainingSettings]":
    """The settings model of a method, without the method itself where its package allows that;
    UserError as of :func:`method_class`."""
    try:
        module: ModuleType = import_module(_entry_point(name).module)
    except ImportError as error:
        raise UserError(f"The method {name!r} cannot be loaded: {error}.") from error
    alone: dict[str, type[TrainingSettings]] = getattr(module, "SETTINGS", {})
    return alone[name] if name in alone else method_class(name).Settings


def _entry_point(name: str) -> EntryPoint:
    if name == IMPORTED:
        return EntryPoint(name, f"{__name__}.imported:Imported", GROUP)
    found = _entry_points().get(name)
    if found is None:
        known = ", ".join(available_methods()) or "none"
        raise UserError(f"There is no method {name!r}; installed methods: {known}.")
    return found


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
