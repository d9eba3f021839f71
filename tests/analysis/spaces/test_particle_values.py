"""What is known of particles by name, and views of any two of these."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_conformix.analysis.spaces import particle_values, unit_of, views
from napari_conformix.errors import UserError
from napari_conformix.training.latent_table import LatentTable

RNG = np.random.default_rng(3)
COUNT = 400


def two_halves() -> LatentTable:
    """As of a method with two models, with motions in A."""
    mean = RNG.normal(size=(COUNT, 3)).astype(np.float32) * [3, 2, 1]
    half = np.repeat([1, 2], COUNT // 2).astype(np.int8)
    return LatentTable(
        mean.astype(np.float32),
        np.full((COUNT, 3), 0.5, np.float32),
        half,
        np.zeros(COUNT, bool),
        7,
        RNG.normal(size=(COUNT, 2)).astype(np.float32),
        "A",
    )


def one_model() -> LatentTable:
    table = two_halves()
    return LatentTable(
        table.mean,
        np.full((COUNT, 3), np.nan, np.float32),
        np.zeros(COUNT, np.int8),
        table.validation,
        7,
    )


class Columns:
    """A particle file."""

    columns = ("rlnDefocusU", "rlnMicrographName")

    def column(self, name: str) -> np.ndarray:
        if name == "rlnDefocusU":
            return np.linspace(8000, 20000, COUNT)
        return np.array(["a.mrc"] * COUNT, dtype=object)


def test_a_component_is_that_of_one_half_alone() -> None:
    table = two_halves()
    values = particle_values.quantity("PC 1 of half 2", table).values()
    mine = table.half == 2
    assert np.isnan(values[~mine]).all()
    own = table.mean[mine] - table.mean[mine].mean(axis=0)
    expected = own @ np.linalg.svd(own, full_matrices=False)[2][0]
    assert abs(np.corrcoef(values[mine], expected)[0, 1]) == pytest.approx(1, abs=1e-5)
    latent = particle_values.quantity("latent 3 of half 2", table).values()
    np.testing.assert_array_equal(latent[mine], table.mean[mine, 2])


def test_what_a_job_does_not_have_is_not_offered() -> None:
    names = [one.name for one in particle_values.quantities(one_model(), Columns())]
    assert "PC 1" in names
    assert "latent 3" in names
    assert "rlnMicrographName" in names
    assert not any(name.startswith(("motion", "amount", "uncertainty")) for name in names)
    with pytest.raises(UserError, match="Nothing is called 'motion 1'"):
        particle_values.quantity("motion 1", one_model(), Columns())


def test_numbers_of_the_table_of_motions() -> None:
    table = SimpleNamespace(
        rms_displacement=np.arange(COUNT, dtype=np.float32),
        estimated_error=np.full(COUNT, 2.0, np.float32),
        estimated_ratio=np.arange(COUNT, dtype=np.float32) / 2,
    )
    of = {
        name: particle_values.quantity(name, two_halves(), None, lambda: table)
        for name in particle_values.NEEDS_MOTIONS
    }
    np.testing.assert_array_equal(of["amount of motion"].values(), table.rms_displacement)
    assert of["motion / error"].values().max() == particle_values.MOST_RATIO
    assert of["error of the motion"].unit == "Å RMS"
    waiting = particle_values.quantity("amount of motion", two_halves(), None, lambda: None)
    with pytest.raises(UserError, match="not computed yet"):
        waiting.values()


def test_the_uncertainty_is_the_root_mean_square_of_the_standard_deviations() -> None:
    values = particle_values.quantity("uncertainty of the latent", two_halves()).values()
    np.testing.assert_allclose(values, 0.5)


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("rlnDefocusU", "Å"),
        ("rlnDefocusAngle", "°"),
        ("rlnCtfBfactor", "Å²"),
        ("rlnOriginXAngst", "Å"),
        ("rlnOriginX", "px"),
        ("ctf/df1_A", "Å"),
        ("ctf/df_angle_rad", "rad"),
        ("ctf/accel_kv", "kV"),
        ("rlnClassNumber", ""),
    ],
)
def test_units(column: str, unit: str) -> None:
    assert unit_of(column) == unit


# -- maps of two columns --------------------------------------------------------------------------


def columns_view(x: str, y: str, table: LatentTable) -> views.LatentView:
    one, two = (particle_values.quantity(name, table, Columns()) for name in (x, y))
    values = (one.values(), two.values())
    space = views.columns(table, (x, y), values, (one.unit, two.unit))
    return views.view(space, (0, 1), "all", table)


def test_particles_without_one_of_the_numbers_have_no_place() -> None:
    table = two_halves()
    view = columns_view("latent 1 of half 1", "motion 1", table)
    assert np.array_equal(view.rows, np.flatnonzero(table.half == 1))
    np.testing.assert_array_equal(view.xy[:, 1], table.motion[view.rows, 0])
    assert view.space.axis_label(1) == "motion 1 (Å RMS)"
    with pytest.raises(UserError, match="No particle has both"):
        columns_view("latent 1 of half 1", "latent 1 of half 2", table)
    with pytest.raises(UserError, match="rlnMicrographName has words"):
        columns_view("rlnMicrographName", "motion 1", table)


def test_nearest_is_nearest_as_it_is_drawn() -> None:
    """In A the defocus is thousands of times longer than the motion, and must not rule."""
    table = two_halves()
    view = columns_view("motion 1", "rlnDefocusU", table)
    low, high = view.extent
    assert view.stretch == pytest.approx((high[0] - low[0]) / (high[1] - low[1]), rel=1e-6)
    place = (0.5, 14000.0)
    scaled = (view.xy - place) * [1.0, view.stretch]
    expected = view.rows[np.square(scaled).sum(axis=1).argmin()]
    assert view.row_near(place) == expected
    nearby = np.linalg.norm(scaled, axis=1) <= view.nearby_radius
    assert view.spot(place, 1).nearby == np.count_nonzero(nearby & (view.row_half == 1))


def test_axes_of_one_kind_keep_one_scale() -> None:
    table = two_halves()
    assert columns_view("latent 1 of half 1", "latent 2 of half 1", table).stretch == 1.0
    assert columns_view("motion 1", "motion 2", table).stretch == 1.0
    assert columns_view("motion 1", "rlnDefocusU", table).stretch != 1.0


def test_there_is_no_way_back_but_through_particles() -> None:
    """The latent that is decoded is a mean of those of the nearest particles of that half."""
    table = one_model()
    view = columns_view("latent 1", "rlnDefocusU", table)
    place = view.place_of(int(view.rows[17]))
    spot = view.spot(place, 0)
    assert spot.half == 0
    assert view.space.inverse is None
    away = np.square((view.xy - place) * [1.0, view.stretch]).sum(axis=1)
    near = table.mean[view.rows[np.argsort(away)[:16]]]
    assert (spot.latent >= near.min(axis=0)).all()
    assert (spot.latent <= near.max(axis=0)).all()
    assert np.linalg.norm(spot.latent - near.mean(axis=0)) < near.std()
