"""Euler angles and A, against the product of three elementary rotations."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from napari_conformix.imaging import euler_to_matrix, matrix_to_euler


def about_z(degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def about_y(degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


ANGLES = [(0, 0, 0), (30, 0, 0), (10, 50, -170), (-120, 90, 45), (33, 180, 12), (5, 179.999, 7)]


@pytest.mark.parametrize("angles", ANGLES)
def test_matrix_is_rz_ry_rz(angles):
    rot, tilt, psi = angles
    expected = about_z(rot) @ about_y(tilt) @ about_z(psi)
    got = euler_to_matrix(torch.tensor(angles, dtype=torch.float64))
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-14)


def test_angles_come_back():
    generator = torch.Generator().manual_seed(0)
    angles = torch.rand(2, 100, 3, generator=generator, dtype=torch.float64)
    angles = angles * torch.tensor([358.0, 178.0, 358.0]) + torch.tensor([-179.0, 1.0, -179.0])
    back = matrix_to_euler(euler_to_matrix(angles))
    torch.testing.assert_close(back, angles, atol=1e-9, rtol=0)


@pytest.mark.parametrize("angles", ANGLES)
def test_the_matrix_comes_back_where_angles_are_not_unique(angles):
    matrix = euler_to_matrix(torch.tensor([angles], dtype=torch.float64))
    again = euler_to_matrix(matrix_to_euler(matrix))
    torch.testing.assert_close(again, matrix, atol=1e-7, rtol=0)


def test_dtype_is_kept_and_float32_is_good_to_a_thousandth_of_a_pixel():
    angles = torch.tensor([[123.4, 56.7, -89.0]])
    matrix = euler_to_matrix(angles)
    assert matrix.dtype == torch.float32
    assert matrix_to_euler(matrix).dtype == torch.float32
    error = (matrix.double() - euler_to_matrix(angles.double())).abs().max()
    assert error * 256 < 1e-3


def test_gradient():
    angles = torch.tensor([[20.0, 40.0, 60.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(euler_to_matrix, angles)


@pytest.mark.parametrize("angles", [[0.0, 0.0, 0.0], [30.0, 180.0, -50.0], [10.0, 70.0, 200.0]])
def test_the_gradient_by_the_angles_is_that_of_finite_differences(angles: list[float]) -> None:
    """Also where tilt is 0 or 180, and rot and psi turn about one axis."""
    at = torch.tensor(angles, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(euler_to_matrix, (at,))


def test_the_matrix_is_scipys_to_rounding() -> None:
    angles = torch.rand(500, 3, dtype=torch.float64) * 720 - 360
    wanted = Rotation.from_euler("ZYZ", angles.numpy(), degrees=True).as_matrix()
    assert np.abs(euler_to_matrix(angles).numpy() - wanted).max() < 1e-14


def test_nothing_that_a_window_cannot_bear_is_loaded_for_it() -> None:
    """Triton, which kills a process with software OpenGL, comes with torch's compiler."""
    code = (
        "import sys, torch, napari_conformix.imaging, napari_conformix.methods.dynamight, "
        "napari_conformix.methods.opusdsd; from napari_conformix import Job; "
        "from napari_conformix.imaging import euler_to_matrix; euler_to_matrix(torch.zeros(3)); "
        "print([m for m in sys.modules if m.split('.')[0] in ('roma', 'triton', 'lightning_fabric')"
        " or m.startswith('torch._dynamo')])"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert loaded.strip() == "[]"
