"""A page is listed in one place."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QLabel, QVBoxLayout

from napari_conformix.widgets.page import Page
from napari_conformix.widgets.panel import PAGES, ConformixPanel

pytestmark = pytest.mark.window


class ToyPage(Page):
    name, title, tip = "toy", "Toy", "Nothing of use"

    def __init__(self, space) -> None:
        super().__init__(space)
        self.scene = space.scene
        self.told: list[bool] = []
        QVBoxLayout(self).addWidget(QLabel("A toy"))

    def set_active(self, active: bool) -> None:
        self.told.append(active)


class OtherToy(ToyPage):
    name, title = "other toy", "Other toy"


def test_pages_have_names_and_titles_of_their_own() -> None:
    assert [page.name for page in PAGES][:3] == ["data", "train", "explore"]
    assert len({page.name for page in PAGES}) == len({page.title for page in PAGES}) == len(PAGES)
    assert all(page.tip for page in PAGES)


def test_a_page_that_is_listed_has_its_tab_and_hears_when_it_is_in_front(qtbot) -> None:
    viewer = ViewerModel()
    panel = ConformixPanel(viewer, (ToyPage, OtherToy))
    qtbot.addWidget(panel)
    tabs = panel.tabs
    assert [tabs.tabText(i) for i in range(tabs.count())] == ["Toy", "Other toy"]
    assert tabs.tabToolTip(0) == "Nothing of use"
    toy, other = panel.pages.values()
    assert toy.scene is panel.scene
    panel.show_page("other toy")
    assert tabs.currentIndex() == 1
    assert (toy.told, other.told) == ([False], [True])
    panel.show_page("toy")
    assert (toy.told[-1], other.told[-1]) == (True, False)
    panel.session.shut_down()
