"""Judge clusters by what their particles reconstruct to: half maps, FSC, and the map itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
)

from napari_conformix.widgets.clusters.own_maps import (
    Found,
    OwnMap,
    Scale,
    find,
    launcher,
    scale_of,
)
from napari_conformix.widgets.clusters.runs import ENDS, ClusterRuns
from napari_conformix.widgets.colours import cluster_colour, hex_of
from napari_conformix.widgets.parts import Fold, FscPlot, combo, fill, hint, sentence, signed
from napari_conformix.widgets.runs import ReconstructionStatus, RunProgress
from napari_conformix.widgets.session import commands

if TYPE_CHECKING:
    from napari_conformix.widgets.session import Session

DECODED, OWN, BOTH = "decoded", "own", "both"
_HELP: Final = (
    "A decoded map shows what the network believes. What the particles of a cluster reconstruct "
    "to by themselves, as if nothing moved, is what the images say: the cluster is worth what its "
    "own map shows."
)


class ClusterReconstructGroup(QGroupBox):
    """Starts and follows reconstructions of clusters; says which own maps there are."""

    #: own maps of other clusters are there
    found_changed = Signal()
    #: (cluster, words) of one that waits or runs
    progress_said = Signal(int, str)
    #: the scene is to show another kind of map
    shown_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__("What the particles of a cluster say")
        self._session = session
        self._clusters: Any = None
        self._chosen: tuple[int, ...] = ()
        self.maps: dict[int, OwnMap] = {}
        self._ended: dict[int, tuple[str, str]] = {}
        self._apart = ""
        self.runs = ClusterRuns(session)
        self._build()
        self.one.clicked.connect(lambda: self.start(self._wanted()))
        self.all.clicked.connect(lambda: self.start(self._left()))
        self.stop.clicked.connect(self._stop)
        self.show_box.currentIndexChanged.connect(lambda *_: self.shown_changed.emit())
        self.runs.changed.connect(self._enable)
        self.runs.events.connect(self.progress.take)
        self.runs.state_changed.connect(self._take_state)
        self.show_set(None)

    def _build(self) -> None:
        self.one, self.all = QPushButton(), QPushButton()
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("End the one that runs after its batch, and begin no other")
        self.one.setToolTip("Half maps and FSC of the particles of the chosen clusters")
        self.all.setToolTip("One cluster after the other, those that have no map yet")
        self.progress = RunProgress(ReconstructionStatus())
        self.show_box = combo()
        self.apart, self.said, self.scale_said = sentence(), sentence(), hint()
        self.fsc = FscPlot(220)
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(60)
        self.fold = Fold("Show command line", self.command)
        row = QHBoxLayout()
        for button in (self.one, self.all, self.stop):
            row.addWidget(button)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("In the scene", self.show_box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(hint(_HELP))
        layout.addLayout(row)
        layout.addWidget(self.progress)
        layout.addLayout(form)
        for widget in (self.apart, self.said, self.fsc, self.scale_said, self.fold):
            layout.addWidget(widget)

    # -- what is shown ----------------------------------------------------------------------------

    @property
    def shown(self) -> str:
        """What the scene is to show of the current cluster: DECODED, OWN or BOTH."""
        there = bool(self._chosen) and self._chosen[-1] in self.maps
        return (self.show_box.currentData() or DECODED) if there else DECODED

    @property
    def scale(self) -> Scale:
        """Of the grey values of own maps; there is one when there are maps."""
        return scale_of(list(self.maps.values()))

    def volume(self, cluster: int) -> np.ndarray | None:
        """(z, y, x) of a cluster's own map, in the grey values of the others; None without."""
        maps = self.maps
        found = maps.get(cluster)
        return None if found is None else found.array(scale_of(list(maps.values())))

    def show_set(self, clusters: Any) -> None:
        """The reconstructions of another :class:`ClusterSet`, or of none; those of the same one go
        on."""
        same = _is_same(clusters, self._clusters)
        self._clusters = clusters
        if same:
            self._chosen = ()
            self.look()
            return
        self._chosen, self.maps, self._ended, self._apart = (), {}, {}, ""
        self.runs.forget()
        self.progress.clear()
        fill(self.show_box, [])
        self._show()
        if clusters is not None:
            self.look()

    def look(self) -> None:
        """See which reconstructions there are; also those that others have made."""
        job, clusters, known = self._session.job, self._clusters, dict(self.maps)
        if job is None or clusters is None:
            return
        self._session.run_in_worker(
            lambda: find(clusters, known), partial(self._take, clusters), key="job:cluster maps"
        )

    def choose(self, current: int | None, chosen: frozenset[int]) -> None:
        """Other clusters are chosen."""
        others = sorted(chosen - {current})
        self._chosen = () if current is None else (*others, current)
        self._show()

    def start(self, clusters: list[int]) -> None:
        """Reconstruct these clusters, one after the other."""
        job, chosen = self._session.job, self._clusters
        if job is None or chosen is None or not clusters:
            return
        self.progress.clear()
        self.progress.show_state("starting")
        self.runs.start(sorted(clusters), launcher(job, chosen))
        for cluster in self.runs.waiting:
            self.progress_said.emit(cluster, "waits")

    # -- inside -----------------------------------------------------------------------------------

    def _stop(self) -> None:
        for cluster in self.runs.waiting:
            self.progress_said.emit(cluster, "")
        self.progress.show_state("stopping")
        self.runs.stop()

    def _take(self, clusters: Any, found: Found) -> None:
        if clusters is not self._clusters:
            return
        self.maps, self._ended, self._apart = found.maps, found.ended, found.apart
        for cluster, (state, _) in found.ended.items():
            if cluster not in (self.runs.current, *self.runs.waiting):
                self.progress_said.emit(cluster, state)
        if found.running is not None and self.runs.current is None:
            self.runs.follow(*found.running)
        self._show()
        self.found_changed.emit()

    def _take_state(self, cluster: int, state: str) -> None:
        self.progress.show_state(state)
        words = {"finished": "", "running": "running …", "paused": "paused"}
        self.progress_said.emit(cluster, words.get(state, state))
        if state == "finished":
            self.progress.show_state("")
        if state in ENDS:
            self.look()

    def _left(self) -> list[int]:
        """Clusters that have no map of their own yet and can have one."""
        return [i for i in range(len(self._clusters)) if i not in self.maps and self._can(i)]

    def _wanted(self) -> list[int]:
        """Those of them that are chosen."""
        return sorted(set(self._chosen) & set(self._left())) if self._chosen else []

    def _can(self, cluster: int) -> bool:
        """Half maps need particles of both half sets."""
        return bool(np.all(self._clusters.half_counts[cluster]))

    def _show(self) -> None:
        self._enable()
        current = self._chosen[-1] if self._chosen else None
        found = [self.maps[i] for i in self._chosen if i in self.maps]
        self.fsc.setVisible(bool(found))
        self.fsc.show_families([one.family(hex_of(cluster_colour(one.cluster))) for one in found])
        here = current in self.maps
        fill(self.show_box, self._kinds(here))
        self.show_box.setEnabled(self.show_box.count() > 1)
        self.said.setText(self._sentence(current))
        self.apart.setText(signed("note", self._apart) if self._apart else "")
        self.apart.setVisible(bool(self._apart))
        self.scale_said.setText(self.scale.sentence() if self.maps else "")
        self.scale_said.setVisible(here)
        self._say_command()

    @property
    def _decoded(self) -> bool:
        """Whether there are decoded maps."""
        return self._clusters is not None and bool(self._clusters.record.maps)

    def _kinds(self, here: bool) -> list[tuple[str, str]]:
        """What can be shown of a cluster that has (`here`) or has not a map of its own."""
        kinds = [("the decoded map", DECODED)] if self._decoded else []
        kinds += [("the map of its own particles", OWN)] if here else []
        return [*kinds, ("both: decoded, own particles", BOTH)] if len(kinds) == 2 else kinds

    def _sentence(self, current: int | None) -> str:
        if current is None:
            return "Choose a cluster in the table or among the pictures."
        if not self._can(current):
            return (
                f"Cluster {current + 1} has particles of one half set only, so no half maps can be "
                "made of it and its resolution cannot be measured."
            )
        if current in (self.runs.current, *self.runs.waiting):
            does = "is being reconstructed" if current == self.runs.current else "waits its turn"
            return f"Cluster {current + 1} {does}; its map of its own appears here."
        if current in self._ended:
            return f"Cluster {current + 1}: {self._ended[current][1]}"
        if current not in self.maps:
            return (
                f"Cluster {current + 1} has no map of its own yet: press Reconstruct."
                + " Its decoded map alone proves nothing." * self._decoded
            )
        return self.maps[current].sentence()

    def _enable(self) -> None:
        there, busy = self._clusters is not None, self.runs.current is not None
        names = ", ".join(str(i + 1) for i in self._wanted() or sorted(self._chosen))
        self.one.setText(f"Reconstruct {names}" if names else "Reconstruct")
        left = len(self._left()) if there else 0
        self.all.setText(f"Reconstruct all ({left} left)" if left else "Reconstruct all")
        self.one.setEnabled(there and bool(self._wanted()) and not busy)
        self.all.setEnabled(there and bool(left) and not busy)
        self.stop.setEnabled(busy)
        self.stop.setVisible(busy)

    def _say_command(self) -> None:
        job, clusters = self._session.job, self._clusters
        if job is None or clusters is None:
            self.command.setPlainText("Make clusters above first.")
            return
        folder, chosen = Path(job.folder), sorted(self._chosen)
        lines = commands.cluster_reconstruct_commands(folder, clusters.name, chosen)
        lines.append(commands.reconstruct_clusters_command(folder, clusters.name))
        self.command.setPlainText("\n".join(lines))


def _is_same(one: Any, other: Any) -> bool:
    """Whether two :class:`ClusterSet` are the same one, read twice."""
    if one is None or other is None:
        return False
    return (one.folder, one.record.created) == (other.folder, other.record.created)
