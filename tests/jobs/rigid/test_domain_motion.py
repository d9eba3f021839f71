"""Motion of a domain in the clusters of a job, against the motions that the maps were made with."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import domain_clusters as truth
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from two_bodies import BOX, PIXEL

from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters import ClusterSet
from napari_conformix.jobs.rigid import DomainMotion, measured
from napari_conformix.jobs.rigid.domain_motion import file_name
from napari_conformix.particles import write_map


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    return truth.make_job(tmp_path_factory.mktemp("domain"))


@pytest.fixture(scope="module")
def data(job):
    return job.folder.parent / "data"


@pytest.fixture(scope="module")
def found(job, data) -> DomainMotion:
    told = []
    made = job.domain_motion(truth.NAME, data / "domain.mrc", progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]
    return made


def test_each_cluster_has_its_motion(found) -> None:
    assert found.found == [0, 1, 2]
    for cluster in found.found:
        motion, turn = found.motions[cluster], truth.TURNS[cluster]
        assert motion.rotation_degrees == pytest.approx(abs(turn), abs=0.4)
        assert motion.translation_angstrom == pytest.approx(truth.translation_of(cluster), abs=0.2)
        if turn:
            assert motion.axis @ truth.AXIS * np.sign(turn) > 0.995
    assert found.counts == truth.COUNTS


def test_a_cluster_without_the_domain_is_told_as_composition(found) -> None:
    assert found.missing == [3]
    words = " ".join(found.sentences())
    assert "Cluster 4: the domain is missing in this class" in words
    assert "differ in composition" in words
    assert "The domain moves in clusters 2, 3" in words


def test_of_a_smeared_consensus_only_the_motion_between_clusters_is_told(found) -> None:
    """Its zero is wrong by more than the error of a fit: a cluster at rest seems to move."""

    def smeared(motion):
        off = Rotation.from_rotvec([5.0, 0.0, 0.0], degrees=True).as_matrix()
        matrix, centre = motion.matrix @ off, motion.centre_angstrom
        shift = motion.shift_angstrom + (motion.matrix - matrix) @ centre  # about the centre
        return replace(motion, correlation=0.9, matrix=matrix, shift_angstrom=shift)

    motions = tuple(smeared(motion) if motion.found else motion for motion in found.motions)
    assert motions[0].moves  # truly at rest
    words = " ".join(replace(found, motions=motions).sentences())
    assert "The domain moves in" not in words
    assert "opposite directions" not in words
    told = re.search(r"apart in clusters 2 and 3: .* turns by ([\d.]+) \+-", words)
    assert float(told[1]) == pytest.approx(40, abs=0.6)
    assert "smeared" in words


def test_opposite_directions_are_told(found) -> None:
    """Sizes alone would put a swing to the left and one to the right at the same place."""
    turns, shifts = zip(*(found.along(cluster) for cluster in (1, 2)), strict=True)
    assert turns == pytest.approx([25, -15], abs=0.4)
    assert shifts == pytest.approx([truth.translation_of(1), -truth.translation_of(2)], abs=0.2)
    assert abs(found.main_directions[0] @ truth.AXIS) > 0.99
    assert "Cluster 2 and cluster 3 turn in opposite directions" in " ".join(found.sentences())


def test_it_is_kept_with_the_set(job, data, found) -> None:
    path = job.folder / "clusters" / truth.NAME / "domain_domain.json"
    assert path in measured(job.cluster_set(truth.NAME))
    again = DomainMotion.load(path)
    assert again.mask == str(data / "domain.mrc")
    assert again.sentences() == found.sentences()
    assert again.counts == found.counts
    assert json.loads(path.read_text())["motions"][1]["rotation_degrees"] > 20


def test_relative_to_another_cluster(job, data) -> None:
    """From the first turned cluster to the second, the turns add up."""
    made = job.domain_motion(truth.NAME, data / "domain.mrc", data / "rest.mrc", reference=0)
    assert made.motions[1].rotation_degrees == pytest.approx(25, abs=0.5)
    assert made.motions[0].rotation_degrees < 0.2
    assert "relative to cluster 1 and rest.mrc" in made.of_what


def test_reconstructions_give_errors_from_half_maps(job, data, monkeypatch) -> None:
    """A cluster that was not reconstructed is told to have no map."""

    class Run:
        def __init__(self, cluster: int) -> None:
            self.cluster = cluster

        def half_maps(self):
            clean = truth.volume_of(self.cluster)
            rng = np.random.default_rng(self.cluster)
            halves = [
                torch.from_numpy(
                    clean + rng.normal(0, 0.5 * clean.std(), clean.shape).astype(np.float32)
                )
                for _ in range(2)
            ]
            return SimpleNamespace(half1=halves[0], half2=halves[1], full=sum(halves) / 2)

    def results(self):
        done = SimpleNamespace(state="finished", run=Run(1), resolution_angstrom=14.0)
        nothing = SimpleNamespace(state=None, run=None, resolution_angstrom=None)
        return [nothing, done, nothing, nothing]

    monkeypatch.setattr(ClusterSet, "results", results)
    made = job.domain_motion(truth.NAME, data / "domain.mrc", maps="reconstructed")
    motion = made.motions[1]
    assert made.unmeasured == [0, 2, 3]
    assert motion.error_from == "half maps and misfit"
    assert motion.resolution_angstrom == pytest.approx(14)
    assert motion.rotation_degrees == pytest.approx(25, abs=4 * motion.rotation_error_degrees + 0.3)
    assert "no map yet: clusters 1, 3, 4" in " ".join(made.sentences())
    assert (job.folder / "clusters" / truth.NAME / file_name("domain", "reconstructed")).exists()


def test_before_any_reconstruction_the_command_is_told(job, data) -> None:
    with pytest.raises(UserError, match="--of kmeans4 --reconstruct"):
        job.domain_motion(truth.NAME, data / "domain.mrc", maps="reconstructed")


def test_it_stops_when_told_to(job, data, tmp_path) -> None:
    mask = tmp_path / "stopped.mrc"
    mask.write_bytes((data / "domain.mrc").read_bytes())
    assert job.domain_motion(truth.NAME, mask, stop=lambda: True) is None
    assert not (job.folder / "clusters" / truth.NAME / "domain_stopped.json").exists()


@pytest.mark.parametrize(
    ("array", "pixel", "words"),
    [
        (np.ones((BOX - 2,) * 3), PIXEL, "has 34 x 34 x 34 voxels, the maps of this job 36"),
        (np.ones((BOX,) * 3), 2 * PIXEL, "voxels of 8 A, the maps of this job 4 A"),
        (np.full((BOX,) * 3, 7.0), PIXEL, "is no mask: its values go from 7 to 7"),
        (np.zeros((BOX,) * 3), PIXEL, "is empty"),
    ],
)
def test_masks_that_do_not_fit_are_refused(job, tmp_path, array, pixel, words) -> None:
    write_map(tmp_path / "mask.mrc", array, pixel)
    with pytest.raises(UserError, match=words):
        job.domain_motion(truth.NAME, tmp_path / "mask.mrc")


def test_a_wrong_reference_and_a_damaged_file_are_told(job, data, tmp_path) -> None:
    with pytest.raises(UserError, match="no cluster 9 to be the reference"):
        job.domain_motion(truth.NAME, data / "domain.mrc", reference=8)
    with pytest.raises(UserError, match="measure the domain's motion first"):
        DomainMotion.load(tmp_path / "domain_x.json")
    (tmp_path / "domain_x.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        DomainMotion.load(tmp_path / "domain_x.json")
