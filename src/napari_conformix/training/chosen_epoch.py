"""The epoch that a run ends on: the one with the lowest validation loss, where a method says so.

As Luo et al. (2023) judge their runs by the epoch with the lowest reconstruction error on the
validation set; latents, maps and clusters all belong to that epoch. Going on starts from the last
epoch all the same.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """epoch, loss: the lowest validation headline and when; last, last_loss: of the last epoch."""

    epoch: int
    loss: float
    last: int
    last_loss: float
    label: str

    def sentence(self) -> str:
        """What was chosen and why, for the user.

        Returns
        -------
        str
            A sentence or two.
        """
        measure = f"{self.label[:1].lower()}{self.label[1:]} of held-out particles"
        if self.epoch == self.last:
            return (
                f"The result is that of the last epoch, {self.last}, where the {measure} was "
                f"lowest: {self.loss:.5g}."
            )
        return (
            f"The result is that of epoch {self.epoch}, where the {measure} was lowest: "
            f"{self.loss:.5g}, against {self.last_loss:.5g} in the last epoch, {self.last}. The "
            f"latent space view and decoded maps are of epoch {self.epoch}; training would go on "
            f"from "
            f"epoch {self.last}."
        )
