"""One line above the pages for what went wrong or is being done; the window is never blocked."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QToolButton, QVBoxLayout, QWidget

from napari_conformix.widgets.parts.style import SEVERITY_COLOURS, SEVERITY_SIGNS, sentence

_SEVERITY = {"info": "note", "warning": "warning", "error": "error"}


class MessageBar(QWidget):
    """The newest message, until it is closed or another comes; and a bar while something loads."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = QFrame()
        self.text = sentence()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setToolTip("Close this message")
        self.close_button.clicked.connect(self.clear)
        row = QHBoxLayout(self.frame)
        row.setContentsMargins(8, 4, 4, 4)
        row.addWidget(self.text, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(True)
        self.busy_text = sentence()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.frame, self.busy_text, self.busy):
            layout.addWidget(widget)
        self.clear()
        self.set_busy("")

    def show_message(self, text: str, level: str = "info") -> None:
        """Show a sentence; level is 'info', 'warning' or 'error'."""
        severity = _SEVERITY.get(level, "note")
        colour = SEVERITY_COLOURS[severity]
        self.text.setText(f"{SEVERITY_SIGNS[severity]}  {text}")
        self.frame.setStyleSheet(
            f"QFrame {{ border-left: 4px solid {colour}; background: rgba(128,128,128,40); }}"
            "QLabel, QToolButton { border: none; background: transparent; }"
        )
        self.frame.show()

    def clear(self) -> None:
        """Nothing to say."""
        self.text.setText("")
        self.frame.hide()

    def set_busy(self, what: str) -> None:
        """Say what is going on, or nothing for ''."""
        self.busy_text.setText(what)
        self.busy_text.setVisible(bool(what))
        self.busy.setVisible(bool(what))
