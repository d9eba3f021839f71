"""What was found of the motion, in lines for a terminal and as a page of its own."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.checks import Heterogeneity, Invariance
from napari_conformix.analysis.figures import page, plots
from napari_conformix.analysis.motion import FOLLOWS, MotionTable, Verdict
from napari_conformix.analysis.report.tables import (
    Cluster,
    cluster_lines,
    gain_lines,
    invariance_lines,
    latent_lines,
    motion_lines,
)
from napari_conformix.analysis.spaces import pca
from napari_conformix.training.latent_table import LatentTable

__all__ = ["Cluster", "Curve", "Report", "Unjudged"]

#: a curve of training: name, epochs, values, whether it is dashed
Curve = tuple[str, npt.NDArray[np.floating], npt.NDArray[np.floating], bool]


@dataclass(frozen=True)
class Unjudged:
    """What stands for the verdict where there is no model that could be asked."""

    sentence: str = (
        "Whether particles differ beyond noise cannot be judged here: the latents are of another "
        "program, and there is no model to compare with held-out images."
    )
    advice: str = (
        "make clusters and reconstruct each from its own particles (conformix clusters JOB -k 6 "
        "--reconstruct): differences between such maps are in the images."
    )
    warnings: tuple[str, ...] = ()
    level: str = "unknown"


@dataclass(frozen=True)
class Report:
    """The verdict and the figures behind it.

    motion                every particle's motion; None for methods without displacements
    invariance            what imaging conditions explain of the latents
    curves, curve_label   the headline loss of every half against epochs, and what it is
    model_biased          a sentence when an atomic model took part
    clusters              groups of particles, with `labels` (N,) from 0 (-1: in none), and what is
                          to be said of them
    files                 what was written
    """

    job: str
    verdict: Verdict | Heterogeneity | Unjudged
    motion: MotionTable | None
    latents: LatentTable
    invariance: Invariance | None = None
    curves: tuple[Curve, ...] = ()
    curve_label: str = ""
    model_biased: str | None = None
    clusters: tuple[Cluster, ...] = ()
    labels: npt.NDArray[np.integer] | None = None
    cluster_notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = field(default=())

    # -- words ------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """For a terminal; the verdict comes first."""
        text = [self.verdict.sentence]
        text += [f"Note: {warning}" for warning in self.notes()]
        if self.verdict.advice:
            text.append(f"Next: {self.verdict.advice}")
        if self.invariance is not None:
            text.append(self.invariance.sentence())
            if self.invariance.advice:
                text.append(f"Next: {self.invariance.advice}")
        for block in (*self.tables(), self.remarks(), self.cluster_table()):
            text += ["", *block] if block else []
        return text

    def notes(self) -> list[str]:
        """What to know before believing it."""
        return [*self.verdict.warnings, *([self.model_biased] if self.model_biased else [])]

    def tables(self) -> list[list[str]]:
        """Lines of the tables: what particles do, and the checks."""
        tables = []
        if self.motion is not None:
            tables.append(motion_lines(self.motion, self.latents))
        elif np.isfinite(self.latents.std).any():
            tables.append(latent_lines(self.latents))
        if isinstance(self.verdict, Heterogeneity):
            tables.append(gain_lines(self.verdict))
        if self.invariance is not None:
            tables.append(invariance_lines(self.invariance))
        return [table for table in tables if table]

    def remarks(self) -> list[str]:
        """Sentences on the tables, the components, and the test against the imaging conditions."""
        if isinstance(self.verdict, Unjudged):
            return []
        if self.motion is None or not isinstance(self.verdict, Verdict):
            return [
                "Medians, with the 10th and 90th percentile. Uncertainty: the standard deviation "
                "that the encoder gives a latent, over that of the latents of all particles. This "
                "method has no displacements: maps and clusters say what changes."
            ]
        text = ["Medians, with the 10th and 90th percentile. Motion is relative to the consensus."]
        if np.isfinite(self.motion.rms_error).any():
            text.append(
                "Errors are differences between the halves' models; those of particles that one "
                "half was trained on are estimated from held-out particles near them. The verdict "
                "is on changes of shape about their mean, without what shifts or turns the whole "
                "molecule, as RMS over all held-out particles: its figures differ from these."
            )
            if not self.verdict.found:
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
                f"The change of shape that both halves share {follows} how the particles were "
                f"imaged: viewing direction, shift and defocus predict {share:.0%} of it "
                f"(shuffled: {by_chance:.0%})."
            )
        return text

    def cluster_table(self) -> list[str]:
        """Lines of a table, one a cluster, and what to say of them; none without clusters."""
        lines = cluster_lines(self.clusters, len(self.latents))
        if not lines:
            return []
        lines += self.cluster_notes
        if not isinstance(self.verdict, Unjudged) and not self.verdict.found:
            what = "motion" if isinstance(self.verdict, Verdict) else "heterogeneity"
            beyond = "its error" if isinstance(self.verdict, Verdict) else "noise"
            lines.append(f"As there is no {what} beyond {beyond}, these groups may be of noise.")
        return lines

    # -- page -------------------------------------------------------------------------------------

    def html(self) -> str:
        """The report as one file that needs nothing else."""
        found = not isinstance(self.verdict, Unjudged) and self.verdict.found
        return page(
            "checks.html",
            job=self.job,
            epoch=self.latents.epoch,
            verdict=self.verdict,
            kind="moves" if found else self.verdict.level,
            notes=self.notes(),
            invariance=self.invariance,
            tables=self.tables(),
            remarks=self.remarks(),
            clusters=self.cluster_table(),
            figures=self._figures(),
        )

    def _figures(self) -> list[tuple[str, str]]:
        """Pictures as SVG, with their captions."""
        shown = self._motion_figures() if self.motion is not None else self._latent_figures()
        if self.curves:
            picture = plots.lines(
                self.curves, labels=("Epoch", self.curve_label), title="Training and validation"
            )
            shown.append((picture, "Dashed: held-out particles. They should fall together."))
        return shown

    def _latent_figures(self) -> list[tuple[str, str]]:
        """The latent space view, coloured by cluster if there are any."""
        rows = np.flatnonzero(np.isfinite(self.latents.mean).all(axis=1))
        if self.latents.mean.shape[1] < 2 or len(rows) < 3:
            return []
        projection = pca(self.latents.mean[rows])
        scores = projection.transform(self.latents.mean[rows])
        share = projection.explained_variance_ratio
        labels = None if self.labels is None else self.labels[rows].astype(np.float64) + 1
        picture = plots.scatter(
            scores[:, 0],
            scores[:, 1],
            labels=(f"PC 1 ({share[0]:.0%} of variance)", f"PC 2 ({share[1]:.0%} of variance)"),
            title="View of the latents",
            amount=labels,
            amount_label="" if labels is None else "Cluster",
        )
        caption = "Every particle by the principal components of its latent"
        return [(picture, caption + ("." if labels is None else ", coloured by its cluster."))]

    def _motion_figures(self) -> list[tuple[str, str]]:
        """Errors against motions, and the view of the motions."""
        motion = self.motion
        assert motion is not None
        shown = []
        if np.isfinite(motion.rms_error).any():
            picture = plots.scatter(
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
            picture = plots.scatter(
                coordinates[:, 0],
                coordinates[:, 1],
                labels=(f"Motion 1{unit}", f"Motion 2{unit}"),
                title="View of the motions",
                amount=motion.rms_displacement,
                amount_label="RMS motion (A)",
            )
            shown.append((picture, "Particles of both halves by what they do, as PCA shows it."))
        return shown
