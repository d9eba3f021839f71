"""Images per second of the operators of imaging and reconstruction, on one CPU thread or a GPU.

On the CPU a second is one of processor time, so that a busy machine does not matter.

    python benchmarks/imaging_speed.py [--device cuda] [--box 64 128] [--batch 32]
"""

import argparse
import os
import time
from collections.abc import Callable
from types import SimpleNamespace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from napari_conformix.imaging import (
    ctf_of,
    fourier_shift,
    fsc,
    project_volume,
    project_volume_real_space,
    project_voxels,
    resample_2d,
    sample_images,
    sphere_mask,
    voxel_positions,
)
from napari_conformix.reconstruction import Reconstructor
from napari_conformix.training.contract import Batch


def per_second(work: Callable[[], object], items: int, device: str, seconds: float = 2.0) -> float:
    """Items a second, after one run to warm up."""
    on_gpu = device.startswith("cuda")
    wait = torch.cuda.synchronize if on_gpu else lambda: None
    clock = time.perf_counter if on_gpu else time.process_time
    work()
    wait()
    runs, start = 0, clock()
    while clock() - start < seconds:
        work()
        wait()
        runs += 1
    return items * runs / (clock() - start)


def optics() -> SimpleNamespace:
    return SimpleNamespace(
        voltage_kv=300.0,
        cs_mm=2.7,
        amplitude_contrast=0.1,
        beam_tilt_mrad=(0.0, 0.0),
        odd_zernike=(),
        even_zernike=(),
    )


def particles(count: int) -> SimpleNamespace:
    rng = np.random.default_rng(0)
    return SimpleNamespace(
        optics=[optics()],
        optics_index=np.zeros(count, np.int32),
        defocus_u_angstrom=rng.uniform(8000, 20000, count),
        defocus_v_angstrom=rng.uniform(8000, 20000, count),
        defocus_angle_degrees=rng.uniform(0, 180, count),
        phase_shift_degrees=np.zeros(count),
        ctf_b_factor=np.zeros(count),
        ctf_scale=np.ones(count),
    )


def measure(box: int, count: int, device: str) -> dict[str, float]:
    rows, table = np.arange(count), particles(count)
    rotation = torch.as_tensor(Rotation.random(count, random_state=0).as_matrix()).float()
    batch = Batch(
        index=torch.arange(count),
        images=torch.randn(count, box, box),
        rotation=rotation,
        shift_angstrom=torch.randn(count, 2),
        ctf=ctf_of(table, rows, box, 2.0),
    ).to(device)
    volume = torch.randn(box, box, box, device=device)
    spectrum = torch.fft.rfft2(batch.images)
    large = torch.randn(count, 2 * box, 2 * box, device=device)
    reconstructor = Reconstructor(box, 2.0, device=device)
    positions, _ = voxel_positions(box, 2.0, sphere_mask(box, 0.29 * box) > 0)
    positions = positions.to(device)
    values = torch.randn(count, len(positions), device=device, requires_grad=True)
    pose = batch.rotation, batch.shift_angstrom

    def voxels() -> torch.Tensor:
        return project_voxels(values, positions, *pose, box, 2.0)

    def voxels_and_back() -> None:
        torch.autograd.grad(torch.view_as_real(voxels()).square().sum(), values)

    tasks: dict[str, tuple[Callable[[], object], int]] = {
        "project (Fourier slices)": (lambda: project_volume(volume, batch.rotation), count),
        "project (voxel grid)": (
            lambda: project_volume_real_space(volume, batch.rotation[:4]),
            4,
        ),
        "project (voxels of a tenth of the box)": (voxels, count),
        "the same and back": (voxels_and_back, count),
        "sample images at these voxels": (
            lambda: sample_images(batch.images, positions, *pose, 2.0),
            count,
        ),
        "CTF": (lambda: ctf_of(table, rows, box, 2.0, device), count),
        "shift": (lambda: fourier_shift(spectrum, batch.shift_angstrom), count),
        "crop from twice the box": (lambda: resample_2d(large, 1.0, box, 2.0), count),
        "back-project": (lambda: reconstructor.add(batch), count),
        "map from sums (maps/s)": (reconstructor.volume, 1),
        "FSC (pairs/s)": (lambda: fsc(volume, volume), 1),
    }
    return {name: per_second(work, items, device) for name, (work, items) in tasks.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--box", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    results = {box: measure(box, arguments.batch, arguments.device) for box in arguments.box}
    width = max(len(name) for name in results[arguments.box[0]])
    print(f"images/s, {arguments.device}, {torch.get_num_threads()} thread(s)")
    print(" " * width, *(f"box {box:>5}" for box in results))
    for name in results[arguments.box[0]]:
        print(f"{name:{width}}", *(f"{table[name]:9.1f}" for table in results.values()))


if __name__ == "__main__":
    main()
