"""Write constraints.txt: the installed version of everything the project needs.

Run it with the environment's own Python after a deliberate upgrade:

    .venv/bin/python scripts/pin.py > constraints.txt
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "napari-conformix"
EXTRAS = frozenset({"dev"})
HEADER = """\
# The versions that are tested together. `make setup` installs from this file; an ordinary
# `pip install napari-conformix` takes the ranges in pyproject.toml instead. Every version
# here has wheels for Python 3.11, 3.12 and 3.13. Written by scripts/pin.py.
"""


def needed_extras(name: str, extras: frozenset[str]) -> dict[str, set[str]]:
    """Canonical name -> extras asked for, over everything that `name` leads to."""
    wanted: dict[str, set[str]] = {}
    waiting = [(name, extras)]
    while waiting:
        name, extras = waiting.pop()
        name = canonicalize_name(name)
        known = wanted.get(name)
        new = {"", *extras} - (known or set())
        if not new:
            continue
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:  # an optional extra that is not installed here
            continue
        wanted[name] = (known or set()) | new
        for text in requirements:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in new):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    return wanted


def main() -> None:
    """Print the constraints, the local part of a version (such as `+cpu`) left out."""
    sys.stdout.write(HEADER)
    for name in sorted(needed_extras(ROOT, EXTRAS)):
        if name != ROOT:
            found = distribution(name)
            print(f"{found.metadata['Name']}=={found.version.partition('+')[0]}")


if __name__ == "__main__":
    main()
