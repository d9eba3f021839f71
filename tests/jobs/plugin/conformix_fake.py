"""Tiny methods for the tests: linear auto-encoders, with faults to order.

They draw random numbers, keep a schedule in their state and use Adam, so that a resumed run equals
an uninterrupted one only if all of that is restored.
"""

import time
from typing import Any, ClassVar

import torch
from torch import nn

from napari_conformix.training.contract import Batch, Method, Sampler
from napari_conformix.training.settings import TrainingSettings, setting


class LinearSettings(TrainingSettings):
    presets: ClassVar[dict[str, dict[str, Any]]] = {"standard": {}, "quick": {"epochs": 2}}

    latent_dim: int = setting(2, "Latent dimensions", ge=1)
    learning_rate: float = setting(1e-2, "Adam's step", gt=0)
    step_seconds: float = setting(0.0, "Each step sleeps so long", ge=0)
    nan_every: int = setting(0, "Every n-th step gives NaN; 1: all of them", ge=0)
    nan_gradient: bool = setting(False, "The NaN is in the gradient, not in the loss")
    fits: int = setting(10_000, "A step with more particles runs out of memory", ge=0)
    raise_in_epoch: int = setting(0, "start_epoch of this epoch raises", ge=0)


class _Half(nn.Module):
    def __init__(self, pixels: int, d: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(pixels, 2 * d)
        self.decoder = nn.Linear(d, pixels)


class _NanGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * float("nan")


class Linear(Method):
    name = "linear"
    title = "Linear test method"
    Settings = LinearSettings
    independent_halves = True
    has_displacement = True
    features_unit = "A"

    def __init__(self, settings: Any, frame: Any, device: torch.device | str = "cpu") -> None:
        super().__init__(settings, frame, device)
        pixels = frame.working_box**2
        self.models = {h: _Half(pixels, settings.latent_dim).to(device) for h in self.halves}
        self.adam = {
            h: torch.optim.Adam(m.parameters(), lr=settings.learning_rate)
            for h, m in self.models.items()
        }
        self.weight = 0.0
        self.steps = 0
        self.seen: list[tuple[str, int, list[int]]] = []

    @property
    def latent_dim(self) -> int:
        return int(self.settings.latent_dim)

    def initialise(self, consensus: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
        for model in self.models.values():
            for parameter in model.parameters():
                nn.init.normal_(parameter, std=0.05)
        return {"consensus_sum": float(consensus.sum())}

    def optimizers(self, half: int) -> list[torch.optim.Optimizer]:
        return [self.adam[half]]

    def start_epoch(self, epoch: int, sampler: Sampler) -> dict[str, float]:
        if epoch == self.settings.raise_in_epoch:
            raise ValueError("as ordered")
        sigma = [b.images.std() for b in sampler(self.halves[0], "train", 8)]
        self.weight = 0.5 * self.weight + float(torch.stack(sigma).mean())
        return {"weight": self.weight}

    def _terms(self, batch: Batch, half: int, sample: bool) -> dict[str, torch.Tensor]:
        if len(batch) > self.settings.fits:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate")
        model = self.models[half]
        flat = batch.images.flatten(1)
        mean, log_std = model.encoder(flat).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * log_std.exp() if sample else mean
        data = (model.decoder(z) - flat).square().mean()
        return {"loss": data + 1e-3 * self.weight * mean.square().mean(), "data": data}

    def training_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        time.sleep(self.settings.step_seconds)
        self.seen.append(("train", half, batch.index.tolist()))
        terms = self._terms(batch, half, sample=True)
        self.steps += 1
        if self.settings.nan_every and self.steps % self.settings.nan_every == 0:
            loss = terms["loss"]
            bad = _NanGradient.apply(loss) if self.settings.nan_gradient else loss * float("nan")
            terms["loss"] = bad
        return terms

    def held_out_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        self.seen.append(("held_out", half, batch.index.tolist()))
        decoder = self.models[half].decoder.requires_grad_(False)
        terms = self._terms(batch, half, sample=True)
        decoder.requires_grad_(True)
        return terms

    def validation_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        self.seen.append(("validate", half, batch.index.tolist()))
        return self._terms(batch, half, sample=False)

    def encode(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_std = self.models[half].encoder(batch.images.flatten(1)).chunk(2, dim=1)
        return mean, log_std.exp()

    def decode(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        box = self.frame.box
        value = self.models[half].decoder(latent).mean(1)
        return value[:, None, None, None].expand(-1, box, box, box)

    def displacement(
        self, latent: torch.Tensor, positions: torch.Tensor, half: int
    ) -> torch.Tensor:
        return latent[:, :1, None] * positions[None]

    def features(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        return self.models[half].decoder(latent)

    def state(self) -> dict[str, torch.Tensor]:
        return {
            f"half{h}.{name}": value
            for h, model in self.models.items()
            for name, value in model.state_dict().items()
        }

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        for h, model in self.models.items():
            prefix = f"half{h}."
            model.load_state_dict(
                {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            )

    def resume_state(self) -> dict[str, Any]:
        return {
            "adam": {h: adam.state_dict() for h, adam in self.adam.items()},
            "weight": self.weight,
            "steps": self.steps,
        }

    def load_resume_state(self, state: dict[str, Any]) -> None:
        for h, adam in self.adam.items():
            adam.load_state_dict(state["adam"][h])
        self.weight = state["weight"]
        self.steps = state["steps"]

    def memory_bytes(self, batch_size: int) -> int:
        return 1000 * batch_size


class LinearWhole(Linear):
    """One model for all particles."""

    name = "linear_whole"
    independent_halves = False


class VoxelsSettings(LinearSettings):
    worse_after: int = setting(0, "The validation loss rises after this epoch; 0: never", ge=0)


class Voxels(LinearWhole):
    """One model without displacements, which keeps something of every particle, trains on batches
    of one class, anneals a weight over the run and ends on its best epoch."""

    name = "voxels"
    title = "Voxel test method"
    Settings = VoxelsSettings
    has_displacement = False
    displacement = Method.displacement
    headline = "data"
    headline_label = "Image power not explained"
    scalar_terms = ("annealing",)
    chooses_epoch = True
    needs_first_pass = True

    def __init__(self, settings: Any, frame: Any, device: torch.device | str = "cpu") -> None:
        super().__init__(settings, frame, device)
        self.epochs_done: list[float] = []
        self.epoch = 0
        self.bank = torch.zeros(0, self.latent_dim)

    def initialise(self, consensus: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
        self.bank = torch.full((self.particles, self.latent_dim), float("nan"))
        return super().initialise(consensus, mask)

    def batch_classes(self, rotation: Any) -> Any:
        return (rotation[:, 2, 2] > 0).astype("int64")  # looking from above or from below

    def first_pass(self, batch: Batch, half: int) -> None:
        time.sleep(self.settings.step_seconds)
        self.seen.append(("first pass", half, batch.index.tolist()))
        self.bank[batch.index] = self.encode(batch, half)[0]

    def begin_step(self, epochs_done: float) -> None:
        self.epochs_done.append(epochs_done)

    def start_epoch(self, epoch: int, sampler: Sampler) -> dict[str, float]:
        self.epoch = epoch
        return super().start_epoch(epoch, sampler)

    def training_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        terms = super().training_step(batch, half)
        known = self.bank[batch.index].nan_to_num()
        with torch.no_grad():
            self.bank[batch.index] = 0.7 * known + 0.3 * self.encode(batch, half)[0]
        weight = torch.tensor(self.epochs_done[-1] / self.settings.epochs)
        prior = 1e-3 * weight * self.bank.nan_to_num().square().mean()
        return terms | {"loss": terms["loss"] + prior, "prior": prior, "annealing": weight}

    held_out_step = Method.held_out_step

    def validation_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        terms = super().validation_step(batch, half)
        turn = self.settings.worse_after
        if turn and self.epoch > turn:
            terms["data"] = terms["data"] + self.epoch - turn
        return terms

    def state(self) -> dict[str, torch.Tensor]:
        return super().state() | {"bank": self.bank}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        self.bank = state["bank"].clone()
        super().load_state(state)
