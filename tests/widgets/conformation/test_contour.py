"""The contour on the Data page is the one that training takes, and says what it leads to."""

from pathlib import Path

import pytest
import torch
from shell_window import ShellWindow

from napari_conformix.methods.dynamight.reference import place_gaussians
from napari_conformix.particles import read_map


@pytest.mark.parametrize("masked", [True, False])
def test_contour_and_gaussians_are_those_of_training(
    window: ShellWindow, star: Path, masked: bool
) -> None:
    window.open_and_check(star)
    if not masked:
        window.session.change_inputs(mask=None)
        window.session.close_job()  # shows the consensus again
    contour = window.data.contour
    window.wait(lambda: not window.session.workers.busy("data contour"))
    array, pixel_size = read_map(star.parent / "consensus.mrc")
    mask = read_map(star.parent / "mask.mrc")[0] if masked else None
    placed = place_gaussians(
        torch.from_numpy(array.copy()),
        pixel_size,
        0,
        0.0,
        None if mask is None else torch.from_numpy(mask.copy()),
        torch.Generator().manual_seed(0),
    )
    assert contour.slider.value() == pytest.approx(placed.threshold, rel=1e-3)
    assert contour.scene.threshold == pytest.approx(placed.threshold, rel=1e-3)
    if not masked:  # the contour encloses volume outside of the mask too
        assert f"{len(placed.positions):,} Gaussians" in contour.text.text()


def test_the_count_of_gaussians_follows_contour_and_settings(
    window: ShellWindow, star: Path
) -> None:
    window.open_and_check(star)
    contour, settings = window.data.contour, window.train.form.settings
    window.wait(lambda: "Gaussians, two a residue" in contour.text.text())
    before = contour.text.text()
    contour.slider.setValue(2 * contour.slider.value())
    assert "Gaussians, two a residue" in contour.text.text()
    assert contour.text.text() != before
    settings.set_values({"gaussians": 123})
    window.panel.show_page("train")
    window.panel.show_page("data")
    assert "123 Gaussians, as the settings say" in contour.text.text()
    settings.set_values({"gaussians": 0})
