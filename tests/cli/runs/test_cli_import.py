"""`conformix import`: latents of another program, what can be done with them, and what cannot."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from command_line import PARTICLES

from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.jobs import Job
from napari_conformix.methods import available_methods, method_class
from napari_conformix.particles import read_particles

#: particles with a latent, of those in the file
SUBSET = 200


@pytest.fixture(scope="module")
def z_files(data: Path, tmp_path_factory) -> Path:
    """z.pkl of three far groups, zsub.pkl of some of the particles, and ind.pkl with their rows."""
    folder = tmp_path_factory.mktemp("latents")
    random = np.random.default_rng(0)
    group = np.arange(PARTICLES) % 3
    z = (8.0 * np.eye(3, 4)[group] + random.normal(size=(PARTICLES, 4))).astype(np.float32)
    rows = np.sort(random.choice(PARTICLES, SUBSET, replace=False))
    with (folder / "z.pkl").open("wb") as file:
        pickle.dump(z, file)
        pickle.dump(np.full_like(z, np.log(0.01)), file)
    (folder / "zsub.pkl").write_bytes(pickle.dumps(z[rows]))
    (folder / "ind.pkl").write_bytes(pickle.dumps(rows))
    np.save(folder / "z.npy", z)
    return folder


@pytest.fixture
def imported(conformix, data: Path, z_files: Path, tmp_path: Path) -> Job:
    """Latents of all particles, with the consensus."""
    done = conformix(
        "import", tmp_path / "job", "--particles", data / "particles.star",
        "--latents", z_files / "z.pkl", "--consensus", data / "consensus.mrc",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert f"{PARTICLES} of {PARTICLES} particles have a latent of 4 numbers" in done.out
    return Job.open(tmp_path / "job")


def test_it_is_a_finished_job_with_latents_of_no_run(imported, data, z_files):
    table = imported.latents()
    np.testing.assert_array_equal(table.mean, np.load(z_files / "z.npy"))
    np.testing.assert_allclose(table.std, 0.1, rtol=1e-5)
    assert (table.half == 0).all()
    assert not table.validation.any()
    assert table.epoch == 0
    assert imported.state == "finished"
    assert imported.latent_epochs() == [0]
    np.testing.assert_array_equal(imported.split.half, read_particles(data / "particles.star").half)
    assert not imported.method_class.has_decoder
    assert imported.settings.latents == z_files / "z.pkl"


def test_it_is_no_method_to_choose(conformix, data, tmp_path):
    assert "imported" not in available_methods()
    assert all(method_class(name).has_decoder for name in available_methods())
    made = conformix(
        "new", tmp_path / "job", "--method", "imported", "--particles", data / "particles.star",
        "--consensus", data / "consensus.mrc",
    )  # fmt: skip
    assert made.status == 1
    assert "conformix import" in made.err
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("train", "JOB"),
        ("train", "JOB", "--resume"),
        ("train", "JOB", "--detach"),
        ("decode", "JOB", "--pc", "1", "-o", "OUT"),
        ("decode", "JOB", "--particle", "3", "-o", "OUT"),
        ("arrows", "JOB", "--particle", "3", "-o", "OUT.bild"),
        ("embed", "JOB", "--particles", "STAR", "-o", "OUT.npz"),
        ("movie", "JOB", "--pc", "1", "-o", "OUT.gif"),
        ("reconstruct", "JOB", "--deformed"),
        ("select", "JOB", "--motion-above", "1", "--name", "x"),
    ],
    ids=lambda words: words[0],
)
def test_what_needs_a_decoder_says_one_sentence(conformix, imported, data, tmp_path, command):
    places = {"JOB": imported.folder, "STAR": data / "particles.star"}
    words = [places.get(w, w.replace("OUT", str(tmp_path / "out"))) for w in command]
    before = sorted(imported.folder.rglob("*"))
    done = conformix(*words)
    assert done.status == 1
    assert "decoder" in done.err
    assert "Traceback" not in done.err
    assert sorted(imported.folder.rglob("*")) == before
    assert not list(tmp_path.glob("out*"))


def test_the_api_says_the_same(imported):
    for ask in (
        lambda: imported.decode(np.zeros(4)),
        lambda: imported.displacement(np.zeros(4), np.zeros((1, 3))),
        lambda: imported.encode([0]),
        lambda: imported.verdict(),
        lambda: imported.motion_table(),
        lambda: next(imported.train()),
    ):
        with pytest.raises(NotSupportedError, match="no decoder"):
            ask()


def test_clusters_are_found_selected_exported_and_reconstructed(conformix, imported, tmp_path):
    done = conformix("clusters", imported.folder, "-k", "3", "--reconstruct")
    assert done.status == 0, done.err
    shown = imported.cluster_set("kmeans3")
    groups = [set(shown.clustering.rows(i) % 3) for i in range(3)]
    assert sorted(map(tuple, groups)) == [(0,), (1,), (2,)]
    assert shown.maps() == ()
    assert all(result.state == "finished" for result in shown.results())
    with pytest.raises(NotSupportedError, match="no decoder"):
        shown.volume(0)
    job = imported.folder
    assert conformix("select", job, "--cluster", "1", "--name", "one").status == 0
    rows = imported.selection("one").rows
    for name in ("one.star", "one.npy", "one.pkl"):
        done = conformix("export", job, "--selection", "one", "-o", tmp_path / name)
        assert done.status == 0, done.err
    assert len(read_particles(tmp_path / "one.star", datadir=imported.particles.stacks[0].parent))
    np.testing.assert_array_equal(np.load(tmp_path / "one.npy"), rows)
    np.testing.assert_array_equal(pickle.loads((tmp_path / "one.pkl").read_bytes()), rows)
    done = conformix("reconstruct", job, "--selection", "one")
    assert done.status == 0, done.err
    assert "no decoder" in done.out  # why it is the plain map


def test_analyze_reports_what_can_be_known_without_a_model(conformix, imported):
    done = conformix("analyze", imported.folder, "--clusters", "3")
    assert done.status == 0, done.err
    assert "cannot be judged here" in done.out
    assert "Of the variance of the latents" in done.out
    assert (imported.folder / "analysis" / "report.html").is_file()
    assert imported.selections() == [f"kmeans3_cluster_{i:02d}" for i in (1, 2, 3)]


def test_particles_without_a_latent_are_in_nothing(conformix, data, z_files, tmp_path):
    done = conformix(
        "import", tmp_path / "job", "--particles", data / "particles.star",
        "--latents", z_files / "zsub.pkl", "--rows", z_files / "ind.pkl",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert f"{SUBSET} of {PARTICLES}" in done.out
    job = Job.open(tmp_path / "job")
    rows = pickle.loads((z_files / "ind.pkl").read_bytes())
    mean = job.latents().mean
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(mean).all(axis=1)), rows)
    np.testing.assert_array_equal(mean[rows], np.load(z_files / "z.npy")[rows])
    assert conformix("clusters", job.folder, "-k", "3").status == 0
    labels = job.cluster_set("kmeans3").clustering.labels
    np.testing.assert_array_equal(np.flatnonzero(labels >= 0), rows)
    assert conformix("analyze", job.folder).status == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"--latents": "zsub.pkl"}, "200 rows and .* has 300 particles"),
        ({"--latents": "zsub.pkl", "--rows": "z.npy"}, "300 x 4"),
        ({"--latents": "z.pkl", "--rows": "ind.pkl"}, "lists 200 particles"),
        ({"--latents": "none.pkl"}, "there is no"),
        ({"--latents": "z.pkl", "--columns": "5"}, "4 columns without names"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    conformix, data, z_files, tmp_path, options, why
):
    words = [
        word
        for name, value in options.items()
        for word in (name, value if name == "--columns" else z_files / value)
    ]
    done = conformix("import", tmp_path / "job", "--particles", data / "particles.star", *words)
    assert done.status == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match=why):
        raise UserError(done.err.strip())


def test_a_folder_in_use_and_a_map_of_another_size_are_refused(
    conformix, data, z_files, imported, tmp_path
):
    words = ("--particles", data / "particles.star", "--latents", z_files / "z.pkl")
    assert "not empty" in conformix("import", imported.folder, *words).err
    from napari_conformix.particles import write_map

    write_map(tmp_path / "small.mrc", np.ones((16, 16, 16), np.float32), 4.0)
    done = conformix("import", tmp_path / "new", *words, "--consensus", tmp_path / "small.mrc")
    assert done.status == 1
    assert "small.mrc" in done.err
    assert not (tmp_path / "new").exists()
