"""Whether the view can be believed, on the Explore page: for jobs of either kind of method."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from explore_fakes import FakeJob, Latents
from explore_window import Window

from napari_conformix.analysis.checks import Gain, Heterogeneity, Invariance
from napari_conformix.analysis.checks.invariance import Explained

WINDOW = Window

FOUND = Heterogeneity(
    "clear",
    "Heterogeneity beyond noise: held-out images are explained better.",
    "Judge each group: conformix clusters JOB -k 6 --reconstruct",
    ("A part of it could be alignment.",),
    400,
    own=Gain(0.1, 0.01),
)


def follows(share: float, epoch: int = 12) -> Invariance:
    """Latents of which the viewing direction explains a share."""
    view = Explained("viewing direction", share, 0.0, 0.002, 1, 0.6, share, 0.0, 0.01)
    return Invariance((view, replace(view, condition="all together")), 2000, epoch=epoch)


class VolumesJob(FakeJob):
    """One model, no displacements."""

    def __init__(self, folder: Path, share: float = 0.0) -> None:
        super().__init__(folder, 400)
        self.share = share
        self.answers = threading.Event()
        self.answers.set()
        self.stopped = False

    def latents(self) -> Latents:
        found = super().latents()
        return replace(found, half=np.zeros_like(found.half), motion_unit="")

    def decode(self, latent, half=None):
        return self.volume(0.0)

    def invariance(self) -> Invariance:
        return follows(self.share, self.epoch)

    def verdict(self, progress=None, stop=None) -> Heterogeneity | None:
        progress(0.5)
        while not self.answers.wait(0.01):
            if stop():
                self.stopped = True
                return None
        return FOUND


@pytest.fixture
def window(empty: Window) -> Window:
    return empty


def shown(window: Window):
    """The group, once it has said something of the latents."""
    checks = window.page.checks
    window.wait(lambda: "Looking" not in checks.invariance.text() and checks.invariance.text())
    return checks


def test_a_one_model_job_is_tested_when_it_is_asked_for(window: Window, tmp_path: Path) -> None:
    window.open(VolumesJob(tmp_path))
    checks = shown(window)
    assert "no sign" in checks.invariance.text()
    assert checks.test.isVisible()
    assert not checks.verdict.isVisible()
    checks.test.click()
    window.wait(lambda: checks.verdict.level == "good")
    assert "held-out images" in checks.verdict.text().lower()
    assert checks.advice.text() == "Judge each group, on the Clusters page."
    assert "could be alignment" in checks.warnings.text()
    assert not checks.test.isVisible()
    assert not checks.stop.isVisible()


def test_it_can_be_stopped_and_asked_again(window: Window, tmp_path: Path) -> None:
    job = VolumesJob(tmp_path)
    job.answers.clear()
    window.open(job)
    checks = shown(window)
    checks.test.click()
    window.wait(lambda: checks.progress.text() == "50 %")
    assert checks.stop.isVisible()
    assert not checks.test.isEnabled()
    checks.stop.click()
    window.wait(lambda: job.stopped)
    assert checks.test.isEnabled()
    assert not checks.stop.isVisible()
    job.answers.set()
    checks.test.click()
    window.wait(lambda: checks.verdict.level == "good")


def test_latents_that_follow_the_view_are_a_warning(window: Window, tmp_path: Path) -> None:
    window.open(VolumesJob(tmp_path, share=0.31))
    checks = shown(window)
    assert "31\N{NO-BREAK SPACE}%" in checks.invariance.text()
    assert "may show how particles were seen" in checks.invariance.text()
    assert "rlnAngleRot" in checks.invariance_advice.text()
    assert checks.invariance_advice.isVisible()


def test_a_job_with_displacements_is_not_tested_here(window: Window, tmp_path: Path) -> None:
    window.open(FakeJob(tmp_path, 300))
    checks = shown(window)
    assert "cannot be said" in checks.invariance.text()
    assert not checks.test.isVisible()
    assert not checks.verdict.isVisible()


def test_what_was_said_of_another_job_is_gone(window: Window, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    window.open(VolumesJob(tmp_path / "one", share=0.31))
    checks = shown(window)
    checks.test.click()
    window.wait(lambda: checks.verdict.level == "good")
    window.session.close_job()
    window.settle()
    assert not checks.verdict.isVisible()
    assert not checks.invariance.isVisible()
    window.open(VolumesJob(tmp_path / "two"))
    window.wait(lambda: "no sign" in checks.invariance.text())
    assert not checks.verdict.isVisible()
    assert not checks.invariance_advice.isVisible()
