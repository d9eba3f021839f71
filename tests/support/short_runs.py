"""What a short run of the shared loop needs: particles of a scene, and a user who presses Stop."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class FirstParticles:
    """The first `count` particles of a scene, as the loop asks for them."""

    def __init__(self, scene: Any, count: int) -> None:
        self.batch = scene.batch
        self.rotation = scene.rotation[:count].numpy()

    def __len__(self) -> int:
        return len(self.rotation)

    def prepare(self) -> Iterator[Any]:
        return iter(())


@dataclass
class StopAfter:
    """A user who presses Stop once `stopped` is set."""

    stopped: bool = False

    def stop_requested(self) -> bool:
        return self.stopped

    def pause_requested(self) -> bool:
        return False
