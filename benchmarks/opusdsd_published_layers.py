"""What the layers of the published program cost when they are computed as ours are.

    python benchmarks/opusdsd_published_layers.py [--side 64] [--batch-size 16] [--bf16]

Full width, one thread, CPU ms per image, forward and backward. Encoder: the image turned into the
consensus frame on side^3, strided convolutions to 32, 64 and 128 channels, a trilinear resize to
12^3, 256, 512 and 512 channels. Decoder: 2048 channels, transposed convolutions to 128 channels
on 16^3, a trilinear resize to (side / 16)^3, and 64, 32, 16 and 1 channels up to side^3. Our own
networks differ: their decoder keeps 256 channels at 8^3, resizes there and halves the channels with
each doubling, so that a cube of 64 costs twice the multiplications.
"""

import argparse
import contextlib
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch.nn.functional as F
from torch import nn

from napari_conformix.methods.opusdsd.doubling import Doubling

LATENT = 8
PUBLISHED = "764 ms with full-size images of 64, 346 ms with half-size images (quoted, not rerun)"


class Resize(nn.Module):
    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, size=3 * (self.side,), mode="trilinear")


def encoder(side: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in ((1, 32), (32, 64), (64, 128)):
        layers += [nn.Conv3d(before, after, 4, 2, 1), nn.LeakyReLU(0.2)]
    layers.append(Resize(12))
    for before, after in ((128, 256), (256, 512), (512, 512)):
        layers += [nn.Conv3d(before, after, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 512), nn.Linear(512, 2 * LATENT))


def decoder(side: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(LATENT, 512), nn.LeakyReLU(0.2), nn.Linear(512, 2048)]
    layers.append(nn.Unflatten(1, (2048, 1, 1, 1)))
    for before, after in ((2048, 1024), (1024, 512)):
        layers += [nn.ConvTranspose3d(before, after, 2, 2), nn.LeakyReLU(0.2)]
    for before, after in ((512, 256), (256, 128)):
        layers += [Doubling(before, after), nn.LeakyReLU(0.2)]
    layers.append(Resize(side // 16))
    for before, after in ((128, 64), (64, 32), (32, 16)):
        layers += [Doubling(before, after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, Doubling(16, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=64, choices=(64, 128))
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--bf16", action="store_true")
    args = parser.parse_args()

    torch.set_num_threads(1)
    # a batch of random cubes; what the values are does not change the time
    cube = torch.randn(args.batch_size, 1, *3 * (args.side,))
    latent = torch.randn(args.batch_size, LATENT)
    context = torch.autocast("cpu", torch.bfloat16) if args.bf16 else contextlib.nullcontext()
    total = 0.0
    for name, network, given in (
        ("encoder", encoder(args.side), cube),
        ("decoder", decoder(args.side), latent),
    ):
        network.to(memory_format=torch.channels_last_3d)
        rounds = []
        for _ in range(3):
            start = time.process_time()
            with context:
                out = network(given)
            out.float().square().mean().backward()
            rounds.append(time.process_time() - start)
        took = 1e3 * min(rounds) / args.batch_size
        total += took
        print(f"{name:<10} {took:7.0f} ms an image")
    print(f"{'both':<10} {total:7.0f} ms an image, {1e3 / total:.1f} images per CPU-s")
    print(f"the published program, a whole step: {PUBLISHED}")


if __name__ == "__main__":
    main()
