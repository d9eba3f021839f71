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
    assert ours.weight.grad is None and ours.bias.grad is not None  # noqa: PT018


def test_mixed_precision_is_left_to_the_library():
    ours, _ = pair(3, 1)
    ours = ours.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = ours(torch.randn(1, 3, 4, 4, 4))
    assert out.dtype == torch.bfloat16
