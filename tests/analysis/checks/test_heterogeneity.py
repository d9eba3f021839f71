"""Heterogeneity beyond noise, asked of pictures whose truth is known."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from picture_method import BOX, Pictures, blob, moved, ring
from scipy.spatial.transform import Rotation

from napari_conformix.analysis.checks import (
    Condition,
    Heterogeneity,
    heterogeneity,
    imaged,
    together,
)
from napari_conformix.analysis.checks.heterogeneity import FEWEST_PARTICLES, judge
from napari_conformix.analysis.checks.pixel_halves import only, power, random_halves
from napari_conformix.training.contract import Batch

BASE = 0.5 * ring()
CHANGES = 0.8 * np.stack([blob(6, 0) - blob(-6, 0), blob(0, 8), blob(3, -7, 4)])
ALONG_X = BASE - moved(BASE, np.array([[1.0, 0]]))[0]


class Sample:
    """Images of particles in noise of variance 1, and how they were seen."""

    def __init__(self, count: int = 200, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.rotation = Rotation.random(count, random_state=seed).as_matrix()
        self.shift = self.random.normal(0, 4, (count, 2))
        self.defocus = self.random.uniform(8000, 25000, count)
        self.rows = np.arange(count)
        self.noise = self.random.normal(size=(count, BOX, BOX))
        self.images = self.noise

    def show(self, pictures: np.ndarray, extra_px: np.ndarray | float = 0.0) -> "Sample":
        """Image (n, BOX, BOX) or one picture for all; `extra_px` (n, 2) is not in the file."""
        at = self.shift / 4 + extra_px
        still = np.broadcast_to(pictures, self.noise.shape)
        shown = [moved(p, s[None])[0] for p, s in zip(still, at, strict=True)]
        self.images = np.stack(shown) + self.noise
        return self

    def changed(self, states: np.ndarray, base: np.ndarray = BASE) -> "Sample":
        return self.show(base + np.einsum("nd,dyx->nyx", states, CHANGES))

    @property
    def conditions(self) -> list[Condition]:
        alone = imaged(self.rotation, self.shift, self.defocus, np.zeros(len(self.rows)))
        return [*alone, together(alone, self.rotation)]

    def batch(self, rows: np.ndarray) -> Batch:
        parts = (self.images[rows], self.rotation[rows], self.shift[rows])
        images, rotation, shift = (torch.from_numpy(part).float() for part in parts)
        ctf = torch.ones(len(rows), BOX, BOX // 2 + 1)
        return Batch(torch.from_numpy(rows), images, rotation, shift, ctf)

    def ask(self, method: Pictures | None = None, seed: int = 0) -> Heterogeneity:
        method = method or Pictures(BASE, CHANGES)
        centre = method.embed(self.batch(self.rows), 0)[0].mean(0)
        found = heterogeneity(method, self.batch, self.rows, centre, self.conditions, seed=seed)
        assert found is not None
        return found


def three_states(sample: Sample) -> np.ndarray:
    return 1.5 * sample.random.normal(size=(len(sample.rows), 3))


# -- the verdict ----------------------------------------------------------------------------------


def test_particles_that_differ_are_found() -> None:
    sample = Sample()
    found = sample.changed(three_states(sample)).ask()
    assert found.found
    assert found.level == "clear"
    assert found.sentence.startswith("Heterogeneity beyond noise: ")
    assert "conformix clusters JOB" in found.advice
    assert found.other.mean > found.own.mean


def test_the_gain_is_what_the_pictures_differ_by() -> None:
    """Half of the pixels judge, so that a change c of the picture gives |c|^2 / 2; each of three
    latents is off by twice the noise of a whole image, which costs 1 on a half, and by what of the
    change a random half of the pixels does not show."""
    sample = Sample(300)
    found = sample.changed(0.5 * three_states(sample)).ask()
    differ = 0.75**2 * np.square(CHANGES).sum() / 2
    unit = np.square(BASE).sum() / 2
    most = (differ - 3) / unit
    assert 0.5 * most < found.own.mean < most + 2 * found.own.error


def test_discrete_states_are_found() -> None:
    sample = Sample(300)
    state = sample.random.integers(0, 2, 300)
    assert sample.changed(4.0 * np.eye(3)[state]).ask().found


def test_rigid_particles_raise_no_alarm() -> None:
    """Their latents are noise, so that the mean one explains them better."""
    found = [Sample(80, seed).show(BASE).ask(seed=seed) for seed in range(16)]
    assert {f.level for f in found} == {"none"}
    assert all(f.own.mean < 0 for f in found)
    others = np.array([f.other.mean / f.other.error for f in found])
    assert abs(others.mean()) < 3 / np.sqrt(len(others))
    assert found[0].sentence.startswith("No heterogeneity beyond noise: ")
    assert "consensus" in found[0].advice


def test_latents_that_scatter_by_direction_raise_no_alarm() -> None:
    """Rigid particles whose latents are noisier, or whose change is less seen, from some sides."""

    class Scattering(Pictures):
        def embed(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
            mean, std = super().embed(batch, half)
            spread = 4 * batch.rotation[:, 2:3, 2] ** 4
            generator = torch.Generator().manual_seed(int(batch.index[0]))
            return mean + spread * torch.randn(mean.shape, generator=generator), std

    levels = {
        Sample(150, seed).show(BASE).ask(Scattering(BASE, CHANGES), seed).level for seed in range(6)
    }
    assert levels == {"none"}


def test_what_follows_from_the_view_is_named_as_such() -> None:
    """Rigid particles whose reference is wrong in a way that depends on the side."""
    sample = Sample(250)
    states = np.zeros((250, 3))
    states[:, 0] = 2.5 * sample.rotation[:, 2, 2]
    states[:, 1] = 2 * np.sin(3 * sample.rotation[:, 0, 2])
    found = sample.changed(states).ask()
    assert (found.level, found.found) == ("artefact", False)
    assert "pose, shift and defocus alone predict" in found.sentence
    assert "aberration" in found.advice


def test_structure_beside_what_follows_from_the_view_is_found_with_a_warning() -> None:
    sample = Sample(250)
    states = three_states(sample)
    states[:, 0] += 4 * sample.rotation[:, 2, 2]
    found = sample.changed(states).ask()
    assert found.found
    assert any("of the gain is there already" in text for text in found.warnings)


@pytest.mark.parametrize("what", ["shift", "brightness"])
def test_alignment_is_no_heterogeneity(what: str) -> None:
    """A rigid particle that lies elsewhere, or is brighter, than its row says."""
    sample = Sample(250)
    if what == "shift":
        extra = np.zeros((250, 2))
        extra[:, 0] = sample.random.normal(0, 0.8, 250)
        sample.show(2 * BASE, extra)
        base, change = 2 * BASE, 2 * ALONG_X
    else:
        sample.show(BASE * sample.random.normal(1, 0.3, (250, 1, 1)))
        base = change = BASE
    found = sample.ask(Pictures(base, np.stack([change, CHANGES[1]])))
    assert (found.level, found.found) == ("alignment", False)
    assert "correct the alignment" in found.sentence


def test_latents_that_tell_less_than_their_noise_are_weak() -> None:
    sample = Sample(400)
    found = sample.changed(0.2 * three_states(sample)).ask()
    assert (found.level, found.found) == ("weak", False)
    assert "Do not sort single particles" in found.advice


def test_a_fit_to_the_same_pixels_would_have_been_taken_in() -> None:
    """What the halves are for: on its own image, the latent of a rigid particle gains."""
    sample = Sample(120).show(BASE)
    method = Pictures(BASE, CHANGES)
    batch = sample.batch(sample.rows)
    own = method.embed(batch, 0)[0]
    everywhere = torch.ones(120, BOX, BOX // 2 + 1, dtype=torch.bool)
    left = [
        power(method.image_residual(z, batch, 0), everywhere, BOX).mean()
        for z in (own.mean(0).expand(120, -1), own)
    ]
    assert left[0] - left[1] > 2  # about 1 for each of three latents
    assert sample.ask().own.mean < 0


def test_whatever_the_whitening_and_the_origin_of_phases() -> None:
    """A method may weight shells, leave some out, and put the origin in the centre."""

    class Whitened(Pictures):
        def image_residual(self, latent: torch.Tensor, batch: Batch, half: int) -> torch.Tensor:
            plain = Pictures.image_residual(self, latent, batch, half)
            k = torch.hypot(torch.fft.fftfreq(BOX)[:, None], torch.fft.rfftfreq(BOX)[None])
            sign = torch.pow(-1.0, torch.arange(BOX)[:, None] + torch.arange(BOX // 2 + 1)[None])
            return plain * sign * torch.where(k < 0.4, 1 / (1 + k), 0.0)

        def embed(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
            return Pictures(BASE, CHANGES).embed(batch, half)

    sample = Sample()
    sample.changed(three_states(sample))
    plain, whitened = sample.ask(), sample.ask(Whitened(BASE, CHANGES))
    assert whitened.found
    assert whitened.own.mean == pytest.approx(plain.own.mean, rel=0.3)
    assert not Sample(150, 3).show(BASE).ask(Whitened(BASE, CHANGES)).found


# -- when it cannot be said -----------------------------------------------------------------------


def test_too_few_particles() -> None:
    found = Sample(FEWEST_PARTICLES - 1).show(BASE).ask()
    assert (found.level, found.found) == ("unknown", False)
    assert "39 particles were held out" in found.sentence
    few = Sample(FEWEST_PARTICLES).show(BASE).ask()
    assert any("Only 40 particles" in text for text in few.warnings)


def test_a_structure_that_explains_nothing_yet() -> None:
    found = Sample().ask()  # images of noise alone, and a mean structure that is not in them
    assert found.level == "unknown"
    assert "does not explain" in found.sentence


def test_a_method_that_does_not_say_what_it_predicts() -> None:
    class Silent(Pictures):
        def image_residual(self, latent: torch.Tensor, batch: Batch, half: int) -> None:  # type: ignore[override]
            return None

        def embed(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.zeros(len(batch), 3), torch.ones(len(batch), 3)

    found = Sample().show(BASE).ask(Silent(BASE, CHANGES))
    assert found.level == "unknown"
    assert "does not compare" in found.sentence


def test_a_prediction_that_is_scaled_to_the_image_is_not_judged() -> None:
    class Scaled(Pictures):
        def image_residual(self, latent: torch.Tensor, batch: Batch, half: int) -> torch.Tensor:
            observed = torch.fft.rfft2(batch.images.double())
            predicted = self.picture(latent, batch)
            overlap = (observed * predicted.conj()).real.sum(dim=(1, 2), keepdim=True)
            scale = overlap / predicted.abs().square().sum(dim=(1, 2), keepdim=True)
            return (observed - scale.clamp(0.5, 2.0) * predicted) / BOX

    found = Sample(60).show(BASE).ask(Scaled(BASE, CHANGES))
    assert found.level == "unknown"
    assert "scales what they predict" in found.sentence


def test_it_stops_and_tells_how_far_it_is() -> None:
    sample = Sample(60).show(BASE)
    method, shares = Pictures(BASE, CHANGES), []

    def run(stop: Callable[[], bool]) -> Heterogeneity | None:
        return heterogeneity(
            method,
            sample.batch,
            sample.rows,
            np.zeros(3),
            sample.conditions,
            progress=shares.append,
            stop=stop,
        )

    assert run(lambda: False) is not None
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    for after in (0, 1, 5):
        asked = iter(range(100))
        assert run(lambda asked=asked, after=after: next(asked) >= after) is None


def test_gains_are_what_they_say() -> None:
    count, level = 500, np.random.default_rng(0)
    base = 1000 + level.normal(0, 1, count)
    left = {
        "nothing": base + 100,
        "mean": base,
        "own": base - 10 + level.normal(0, 1, count),
        "conditions": base - 1,
        "own alignment": base - 2,
        "own structure": base - 8,
        "another's structure": base + 5,
    }
    found = judge(left)
    assert found.own.mean == pytest.approx(0.1, abs=0.002)
    assert found.own.error == pytest.approx(0.01 / np.sqrt(count), rel=0.2)
    assert found.other.mean == pytest.approx(0.13)
    assert found.conditions.mean == pytest.approx(0.01)
    assert found.beyond_alignment.mean == pytest.approx(0.08, abs=0.002)
    assert f"{100 * found.own.mean:.1f} ± 0.0 %" in found.sentence


# -- halves of the pixels -------------------------------------------------------------------------


@pytest.mark.parametrize("box", [16, 18])
def test_halves_hold_half_of_the_pixels_and_mates_together(box: int) -> None:
    masks = random_halves(200, box, torch.Generator().manual_seed(1))
    assert masks.float().mean() == pytest.approx(0.5, abs=0.01)
    image = torch.randn(200, box, box, dtype=torch.float64)
    half = torch.fft.rfft2(image) * masks
    back = torch.fft.rfft2(torch.fft.irfft2(half, s=(box, box)))
    torch.testing.assert_close(back, half)  # no pixel leaks into its mate
    full = torch.fft.fft2(torch.fft.irfft2(half, s=(box, box)))
    everything = torch.ones_like(masks)
    torch.testing.assert_close(
        power(back, everything, box), full.abs().square().sum(dim=(1, 2)).double()
    )
    rest = power(torch.fft.rfft2(image), ~masks, box)
    whole = power(torch.fft.rfft2(image), everything, box)
    torch.testing.assert_close(power(half, masks, box) + rest, whole)


def test_an_image_of_one_half_knows_nothing_of_the_other() -> None:
    generator = torch.Generator().manual_seed(2)
    mask = random_halves(3, 16, generator)
    model = torch.randn(3, 16, 16, generator=generator, dtype=torch.float64)
    one, two = (torch.randn(3, 16, 16, generator=generator, dtype=torch.float64) for _ in "12")
    mixed = torch.where(mask, torch.fft.rfft2(one), torch.fft.rfft2(two))
    for image in (one, torch.fft.irfft2(mixed, s=(16, 16))):
        shown = only(image, mask, torch.fft.rfft2(image - model))
        left = torch.fft.rfft2(shown - model)
        torch.testing.assert_close(left, 2 * mask * torch.fft.rfft2(one - model))
