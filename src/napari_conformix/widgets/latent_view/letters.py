"""Who puts letters on the latent space view while the Explore page has the scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_conformix.widgets.latent_view.marks import Mark

if TYPE_CHECKING:
    from napari_conformix.widgets.latent_view.canvas import LatentCanvas


class ViewLetters:
    """Marks of several parts of the page on one canvas, which keeps one list of them. While another
    page has the scene, the view is that page's."""

    def __init__(self, canvas: LatentCanvas) -> None:
        self._canvas = canvas
        self._marks: dict[str, list[Mark]] = {}
        self._active = True

    def put(self, source: str, marks: list[Mark]) -> None:
        """The marks of one part, in place of its own before."""
        if marks != self._marks.get(source, []):
            self._marks[source] = marks
            self._show()

    def set_active(self, active: bool) -> None:
        """Whether the view is the Explore page's."""
        self._active = active
        if active:
            self._show()
        else:
            self._canvas.set_marks([])

    def _show(self) -> None:
        if self._active:
            # in a fixed order, so that the same ones are on top: the kept state
            parts = (self._marks[source] for source in sorted(self._marks))
            self._canvas.set_marks([mark for marks in parts for mark in marks])
