"""What a run would take, before there is a job: measured on a few particles, then thrown away.

It runs in a process of its own (`python -m napari_conformix.jobs.training.forecast`, a request as
JSON on standard input, the answer as JSON on standard output): a model in the window's process
would slow the window down and keep its memory on the GPU.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import Inputs

if TYPE_CHECKING:
    import torch
    from lightning_fabric import Fabric

    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.batches import Task
    from napari_conformix.training.contract import Frame, Method, Sampler
    from napari_conformix.training.estimate import Estimate
    from napari_conformix.training.settings import TrainingSettings
    from napari_conformix.training.split import Split

#: particles of a half that a method may ask for (for its noise) while it is measured
_MOST_SAMPLED = 64


@dataclass(frozen=True)
class Forecast:
    """Time and memory of a run on this machine.

    set_up_seconds   to begin: reading the images, and what the method does with the consensus
    epoch_seconds    of an epoch that trains everything
    facts            what the method said of its set-up
    size             what makes the run large, in words of the method
    """

    set_up_seconds: float
    epoch_seconds: float
    memory_bytes: int
    batch_size: int
    device: str
    facts: dict[str, Any]
    size: str = ""

    def seconds(self, epochs: int) -> float:
        """Of a whole run."""
        return self.set_up_seconds + epochs * self.epoch_seconds


class Forecaster:
    """One forecast at a time in a process of its own; a new one ends the one before."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def forecast(
        self, method: str, inputs: Inputs, settings: "TrainingSettings", device: str = "auto"
    ) -> Forecast | None:
        """Wait for the forecast of a run; None when :meth:`cancel` ended it. UserError when such
        a run could not begin."""
        self.cancel()
        request = {
            "method": method,
            "inputs": inputs.model_dump(mode="json"),
            "settings": settings.model_dump(mode="json"),
            "device": device,
        }
        command = [sys.executable, "-m", "napari_conformix.jobs.training.forecast"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            self._process = process
            out, err = process.communicate(json.dumps(request).encode())
        if process.returncode < 0:
            return None
        if process.returncode:
            last = err.decode(errors="replace").strip().splitlines()[-1:]
            raise UserError(" ".join(["Time and memory could not be measured.", *last]))
        answer = json.loads(out)
        if "problem" in answer:
            raise UserError(answer["problem"])
        return Forecast(**answer)

    def cancel(self) -> None:
        """End what is being measured."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()


def forecast_here(
    method: str, inputs: Inputs, settings: "TrainingSettings", device: str = "auto"
) -> Forecast:
    """Measure in this process; see :class:`Forecaster`."""
    import torch

    from napari_conformix.jobs.folder import unchecked_grids
    from napari_conformix.methods import method_class
    from napari_conformix.particles import read_particles
    from napari_conformix.training.devices import device_in_words, make_fabric
    from napari_conformix.training.estimate import choose_batch_size
    from napari_conformix.training.split import make_split

    kind = method_class(method)
    frame = unchecked_grids(inputs, settings).frame()
    particles = read_particles(
        inputs.particles, datadir=inputs.datadir, passthrough=inputs.passthrough
    )
    split = make_split(
        particles.half,
        independent_halves=kind.independent_halves,
        validation_fraction=settings.validation_fraction,
        seed=settings.seed,
        images=particles.image_key,
    )
    fabric = make_fabric(device, settings)
    torch.manual_seed(settings.seed)
    model = kind(settings, frame, fabric.device)
    model.particles = len(particles)
    begun = perf_counter()
    facts = model.initialise(*_maps(inputs))
    set_up = perf_counter() - begun
    smallest = min(len(split.rows(half, "train")) for half in model.halves)
    batch_size = choose_batch_size(model, settings.batch_size, smallest)
    reading, estimate = _measure(model, particles, split, fabric, batch_size)
    return Forecast(
        set_up_seconds=set_up + reading + estimate.first_pass_seconds,
        epoch_seconds=estimate.epoch_seconds,
        memory_bytes=estimate.memory_bytes + _images_in_memory(particles, frame, settings),
        batch_size=estimate.batch_size,
        device=device_in_words(fabric.device),
        facts=facts,
        size=kind.size_in_words(facts),
    )


def _maps(inputs: Inputs) -> "tuple[torch.Tensor, torch.Tensor | None]":
    import torch

    from napari_conformix.particles import read_map

    def tensor(path: Path) -> torch.Tensor:
        return torch.from_numpy(read_map(path)[0].copy())

    if inputs.consensus is None:
        raise UserError("A consensus map is needed; give one on the Data page.")
    return tensor(inputs.consensus), None if inputs.mask is None else tensor(inputs.mask)


def _measure(
    model: "Method", particles: "ParticleSet", split: "Split", fabric: "Fabric", batch_size: int
) -> "tuple[float, Estimate]":
    """Seconds to read all images, and the time of an epoch of all particles, from a few."""
    from napari_conformix.training.batches import TrainingData, epoch_tasks, make_sampler
    from napari_conformix.training.contract import Method
    from napari_conformix.training.estimate import MEASURED_STEPS, measure

    settings, halves = model.settings, model.halves
    seed, epoch = settings.seed, settings.epochs
    tasks = epoch_tasks(
        split,
        halves,
        batch_size,
        seed=seed,
        epoch=epoch,
        held_out=type(model).held_out_step is not Method.held_out_step,
        classes=model.batch_classes(particles.rotation),
    )
    measured = tasks[:MEASURED_STEPS]
    rows = _a_few(split, halves, measured)
    few = replace(split, half=split.half[rows], validation=split.validation[rows], images="")
    data = TrainingData(
        particles.subset(rows), model.frame, settings.model_copy(update={"images": "memory"})
    )
    begun = perf_counter()
    for _ in data.prepare():
        pass
    reading = (perf_counter() - begun) * len(particles) / len(rows)
    estimate = measure(
        model,
        data,
        [replace(task, rows=np.searchsorted(rows, task.rows)) for task in measured],
        fabric=fabric,
        batch_size=batch_size,
        epoch=epoch,
        sampler=_sparing(make_sampler(few, data.batch, batch_size, seed=seed, epoch=epoch)),
        trained=sum(len(task.rows) for task in tasks),
        particles=len(particles),
    )
    return reading, estimate


def _a_few(split: "Split", halves: tuple[int, ...], tasks: "list[Task]") -> NDArray[np.int64]:
    """Sorted rows: those of `tasks`, and for what a method asks of every half a few others."""
    random = np.random.default_rng(0)
    chosen = [task.rows for task in tasks]
    for half in halves:
        for subset in ("train", "validation"):
            rows = split.rows(half, subset)
            chosen.append(random.choice(rows, size=min(_MOST_SAMPLED, len(rows)), replace=False))
    return np.unique(np.concatenate(chosen))


def _sparing(sampler: "Sampler") -> "Sampler":
    """The same sampler, asked for fewer."""
    return lambda half, subset, count: sampler(half, subset, min(count, _MOST_SAMPLED))


def _images_in_memory(
    particles: "ParticleSet", frame: "Frame", settings: "TrainingSettings"
) -> int:
    """Bytes of the images on the working grid, where the run would keep them in memory."""
    from napari_conformix.training.batches import TrainingData

    data = TrainingData(particles, frame, settings)
    return len(particles) * frame.working_box**2 * 4 if data.source_name == "memory" else 0


def main() -> int:
    """Answer the request on standard input."""
    from napari_conformix.methods import method_class

    request = json.loads(sys.stdin.read())
    try:
        answer = asdict(
            forecast_here(
                request["method"],
                Inputs.model_validate(request["inputs"]),
                method_class(request["method"]).Settings.model_validate(request["settings"]),
                request["device"],
            )
        )
    except UserError as error:
        answer = {"problem": str(error)}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
