"""The set of clusters that is open: which it is, what its clusters are, what to do with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
)

from napari_conformix.export.formats import FormatTable, offered_to, program_of_file
from napari_conformix.widgets.clusters.table import ClusterTable
from napari_conformix.widgets.parts import Banner, Fold, combo, fill, hint, sentence, signed
from napari_conformix.widgets.session import commands

if TYPE_CHECKING:
    from napari_conformix.widgets.clusters.overview import Catalogue, Overview

_HELP: Final = (
    "Click a row to see its map, its place in the latent space view, and its curve below; "
    "Ctrl-click adds others."
)


class ClusterListGroup(QGroupBox):
    """It asks with signals and shows what it is given."""

    #: the name of a saved set to open, or to delete
    open_asked = Signal(str)
    delete_asked = Signal(str)
    #: the particles of the chosen clusters are to be the current selection
    select_asked = Signal()
    #: path, and whether the user agreed to replace an existing file
    save_asked = Signal(object, bool)

    def __init__(self) -> None:
        super().__init__("Clusters")
        self.overview: Overview | None = None
        self._folder: Path | None = None
        self._build()
        self._lay_out()
        self.sets.activated.connect(lambda *_: self.open_asked.emit(self.sets.currentData() or ""))
        self.delete.clicked.connect(self._ask_delete)
        self.select.clicked.connect(self.select_asked)
        self.save.clicked.connect(self._ask_path)
        self.table.chosen.connect(lambda *_: self._enable())
        self.show_overview(None)

    def _build(self) -> None:
        self.sets = combo()
        self.sets.setToolTip("The sets of clusters that the job folder keeps")
        self.delete = QPushButton("Delete…")
        self.belief = Banner()
        self.purity, self.warnings, self.said = sentence(), sentence(), sentence()
        self.details = sentence()
        self.details_fold = Fold("How they were made, and how that was judged", self.details)
        self.table = ClusterTable()
        self.select = QPushButton("Select its particles")
        self.select.setToolTip("Make them the current selection on the Explore page; can be undone")
        self.save = QPushButton("Save particles…")
        self.save.setToolTip("Write the particles of the chosen clusters, with every column")
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(60)
        self.fold = Fold("Show command line", self.command)

    def _lay_out(self) -> None:
        row, actions = QHBoxLayout(), QHBoxLayout()
        row.addWidget(QLabel("Set"))
        row.addWidget(self.sets, stretch=1)
        row.addWidget(self.delete)
        actions.addWidget(self.select)
        actions.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addLayout(row)
        for widget in (self.belief, self.warnings, self.purity, self.details_fold):
            layout.addWidget(widget)
        layout.addWidget(hint(_HELP))
        layout.addWidget(self.table)
        layout.addLayout(actions)
        layout.addWidget(self.said)
        layout.addWidget(self.fold)

    # -- what is shown ----------------------------------------------------------------------------

    def set_folder(self, folder: Path | None) -> None:
        """The job that the command line names."""
        self._folder = folder

    def show_catalogue(self, catalogue: Catalogue, current: str | None) -> None:
        """The saved sets, and which of them is open."""
        with QSignalBlocker(self.sets):
            fill(self.sets, list(zip(catalogue.titles, catalogue.names, strict=True)))
            # without an open one, a set that cannot be read is there to be deleted
            self.sets.setCurrentIndex(max(self.sets.findData(current), 0))
        self.delete.setEnabled(bool(catalogue.names))

    def show_overview(self, overview: Overview | None) -> None:
        """Another set, or none."""
        self.overview = overview
        self.table.show_rows(() if overview is None else overview.rows)
        self.say("")
        if overview is None:
            self.belief.say("neutral", "")
        else:
            self.belief.say(overview.level, overview.headline)
        self._say(self.purity, "note", "" if overview is None else overview.purity)
        self.show_warnings(() if overview is None else overview.warnings)
        self.details.setText("" if overview is None else "\n\n".join(overview.details))
        self._enable()

    def show_warnings(self, warnings: Sequence[str]) -> None:
        """What speaks against the set."""
        self.warnings.setText("<br>".join(signed("warning", text) for text in warnings))
        self.warnings.setVisible(bool(warnings))

    def say(self, text: str, severity: str = "note") -> None:
        """What became of something that was asked for."""
        self._say(self.said, severity, text)

    @property
    def chosen(self) -> list[int]:
        """The chosen clusters, from 0, sorted."""
        return sorted(self.table.rows)

    # -- inside -----------------------------------------------------------------------------------

    @staticmethod
    def _say(label: QLabel, severity: str, text: str) -> None:
        label.setText(signed(severity, text) if text else "")
        label.setVisible(bool(text))

    def _enable(self) -> None:
        several = len(self.chosen) > 1
        self.select.setText("Select their particles" if several else "Select its particles")
        for button in (self.select, self.save):
            button.setEnabled(bool(self.chosen))

        self._say_command()

    @property
    def _formats(self) -> FormatTable[Any]:
        """What the particles of the set can be written as."""
        return offered_to(program_of_file(self.overview.clusters.job.spec.inputs.particles))

    def _say_command(self) -> None:
        if self._folder is None or self.overview is None or not self.chosen:
            self.command.setPlainText("Choose a cluster first.")
            return
        clusters = self.overview.clusters
        name = clusters.selection_of(self.chosen).name
        suffix = self._formats.usual.suffix
        lines = commands.cluster_export_commands(
            self._folder, clusters.name, self.chosen, name, suffix
        )
        self.command.setPlainText("\n".join(lines))

    def _ask_delete(self) -> None:
        name = self.sets.currentData()
        if name is None:
            return
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = (
            f"Delete the clusters “{name}” with their maps from the job folder? Selections and "
            "reconstructions made of them stay."
        )
        if QMessageBox.question(self, "Delete the clusters?", question, yes | no, no) == yes:
            self.delete_asked.emit(name)

    def _ask_path(self) -> None:
        name = self.overview.clusters.selection_of(self.chosen).name
        formats = self._formats
        path, chosen = QFileDialog.getSaveFileName(
            self, "Save the particles", f"{name}{formats.usual.suffix}", formats.filters
        )  # Qt asks before it lets an existing file be chosen
        if path:
            target = formats.complete(Path(path), chosen)
            self.save_asked.emit(target, target == Path(path))
