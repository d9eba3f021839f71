"""Total variation and LASSO of volumes (eq. 8) against loops and shapes that can be counted."""

import math

import numpy as np
import pytest
import torch

from napari_conformix.methods.opusdsd.volume_priors import lasso, total_variation


def looped_total_variation(volume: np.ndarray, inside: np.ndarray, smoothing: float) -> float:
    """Eq. 8 voxel by voxel."""
    total = 0.0
    for place in np.ndindex(volume.shape):
        squared = 0.0
        for axis in range(3):
            step = list(place)
            step[axis] += 1
            after = tuple(step)
            if after[axis] < volume.shape[axis] and inside[place] and inside[after]:
                squared += float(volume[after] - volume[place]) ** 2
        total += math.sqrt(squared + smoothing**2) - smoothing
    return total / volume.size


@pytest.mark.parametrize("masked", [False, True])
def test_total_variation_is_that_of_equation_8(masked):
    random = np.random.default_rng(0)
    volume = random.normal(size=(3, 5, 6, 7)) * np.array([1e-3, 1, 100])[:, None, None, None]
    inside = random.random((5, 6, 7)) < 0.6 if masked else np.ones((5, 6, 7), bool)
    found = total_variation(torch.as_tensor(volume), torch.as_tensor(inside) if masked else None)
    expected = [looped_total_variation(one, inside, 1e-6) for one in volume]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    single = total_variation(torch.as_tensor(volume).float(), torch.as_tensor(inside))
    np.testing.assert_allclose(single, expected, rtol=1e-5)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_total_variation_of_a_ramp_is_its_slope(axis):
    size, slope = 8, 0.25
    shape = [1, 1, 1, 1]
    shape[axis] = size
    ramp = (slope * torch.arange(size).double()).reshape(shape).expand(1, size, size, size)
    # the last layer has no difference along the axis
    expected = slope * (size - 1) / size
    assert total_variation(ramp).item() == pytest.approx(expected, abs=1e-6)


def test_total_variation_of_a_cube_is_its_counted_surface():
    size, edge, height = 12, 4, 2.5
    volume = torch.zeros(1, size, size, size, dtype=torch.float64)
    volume[:, 3 : 3 + edge, 4 : 4 + edge, 5 : 5 + edge] = height
    # forward differences: outside, three faces of edge^2 voxels; within, three faces whose voxels
    # share three edges, which share a corner
    one = 3 * edge**2 + 3 * (edge - 1) ** 2
    two = 3 * (edge - 1)
    expected = height * (one + math.sqrt(2) * two + math.sqrt(3)) / size**3
    assert total_variation(volume).item() == pytest.approx(expected, abs=1e-6)


def test_flat_volumes_cost_nothing_and_the_edge_of_the_mask_neither():
    inside = torch.rand(6, 6, 6) < 0.5
    flat = torch.full((2, 6, 6, 6), 3.0)
    assert total_variation(flat).tolist() == [0, 0]
    assert total_variation(flat * inside, inside).tolist() == [0, 0]
    assert (total_variation(flat * inside) > 0).all()


@pytest.mark.parametrize("prior", [total_variation, lasso])
def test_priors_are_divided_by_all_voxels_of_the_grid(prior):
    """As eq. 8: empty solvent around the molecule adds nothing but voxels, masked or not."""
    torch.manual_seed(0)
    volume = torch.zeros(1, 16, 16, 16, dtype=torch.float64)
    volume[:, 4:12, 4:12, 4:12] = torch.randn(1, 8, 8, 8, dtype=torch.float64)
    inside = torch.zeros(16, 16, 16, dtype=torch.bool)
    inside[4:12, 4:12, 4:12] = True
    cut = volume[:, 4:12, 4:12, 4:12]
    torch.testing.assert_close(prior(volume, inside) * 8, prior(cut))


def test_lasso_is_the_mean_of_the_magnitude():
    random = np.random.default_rng(1)
    volume, inside = random.normal(size=(2, 4, 5, 6)), random.random((4, 5, 6)) < 0.5
    whole = [sum(abs(float(v)) for v in one.flat) / one.size for one in volume]
    part = [sum(abs(float(v)) for v in one[inside]) / one.size for one in volume]
    np.testing.assert_allclose(lasso(torch.as_tensor(volume)), whole, rtol=1e-12)
    masked = lasso(torch.as_tensor(volume), torch.as_tensor(inside))
    np.testing.assert_allclose(masked, part, rtol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_are_those_of_finite_differences(masked):
    torch.manual_seed(1)
    volume = torch.randn(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    inside = torch.rand(3, 4, 3) < 0.7 if masked else None
    assert torch.autograd.gradcheck(lambda v: total_variation(v, inside), (volume,))
    assert torch.autograd.gradcheck(lambda v: lasso(v, inside), (volume,))


def test_every_volume_has_a_gradient_of_its_own_loss():
    """Weights that differ between volumes, against automatic differentiation of the formula."""
    torch.manual_seed(3)
    volume = torch.randn(3, 5, 4, 6, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([0.5, -2.0, 7.0], dtype=torch.float64)
    steps = [
        torch.diff(volume, dim=axis, append=volume[(slice(None),) * axis + (slice(-1, None),)])
        for axis in (1, 2, 3)
    ]
    expected = ((sum(step.square() for step in steps) + 1e-12).sqrt() - 1e-6).mean((1, 2, 3))
    (automatic,) = torch.autograd.grad((weights * expected).sum(), volume)
    (own,) = torch.autograd.grad((weights * total_variation(volume)).sum(), volume)
    torch.testing.assert_close(own, automatic, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 1e-6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_gradient_of_a_flat_volume_is_zero_and_finite(dtype, smoothing):
    flat = torch.full((1, 5, 5, 5), 0.5, dtype=dtype, requires_grad=True)
    total_variation(flat, smoothing=smoothing).sum().backward()
    assert torch.equal(flat.grad, torch.zeros_like(flat))


def test_smoothing_lowers_by_no_more_than_itself():
    torch.manual_seed(2)
    for scale in (1e-8, 1e-4, 1.0):
        volume = scale * torch.randn(1, 6, 6, 6, dtype=torch.float64)
        rough, smooth = total_variation(volume, smoothing=0.0), total_variation(volume)
        assert 0 <= (rough - smooth).item() <= 1e-6
        wider = total_variation(volume, smoothing=1e-3)
        assert wider <= smooth
