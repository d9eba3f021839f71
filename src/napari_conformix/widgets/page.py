"""What the panel needs of a page: its name, its title, and whether it is in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari_conformix.widgets.latent_space import LatentSpace


class Page(QWidget):
    """A page is made of the parts that pages share, and is listed in `panel.PAGES`; nothing else
    needs to know it."""

    #: by which it is asked for, and its picture is named
    name: ClassVar[str]
    #: on its tab
    title: ClassVar[str]
    #: what it is for, said when the mouse rests on its tab
    tip: ClassVar[str] = ""

    def __init__(self, space: LatentSpace) -> None:
        super().__init__()
        self.space, self.session = space, space.session

    def set_active(self, active: bool) -> None:
        """Whether this page is the one in front. The page before is asked first, so that it gives
        the scene back before another takes it."""
