"""Where a training step of DynaMight spends its time, next to the least it could take.

    python benchmarks/dynamight_profile.py [--box 64] [--gaussians 2000] [--batch-size 64]

Images of a ball in noise, one thread; milliseconds of CPU per image, forward and backward. The
floor is what no program of this kind can leave out: one transform of the fine grid each way, one
read and one write of the grid's four pixels for every Gaussian, and one multiplication of modes
and coefficients each way and for its two gradients, each as a bare call to the library.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from scipy.spatial.transform import Rotation

from napari_conformix.methods.dynamight import DynaMight, DynaMightSettings
from napari_conformix.methods.dynamight.graph import deformation_energy
from napari_conformix.training.contract import Batch, Frame

PIXEL = 4.0
OVERSAMPLING = 2


def milliseconds(work: Callable[[], object], images: int, seconds: float = 1.5) -> float:
    """CPU time of one image; the least of several rounds, since neighbours only ever add."""
    work()
    rounds = []
    end = time.process_time() + seconds
    while time.process_time() < end:
        start = time.process_time()
        work()
        rounds.append(time.process_time() - start)
    return 1e3 * min(rounds) / images


def make(args: argparse.Namespace, decoder: str, embedding: str) -> tuple[DynaMight, Batch]:
    box = args.box
    axis = torch.arange(box) - box // 2
    radius = (axis**2 + axis[:, None] ** 2 + axis[:, None, None] ** 2).float().sqrt()
    molecule = torch.sigmoid((0.25 * box - radius) / 1.5)
    torch.manual_seed(1)
    method = DynaMight(
        DynaMightSettings(
            gaussians=args.gaussians, decoder=decoder, embedding=embedding, warmup_epochs=0
        ),
        Frame(box, PIXEL, box, PIXEL),
    )
    method.particles = args.batch_size
    method.initialise(molecule, None)
    count = args.batch_size
    batch = Batch(
        torch.arange(count),
        molecule.sum(0) + 10 * torch.randn(count, box, box),
        torch.tensor(Rotation.random(count, random_state=1).as_matrix(), dtype=torch.float32),
        torch.zeros(count, 2),
        torch.ones(count, box, box // 2 + 1),
    )
    method.start_epoch(1, lambda *_: iter([batch]))
    return method, batch


def step(method: DynaMight, batch: Batch) -> None:
    optimizers = method.optimizers(1)
    for optimizer in optimizers:
        optimizer.zero_grad()
    method.training_step(batch, 1)["loss"].backward()
    for optimizer in optimizers:
        optimizer.step()


def kept_bytes(method: DynaMight, batch: Batch) -> int:
    """What a training step keeps in memory between its forward and its backward pass."""
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        terms = method.training_step(batch, 1)
    terms["loss"].backward()
    return sum(kept.values())


def parts(method: DynaMight, batch: Batch) -> dict[str, float]:
    """Each part alone, forward and backward."""
    model, count = method.models[1], len(batch)
    positions = model.reference.positions
    latent = torch.randn(count, method.latent_dim)
    moved = (positions.detach() + torch.zeros(count, 1, 1)).requires_grad_()
    assert model.graph is not None
    graph = model.graph

    def decoder() -> None:
        model.decoder(latent, positions).sum().backward()

    def images() -> None:
        torch.view_as_real(model.predict(moved, batch)).square().sum().backward()

    def edges() -> None:
        sum(deformation_energy(moved, graph)).backward()

    def latents() -> None:
        model.encode(batch)[0].sum().backward()

    named = {"latents": latents, "decoder": decoder, "images": images, "edges": edges}
    return {name: milliseconds(work, count) for name, work in named.items()}


def floor(args: argparse.Namespace) -> float:
    """Bare library calls on arrays of the same sizes, with everything laid out for them."""
    count, fine, modes = args.batch_size, args.box * OVERSAMPLING, DynaMightSettings().modes
    grid = torch.randn(count, fine, fine)
    spectrum = torch.fft.rfft2(grid)
    flat = grid.view(count, -1)
    where = torch.randint(fine * fine, (count, 4 * args.gaussians))
    share = torch.rand(count, 4 * args.gaussians)
    coefficients, basis = torch.randn(count, modes), torch.randn(modes, 3 * args.gaussians)
    field = torch.randn(count, 3 * args.gaussians)
    total = 0.0
    for call in (
        lambda: torch.fft.rfft2(grid),
        lambda: torch.fft.irfft2(spectrum),
        lambda: flat.scatter_add(1, where, share),
        lambda: flat.gather(1, where),
        lambda: coefficients @ basis,
        lambda: field @ basis.T,
        lambda: coefficients.T @ field,
    ):
        total += milliseconds(call, count, 0.5)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--box", type=int, default=64)
    parser.add_argument("--gaussians", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"box {args.box}, {args.gaussians:,} Gaussians, batch {args.batch_size}, one thread")
    for decoder, embedding in (("modes", "per-particle"), ("coordinate", "encoder")):
        method, batch = make(args, decoder, embedding)
        whole = milliseconds(lambda m=method, b=batch: step(m, b), len(batch), 4.0)
        print(
            f"\n{decoder} decoder, {embedding} latents: {whole:.3f} ms, {1e3 / whole:.0f} images/s"
        )
        found = parts(method, batch)
        for name, value in found.items():
            print(f"  {name:<10} {value:7.3f} ms  {value / whole:4.0%}")
        print(f"  {'the rest':<10} {whole - sum(found.values()):7.3f} ms")
        kept = kept_bytes(method, batch)
        print(f"  kept for the gradient: {kept / 1e6:.0f} MB,", end=" ")
        print(f"{kept / len(batch) / args.gaussians:.0f} bytes a Gaussian and image")
    print(f"\nfloor: {floor(args):.3f} ms")


if __name__ == "__main__":
    main()
