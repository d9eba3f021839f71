"""Results stay on the device of what they are made from.

Torch's "meta" device has shapes and no values, and refuses to be mixed with the CPU: what runs on
it makes no tensor on the wrong device. The values are compared where there is a GPU.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from point_atoms import rotations

from napari_conformix import imaging
from napari_conformix.reconstruction import Reconstructor
from napari_conformix.training.contract import Batch

BOX = 16
OPTICS = SimpleNamespace(
    voltage_kv=300.0,
    cs_mm=2.7,
    amplitude_contrast=0.1,
    beam_tilt_mrad=(1.0, 0.5),
    odd_zernike=(0.1, 0.2),
    even_zernike=(0.1, 0.2, 0.3),
)
PARTICLES = SimpleNamespace(
    optics=[OPTICS],
    optics_index=np.zeros(3, np.int32),
    defocus_u_angstrom=np.array([9e3, 1e4, 1.2e4]),
    defocus_v_angstrom=np.array([9.5e3, 1e4, 1.1e4]),
    defocus_angle_degrees=np.array([10.0, 20.0, 30.0]),
    phase_shift_degrees=np.zeros(3),
    ctf_b_factor=np.array([1.0, 2.0, 3.0]),
    ctf_scale=np.array([1.0, 0.9, 1.1]),
)
GENERATOR = torch.Generator().manual_seed(0)
INPUTS = {
    "images": torch.randn(3, BOX, BOX, generator=GENERATOR),
    "volume": torch.randn(BOX, BOX, BOX, generator=GENERATOR),
    "rotation": torch.as_tensor(rotations(3)).float(),
    "angles": torch.randn(3, 3, generator=GENERATOR),
    "shift": torch.randn(3, 2, generator=GENERATOR),
}
OPERATORS = {
    "euler_to_matrix": lambda t, d: imaging.euler_to_matrix(t["angles"]),
    "ctf_of": lambda t, d: imaging.ctf_of(PARTICLES, [2, 0], BOX, 3.0, d),
    "remove_odd_phase": lambda t, d: imaging.remove_odd_phase(
        torch.fft.rfft2(t["images"]), PARTICLES, [0, 1, 2], 3.0
    ),
    "fourier_shift": lambda t, d: imaging.fourier_shift(torch.fft.rfft2(t["images"]), t["shift"]),
    "resample_2d": lambda t, d: imaging.resample_2d(t["images"], 2.0, 12, 2.5),
    "resample_3d": lambda t, d: imaging.resample_3d(t["volume"], 2.0, 12, 2.5),
    "spread_shells_2d": lambda t, d: imaging.spread_shells_2d(t["images"][0, 0, :9], BOX),
    "fsc": lambda t, d: imaging.fsc(t["volume"], t["volume"].flip(0)),
    "circle_mask": lambda t, d: imaging.circle_mask(BOX, 4.0, 2.0, d),
    "sphere_mask": lambda t, d: imaging.sphere_mask(BOX, 4.0, 0.0, d),
    "noise_power": lambda t, d: imaging.noise_power(t["images"]),
    "project_volume_real_space": lambda t, d: imaging.project_volume_real_space(
        t["volume"], t["rotation"]
    ),
}
#: whose flow depends on values, which "meta" does not have
ON_GPU_ONLY = {
    "project_volume": lambda t, d: imaging.project_volume(t["volume"], t["rotation"]),
    "background_noise_power": lambda t, d: imaging.background_noise_power(t["images"], 4.0),
    "soft_mask": lambda t, d: imaging.soft_mask(t["volume"], 0.5),
    "Reconstructor": lambda t, d: reconstruct(t, d),
}


def reconstruct(tensors, device):
    reconstructor = Reconstructor(BOX, 3.0, device=device)
    ctf = imaging.ctf_of(PARTICLES, [0, 1, 2], BOX, 3.0)
    index = torch.arange(3)
    # a batch on the CPU, as data loaders make them
    cpu = {name: tensor.cpu() for name, tensor in tensors.items()}
    reconstructor.add(Batch(index, cpu["images"], cpu["rotation"], cpu["shift"], ctf))
    return reconstructor.volume()


@pytest.mark.parametrize("name", OPERATORS)
def test_nothing_is_made_on_another_device(name):
    tensors = {key: value.to("meta") for key, value in INPUTS.items()}
    assert OPERATORS[name](tensors, "meta").device.type == "meta"


@pytest.mark.gpu
@pytest.mark.parametrize("name", [*OPERATORS, *ON_GPU_ONLY])
def test_the_gpu_gives_the_values_of_the_cpu(name):
    operator = {**OPERATORS, **ON_GPU_ONLY}[name]
    on_gpu = operator({key: value.to("cuda") for key, value in INPUTS.items()}, "cuda")
    assert on_gpu.device.type == "cuda"
    torch.testing.assert_close(on_gpu.cpu(), operator(INPUTS, "cpu"), atol=1e-3, rtol=1e-3)
