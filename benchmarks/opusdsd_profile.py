"""Where a training step of OPUS-DSD spends its time, next to the least it could take.

    python benchmarks/opusdsd_profile.py [--box 32 64] [--width 0.125] [--batch-size 32] [--bf16]

Images of a ball in noise, a mask around it, one thread; milliseconds of CPU per image, forward and
backward. The floor is what no program with these networks can leave out: the multiplications of
all convolutions at the rate of a large matrix product, one transform of the splat's grid each way,
and one read and one write of its four pixels for every voxel, each as a bare call to the library.
"""

import argparse
import contextlib
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from scipy.spatial.transform import Rotation
from torch import nn

from napari_conformix.imaging import sphere_mask
from napari_conformix.methods.opusdsd import OpusDsd, OpusDsdSettings
from napari_conformix.training.contract import Batch, Frame

PIXEL = 4.0
#: particles with a code in the memory bank
PARTICLES = 10_000


def milliseconds(work: Callable[[], object], images: int, seconds: float = 2.0) -> float:
    """CPU time of one image; the least of several rounds, since neighbours only ever add."""
    work()
    rounds = []
    end = time.process_time() + seconds
    while time.process_time() < end or len(rounds) < 2:
        start = time.process_time()
        work()
        rounds.append(time.process_time() - start)
    return 1e3 * min(rounds) / images


def make(box: int, args: argparse.Namespace) -> tuple[OpusDsd, Batch]:
    """A method whose mask is a ball, and a batch of one class."""
    axis = torch.arange(box) - box // 2
    radius = (axis**2 + axis[:, None] ** 2 + axis[:, None, None] ** 2).float().sqrt()
    molecule = torch.sigmoid((0.25 * box - radius) / 1.5)
    torch.manual_seed(1)
    settings = OpusDsdSettings(width=args.width, decoder_box=args.decoder_box or 0)
    method = OpusDsd(settings, Frame(box, PIXEL, box, PIXEL))
    method.particles = PARTICLES
    method.initialise(molecule, sphere_mask(box, args.mask_radius * box))
    poses = torch.tensor(Rotation.random(PARTICLES, random_state=1).as_matrix()).float()
    classes = method.batch_classes(poses.numpy())
    assert classes is not None
    index = torch.tensor(classes == classes[0]).nonzero()[: args.batch_size, 0]
    count = len(index)
    batch = Batch(
        index,
        molecule.sum(0) + 10 * torch.randn(count, box, box),
        poses[index],
        torch.zeros(count, 2),
        torch.ones(count, box, box // 2 + 1),
    )
    method.first_pass(batch, 0)
    assert method._bank is not None
    method._bank.fill(torch.arange(PARTICLES), torch.randn(PARTICLES, method.latent_dim))
    method.start_epoch(1, lambda *_: iter([batch]))
    method.begin_step(0.5)
    return method, batch


def precision(args: argparse.Namespace) -> contextlib.AbstractContextManager[object]:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16)


def step(method: OpusDsd, batch: Batch, args: argparse.Namespace) -> None:
    optimizers = method.optimizers(0)
    for optimizer in optimizers:
        optimizer.zero_grad()
    with precision(args):
        loss = method.training_step(batch, 0)["loss"]
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()


def kept_bytes(method: OpusDsd, batch: Batch, args: argparse.Namespace) -> int:
    """What a training step keeps in memory between its forward and its backward pass."""
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), precision(args):
        terms = method.training_step(batch, 0)
    terms["loss"].backward()
    return sum(kept.values())


def parts(method: OpusDsd, batch: Batch, args: argparse.Namespace) -> dict[str, float]:
    """Each part alone, forward and backward."""
    model, count = method.model, len(batch)
    side = model.side.voxels
    latent = torch.randn(count, method.latent_dim, requires_grad=True)
    cube = torch.randn(count, side, side, side, requires_grad=True)
    observed = model.observed(batch)
    values = model.values(cube).detach().requires_grad_()

    def timed(work: Callable[[], torch.Tensor]) -> float:
        def there_and_back() -> None:
            with precision(args):
                result = work()
            result.sum().backward()

        return milliseconds(there_and_back, count)

    def images() -> torch.Tensor:
        return model.data_loss(observed - model.predict(model.values(cube), batch))

    with torch.no_grad():
        seen = milliseconds(lambda: model.encoder_input(batch, augment=True), count)
    (optimizer,) = method.optimizers(0)
    return {
        "input": seen,
        "encoder": timed(lambda: torch.cat(model.encoder(cube.detach()))),
        "decoder": timed(lambda: model.decode_cube(latent)),
        "images": timed(images),
        "code priors": timed(lambda: sum(method._disentanglement(batch, latent).values())),
        "volume priors": timed(lambda: sum(method._volume_priors(cube, values))),
        "optimiser": milliseconds(optimizer.step, count),
    }


def multiplications(method: OpusDsd) -> float:
    """Gflop of all convolutions for one image, forward and both gradients."""
    total = 0

    def note(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        few = inputs[0] if isinstance(layer, nn.ConvTranspose3d) else output
        total += few[0, 0].numel() * layer.weight.numel()  # each voxel meets each weight once

    model = method.model
    layers = [m for m in model.modules() if isinstance(m, nn.Conv3d | nn.ConvTranspose3d)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        model.encoder(model.decode_cube(torch.zeros(1, method.latent_dim)))
    for hook in hooks:
        hook.remove()
    return 3 * 2 * total / 1e9


def floor(method: OpusDsd, batch: Batch, dtype: torch.dtype) -> tuple[float, float, float]:
    """Milliseconds of the convolutions and of the projection, and Gflop of the convolutions."""
    size = 1024
    a, b = torch.randn(2, size, size, dtype=dtype)
    rate = 2 * size**3 / 1e9 / milliseconds(lambda: a @ b, 1, 1.0)  # Gflop in a millisecond
    gflop = multiplications(method)
    count, model = len(batch), method.model
    fine = model.box * model.settings.oversampling
    grid = torch.randn(count, fine, fine)
    spectrum = torch.fft.rfft2(grid)
    flat = grid.view(count, -1)
    where = torch.randint(fine * fine, (count, 4 * len(model.inside)))
    share = torch.rand(count, 4 * len(model.inside))
    projection = sum(
        milliseconds(call, count, 0.5)
        for call in (
            lambda: torch.fft.rfft2(grid),
            lambda: torch.fft.irfft2(spectrum),
            lambda: flat.scatter_add(1, where, share),
            lambda: flat.gather(1, where),
        )
    )
    return gflop / rate, projection, gflop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--box", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--decoder-box", type=int, help="default: the box of the images")
    parser.add_argument(
        "--mask-radius", type=float, default=0.3, help="of the box; 0.49: the cube is not cut"
    )
    parser.add_argument("--width", type=float, default=OpusDsdSettings().width)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 where torch allows it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for box in args.box:
        method, batch = make(box, args)
        count, model = len(batch), method.model
        print(
            f"box {box}, {len(model.inside):,} voxels in a cube of {model.side.voxels}, "
            f"width {args.width:g}, batch {count}, one thread{', bfloat16' * args.bf16}"
        )
        whole = milliseconds(lambda m=method, b=batch: step(m, b, args), count, 6.0)
        print(f"  whole step     {whole:8.3f} ms, {1e3 / whole:.1f} images/s")
        found = parts(method, batch, args)
        for name, value in found.items():
            print(f"  {name:<14} {value:8.3f} ms  {value / whole:4.0%}")
        print(f"  {'the rest':<14} {whole - sum(found.values()):8.3f} ms")
        dtype = torch.bfloat16 if args.bf16 else torch.float32
        convolutions, projection, gflop = floor(method, batch, dtype)
        print(
            f"  floor          {convolutions + projection:8.3f} ms: convolutions "
            f"{convolutions:.3f} ({gflop:.2f} Gflop), projection {projection:.3f}"
        )
        kept = kept_bytes(method, batch, args)
        print(
            f"  kept for the gradient: {kept / 1e6:.0f} MB, "
            f"{kept / count / model.side.voxels**3:.0f} bytes an image and voxel of the cube\n"
        )


if __name__ == "__main__":
    main()
