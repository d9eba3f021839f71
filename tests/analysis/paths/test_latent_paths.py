"""Paths along coordinates, over views, through the data and through clusters, on known shapes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from latent_tables import arc, table

from napari_conformix.analysis.paths import LatentPath, making, names
from napari_conformix.analysis.spaces import views
from napari_conformix.errors import UserError


def angles_of(path: LatentPath) -> np.ndarray:
    return np.arctan2(path.latents[:, 1], path.latents[:, 0])


def off_arc(path: LatentPath) -> np.ndarray:
    return np.abs(np.linalg.norm(path.latents[:, :2], axis=1) - 2)


@pytest.fixture
def bent():
    latents, angle = arc(4000, 8)
    return table(latents), angle


def test_a_path_along_a_component_follows_the_particles_and_a_straight_one_leaves_them(bent):
    latents, _angle = bent
    follows = making.along_component(latents, 1, 15, half=0)
    straight = making.along_component(latents, 1, 15, half=0, straight=True)
    turned = np.diff(angles_of(follows))
    assert (np.sign(turned) == np.sign(turned[0])).all()
    assert off_arc(follows).max() < 0.15
    assert follows.supported.all()
    # the straight line cuts across the inside of the arc
    assert off_arc(straight).max() > 0.5
    assert (~straight.supported).sum() >= 8
    assert "extrapolated" in straight.sentence()
    # both have exactly the values of the component that they say
    from napari_conformix.analysis.spaces import pca

    for path in (follows, straight):
        value = pca(latents.mean).transform(path.latents)[:, 0]
        np.testing.assert_allclose(value, path.positions, atol=0.02)
        np.testing.assert_allclose(np.diff(path.positions), np.diff(path.positions)[0], rtol=1e-4)
    ends = np.percentile(pca(latents.mean).transform(latents.mean)[:, 0], (5, 95))
    np.testing.assert_allclose(follows.positions[[0, -1]], ends, rtol=1e-5)


def test_a_path_along_a_motion_stays_in_its_half(bent):
    latents, angle = bent
    # the other half has unrelated axes: the same angle, other latents
    other = -latents.mean[:, ::-1] + 7
    both = table(
        np.concatenate([latents.mean, other]),
        np.repeat([1, 2], 4000),
        np.tile(angle[:, None], (2, 1)),
    )
    one, two = (making.along_motion(both, 1, 12, half=h) for h in (1, 2))
    np.testing.assert_allclose(one.latents, 7 - two.latents[:, ::-1], atol=1e-4)
    np.testing.assert_allclose(angles_of(one), one.positions, atol=0.05)
    assert one.unit == "Å RMS"
    assert one.half == 1
    assert one.supported.all()
    assert two.supported.all()
    with pytest.raises(UserError, match="Say which half"):
        making.along_motion(both, 1, half=0)


@pytest.mark.parametrize("make", [making.through_points, making.drawn])
def test_a_path_over_a_map_goes_through_what_is_there(bent, make):
    latents, _angle = bent
    view = views.view(views.build("latent0", latents), (0, 1), "all", latents)
    corners = np.linspace(0.3, 2.8, 9)
    line = 2 * np.stack([np.cos(corners), np.sin(corners)], axis=1)
    path = make(view, line, 0, 25)
    assert off_arc(path).max() < 0.15
    assert (np.diff(angles_of(path)) > 0).all()
    assert path.supported.all()
    np.testing.assert_allclose(path.xy, path.latents[:, :2], atol=0.2)
    if make is making.through_points:
        np.testing.assert_allclose(path.xy[path.how["stops"]], line, atol=1e-5)
    # what was given is enough to make it again
    again = make(view, path.how["points"], 0, path.how["count"])
    np.testing.assert_allclose(again.latents, path.latents, atol=0.05)


def test_the_inverse_of_a_map_is_exact_and_its_support_tells_when_it_leaves_the_data():
    # in the two axes that are not shown the particles follow the first: at zero nobody is
    random = np.random.default_rng(0)
    latents = 0.05 * random.normal(size=(3000, 4))
    latents[:, 0] += random.uniform(-2, 2, 3000)
    latents[:, 2] += np.sign(latents[:, 0]) * 2
    made = table(latents)
    view = views.view(views.build("latent0", made), (0, 1), "all", made)
    line = [(-1.5, 0), (-0.5, 0)]
    exact = making.through_points(view, line, 0, 9, exact=True)
    near = making.through_points(view, line, 0, 9)
    np.testing.assert_allclose(exact.latents[:, 2], latents[:, 2].mean(), atol=1e-4)
    assert not exact.supported.any()
    assert near.supported.all()
    np.testing.assert_allclose(near.latents[:, 2], -2, atol=0.1)
    columns = views.columns(made, ("a", "b"), (latents[:, 0], latents[:, 1]))
    view = views.view(columns, (0, 1), "all", made)
    with pytest.raises(UserError, match="no inverse"):
        making.through_points(view, line, 0, 9, exact=True)
    assert making.through_points(view, line, 0, 9).how["axes"] == ["a", "b"]


def test_a_closed_path_comes_back(bent):
    latents, _ = bent
    view = views.view(views.build("latent0", latents), (0, 1), "all", latents)
    path = making.through_points(view, [(2, 0), (0, 2), (-2, 0)], 0, 30, closed=True)
    np.testing.assert_allclose(path.xy[0], path.xy[-1])
    np.testing.assert_allclose(path.latents[0], path.latents[-1], atol=1e-5)


def test_a_path_through_the_data_goes_round_the_arc_and_not_across(bent):
    latents, angle = bent
    start, end = int(angle.argmin()), int(angle.argmax())
    path = making.through_data(latents, start, end, 30, half=0)
    np.testing.assert_allclose(path.latents[[0, -1]], latents.mean[[start, end]], atol=1e-6)
    assert off_arc(path).max() < 0.25
    assert path.arc[-1] == pytest.approx(2 * np.pi, rel=0.1)
    assert (path.support > 0).mean() > 0.9
    assert path.how["leaps"] == 0
    steps = np.linalg.norm(np.diff(path.latents, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.15)


def test_a_path_across_a_gap_says_that_it_leaps():
    random = np.random.default_rng(0)
    latents = 0.1 * random.normal(size=(400, 5))
    latents[200:, 0] += 10
    path = making.through_data(table(latents), 3, 303, 40, half=0)
    assert path.how["leaps"] == 1
    assert (~path.supported).sum() > 20
    assert path.supported[[1, -2]].all()


def test_ends_of_a_path_through_the_data_must_be_of_its_half(bent):
    latents, _ = bent
    both = replace(latents, half=np.repeat(np.array([1, 2], np.int8), 2000))
    with pytest.raises(UserError, match="Particle 3000 is of half 2"):
        making.through_data(both, 5, 3000, half=1)
    with pytest.raises(UserError, match="rows go from 0 to 3999"):
        making.through_data(both, 5, 4000, half=1)
    with pytest.raises(UserError, match="choose two"):
        making.through_data(both, 5, 5, half=1)


@pytest.mark.parametrize("over", ["lines", "data"])
def test_a_path_through_clusters_takes_them_in_order_of_the_arc(bent, over):
    latents, angle = bent
    place = np.digitize(angle, np.linspace(0, np.pi, 7)[1:-1])
    name = np.random.default_rng(0).permutation(6)  # cluster numbers in no order
    path = making.through_clusters(latents, name[place], 31, half=0, over=over, name="six")
    order = np.array(path.how["order"]) - 1
    along = np.argsort(name)[order]
    assert (np.abs(np.diff(along)) == 1).all()
    stops = path.latents[path.how["stops"]]
    for cluster, stop in zip(order, stops, strict=True):
        expected = latents.mean[name[place] == cluster].mean(axis=0)
        np.testing.assert_allclose(stop, expected, atol=1e-5)
    assert len(path) == 31
    assert path.supported[path.how["stops"]].all()


def test_steps_lie_on_other_maps_where_their_particles_do(bent):
    latents, angle = bent
    both = replace(latents, motion=angle[:, None].repeat(2, axis=1).astype(np.float32))
    both = replace(both, motion_unit="A")
    path = making.along_component(both, 1, 12, half=0)
    view = views.view(views.build("motion", both), (0, 1), "all", both)
    np.testing.assert_allclose(making.place_on_view(path, view)[:, 0], angles_of(path), atol=0.1)
    view = views.view(views.build("latent0", both), (2, 1), "all", both)
    np.testing.assert_allclose(making.place_on_view(path, view), path.latents[:, [2, 1]])
    of_one = replace(both, half=np.ones(4000, np.int8))
    view = views.view(views.build("latent1", of_one), (0, 1), "all", of_one)
    assert making.place_on_view(path, view) is None


def test_a_path_is_where_it_is_on_a_map_whose_axes_run_the_other_way_by_now(bent):
    latents, _angle = bent
    now = views.build("pca0", latents)
    other = views.build("pca0", latents, replace(now, coordinates=-now.coordinates))
    then, view = (views.view(s, (0, 1), "all", latents) for s in (other, now))
    np.testing.assert_array_equal(then.xy, -view.xy)
    path = making.through_points(then, [[-1, 0.2], [1.5, -0.4]], 0, exact=True)
    np.testing.assert_allclose(making.place_on_view(path, then), path.xy)
    np.testing.assert_allclose(making.place_on_view(path, view), -path.xy, atol=1e-5)


def test_a_place_whose_hidden_axes_lead_away_from_the_particles_is_told():
    random = np.random.default_rng(3)
    mean = random.normal(size=(4000, 3)) * [3, 2, 0.2]
    mean[:, 2] += np.where(mean[:, 0] > 0, 1.5, -1.5)  # two sheets with nothing between them
    latents = table(mean.astype(np.float32))
    space = views.build("latent0", latents)
    for axes, seen in (((0, 1), False), ((0, 2), True)):
        view = views.view(space, axes, "all", latents)
        spots = [view.spot(tuple(view.xy[row]), 0) for row in range(40)]
        assert min(spot.nearby for spot in spots) > 0
        assert np.mean([spot.seen for spot in spots]) == pytest.approx(float(seen), abs=0.15)
    few = replace(view, rows=view.rows[:3], xy=view.xy[:3], latents=view.latents[:3],
                  row_half=view.row_half[:3])  # fmt: skip
    assert few.spot((0.0, 0.0), 0).seen


def test_a_saved_path_is_the_same_and_a_damaged_one_is_refused(bent, tmp_path):
    latents, _ = bent
    view = views.view(views.build("latent0", latents), (0, 1), "all", latents)
    path = making.through_points(view, [(2, 0), (0, 2)], 0, 12)
    path.save(tmp_path, "open it")
    back = LatentPath.load(tmp_path, "open it")
    for name in ("latents", "support", "xy"):
        np.testing.assert_array_equal(getattr(back, name), getattr(path, name))
    assert (back.how, back.kind, back.epoch, back.half) == (path.how, "points", 4, 0)
    assert back.sentence() == path.sentence()
    assert names(tmp_path) == ["open it"]
    with pytest.raises(UserError, match="it has: open it"):
        LatentPath.load(tmp_path, "other")
    other = making.along_component(latents, 1, 12, half=0)
    other.save(tmp_path, "b")
    (tmp_path / "b.npz").replace(tmp_path / "open it.npz")
    with pytest.raises(UserError, match="not those that its description"):
        LatentPath.load(tmp_path, "open it")
    described = json.loads((tmp_path / "b.json").read_text())
    path.save(tmp_path, "b")
    later = {"format_version": 9}
    for broken, word in (({"kind": "x"}, "cannot be read"), (later, "later version")):
        described |= {"latents_sha256": json.loads((tmp_path / "b.json").read_text())[
            "latents_sha256"]} | broken  # fmt: skip
        (tmp_path / "b.json").write_text(json.dumps(described))
        with pytest.raises(UserError, match=word):
            LatentPath.load(tmp_path, "b")
    path.save(tmp_path, "b")
    (tmp_path / "b.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match="cannot be read"):
        LatentPath.load(tmp_path, "b")
    with pytest.raises(UserError, match="may not"):
        path.save(tmp_path, "a/b")


def test_a_path_turned_round_begins_at_its_end(bent):
    latents, _ = bent
    path = making.along_component(latents, 1, 7, half=0)
    turned = path.reversed()
    np.testing.assert_array_equal(turned.latents, path.latents[::-1])
    np.testing.assert_array_equal(turned.positions, path.positions[::-1])
    assert turned.how["reversed"]
    assert turned.reversed().how["reversed"] is False
    assert turned.arc[-1] == pytest.approx(path.arc[-1])


def with_components(table):
    """One model's table has its components in `motion`; they say nothing of displacements."""
    return replace(table, motion=table.mean[:, :2])


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda t: making.along_component(t, 9, half=0), "There is no component 9"),
        (lambda t: making.along_component(t, 1, half=1), "No particle of half 1"),
        (lambda t: making.along_component(t, 1, 1, half=0), "at least 2 steps"),
        (lambda t: making.along_component(t, 1, half=0, percentiles=(9, 5)), "Percentiles"),
        (lambda t: making.along_motion(t, 1, half=0), "no motion coordinates"),
        (lambda t: making.along_motion(with_components(t), 1, half=0), "no motion coordinates"),
        (lambda t: making.through_clusters(t, [0, 1], half=0), "2 particles"),
        (lambda t: making.through_clusters(t, np.zeros(4000), half=0), "at least two clusters"),
        (lambda t: making.from_latents(t, [[1.0, 2.0]], half=0), "2 numbers"),
        (lambda t: making.from_latents(t, np.full((2, 8), np.nan), half=0), "finite"),
    ],
)
def test_what_cannot_be_made_is_said_in_a_sentence(bent, ask, word):
    with pytest.raises(UserError, match=word):
        ask(bent[0])
