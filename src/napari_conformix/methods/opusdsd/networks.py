"""The convolutional encoder and decoder (paper, Fig. 1b and c) for a cube of any size."""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from napari_conformix.methods.opusdsd.doubling import Doubling

#: channels of the paper, before `width` scales them
_ENCODER_CHANNELS = (32, 64, 128, 256, 512, 512)
_DECODER_CHANNELS = (2048, 1024, 512, 256, 128, 64, 32, 16)
_HIDDEN = 512
#: side of the cube that the decoder's first three layers make of one voxel
_HEAD_SIDE = 8
_SLOPE = 0.2
#: channels and hidden units that even a narrow network has
_FEWEST_CHANNELS, _FEWEST_HIDDEN = 4, 32
#: log sigma that a fresh encoder gives
_FIRST_LOG_SIGMA = -1.0


@dataclass(frozen=True)
class CubeSide:
    """Side of the decoded cube: `base` voxels, doubled `doublings` times.

    With 8 and 5 it is the paper's 256. Other sides are reached by resizing the 8^3 cube inside the
    decoder to `base`^3 (trilinear), with 5 <= base <= 8.
    """

    base: int
    doublings: int

    @property
    def voxels(self) -> int:
        return self.base << self.doublings

    @classmethod
    def enclosing(cls, voxels: int) -> "CubeSide":
        """The smallest side of at least so many voxels, which is at most a quarter larger.

        Parameters
        ----------
        voxels : int
            What the cube must hold along an edge.

        Returns
        -------
        CubeSide
            With at least one doubling and a base from 5 to 8.
        """
        doublings = 1
        while _HEAD_SIDE * 2**doublings < voxels:
            doublings += 1
        return cls(max(-(-voxels // 2**doublings), _HEAD_SIDE // 2 + 1), doublings)


def _channels(paper: int, width: float) -> int:
    return max(_FEWEST_CHANNELS, round(paper * width))


def _lay_channels_last(module: nn.Module) -> None:
    """Lay kernels out with channels last, as activations then follow: convolutions on a CPU are up
    to twice as fast."""
    module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


class Encoder(nn.Module):
    """(b, m, m, m) image turned into the consensus frame -> latent mean and log sigma, (b, d) each.

    Strided convolutions (kernel 4, stride 2, padding 1) down to one voxel, as many as the side
    needs, then two fully connected layers; LeakyReLU 0.2.
    """

    def __init__(self, side: int, latent_dim: int, width: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, depth = 1, 0
        while side > 1:
            paper = _ENCODER_CHANNELS[min(depth, len(_ENCODER_CHANNELS) - 1)]
            after = _channels(paper, width)
            kernel = min(4, side + 2)  # a side of 2 or 3 is one window
            layers += [nn.Conv3d(before, after, kernel, 2, 1), nn.LeakyReLU(_SLOPE)]
            before, depth, side = after, depth + 1, (side + 2 - kernel) // 2 + 1
        hidden = max(_FEWEST_HIDDEN, round(_HIDDEN * width))
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Sequential(
            nn.Linear(before, hidden),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(_SLOPE),
        )
        self.mean = nn.Linear(hidden, latent_dim)
        self.log_sigma = nn.Linear(hidden, latent_dim)
        nn.init.constant_(self.log_sigma.bias, _FIRST_LOG_SIGMA)
        _lay_channels_last(self)

    def forward(self, cube: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode images.

        Parameters
        ----------
        cube : torch.Tensor
            (b, m, m, m) images turned into the consensus frame.

        Returns
        -------
        mean, log_sigma : torch.Tensor
            (b, d) each.
        """
        features = self.convolutions(cube[:, None]).flatten(1)  # (b, c)
        hidden = self.hidden(features)
        return self.mean(hidden), self.log_sigma(hidden)


class Decoder(nn.Module):
    """(b, d) latents -> (b, m, m, m) volumes: the paper's neural volume.

    Fully connected layers, one voxel with 2048 channels, transposed convolutions that double the
    side (the first two with kernel 2, the rest with kernel 4), LeakyReLU 0.2 except after the last.
    """

    def __init__(self, side: CubeSide, latent_dim: int, width: float) -> None:
        super().__init__()
        self.side = side
        hidden = max(_FEWEST_HIDDEN, round(_HIDDEN * width))
        channels = [_channels(paper, width) for paper in _DECODER_CHANNELS]
        self.hidden = nn.Sequential(
            nn.Linear(latent_dim, hidden),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(hidden, channels[0]),
            nn.LeakyReLU(_SLOPE),
        )
        self.head = nn.ModuleList(
            nn.ConvTranspose3d(before, after, kernel, 2, padding)
            for before, after, kernel, padding in zip(
                channels[:3], channels[1:4], (2, 2, 4), (0, 0, 1), strict=True
            )
        )
        widths = [*channels[3:], *[channels[-1]] * side.doublings]
        tail = [*widths[: side.doublings], 1]
        self.tail = nn.ModuleList(Doubling(before, after) for before, after in pairwise(tail))
        _lay_channels_last(self)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Decode latents.

        Parameters
        ----------
        latent : torch.Tensor
            (b, d).

        Returns
        -------
        torch.Tensor
            (b, m, m, m).
        """
        x = self.hidden(latent)[:, :, None, None, None]  # (b, c, 1, 1, 1)
        for layer in self.head:
            x = F.leaky_relu(layer(x), _SLOPE)  # (b, c, 8, 8, 8) in the end
        if self.side.base != _HEAD_SIDE:
            x = F.interpolate(x, size=3 * (self.side.base,), mode="trilinear")
        for layer in self.tail[:-1]:
            x = F.leaky_relu(layer(x), _SLOPE)
        volume: torch.Tensor = self.tail[-1](x)[:, 0]
        return volume  # (b, m, m, m)
