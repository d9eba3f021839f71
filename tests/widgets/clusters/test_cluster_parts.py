"""What the Clusters page computes without a window: colours, scale of grey values, commands."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_conformix.particles import write_map
from napari_conformix.widgets.clusters.making import free_name, label_columns
from napari_conformix.widgets.clusters.overview import overview
from napari_conformix.widgets.clusters.own_maps import OwnMap, _own_map, scale_of
from napari_conformix.widgets.colours import by_cluster, cluster_colour, hex_of
from napari_conformix.widgets.colours.colouring import MISSING
from napari_conformix.widgets.session import commands

BOX, PIXEL_SIZE = 32, 3.0


# -- colours --------------------------------------------------------------------------------------


def test_every_particle_has_the_colour_of_its_cluster_and_others_are_grey():
    labels = np.array([2, 0, -1, 1, 1, -1, 2], dtype=np.int16)
    made = by_cluster(labels, 3, "kmeans3")
    for rgba, label in zip(made.rgba, labels, strict=True):
        expected = MISSING[:3] if label < 0 else cluster_colour(label)
        assert rgba[:3] == pytest.approx(expected)
    assert [(c.label, c.count) for c in made.legend.categories] == [("1", 1), ("2", 2), ("3", 2)]
    assert "2 in no cluster" in made.legend.note


def test_fifty_clusters_have_fifty_colours_that_can_be_seen_on_black():
    colours = np.array([cluster_colour(i) for i in range(50)])
    assert len({hex_of(tuple(c)) for c in colours}) == 50
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert colours.max(axis=1).min() > 0.15


# -- grey values ----------------------------------------------------------------------------------


@dataclass
class FakeRun:
    """A folder with the map of a finished reconstruction."""

    folder: Path
    fsc: np.ndarray
    spec: object = None

    def report(self) -> SimpleNamespace:
        return SimpleNamespace(
            full_map="run_class001.mrc", curves=SimpleNamespace(corrected=list(self.fsc))
        )


@dataclass
class FakeClusters:
    """Decoded maps alone."""

    volumes: list[np.ndarray] = field(default_factory=list)

    @property
    def record(self) -> SimpleNamespace:
        return SimpleNamespace(maps=[f"cluster_{i + 1:02d}.mrc" for i in range(len(self.volumes))])

    def volume(self, index: int) -> np.ndarray:
        return self.volumes[index]


def _smooth(seed: int) -> np.ndarray:
    """(z, y, x) without what lies beyond half of Nyquist."""
    noise = np.random.default_rng(seed).normal(size=(BOX,) * 3)
    k = np.fft.fftfreq(BOX) * BOX
    radius = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2)
    smooth = np.fft.ifftn(np.fft.fftn(noise) * (radius < BOX // 4)).real
    return (smooth / smooth.std()).astype(np.float32)


def _own(tmp_path: Path, index: int, clusters: FakeClusters, own: np.ndarray, fsc) -> OwnMap:
    folder = tmp_path / str(index)
    folder.mkdir()
    write_map(folder / "run_class001.mrc", own, PIXEL_SIZE)
    run = FakeRun(folder, np.asarray(fsc, dtype=float))
    return _own_map(clusters, SimpleNamespace(index=index, run=run))


def test_one_scale_for_all_clusters_brings_own_maps_to_the_decoded_ones(tmp_path):
    decoded = [_smooth(1), 3.0 * _smooth(2)]
    clusters = FakeClusters(decoded)
    perfect = np.ones(BOX // 2 + 1)
    maps = [
        _own(tmp_path, i, clusters, (volume - 0.4) / 25.0, perfect)
        for i, volume in enumerate(decoded)
    ]
    for chosen in (maps, maps[:1], maps[1:]):
        scale = scale_of(chosen)
        assert (scale.factor, scale.offset) == pytest.approx((25.0, 0.4), rel=1e-4)
    assert maps[1].array(scale) == pytest.approx(decoded[1], abs=2e-3)
    assert "× 25" in scale.sentence()


def test_shells_without_signal_are_left_out_and_others_weighted_by_their_fsc(tmp_path):
    clusters = FakeClusters([_smooth(1)])
    noisy = np.random.default_rng(3).normal(size=(BOX,) * 3).astype(np.float32)
    fsc = np.array([1.0, 0.9, 0.7, 0.5, 0.3, 0.1, -0.02, *([0.05] * (BOX // 2 - 6))])
    found = _own(tmp_path, 0, clusters, noisy, fsc)
    kept = np.fft.fftn(found.array(SimpleNamespace(factor=1.0, offset=0.0)))
    given = np.fft.fftn(noisy)
    k = np.fft.fftfreq(BOX) * BOX
    shell = np.round(np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2)).astype(int)
    for number in range(1, 6):
        ratio = np.abs(kept[shell == number]) / np.abs(given[shell == number])
        assert ratio == pytest.approx(np.sqrt(2 * fsc[number] / (1 + fsc[number])), rel=1e-3)
    assert np.abs(kept[shell >= 6]).max() < 1e-3 * np.abs(given).max()


def test_a_map_of_one_value_has_a_scale(tmp_path):
    clusters = FakeClusters([_smooth(1)])
    flat = np.full((BOX,) * 3, 0.5, dtype=np.float32)
    scale = scale_of([_own(tmp_path, 0, clusters, flat, np.ones(BOX // 2 + 1))])
    assert np.isfinite([scale.factor, scale.offset]).all()


# -- words ----------------------------------------------------------------------------------------


class FakeSet:
    """What an overview is made of."""

    name, epoch = "kmeans2", 7
    stability = separation = purity = outdated = follows_halves = None
    record = SimpleNamespace(maps=["cluster_01.mrc", "cluster_02.mrc"])

    def __init__(self, half_counts) -> None:
        self.half_counts = np.array(half_counts)
        self.counts = self.half_counts.sum(axis=1)
        self.held_out = np.full(len(self.counts), 0.1)

    def __len__(self) -> int:
        return len(self.counts)

    def sentences(self) -> list[str]:
        said = (self.outdated, self.follows_halves)
        return ["Made somehow.", "The finest is 3 A.", *filter(None, said)]

    def whose_map(self, index: int) -> str:
        return f"particle {index}"


def _overview(clusters: FakeSet):
    return overview(SimpleNamespace(cluster_set=lambda name: clusters), clusters.name)


def test_what_the_core_says_is_shown_once():
    clusters = FakeSet([[510, 490], [480, 520]])
    clusters.outdated, clusters.follows_halves = "They are old.", "They follow the half sets."
    found = _overview(clusters)
    assert found.warnings == ("They are old.", "They follow the half sets.")
    assert found.details == ("Made somehow.", "The finest is 3 Å.")


def test_shares_and_captions():
    found = _overview(FakeSet([[600, 600], [300, 500]]))
    assert found.caption(1) == "2: 800 (40.0 %)"
    assert found.rows[1].halves == (300, 500)
    assert found.level == "neutral"


def test_names_of_sets_do_not_clash():
    request = SimpleNamespace(how="gmm", clusters=4)
    taken: list[str] = []
    job = SimpleNamespace(cluster_sets=lambda: taken)
    for expected in ("gmm4", "gmm4_epoch9", "gmm4_epoch9_2", "gmm4_epoch9_3"):
        assert free_name(job, request, 9) == expected
        taken.append(expected)


def test_columns_of_a_few_values_may_be_labels():
    columns = {
        "rlnClassNumber": np.arange(200) % 5,
        "rlnDefocusU": np.arange(200.0),
        "rlnVoltage": np.full(200, 300.0),
        "state": np.array(["a", "b"], dtype=object)[np.arange(200) % 2],
    }
    particles = SimpleNamespace(columns=list(columns), column=columns.get)
    assert label_columns(particles) == ["rlnClassNumber", "state"]


def test_commands_are_those_that_the_program_knows():
    folder = Path("/data/my job")
    line = commands.clusters_command(folder, how="gmm", clusters=5, labels="state")
    assert shlex.split(line) == [
        "conformix", "clusters", "/data/my job", "-k", "5", "--how", "gmm", "--truth", "state",
    ]  # fmt: skip
    select, export = commands.cluster_export_commands(folder, "gmm5", [0, 2], "two")
    assert "--of gmm5 --cluster 1 --cluster 3 --name two" in select
    assert "--selection two -o two.star" in export
    lines = commands.cluster_reconstruct_commands(folder, "gmm5", [2])
    assert "--of gmm5 --cluster 3 --name gmm5_cluster_03" in lines[0]
    assert "--plain --selection gmm5_cluster_03" in lines[1]
