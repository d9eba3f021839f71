"""What happens in a training, one JSON object a line of `events.jsonl` (design, section 3)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from napari_conformix.runs import Event, Failed, Warning, layout, parser, to_line

__all__ = [
    "FIRST_PASS",
    "OF_THE_LOOP",
    "AnyEvent",
    "Checkpoint",
    "Epoch",
    "Event",
    "Failed",
    "Finished",
    "Latents",
    "Notice",
    "Number",
    "Paused",
    "Preparing",
    "Quantity",
    "Started",
    "Step",
    "Terms",
    "Unpaused",
    "Volume",
    "Warning",
    "from_line",
    "quantity_of",
    "to_line",
]

#: A number that may be NaN or infinite in memory; JSON has neither, so both are written as null
#: and null is read as NaN.
Number = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(lambda value: value if math.isfinite(value) else None, when_used="json"),
]
#: the phase of steps that show every particle to a method before epoch 1
FIRST_PASS = "first look at every particle"
#: half -> loss term -> mean
Terms = dict[str, dict[str, Number]]


class Preparing(Event):
    """Progress of work before the first epoch, for example reading the images."""

    kind: Literal["preparing"] = "preparing"
    message: str
    done: int = 0
    total: int = 0


class Started(Event):
    """A trainer begins, or goes on after `--resume`."""

    kind: Literal["started"] = "started"
    versions: dict[str, str] = Field(default={})
    device: str
    host: str = ""
    pid: int = 0
    particles: int
    training_particles: dict[str, int] = Field(default={}, description="by half, '1' and '2'")
    validation_particles: int = 0
    epochs: int
    first_epoch: int = Field(1, description="the first epoch to be trained; above 1 on resume")
    batch_size: int
    estimated_seconds: float | None = None
    estimated_memory_bytes: int | None = None
    headline: str = Field("loss", description="the loss term to be shown first on the curves")
    headline_label: str = Field("Loss", description="that term in words, for the curve's axis")
    chooses_epoch: bool = Field(
        False, description="whether the run's result is its best epoch instead of its last"
    )
    facts: dict[str, Any] = Field(default={}, description="what the method says of its set-up")


class Step(Event):
    """Progress within an epoch, at most about twice a second."""

    kind: Literal["step"] = "step"
    epoch: int
    phase: str = "training"
    done: int = Field(description="particles done in this epoch, all halves")
    total: int = Field(description="particles of this epoch, all halves")
    terms: Terms = Field(
        default={}, description="half -> loss term -> mean since the last step event"
    )
    images_per_second: float | None = None
    eta_seconds: float | None = Field(None, description="to the end of the run")
    memory_bytes: int | None = None


class Epoch(Event):
    """The end of an epoch."""

    kind: Literal["epoch"] = "epoch"
    epoch: int
    epochs: int
    phase: str = "training"
    train: Terms = Field(description="half -> loss term -> mean")
    validation: Terms = Field(description="half -> loss term -> mean")
    headline: str = Field("loss", description="the term to show: comparable between epochs")
    scalars: dict[str, Number] = Field(default={}, description="lambda, noise and the like")
    curves: dict[str, list[Number]] = Field(
        default={}, description="values by Fourier shell, 0 to working_box // 2: the noise's power"
    )
    learning_rates: dict[str, Number] = Field(default={})
    skipped_steps: int = Field(0, description="steps left out because they gave NaN")
    images_per_second: float | None = None
    seconds: float = 0.0
    eta_seconds: float | None = None
    memory_bytes: int | None = None


class Checkpoint(Event):
    """A checkpoint is complete on disk; `path` is relative to the job folder."""

    kind: Literal["checkpoint"] = "checkpoint"
    epoch: int
    path: str
    best: bool = False


class Latents(Event):
    """`latents.npz` was rewritten."""

    kind: Literal["latents"] = "latents"
    epoch: int
    path: str = layout.LATENTS


class Volume(Event):
    """A decoded map was written for the live view; `path` is relative to the job folder."""

    kind: Literal["volume"] = "volume"
    epoch: int
    path: str
    half: int = 0


class Notice(Event):
    """Something that the method did as planned, such as a change of its reference."""

    kind: Literal["notice"] = "notice"
    epoch: int
    message: str


class Paused(Event):
    """The run waits while the file PAUSE exists."""

    kind: Literal["paused"] = "paused"
    epoch: int


class Unpaused(Event):
    """The run goes on after a pause."""

    kind: Literal["unpaused"] = "unpaused"
    epoch: int


class Finished(Event):
    """The run ended: all epochs, the stop rule, or the user's Stop."""

    kind: Literal["finished"] = "finished"
    epoch: int
    reason: Literal["completed", "stopped", "converged"] = "completed"
    best_epoch: int | None = None
    chosen_epoch: int | None = Field(
        None, description="the epoch that latents and decoded maps are of, when one was chosen"
    )


AnyEvent = Annotated[
    Preparing
    | Started
    | Step
    | Epoch
    | Checkpoint
    | Latents
    | Volume
    | Notice
    | Warning
    | Paused
    | Unpaused
    | Failed
    | Finished,
    Field(discriminator="kind"),
]
from_line = parser(AnyEvent)


# -- what the numbers are called ------------------------------------------------------------------

#: names in events end so where a number is in A
_IN_ANGSTROM = "_angstrom"


@dataclass(frozen=True)
class Quantity:
    """A number of a run in words.

    title   what it is, for a list and an axis
    unit    'A' or words; '' without one
    note    what must be known to read its curve; mostly ''
    """

    title: str
    unit: str = ""
    note: str = ""

    def label(self) -> str:
        """'Gaussian width (Å)'."""
        unit = "Å" if self.unit == "A" else self.unit
        return f"{self.title} ({unit})" if unit else self.title


#: what the training loop itself writes, whatever the method
OF_THE_LOOP: Mapping[str, Quantity] = {
    "loss": Quantity("Loss: all terms, weighted"),
    "held_out": Quantity("Loss of held-out particles (encoder only)"),
    "learning_rate": Quantity("Learning rate"),
}


def quantity_of(name: str, of_the_method: Mapping[str, Quantity]) -> Quantity:
    """What a name in the events stands for: by the method, by the loop, or by the name alone."""
    known = of_the_method.get(name) or OF_THE_LOOP.get(name)
    if known is not None:
        return known
    if name.startswith("learning_rate "):
        group = name.removeprefix("learning_rate ")
        return Quantity(f"Learning rate: {'group ' if group[0].isdigit() else ''}{group}")
    bare = name.removesuffix(_IN_ANGSTROM)
    return Quantity(bare.replace("_", " ").capitalize(), "A" if bare != name else "")
