"""Sample data of the File menu: made in a worker, opened on the Data page.

napari wants a layer at once; it gets the atoms of the molecule that the particles show.
"""

from __future__ import annotations

from typing import Any

import napari
import numpy as np

from napari_conformix.widgets.panel import show_panel
from napari_conformix.widgets.session import Session, axes

Layers = list[tuple[Any, dict[str, Any], str]]


def adenylate_kinase_motion() -> Layers:
    """Particles of adenylate kinase between open and closed."""
    return _sample("adk")


def adenylate_kinase_states() -> Layers:
    """Particles of adenylate kinase in discrete states."""
    return _sample("adk-states")


def _sample(name: str) -> Layers:
    from napari_conformix.simulation import find_scene

    viewer = napari.current_viewer()
    if viewer is not None:
        open_sample(show_panel(viewer).session, name)
    scene = find_scene(name)
    positions = np.asarray(scene.atoms(0)[0])
    layer = {
        "name": f"Atoms of the sample ({name})",
        "size": 3.0,
        "face_color": "#9aa0a8",
        "border_width": 0,
        "units": axes.UNITS,
        "visible": False,
    }
    return [(axes.to_napari(positions), layer, "points")]


def open_sample(session: Session, name: str) -> None:
    """Make the sample (or take the one that was made before) and open it."""

    def make() -> Any:
        from napari_conformix.simulation import sample_data

        return sample_data(name)

    def done(path: Any) -> None:
        session.busy_changed.emit("")
        session.open_path(path)

    def failed(error: Exception) -> None:
        session.busy_changed.emit("")
        session.report_error(error)

    session.busy_changed.emit(
        "Making the sample's particles; this takes some seconds the first time …"
    )
    session.run_in_worker(make, done, failed, key="open")
