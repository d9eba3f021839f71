"""The legend below the latent space view, used with a mouse and a keyboard."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_conformix.widgets.colours import Legend, LegendBar, colouring

VALUES = np.linspace(0, 100, 10_001)
_LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def legend(qapp):
    bar = LegendBar()
    bar.resize(420, 160)
    bar.set_legend(colouring.by_number(VALUES, "rlnDefocusU", "Å").legend)
    bar.show()
    qapp.processEvents()
    told: list[tuple[float, float]] = []
    bar.range_changed.connect(lambda low, high: told.append((low, high)))
    bar.told = told
    yield bar
    bar.close()


def drag(legend: LegendBar, part: str, pixels: int) -> None:
    """Take hold of a part of the histogram and move it by so many pixels."""
    bar = legend.bar
    start = bar.handle_place(part).toPoint()
    QTest.mousePress(bar, _LEFT, pos=start)
    for step in range(1, 6):
        QTest.mouseMove(bar, QPoint(start.x() + round(step * pixels / 5), start.y()))
    QTest.mouseRelease(bar, _LEFT, pos=QPoint(start.x() + pixels, start.y()))


def units(legend: LegendBar, pixels: int) -> float:
    """What so many pixels of the histogram are, in units of the values."""
    return pixels * legend.bar._legend.histogram.span / (legend.bar.width() - 16)


def test_each_handle_moves_its_end_of_the_range(legend: LegendBar) -> None:
    low, high = legend.bar.low, legend.bar.high
    drag(legend, "low", 60)
    assert legend.told[-1][0] == pytest.approx(low + units(legend, 60), abs=0.5)
    assert legend.told[-1][1] == high, "the other end is not rounded to a pixel"
    drag(legend, "high", -80)
    assert legend.told[-1][1] == pytest.approx(high - units(legend, 80), abs=0.5)
    assert (legend.bar.low, legend.bar.high) == legend.told[-1]
    assert legend.legend.low == legend.bar.low
    assert len(legend.told) >= 10, "it is reported while it is dragged"


def test_the_bar_between_moves_both_ends(legend: LegendBar) -> None:
    legend.low.setText("40")
    QTest.keyClick(legend.low, Qt.Key.Key_Return)
    legend.high.setText("60")
    QTest.keyClick(legend.high, Qt.Key.Key_Return)
    drag(legend, "both", 50)
    low, high = legend.told[-1]
    assert high - low == pytest.approx(20, abs=0.1)
    assert low == pytest.approx(40 + units(legend, 50), abs=0.5)
    drag(legend, "both", 2000)  # not beyond the end
    assert legend.told[-1][1] == VALUES.max()
    assert np.diff(legend.told[-1])[0] == pytest.approx(20, abs=0.1)


def test_handles_do_not_pass_each_other(legend: LegendBar) -> None:
    drag(legend, "low", 2000)
    assert legend.bar.low < legend.bar.high
    drag(legend, "low", -2000)
    assert legend.bar.low == VALUES.min()


def test_a_press_outside_the_range_brings_the_nearer_handle(legend: LegendBar) -> None:
    legend.low.setText("40")
    QTest.keyClick(legend.low, Qt.Key.Key_Return)
    x = legend.bar.handle_place("low").x() - 60
    QTest.mouseClick(legend.bar, _LEFT, pos=QPoint(round(x), 20))
    assert legend.bar.low == pytest.approx(40 - units(legend, 60), abs=0.5)


def test_a_double_click_asks_for_the_range_that_the_program_chose(legend: LegendBar) -> None:
    asked = []
    legend.range_reset.connect(lambda: asked.append(True))
    QTest.mouseDClick(legend.bar, _LEFT, pos=legend.bar.handle_place("both").toPoint())
    assert asked == [True]


def test_numbers_are_typed(legend: LegendBar) -> None:
    legend.low.setText("12.5")
    QTest.keyClick(legend.low, Qt.Key.Key_Return)
    assert legend.told[-1] == (12.5, legend.bar.high)
    told = len(legend.told)
    for nonsense in ("twelve", "nan", "1e99", "99.9"):  # the last is above the high end
        legend.low.setText(nonsense)
        legend.low.setModified(True)
        QTest.keyClick(legend.low, Qt.Key.Key_Return)
        assert legend.bar.low == 12.5
        assert legend.low.text() == "12.5", nonsense
    assert len(legend.told) == told


def test_a_number_that_is_only_shown_keeps_its_digits(legend: LegendBar) -> None:
    legend.bar.set_range(1.23456, 98.76543)
    legend._show_numbers(1.23456, 98.76543)
    legend.high.setText("90")
    QTest.keyClick(legend.high, Qt.Key.Key_Return)
    assert legend.told[-1] == (1.23456, 90.0)


def test_the_button_says_how_many(legend: LegendBar) -> None:
    asked = []
    legend.select_asked.connect(lambda: asked.append(True))
    legend.set_count(7656)
    assert legend.select.text() == "Select these 7,656"
    QTest.mouseClick(legend.select, _LEFT)
    assert asked == [True]
    legend.set_count(0)
    assert not legend.select.isEnabled()


def test_grey_outside_is_painted_in_the_histogram(legend: LegendBar) -> None:
    legend.low.setText("50")
    QTest.keyClick(legend.low, Qt.Key.Key_Return)

    def colour_at_a_tenth() -> np.ndarray:
        image = legend.bar.grab().toImage()
        colour = image.pixelColor(round(0.1 * legend.bar.width()), 44)
        return np.array([colour.red(), colour.green(), colour.blue()])

    assert np.ptp(colour_at_a_tenth()) > 40  # the colour of the low end
    QTest.mouseClick(legend.grey, _LEFT)
    assert legend.legend.grey_outside
    assert np.ptp(colour_at_a_tenth()) < 12


def test_categories_are_clicked_where_they_can_be_selected(qapp) -> None:
    words = np.array(["open", "closed", "open", "in between"] * 5, dtype=object)
    bar = LegendBar()
    bar.resize(300, 100)
    shown = colouring.by_column(words, "state").legend
    bar.set_legend(shown, clickable=True)
    bar.show()
    qapp.processEvents()
    clicked = []
    bar.category_clicked.connect(lambda place, keys: clicked.append((place, keys)))
    shift = Qt.KeyboardModifier.ShiftModifier
    for place, category in enumerate(shown.categories):
        where = bar.strip.place_of(place).toPoint()
        QTest.mouseClick(bar.strip, _LEFT, shift, where)
        assert clicked[-1] == (place, shift), category
    QTest.mouseClick(bar.strip, _LEFT, pos=QPoint(5, 2))  # the title
    assert len(clicked) == 3
    bar.set_legend(shown)
    QTest.mouseClick(bar.strip, _LEFT, pos=bar.strip.place_of(0).toPoint())
    assert len(clicked) == 3
    bar.close()


@pytest.mark.parametrize("width", [250, 420, 700])
def test_nothing_is_cut_off_at_any_width(legend: LegendBar, qapp, width: int) -> None:
    made = colouring.by_number(np.append(VALUES, np.nan), "x", "Å", note="a note " * 12)
    legend.set_legend(made.legend)
    legend.set_count(1_000_000)
    legend.resize(width, legend.heightForWidth(width))
    qapp.processEvents()
    legend.resize(width, legend.heightForWidth(width))
    qapp.processEvents()
    for widget in (legend.bar, legend.low, legend.high, legend.grey, legend.select, legend.note):
        corner = widget.mapTo(legend, widget.rect().bottomRight())
        assert legend.rect().contains(corner), widget
    assert legend.note.height() >= legend.note.heightForWidth(legend.note.width())


def test_without_a_title_there_is_no_legend(legend: LegendBar) -> None:
    legend.set_legend(Legend(""))
    assert not legend.isVisible()
