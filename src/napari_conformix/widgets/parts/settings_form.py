"""A form made from a method's settings model: basic fields shown, the others folded away."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, Literal

from pydantic.fields import FieldInfo
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QValidator, QWheelEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.training.settings import TrainingSettings
from napari_conformix.widgets.parts.style import Fold

_LARGEST_INT = 2**31 - 1
_LARGEST_FLOAT = 1e12
_AUTOMATIC = "automatic (0)"


class FloatBox(QDoubleSpinBox):
    """Shows 0.0001 as 0.0001 and takes '1e-4'; a step is a tenth of the leading digit."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(12)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:
        text = f"{value:.8g}"
        return text if "e" not in text or abs(value) < 1e-4 or abs(value) >= 1e8 else str(value)

    def valueFromText(self, text: str) -> float:
        try:
            return float(self._bare(text))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        bare = self._bare(text)
        try:
            inside = self.minimum() <= float(bare) <= self.maximum()
        except ValueError:
            typing_on = all(c in "0123456789.eE+-" for c in bare)
            state = QValidator.State.Intermediate if typing_on else QValidator.State.Invalid
            return state, text, position
        state = QValidator.State.Acceptable if inside else QValidator.State.Intermediate
        return state, text, position

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # scrolling the page must not change a setting

    def _bare(self, text: str) -> str:
        if self.specialValueText() and text == self.specialValueText():
            return str(self.minimum())
        return text.removesuffix(self.suffix()).strip()


class IntBox(QSpinBox):
    """A spin box that leaves the wheel to the page."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class ChoiceBox(QComboBox):
    """A combo box that leaves the wheel to the page."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class SettingsForm(QWidget):
    """Fields of a settings model. `changed` is emitted at every edit."""

    changed = Signal()

    def __init__(self, model: type[TrainingSettings]) -> None:
        super().__init__()
        self.model = model
        self.editors: dict[str, Editor] = {}
        basic, advanced = QFormLayout(), QFormLayout()
        for name, info in model.model_fields.items():
            extra = info.json_schema_extra or {}
            if extra.get("expert"):
                continue
            self._add(advanced if extra.get("advanced") else basic, name, info, extra)
        folded = QWidget()
        folded.setLayout(advanced)
        advanced.setContentsMargins(12, 0, 0, 0)
        basic.setContentsMargins(0, 0, 0, 0)
        self.advanced = Fold("Advanced", folded)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(basic)
        layout.addWidget(self.advanced)

    def values(self) -> dict[str, Any]:
        """Every setting as it stands in the form."""
        return {name: editor.get() for name, editor in self.editors.items()}

    def set_values(self, values: dict[str, Any]) -> None:
        """Show these settings; names that the model does not have are left out."""
        for name, value in values.items():
            if name in self.editors:
                with QSignalBlocker(self.editors[name].widget):
                    self.editors[name].set(value)
        self.changed.emit()

    def settings(self) -> TrainingSettings:
        """The settings, validated; pydantic's ValidationError if they contradict each other."""
        return self.model(**self.values())

    def set_read_only(self, read_only: bool) -> None:
        """The settings of a job are fixed when it is made."""
        for editor in self.editors.values():
            editor.widget.setEnabled(not read_only)

    def _add(self, form: QFormLayout, name: str, info: FieldInfo, extra: dict[str, Any]) -> None:
        editor = make_editor(info, extra.get("unit", ""))
        tip = _tooltip(name, info, extra)
        label = QLabel(name.replace("_", " ").capitalize())
        label.setToolTip(tip)
        editor.widget.setToolTip(tip)
        editor.widget.setObjectName(name)
        editor.changed.connect(lambda *_: self.changed.emit())
        self.editors[name] = editor
        form.addRow(label, editor.widget)


class Editor:
    """A widget with the means to read, write and watch its value."""

    def __init__(
        self, widget: QWidget, get: Callable[[], Any], set_: Callable[[Any], Any], changed: Any
    ) -> None:
        self.widget, self.get, self.set, self.changed = widget, get, set_, changed


def make_editor(info: FieldInfo, unit: str = "") -> Editor:
    """The widget for a field, with its default, range and unit."""
    kind = _plain_type(info.annotation)
    if typing.get_origin(kind) is Literal:
        return _choice(typing.get_args(kind), info.default)
    if kind is bool:
        box = QCheckBox()
        box.setChecked(bool(info.default))
        return Editor(box, box.isChecked, box.setChecked, box.toggled)
    if kind in (int, float):
        return _number(kind, info, unit)
    edit = QLineEdit(str(info.default or ""))
    return Editor(edit, edit.text, lambda value: edit.setText(str(value)), edit.textChanged)


def _choice(choices: tuple[Any, ...], default: Any) -> Editor:
    box = ChoiceBox()
    for choice in choices:
        box.addItem(str(choice), choice)
    box.setCurrentIndex(box.findData(default))
    return Editor(
        box,
        box.currentData,
        lambda value: box.setCurrentIndex(box.findData(value)),
        box.currentIndexChanged,
    )


def _number(kind: type, info: FieldInfo, unit: str) -> Editor:
    box = IntBox() if kind is int else FloatBox()
    largest = _LARGEST_INT if kind is int else _LARGEST_FLOAT
    low, high = _limits(info, kind)
    box.setRange(-largest if low is None else low, largest if high is None else high)
    box.setKeyboardTracking(False)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    if info.default == 0 and low == 0 and "0 " in (info.description or ""):
        box.setSpecialValueText(_AUTOMATIC)
    if unit:
        box.setSuffix(f" {_in_print(unit)}")
    box.setValue(info.default)
    return Editor(box, box.value, box.setValue, box.valueChanged)


def _limits(info: FieldInfo, kind: type) -> tuple[float | None, float | None]:
    """Smallest and largest value; an open end of a range is brought in by a hair."""
    low = high = None
    hair = 1 if kind is int else 1e-12
    for limit in info.metadata:
        if (value := getattr(limit, "ge", None)) is not None:
            low = value
        if (value := getattr(limit, "gt", None)) is not None:
            low = value + hair
        if (value := getattr(limit, "le", None)) is not None:
            high = value
        if (value := getattr(limit, "lt", None)) is not None:
            high = value - hair
    return low, high


def _plain_type(annotation: Any) -> Any:
    """The type behind `T | None`."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        rest = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return rest[0] if len(rest) == 1 else str
    return annotation


def _tooltip(name: str, info: FieldInfo, extra: dict[str, Any]) -> str:
    parts = [f"{info.description}."]
    limits = {}
    for limit in info.metadata:
        for word in ("ge", "gt", "le", "lt"):
            if (value := getattr(limit, word, None)) is not None:
                limits[word] = f"{value:g}"
    words = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}
    if limits:
        ranges = " and ".join(words[word].format(value) for word, value in limits.items())
        parts.append(f"{ranges[0].upper()}{ranges[1:]}.")
    unit = f" {_in_print(extra['unit'])}" if extra.get("unit") else ""
    parts.append(f"Default: {info.default}{unit}. On the command line: --set {name}=…")
    return "\n".join(parts)


def _in_print(unit: str) -> str:
    return "Å" if unit == "A" else unit
