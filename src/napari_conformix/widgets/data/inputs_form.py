"""The files of a data set: one line each, to type, browse for, or drop a file on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_conformix.widgets.session import Inputs

_MAPS = "Maps (*.mrc *.map)"
_FIELDS = {
    "particles": (
        "Particles",
        "STAR file of RELION, or .cs of cryoSPARC",
        "Particles (*.star *.cs)",
    ),
    "consensus": ("Consensus map", "map that the poses were refined against (.mrc)", _MAPS),
    "mask": ("Mask", "optional (.mrc)", _MAPS),
    "datadir": ("Data folder", "optional: where the image stacks are", None),
    "passthrough": ("Passthrough", "optional: cryoSPARC's passthrough .cs", "cryoSPARC (*.cs)"),
}
_TIPS = {
    "datadir": "Folder that image names in the particle file are relative to. Needed only when "
    "the project was moved; RELION's project folder is found by itself.",
    "passthrough": "cryoSPARC keeps poses and CTF of some jobs in a second file; give it when "
    "poses or CTF are said to be missing.",
}


class PathField(QWidget):
    """A file or folder name that can be typed, chosen, or dropped."""

    changed = Signal()

    def __init__(self, what: str, placeholder: str, pattern: str | None) -> None:
        super().__init__()
        self._what, self._pattern = what, pattern
        self.edit = _DropLine()
        self.edit.setPlaceholderText(placeholder)
        self.edit.setClearButtonEnabled(True)
        self.edit.dropped.connect(self._take)
        self.edit.editingFinished.connect(self.changed)
        self.button = QPushButton("Browse…")
        self.button.clicked.connect(self._browse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self.button)

    @property
    def path(self) -> Path | None:
        """What is in the field; None when it is empty."""
        text = self.edit.text().strip()
        return Path(text).expanduser().absolute() if text else None

    def set_path(self, path: Path | None) -> None:
        """Show a path without saying that it changed."""
        with QSignalBlocker(self.edit):
            self.edit.setText("" if path is None else str(path))
        self.edit.setToolTip("" if path is None else str(path))

    def _take(self, path: str) -> None:
        self.edit.setText(path)
        self.changed.emit()

    def _browse(self) -> None:
        start = str(self.path.parent) if self.path else ""
        if self._pattern is None:
            chosen = QFileDialog.getExistingDirectory(self, self._what, start)
        else:
            pattern = f"{self._pattern};;All files (*)"
            chosen, _ = QFileDialog.getOpenFileName(self, self._what, start, pattern)
        if chosen:
            self._take(chosen)


class _DropLine(QLineEdit):
    """Takes a dropped file as its path; the default would insert a file:// address."""

    dropped = Signal(str)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        local = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if local:
            self.dropped.emit(local[0])
            event.acceptProposedAction()
        else:
            super().dropEvent(event)


class InputsForm(QWidget):
    """All five fields; `changed` carries the new inputs once an edit is finished."""

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._shown = Inputs()
        self.fields: dict[str, PathField] = {}
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name, (label, placeholder, pattern) in _FIELDS.items():
            field = PathField(label, placeholder, pattern)
            field.setToolTip(_TIPS.get(name, ""))
            field.changed.connect(self._edited)
            self.fields[name] = field
            form.addRow(label, field)

    def show_inputs(self, inputs: Inputs) -> None:
        """Fill the fields."""
        self._shown = inputs
        for name, field in self.fields.items():
            field.set_path(getattr(inputs, name))
        self._offer_passthrough(inputs)

    def set_read_only(self, read_only: bool) -> None:
        """The files of an open job cannot be changed; they can be seen and copied."""
        for name, field in self.fields.items():
            if name != "particles":
                field.edit.setReadOnly(read_only)
                field.button.setEnabled(not read_only)

    def _edited(self) -> None:
        inputs = replace(self._shown, **{n: field.path for n, field in self.fields.items()})
        if inputs != self._shown:
            self._shown = inputs
            self._offer_passthrough(inputs)
            self.changed.emit(inputs)

    def _offer_passthrough(self, inputs: Inputs) -> None:
        """Only .cs files have one."""
        form = self.layout()
        wanted = inputs.particles is not None and inputs.particles.suffix.lower() == ".cs"
        form.setRowVisible(self.fields["passthrough"], wanted)
