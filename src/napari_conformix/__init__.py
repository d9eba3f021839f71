"""napari-conformix: see molecules move, from a consensus refinement to motions and movies.

The public API is :class:`Job`. Nothing heavy is imported until it is used.
"""

from typing import TYPE_CHECKING, Any

from napari_conformix.version import __version__

if TYPE_CHECKING:
    from napari_conformix.jobs import Job

__all__ = ["Job", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Job":
        from napari_conformix.jobs import Job

        return Job
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
