"""Files dropped on a widget of ours."""

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget


class FileDrop(QObject):
    """Takes local files dropped on a widget, and on what it holds; the first one counts."""

    def __init__(self, widget: QWidget, take: Callable[[Path], None]) -> None:
        super().__init__(widget)
        self._take = take
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say that files may be dropped, and take them."""
        if event.type() not in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            return False
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        if not paths:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            self._take(paths[0])
        return True
