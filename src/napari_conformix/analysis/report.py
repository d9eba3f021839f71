"""What was found of the motion, in lines for a terminal and as a page of its own."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis import svg_plots
from napari_conformix.analysis.motion_table import MotionTable
from napari_conformix.analysis.verdict import FOLLOWS, Verdict
from napari_conformix.training.latent_table import LatentTable

#: a curve of training: name, epochs, values, whether it is dashed
Curve = tuple[str, npt.NDArray[np.floating], npt.NDArray[np.floating], bool]


@dataclass(frozen=True)
class Cluster:
    """Particles that move alike: its selection's name, how many, the RMS motion of its members (A),
    and the most central particle, whose map is at `map`."""

    name: str
    count: int
    rms_angstrom: float
    particle: int
    map: Path


@dataclass(frozen=True)
class Report:
    """The verdict and the figures behind it.

    curves, curve_label   the headline loss of every half against epochs, and what it is
    model_biased          a sentence when an atomic model took part
    files                 what was written
    """

    job: str
    verdict: Verdict
    motion: MotionTable
    latents: LatentTable
    curves: tuple[Curve, ...] = ()
    curve_label: str = ""
    model_biased: str | None = None
    clusters: tuple[Cluster, ...] = ()
    files: tuple[Path, ...] = field(default=())

    # -- words ------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """For a terminal; the verdict comes first."""
        text = [self.verdict.sentence]
        text += [f"Note: {warning}" for warning in self.notes()]
        if self.verdict.advice:
            text.append(f"Next: {self.verdict.advice}")
        return [*text, "", *self.table(), "", *self.remarks(), *self.cluster_table()]

    def notes(self) -> list[str]:
        """What to know before believing it."""
        return [*self.verdict.warnings, *([self.model_biased] if self.model_biased else [])]

    def table(self) -> list[str]:
        """Lines of a table: how much particles move, and the error."""
        motion, held_out = self.motion, self.latents.validation
        groups = {"held out": held_out}
        for half in np.unique(self.latents.half[~held_out]):
            name = f"half {half}" if half else "trained"
            groups[name] = ~held_out & (self.latents.half == half)
        groups = {name: rows for name, rows in groups.items() if rows.any()}
        below = motion.estimated_ratio > 1
        rows: list[tuple[str, list[str]]] = [
            ("particles", [f"{np.count_nonzero(g):,}" for g in groups.values()]),
            ("RMS motion (A)", [_middle(motion.rms_displacement[g]) for g in groups.values()]),
            ("RMS error (A)", [_middle(motion.estimated_error[g]) for g in groups.values()]),
            ("motion / error", [_middle(motion.estimated_ratio[g]) for g in groups.values()]),
            (
                "motion exceeds error",
                [
                    f"{below[g].mean():.0%}"
                    if np.isfinite(motion.estimated_error[g]).any()
                    else "-"
                    for g in groups.values()
                ],
            ),
        ]
        lines = [" " * 22 + "".join(f"{name:>22}" for name in groups)]
        lines += [f"{name:<22}" + "".join(f"{cell:>22}" for cell in cells) for name, cells in rows]
        return lines

    def remarks(self) -> list[str]:
        """Sentences on the table, the components, and the test against the imaging conditions."""
        text = ["Medians, with the 10th and 90th percentile. Motion is relative to the consensus."]
        if np.isfinite(self.motion.rms_error).any():
            text.append(
                "Errors are differences between the halves' models; those of particles that one "
                "half was trained on are estimated from held-out particles near them. The verdict "
                "is on changes of shape about their mean, without what shifts or turns the whole "
                "molecule, as RMS over all held-out particles: its figures differ from these."
            )
            if not self.verdict.moves:
                text.append(
                    "Without motion beyond its error over all particles, those that seem to exceed "
                    "it do so by chance, or by a shift of the whole molecule."
                )
        variance = self.latents.motion_variance
        if variance is not None and variance.any():
            shares = ", ".join(f"{share:.1%}" for share in variance)
            text.append(f"Components of the motion hold {shares} of its variance.")
        share, by_chance = self.verdict.follows_imaging, self.verdict.follows_by_chance
        if np.isfinite(share):
            follows = "follows" if share > max(FOLLOWS, 2 * by_chance) else "does not follow"
            text.append(
                f"The motion {follows} how the particles were imaged: viewing direction, shift and "
                f"defocus predict {share:.0%} of it (shuffled: {by_chance:.0%})."
            )
        return text

    def cluster_table(self) -> list[str]:
        """Lines of a table, one a cluster; none without clusters."""
        if not self.clusters:
            return []
        lines = ["", "selection         particles   share  RMS motion (A)  most central particle"]
        total = len(self.motion)
        lines += [
            f"{c.name:<16} {c.count:>10,} {c.count / total:>7.1%} {c.rms_angstrom:>15.2f}  "
            f"{c.particle:>21}"
            for c in self.clusters
        ]
        if not self.verdict.moves:
            lines.append("As there is no motion beyond its error, these groups may be of noise.")
        return lines

    # -- page -------------------------------------------------------------------------------------

    def html(self) -> str:
        """The report as one file that needs nothing else."""
        verdict = self.verdict
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes())
        text = "\n".join([*self.table(), *self.cluster_table()])
        remarks = "".join(f"<p>{escape(remark)}</p>" for remark in self.remarks())
        figures = "".join(
            f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"
            for picture, caption in self._figures()
        )
        kind = "moves" if verdict.moves else verdict.level
        return (
            f"<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
            f"<title>Motion of {escape(self.job)}</title><style>{_STYLE}</style></head><body>"
            f"<h1>{escape(self.job)}, epoch {self.motion.epoch}</h1>"
            f"<p class='verdict {kind}'>{escape(verdict.sentence)}</p>"
            f"<p>{escape(verdict.advice)}</p><ul>{notes}</ul>"
            f"<pre>{escape(text)}</pre>{remarks}<div class='figures'>{figures}</div>"
            f"</body></html>\n"
        )

    def _figures(self) -> list[tuple[str, str]]:
        """Pictures as SVG, with their captions."""
        motion, shown = self.motion, []
        if np.isfinite(motion.rms_error).any():
            picture = svg_plots.scatter(
                motion.rms_displacement,
                motion.rms_error,
                labels=("RMS motion (A)", "RMS error (A)"),
                title="Error against motion of the held-out particles",
                from_zero=True,
                diagonal="error = motion",
            )
            caption = (
                "Every held-out particle: below the dashed line its motion exceeds the difference "
                "between the halves' models."
            )
            shown.append((picture, caption))
        coordinates = self.latents.motion
        if coordinates is not None and coordinates.shape[1] > 1:
            unit = f" ({self.latents.motion_unit})" if self.latents.motion_unit else ""
            picture = svg_plots.scatter(
                coordinates[:, 0],
                coordinates[:, 1],
                labels=(f"Motion 1{unit}", f"Motion 2{unit}"),
                title="Map of the motions",
                amount=motion.rms_displacement,
                amount_label="RMS motion (A)",
            )
            shown.append((picture, "Particles of both halves by what they do, as PCA shows it."))
        if self.curves:
            picture = svg_plots.lines(
                self.curves, labels=("Epoch", self.curve_label), title="Training and validation"
            )
            shown.append((picture, "Dashed: held-out particles. They should fall together."))
        return shown


_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222;"
    "background:#fff}h1{font-size:1.3rem}pre{background:#f4f4f2;padding:.8rem;overflow-x:auto}"
    ".verdict{font-size:1.1rem;padding:.8rem;border-left:.5rem solid #888;background:#f4f4f2}"
    ".verdict.moves{border-color:#3d7d3f}.verdict.weak,.verdict.artefact{border-color:#c4501b}"
    ".figures{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;width:30rem;max-width:100%}"
    "figcaption{color:#555}"
)


def _middle(values: npt.NDArray[np.floating]) -> str:
    """Median with the 10th and 90th percentile; a dash when there is no value."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "-"
    low, middle, high = np.percentile(finite, [10, 50, 90])
    return f"{middle:.2f} ({low:.2f} - {high:.2f})"
