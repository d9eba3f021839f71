"""What a new job will be: method, preset, settings and folder; and what an open one is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.errors import UserError
from napari_conformix.methods import RECOMMENDED
from napari_conformix.widgets.parts import ChoiceBox, SettingsForm
from napari_conformix.widgets.session import commands, free_name

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.training.contract import Method
    from napari_conformix.widgets.session import Session


class JobForm(QWidget):
    """Editable for a new job. For an open job only its number of epochs can be raised."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._methods: dict[str, type[Method]] = {}
        self._job: Job | None = None
        self._threshold: float | None = None
        self.settings: SettingsForm | None = None
        self.method, self.preset = ChoiceBox(), ChoiceBox()
        self.preset.setToolTip("A set of values to begin with; every field can be changed after")
        self.folder = QLineEdit()
        self.folder.setToolTip("A new folder; it will hold everything of the run")
        self.browse = QPushButton("Browse…")
        self.browse.setToolTip("Choose the folder in which the job folder is made")
        place = QHBoxLayout()
        place.setContentsMargins(0, 0, 0, 0)
        place.addWidget(self.folder, 1)
        place.addWidget(self.browse)
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow("Job folder", place)
        rows.addRow("Method", self.method)
        rows.addRow("Preset", self.preset)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addLayout(rows)

        self.method.currentIndexChanged.connect(lambda *_: self._method_chosen())
        self.preset.currentIndexChanged.connect(lambda *_: self._preset_chosen())
        self.folder.textChanged.connect(lambda *_: self.changed.emit())
        self.browse.clicked.connect(self._choose_place)
        self.changed.connect(self._share_settings)
        session.inputs_changed.connect(lambda *_: self._propose_folder())
        session.threshold_chosen.connect(self._take_threshold)
        session.run_in_worker(load_methods, self._take_methods, key="methods")

    # -- what the page asks -----------------------------------------------------------------------

    def ready(self) -> bool:
        """Whether there is enough to make a job of."""
        inputs = self.session.inputs
        return None not in (self.settings, self.session.particles, inputs.consensus)

    def request(self) -> dict[str, Any]:
        """Arguments of `Job.create`; UserError or pydantic's ValidationError says what is wrong."""
        if self.settings is None or not self.ready():
            raise UserError("Open particles and a consensus map on the Data page first.")
        name = self.folder.text().strip()
        if not name:
            raise UserError("Give the job folder a name.")
        inputs = self.session.inputs
        return {
            "folder": Path(name).expanduser().absolute(),
            "method": self.method.currentData(),
            "particles": inputs.particles,
            "consensus": inputs.consensus,
            "mask": inputs.mask,
            "datadir": inputs.datadir,
            "passthrough": inputs.passthrough,
            "settings": self.settings.settings(),
        }

    def command(self) -> str:
        """The two command lines that do what Train does."""
        request = self.request()
        base = self.preset.currentData() or next(iter(self.settings.model.presets))
        preset = self.settings.model.preset(base).model_dump()
        values = request["settings"].model_dump()
        changed = {name: value for name, value in values.items() if value != preset[name]}
        folder = request["folder"]
        new = commands.new_command(folder, request["method"], base, self.session.inputs, changed)
        return f"{new}\n{commands.train_command(folder)}"

    def more_epochs(self) -> int | None:
        """Epochs asked for, when they are more than the job was made with."""
        if self._job is None or self.settings is None:
            return None
        epochs = self.settings.editors["epochs"].get()
        return epochs if epochs > max(self._job.spec.settings["epochs"], self._done) else None

    def show_job(self, job: Job) -> None:
        """Show a job's method and settings."""
        self._job, self._done = job, 0
        self._show_values()
        with QSignalBlocker(self.folder):
            self.folder.setText(str(job.folder))
        self._set_read_only(True)

    def show_new(self) -> None:
        """Go back to making a job, with the settings as they are."""
        self._job = None
        self._set_read_only(False)
        self._propose_folder()

    def set_done(self, epoch: int) -> None:
        """The open job is trained up to this epoch."""
        self._done = epoch

    # -- inside -----------------------------------------------------------------------------------

    _done = 0

    def _take_methods(self, methods: dict[str, type[Method]]) -> None:
        self._methods = methods
        with QSignalBlocker(self.method):
            for name, kind in methods.items():
                self.method.addItem(kind.title, name)
            self.method.setCurrentIndex(max(self.method.findData(RECOMMENDED), 0))
        self._method_chosen()
        if self._job is not None:
            self._show_values()
            self._set_read_only(True)

    def _method_chosen(self) -> None:
        kind = self._methods.get(self.method.currentData())
        if kind is None:
            return
        if self.settings is not None:
            self._layout.removeWidget(self.settings)
            self.settings.deleteLater()
        self.settings = SettingsForm(kind.Settings)
        self.settings.changed.connect(self.changed)
        self._layout.addWidget(self.settings)
        with QSignalBlocker(self.preset):
            self.preset.clear()
            for name in kind.Settings.presets:
                self.preset.addItem(name, name)
        self._preset_chosen()
        self._propose_folder()

    def _preset_chosen(self) -> None:
        if self.settings is not None and self.preset.currentData():
            values = self.settings.model.preset(self.preset.currentData()).model_dump()
            self.settings.set_values(values)
            self._apply_threshold()

    def _show_values(self) -> None:
        job = self._job
        if job is None or job.spec.method not in self._methods:
            return
        self.method.setCurrentIndex(self.method.findData(job.spec.method))
        self.settings.set_values(job.spec.settings)
        with QSignalBlocker(self.preset):
            self.preset.setCurrentIndex(self._preset_of(job.spec.settings))

    def _preset_of(self, values: dict[str, Any]) -> int:
        """Its place in the list; -1 where there is none of these values."""
        model = self.settings.model
        with suppress(ValidationError):  # of another version, shown as far as it goes
            # an older job has no line for settings that came later
            written = model.model_validate(values)
            for i in range(self.preset.count()):
                if model.preset(self.preset.itemData(i)) == written:
                    return i
        return -1

    def _set_read_only(self, read_only: bool) -> None:
        for widget in (self.method, self.preset, self.folder, self.browse):
            widget.setEnabled(not read_only)
        if self.settings is not None:
            self.settings.set_read_only(read_only)
            self.settings.editors["epochs"].widget.setEnabled(True)
        self.changed.emit()

    def _propose_folder(self) -> None:
        """A name next to the particle file that is not taken."""
        particles = self.session.inputs.particles
        if particles is None or self._job is not None:
            return
        self.folder.setText(str(free_name(particles.parent, self.method.currentData() or "job")))

    def _choose_place(self) -> None:
        here = Path(self.folder.text()).parent
        chosen = QFileDialog.getExistingDirectory(self, "Make the job folder in", str(here))
        if chosen:
            self.folder.setText(str(free_name(Path(chosen), self.method.currentData() or "job")))

    def _share_settings(self) -> None:
        """The checks of the Data page look at the images as these settings will change them."""
        self.session.draft_settings = None
        if self.settings is not None:
            with suppress(ValidationError):
                self.session.draft_settings = self.settings.settings()

    def _take_threshold(self, threshold: float) -> None:
        self._threshold = threshold
        self._apply_threshold()

    def _apply_threshold(self) -> None:
        """A contour chosen on the Data page, for methods that have a use for one."""
        if self._job is None and self.settings is not None and self._threshold is not None:
            name = self.settings.model.contour_setting
            self.settings.set_values({} if name is None else {name: self._threshold})


def load_methods() -> dict[str, type[Method]]:
    """Name -> class of every installed method; imports torch, so it belongs in a worker."""
    from napari_conformix.methods import available_methods, method_class

    return {name: method_class(name) for name in available_methods()}
