"""A method with one model in the window: chosen in the Train page, and all else is as ever."""

import re
from pathlib import Path

import numpy as np
from qtpy.QtWidgets import QComboBox, QLabel, QWidget
from shell_window import ShellWindow

#: what only a method with two models has
HALF_SETS = re.compile(r"half sets?\b|half [012]\b|both halves")
SMALL = {"epochs": 3, "batch_size": 32, "noise_particles": 16, "threads": 1, "keep_checkpoints": 1}


def said(*widgets: QWidget) -> list[str]:
    """Every word that is on these widgets and what is in them, as shown."""
    texts = []
    for widget in widgets:
        texts += [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]
        for box in widget.findChildren(QComboBox):
            if box.isVisible():
                texts += [box.itemText(i) for i in range(box.count())]
    return texts


def test_choosing_the_method_is_all_that_differs(
    window: ShellWindow, star: Path, tmp_path: Path
) -> None:
    window.open_and_check(star)
    window.panel.show_page("train")
    page = window.train
    page.form.method.setCurrentIndex(page.form.method.findData("opusdsd"))
    assert page.form.preset.itemText(0) == "standard"
    page.form.settings.set_values(SMALL)
    page.form.folder.setText(str(tmp_path / "job"))
    assert "--method opusdsd" in page.form.command()
    window.wait(lambda: page.forecast.forecast is not None, 90)
    assert "voxels" in page.forecast.text.text()
    assert page.forecast.forecast.epoch_seconds > 0

    window.click(page.buttons["train"])
    window.wait_state("finished", 180)
    job = window.session.job
    chosen = job.checkpoints.chosen()
    window.wait(lambda: window.session.latents is not None)
    window.wait(lambda: window.session.latents.epoch == chosen)
    assert f"The result is that of epoch {chosen}" in page.progress.outcome.text()
    assert page.curves.data.chosen == chosen
    page.curves.redraw()
    (mark,) = page.curves._best[1]
    assert mark.value() == chosen
    assert {"annealing_weight", "learning_rate"} <= {
        s.split()[0] for s in page.curves.data.scalars()
    }
    assert "annealing_weight" not in page.curves.data.terms()
    _a_term_each(window)
    assert not [text for text in said(page) if HALF_SETS.search(text.lower())]

    window.panel.show_page("explore")
    explore = window.panel.pages["explore"]
    window.wait(lambda: explore.latent_view is not None)
    window.settle()
    slider = explore.view_panel.epochs
    window.wait(lambda: slider.epochs is not None and slider.isVisible())
    assert slider.epochs.kept == (1, 2, 3)
    assert slider.label.text() == f"Epoch {chosen} of 3, chosen"
    columns = set(window.session.particles.columns)
    words = [text for text in said(explore, explore.view_panel) if text not in columns]
    assert not [text for text in words if HALF_SETS.search(text.lower())]
    assert not explore.conformation.pieces.isVisible()
    _epochs_without_a_model_show_the_view_only(window)
    assert not window.errors()


def _a_term_each(window: ShellWindow) -> None:
    """Every term of the list can be drawn."""
    curves = window.train.curves
    for index in range(curves.term.count()):
        curves.term.setCurrentIndex(index)
        assert curves.shells.isVisible() or curves._lines
    curves.term.setCurrentIndex(0)


def _epochs_without_a_model_show_the_view_only(window: ShellWindow) -> None:
    explore, job = window.panel.pages["explore"], window.session.job
    slider = explore.view_panel.epochs
    gone = [epoch for epoch in slider.epochs.kept if epoch not in job.checkpoints.epochs()]
    for epoch in gone or [slider.epochs.kept[0]]:
        if epoch == slider.epochs.shown:
            continue
        slider.slider.setValue(slider.epochs.kept.index(epoch))
        window.wait(lambda epoch=epoch: explore.latent_view.past == epoch)
        np.testing.assert_allclose(
            explore.latent_view.latents, job.latents(epoch=epoch).mean[explore.latent_view.rows]
        )
        assert explore.latent_view.has_model == (epoch not in gone)
    slider.to_result()
    window.wait(lambda: explore.latent_view.past is None)
