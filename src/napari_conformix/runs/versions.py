"""Which versions made a result; kept in checkpoints and in the `started` event."""

import platform
from importlib.metadata import version

PROGRAM = "napari-conformix"


def program_version() -> str:
    """The installed version of this program."""
    return version(PROGRAM)


def versions() -> dict[str, str]:
    """Versions of the program and of what decides its numbers."""
    return {
        PROGRAM: program_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
    }
