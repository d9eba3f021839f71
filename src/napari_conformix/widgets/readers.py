"""Readers: what is dropped on napari opens in the panel, and adds no layer by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari

from napari_conformix.runs import layout

PathOrPaths = str | list[str]
Reader = Callable[[PathOrPaths], list[tuple[Any, ...]]]
#: what napari takes for 'read, but there is no layer'
_NO_LAYER: list[tuple[Any, ...]] = [(None,)]


def job_reader(path: PathOrPaths) -> Reader | None:
    """A reader for a job folder, or None when the folder is none."""
    return open_in_panel if _is_job(Path(_first(path))) else None


def particle_reader(path: PathOrPaths) -> Reader | None:
    """A reader for a STAR or .cs file."""
    return open_in_panel if Path(_first(path)).suffix.lower() in (".star", ".cs") else None


def latents_reader(path: PathOrPaths) -> Reader | None:
    """A reader for latents of another program; the panel asks for their particle file."""
    return open_in_panel if Path(_first(path)).suffix.lower() == ".pkl" else None


def open_in_panel(path: PathOrPaths) -> list[tuple[Any, ...]]:
    """Open the panel and in it the (first) path."""
    from napari_conformix.widgets.panel import show_panel

    viewer = napari.current_viewer()
    if viewer is None:
        raise RuntimeError("Open a napari window first; job folders are shown in its panel.")
    show_panel(viewer).session.open_path(_first(path))
    return _NO_LAYER


def _first(path: PathOrPaths) -> str:
    return path if isinstance(path, str) else path[0]


def _is_job(path: Path) -> bool:
    return path.name == layout.SPEC or (path / layout.SPEC).is_file()
