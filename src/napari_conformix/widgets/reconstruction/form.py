"""What is to be reconstructed: particles, with or without their motion undone, mask and name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.errors import UserError
from napari_conformix.widgets.parts import combo, fill, hint, sentence, signed

if TYPE_CHECKING:
    from napari_conformix.widgets.reconstruction.offer import Choice, Offer

_DEFORMED = "Deformed: the motion undone (and plain as well)"
_NOT_DEFORMABLE = "Deformed: this method has no displacements"
_DEFORMED_TIP = (
    "Each image is put back along the particle's own motion, as its half's model says, so that "
    "moving parts fall on top of each other. The plain map is made as well."
)
_PLAIN_TIP = "As if nothing moved: what a refinement program makes of these poses"
_OWN_MASK = "own"


class ReconstructForm(QWidget):
    """Choices, and a sentence where they do not go together."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.offer: Offer | None = None
        self._named = False
        self.particles = combo()
        self.deformed = QRadioButton(_DEFORMED)
        self.deformed.setToolTip(_DEFORMED_TIP)
        self.plain = QRadioButton("Plain only")
        self.plain.setToolTip(_PLAIN_TIP)
        self.deformed.setChecked(True)
        self._kinds = QButtonGroup(self)
        self._kinds.addButton(self.deformed)
        self._kinds.addButton(self.plain)
        self.mask = combo()
        self.mask.setToolTip("Within it resolution is measured; it does not change the maps")
        self.browse = QPushButton("Browse…")
        self.browse.setToolTip("Choose a mask on the grid of the consensus map")
        self.name = QLineEdit()
        self.name.setToolTip("Of the folder in the job's folder “reconstruction”")
        self.problem = sentence()
        #: whether motion was found at all, and what may bias the maps
        self.advice = sentence()
        self.estimate = hint()
        self._lay_out()
        self.particles.currentIndexChanged.connect(self._choice_changed)
        self.deformed.toggled.connect(self._choice_changed)
        self.name.textEdited.connect(self._name_edited)
        self.mask.currentIndexChanged.connect(lambda *_: self._say())
        self.browse.clicked.connect(self._choose_mask)

    def _lay_out(self) -> None:
        kinds = QVBoxLayout()
        kinds.setSpacing(2)
        kinds.addWidget(self.deformed)
        kinds.addWidget(self.plain)
        masks = QHBoxLayout()
        masks.addWidget(self.mask, 1)
        masks.addWidget(self.browse)
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow("Particles", self.particles)
        rows.addRow("Map", kinds)
        rows.addRow("Mask", masks)
        rows.addRow("Name", self.name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(rows)
        layout.addWidget(self.problem)
        layout.addWidget(self.advice)
        layout.addWidget(self.estimate)

    # -- what the page asks -----------------------------------------------------------------------

    def choice(self) -> Choice | None:
        """The particles chosen."""
        return self.particles.currentData()

    def request(self) -> dict[str, Any]:
        """Arguments of `Job.launch_reconstruction`; UserError says what is wrong."""
        sentence = self._cannot()
        if sentence:
            raise UserError(sentence)
        return {
            "selection": self.choice().selection,
            "deformed": self.deformed.isChecked(),
            "name": self.name.text().strip(),
            "mask": self.chosen_mask(),
        }

    def chosen_mask(self) -> Path | None:
        """A mask of the user's; None for the job's own, or one made from the map."""
        return self.mask.currentData() if self.mask.currentData() != _OWN_MASK else None

    def show_offer(self, offer: Offer) -> None:
        """What there is to be chosen."""
        self.offer = offer
        chosen = self.choice()
        with QSignalBlocker(self.particles):
            self.particles.clear()
            for choice in offer.choices:
                self.particles.addItem(choice.title, choice)
            names = [choice.selection for choice in offer.choices]
            if chosen is not None and chosen.selection in names:
                self.particles.setCurrentIndex(names.index(chosen.selection))
        own = f"The job's: {offer.mask.name}" if offer.mask else "Made from the map"
        theirs = [(m.name, m) for m in [self.chosen_mask()] if m is not None]
        fill(self.mask, [(own, _OWN_MASK), *theirs])
        if not (offer.deformable and offer.epoch):
            self.plain.setChecked(True)
        self.deformed.setEnabled(offer.deformable)
        self.deformed.setText(_DEFORMED if offer.deformable else _NOT_DEFORMABLE)
        if not self._named or self.name.text() in offer.names:
            self._propose_name()
        self._say()

    def show_advice(self, lines: list[tuple[str, str]]) -> None:
        """(severity, sentence) of what to expect of a reconstruction."""
        said = (f"<p style='margin:2px 0'>{signed(*line)}</p>" for line in lines)
        self.advice.setText("".join(said))
        self.advice.setVisible(bool(lines))

    def choose(self, selection: str | None) -> None:
        """Take a saved selection (None: all particles)."""
        for i in range(self.particles.count()):
            if self.particles.itemData(i).selection == selection:
                self.particles.setCurrentIndex(i)

    def forget(self) -> None:
        """No job."""
        self.offer, self._named = None, False
        with QSignalBlocker(self.particles), QSignalBlocker(self.mask):
            self.particles.clear()
            self.mask.clear()
        self.name.clear()
        self.deformed.setChecked(True)
        self.show_advice([])
        self.estimate.setText("")
        self._say()

    # -- inside -----------------------------------------------------------------------------------

    def _choice_changed(self) -> None:
        if not self._named:
            self._propose_name()
        self._say()

    def _name_edited(self, name: str) -> None:
        self._named = bool(name.strip())
        self._say()

    def _propose_name(self) -> None:
        self._named = False
        choice = self.choice()
        if self.offer is not None and choice is not None:
            self.name.setText(self.offer.free_name(choice, deformed=self.deformed.isChecked()))

    def _choose_mask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a mask", "", "Maps (*.mrc *.map)")
        if path:
            self.set_mask(Path(path))

    def set_mask(self, path: Path) -> None:
        """Take a mask of the user's."""
        if self.mask.count() > 1:
            self.mask.removeItem(1)
        self.mask.addItem(path.name, path)
        self.mask.setCurrentIndex(self.mask.count() - 1)

    def _cannot(self) -> str:
        offer, choice = self.offer, self.choice()
        if offer is None or choice is None:
            return "Open a job first."
        why = offer.cannot(choice, deformed=self.deformed.isChecked())
        if why:
            return why
        name = self.name.text().strip()
        if not name:
            return "Give the reconstruction a name."
        if name in offer.names:
            return f"There is a reconstruction “{name}” already; give this one another name."
        if "/" in name or name.startswith("."):
            return "The name becomes a folder: it may have no “/” and not begin with a dot."
        return ""

    def _say(self) -> None:
        why = self._cannot() if self.offer is not None else ""
        self.problem.setText(signed("warning", why))
        self.problem.setVisible(bool(why))
        self.changed.emit()
