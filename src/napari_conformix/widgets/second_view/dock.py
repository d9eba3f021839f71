"""The dock of a second latent space view, next to the first one or below it."""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel

from napari_conformix.widgets.spaces import LatentViewPanel

_TITLE: Final = "Latent space view"
#: a window this wide has room for two views side by side, in pixels
_WIDE: Final = 1800
#: a window less high has no room for the tools of both views, one above the other
_HIGH: Final = 880
#: a scene narrower than this gets the room of napari's layer docks, which the Window menu has
_SCENE: Final = 300
#: how small each of two views may be, and one alone
_SMALL, _ALONE = (240, 130), (240, 200)


def show_view(
    viewer,
    first: LatentViewPanel,
    second: LatentViewPanel,
    name: str,
    *,
    tools: bool,
) -> None:
    """Put the second view into the window, once, and show it; nothing without a window. It has no
    tools of its own where there is no room, or where they are not wanted."""
    window = getattr(viewer, "window", None)
    if window is None or first.dock is None:
        return
    if second.dock is None:
        second.dock = window.add_dock_widget(
            second, name=name, area="right", add_vertical_stretch=False
        )
        # It shares the room of the first view, in which a floating dock has no part.
        features = second.dock.features() & ~QDockWidget.DockWidgetFeature.DockWidgetFloatable
        second.dock.setFeatures(features)
        _take_away_cross(second.dock)
    main = first.dock.window()
    wide = is_wide(first)
    # The tools of the first view stand right above and act on both.
    second.bar.setVisible(tools and (wide or main.height() >= _HIGH))
    for panel in (first, second):
        panel.canvas.setMinimumSize(*_SMALL)
    orientation = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
    main.splitDockWidget(first.dock, second.dock, orientation)
    second.dock.show()

    def share() -> None:
        main.resizeDocks([first.dock, second.dock], [1, 1], orientation)
        second.layer_docks.make_room(main, _SCENE)

    # Qt gives a new dock its size only once it has laid the window out.
    QTimer.singleShot(0, share)


def is_wide(panel: LatentViewPanel) -> bool:
    """Whether two views stand side by side, and not one above the other."""
    return panel.dock is not None and panel.dock.window().width() >= _WIDE


def hide_view(first: LatentViewPanel, second: LatentViewPanel) -> None:
    """Only the first view; the dock of the other is hidden, to be shown again."""
    if second.dock is not None:
        second.dock.hide()
    second.layer_docks.give_back()
    first.canvas.setMinimumSize(*_ALONE)
    set_title(first, _TITLE)


def _take_away_cross(dock: QDockWidget) -> None:
    """napari's cross would destroy the view; it can be hidden, and closed on the page."""
    cross = getattr(dock.titleBarWidget(), "close_button", None)
    if cross is not None:
        cross.hide()


def set_title(panel: LatentViewPanel, title: str) -> None:
    """What stands over a view."""
    if panel.dock is None:
        return
    panel.dock.name = title  # napari makes another bar when the dock is moved
    panel.dock.setWindowTitle(title)
    label = getattr(panel.dock.titleBarWidget(), "title", None)
    if isinstance(label, QLabel):
        label.setText(title)
