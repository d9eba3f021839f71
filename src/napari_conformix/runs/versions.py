"""Which versions made a result; kept in checkpoints and in the `started` event."""

import platform
from importlib.metadata import version

PROGRAM = "napari-conformix"


def program_version() -> str:
    """The installed version of this program.

    Returns
    -------
    str
        As its package says.
    """
    return version(PROGRAM)


def versions() -> dict[str, str]:
    """Versions of the program and of what decides its numbers.

    Returns
    -------
    dict of str to str
        Of this program, torch, numpy and python, by these names.
    """
    return {
        PROGRAM: program_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
    }
