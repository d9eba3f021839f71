"""Clusters judged by what their own particles reconstruct to."""

from dataclasses import replace

import numpy as np
import pytest
import samples

from napari_conformix.jobs import Job
from napari_conformix.jobs.clusters import agreement, differences, run_of
from napari_conformix.jobs.clusters.reconstructions import result_of
from napari_conformix.jobs.reconstruction import sums as reconstruction_sums
from napari_conformix.particles import read_map, write_map
from napari_conformix.runs import layout

TRUTH = np.arange(samples.COUNT) // 2 % 2  # of either half set half are in each group


def place(job: Job, truth: np.ndarray) -> None:
    """Put the particles into groups by their coordinates."""
    places = np.stack([9.0 * truth, 0.01 * np.arange(len(truth))], axis=1).astype(np.float32)
    table = replace(job.latents(), mean=places, motion=places)
    table.save(job.folder / layout.LATENTS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Job:
    job = samples.make_job(tmp_path_factory.mktemp("own"), "linear_whole", epochs=1)
    list(job.train(device="cpu"))
    return job


@pytest.fixture
def clusters(trained, request):
    place(trained, TRUTH)
    name = f"set{len(trained.cluster_sets())}"
    return trained.cluster(2, name=name, checks=False)


def reconstruct(clusters, *arguments, **more):
    return list(clusters.job.reconstruct_clusters(clusters.name, *arguments, **more))


def test_each_cluster_is_reconstructed_from_its_own_particles(clusters):
    assert [result.state for result in clusters.results()] == [None, None]
    assert differences(clusters) is None
    events = reconstruct(clusters)
    assert [index for index, event in events if event.kind == "finished"] == [0, 1]
    for i, result in enumerate(clusters.results()):
        assert result.state == "finished"
        assert result.particles == (12, 12)
        assert result.run.name == f"{clusters.name}_cluster_{i + 1:02d}"
        assert result.run.deformed is False
        report = result.run.report()
        assert result.resolution_angstrom == report.curves.resolution_angstrom
        by_hand = clusters.job.reconstruct(clusters.selection(i), deformed=False, overwrite=True)
        np.testing.assert_array_equal(
            by_hand.full.numpy(), read_map(result.run.folder / report.full_map)[0]
        )
    assert {run.name for run in clusters.job.reconstructions()} >= {
        f"{clusters.name}_cluster_01", f"{clusters.name}_cluster_02",
    }  # fmt: skip


def test_what_is_finished_stays_and_what_was_stopped_goes_on(clusters, monkeypatch):
    cut = lambda rows, box: list(np.array_split(rows, 6))  # noqa: E731
    monkeypatch.setattr(reconstruction_sums, "image_batches", cut)
    asked = iter([False] * 3)
    events = reconstruct(clusters, stop=lambda: next(asked, True))
    assert {index for index, _ in events} == {0}
    assert [result.state for result in clusters.results()] == ["stopped", None]
    assert clusters.results()[0].resolution == "-"
    reconstruct(clusters, [1])
    assert [result.state for result in clusters.results()] == ["stopped", "finished"]
    when = clusters.results()[1].run.report().seconds
    again = reconstruct(clusters)
    assert {index for index, _ in again} == {0}
    (started,) = [event for index, event in again if event.kind == "started"]
    assert started.done > 0
    assert [result.state for result in clusters.results()] == ["finished", "finished"]
    assert clusters.results()[1].run.report().seconds == when
    anew = reconstruct(clusters, [1], overwrite=True)
    assert [event.done for _, event in anew if event.kind == "started"] == [0]


def test_a_failure_does_not_keep_the_others_from_their_turn(clusters, monkeypatch):
    from napari_conformix.jobs.reconstruction import running

    write = running.write_results

    def fail_once(outcome, sums):
        if outcome.spec.name.endswith("01"):
            raise OSError("as ordered")
        yield from write(outcome, sums)

    monkeypatch.setattr(running, "write_results", fail_once)
    reconstruct(clusters)
    assert [result.state for result in clusters.results()] == ["failed", "finished"]
    assert differences(clusters) is None
    monkeypatch.undo()
    reconstruct(clusters)
    assert [result.state for result in clusters.results()] == ["finished", "finished"]


def test_reconstructions_of_other_clusters_of_that_name_are_not_taken(clusters):
    reconstruct(clusters, [0])
    assert run_of(clusters, 0) is not None
    place(clusters.job, np.arange(samples.COUNT) // 4 % 2)
    other = clusters.job.cluster(2, name=clusters.name, checks=False, overwrite=True)
    assert run_of(other, 0) is None
    assert result_of(other, 0).state is None


def numpy_fsc(a, b):
    """By shells of the half transform, as RELION counts them."""
    fa, fb = np.fft.rfftn(a), np.fft.rfftn(b)
    n = len(a)
    k, half = np.fft.fftfreq(n) * n, np.fft.rfftfreq(n) * n
    shell = np.round(np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + half**2)).astype(int)
    cross, of_a, of_b = (
        np.bincount(shell.ravel(), values.ravel())[: n // 2 + 1]
        for values in ((fa * fb.conj()).real, np.abs(fa) ** 2, np.abs(fb) ** 2)
    )
    return cross / np.sqrt(of_a * of_b)


def put_maps(clusters, volumes):
    """Let these be the decoded maps."""
    for path, volume in zip(clusters.maps(), volumes, strict=True):
        write_map(path, volume.astype(np.float32), samples.PIXEL)


def own_maps(clusters):
    runs = [result.run for result in clusters.results()]
    return [read_map(run.folder / run.report().full_map)[0].astype(float) for run in runs]


def test_the_agreement_is_the_fsc_within_the_mask(clusters):
    reconstruct(clusters)
    for path in clusters.folder.glob("agreement_*"):
        path.unlink()
    own = own_maps(clusters)
    noise = np.random.default_rng(0).normal(size=own[0].shape) * own[0].std()
    put_maps(clusters, [own[0] + noise, own[1]])
    mask = read_map(clusters.results()[0].run.folder / "mask.mrc")[0].astype(float)
    found = agreement(clusters, 0)
    decoded = clusters.volume(0).astype(float)
    expected = numpy_fsc(decoded * mask, own[0] * mask)
    np.testing.assert_allclose(found.fsc, expected, atol=1e-6)
    first = int(np.flatnonzero(np.array(found.fsc[1:]) < 0.5)[0]) + 1
    extent = samples.BOX * samples.PIXEL
    assert extent / first <= found.resolution_angstrom <= extent / max(first - 1, 1)
    assert found.reached
    same = agreement(clusters, 1)
    assert not same.reached
    assert clusters.results()[1].agrees_to.startswith("<")
    assert clusters.results()[0].agreement == found  # kept
    reconstruct(clusters, [0], overwrite=True)
    assert clusters.results()[0].agreement.created != found.created  # of the new one


def test_differences_that_are_in_the_images_are_found_again(clusters):
    reconstruct(clusters)
    own = own_maps(clusters)
    mean = np.average(own, axis=0, weights=clusters.counts)
    put_maps(clusters, [mean + 5 * (volume - mean) for volume in own])
    found = differences(clusters)
    np.testing.assert_allclose(found.own, 1, atol=1e-3)
    assert found.found == 2
    assert "found again in the maps of all 2 clusters" in found.sentence()
    assert "noise does as much" in found.sentence()  # no proof of structure
    put_maps(clusters, [mean - (volume - mean) for volume in own])
    wrong = differences(clusters)
    np.testing.assert_allclose(wrong.own, -1, atol=1e-3)
    assert wrong.found == 0
    assert "do not believe the decoder" in wrong.sentence()
    put_maps(clusters, [mean, mean])  # a decoder that shows the same everywhere
    assert differences(clusters).found == 0
    put_maps(clusters, [100 * volume + 7 for volume in own])  # other grey values
    np.testing.assert_allclose(differences(clusters).own, 1, atol=1e-3)


def test_without_maps_there_is_nothing_to_compare(trained):
    place(trained, TRUTH)
    bare = trained.cluster(2, name="bare", maps=False, checks=False)
    reconstruct(bare)
    assert [result.state for result in bare.results()] == ["finished", "finished"]
    assert agreement(bare, 0) is None
    assert differences(bare) is None
    assert bare.results()[0].agrees_to == "-"
