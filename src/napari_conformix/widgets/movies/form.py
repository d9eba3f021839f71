"""The fields that say how a movie looks, in the order in which one thinks of them."""

from __future__ import annotations

from typing import Any, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from napari_conformix.export import movie_words as words
from napari_conformix.export.movie_plan import (
    MovieOptions,
    duration,
    options_from,
    shots,
)
from napari_conformix.widgets.parts import combo, fill, hint

SIZES: Final = [
    ("480 × 480", (480, 480)),
    ("720 × 720", (720, 720)),
    ("1080 × 1080", (1080, 1080)),
    ("1280 × 720 (HD)", (1280, 720)),
    ("1920 × 1080 (full HD)", (1920, 1080)),
    ("Other", None),
]
_BACKGROUNDS: Final = [("black", "black"), ("white", "white"), ("grey", "#808080")]
_CORNERS: Final = [
    (corner, corner) for corner in ("bottom right", "bottom left", "top right", "top left")
]
_LEAST_SECONDS: Final = 0.5


class MovieForm(QWidget):
    """Fields for `MovieOptions`; the camera, the contour and colours are the scene's."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._build()
        self._lay_out()
        self._connect()
        self._arrange()

    def _build(self) -> None:
        self.size_box = combo()
        fill(self.size_box, SIZES, default=1)
        self.width_box, self.height_box = (_pixels(words.SIDE) for _ in range(2))
        self.fps = QSpinBox()
        speed = words.FRAMES_PER_SECOND
        self.fps.setRange(int(speed.low), int(speed.high))
        self.fps.setValue(int(speed.default))
        self.fps.setSuffix(" frames/s")
        self.seconds = QDoubleSpinBox()
        self.seconds.setRange(words.SECONDS.low, words.SECONDS.high)
        self.seconds.setDecimals(1)
        self.seconds.setSuffix(" s")
        self.seconds.setSpecialValueText("a frame for every step")
        self.seconds.setToolTip("Steps are shown longer or left out to fill this time")
        self.back = QCheckBox("There and back again")
        self.back.setChecked(True)
        self.turn = _degrees(words.TURN.low, words.TURN.high, 45)
        self.turn.setToolTip(
            "How far the camera turns in all, about the vertical of the scene; 360°: once around"
        )
        self.rock = _degrees(0, words.ROCK.high, 5)
        self.rock.setToolTip("How far the camera rocks to the left and to the right")
        self.inset = QCheckBox("Latent space view in the corner")
        self.inset.setChecked(True)
        self.corner = combo()
        fill(self.corner, _CORNERS)
        self.scale_bar, self.label = QCheckBox("Scale bar"), QCheckBox("Label")
        self.label.setToolTip(
            "Step, position, model and particles near. That a step has no particles is always said."
        )
        for box in (self.scale_bar, self.label):
            box.setChecked(True)
        self.title = QLineEdit()
        self.title.setPlaceholderText("a line at the top, or nothing")
        self.background = combo()
        fill(self.background, _BACKGROUNDS)
        self.length = hint()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Size", _row(self.size_box, self.width_box, self.height_box))
        form.addRow("Speed", self.fps)
        form.addRow("Length", self.seconds)
        form.addRow("", self.length)
        form.addRow("", self.back)
        form.addRow("Camera", _row(_named("turns", self.turn), _named("rocks", self.rock)))
        form.addRow(_row(self.inset, self.corner))
        form.addRow(_row(self.scale_bar, self.label))
        form.addRow("Title", self.title)
        form.addRow("Background", self.background)

    def _connect(self) -> None:
        for box in (self.size_box, self.corner, self.background):
            box.currentIndexChanged.connect(self._change)
        for spin in (
            *(self.width_box, self.height_box, self.fps, self.seconds, self.turn, self.rock),
        ):
            spin.valueChanged.connect(self._change)
        for check in (self.back, self.inset, self.scale_bar, self.label):
            check.toggled.connect(self._change)
        self.title.textChanged.connect(self._change)

    def _change(self, *_: Any) -> None:
        self._arrange()
        self.changed.emit()

    def _arrange(self) -> None:
        other = self.size_box.currentData() is None
        for box in (self.width_box, self.height_box):
            box.setVisible(other)
        self.corner.setEnabled(self.inset.isChecked())
        if 0 < self.seconds.value() < _LEAST_SECONDS:
            self.seconds.setValue(_LEAST_SECONDS)

    def options(self, **more: Any) -> MovieOptions:
        """What the fields say, and `more` of it."""
        chosen = self.size_box.currentData()
        width, height = chosen or (self.width_box.value(), self.height_box.value())
        return options_from(
            width=width,
            height=height,
            frames_per_second=float(self.fps.value()),
            seconds=self.seconds.value() or None,
            there_and_back=self.back.isChecked(),
            turn_degrees=self.turn.value(),
            rock_degrees=self.rock.value(),
            inset=self.corner.currentData() if self.inset.isChecked() else None,
            scale_bar=self.scale_bar.isChecked(),
            label=self.label.isChecked(),
            title=self.title.text().strip(),
            background=self.background.currentData(),
            **more,
        )

    def say_length(self, steps: int, *, loops: bool) -> None:
        """Frames and seconds for a path of so many steps; 0: there is no path."""
        if not steps:
            self.length.setText("Make or open a path first.")
            return
        options = self.options()
        frames = len(shots(steps, options, loops=loops))
        again = ", then again" if loops else ""
        self.length.setText(f"{frames} frames, {duration(frames, options):.1f} s{again}")


def _pixels(value: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(words.SMALLEST, words.LARGEST)
    box.setSingleStep(2)
    box.setValue(value)
    box.setSuffix(" px")
    return box


def _degrees(low: float, high: float, step: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(low, high)
    box.setSingleStep(step)
    box.setDecimals(0)
    box.setSuffix("°")
    return box


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return row


def _named(name: str, widget: QWidget) -> QWidget:
    row = QWidget()
    form = QFormLayout(row)
    form.setContentsMargins(0, 0, 0, 0)
    form.addRow(name, widget)
    return row
