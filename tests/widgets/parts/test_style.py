"""What the pages share."""

from qt_waiting import settle
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_conformix.widgets.parts import Fold

_LEFT = Qt.MouseButton.LeftButton


def page_with(fold: Fold) -> QScrollArea:
    """The fold at the lower edge of what is seen of a page."""
    page, area = QWidget(), QScrollArea()
    column = QVBoxLayout(page)
    above = QLabel("above")
    above.setFixedHeight(250)
    column.addWidget(above)
    column.addWidget(fold)
    column.addStretch(1)
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.resize(200, 300)
    area.show()
    settle()
    return area


def opened(height: int) -> tuple[Fold, QScrollArea]:
    """Opened with the mouse."""
    content = QLabel("content")
    content.setFixedHeight(height)
    fold = Fold("More", content)
    area = page_with(fold)
    assert area.verticalScrollBar().value() == 0
    QTest.mouseClick(fold.button, _LEFT)
    settle()
    return fold, area


def test_what_is_unfolded_is_seen_whole(qapp):
    fold, area = opened(100)
    bottom = fold.mapTo(area.viewport(), fold.rect().bottomLeft()).y()
    assert fold.height() > 100
    assert 0 < bottom <= area.viewport().height()


def test_what_is_higher_than_the_page_is_seen_from_its_top(qapp):
    fold, area = opened(900)
    assert abs(fold.mapTo(area.viewport(), fold.rect().topLeft()).y()) <= 1
