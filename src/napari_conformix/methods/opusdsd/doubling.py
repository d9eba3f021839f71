"""The transposed convolution that doubles a cube's side, at a speed a CPU is capable of."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

#: up to so many output channels the library's kernel for CPUs is the slower one (measured)
_FEW_CHANNELS = 8


class Doubling(nn.ConvTranspose3d):
    """(b, c, n, n, n) -> (b, c', 2n, 2n, 2n): transposed, kernel 4, stride 2, padding 1.

    The same weights and results as `nn.ConvTranspose3d`. On a CPU a layer with few output channels,
    such as the last one of a decoder, is done as a plain convolution with kernel 2 to eight times
    the channels, one set for each parity of (z, y, x): 4 to 7 times as fast there.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 4, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        if x.device.type != "cpu" or self.out_channels > _FEW_CHANNELS:
            return super().forward(x)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        x = x.to(dtype).contiguous(memory_format=torch.channels_last_3d)
        assert self.bias is not None
        with torch.autocast("cpu", enabled=False):
            doubled: torch.Tensor = _ByParity.apply(  # type: ignore[no-untyped-call]
                x, self.weight.to(dtype), self.bias.to(dtype)
            )
        return doubled


class _ByParity(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        b, n, channels = len(x), x.shape[-1], weight.shape[1]
        padded = F.conv3d(x, _kernels_by_parity(weight), bias.repeat(8), padding=1)
        # channels last: (b, n + 1, n + 1, n + 1, pz, py, px, c')
        parts = padded.permute(0, 2, 3, 4, 1).reshape(b, n + 1, n + 1, n + 1, 2, 2, 2, channels)
        out = x.new_empty(b, n, 2, n, 2, n, 2, channels)
        for z, y, x_ in ((z, y, x_) for z in (0, 1) for y in (0, 1) for x_ in (0, 1)):
            out[:, :, z, :, y, :, x_] = parts[:, z : z + n, y : y + n, x_ : x_ + n, z, y, x_]
        return out.view(b, 2 * n, 2 * n, 2 * n, channels).permute(0, 4, 1, 2, 3)

    @staticmethod
    def backward(
        ctx: Any, grad: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        x, weight = ctx.saved_tensors
        stride, padding, dilation, transposed, output_padding, groups = 2, 1, 1, True, 0, 1
        return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
            grad,
            x,
            weight,
            [weight.shape[1]],
            3 * [stride],
            3 * [padding],
            3 * [dilation],
            transposed,
            3 * [output_padding],
            groups,
            list(ctx.needs_input_grad),
        )


def _kernels_by_parity(weight: torch.Tensor) -> torch.Tensor:
    """(c, c', 4, 4, 4) of a transposed convolution -> (8 c', c, 2, 2, 2) of a plain one.

    Output 2 t takes its inputs t - 1 and t with taps 3 and 1, output 2 t - 1 with taps 2 and 0.
    """
    taps = torch.tensor([[3, 1], [2, 0]], device=weight.device)  # parity, input
    by_parity = weight[:, :, taps][..., taps, :][..., taps]  # (c, c', pz, tz, py, ty, px, tx)
    kernels = by_parity.permute(2, 4, 6, 1, 0, 3, 5, 7).flatten(0, 3)
    return kernels.contiguous(memory_format=torch.channels_last_3d)
