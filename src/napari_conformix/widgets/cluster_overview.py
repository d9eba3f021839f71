"""A set of clusters as the page shows it, read in a worker. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.widgets.cluster_table import Row
from napari_conformix.widgets.wording import with_units

if TYPE_CHECKING:
    from napari_conformix.jobs import Job

#: levels of a banner: separate groups, anything else, not looked at
SEPARATE, OTHERWISE, UNJUDGED = "good", "doubt", "neutral"
#: a cluster's share of half 1 may differ from the usual one by this, or by so many standard errors
_ONE_SIDED, _ERRORS = 0.2, 4.0


@dataclass(frozen=True)
class Overview:
    """A :class:`ClusterSet`, what the table says of its clusters, and what is said of all.

    level, headline   what these clusters are
    details           how that was found out, and how the clusters were made
    purity            against known labels; '' without
    warnings          what speaks against the set: outdated by now, or halves kept apart
    """

    clusters: Any
    rows: tuple[Row, ...]
    level: str
    headline: str
    details: tuple[str, ...]
    purity: str
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the set."""
        return self.clusters.name

    def __len__(self) -> int:
        return len(self.rows)

    def caption(self, cluster: int) -> str:
        """'3: 812 (16.2 %)'."""
        row = self.rows[cluster]
        return f"{cluster + 1}: {row.particles:,} ({100 * row.share:.1f} %)"


@dataclass(frozen=True)
class Catalogue:
    """What sets a job has, in the order in which they were made: names, what is said of each, and
    the names of those that can be read."""

    names: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()


def catalogue(job: Job) -> Catalogue:
    """Look at all sets of a job, in a worker."""
    names, titles, readable = job.cluster_sets(), [], []
    for name in names:
        try:
            found = job.cluster_set(name)
        except UserError:
            titles.append(f"{name} (cannot be read)")
        else:
            titles.append(f"{name}: {len(found)} clusters, epoch {found.epoch}")
            readable.append(name)
    return Catalogue(tuple(names), tuple(titles), tuple(readable))


def overview(job: Job, name: str) -> Overview:
    """Open a set; UserError when it cannot be read."""
    clusters = job.cluster_set(name)
    stable, separate, purity = clusters.stability, clusters.separation, clusters.purity
    level, headline, details = _belief(clusters, stable, separate)
    details.insert(0, clusters.clustering.sentence())
    return Overview(
        clusters,
        _rows(clusters, purity),
        level,
        headline,
        tuple(map(with_units, details)),
        "" if purity is None else with_units(purity.sentence()),
        tuple(filter(None, (clusters.outdated, _one_sided(clusters)))),
    )


def _belief(clusters: Any, stable: Any, separate: Any) -> tuple[str, str, list[str]]:
    """Level, headline and figures of the two checks."""
    if stable is None or separate is None:
        return UNJUDGED, "Whether these clusters are separate was not looked at.", []
    from napari_conformix.analysis.cluster_checks import in_words

    level = SEPARATE if separate.all_separate and stable.found_again else OTHERWISE
    figures = [separate.sentence(), stable.sentence()] if len(clusters) > 1 else []
    return level, in_words(stable, separate), figures


def _one_sided(clusters: Any) -> str:
    """A sentence when clusters hold mostly particles of one half, whose models then disagree."""
    if not any(clusters.record.representative_halves):
        return ""  # one model for all
    halves = clusters.half_counts.astype(float)
    share = halves[:, 0] / np.maximum(halves.sum(axis=1), 1)
    usual = halves[:, 0].sum() / max(halves.sum(), 1)
    error = np.sqrt(usual * (1 - usual) / np.maximum(halves.sum(axis=1), 1))
    apart = np.abs(share - usual) > np.maximum(_ONE_SIDED, _ERRORS * error)
    if not apart.any():
        return ""
    numbers = ", ".join(str(i + 1) for i in np.flatnonzero(apart))
    which = f"Cluster {numbers} has" if apart.sum() == 1 else f"Clusters {numbers} have"
    return (
        f"{which} many more particles of one half than of the other. The models of the halves do "
        "not agree there: such a cluster tells which model has seen a particle, not what it looks "
        "like. Train longer, or make fewer clusters."
    )


def _rows(clusters: Any, purity: Any) -> tuple[Row, ...]:
    counts, halves = clusters.counts, clusters.half_counts
    total = max(int(counts.sum()), 1)
    two = bool(np.any(halves))
    rows = []
    for i, count in enumerate(counts):
        entropy, mainly = (None, "") if purity is None else _labels_of(purity, i)
        rows.append(
            Row(
                int(count),
                int(count) / total,
                (int(halves[i, 0]), int(halves[i, 1])) if two else None,
                entropy,
                mainly,
                _tip(clusters, i),
            )
        )
    return tuple(rows)


def _tip(clusters: Any, cluster: int) -> str:
    held_out = 100 * float(clusters.held_out[cluster])
    return (
        f"Cluster {cluster + 1}: its map is of {clusters.whose_map(cluster)}.\n"
        f"{held_out:.0f} % of its particles were held out of training."
    )


def _labels_of(purity: Any, cluster: int) -> tuple[float, str]:
    """Entropy, and the most frequent label with its share."""
    counts = np.asarray(purity.table[cluster], dtype=float)
    if not counts.sum():
        return float(purity.entropy[cluster]), ""
    best = int(counts.argmax())
    share = 100 * counts[best] / counts.sum()
    return float(purity.entropy[cluster]), f"{purity.states[best]} ({share:.0f} %)"
