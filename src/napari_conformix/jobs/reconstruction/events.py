"""What happens in a reconstruction, one JSON object a line of its `events.jsonl`.

Next to the kinds below there are `warning` and `failed`, as in training.
"""

from typing import Annotated, Literal

from pydantic import Field

from napari_conformix.runs import Event, Failed, Warning, parser

#: in this order; 'fields' and 'inverse' only in deformed reconstructions
Phase = Literal[
    "preparing", "fields", "inverse", "back-projecting", "maps", "FSC", "local resolution", "report"
]


class ReconstructionStarted(Event):
    """Back-projection begins, or goes on after a pause, stop or kill.

    Said after the first batch, by which time and memory are estimated.
    """

    kind: Literal["started"] = "started"
    versions: dict[str, str] = Field(default={})
    device: str
    host: str = ""
    pid: int = 0
    deformed: bool
    epoch: int | None = Field(None, description="whose model and latents deform")
    particles: int
    half_particles: dict[str, int] = Field(default={}, description="by half, '1' and '2'")
    done: int = Field(0, description="particles that an earlier run had done")
    estimated_seconds: float | None = None
    estimated_memory_bytes: int | None = None


class ReconstructionProgress(Event):
    """Progress, at most about twice a second; counts are particles while back-projecting."""

    kind: Literal["progress"] = "progress"
    phase: Phase
    message: str = ""
    done: int = 0
    total: int = Field(0, description="0: not known")
    images_per_second: float | None = None
    eta_seconds: float | None = Field(None, description="to the end of this phase")
    memory_bytes: int | None = None


class SumsSaved(Event):
    """The sums so far are on disk: a kill from now on loses nothing of them."""

    kind: Literal["saved"] = "saved"
    done: int = Field(description="particles in them")


class ReconstructionPaused(Event):
    """The run waits while the file PAUSE exists."""

    kind: Literal["paused"] = "paused"
    done: int


class ReconstructionUnpaused(Event):
    """The run goes on after a pause."""

    kind: Literal["unpaused"] = "unpaused"
    done: int


class ReconstructionFinished(Event):
    """The run ended: the maps and the report are there, or the user stopped it."""

    kind: Literal["finished"] = "finished"
    reason: Literal["completed", "stopped"] = "completed"
    done: int = Field(description="particles")
    seconds: float = Field(0.0, description="of this run")
    resolution_angstrom: float | None = None
    plain_resolution_angstrom: float | None = None


ReconstructionEvent = Annotated[
    ReconstructionStarted
    | ReconstructionProgress
    | SumsSaved
    | ReconstructionPaused
    | ReconstructionUnpaused
    | ReconstructionFinished
    | Warning
    | Failed,
    Field(discriminator="kind"),
]
reconstruction_event = parser(ReconstructionEvent)
