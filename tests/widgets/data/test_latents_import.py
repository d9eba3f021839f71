"""Latents of another program in the window: opened, explored, exported; nothing else is offered."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from shell_window import ShellWindow

from napari_conformix.jobs import Job
from napari_conformix.widgets.latent_view.lasso import Mode


@pytest.fixture
def data(star: Path, tmp_path: Path) -> Path:
    """A folder with a particle file, its stack and map, z.pkl of two groups, and ind.pkl."""
    folder = tmp_path / "data"
    shutil.copytree(star.parent, folder)
    z = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    z[:120, 0] += 20
    with (folder / "z.pkl").open("wb") as file:
        pickle.dump(z, file)
    (folder / "zsub.pkl").write_bytes(pickle.dumps(z[50:250]))
    (folder / "ind.pkl").write_bytes(pickle.dumps(np.arange(50, 250)))
    return folder


def _type(field, path: Path) -> None:
    """A path typed and finished with Enter."""
    field.edit.setText(str(path))
    field.edit.editingFinished.emit()


def _open(window: ShellWindow, data: Path, latents: str = "z.pkl", rows: str | None = None) -> Job:
    """Drop the latents on napari, name the particles, press the button."""
    form = window.data.imports
    for field in form.fields.values():
        field.set_path(None)
    window.viewer.open(data / latents, plugin="napari-conformix")
    assert window.data.import_fold.content.isVisible()
    assert form.path("latents") == data / latents
    assert not form.button.isEnabled()
    assert "particle file" in form.said.text()
    _type(form.fields["particles"], data / "particles.star")
    if rows is not None:
        _type(form.fields["rows"], data / rows)
    assert form.path("consensus") == data / "consensus.mrc"
    window.click(form.button)
    window.wait(lambda: window.session.latents is not None)
    window.wait(lambda: window.panel.pages["explore"].latent_view is not None)
    window.settle()
    return window.session.job


def test_dropped_latents_are_explored_selected_and_exported(window, data, tmp_path):
    job = _open(window, data)
    explore = window.panel.pages["explore"]
    assert window.panel.tabs.currentWidget().widget() is explore
    assert job.folder == data / "latents_z_001"
    view = explore.latent_view
    assert len(view.rows) == 300
    middle = np.median(view.xy[:120], axis=0)
    corner = np.array([8.0, 8.0])
    low, high = middle - corner, middle + corner
    box = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    explore.canvas.lasso_finished.emit(box, Mode.NEW)
    window.wait(lambda: explore.history.count == 120)
    selection = explore.history.to_selection("near")
    job.save_selection(selection)
    written = job.export("near", tmp_path / "near.pkl")
    np.testing.assert_array_equal(pickle.loads(written.read_bytes()), np.arange(120))
    assert window.errors() == []


def test_what_needs_a_decoder_is_not_offered(window, data):
    _open(window, data)
    panel, explore = window.panel, window.panel.pages["explore"]
    assert "no decoder" in explore.conformation.decoded_label.text()
    explore.canvas.cursor_moved.emit(*map(float, explore.latent_view.xy[0]))
    window.settle()
    assert window.errors() == []
    assert not explore.conformation.difference.mode_box.isVisible()
    assert explore.conformation.contour.isVisible()  # of the consensus, which was guessed
    assert not explore.checks.test.isVisible()
    assert not explore.view_panel.epochs.isVisible()
    panel.show_page("train")
    assert not panel.pages["train"].body.isVisible()
    assert "no model to train" in panel.pages["train"].no_training.text.text()
    assert "300 of 300 particles" in panel.pages["train"].no_training.told.text()
    panel.show_page("deformation")
    assert "no decoder" in panel.pages["deformation"].hint.text()
    assert not panel.pages["deformation"].motion.isVisible()
    assert not explore.gallery.form.projection_ctf.isVisibleTo(explore.gallery)
    panel.show_page("paths")
    assert not panel.pages["paths"].movie.make.isEnabled()
    panel.show_page("reconstruct")
    form = panel.pages["reconstruct"].form
    window.wait(lambda: form.offer is not None)
    assert not form.deformed.isEnabled()
    assert form.plain.isChecked()
    methods = panel.pages["train"].form.method
    assert "imported" not in [methods.itemData(i) for i in range(methods.count())]
    assert not panel.pages["data"].next_button.isEnabled()
    assert window.errors() == []


def test_training_on_the_same_particles_is_one_click(window, data):
    _open(window, data)
    window.panel.show_page("train")
    window.click(window.train.no_training.train_button)
    assert window.session.job is None
    assert window.session.inputs.particles == data / "particles.star"
    assert window.train.body.isVisible()
    assert not window.train.no_training.isVisible()


def test_latents_of_a_subset_leave_the_other_particles_out(window, data):
    job = _open(window, data, "zsub.pkl", "ind.pkl")
    view = window.panel.pages["explore"].latent_view
    np.testing.assert_array_equal(view.rows, np.arange(50, 250))
    assert np.isnan(job.latents().mean[:50]).all()


def test_what_does_not_fit_is_said_next_to_the_button(window, data):
    form = window.data.imports
    window.session.open_path(data / "zsub.pkl")
    _type(form.fields["particles"], data / "particles.star")
    window.click(form.button)
    window.wait(lambda: "300 particles" in form.said.text())
    assert "200 rows" in form.said.text()
    assert form.button.isEnabled()
    assert window.session.job is None
    (data / "bad.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    form.set_latents(data / "bad.pkl")
    window.click(form.button)
    window.wait(lambda: "nothing in it was run" in form.said.text())
    assert not list(data.glob("latents_*"))


def test_columns_of_a_star_are_ticked(window, data):
    form = window.data.imports
    window.session.open_path(data / "z.pkl")
    _type(form.fields["particles"], data / "particles.star")
    _type(form.fields["latents"], data / "particles.star")
    window.wait(lambda: form.columns.count() > 0)
    names = [form.columns.item(i).text() for i in range(form.columns.count())]
    assert "rlnDefocusU" in names
    assert "rlnImageName" not in names
    assert form.missing() == "Tick the columns that hold the latents."
    form.columns.item(names.index("rlnDefocusU")).setCheckState(Qt.CheckState.Checked)
    assert form.chosen_columns() == ("rlnDefocusU",)
    assert form.button.isEnabled()
    assert "--columns rlnDefocusU" in form.command.text()


def test_maps_of_other_particles_are_not_offered_on(window: ShellWindow, data: Path, tmp_path):
    form = window.data.imports
    window.open_and_check(data / "particles.star")
    assert form.path("consensus") == data / "consensus.mrc"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(data / "particles.star", elsewhere / "particles.star")
    _type(form.fields["particles"], elsewhere / "particles.star")
    assert form.path("consensus") is None
    _type(form.fields["consensus"], data / "consensus.mrc")  # named by the user: stays
    _type(form.fields["particles"], data / "particles.star")
    _type(form.fields["particles"], elsewhere / "particles.star")
    assert form.path("consensus") == data / "consensus.mrc"
