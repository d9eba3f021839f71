"""A run in this process: everything between `job.toml` and the training loop."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import JobSpec, load_or_make_split, read_inputs
from napari_conformix.runs import (
    Event,
    EventReader,
    Failed,
    FolderControl,
    Warning,
    guarded,
    layout,
    lock,
    run_in_folder,
)
from napari_conformix.training.checkpoints import CheckpointFolder
from napari_conformix.training.events import (
    Epoch,
    Finished,
    Notice,
    Preparing,
    Started,
    Step,
    from_line,
)

if TYPE_CHECKING:
    import torch


def check_can_train(folder: Path, *, resume: bool, epochs: int | None) -> None:
    """UserError when a trainer is at work, when training again would overwrite a result, or when
    nothing is left to be done."""
    lock.refuse_if_taken(folder)
    last = CheckpointFolder(folder / layout.CHECKPOINTS).last()
    wanted = epochs or JobSpec.read(folder / layout.SPEC).settings.get("epochs", 0)
    if last is not None and last >= wanted and (folder / layout.SUCCESS).exists():
        raise UserError(
            f"{folder} has been trained for {last} epochs, and {wanted} were asked for. To go on, "
            f"ask for more: `conformix train {folder} --resume --epochs {last + 20}`."
        )
    if last is not None and not resume:
        raise UserError(
            f"{folder} has been trained for {last} epoch(s) already. Go on with "
            f"`conformix train {folder} --resume`, or make a new job to start afresh."
        )


def run_training(
    folder: Path,
    *,
    device: str = "auto",
    epochs: int | None = None,
    resume: bool = False,
    launched: bool = False,
) -> Iterator[Event]:
    """Train the job in `folder`, writing and yielding its events.

    Ctrl-C, SIGTERM and the file RELION_JOB_ABORT_NOW stop it after the current step. The last
    event is `finished` or `failed`, and a marker file says the same. Raises UserError before
    anything is written when another trainer is at work or there is nothing to be done.

    `launched` says that the launcher took the lock in this process's name; it has cleared the
    traces of the last run too, and a stop may have been asked for since.
    """
    spec = JobSpec.read(folder / layout.SPEC)

    def work(control: FolderControl) -> Iterator[Event]:
        trained = _train(folder, spec, control, device, epochs, resume)
        return guarded(trained, folder, _what_stands(folder), "Choose a smaller working_box")

    yield from run_in_folder(
        folder,
        work,
        check=lambda: check_can_train(folder, resume=resume, epochs=epochs),
        succeeded=lambda event: isinstance(event, Finished) and event.reason != "stopped",
        launched=launched,
    )


def _what_stands(folder: Path) -> Callable[[str], str]:
    def go_on(advice: str) -> str:
        last = CheckpointFolder(folder / layout.CHECKPOINTS).last()
        if last is None:
            return f"No epoch was complete yet. {advice}, then train again."
        return f"The checkpoint of epoch {last} stands. {advice}, then resume."

    return go_on


def _asked_before(folder: Path) -> int:
    """Up to which epoch the last run was to train; 0 where there was none."""
    runs = [
        e
        for e in EventReader(folder / layout.EVENTS, parse=from_line).read_new()
        if isinstance(e, Started)
    ]
    return runs[-1].epochs if runs else 0


def _train(
    folder: Path,
    spec: JobSpec,
    control: FolderControl,
    device: str,
    epochs: int | None,
    resume: bool,
) -> Iterator[Event]:
    import torch

    from napari_conformix.methods import method_class
    from napari_conformix.training.batches import TrainingData
    from napari_conformix.training.devices import make_fabric
    from napari_conformix.training.loop import train

    settings = spec.validated_settings()
    if epochs is None and resume:
        epochs = max(settings.epochs, _asked_before(folder))
    if epochs is not None:
        settings = settings.model_copy(update={"epochs": epochs})
    fabric = make_fabric(device, settings)
    particles = read_inputs(spec)
    kind = method_class(spec.method)
    torch.manual_seed(settings.seed)
    method = kind(settings, spec.grids.frame(), fabric.device)
    data = TrainingData(
        particles,
        spec.grids.frame(),
        settings,
        cache_folder=folder / layout.CACHE,
        pin_memory=fabric.device.type == "cuda",
    )
    consensus, mask = _maps(spec)
    yield Preparing(message=data.source_reason)
    for event in train(
        method,
        data,
        load_or_make_split(folder, particles, settings, kind.independent_halves),
        settings,
        folder=folder,
        fabric=fabric,
        control=control,
        consensus=consensus,
        mask=mask,
        resume=resume,
    ):
        if isinstance(event, Finished) and event.epoch:
            yield from _looked_over(folder, event.epoch)
        yield event


def _looked_over(folder: Path, epoch: int) -> Iterator[Event]:
    """Whether the latents that a run ends with follow how its particles were imaged."""
    from napari_conformix.jobs.checks import invariance
    from napari_conformix.jobs.folder import JobFolder

    if not (folder / layout.LATENTS).exists():
        return
    try:
        found = invariance(JobFolder.open(folder))
    except UserError as error:  # the run is done all the same
        yield Warning(message=f"The latents could not be checked: {error}")
        return
    if found.level == "strong":
        yield Warning(message=f"{found.sentence()} {found.advice}")
    elif found.level != "unknown":
        yield Notice(epoch=epoch, message=found.sentence())


def _maps(spec: JobSpec) -> "tuple[torch.Tensor, torch.Tensor | None]":
    import torch

    from napari_conformix.particles import read_map

    if spec.inputs.consensus is None:
        raise UserError("The job has no consensus map; make it again with --consensus map.mrc.")
    consensus = torch.from_numpy(read_map(spec.inputs.consensus)[0].copy())
    if spec.inputs.mask is None:
        return consensus, None
    return consensus, torch.from_numpy(read_map(spec.inputs.mask)[0].copy())


def in_words(event: Event) -> str | None:
    """A line for run.out; None for events that come too often."""
    if isinstance(event, Step) or (isinstance(event, Preparing) and event.total):
        return None
    if isinstance(event, Warning | Failed | Preparing):
        return f"{event.kind}: {event.message}"
    if isinstance(event, Epoch):
        losses = ", ".join(
            f"{terms.get(event.headline)}" + (f" (half {half})" if half != "0" else "")
            for half, terms in event.validation.items()
        )
        return f"epoch {event.epoch}/{event.epochs}: validation {event.headline} {losses}"
    fields = event.model_dump(mode="json", exclude={"time", "kind", "facts", "versions"})
    return f"{event.kind}: " + ", ".join(f"{key}={value}" for key, value in fields.items())
