"""`conformix clusters`: particles in groups, and how far to believe them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.clusters import Suggestion
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.clusters import ClusterSet


@Parameter(name="*")
@dataclass(frozen=True)
class MakeOptions:
    """How a set of clusters is made."""

    k: Annotated[int | None, Parameter(name="-k", help="Make so many clusters.")] = None
    how: Annotated[Literal["kmeans", "gmm"], Parameter(help="k-means, or a Gaussian mixture.")] = (
        "kmeans"
    )
    name: Annotated[
        str | None, Parameter(help="Name of the set; by default kmeans6 and the like.")
    ] = None
    truth: Annotated[
        str | None,
        Parameter(
            help="Known labels to compare with: a column of the particle file, or a .npy or text "
            "file with one label for every particle."
        ),
    ] = None
    seed: Annotated[int, Parameter(help="Of the random starts.")] = 1
    overwrite: Annotated[bool, Parameter(help="Replace the set of that name.", negative=())] = False


def clusters(
    job: JobFolder,
    /,
    *,
    making: MakeOptions = MakeOptions(),
    of: Annotated[
        str | None, Parameter(help="Show this set, made before, instead of making one.")
    ] = None,
    reconstruct: Annotated[
        bool,
        Parameter(
            help="Reconstruct each cluster from its own particles; given again, it goes on where "
            "it was stopped.",
            negative=(),
        ),
    ] = False,
    suggest: Annotated[
        bool,
        Parameter(help="Say how many Gaussians describe the particles best.", negative=()),
    ] = False,
    list_: Annotated[
        bool, Parameter(name="--list", help="List the sets that there are.", negative=())
    ] = False,
) -> None:
    """Group the particles of a trained job by their latents.

    Every cluster gets the map of its most central particle, and may be reconstructed from its own
    particles: judge it by that. Whether the clusters are separate, or cuts of one cloud, is said
    below the table. `conformix select JOB --cluster 3 --name X` makes a selection of one.
    """
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    k, truth = making.k, making.truth
    asked = {"-k": k is not None, "--of": of is not None, "--list": list_, "--suggest": suggest}
    if list(asked.values()).count(True) != 1:
        raise UserError(
            "Give one of: -k 6 (make six clusters), --of NAME (show a set), --list, --suggest."
        )
    if list_:
        _list(opened)
    elif suggest:
        with progress_bar("Comparing mixtures") as tell:
            found = opened.suggest_clusters(progress=tell)
        assert found is not None  # nothing asks it to stop
        print("\n".join(suggestion_lines(found)))
    else:
        if k is not None:
            shown = _make(opened, k, making)
        else:
            shown = opened.cluster_set(str(of))
            if truth is not None:
                shown.compare_with(truth)
        if reconstruct:
            _reconstruct(opened, shown, making.overwrite and k is not None)
        print("\n".join(lines(shown)))
        failed = sum(result.state == "failed" for result in shown.results())
        if reconstruct and failed:
            raise UserError(f"{failed} of {len(shown)} clusters could not be reconstructed.")


def _make(job: "Job", k: int, of: MakeOptions) -> "ClusterSet":
    with progress_bar(f"Making {k} clusters") as tell:
        made = job.cluster(k, of.how, of.name, of.truth, tell, seed=of.seed, overwrite=of.overwrite)
    assert made is not None  # nothing asks it to stop
    return made


def _list(job: "Job") -> None:
    for name in job.cluster_sets():
        print(f"{name}: {job.cluster_set(name).clustering.sentence()}")
    if not job.cluster_sets():
        print("There are no clusters yet; make some: conformix clusters JOB -k 6")


def _reconstruct(job: "Job", shown: "ClusterSet", overwrite: bool) -> None:
    """Reconstruct all in turn; failures are reported, and do not keep the others from their
    turn."""
    from napari_conformix.jobs.reconstruction import ReconstructionProgress
    from napari_conformix.runs import Failed, Warning

    with progress_bar(f"Reconstructing the clusters of {shown.name}") as tell:
        for index, event in job.reconstruct_clusters(shown.name, overwrite=overwrite):
            if isinstance(event, Failed | Warning):
                print(f"Cluster {index + 1}: {event.message}")
            elif isinstance(event, ReconstructionProgress) and event.total:
                tell((index + event.done / event.total) / len(shown))
    if any(result.state == "stopped" for result in shown.results()):
        print(
            f"Stopped. Go on with: conformix clusters {job.folder} --of {shown.name} --reconstruct"
        )


# -- what is shown --------------------------------------------------------------------------------


def lines(shown: "ClusterSet") -> list[str]:
    """The table, a line a cluster, and what is to be said of the set."""
    from napari_conformix.jobs.clusters import differences

    text = [*table(shown), ""]
    purity = shown.purity
    if purity is not None:
        text += [*purity.lines(), ""]
    text += shown.sentences()
    found = differences(shown)
    if found is not None:
        text.append(found.sentence())
    if all(result.state != "finished" for result in shown.results()):
        text.append(
            "Judge a cluster by what its particles reconstruct to: conformix clusters "
            f"{shown.job.folder} --of {shown.name} --reconstruct"
        )
    if shown.job.model_biased is not None:
        text.append(shown.job.model_biased)
    return [*text, f"Maps and files: {shown.folder}"]


def table(shown: "ClusterSet") -> list[str]:
    """A line a cluster: counts, and what its own particles reconstruct to."""
    results = shown.results()
    done = any(result.state is not None for result in results)
    halves = bool(shown.half_counts.any())
    head = "cluster  particles   share"
    head += "   half 1   half 2" if halves else ""
    head += "  held out  map of" if shown.record.maps else "  held out  centre"
    own = "  own particles (A)  decoded agrees to (A)" if done else ""
    text = [f"{head:<{len(head) + 38}}{own}".rstrip()]
    total = shown.counts.sum()
    for index, (count, result) in enumerate(zip(shown.counts, results, strict=True)):
        line = f"{index + 1:>7} {count:>10,} {count / total:>7.1%}"
        if halves:
            line += "".join(f"{n:>9,}" for n in shown.half_counts[index])
        line += f" {shown.held_out[index]:>9.0%}  {shown.whose_map(index)}"
        if done:
            state = result.resolution if result.state == "finished" else (result.state or "-")
            line = f"{line:<{len(head) + 38}}{state:>19}{result.agrees_to:>23}"
        text.append(line)
    if done:
        text.append(
            "Own particles: where the FSC of their half maps, corrected for the mask, falls below "
            "0.143. Decoded agrees to: where the FSC between the decoded map and theirs falls "
            "below 0.5."
        )
    return text


def suggestion_lines(found: "Suggestion") -> list[str]:
    """BIC by the number of Gaussians, above that of the best."""
    least = found.bic.min()
    text = ["Gaussians  BIC above the best"]
    text += [
        f"{k:>9} {bic - least:>15,.0f}{'  <- best' if bic == least else ''}"
        for k, bic in zip(found.k, found.bic, strict=True)
    ]
    return [*text, "", found.sentence()]
