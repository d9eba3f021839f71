"""The figures of a report, as lines of text with aligned columns."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.checks import Gain, Heterogeneity, Invariance, in_percent
from napari_conformix.analysis.motion import MotionTable
from napari_conformix.training.latent_table import LatentTable

Groups = dict[str, npt.NDArray[np.bool_]]
Rows = list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Cluster:
    """A group of particles: its selection's name, how many, the RMS motion of its members (A; NaN
    where the method has no displacements), and the most central particle, whose map is at `map`
    (None where there is no decoder)."""

    name: str
    count: int
    rms_angstrom: float
    particle: int
    map: Path | None


def groups_of(latents: LatentTable) -> Groups:
    """Which particles were held out, and which trained each model, by name."""
    held_out = latents.validation
    groups = {"held out": held_out}
    for half in np.unique(latents.half[~held_out]):
        name = f"half {half}" if half else "trained"
        groups[name] = ~held_out & (latents.half == half)
    return {name: rows for name, rows in groups.items() if rows.any()}


def motion_lines(motion: MotionTable, latents: LatentTable) -> list[str]:
    """How much particles move, and the error."""
    groups = groups_of(latents)
    exceeds = motion.estimated_ratio > 1

    def share(rows: npt.NDArray[np.bool_]) -> str:
        known = np.isfinite(motion.estimated_error[rows]).any()
        return f"{exceeds[rows].mean():.0%}" if known else "-"

    table: Rows = [
        ("particles", [f"{np.count_nonzero(g):,}" for g in groups.values()]),
        ("RMS motion (A)", [_middle(motion.rms_displacement[g]) for g in groups.values()]),
        ("RMS error (A)", [_middle(motion.estimated_error[g]) for g in groups.values()]),
        ("motion / error", [_middle(motion.estimated_ratio[g]) for g in groups.values()]),
        ("motion exceeds error", [share(g) for g in groups.values()]),
    ]
    return _aligned(list(groups), table)


def latent_lines(latents: LatentTable) -> list[str]:
    """How uncertain the encoder is of its latents."""
    groups = groups_of(latents)
    uncertainty = latent_uncertainty(latents)
    table: Rows = [
        ("particles", [f"{np.count_nonzero(g):,}" for g in groups.values()]),
        ("uncertainty / spread", [_middle(uncertainty[g]) for g in groups.values()]),
    ]
    return _aligned(list(groups), table)


def latent_uncertainty(latents: LatentTable) -> npt.NDArray[np.float64]:
    """(N,) the standard deviation that the encoder gives a particle's latent, over that of the
    means of all particles: RMS over the dimensions. NaN without a latent."""
    mean, std = latents.mean.astype(np.float64), latents.std.astype(np.float64)
    spread = np.nanvar(mean, axis=0).sum()
    return np.asarray(np.sqrt(np.square(std).sum(axis=1) / (spread if spread > 0 else np.nan)))


def gain_lines(found: Heterogeneity) -> list[str]:
    """What held-out images say of their latents."""
    if not np.isfinite(found.own.mean):
        return []
    gains: list[tuple[str, Gain]] = [
        ("own latent, against the mean one", found.own),
        ("  of this, predicted from pose, shift and defocus", found.conditions),
        ("  of this, shifting, turning and brightening the mean", found.alignment),
        ("  beyond pose, shift and defocus", found.beyond_conditions),
        ("  beyond shifting, turning and brightening", found.beyond_alignment),
        ("own structure, against that of another particle seen alike", found.other),
    ]
    head = "Held-out images explained better by (% of what the mean explains)"
    return [head, *(f"{name:<60}{gain!s:>16}" for name, gain in gains)]


def invariance_lines(found: Invariance) -> list[str]:
    """What each imaging condition explains of the latents' variance."""
    if not found.explained:
        return []
    head = f"{f'Variance of the {found.of}':<38}{'explained':>10}{'by chance':>18}"
    lines = [f"{head}   most of one component"]
    for e in found.explained:
        chance = f"{in_percent(e.chance)} ± {in_percent(e.spread)} %"
        component = f"PC {e.component} ({e.component_holds:.0%} of all)"
        lines.append(
            f"{e.condition:<38}{in_percent(e.share):>8} %{chance:>18}   "
            f"{in_percent(e.component_share)} % of {component}"
        )
    return lines


def cluster_lines(clusters: tuple[Cluster, ...], total: int) -> list[str]:
    """One line a cluster; none without clusters."""
    if not clusters:
        return []
    moves = bool(np.isfinite([c.rms_angstrom for c in clusters]).any())
    width = max(16, *(len(c.name) for c in clusters))
    head = f"{'selection':<{width}} {'particles':>10}   share"
    lines = [head + ("  RMS motion (A)" if moves else "") + "  most central particle"]
    for c in clusters:
        line = f"{c.name:<{width}} {c.count:>10,} {c.count / total:>7.1%}"
        line += f"{c.rms_angstrom:>16.2f}" if moves else ""
        lines.append(f"{line}  {c.particle:>21}")
    return lines


def _aligned(names: list[str], rows: Rows) -> list[str]:
    lines = [" " * 22 + "".join(f"{name:>22}" for name in names)]
    return lines + [
        f"{name:<22}" + "".join(f"{cell:>22}" for cell in cells) for name, cells in rows
    ]


def _middle(values: npt.NDArray[np.floating]) -> str:
    """Median with the 10th and 90th percentile; a dash when there is no value."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "-"
    low, middle, high = np.percentile(finite, [10, 50, 90])
    return f"{middle:.2f} ({low:.2f} - {high:.2f})"
