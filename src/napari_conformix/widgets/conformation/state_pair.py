"""Two states of the molecule: one is kept as A while the cursor goes on as B, and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_conformix.widgets.conformation.live_decode import Decoded, Exactly
from napari_conformix.widgets.latent_view import Mark
from napari_conformix.widgets.parts import sentence
from napari_conformix.widgets.scene import START_COLOUR
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    import numpy as np

    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.widgets.latent_view import ViewLetters
    from napari_conformix.widgets.session import Session

_KEY: Final = "job:state pair"
#: milliseconds that the cursor must rest before the states are compared in numbers
_REST: Final = 150
_EMPTY: Final = "Keep the state at the cursor as A, then go on dragging: both are shown."


@dataclass(frozen=True)
class Kept:
    """The state A, and the view in which it was found."""

    decoded: Decoded
    space: str
    axes: tuple[int, int]

    @property
    def exactly(self) -> Exactly:
        """Its latent, to be decoded again."""
        decoded = self.decoded
        return Exactly(
            decoded.spot.latent,
            decoded.spot.half,
            decoded.support,
            decoded.particle,
            decoded.supported,
        )


class StatePair(QWidget):
    """Keeps A, marks it in the view, and says how B differs from it."""

    #: for the corner of the scene while both are in it
    LABEL: Final = "Orange: A. Blue: B"

    #: A is another state now, or none
    changed = Signal()
    #: the cursor is to go to this state (a :class:`Kept`), which was A
    go_to = Signal(object)

    def __init__(self, session: Session, letters: ViewLetters) -> None:
        super().__init__()
        self._session, self._letters = session, letters
        self.kept: Kept | None = None
        #: the mask, if the job has one: read in a worker
        self.mask: Callable[[], np.ndarray | None] = lambda: None
        self._now: Decoded | None = None
        self._view: LatentView | None = None
        self.keep_button = QPushButton("Keep this state as A")
        self.swap_button = QPushButton("Swap A and B")
        self.clear_button = QPushButton("Forget A")
        self.said = sentence(_EMPTY)
        buttons = QHBoxLayout()
        for button in (self.keep_button, self.swap_button, self.clear_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 0)
        column.addLayout(buttons)
        column.addWidget(self.said)
        self.keep_button.clicked.connect(self.keep)
        self.swap_button.clicked.connect(self.swap)
        self.clear_button.clicked.connect(self.clear)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_REST)
        self._later.timeout.connect(self._compare)
        self._enable()

    def take(self, decoded: Decoded | None) -> None:
        """The state at the cursor, which is B; None: there is none."""
        self._now = decoded
        self._enable()
        if self.kept is not None:
            self._later.start()

    def take_view(self, view: LatentView | None) -> None:
        """Another view, in which A may have no place."""
        self._view = view
        self._enable()
        self._mark()

    def keep(self) -> None:
        """The state at the cursor becomes A."""
        if self._now is None or self._view is None:
            return
        self._set(Kept(self._now, self._view.space.key, self._view.axes))

    def swap(self) -> None:
        """B becomes A, and the cursor goes to where A was."""
        before = self.kept
        if before is None or self._now is None:
            return
        self.keep()
        self.go_to.emit(before)

    def clear(self) -> None:
        """There is no A any more."""
        self._set(None)

    # -- inside -----------------------------------------------------------------------------------

    def _set(self, kept: Kept | None) -> None:
        self.kept = kept
        self._enable()
        self._mark()
        self._compare()
        self.changed.emit()

    def _enable(self) -> None:
        self.keep_button.setEnabled(self._now is not None)
        self.clear_button.setEnabled(self.kept is not None)
        self.swap_button.setEnabled(self._now is not None and self._on_this_view)
        elsewhere = self.kept is not None and not self._on_this_view
        self.swap_button.setToolTip(
            "A was kept in another view; show that one to put the cursor there" if elsewhere else ""
        )

    @property
    def _on_this_view(self) -> bool:
        kept, view = self.kept, self._view
        return (
            kept is not None
            and view is not None
            and (kept.space, kept.axes) == (view.space.key, view.axes)
        )

    def _mark(self) -> None:
        self._letters.put(
            "pair",
            [Mark(self.kept.decoded.spot.xy, "state A", START_COLOUR)]
            if self._on_this_view
            else [],
        )

    def _compare(self) -> None:
        """How B differs from A, in numbers, in a worker; the newest pair wins."""
        kept, now, job = self.kept, self._now, self._session.job
        if kept is None or now is None or job is None:
            self._session.workers.drop(_KEY)
            self.said.setText(_EMPTY)
            return
        names = f"A: {_name(kept.decoded)}. B: {_name(now)}."
        if now is kept.decoded:
            self.said.setText(f"{names} Drag the cursor on.")
            return

        def work() -> str:
            return " ".join([names, *_differences(job, kept.decoded, now, self.mask())])

        def done(words: str) -> None:
            if kept is self.kept:
                self.said.setText(with_units(words))

        self._session.run_in_worker(work, done, key=_KEY)


def _name(decoded: Decoded) -> str:
    return f"{decoded.model}, {decoded.support}".removeprefix(", ")


def _differences(job, a: Decoded, b: Decoded, mask: np.ndarray | None) -> list[str]:
    """Sentences: how alike the maps are, and for a method with displacements how far matter moves
    between the states, with its error."""
    from napari_conformix.analysis.comparison import compare_maps

    contour = b.prepared.threshold
    said = [compare_maps(a.prepared.array, b.prepared.array, contour, mask).sentence()]
    if not job.method_class.has_displacement:
        return said
    if a.past is not None or b.past is not None or a.epoch != b.epoch:
        return [*said, "Displacements are compared within the job's result only."]
    field = job.deformation_between_states(a.spot.latent, a.spot.half, b.spot.latent, b.spot.half)
    return [*said, field.sentence()]
