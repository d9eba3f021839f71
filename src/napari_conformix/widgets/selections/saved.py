"""What is done with saved selections: kept, loaded, renamed, written, trained on, replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_conformix.analysis.selections import CannotReplayError
from napari_conformix.errors import UserError
from napari_conformix.export.formats import FormatTable, offered_to, program_of_file
from napari_conformix.runs import layout
from napari_conformix.widgets.selections.subset_job import SubsetJobDialog
from napari_conformix.widgets.selections.table import COLOURS, SelectionTable
from napari_conformix.widgets.session import free_name

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Selection, SelectionHistory
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.session import Session


class SavedSelections(QObject):
    """Connects the table to the job folder; slow work is done in workers.

    `asked(rows, action, how)` asks for particles to be selected; `listed(names)` says which
    selections there are.
    """

    asked = Signal(object, str, dict)
    listed = Signal(list)

    def __init__(self, session: Session, table: SelectionTable, history: Callable[[], Any]) -> None:
        super().__init__()
        self._session, self.table = session, table
        self._history: Callable[[], SelectionHistory | None] = history
        table.save_asked.connect(self.save)
        table.load_asked.connect(self.load)
        table.delete_asked.connect(self.delete)
        table.rename_asked.connect(self.rename)
        table.colour_asked.connect(self.recolour)
        table.export_asked.connect(self._export_here)
        table.export_elsewhere_asked.connect(self._export_elsewhere)
        table.train_asked.connect(self._ask_where_to_train)
        table.replay_asked.connect(self._ask_what_to_replay)

    @property
    def _job(self) -> Job:
        return self._session.job

    def list_saved(self) -> None:
        """Show what the job folder has."""
        job = self._job

        def show(selections: list[Selection]) -> None:
            if job is self._session.job:
                self.table.set_trainable(self._session.has_decoder)
                self.table.set_formats(self._formats)
                self.table.set_selections(selections, self._session.latents)
                self.listed.emit(self.table.names)

        self._session.run_in_worker(
            lambda: [job.selection(name) for name in job.selections()], show, key="job:selections"
        )

    def save(self, name: str) -> None:
        """Keep what is selected under a name, in the job folder."""
        job, latents = self._job, self._session.latents
        colour = COLOURS[len(self.table.names) % len(COLOURS)]
        try:
            selection = self._history().to_selection(name, epoch=latents.epoch, colour=colour)
        except Exception as error:
            self._session.report_error(error)
            return
        self._change(
            lambda: job.save_selection(selection), name, f"Saved: {len(selection):,} particles."
        )

    def load(self, name: str, action: str = "replace") -> None:
        """Make a saved selection the current one, or combine both; it can be undone."""
        job, history = self._job, self._history()

        def show(selection: Selection) -> None:
            if history is not None and history is self._history():
                how = {"kind": "saved", "name": name, "steps": list(selection.how)}
                self.asked.emit(selection.rows, action, how)

        self._session.run_in_worker(lambda: job.selection(name), show)

    def delete(self, name: str) -> None:
        """Take a saved selection out of the job folder."""
        job = self._job
        self._session.run_in_worker(lambda: job.delete_selection(name), lambda _: self.list_saved())

    def rename(self, name: str, new: str) -> None:
        """Another name; the files of the old one go once those of the new one are there."""
        job = self._job

        def work() -> None:
            job.save_selection(replace(job.selection(name), name=new))
            job.delete_selection(name)

        self._change(work, new)

    def recolour(self, name: str, colour: str) -> None:
        """Another colour, '#rrggbb'."""
        job = self._job
        self._change(lambda: job.save_selection(replace(job.selection(name), colour=colour)), name)

    def _change(self, work: Callable[[], Any], name: str, text: str = "") -> None:
        """Change the folder in a worker, then show it with the row of that name chosen."""

        def done(_: Any) -> None:
            self.table.choose_when_listed(name)
            self.list_saved()
            if text:
                self.table.say(name, text)

        self._session.run_in_worker(work, done)

    # -- files ------------------------------------------------------------------------------------

    def export(self, name: str, path: Path, overwrite: bool = False) -> None:
        """Write the particles of a saved selection, in a worker; the table says where."""
        job, table = self._job, self.table
        table.say(name, f"Writing {path} …")

        def failed(error: Exception) -> None:
            table.say(name, f"Not exported: {error}")
            self._session.report_error(error)

        def write() -> tuple[int, Path]:
            selection = job.selection(name)
            _make_folder(path.parent)
            return len(selection), job.export(selection, path, overwrite=overwrite)

        def done(written: tuple[int, Path]) -> None:
            if job is self._session.job:
                text = f"Exported {written[0]:,} particles to {written[1]}"
                table.say(name, text, written[1])

        self._session.run_in_worker(write, done, failed)

    @property
    def _formats(self) -> FormatTable[Any]:
        """What the particles of the job can be written as."""
        return offered_to(program_of_file(self._session.inputs.particles))

    def _export_here(self, name: str, suffix: str) -> None:
        """Into the job folder; asks before anything is replaced."""
        path = Path(self._job.folder) / layout.SUBSETS / f"{name}{suffix}"
        question = f"There is a file {path} already. Replace it?"
        if not path.exists():
            self.export(name, path)
        elif self.table.sure("Replace the file?", question):
            self.export(name, path, overwrite=True)

    def _export_elsewhere(self, name: str) -> None:
        formats = self._formats
        path, chosen = QFileDialog.getSaveFileName(
            self.table, f"Export '{name}'", f"{name}{formats.usual.suffix}", formats.filters
        )  # Qt asks before it lets an existing file be chosen
        if not path:
            return
        target = formats.complete(Path(path), chosen)
        if target != Path(path):
            question = f"There is a file {target} already. Replace it?"
            if target.exists() and not self.table.sure("Replace the file?", question):
                return
        self.export(name, target, overwrite=target.exists())

    # -- other jobs -------------------------------------------------------------------------------

    def _ask_where_to_train(self, name: str) -> None:
        job = self._job
        place = free_name(
            Path(job.folder).parent, f"{Path(job.folder).name}_{name}".replace(" ", "_")
        )
        dialog = SubsetJobDialog(self.table, job, name, place)
        if dialog.exec():
            self.train_on(name, dialog.folder)

    def train_on(self, name: str, folder: Path) -> None:
        """Make a job of a saved selection and open it, ready to be trained."""
        job = self._job
        self.table.say(name, f"Making {folder} …")

        def make() -> Job:
            from napari_conformix.jobs.selections import train_on

            return train_on(job, name, folder)

        def failed(error: Exception) -> None:
            self.table.say(name, f"No job was made. {error}")
            self._session.report_error(error)

        def done(made: Job) -> None:
            self._session.open_job(made)
            self._session.message.emit(
                f"{made.folder} is a new job of the selection '{name}'. Train starts it.", "info"
            )

        self._session.run_in_worker(make, done, failed)

    def _ask_what_to_replay(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self.table,
            "The job folder that has the selection",
            str(Path(self._job.folder).parent),
        )
        if not folder:
            return

        def read() -> tuple[Job, list[str]]:
            from napari_conformix.jobs import Job

            other = Job.open(folder)
            if not other.selections():
                raise UserError(f"{folder} has no saved selections; choose another job folder.")
            return other, other.selections()

        def ask(found: tuple[Job, list[str]]) -> None:
            other, names = found
            name, agreed = QInputDialog.getItem(
                self.table,
                "Replay a selection",
                "The selection to make again here, by the same steps:",
                names,
                0,
                False,
            )
            if agreed:
                self.replay(other, name)

        self._session.run_in_worker(read, ask)

    def replay(self, other: Job, name: str, *, by_steps: bool = True) -> None:
        """Make a selection of another job again in this one, by its steps or of its very particles,
        save it and make it the current one; what was found is reported. Where a step has no meaning
        here, the particles are offered instead."""
        job, taken = self._job, self.table.names
        new = name if name not in taken else f"{name} of {Path(other.folder).name}"
        while new in taken:
            new += "'"

        def work() -> Any:
            from napari_conformix.jobs.selections import replay_selection, same_particles

            make = replay_selection if by_steps else same_particles
            made = make(job, other.selection(name), other, name=new)
            colour = made.selection.colour or COLOURS[len(taken) % len(COLOURS)]
            job.save_selection(replace(made.selection, colour=colour))
            return made

        def done(made: Any) -> None:
            if job is not self._session.job:
                return
            self.table.choose_when_listed(new)
            self.list_saved()
            how = {key: v for key, v in made.selection.how[0].items() if key != "action"}
            self.asked.emit(made.selection.rows, "replace", how)
            count = f"'{new}' was made: {len(made.selection):,} particles."
            self.table.say(new, " ".join([count, *made.lines()]))
            for warning in made.warnings:
                self._session.message.emit(warning, "warning")

        def failed(error: Exception) -> None:
            question = (
                f"{error}\n\nSelect the very same particles instead, as far as they are here?"
            )
            if not isinstance(error, CannotReplayError):
                self._session.report_error(error)
            elif self.table.sure("Take the same particles?", question):
                self.replay(other, name, by_steps=False)

        self._session.run_in_worker(work, done, failed)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror or error}.") from error
