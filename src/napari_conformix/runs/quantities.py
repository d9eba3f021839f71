"""What the numbers in a run's events are called: loss terms, scalars, and curves by shell."""

from collections.abc import Mapping
from dataclasses import dataclass

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
