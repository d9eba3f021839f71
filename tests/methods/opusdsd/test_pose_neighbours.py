"""Soft assignment over neighbouring poses: against scipy's rotations and sums in long double."""

import numpy as np
import pytest
import torch
from point_atoms import Atoms, rotations
from scipy.spatial.transform import Rotation

from napari_conformix.imaging import project_voxels, voxel_positions
from napari_conformix.methods.opusdsd.pose_neighbours import (
    marginal_misfit,
    neighbouring_poses,
)

COUNT, DEGREES = 12, 5.0
ROTATION = torch.as_tensor(rotations(COUNT))


def turns(poses):
    """Rotation vectors (b, k, 3) in degrees, in the frame of the image, of each pose's turn."""
    relative = ROTATION.mT[:, None] @ poses
    vectors = Rotation.from_matrix(relative.reshape(-1, 3, 3).numpy()).as_rotvec(degrees=True)
    return vectors.reshape(len(poses), -1, 3)


@pytest.mark.parametrize("neighbours", [6, 8, 14])
def test_neighbours_lie_at_the_angle_all_around_the_pose(neighbours):
    poses = neighbouring_poses(ROTATION, DEGREES, neighbours)
    assert poses.shape == (COUNT, 1 + neighbours, 3, 3)
    torch.testing.assert_close(poses[:, 0], ROTATION)
    vectors = turns(poses)
    np.testing.assert_allclose(vectors, vectors[:1].repeat(COUNT, 0), atol=1e-9)  # one design
    around = vectors[0, 1:]
    np.testing.assert_allclose(np.linalg.norm(around, axis=1), DEGREES, atol=1e-9)
    np.testing.assert_allclose(around.sum(0), 0, atol=1e-9)
    # no direction is favoured, and no pose is there twice
    np.testing.assert_allclose(
        around.T @ around, np.eye(3) * neighbours * DEGREES**2 / 3, atol=1e-8
    )
    assert len(np.unique(around.round(6), axis=0)) == neighbours


def test_turns_about_the_line_of_sight_keep_the_viewing_direction():
    viewing = neighbouring_poses(ROTATION, DEGREES, 6)[..., 2]  # A[:, 2] of each
    cosine = (viewing[:, 1:] * ROTATION[:, None, :, 2]).sum(-1)
    expected = torch.tensor([np.cos(np.deg2rad(DEGREES))] * 4 + [1.0] * 2, dtype=torch.float64)
    torch.testing.assert_close(cosine, expected.expand(COUNT, 6))


def test_other_numbers_of_neighbours_are_refused():
    with pytest.raises(ValueError, match="6, 8 and 14"):
        neighbouring_poses(ROTATION, DEGREES, 7)


def test_mixed_precision_keeps_the_poses():
    single = ROTATION.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        poses = neighbouring_poses(single, DEGREES)
    torch.testing.assert_close(poses, neighbouring_poses(single, DEGREES), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("offset", "dtype"), [(0.0, torch.float64), (60_000.0, torch.float32)])
def test_marginal_likelihood_is_the_mean_over_the_poses(offset, dtype):
    """Also where exp(-r / 2) of no pose can be written down."""
    residual = 30 * torch.rand(50, 9, dtype=torch.float64, generator=torch.manual_seed(1))
    exact = residual.numpy().astype(np.longdouble)
    likelihood = np.exp(-exact / 2)
    negative_log, responsibilities = marginal_misfit((residual + offset).to(dtype))
    tolerance = 1e-12 if dtype == torch.float64 else 0.01  # digits of 60,000 in single precision
    np.testing.assert_allclose(
        negative_log - offset / 2, -np.log(likelihood.mean(1)).astype(float), atol=tolerance
    )
    expected = likelihood / likelihood.sum(1, keepdims=True)
    np.testing.assert_allclose(responsibilities, expected.astype(float), atol=tolerance)


def test_gradient_is_weighted_by_the_responsibilities():
    residual = 10 * torch.rand(6, 7, dtype=torch.float64, generator=torch.manual_seed(2))
    residual.requires_grad_()
    negative_log, responsibilities = marginal_misfit(residual)
    negative_log.sum().backward()
    torch.testing.assert_close(residual.grad, responsibilities / 2)
    assert not responsibilities.requires_grad
    assert torch.autograd.gradcheck(lambda r: marginal_misfit(r)[0], residual)


def test_one_pose_is_the_plain_misfit():
    residual = torch.tensor([[3.0], [5.0]])
    negative_log, responsibilities = marginal_misfit(residual)
    assert negative_log.tolist() == [1.5, 2.5]
    assert responsibilities.tolist() == [[1.0], [1.0]]


def test_the_true_pose_is_found_among_the_neighbours():
    """Noisy images of atoms at one of the poses, projected in closed form."""
    box, pixel, sigma = 24, 4.0, 0.1
    atoms = Atoms.random(40, radius=30.0, b_factor=800.0)
    volume = torch.as_tensor(atoms.density(box, pixel))
    poses = neighbouring_poses(ROTATION, 12.0, 8)
    rng = np.random.default_rng(4)
    true = rng.integers(0, 9, COUNT)
    turn = Rotation.from_rotvec(turns(poses)[0], degrees=True).as_matrix()[true]
    images = atoms.images(rotations(COUNT) @ turn, np.zeros((COUNT, 2)), box, pixel)
    images = torch.as_tensor(images + sigma * rng.normal(size=images.shape))

    positions, _ = voxel_positions(box, pixel)
    values = volume.flatten().expand(COUNT * 9, -1)
    nowhere = torch.zeros(COUNT * 9, 2, dtype=torch.float64)
    transforms = project_voxels(
        values, positions.double(), poses.flatten(0, 1), nowhere, box, pixel
    )
    projections = torch.fft.fftshift(torch.fft.irfft2(transforms), dim=(-2, -1))
    difference = images[:, None] - projections.view(COUNT, 9, box, box)
    residual = (difference / sigma).square().sum((-2, -1))
    negative_log, responsibilities = marginal_misfit(residual)
    assert responsibilities.argmax(1).tolist() == true.tolist()
    # and no image is explained worse than by the best pose less the price of the choice
    price = 0.5 * residual.min(1).values + np.log(9) - negative_log
    assert (price >= 0).all()
