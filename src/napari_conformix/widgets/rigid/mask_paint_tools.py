"""What the painting of a mask asks of the user: the brush, undo, and a name to save it under."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.widgets.parts import FloatBox, hint, kilodaltons, sentence

if TYPE_CHECKING:
    from napari_conformix.widgets.rigid.mask_brush import MaskBrush

_HELP: Final = (
    "Click on the molecule in the scene: the density within the ball is taken in. Drag to turn the "
    "molecule, press Shift and click to take density out."
)
_EMPTY: Final = "Nothing is painted yet."
_MISSED: Final = "There is no density there; click on the molecule."


class MaskPaintTools(QWidget):
    """The brush's settings. `save_asked(name)` when the mask is to be kept."""

    save_asked = Signal(str)
    cancel_asked = Signal()

    def __init__(self, brush: MaskBrush) -> None:
        super().__init__()
        self._brush = brush
        self._build()
        self._lay_out()
        self.radius.valueChanged.connect(self._take_brush)
        self.within.toggled.connect(self._take_brush)
        self.removing.toggled.connect(self._take_brush)
        self.undo.clicked.connect(lambda: self._change("undo"))
        self.redo.clicked.connect(lambda: self._change("redo"))
        self.clear.clicked.connect(lambda: self._change("clear"))
        self.save.clicked.connect(lambda: self.save_asked.emit(self.name.text().strip()))
        self.name.returnPressed.connect(self.save.click)
        self.name.textChanged.connect(self.refresh)
        self.cancel.clicked.connect(self.cancel_asked)
        brush.painted.connect(self.refresh)
        brush.missed.connect(lambda: self.state.setText(_MISSED))
        self._take_brush()

    def _build(self) -> None:
        self.radius = FloatBox()
        self.radius.setRange(1.0, 500.0)
        self.radius.setValue(15.0)
        self.radius.setSuffix(" Å")
        self.radius.setToolTip("Radius of the ball that a click places")
        self.adding, self.removing = QRadioButton("Add"), QRadioButton("Take out")
        self.adding.setChecked(True)
        self._modes = QButtonGroup(self)
        for button in (self.adding, self.removing):
            self._modes.addButton(button)
        self.within = QCheckBox("Only density above the contour, connected with the ball's centre")
        self.within.setChecked(True)
        self.within.setToolTip(
            "Else the whole ball is taken in, also where there is solvent. The contour is that of "
            "the scene."
        )
        self.undo, self.redo, self.clear = (QPushButton(t) for t in ("Undo", "Redo", "Clear"))
        self.state = sentence(_EMPTY)
        self.name = QLineEdit("domain")
        self.name.setPlaceholderText("name of the mask")
        self.save, self.cancel = QPushButton("Save mask"), QPushButton("Cancel")
        self.save.setToolTip(
            "Widened by 4 Å, with a soft edge of 8 Å, as masks/NAME.mrc in the job"
        )

    def _lay_out(self) -> None:
        modes, steps, end = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for layout, widgets in (
            (modes, (self.adding, self.removing)),
            (steps, (self.undo, self.redo, self.clear)),
            (end, (self.save, self.cancel)),
        ):
            for widget in widgets:
                layout.addWidget(widget)
        modes.addStretch()
        form = QFormLayout()
        form.addRow("Ball radius", self.radius)
        form.addRow("A click", modes)
        form.addRow("Name", self.name)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 0, 4)
        column.addWidget(hint(_HELP))
        column.addLayout(form)
        column.addWidget(self.within)
        column.addLayout(steps)
        column.addWidget(self.state)
        column.addLayout(end)

    def refresh(self, *_: object) -> None:
        """What is painted now."""
        paint = self._brush.paint
        nothing = paint is None or paint.empty
        self.undo.setEnabled(paint is not None and paint.can_undo)
        self.redo.setEnabled(paint is not None and paint.can_redo)
        self.clear.setEnabled(not nothing)
        self.save.setEnabled(not nothing and bool(self.name.text().strip()))
        if nothing:
            self.state.setText(_EMPTY)
            return
        volume = paint.volume_angstrom3
        self.state.setText(
            f"Painted: {volume:,.0f} Å³, about {kilodaltons(volume):,.0f} kDa of protein."
        )

    def _take_brush(self, *_: object) -> None:
        self._brush.radius_angstrom = self.radius.value()
        self._brush.within_density = self.within.isChecked()
        self._brush.removing = self.removing.isChecked()

    def _change(self, action: str) -> None:
        if self._brush.paint is not None:
            getattr(self._brush.paint, action)()
            self._brush.show_paint()
            self.refresh()
