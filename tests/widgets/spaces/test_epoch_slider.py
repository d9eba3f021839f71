"""The slider under the latent space view: which epoch is shown, with which model, in the same
axes."""

import numpy as np
import pytest
from explore_fakes import FakeJob
from explore_window import Window
from qt_waiting import handle_events

from napari_conformix.training import events
from napari_conformix.widgets.spaces.epoch_slider import Epochs

WINDOW = Window


@pytest.fixture
def window(shared, tmp_path):
    job = FakeJob(tmp_path)
    job.past, job.models = [2, 5, 8, 11, 14], [11, 14]
    shared.open(job)
    shared.wait(lambda: shared.page.view_panel.epochs.epochs is not None)
    yield shared
    shared.leave()


def slider_of(window: Window):
    return window.page.view_panel.epochs


def go_to(window: Window, epoch: int) -> None:
    slider = slider_of(window)
    slider.slider.setValue(slider.epochs.kept.index(epoch))
    wanted = None if epoch == slider.epochs.shown else epoch
    window.wait(lambda: window.page.latent_view.past == wanted)
    window.settle()


def pixels(window: Window, view) -> np.ndarray:
    return window.overlay.transform.to_pixels(view.xy.astype(float))


def test_words_of_an_epoch() -> None:
    epochs = Epochs((1, 7, 17, 20), frozenset({17, 20}), 17, 17, 20)
    assert epochs.text(7, running=False) == "Epoch 7 of 20, chosen: 17"
    assert epochs.text(17, running=False) == "Epoch 17 of 20, chosen"
    epochs = Epochs((1, 7, 12), frozenset({12}), 12, None, 12)
    assert epochs.text(7, running=True) == "Epoch 7 of 12 so far, newest: 12"
    assert epochs.text(12, running=False) == "Epoch 12 of 12, last"


def test_it_stands_at_the_result_and_is_not_there_without_a_history(window, tmp_path) -> None:
    slider = slider_of(window)
    assert slider.isVisible()
    assert slider.epochs.kept == (2, 5, 8, 11, 12, 14)
    assert slider.epoch == 12
    assert window.page.latent_view.past is None
    assert not slider.note.isVisible()
    (tmp_path / "old").mkdir()
    window.open(FakeJob(tmp_path / "old", count=300))
    window.wait(lambda: slider.epochs is not None and slider.epochs.kept == (12,))
    assert not slider.isVisible()


@pytest.mark.parametrize("space", ["Motion view (both halves)", "Principal components of half 1"])
def test_an_earlier_epoch_is_shown_in_the_same_axes(window: Window, space: str) -> None:
    window.choose(window.page.views.space_box, space)
    now = window.page.latent_view
    before, height = pixels(window, now), window.page.canvas.height()
    go_to(window, 5)
    then = window.page.latent_view
    np.testing.assert_array_equal(then.rows, now.rows)
    assert then.past == then.space.epoch == 5
    # the fake's latents of epoch 5 are a quarter of those of the result
    if space.startswith("Motion"):
        expected = 0.25 * now.xy
    else:
        expected = now.space.project(0.25 * window.job.latents().mean[now.rows])[:, :2]
    np.testing.assert_allclose(then.xy, expected, atol=1e-4)
    # and the camera has not followed them
    assert window.page.canvas.height() == height
    spread = np.ptp(pixels(window, then), axis=0) / np.ptp(before, axis=0)
    np.testing.assert_allclose(spread, 0.25, rtol=0.02)
    go_to(window, 12)
    assert window.page.canvas.height() == height
    np.testing.assert_allclose(window.page.latent_view.xy, now.xy)
    np.testing.assert_allclose(pixels(window, window.page.latent_view), before, atol=1)
    window.choose(window.page.views.space_box, "Motion view (both halves)")


def test_the_molecule_is_that_of_the_epoch_while_its_model_is_kept(window: Window) -> None:
    go_to(window, 14)
    window.drag([(2.0, 0.0), (3.0, 0.0)])
    window.settle()
    assert window.job.decoded_by[-1] == 14
    assert "epoch 14" in window.page.conformation.decoded_label.text()
    assert "Molecule at the cursor: epoch 14" in slider_of(window).note.text()
    decoded = len(window.job.decoded)
    go_to(window, 5)
    assert len(window.job.decoded) == decoded
    assert "no model of epoch 5 is kept" in slider_of(window).note.text()
    assert "model of epoch 5 is no longer kept" in window.page.conformation.decoded_label.text()
    slider_of(window).back.click()
    window.wait(lambda: window.page.latent_view.past is None)
    window.settle()
    assert window.job.decoded_by[-1] is None
    assert "epoch 12" in window.page.conformation.decoded_label.text()


def test_it_follows_the_training_unless_the_user_looks_back(window: Window) -> None:
    slider = slider_of(window)
    window.job.past, window.job.epoch = [2, 5, 8, 11, 12], 13
    window.job.tell(events.Latents(epoch=13))
    window.wait(lambda: slider.epoch == 13)
    assert window.page.latent_view.past is None
    go_to(window, 5)
    window.job.past, window.job.epoch = [2, 5, 8, 11, 12, 13], 15
    window.job.tell(events.Latents(epoch=15))
    window.wait(lambda: slider.epochs.shown == 15)
    window.settle()
    assert slider.epoch == 5
    assert window.page.latent_view.past == 5
    assert window.session.latents.epoch == 15  # what all else works with


def test_the_chosen_epoch_becomes_the_result_in_the_middle(window: Window) -> None:
    slider = slider_of(window)
    window.job.past = [2, 5, 8, 11, 12, 14]
    window.job.epoch = window.job.chosen = 8
    window.job.tell(events.Latents(epoch=8))
    window.wait(lambda: slider.epoch == 8)
    assert slider.label.text() == "Epoch 8 of 14, chosen"
    assert slider.back.text() == "Chosen"
    assert window.page.latent_view.past is None
    go_to(window, 14)
    assert slider.label.text() == "Epoch 14 of 14, chosen: 8"


def test_playing_goes_through_all_epochs_and_ends_at_the_result(window: Window) -> None:
    slider = slider_of(window)
    slider._timer.setInterval(40)
    seen = []
    slider.epoch_chosen.connect(seen.append)
    slider.slider.setValue(0)
    slider.play.click()
    window.wait(lambda: not slider.play.isChecked())
    slider.epoch_chosen.disconnect(seen.append)
    assert seen == [2, 5, 8, 11, 12, 14, 12]
    window.wait(lambda: window.page.latent_view.past is None)


def test_a_lasso_in_an_earlier_view_says_of_which_epoch_it_is(window: Window) -> None:
    go_to(window, 11)
    view = window.page.latent_view
    low, high = view.extent
    window.lasso([(low[0], low[1]), (0.0, low[1]), (0.0, high[1]), (low[0], high[1])])
    assert window.page.history.steps[-1]["epoch"] == 11
    assert window.page.history.mask.any()
    handle_events()


def test_dragging_the_slider_through_many_epochs_never_lags(window: Window) -> None:
    slider = slider_of(window)
    for index in [0, 1, 2, 3, 5, 2, 1, 0]:
        slider.slider.setValue(index)
    window.wait(lambda: window.page.latent_view.past == 2)
    window.settle()
    assert window.page.latent_view.past == 2
