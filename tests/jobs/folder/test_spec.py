import tomllib

import numpy as np
import pytest
import samples
from conformix_fake import LinearSettings

from napari_conformix.errors import UserError
from napari_conformix.jobs import Job
from napari_conformix.jobs.folder import JobSpec
from napari_conformix.methods import available_methods, method_class


def edit(job, old, new):
    path = job.folder / "job.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_setting_comes_back_from_job_toml(tmp_path):
    job = samples.make_job(tmp_path, learning_rate=1e-7, images="stream", seed=12)
    opened = Job.open(job.folder)
    assert opened.spec == job.spec
    assert opened.settings == job.settings
    assert opened.settings.learning_rate == 1e-7
    written = tomllib.loads((job.folder / "job.toml").read_text())
    assert set(written["settings"]) == set(LinearSettings.model_fields)
    assert written["format_version"] == 1
    assert written["inputs"]["particles"] == str(tmp_path / "data" / "particles.star")


def test_relative_paths_become_absolute(tmp_path, monkeypatch):
    samples.write_particles(tmp_path)
    monkeypatch.chdir(tmp_path)
    Job.create(
        "job", method="linear", particles="particles.star", consensus="consensus.mrc", check=False
    )
    spec = JobSpec.read(tmp_path / "job" / "job.toml")
    assert spec.inputs.consensus == tmp_path / "consensus.mrc"


def test_a_file_among_the_settings_is_absolute_and_must_be_there(tmp_path, monkeypatch):
    data = tmp_path / "data"
    data.mkdir()
    samples.write_particles(data)
    monkeypatch.chdir(data)

    def create(name, **settings):
        return Job.create(
            tmp_path / name,
            method="dynamight",
            particles="particles.star",
            consensus="consensus.mrc",
            settings=settings,
            check=False,
        )

    plain = create("plain")
    assert Job.open(plain.folder).settings.atomic_model is None
    assert "atomic_model" not in (plain.folder / "job.toml").read_text()
    with pytest.raises(UserError, match=r"atomic_model: there is no .*fitted.cif"):
        create("missing", atomic_model="fitted.cif")
    (data / "fitted.cif").touch()
    job = create("with", atomic_model="fitted.cif")
    (data / "fitted.cif").unlink()  # an old job opens without it
    assert Job.open(job.folder).settings.atomic_model == data / "fitted.cif"
    assert "fitted.cif" in job.model_biased
    assert plain.model_biased is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format_version = 1", "format_version = 2", "format_version 2"),
        ("format_version = 1\n", "", "format_version None"),
        ("[inputs]", "[inputs", "not valid TOML"),
        ('method = "linear"\n', "", "'method' is missing"),
        ("box = 16", "box = 0", r"'grids.box' is 0: .* greater than 0"),
        ("[grids]", "nonsense = 1\n[grids]", "'inputs.nonsense' is not known"),
    ],
)
def test_damage_is_told_in_a_sentence(tmp_path, old, new, said):
    job = samples.make_job(tmp_path)
    edit(job, old, new)
    with pytest.raises(UserError, match=said):
        Job.open(job.folder)


def test_a_job_of_a_method_that_is_not_installed_can_be_looked_at(tmp_path):
    job = samples.make_job(tmp_path)
    edit(job, 'method = "linear"', 'method = "gone"')
    opened = Job.open(job.folder)
    assert opened.model_biased is None
    with pytest.raises(UserError, match="no method 'gone'"):
        _ = opened.settings


def test_a_wrong_setting_does_not_hide_the_job_but_is_named_when_used(tmp_path):
    job = samples.make_job(tmp_path)
    edit(job, "epochs = 3", "epochs = -3\nepoch = 4")
    opened = Job.open(job.folder)
    with pytest.raises(UserError, match=r"'epochs' is -3.*'epoch' is not known; did you mean"):
        _ = opened.settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epoch": 3}, "'epoch' is not known; did you mean 'epochs'"),
        ({"validation_fraction": 0.7}, "'validation_fraction' is 0.7: .* less than 0.5"),
        ({"images": "disk"}, "'images' is 'disk'"),
    ],
)
def test_nothing_is_made_of_wrong_settings(tmp_path, settings, said):
    with pytest.raises(UserError, match=said):
        samples.make_job(tmp_path, **settings)
    assert not list(tmp_path.glob("job*"))


def test_presets_lie_under_the_settings(tmp_path):
    star = samples.write_particles(tmp_path)
    inputs = {"particles": star, "consensus": tmp_path / "consensus.mrc", "check": False}
    quick = Job.create(tmp_path / "a", method="linear", preset="quick", **inputs)
    assert quick.settings.epochs == 2
    other = Job.create(
        tmp_path / "b", method="linear", preset="quick", settings={"epochs": 5}, **inputs
    )
    assert other.settings.epochs == 5
    with pytest.raises(UserError, match="no preset 'slow' of linear; presets: standard, quick"):
        Job.create(tmp_path / "c", method="linear", preset="slow", **inputs)
    complete = Job.create(
        tmp_path / "d", method="linear", settings=LinearSettings(epochs=7), **inputs
    )
    assert complete.settings.epochs == 7


def test_a_used_folder_is_refused(tmp_path):
    job = samples.make_job(tmp_path)
    with pytest.raises(UserError, match="exists and is not empty"):
        Job.create(
            job.folder,
            method="linear",
            particles=tmp_path / "data" / "particles.star",
            consensus=tmp_path / "data" / "consensus.mrc",
        )
    with pytest.raises(UserError, match="is not a job folder"):
        Job.open(tmp_path)


def test_missing_inputs_are_all_named(tmp_path):
    with pytest.raises(UserError, match=r"particles: there is no .*\nconsensus: there is no .*"):
        Job.create(
            tmp_path / "job",
            method="linear",
            particles=tmp_path / "no.star",
            consensus=tmp_path / "no.mrc",
        )


def test_the_checks_decide_before_anything_is_written(tmp_path):
    star = samples.write_particles(tmp_path)
    inputs = {"method": "linear", "particles": star, "consensus": tmp_path / "consensus.mrc"}
    job = Job.create(tmp_path / "good", **inputs)
    assert job.report is not None
    assert job.report.errors == []
    star.write_text(star.read_text().replace("000007@stack.mrcs", "000999@gone.mrcs"))
    with pytest.raises(UserError, match=r"gone\.mrcs"):
        Job.create(tmp_path / "bad", **inputs)
    assert not (tmp_path / "bad").exists()


def test_unknown_methods_name_the_known_ones(tmp_path):
    assert {"dynamight", "linear", "linear_whole"} <= set(available_methods())
    assert method_class("linear").name == "linear"
    with pytest.raises(UserError, match=r"no method 'opus'; installed methods: dynamight, linear"):
        samples.make_job(tmp_path, method="opus")


# -- how often files are read ----------------------------------------------------------------------


@pytest.fixture
def read_files(monkeypatch):
    """The particle files that were parsed, one entry each time."""
    from napari_conformix.particles import reading

    files = []
    real = reading.read_relion

    def counted(path, *arguments):
        files.append(path)
        return real(path, *arguments)

    monkeypatch.setattr(reading, "read_relion", counted)
    return files


def test_making_a_job_reads_the_particle_file_once(tmp_path, read_files):
    star = samples.write_particles(tmp_path)
    job = Job.create(
        tmp_path / "job", method="linear", particles=star, consensus=tmp_path / "consensus.mrc"
    )
    assert len(job.particles) == samples.COUNT
    assert read_files == [star]


def test_a_job_made_unchecked_reads_it_when_it_is_wanted(tmp_path, read_files):
    job = samples.make_job(tmp_path)
    assert read_files == []
    assert len(job.particles) == len(job.particles) == samples.COUNT
    assert len(read_files) == 1


def test_a_job_of_a_selection_reads_either_file_once(tmp_path, read_files):
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.jobs.selections import train_on

    job = samples.make_job(tmp_path)
    chosen = Selection("half", np.arange(samples.COUNT // 2), samples.COUNT)
    made = train_on(job, chosen, tmp_path / "of a selection")
    assert len(made.particles) == len(chosen)
    assert read_files == [job.spec.inputs.particles, made.spec.inputs.particles]
