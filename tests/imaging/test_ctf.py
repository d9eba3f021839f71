"""The CTF against its formula in float64, and what goes wrong with the axes of astigmatism."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from point_atoms import hand_ctf
from torch_ctf import calculate_ctf_2d

from napari_conformix.imaging import ctf_2d, ctf_of

BOX, PIXEL = 96, 1.5
RNG = np.random.default_rng(3)
COUNT = 30
U = RNG.uniform(6000, 25000, COUNT)
V = U - RNG.uniform(-4000, 4000, COUNT)  # in either order
V[0] = U[0]
ANGLE = RNG.uniform(-90, 180, COUNT)
PHASE = RNG.choice([0.0, 30.0, 90.0], COUNT)


def tensors(*columns):
    return [torch.tensor(c, dtype=torch.float32) for c in columns]


def ours(u=U, v=V, angle=ANGLE, phase=PHASE, **more):
    return ctf_2d(*tensors(u, v, angle, phase), 300.0, 2.7, 0.1, PIXEL, BOX, **more)


def worst(ctf):
    """Largest error of any image, as a fraction of the CTF's range."""
    expected = hand_ctf(U, V, ANGLE, PHASE, BOX, PIXEL)
    return np.abs(ctf.numpy() - expected).max()


def test_formula():
    ctf = ours()
    assert ctf.shape == (COUNT, BOX, BOX // 2 + 1)
    assert ctf.dtype == torch.float32
    assert worst(ctf) < 2e-3  # float32 phases of up to 200 radians


def test_amplitude_contrast_is_positive_at_zero_frequency():
    np.testing.assert_allclose(ours(phase=0 * PHASE)[:, 0, 0], 0.1, atol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"angle": -ANGLE},
        {"angle": ANGLE + 90},
        {"u": V, "v": U},
        {"phase": -PHASE},
        {"u": U * 1.01},
    ],
    ids=["angle's sign", "angle from y", "U and V exchanged", "phase's sign", "one percent"],
)
def test_wrong_variants_are_seen(wrong):
    assert worst(ours(**wrong)) > 0.1


def test_exchanged_axes_are_the_same_ellipse():
    torch.testing.assert_close(ours(u=V, v=U, angle=ANGLE + 90), ours(), atol=2e-3, rtol=0)


def test_the_library_alone_has_no_answer_for_u_below_v():
    bare = calculate_ctf_2d(
        defocus=torch.tensor([1.0]),
        astigmatism=torch.tensor([-0.1]),
        astigmatism_angle=torch.tensor([0.0]),
        voltage=300.0,
        spherical_aberration=2.7,
        amplitude_contrast=0.1,
        phase_shift=0.0,
        pixel_size=PIXEL,
        image_shape=(BOX, BOX),
        rfft=True,
        fftshift=False,
    )
    assert bare.isnan().any()
    assert not ours(u=U - 5000).isnan().any()


def test_b_factor_and_scale():
    b, scale = np.linspace(-20, 150, COUNT), np.linspace(0.5, 1.5, COUNT)
    got = ours(b_factor=tensors(b)[0], scale=tensors(scale)[0]) / ours()
    k = np.fft.fftfreq(BOX, PIXEL)
    s2 = k[:, None] ** 2 + np.fft.rfftfreq(BOX, PIXEL) ** 2
    expected = np.exp(-b[:, None, None] / 4 * s2) * scale[:, None, None]
    solid = ours().abs() > 0.01
    np.testing.assert_allclose(got[solid], expected[solid.numpy()], rtol=1e-4)


def test_gradient_in_defocus_and_phase():
    small = {"voltage_kv": 300.0, "cs_mm": 2.7, "amplitude_contrast": 0.1}
    generator = torch.Generator().manual_seed(0)
    probe = torch.randn(1, 16, 9, generator=generator)

    def value(x):
        u, v, angle, phase = x[:, None]
        ctf = ctf_2d(u, v, angle, phase, pixel_size_angstrom=4.0, box=16, **small)
        return (ctf * probe).sum()

    x = torch.tensor([9000.0, 8000.0, 20.0, 10.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(value(x), x)
    for i, step in enumerate([50.0, 50.0, 1.0, 1.0]):
        change = torch.zeros(4)
        change[i] = step
        with torch.no_grad():
            finite = (value(x + change) - value(x - change)) / (2 * step)
        assert gradient[i] == pytest.approx(float(finite), rel=0.02, abs=1e-5)


@dataclass(frozen=True)
class Group:
    """An optics group of a test."""

    name: str = "g"
    voltage_kv: float = 300.0
    cs_mm: float = 2.7
    amplitude_contrast: float = 0.1
    beam_tilt_mrad: tuple[float, float] = (0.0, 0.0)
    odd_zernike: tuple[float, ...] = ()
    even_zernike: tuple[float, ...] = ()
    magnification: tuple[float, float, float, float] = field(default=(1.0, 0.0, 0.0, 1.0))


def particle_table(optics, index):
    n = len(index)
    return SimpleNamespace(
        optics=optics,
        optics_index=np.asarray(index, np.int32),
        defocus_u_angstrom=U[:n],
        defocus_v_angstrom=V[:n],
        defocus_angle_degrees=ANGLE[:n],
        phase_shift_degrees=PHASE[:n],
        ctf_b_factor=np.linspace(0, 50, n, dtype=np.float32),
        ctf_scale=np.linspace(0.8, 1.2, n, dtype=np.float32),
    )


def test_particles_of_several_optics_groups():
    optics = [Group(), Group(voltage_kv=200.0, cs_mm=1.4, amplitude_contrast=0.07)]
    optics.append(Group(even_zernike=(0.3, 5.0, 0.0, -5.0)))
    particles = particle_table(optics, [0, 1, 2, 0, 1, 2])
    rows = [5, 1, 1, 0, 3]
    got = ctf_of(particles, rows, 32, 3.0)
    assert got.shape == (5, 32, 17)
    for i, row in enumerate(rows):
        group = optics[particles.optics_index[row]]
        b, scale = particles.ctf_b_factor[row], particles.ctf_scale[row]
        k = np.fft.fftfreq(32, 3.0)
        y, x = np.meshgrid(k, np.fft.rfftfreq(32, 3.0), indexing="ij")
        extra = np.zeros_like(x)
        if group.even_zernike:  # 1, r^2 sin 2 phi = 2xy, r^2 cos 2 phi
            extra = 0.3 + 5.0 * 2 * x * y - 5.0 * (x**2 - y**2)
        alone = ctf_2d(
            *tensors(U[[row]], V[[row]], ANGLE[[row]], PHASE[[row]]),
            group.voltage_kv,
            group.cs_mm,
            group.amplitude_contrast,
            3.0,
            32,
            b_factor=torch.tensor([float(b)]),
            scale=torch.tensor([float(scale)]),
            even_phase=torch.as_tensor(extra, dtype=torch.float32),
        )
        torch.testing.assert_close(got[i], alone[0], atol=2e-4, rtol=0)


def test_a_grid_twice_as_coarse_has_the_same_low_frequencies():
    """Images cropped in Fourier space need no CTF but that of their new grid."""
    particles = particle_table([Group()], [0] * 6)
    fine, coarse = ctf_of(particles, range(6), 64, 2.0), ctf_of(particles, range(6), 32, 4.0)
    torch.testing.assert_close(coarse[:, :16, :16], fine[:, :16, :16], atol=1e-3, rtol=0)


def test_no_particles():
    particles = particle_table([Group()], [0, 0])
    assert ctf_of(particles, [], 16, 2.0).shape == (0, 16, 9)
