"""What is said of one particle: its image, where it comes from, what it is coloured by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.widgets.colours import number_text

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet
    from napari_conformix.widgets.colours import Colouring
    from napari_conformix.widgets.session import Session

#: columns that name the micrograph, RELION's and cryoSPARC's
_MICROGRAPH: Final = ("rlnMicrographName", "location/micrograph_path")


class ParticleWords:
    """Reads in a worker what takes long to read, so that a mouse move need not wait."""

    def __init__(self, session: Session, key: str) -> None:
        self._session, self._key = session, key
        self._micrographs: tuple[object, np.ndarray] | None = None
        self._clusters: tuple[str, np.ndarray] | None = None

    def forget(self) -> None:
        """The job is another one."""
        self._micrographs = self._clusters = None

    def take_particles(self, particles: ParticleSet) -> None:
        """Another particle file."""
        column = next((name for name in _MICROGRAPH if name in particles.columns), None)
        if column is None or (self._micrographs and self._micrographs[0] is particles):
            return

        def show(names: np.ndarray) -> None:
            if particles is self._session.particles:
                self._micrographs = particles, names

        self._session.run_in_worker(lambda: particles.column(column), show, key=self._key)

    def find_clusters(self, names: list[str]) -> None:
        """Of these sets of clusters the newest is named."""
        job = self._session.job
        if not names or job is None:
            self._clusters = None
            return
        name = names[-1]

        def show(labels: np.ndarray) -> None:
            if job is self._session.job:
                self._clusters = name, labels

        self._session.run_in_worker(
            lambda: job.cluster_set(name).clustering.labels, show, key=f"{self._key} clusters"
        )

    def of(self, row: int, made: tuple[str, Colouring] | None) -> str:
        """A few lines on the particle of a row. Rows count from 0, as in the commands; particles
        of a stack from 1, as RELION does."""
        lines = [f"Particle of row {row:,} (counted from 0)"]
        particles, latents = self._session.particles, self._session.latents
        if particles is not None:
            image = _image(particles, row)
            lines += [image] if image else []
        if self._micrographs is not None and self._micrographs[0] is particles:
            name = str(self._micrographs[1][row]).rpartition("/")[2]
            lines.append(f"Micrograph: {name}")
        if latents is not None and row < len(latents.half):
            half = int(latents.half[row]) or _half_of(particles, row)
            parts = [f"half {half}"] if half else []
            if latents.validation.any():  # else it is not known whose latents were trained on
                parts.append("held out" if latents.validation[row] else "trained on")
            lines += [", ".join(parts).capitalize()] if parts else []
        name, told = self._coloured(row, made)
        lines += [told] if told else []
        if self._clusters is not None and name != f"clusters {self._clusters[0]}":
            label = int(self._clusters[1][row])
            where = f"cluster {label + 1}" if label >= 0 else "in no cluster"
            lines.append(f"{self._clusters[0]}: {where}")
        return "\n".join(lines)

    def _coloured(self, row: int, made: tuple[str, Colouring] | None) -> tuple[str, str]:
        """The name and the value of what the view is coloured by."""
        if made is None:
            return "", ""
        name, colours = made
        title, unit = colours.legend.title, colours.legend.unit
        if colours.labels is not None:
            label = int(colours.labels[row])
            value = colours.legend.categories[label].label if label >= 0 else "no value"
            return name, f"{title}: {value}"
        if colours.values is None:
            return name, ""
        value = float(colours.values[row])
        if not np.isfinite(value):
            return name, f"{title}: no value"
        span = colours.legend.high - colours.legend.low
        return name, f"{title}: {number_text(value, span)}{'' if unit[:1] == '°' else ' '}{unit}"


def _image(particles: ParticleSet, row: int) -> str:
    """'Image 12 of stack.mrcs'; '' where the file names none."""
    stacks = getattr(particles, "stacks", None)
    if not stacks:
        return ""
    stack = stacks[int(particles.stack_index[row])]
    return f"Image {int(particles.image_index[row]) + 1:,} of {stack.name}"


def _half_of(particles: ParticleSet | None, row: int) -> int:
    """The half set in the file, 0 where it has none."""
    half = getattr(particles, "half", None)
    return 0 if half is None else int(half[row])
