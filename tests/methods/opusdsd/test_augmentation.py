"""Random contrast and brightness of the encoder's images."""

import pytest
import torch

from napari_conformix.methods.opusdsd.augmentation import vary_contrast_and_brightness


def images(count: int = 2000, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    torch.manual_seed(0)
    sizes = 10 ** torch.linspace(-3, 3, count, dtype=dtype)
    return torch.randn(count, 6, 6, dtype=dtype) * sizes[:, None, None] + 0.3


def test_every_image_becomes_c_x_plus_b_sigma():
    """c and b recovered from each image by least squares: within their range, evenly, and apart."""
    given = images()
    torch.manual_seed(1)
    varied = vary_contrast_and_brightness(given, contrast=0.4, brightness=0.2)
    x, y = given.flatten(1), varied.flatten(1)
    centred = x - x.mean(1, keepdim=True)
    contrast = (centred * y).sum(1) / centred.square().sum(1)
    sigma = x.std(1, correction=0)
    brightness = (y.mean(1) - contrast * x.mean(1)) / sigma
    fitted = contrast[:, None] * x + (brightness * sigma)[:, None]
    assert ((fitted - y).abs() / sigma[:, None]).max() < 1e-9
    for value, centre, strength in ((contrast, 1.0, 0.4), (brightness, 0.0, 0.2)):
        assert (value - centre).abs().max() <= strength + 1e-9
        quantiles = torch.quantile((value - centre) / strength, torch.linspace(0, 1, 9).double())
        torch.testing.assert_close(quantiles, torch.linspace(-1, 1, 9).double(), atol=0.1, rtol=0)
    assert torch.corrcoef(torch.stack([contrast, brightness]))[0, 1].abs() < 0.1


def test_strength_zero_changes_no_bit():
    given = images(10, torch.float32)
    given[0, 0, 0] = -0.0
    given[1, 0, 0] = float("nan")
    varied = vary_contrast_and_brightness(given, 0.0, 0.0)
    assert torch.equal(varied.view(torch.int32), given.view(torch.int32))


def test_one_strength_at_a_time():
    given = images(50)
    brighter = vary_contrast_and_brightness(given, 0.0, 0.5) - given
    spread = brighter.flatten(1).std(1) / given.flatten(1).std(1)
    assert spread.max() < 1e-9
    assert brighter.abs().amax((1, 2)).min() > 0
    ratio = (vary_contrast_and_brightness(given, 0.5, 0.0) / given).flatten(1)
    assert (ratio.std(1) < 1e-9).all()
    assert (ratio[:, 0] - 1).abs().min() > 0


def test_input_is_left_alone_and_the_seed_decides():
    given = images(5, torch.float32)
    before = given.clone()
    torch.manual_seed(2)
    first = vary_contrast_and_brightness(given, 0.3, 0.3)
    second = vary_contrast_and_brightness(given, 0.3, 0.3)
    torch.manual_seed(2)
    again = vary_contrast_and_brightness(given, 0.3, 0.3)
    assert torch.equal(given, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert first.dtype == torch.float32


def test_an_empty_image_stays_empty():
    varied = vary_contrast_and_brightness(torch.zeros(3, 4, 4), 0.3, 0.3)
    assert torch.equal(varied, torch.zeros(3, 4, 4))


@pytest.mark.parametrize(("contrast", "brightness"), [(1.0, 0.0), (-0.1, 0.0), (0.0, -1.0)])
def test_strengths_that_turn_the_contrast_are_refused(contrast, brightness):
    with pytest.raises(ValueError, match="contrast must be"):
        vary_contrast_and_brightness(torch.zeros(1, 2, 2), contrast, brightness)
