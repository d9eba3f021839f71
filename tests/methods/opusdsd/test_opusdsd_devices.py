"""The priors stay on the device of what they are given, and mean the same on all of them.

Torch's "meta" device has shapes and no values, and refuses to be mixed with the CPU: what runs on
it makes no tensor on the wrong device, and waits for no value. The values are compared where there
is a GPU.
"""

from collections.abc import Callable

import pytest
import torch

from napari_conformix.methods.opusdsd.augmentation import vary_contrast_and_brightness
from napari_conformix.methods.opusdsd.prior import MemoryBank, disentanglement
from napari_conformix.methods.opusdsd.volume_priors import lasso, total_variation

GENERATOR = torch.Generator().manual_seed(0)
CODES = torch.randn(20, 8, generator=GENERATOR)
BANK = torch.randn(900, 8, generator=GENERATOR)
VOLUME = torch.randn(2, 8, 8, 8, generator=GENERATOR)
INSIDE = torch.rand(8, 8, 8, generator=GENERATOR) < 0.5

Loss = Callable[[torch.Tensor, torch.device], torch.Tensor]
LOSSES: dict[str, tuple[torch.Tensor, Loss]] = {
    "disentanglement": (CODES, lambda x, to: sum(disentanglement(x, BANK.to(to)).values())),
    "total variation": (VOLUME, lambda x, to: total_variation(x).sum()),
    "total variation, masked": (VOLUME, lambda x, to: total_variation(x, INSIDE.to(to)).sum()),
    "LASSO": (VOLUME, lambda x, to: lasso(x, INSIDE.to(to)).sum()),
    "augmentation": (VOLUME[0], lambda x, to: vary_contrast_and_brightness(x, 0.5, 0.5).sum()),
}


def value_and_gradient(name: str, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    given, loss = LOSSES[name]
    given = given.to(device, copy=True).requires_grad_()
    value = loss(given, torch.device(device))
    (gradient,) = torch.autograd.grad(value, given)
    return value, gradient


@pytest.mark.parametrize("name", LOSSES)
def test_everything_stays_on_its_device(name):
    value, gradient = value_and_gradient(name, "meta")
    assert value.device.type == gradient.device.type == "meta"
    assert value.shape == ()
    assert gradient.shape == LOSSES[name][0].shape


@pytest.mark.parametrize("name", ["disentanglement", "total variation", "LASSO"])
def test_mixed_precision_is_kept_out(name):
    expected, gradient = value_and_gradient(name, "cpu")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value, found = value_and_gradient(name, "cpu")
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(found, gradient)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [name for name in LOSSES if name != "augmentation"])
def test_a_gpu_finds_what_the_cpu_finds(name):
    expected, found = value_and_gradient(name, "cpu"), value_and_gradient(name, "cuda")
    torch.testing.assert_close(found[0].cpu(), expected[0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[1].cpu(), expected[1], rtol=1e-4, atol=1e-6)


@pytest.mark.gpu
def test_the_bank_lives_on_a_gpu():
    bank = MemoryBank(torch.arange(900) % 48, 8).cuda()
    bank.fill(torch.arange(900), BANK)
    bank.update(torch.arange(20, device="cuda"), CODES.cuda())
    torch.testing.assert_close(bank.codes[:20].cpu(), 0.7 * BANK[:20] + 0.3 * CODES)
    own = torch.Generator("cuda").manual_seed(1)
    for drawn in (bank.sample(100, 3), bank.sample(100, 3, own)):
        assert drawn.device.type == "cuda"
        assert drawn.shape == (100, 8)
