"""A set of clusters as the page shows it, read in a worker. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.widgets.clusters.table import Row
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.jobs import Job

#: levels of a banner: separate groups, anything else, not looked at
SEPARATE, OTHERWISE, UNJUDGED = "good", "doubt", "neutral"


@dataclass(frozen=True)
class Overview:
    """A :class:`ClusterSet`, what the table says of its clusters, and what is said of all.

    level, headline   what these clusters are
    details           all else that the core says: how they were made, what the checks measured
    purity            against known labels; '' without
    warnings          what speaks against the set: outdated by now, or the halves kept apart
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
            of = f", epoch {found.epoch}" if found.epoch else ""
            titles.append(f"{name}: {len(found)} clusters{of}")
            readable.append(name)
    return Catalogue(tuple(names), tuple(titles), tuple(readable))


def overview(job: Job, name: str) -> Overview:
    """Open a set, in a worker; UserError when it cannot be read."""
    clusters = job.cluster_set(name)
    purity = clusters.purity
    level, headline = _belief(clusters)
    compared = "" if purity is None else purity.sentence()
    warnings = tuple(filter(None, (clusters.outdated, clusters.follows_halves)))
    said = (headline, compared, *warnings)
    return Overview(
        clusters,
        _rows(clusters, purity),
        level,
        headline,
        tuple(with_units(text) for text in clusters.sentences() if text not in said),
        with_units(compared),
        warnings,
    )


def _belief(clusters: Any) -> tuple[str, str]:
    """Level and headline of what the two checks of the core say."""
    stable, separate = clusters.stability, clusters.separation
    if stable is None or separate is None:
        return UNJUDGED, "Whether these clusters are separate was not looked at."
    from napari_conformix.analysis.clusters import in_words

    level = SEPARATE if separate.all_separate and stable.found_again else OTHERWISE
    return level, in_words(stable, separate)


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
    if not clusters.record.maps:
        return f"Cluster {cluster + 1}: its most central one is {clusters.whose_map(cluster)}."
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
