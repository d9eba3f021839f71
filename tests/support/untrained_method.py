"""What a method must define and a test of the analysis does not use."""

from typing import Any, ClassVar

import torch

from napari_conformix.training.contract import Batch, Method
from napari_conformix.training.settings import TrainingSettings


class Untrained(Method):
    """A method that is not trained here: whoever derives from it defines what is asked of it."""

    Settings: ClassVar[type[TrainingSettings]] = TrainingSettings

    def initialise(self, consensus: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
        raise NotImplementedError

    def optimizers(self, half: int) -> list[torch.optim.Optimizer]:
        raise NotImplementedError

    def training_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def validation_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def encode(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        raise NotImplementedError

    def decode(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        raise NotImplementedError

    def state(self) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        raise NotImplementedError

    def memory_bytes(self, batch_size: int) -> int:
        raise NotImplementedError
