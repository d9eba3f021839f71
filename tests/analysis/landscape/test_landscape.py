"""Landscapes of known densities: energies and their errors, minima, passes, and paths."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from napari_conformix.analysis.landscape import between_minima, contours, landscape
from napari_conformix.analysis.landscape.energy_path import least_energy_path
from napari_conformix.analysis.landscape.kernel_density import density
from napari_conformix.errors import UserError

SIX = np.array([(0, 0), (4, 0), (0, 4), (4, 4), (8, 0), (8, 4)], float)


def six_states(count, seed, share=None):
    random = np.random.default_rng(seed)
    state = random.choice(6, count, p=share)
    return SIX[state] + 0.6 * random.normal(size=(count, 2)), state


def two_wells(count, seed, height=3.0):
    """p = exp(-height (x^2 - 1)^2 - 2 y^2): minima at x = -1 and 1, the saddle at 0."""
    random = np.random.default_rng(seed)
    x = random.uniform(-2.5, 2.5, 12 * count)
    x = x[random.uniform(size=len(x)) < np.exp(-height * (x * x - 1) ** 2)][:count]
    assert len(x) == count
    return np.stack([x, 0.5 * random.normal(size=count)], axis=1)


def test_the_density_is_the_sum_of_kernels():
    xy = np.random.default_rng(0).normal(size=(500, 2))
    field = density(xy, width=0.4)
    rows, columns = field.counts.shape
    cells = np.array([(i, k) for i in range(0, rows, 7) for k in range(0, columns, 7)])
    at = field.centre(cells)
    kernel = np.exp(-((at[:, None] - xy[None]) ** 2).sum(axis=2) / (2 * 0.4**2))
    area = (field.x[1] - field.x[0]) * (field.y[1] - field.y[0])
    exact = kernel.sum(axis=1) * area / (2 * np.pi * 0.4**2)
    ours = field.first[cells[:, 0], cells[:, 1]]
    assert np.abs(ours - exact).max() < 0.04 * exact.max()  # cells are a third of the kernel
    square = (kernel**2).sum(axis=1) * (area / (2 * np.pi * 0.4**2)) ** 2
    assert np.abs(field.second[cells[:, 0], cells[:, 1]] - square).max() < 0.06 * square.max()
    assert field.total + field.outside == 500


def test_the_chosen_kernel_is_near_the_best_for_a_normal_distribution():
    # Scott's rule is optimal there: n^(-1/6) standard deviations
    for count in (500, 20_000):
        chosen = density(np.random.default_rng(1).normal(size=(count, 2))).width[0]
        assert 0.6 < chosen / count ** (-1 / 6) < 1.7
    # strays do not choose it
    random = np.random.default_rng(2)
    strays = np.concatenate([random.normal(size=(2000, 2)), random.uniform(-9, 9, (10, 2))])
    assert density(strays).width[0] < 0.6


def test_energies_are_those_of_a_normal_distribution():
    xy = np.random.default_rng(3).normal(size=(200_000, 2)) * (1.5, 1.0)
    found = landscape(xy)
    at = np.array([(0.0, 0), (1.5, 0), (0, 1), (2, 1), (-3, 0)])
    width = found.density.width[0]
    blurred = multivariate_normal([0, 0], np.diag([1.5**2, 1.0]) + width**2 * np.eye(2))
    expected = blurred.logpdf([0, 0]) - blurred.logpdf(at)
    cell = found.density.cell_of(at)
    error = found.error[cell[:, 0], cell[:, 1]]
    offset = found.energy_at(at)[0]  # the deepest cell is deeper than the centre by noise
    assert (np.abs(found.energy_at(at) - offset - expected) < 4 * np.hypot(error, 0.01)).all()
    assert np.isnan(found.energy_at([(30, 0), (0, 5.2)])).all()
    assert found.energy[np.isfinite(found.energy)].min() == 0


def test_errors_are_those_of_the_bootstrap():
    xy, _ = six_states(3000, 0)
    found = landscape(xy)
    field = found.density
    random = np.random.default_rng(0)
    deepest = np.unravel_index(np.nanargmin(found.energy), found.energy.shape)
    draws = []
    for _ in range(150):
        again = density(xy[random.integers(0, len(xy), len(xy))], like=field)
        draws.append(np.log(np.maximum(again.first, 1e-9) / again.first[deepest]))
    spread = np.std(draws, axis=0)
    well = np.isfinite(found.energy) & (found.error > 0.03) & (found.error < 0.25)
    ratio = spread[well] / found.error[well]
    assert well.sum() > 200
    assert np.median(ratio) == pytest.approx(1, abs=0.07)
    assert np.percentile(ratio, [2, 98]) == pytest.approx(1, abs=0.3)
    state = found.minima[1]
    cells = [tuple(field.cell_of(one.xy)[0]) for one in found.minima[:2]]
    assert state.error == pytest.approx(np.std([d[cells[1]] - d[cells[0]] for d in draws]), rel=0.2)


@pytest.mark.parametrize("shape", ["normal", "uniform", "line", "ring"])
@pytest.mark.parametrize("count", [300, 2000])
def test_noise_makes_no_states(shape, count):
    # each may fail once in a hundred; ten seeds of each with one failure allowed
    many = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        xy = random.normal(size=(count, 2))
        if shape == "uniform":
            xy = random.uniform(size=(count, 2))
        elif shape == "line":
            xy = np.stack([random.uniform(-3, 3, count), 0.2 * xy[:, 0]], axis=1)
        elif shape == "ring":
            angle = random.uniform(0, 2 * np.pi, count)
            xy = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.2 * xy
        many += len(landscape(xy).minima) != 1
    assert many <= 1


def test_six_states_are_found_with_their_shares_and_places():
    share = np.array([0.3, 0.2, 0.2, 0.15, 0.1, 0.05])
    for seed in range(3):
        xy, state = six_states(4000, seed, share)
        found = landscape(xy)
        assert len(found.minima) == 6
        assert found.minima[0].energy == 0
        for one in found.minima:
            true = int(np.linalg.norm(SIX - one.xy, axis=1).argmin())
            assert np.linalg.norm(SIX[true] - one.xy) < 0.35
            assert one.share == pytest.approx(share[true], abs=4 * one.share_error + 0.004)
            # all wells have one shape, so depths are those of the shares
            deep = -np.log(share[true] / share[0])
            assert one.energy == pytest.approx(deep, abs=3.5 * one.error + 0.15)
        named = found.state_of(xy)
        number = {int(np.linalg.norm(SIX - one.xy, axis=1).argmin()): one.number
                  for one in found.minima}  # fmt: skip
        assert np.mean(named == np.array([number[k] for k in range(6)])[state]) > 0.97


def test_far_apart_states_have_barriers_of_at_least_something():
    random = np.random.default_rng(0)
    xy = random.normal(size=(1000, 2))
    xy[:300, 0] += 20
    found = landscape(xy)
    assert len(found.minima) == 2
    for one in found.minima:
        assert one.at_least
        assert 1 < one.barrier < np.log(one.count)
        assert "at least" in one.sentence()
    way = between_minima(found, 1, 2)
    assert way.at_least
    assert np.isnan(way.energy).any()
    assert np.isfinite(way.energy[[0, -1]]).all()
    assert "not known" in way.sentence()


def test_the_pass_between_two_wells_is_where_it_must_be_and_as_high():
    heights, misses = [], []
    for seed in range(4):
        found = landscape(two_wells(20_000, seed))
        assert len(found.minima) == 2
        way = between_minima(found, 1, 2)
        assert abs(way.saddle[0]) < 0.3
        assert abs(way.saddle[1]) < 0.35
        assert np.sign(found.minima[0].xy[0]) == -np.sign(found.minima[1].xy[0])
        heights.append(way.barrier)
        misses.append((way.barrier - 3.0) / way.barrier_error)
        assert np.nanmax(way.energy) == pytest.approx(way.barrier, abs=0.15)
        # on the way the path stays in the valley
        assert np.abs(way.xy[:, 1]).max() < 0.5
        assert found.minima[0].barrier == pytest.approx(way.barrier, abs=0.05)
    assert np.abs(misses).max() < 3.5
    assert np.mean(heights) == pytest.approx(3.0, abs=0.35)


def test_a_path_goes_round_a_hill():
    random = np.random.default_rng(0)
    angle = random.vonmises(
        0, 0.3, 20_000
    )  # denser at angle 0: the way round the other side is dearer
    xy = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.3 * random.normal(
        size=(20_000, 2)
    )
    way = least_energy_path(landscape(xy), (0, 3), (0, -3))
    assert np.abs(np.linalg.norm(way.xy, axis=1) - 3).max() < 0.6
    assert way.xy[len(way.xy) // 2, 0] > 2.5
    assert np.linalg.norm(way.xy[0] - (0, 3)) < 1e-6


def test_contours_are_where_the_energy_is_so_high():
    found = landscape(np.random.default_rng(0).normal(size=(50_000, 2)))
    lines = contours(found, [1.0, 2.0])
    assert {level for level, _ in lines} == {1.0, 2.0}
    for level, line in lines:
        radius = np.linalg.norm(line, axis=1)
        expected = np.sqrt(2 * level * (1 + found.density.width[0] ** 2))
        assert np.median(radius) == pytest.approx(expected, rel=0.1)


def test_a_flat_bottom_is_called_flat_and_a_well_is_not():
    random = np.random.default_rng(0)
    well = random.normal(size=(5000, 2))
    valley = np.stack([random.uniform(-10, 10, 5000), well[:, 0]], axis=1)
    said = [any("flat" in text for text in landscape(xy).sentences()) for xy in (well, valley)]
    assert said == [False, True]


def test_two_halves_that_agree_and_two_that_do_not():
    random = np.random.default_rng(99)
    xy, _ = six_states(6000, 0)
    half = random.integers(1, 3, 6000)
    agree = landscape(xy, half=half)
    assert agree.halves.observed == pytest.approx(agree.halves.expected, rel=0.25)
    assert any("they agree" in text for text in agree.sentences())
    # the second half's model places one state half as often
    drop = (half == 2) & (xy[:, 0] > 6) & (random.uniform(size=6000) < 0.6)
    differ = landscape(xy[~drop], half=half[~drop])
    assert differ.halves.observed > 1.5 * differ.halves.expected
    assert differ.halves.model_error > 0.1
    assert differ.minima[-1].error > agree.minima[-1].error
    assert any("do not place particles alike" in text for text in differ.sentences())
    assert landscape(xy, half=np.ones(6000)).halves is None
    apart = landscape(np.where(half[:, None] == 1, xy, xy + 30), half=half)
    assert any("says nothing" in text for text in apart.sentences())


def test_how_much_of_a_well_is_the_particles_own_uncertainty_is_said():
    xy, _ = six_states(3000, 0)
    sharp = landscape(xy, uncertainty=np.full_like(xy, 0.05))
    assert sharp.blur == pytest.approx((0.05 / 0.6) ** 2, rel=0.3)
    assert any("little against" in text for text in sharp.sentences())
    blurred = landscape(xy, uncertainty=np.full_like(xy, 0.5))
    assert blurred.blur == pytest.approx((0.5 / 0.6) ** 2, rel=0.3)
    assert any("true barriers higher" in text for text in blurred.sentences())
    noise = landscape(xy, uncertainty=np.full_like(xy, 0.9))
    assert any("noise rather than states" in text for text in noise.sentences())


def test_axes_of_different_units_make_the_same_landscape():
    xy, _ = six_states(3000, 0)
    plain = landscape(xy)
    stretched = landscape(xy * (1, 0.01), stretch=100.0)
    assert stretched.energy.shape == plain.energy.shape
    np.testing.assert_allclose(stretched.energy, plain.energy, atol=1e-6)
    places = [[one.xy for one in found.minima] for found in (plain, stretched)]
    np.testing.assert_allclose(np.array(places[1]) * (1, 100), places[0], atol=1e-6)


def test_what_cannot_be_drawn_is_said_in_a_sentence():
    with pytest.raises(UserError, match="at least 50 particles"):
        landscape(np.zeros((20, 2)))
    with pytest.raises(UserError, match="same value along an axis"):
        landscape(np.ones((200, 2)))
    xy = np.random.default_rng(0).normal(size=(500, 2))
    with pytest.raises(UserError, match="width must be above 0"):
        landscape(xy, width=-1)
    found = landscape(xy)
    with pytest.raises(UserError, match="it has one state"):
        between_minima(found, 1, 2)
    with pytest.raises(UserError, match="No particles are at"):
        least_energy_path(found, (0, 0), (90, 0))
    with pytest.raises(UserError, match="choose two"):
        least_energy_path(found, (0, 0), (0, 0))
