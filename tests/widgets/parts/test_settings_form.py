"""The form made from a settings model: what is shown is what is trained with."""

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_conformix.methods.dynamight import DynaMightSettings
from napari_conformix.widgets.parts import SettingsForm


@pytest.fixture
def form(screen):
    made = SettingsForm(DynaMightSettings)
    made.show()
    yield made
    made.close()


def _type(widget, text: str) -> None:
    line = widget.lineEdit()
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def test_an_untouched_form_gives_the_defaults(form: SettingsForm) -> None:
    assert form.settings() == DynaMightSettings()


def test_settings_for_experts_are_not_in_the_form(form: SettingsForm) -> None:
    assert set(DynaMightSettings.model_fields) - set(form.editors) == {"atomic_model"}
    assert "atomic_model" not in form.values()


@pytest.mark.parametrize("preset", sorted(DynaMightSettings.presets))
def test_presets_pass_through_the_form(form: SettingsForm, preset: str) -> None:
    form.set_values(DynaMightSettings.preset(preset).model_dump())
    assert form.settings() == DynaMightSettings.preset(preset)


@pytest.mark.parametrize(
    ("typed", "value", "shown"),
    [("0.0001", 1e-4, "0.0001"), ("2e-5", 2e-5, "2e-05"), ("0.25", 0.25, "0.25")],
)
def test_small_numbers_are_shown_and_typed(
    form: SettingsForm, typed: str, value: float, shown: str
) -> None:
    box = form.editors["learning_rate"].widget
    form.advanced.button.setChecked(True)
    _type(box, typed)
    assert box.value() == pytest.approx(value, rel=1e-9)
    assert box.text() == shown
    assert form.settings().learning_rate == pytest.approx(value, rel=1e-9)


def test_values_outside_the_range_are_not_taken(form: SettingsForm) -> None:
    form.advanced.button.setChecked(True)
    before = form.settings().learning_rate
    box = form.editors["learning_rate"].widget
    _type(box, "7")
    assert 0 < box.value() <= 1
    _type(box, "abc")
    assert form.settings().learning_rate in (before, 1.0)
    fraction = form.editors["validation_fraction"].widget
    fraction.setValue(0.9)
    assert form.settings().validation_fraction < 0.5


def test_units_help_and_automatic_values_are_said(form: SettingsForm) -> None:
    rate = form.editors["reference_learning_rate"].widget
    assert rate.text().endswith(" Å")
    assert "at least 0 and at most 10" in rate.toolTip().lower()
    assert "--set reference_learning_rate" in rate.toolTip()
    assert form.editors["batch_size"].widget.text() == "automatic (0)"


def test_advanced_settings_are_folded_away(form: SettingsForm) -> None:
    QApplication.processEvents()
    assert form.editors["epochs"].widget.isVisible()
    assert not form.editors["seed"].widget.isVisible()
    QTest.mouseClick(form.advanced.button, Qt.MouseButton.LeftButton)
    assert form.editors["seed"].widget.isVisible()


def test_the_wheel_scrolls_the_page_and_changes_nothing(form: SettingsForm) -> None:
    for name in ("epochs", "regularisation"):
        box = form.editors[name].widget
        before = box.value()
        wheel = QWheelEvent(
            QPointF(5, 5), QPointF(box.mapToGlobal(QPoint(5, 5))), QPoint(0, 0), QPoint(0, 240),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        box.setFocus()
        QApplication.sendEvent(box, wheel)
        assert box.value() == before


def test_a_change_is_announced(form: SettingsForm) -> None:
    heard = []
    form.changed.connect(lambda: heard.append(form.values()["epochs"]))
    _type(form.editors["epochs"].widget, "12")
    assert heard[-1] == 12
