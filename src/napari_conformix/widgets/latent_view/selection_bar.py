"""The tools above the latent space view: cursor, lasso, rectangle, pan; what a lasso does; undo;
the live count."""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QKeySequence, QResizeEvent, QShortcut
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_conformix.widgets.latent_view.tools import Mode, Tool
from napari_conformix.widgets.parts import TOOL_BUTTON, signed

_TOOLS = (
    (Tool.CURSOR, "Cursor", "Click or drag in the map: see the molecule there (C)", "C"),
    (Tool.LASSO, "Lasso", "Draw around particles to select them (L)", "L"),
    (Tool.RECTANGLE, "Rectangle", "Drag from corner to corner to select what is inside (R)", "R"),
    (
        Tool.PAN,
        "Pan",
        "Drag the map (with any tool: wheel zooms, middle button pans) (P)",
        "P",
    ),
)
_MODES = (
    (Mode.NEW, "New", "What is drawn or found replaces the selection"),
    (Mode.ADD, "Add", "What is drawn or found is added to the selection (or hold Shift)"),
    (Mode.REMOVE, "Remove", "What is drawn or found is taken out of it (or hold Alt)"),
    (Mode.INTERSECT, "Within", "Of the selection, only what is drawn or found stays (Shift+Alt)"),
)
#: what stands on the buttons where the view is too narrow for words
_SIGNS: Final = {
    "New": "=",
    "Add": "+",
    "Remove": "−",
    "Within": "∩",
    "Rectangle": "▭",
    "Save…": "Save",
    "Pan": "✥",
    "Undo": "↶",
    "Redo": "↷",
    "Clear": "✕",
    "Invert": "⇄",
}

#: pixels of a button, and of the gap to the next, around its text
_PADDING: Final = 24


class SelectionBar(QWidget):
    """Buttons and counts; what they do is up to who listens."""

    tool_chosen = Signal(object)
    mode_chosen = Signal(object)
    fit_asked = Signal()
    undo_asked = Signal()
    redo_asked = Signal()
    clear_asked = Signal()
    invert_asked = Signal()
    save_asked = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._words: dict[QToolButton, str] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(3)
        layout.addLayout(self._build_tools())
        layout.addLayout(self._build_edits())
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.hide()
        layout.addWidget(self.count)
        layout.addWidget(self.note)
        self.choose_tool(Tool.CURSOR)
        self.modes[Mode.NEW].setChecked(True)

    def _build_tools(self) -> QHBoxLayout:
        tools, self.tools = _row(), {}
        self._tool_group = group = QButtonGroup(self)
        for tool, text, help_text, key in _TOOLS:
            button = self._button(tools, text, help_text, checkable=True)
            button.clicked.connect(lambda _=False, chosen=tool: self.choose_tool(chosen))
            group.addButton(button)
            self.tools[tool] = button
            self._shortcut(key, button.click)
        tools.addSpacing(8)
        self._button(tools, "Fit", "Show all particles (F)").clicked.connect(self.fit_asked)
        self._shortcut("F", self.fit_asked.emit)
        self.save = self._button(
            tools, "Save…", "Keep the selected particles under a name in the job folder (Ctrl+S)"
        )
        self.save.clicked.connect(self.save_asked)
        self._shortcut("Ctrl+S", self.save.click)
        tools.addStretch()
        return tools

    def _build_edits(self) -> QHBoxLayout:
        edits, self.modes = _row(), {}
        modes = QButtonGroup(self)
        for mode, text, help_text in _MODES:
            button = self._button(edits, text, help_text, checkable=True)
            button.clicked.connect(lambda _=False, chosen=mode: self.mode_chosen.emit(chosen))
            modes.addButton(button)
            self.modes[mode] = button
        edits.addSpacing(8)
        self.undo = self._button(edits, "Undo", "Take the last step back (Ctrl+Z)")
        self.undo.clicked.connect(self.undo_asked)
        self.redo = self._button(edits, "Redo", "Do it again (Ctrl+Shift+Z)")
        self.redo.clicked.connect(self.redo_asked)
        self.clear = self._button(edits, "Clear", "Select nothing")
        self.clear.clicked.connect(self.clear_asked)
        self.invert = self._button(
            edits, "Invert", "Of the particles that this map shows, select those that are not"
        )
        self.invert.clicked.connect(self.invert_asked)
        edits.addStretch()
        self._shortcut("Ctrl+Z", self.undo_asked.emit)
        self._shortcut("Ctrl+Shift+Z", self.redo_asked.emit)
        self._shortcut("Ctrl+Y", self.redo_asked.emit)
        self._shortcut("Escape", self.cancelled.emit)
        return edits

    def choose_tool(self, tool: Tool) -> None:
        """Press the button of a tool; those that other pages have buttons for release all."""
        button = self.tools.get(tool)
        self._tool_group.setExclusive(button is not None)
        for other in self.tools.values():
            other.setChecked(other is button)
        self.tool_chosen.emit(tool)

    @property
    def mode(self) -> Mode:
        """What is done with what is drawn or found next."""
        return next(mode for mode, button in self.modes.items() if button.isChecked())

    def choose_mode(self, mode: Mode) -> None:
        """Press the button of a mode."""
        self.modes[mode].setChecked(True)
        self.mode_chosen.emit(mode)

    def set_state(self, count: int, can_undo: bool, can_redo: bool) -> None:
        """Which buttons make sense now."""
        self.undo.setEnabled(can_undo)
        self.redo.setEnabled(can_redo)
        self.clear.setEnabled(count > 0)
        self.save.setEnabled(count > 0)

    def say_count(self, text: str) -> None:
        """How many are selected, or would be by the lasso that is being drawn."""
        self.count.setText(text)

    def set_note(self, note: str) -> None:
        """A line to heed, hidden when empty."""
        self.note.setText(signed("warning", note))
        self.note.setVisible(bool(note))

    def minimumSizeHint(self) -> QSize:
        """Wide enough for signs on the buttons."""
        return QSize(self._width(short=True), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words where they fit, else signs."""
        super().resizeEvent(event)
        short = self.width() < self._width(short=False)
        for button, word in self._words.items():
            button.setText(_SIGNS.get(word, word) if short else word)

    def _width(self, *, short: bool) -> int:
        """Of the longer row."""
        words = list(self._words.values())
        first = len(_TOOLS) + 2  # with Fit and Save
        rows = words[:first], words[first:]
        advance = self.fontMetrics().horizontalAdvance
        return (
            max(
                sum(advance(_SIGNS.get(word, word) if short else word) + _PADDING for word in row)
                for row in rows
            )
            + 2 * _PADDING
        )

    def _button(
        self, row: QHBoxLayout, text: str, help_text: str, checkable: bool = False
    ) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(help_text)
        button.setAccessibleName(text)
        self._words[button] = text
        button.setCheckable(checkable)
        button.setStyleSheet(TOOL_BUTTON)
        row.addWidget(button)
        return button

    def _shortcut(self, key: str, slot) -> None:
        """A key that works while the focus is in the dock (the manifest's are ignored)."""
        shortcut = QShortcut(QKeySequence(key), self.parentWidget())
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(slot)


def _row() -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(3)
    return row
