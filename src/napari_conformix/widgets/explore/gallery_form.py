"""What the gallery shows: from which particles, filtered how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.widgets.parts import combo, fill

if TYPE_CHECKING:
    from napari_conformix.jobs.pictures import PictureOptions

#: pictures at once
COUNT: Final = 12
#: particles nearest to the cursor from which some are drawn
NEAREST: Final = 200
_SOURCES: Final = (
    ("the selection (or all, if none)", "selection"),
    ("all particles of the view", "map"),
    (f"the {NEAREST} nearest to the cursor", "cursor"),
)
_CTF: Final = (
    ("as recorded", "recorded"),
    ("phases flipped", "flipped"),
    ("Wiener filtered", "wiener"),
)
_CTF_TIP: Final = (
    "What is done to the CTF of the images, and in the same way to that of the projections.\n"
    "As recorded: nothing. Phases flipped: times the sign of the CTF.\n"
    "Wiener filtered: times CTF / (CTF² + 0.1). The correlations stay the same."
)


class GalleryForm(QWidget):
    """Three rows of choices; who reads and draws gets signals."""

    others_asked = Signal()
    source_changed = Signal()
    filter_changed = Signal()
    save_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.source_box, self.ctf_box = combo(), combo()
        fill(self.source_box, list(_SOURCES))
        fill(self.ctf_box, list(_CTF))
        self.ctf_box.setToolTip(_CTF_TIP)
        self.another = QPushButton(f"Another {COUNT}")
        self.low_pass = QDoubleSpinBox()
        self.low_pass.setRange(0.0, 999.0)
        self.low_pass.setDecimals(1)
        self.low_pass.setSuffix(" Å")
        self.low_pass.setSpecialValueText("off")
        self.low_pass.setValue(20.0)
        self.low_pass.setKeyboardTracking(False)
        self.low_pass.setToolTip("What is finer than this is filtered off images and projections")
        self.projection_ctf = QCheckBox("CTF on the projections")
        self.projection_ctf.setChecked(True)
        self.black = QCheckBox("Protein black")
        self.save_button = QPushButton("Save sheet…")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for row in (
            (QLabel("From"), (self.source_box, 1), self.another),
            (QLabel("Low-pass"), self.low_pass, QLabel("CTF"), (self.ctf_box, 1)),
            (self.projection_ctf, self.black, None, self.save_button),
        ):
            column.addLayout(_row(row))
        self.another.clicked.connect(lambda *_: self.others_asked.emit())
        self.save_button.clicked.connect(lambda *_: self.save_asked.emit())
        self.source_box.currentIndexChanged.connect(lambda *_: self.source_changed.emit())
        for changed in (
            self.low_pass.valueChanged,
            self.ctf_box.currentIndexChanged,
            self.projection_ctf.toggled,
            self.black.toggled,
        ):
            changed.connect(lambda *_: self.filter_changed.emit())

    @property
    def source(self) -> str:
        """'selection', 'map' (all of the view) or 'cursor'."""
        return self.source_box.currentData()

    @property
    def options(self) -> PictureOptions:
        """As chosen now."""
        from napari_conformix.jobs.pictures import PictureOptions

        return PictureOptions(
            low_pass_angstrom=self.low_pass.value() or None,
            ctf=self.ctf_box.currentData(),
            projection_ctf=self.projection_ctf.isChecked(),
            black=self.black.isChecked(),
        )


def _row(parts: tuple[Any, ...]) -> QHBoxLayout:
    """Widgets side by side; (widget, stretch), or None for a gap."""
    row = QHBoxLayout()
    for part in parts:
        if part is None:
            row.addStretch()
        elif isinstance(part, tuple):
            row.addWidget(part[0], stretch=part[1])
        else:
            row.addWidget(part)
    return row
