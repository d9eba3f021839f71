"""A small form on the Data page: latents of another program, and the particles they belong to."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.errors import UserError
from napari_conformix.widgets.data.inputs_form import PathField
from napari_conformix.widgets.parts import hint, sentence, signed
from napari_conformix.widgets.session import free_name, guess_maps

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.session import Inputs, Session

_ABOUT: Final = (
    "See, select and export particles by latents of cryoDRGN, 3D variability or any other program. "
    "There is no decoder for them, so nothing is trained and no molecule follows the cursor; a "
    "selection can be reconstructed from its own images."
)
_FIELDS: Final = {
    "latents": (
        "Latents",
        "cryoDRGN's z.pkl, .npy, .star, .cs or text",
        "Latents (*.pkl *.npy *.star *.cs *.txt *.csv *.tsv)",
        "A table with one row a particle. A .pkl is read without running anything in it.",
    ),
    "particles": (
        "Particles",
        "the .star or .cs that they belong to",
        "Particles (*.star *.cs)",
        "The particle file that the other program was run with, with the same particles in the "
        "same order.",
    ),
    "rows": (
        "Rows",
        "optional: index of a subset (ind.pkl)",
        "Index (*.pkl *.npy)",
        "Only when the other program was run on some of the particles: what cryoDRGN was given as "
        "--ind. The other particles then have no latent and are in no view.",
    ),
    "consensus": (
        "Consensus map",
        "optional (.mrc)",
        "Maps (*.mrc *.map)",
        "Shown next to the latent space view.",
    ),
    "mask": ("Mask", "optional (.mrc)", "Maps (*.mrc *.map)", "For reconstructions."),
    "datadir": (
        "Data folder",
        "optional: where the image stacks are",
        None,
        "Folder that image names in the particle file are relative to.",
    ),
}
#: files whose columns have names
_WITH_COLUMNS: Final = (".star", ".cs")
#: a list of columns no higher than this
_COLUMNS_HEIGHT: Final = 120


class LatentsImport(QWidget):
    """Files, columns and the folder of the job; makes the job in a worker and opens it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._folder_typed = False
        self.fields: dict[str, PathField] = {}
        self.columns = QListWidget()
        self.columns.setMaximumHeight(_COLUMNS_HEIGHT)
        self.columns.setToolTip("Tick the columns that hold the latents, one a dimension")
        self.folder = QLineEdit()
        self.folder.setToolTip("A new folder; selections and reconstructions are kept in it")
        self.button = QPushButton("Open them")
        self.said = sentence()
        self.command = hint()
        self._offered: dict[str, Path | None] = {}
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name, (label, placeholder, pattern, tip) in _FIELDS.items():
            field = PathField(label, placeholder, pattern)
            field.setToolTip(tip)
            field.changed.connect(partial(self._edited, name))
            self.fields[name] = field
            form.addRow(label, field)
            if name == "latents":
                form.addRow("Columns", self.columns)
        form.addRow("Job folder", self.folder)
        self._form = form
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(hint(_ABOUT))
        layout.addLayout(form)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.said)
        layout.addWidget(self.command)
        self.button.clicked.connect(self.make)
        self.folder.textEdited.connect(self._folder_edited)
        self.columns.itemChanged.connect(lambda *_: self._refresh())
        session.inputs_changed.connect(self._take_inputs)
        self._show_columns([], [])
        self._take_inputs(session.inputs)

    # -- filling ----------------------------------------------------------------------------------

    def set_latents(self, path: Path) -> None:
        """Take a latents file, as when it is dropped on the window."""
        self.fields["latents"].set_path(path)
        self._edited("latents")

    def path(self, name: str) -> Path | None:
        """What a field says."""
        return self.fields[name].path

    def chosen_columns(self) -> tuple[str, ...]:
        """The columns that are ticked; () where the file has none with names."""
        items = [self.columns.item(i) for i in range(self.columns.count())]
        return tuple(i.text() for i in items if i.checkState() == Qt.CheckState.Checked)

    def _take_inputs(self, inputs: Inputs) -> None:
        """The data set that is open is the likeliest one."""
        if inputs.particles is None:
            return
        for name in ("particles", "consensus", "mask", "datadir"):
            self._offer(name, getattr(inputs, name))
        self._propose_folder()
        self._refresh()

    def _offer(self, name: str, path: Path | None) -> None:
        """Fill a field until something fits better, or the user names something else."""
        self._offered[name] = path
        self.fields[name].set_path(path)

    def _edited(self, name: str) -> None:
        path = self.path(name)
        if name == "latents":
            self._look_for_columns(path)
        if name == "particles" and path is not None:
            for key, guessed in zip(("consensus", "mask"), guess_maps(path), strict=True):
                if self.path(key) in (None, self._offered.get(key)):  # not named by the user
                    self._offer(key, guessed)
        self._propose_folder()
        self._refresh()

    def _look_for_columns(self, path: Path | None) -> None:
        """Names of the columns of a STAR or .cs file, read in a worker."""
        self._show_columns([], [])
        if path is None or path.suffix.lower() not in _WITH_COLUMNS:
            return

        def read() -> tuple[list[str], list[str]]:
            from napari_conformix.particles.latents import number_columns, proposed_columns

            names = number_columns(path)
            return names, proposed_columns(names)

        def take(read: tuple[list[str], list[str]]) -> None:
            if path == self.path("latents"):
                self._show_columns(*read)
                self._refresh()

        self._session.run_in_worker(read, take, self._failed, key="latent columns")

    def _show_columns(self, names: list[str], proposed: list[str]) -> None:
        with QSignalBlocker(self.columns):
            self.columns.clear()
            for name in names:
                item = QListWidgetItem(name)
                item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
                ticked = Qt.CheckState.Checked if name in proposed else Qt.CheckState.Unchecked
                item.setCheckState(ticked)
                self.columns.addItem(item)
        self._form.setRowVisible(self.columns, bool(names))

    def _propose_folder(self) -> None:
        latents, particles = self.path("latents"), self.path("particles")
        if not self._folder_typed and latents is not None and particles is not None:
            stem = latents.stem.replace(".", "_").replace(" ", "_")
            self.folder.setText(str(free_name(particles.parent, f"latents_{stem}")))

    def _folder_edited(self, text: str) -> None:
        self._folder_typed = bool(text.strip())
        self._refresh()

    # -- making -----------------------------------------------------------------------------------

    def missing(self) -> str:
        """What has yet to be given, in a sentence; '' when nothing is missing."""
        if self.path("latents") is None:
            return "Choose the latents file, or drop it on the window."
        if self.path("particles") is None:
            return "Choose the particle file that the latents belong to."
        if self.columns.count() and not self.chosen_columns():
            return "Tick the columns that hold the latents."
        return "" if self.folder.text().strip() else "Give the job folder a name."

    def request(self) -> dict[str, Any]:
        """Arguments of `Job.from_latents`."""
        folder = Path(self.folder.text().strip()).expanduser().absolute()
        files = {name: self.path(name) for name in _FIELDS}
        return {"folder": folder, "columns": self.chosen_columns(), **files}

    def make(self) -> None:
        """Make the job in a worker and open it."""
        if self.missing():
            self.said.setText(signed("warning", self.missing()))
            return
        request = self.request()
        self.button.setEnabled(False)
        self.said.setText("Reading the latents and the particle file …")

        def work() -> Job:
            from napari_conformix.jobs import Job

            return Job.from_latents(**request)

        self._session.run_in_worker(work, self._made, self._failed, key="import latents")

    def _made(self, job: Job) -> None:
        self._folder_typed = False
        for name in ("latents", "rows"):
            self.fields[name].set_path(None)
        self._show_columns([], [])
        self._session.open_job(job)
        self._refresh()

    def _failed(self, error: Exception) -> None:
        self._refresh()
        if isinstance(error, UserError):
            self.said.setText(signed("error", str(error)))
        else:
            self.said.setText("")
            self._session.report_error(error)

    def _refresh(self) -> None:
        missing = self.missing()
        self.button.setEnabled(not missing)
        self.said.setText(missing)
        self.command.setText("" if missing else import_command(self.request()))


def import_command(request: dict[str, Any]) -> str:
    """The `conformix import` that does the same."""
    words = ["conformix", "import", str(request["folder"])]
    for name in ("particles", "latents"):
        words += [f"--{name}", str(request[name])]
    if request["columns"]:
        words += ["--columns", ",".join(request["columns"])]
    for name in ("rows", "consensus", "mask", "datadir"):
        if request[name] is not None:
            words += [f"--{name}", str(request[name])]
    return shlex.join(words)
