"""Colours and small widgets that the pages share."""

from html import escape
from typing import Final

from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

#: after which a page has made room for what has appeared
LAID_OUT_MS: Final = 60
#: half -> colour of its curves, distinguishable with every kind of colour vision (Okabe and Ito)
HALF_COLOURS: Final = {0: "#56b4e9", 1: "#56b4e9", 2: "#e69f00"}
#: the phases of a run, as translucent bands behind the curves
PHASE_COLOURS: Final = ("#009e73", "#cc79a7", "#f0e442", "#0072b2")
SEVERITY_COLOURS: Final = {"error": "#e05a4e", "warning": "#e6a817", "note": "#56b4e9"}
SEVERITY_SIGNS: Final = {"error": "✖", "warning": "⚠", "note": "ℹ"}
STATE_COLOURS: Final = {
    "created": "#8a8f98",
    "starting": "#56b4e9",
    "running": "#2e9e5b",
    "paused": "#e6a817",
    "stopping": "#e6a817",
    "stopped": "#8a8f98",
    "interrupted": "#e05a4e",
    "failed": "#e05a4e",
    "finished": "#4a7fd4",
}
#: napari's style draws tool buttons flat; without this a pressed one looks like the others
TOOL_BUTTON: Final = (
    "QToolButton { padding: 3px 8px; border-radius: 3px; background: rgba(128, 136, 148, 90); }"
    "QToolButton:checked { background: #2f7fd1; color: white; }"
    "QToolButton:disabled { color: #7d848e; background: rgba(128, 136, 148, 40); }"
    "QToolButton:hover:!checked { background: rgba(128, 136, 148, 150); }"
)


def heading(text: str) -> QLabel:
    """The title of a part of a page."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    label.setContentsMargins(0, 6, 0, 0)
    return label


def sentence(text: str = "") -> QLabel:
    """Text that wraps, can be selected, and takes the height that it needs."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def signed(severity: str, text: str) -> str:
    """A sentence behind the coloured sign of its severity, as rich text.

    The words keep the colour of text, which napari's dark and light themes both show.
    """
    colour, sign = SEVERITY_COLOURS[severity], SEVERITY_SIGNS[severity]
    return f"<span style='color:{colour}'>{sign}</span>&nbsp; {escape(text)}"


def hint(text: str = "") -> QLabel:
    """A quieter sentence."""
    label = sentence(text)
    label.setStyleSheet("color: #7d848e;")
    return label


class Chip(QLabel):
    """A short word on a coloured ground, for the state of a run."""

    def __init__(self) -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self.set_state("")

    def set_state(self, state: str) -> None:
        """Show a state of a job; an empty one hides the chip."""
        self.setVisible(bool(state))
        self.setText(state)
        colour = STATE_COLOURS.get(state, "#8a8f98")
        self.setStyleSheet(
            f"background: {colour}; color: white; border-radius: 7px; padding: 1px 8px;"
        )


class Fold(QWidget):
    """A title that opens and shuts what is below it."""

    def __init__(self, title: str, content: QWidget, *, opened: bool = False) -> None:
        super().__init__()
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setStyleSheet("QToolButton { border: none; background: transparent; }")
        self.content = content
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.button)
        layout.addWidget(content)
        self.button.toggled.connect(self._show)
        self.button.clicked.connect(self._clicked)
        self.button.setChecked(opened)
        self._show(opened)

    def _show(self, opened: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
        self.content.setVisible(opened)

    def _clicked(self, opened: bool) -> None:
        if opened:  # once the page has made room
            QTimer.singleShot(LAID_OUT_MS, self._come_into_view)

    def _come_into_view(self) -> None:
        bring_into_view(self)


def bring_into_view(widget: QWidget) -> None:
    """Scroll the page down until a widget is seen whole, or from its top if it is too high."""
    area = widget.parentWidget()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    if area is None or not widget.isVisible():
        return
    bar, seen = area.verticalScrollBar(), area.viewport().height()
    top = widget.mapTo(area.widget(), QPoint(0, 0)).y()
    below = top + widget.height() - seen
    if below > bar.value():
        bar.setValue(min(top, below))


def line() -> QFrame:
    """A thin horizontal rule."""
    rule = QFrame()
    rule.setFrameShape(QFrame.Shape.HLine)
    rule.setStyleSheet("color: #5a6068;")
    return rule


def in_words(seconds: float) -> str:
    """A duration as a person says it: '40 s', '12 min', '3 h 20 min', '2 days'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 36 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{seconds / 86400:.1f} days"


def in_bytes(count: float) -> str:
    """An amount of memory: '850 MB', '3.2 GB'."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
