"""The doubling convolution against torch's own transposed convolution, in float64."""

import pytest
import torch
from torch import nn

from napari_conformix.methods.opusdsd.doubling import Doubling


def pair(before, after):
    """Ours and torch's, with the same weights."""
    torch.manual_seed(before + after)
    ours = Doubling(before, after).double()
    theirs = nn.ConvTranspose3d(before, after, 4, 2, 1).double()
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize(("before", "after", "side"), [(3, 1, 4), (5, 4, 1), (2, 8, 3), (4, 12, 3)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_values_and_gradients_are_those_of_the_transposed_convolution(
    before, after, side, channels_last
):
    ours, theirs = pair(before, after)
    x = torch.randn(2, before, side, side, side, dtype=torch.float64)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last_3d)
        ours = ours.to(memory_format=torch.channels_last_3d)
    probe = torch.randn(2, after, *3 * (2 * side,), dtype=torch.float64)
    found = []
    for layer in (ours, theirs):
        inputs = x.clone().requires_grad_()
        out = layer(inputs)
        (out * probe).sum().backward()
        found.append([out.detach(), inputs.grad, layer.weight.grad, layer.bias.grad])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_what_needs_no_gradient_gets_none():
    ours, _ = pair(3, 1)
    ours.weight.requires_grad_(False)
    x = torch.randn(1, 3, 4, 4, 4, dtype=torch.float64)
    ours(x).sum().backward()
    assert ours.weight.grad is None
    assert float(ours.bias.grad) == 8**3


def test_mixed_precision_rounds_no_more_than_the_library():
    ours, theirs = (layer.float() for layer in pair(12, 1))
    x = torch.randn(2, 12, 5, 5, 5)
    exact = theirs(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours_low, theirs_low = ours(x), theirs(x)
    assert ours_low.dtype == theirs_low.dtype == torch.bfloat16
    errors = [float((low.float() - exact).abs().max().detach()) for low in (ours_low, theirs_low)]
    assert errors[0] < 1.5 * errors[1]
    ours_low.float().square().sum().backward()
    exact.square().sum().backward()
    assert ours.weight.grad.dtype == torch.float32
    scale = float(theirs.weight.grad.abs().max())
    assert float((ours.weight.grad - theirs.weight.grad).abs().max()) < 0.02 * scale
