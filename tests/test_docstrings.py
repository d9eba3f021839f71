"""Public functions say what they take, what they return and what they raise, in numpydoc's form.

The rooms below are what others build on; their reference is made of these texts.
"""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import FunctionType

import pytest
from docstring_parser.numpydoc import parse

ROOMS = (
    "imaging",
    "reconstruction",
    "methods",
    "training.checkpoints",
    "training.chosen_epoch",
    "training.contract",
    "training.devices",
    "training.estimate",
    "training.latent_history",
    "training.latent_table",
    "training.monitor",
    "training.preflight",
    "training.settings",
    "training.split",
    "training.stepping",
    "runs",
)


def _modules(room: str) -> Iterator[str]:
    name = f"napari_conformix.{room}"
    module = import_module(name)
    yield name
    if hasattr(module, "__path__"):
        for found in pkgutil.walk_packages(module.__path__, f"{name}."):
            yield found.name


def _public(room: str) -> Iterator[tuple[str, FunctionType]]:
    """Functions, and methods of classes, that are defined in a room and have a name without `_`.

    A method that a base class of ours has said everything about needs no text of its own.
    """
    for name in _modules(room):
        for key, value in vars(import_module(name)).items():
            if key.startswith("_") or getattr(value, "__module__", "") != name:
                continue
            if isinstance(value, FunctionType):
                yield f"{name}.{key}", value
            elif inspect.isclass(value):
                yield from _methods(f"{name}.{key}", value)


def _methods(name: str, kind: type) -> Iterator[tuple[str, FunctionType]]:
    for key, value in vars(kind).items():
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        inherited = any(key in vars(base) for base in kind.__mro__[1:])
        if isinstance(function, FunctionType) and not key.startswith("_") and not inherited:
            yield f"{name}.{key}", function


FUNCTIONS = dict(found for room in ROOMS for found in _public(room))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_public_function_says_what_it_takes_and_returns(name: str) -> None:
    function = FUNCTIONS[name]
    text = parse(inspect.getdoc(function) or "")
    assert (text.short_description or "").strip(), "no summary"
    signature = inspect.signature(function)
    taken = [key for key in signature.parameters if key not in ("self", "cls")]
    names = [part for entry in text.params for part in entry.arg_name.split(",")]
    assert [name.strip().lstrip("*") for name in names] == taken, "not the signature's parameters"
    assert all((entry.description or "").strip() for entry in text.params), "one is not explained"
    returns = signature.return_annotation not in (None, "None", inspect.Signature.empty)
    assert (text.returns is not None) == returns, "Returns does not fit"
