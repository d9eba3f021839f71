"""One optimiser step, and what happens when it gives NaN or the memory runs out."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_conformix.errors import UserError
from napari_conformix.runs import is_out_of_memory
from napari_conformix.training.contract import Batch, Method

if TYPE_CHECKING:
    from lightning_fabric import Fabric

#: a run with this many useless steps in a row, or this share of an epoch, has diverged
MOST_IN_A_ROW = 50
MOST_OF_AN_EPOCH = 0.2


@dataclass(frozen=True)
class StepResult:
    """Loss terms of one step (0-d tensors) and how many particles they are the mean of."""

    terms: dict[str, torch.Tensor]
    count: int


class Stepper:
    """Trains on batches, skips steps that are not finite, and shrinks batches that do not fit.

    `batch_size` is halved whenever a step runs out of memory; batches that were read with the old
    size are cut. `messages` collects sentences for the user, emptied by whoever shows them.
    """

    def __init__(self, method: Method, fabric: "Fabric", batch_size: int) -> None:
        self.method = method
        self.fabric = fabric
        self.batch_size = batch_size
        self.messages: list[str] = []
        self.skipped = 0
        self._skipped_in_a_row = 0
        self._steps_of_epoch = 0

    def start_epoch(self, steps: int) -> None:
        """Begin counting from 0.

        Parameters
        ----------
        steps : int
            Number of the steps to come.
        """
        self.skipped = 0
        self._steps_of_epoch = steps

    def step(self, batch: Batch, half: int, *, held_out: bool = False) -> list[StepResult]:
        """Train on one batch, in pieces when it is larger than `batch_size` by now.

        Parameters
        ----------
        batch : Batch
            Particles of that half.
        half : int
            1 or 2; 0 of a method with one model.
        held_out : bool
            Held-out particles, for the method's `held_out_step`.

        Returns
        -------
        list of StepResult
            One for each piece; none for a step that was skipped.

        Raises
        ------
        UserError
            If too many steps were not finite, or one particle does not fit in memory.
        """
        results = []
        waiting = [batch]
        while waiting:
            piece = waiting.pop(0)
            if len(piece) > self.batch_size:
                waiting[:0] = split_batch(piece, self.batch_size)
                continue
            try:
                terms = self._step(piece, half, held_out)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink(len(piece), half)
                waiting.insert(0, piece)
                continue
            if terms is not None:
                results.append(StepResult(terms, len(piece)))
        return results

    def _step(self, batch: Batch, half: int, held_out: bool) -> dict[str, torch.Tensor] | None:
        """Loss terms, or None when the step was skipped."""
        optimizers = self.method.optimizers(half)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        with self.fabric.autocast():
            train = self.method.held_out_step if held_out else self.method.training_step
            terms = train(batch, half)
        if terms is None:
            return None
        loss = terms["loss"]
        self.fabric.backward(loss)
        if not _is_finite(loss, optimizers):
            self._count_skip()
            return None
        for optimizer in optimizers:
            optimizer.step()
        self._skipped_in_a_row = 0
        return {name: value.detach() for name, value in terms.items()}

    def _count_skip(self) -> None:
        self.skipped += 1
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= MOST_IN_A_ROW:
            raise UserError(
                f"{MOST_IN_A_ROW} training steps in a row gave a loss or gradient that is not a "
                "finite number. Lower the learning rate, and check the images for NaN and for "
                "grey values out of the ordinary (normalise_images brings them to one scale)."
            )
        if self.skipped > max(1.0, MOST_OF_AN_EPOCH * self._steps_of_epoch):
            raise UserError(
                f"More than {MOST_OF_AN_EPOCH:.0%} of the steps of one epoch ({self.skipped} of "
                f"{self._steps_of_epoch}) gave a loss or gradient that is not a finite number. "
                "Lower the learning rate, or check the images for NaN."
            )

    def _shrink(self, count: int, half: int) -> None:
        """Halve the batch after a step of `count` particles ran out of memory."""
        for optimizer in self.method.optimizers(half):
            optimizer.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if count <= 1:
            raise UserError(
                "The memory does not suffice for a training step with a single particle. Choose "
                "a smaller working_box or a smaller model, or another device."
            )
        self.batch_size = count // 2
        self.messages.append(
            f"A batch of {count} particles did not fit in memory; "
            f"going on with batches of {self.batch_size}."
        )


def split_batch(batch: Batch, size: int) -> list[Batch]:
    """Cut a batch into pieces.

    Parameters
    ----------
    batch : Batch
        Any number of particles.
    size : int
        Most particles of a piece.

    Returns
    -------
    list of Batch
        In the same order.
    """
    pieces = zip(*(torch.split(tensor, size) for tensor in vars(batch).values()), strict=True)
    return [Batch(**dict(zip(vars(batch), piece, strict=True))) for piece in pieces]


@contextlib.contextmanager
def inference(fabric: "Fabric") -> Iterator[None]:
    """Without gradients, in the run's precision.

    Parameters
    ----------
    fabric : lightning_fabric.Fabric
        Of the run.

    Yields
    ------
    None
        To compute in the block.
    """
    with torch.no_grad(), fabric.autocast():
        yield


def _is_finite(loss: torch.Tensor, optimizers: list[torch.optim.Optimizer]) -> bool:
    """One number decides, so that a GPU is waited for once a step."""
    gradients = [
        parameter.grad.coalesce().values() if parameter.grad.is_sparse else parameter.grad
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    total = loss.detach().float()
    if gradients:
        norms = torch._foreach_norm(gradients, 1)
        total = total + torch.stack([n.float().to(total.device) for n in norms]).sum()
    return bool(torch.isfinite(total))
