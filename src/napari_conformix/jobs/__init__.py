"""Job folders: making, training, following, and asking them for results.

:class:`Job` is the facade over the rooms below, none of which knows it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_conformix.jobs.job import Job

__all__ = ["Job"]


def __getattr__(name: str) -> Any:
    if name == "Job":
        from napari_conformix.jobs.job import Job

        return Job
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
