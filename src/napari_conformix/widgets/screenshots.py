"""Pictures of the window itself, page by page, for the README, the demo and for looking."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QApplication

from napari_conformix.widgets.latent_view import Mode
from napari_conformix.widgets.session import FIRST

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_conformix.widgets.panel import ConformixPanel

#: the size of window that the pages are designed for
SIZE = QSize(1400, 900)
_SETTLE_SECONDS = 1.0
_WAIT_SECONDS = 90.0
#: the cursor is put where this share of the particles lies to its left
_CURSOR_SHARE = 0.9
#: the lasso takes the particles to the right of this share of them
_LASSO_SHARE = 0.8


def take_screenshots(viewer: Viewer, panel: ConformixPanel, path: Path | None, folder: Path) -> int:
    """Open a job and save a picture of every page and window.png; the exit status.

    explore.png is the panel's page alone, window.png the whole window: the latent space view
    coloured by half set, particles of one end of its first axis lassoed, and a conformation decoded
    there.
    """
    if path is None:
        print("Give the job folder whose pictures are to be taken.", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    errors: list[str] = []
    session, window = panel.session, panel.window()
    session.message.connect(lambda text, level: errors.append(text) if level == "error" else None)
    window.resize(SIZE.boundedTo(window.screen().availableSize()))
    session.open_path(path)
    ready = _wait(lambda: bool(errors) or _complete(panel))
    if errors or not ready:
        print(errors[0] if errors else f"{path} has no latents to show.", file=sys.stderr)
        _close(viewer)
        return 1
    for name in panel.pages:
        panel.show_page(name)
        _settle(_SETTLE_SECONDS)
        if _SHOWN.get(name, lambda panel: True)(panel):
            _save(panel, name, folder)
    _close(viewer)
    return 0


def _complete(panel: ConformixPanel) -> bool:
    """Whether everything of the job has been read and drawn."""
    session = panel.session
    return (
        None not in (session.particles, session.latents, session.consensus)
        and bool(session.state)
        and panel.pages["explore"].latent_view is not None
        and panel.pages["data"].summary.isVisibleTo(panel.pages["data"])
        and panel.pages["data"].samples.isVisibleTo(panel.pages["data"])
    )


def _show_explore(panel: ConformixPanel) -> bool:
    """Colour the view, decode a conformation at one end of it, and lasso the particles there."""
    _colour(panel)
    _put_cursor(panel)
    _lasso_end(panel)
    return True


def _colour(panel: ConformixPanel) -> None:
    """Colour by half set, which shows whether two independent trainings agree; of a method with
    one model, by its first component."""
    box = panel.pages["explore"].views.colour_box
    box.setCurrentIndex(max(box.findData("half set"), box.findData("PC 1"), 0))


def _lasso_end(panel: ConformixPanel) -> None:
    """Select what lies at the cursor's end of the view, as a lasso drawn there does."""
    page = panel.pages["explore"]
    xy, (low, high) = page.latent_view.xy, page.latent_view.extent
    edge, beyond = np.quantile(xy[:, 0], _LASSO_SHARE), high + (high - low)
    under = low[1] - (high[1] - low[1])
    corners = [(edge, under), (beyond[0], under), tuple(beyond), (edge, beyond[1])]
    page.canvas.lasso_finished.emit(np.array(corners), Mode.NEW)
    _wait(lambda: page.history.count > 0)
    _settle(_SETTLE_SECONDS)


def _put_cursor(panel: ConformixPanel) -> None:
    """Place the cursor near one end of the view and wait for the molecule there."""
    page = panel.pages["explore"]
    _settle(_SETTLE_SECONDS)
    xy = page.latent_view.xy
    order = np.argsort(xy[:, 0])
    x, y = xy[order[int(_CURSOR_SHARE * (len(order) - 1))]]
    shown: list[object] = []
    page.conformation.decode.shown.connect(lambda *_: shown.append(True))
    page.cursor.move(FIRST, (float(x), float(y)), "screenshots")
    _wait(lambda: bool(shown))
    _settle(_SETTLE_SECONDS)


def _show_path(panel: ConformixPanel) -> bool:
    """Make the path that is offered first, go to one end of it, and show the view as energy."""
    page = panel.pages["paths"]
    panel.pages["explore"].history.clear()  # the lassoed particles hide the landscape
    page.form.make.click()
    player = page.player
    _wait(lambda: page.path is not None)
    if panel.session.has_decoder:
        _wait(lambda: len(player.frames.ready_steps) == len(page.path))
    player.go_to(len(page.path) - 1)
    page.folds["landscape"].button.setChecked(True)
    page.landscape.show_button.click()
    _wait(lambda: page.landscape.drawn is not None)
    _settle(_SETTLE_SECONDS)
    return True


def _show_clusters(panel: ConformixPanel) -> bool:
    """Open the newest clusters, choose the largest, and scroll to all their maps; False where the
    job has none."""
    page = panel.pages["clusters"]
    if not panel.session.job.cluster_sets():
        return False
    _wait(lambda: page.clusters is not None)
    panel.pages["explore"].history.clear()  # the lassoed particles hide colours
    page.form_fold.button.setChecked(False)
    page.choose([0])
    gallery = page.maps.gallery
    _wait(lambda: all(tile.state != "waiting" and not tile.stale for tile in gallery.tiles))
    _settle(_SETTLE_SECONDS)
    panel.tabs.currentWidget().ensureWidgetVisible(gallery)
    _settle(_SETTLE_SECONDS)
    return True


def _show_deformation(panel: ConformixPanel) -> bool:
    """Pick the held-out particle that moves most; False where the job has no displacements."""
    page, latents = panel.pages["deformation"], panel.session.latents
    if not page.motion.isEnabled():
        return False
    _wait(lambda: page.motions.table is not None and page.motions.verdict is not None)
    motion = np.where(latents.validation, page.motions.table.rms_displacement, 0.0)
    page.motion.pick(int(motion.argmax()))
    _wait(lambda: page.shown is not None)
    _settle(_SETTLE_SECONDS)
    return True


def _show_reconstruction(panel: ConformixPanel) -> bool:
    """Show the newest finished reconstruction; False where the job has none."""
    page = panel.pages["reconstruct"]
    if not any(run.state == "finished" for run in panel.session.job.reconstructions()):
        return False
    _wait(lambda: page.view.result is not None)
    _settle(_SETTLE_SECONDS)
    return True


def _save(panel: ConformixPanel, name: str, folder: Path) -> None:
    """The window with that page in front. The Explore page gets two pictures."""
    picture = panel.window().grab()
    if name == "explore":
        panel.grab().save(str(folder / "explore.png"))
        name = "window"
    picture.save(str(folder / f"{name}.png"))


#: what is done on a page before its picture is taken; it says whether there is anything to see.
#: Other pages are taken as they are.
_SHOWN: Final[dict[str, Callable[[ConformixPanel], bool]]] = {
    "explore": _show_explore,
    "paths": _show_path,
    "clusters": _show_clusters,
    "deformation": _show_deformation,
    "reconstruct": _show_reconstruction,
}


def _settle(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def _wait(condition: Callable[[], bool]) -> bool:
    """Keep the window alive until something has happened; False when it took too long."""
    end = time.monotonic() + _WAIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            return False
        _settle(0.02)
    return True


def _close(viewer: Viewer) -> None:
    viewer.close()
    _settle(0.1)
