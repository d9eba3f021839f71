"""What the axes of a latent space view can be: those of a space, or any two columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from napari_conformix.analysis.spaces import particle_values, views
from napari_conformix.widgets.parts import Entry

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.analysis.spaces import Space
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.latent_table import LatentTable

Groups = list[tuple[str, list[Entry]]]
Motions = Callable[[], "MotionTable | None"]


def axis_groups(key: str, latents: LatentTable, made: dict[str, Space]) -> Groups:
    """The axes of a space by their places; `made` are spaces that cannot be known from the key."""
    if key in made:
        names = made[key].axes
    else:
        word = {"mot": "Motion", "pca": "PC", "lat": "Latent"}[key[:3]]
        table = latents.motion if key == "motion" else latents.mean
        names = tuple(f"{word} {i + 1}" for i in range(table.shape[1]))
    return [("", [Entry(name, i) for i, name in enumerate(names)])]


def column_groups(latents: LatentTable, particles: ParticleSet | None, motions: Motions) -> Groups:
    """Everything with numbers, by its name, under headings."""
    groups: dict[str, list[Entry]] = {}
    for one in particle_values.quantities(latents, particles, motions):
        if particle_values.may_be_axis(one):
            unit = f"Unit: {one.unit}." if one.unit else ""
            tip = " ".join(filter(None, (one.meaning, unit)))
            groups.setdefault(one.group, []).append(Entry(one.name, one.name, tip))
    return list(groups.items())


def columns_of(
    x: str, y: str, latents: LatentTable, particles: ParticleSet | None, motions: Motions
) -> Callable[[], Space]:
    """What makes the space of two columns, in a worker. UserError where one has no numbers."""
    find = partial(particle_values.quantity, latents=latents, particles=particles, motions=motions)

    def make() -> Space:
        one, two = find(x), find(y)
        values = (one.values(), two.values())
        return views.columns(latents, (x, y), values, (one.unit, two.unit))

    return make
