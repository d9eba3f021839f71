import numpy as np
import pytest

from napari_conformix.analysis.spaces import pca
from napari_conformix.errors import UserError


def cloud(n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4) points stretched along known directions, and those directions as rows."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(4, 4)))[0].T
    return rng.normal(size=(n, 4)) * [5.0, 3.0, 1.0, 0.2] @ directions + 10.0, directions


def test_finds_the_directions_of_a_stretched_cloud() -> None:
    points, directions = cloud()
    projection = pca(points)
    overlap = np.abs(np.sum(projection.components * directions, axis=1))
    assert overlap.min() > 0.99
    variance = np.array([25, 9, 1, 0.04])
    np.testing.assert_allclose(
        projection.explained_variance_ratio, variance / variance.sum(), rtol=0.1
    )


def test_agrees_with_the_singular_values() -> None:
    points = cloud()[0].astype(np.float32)
    projection = pca(points)
    centred = points - points.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(
        projection.explained_variance_ratio, singular**2 / (singular**2).sum(), rtol=1e-4
    )
    scores = projection.transform(points)
    np.testing.assert_allclose(np.sqrt((scores**2).sum(axis=0)), singular, rtol=1e-4)
    np.testing.assert_allclose(projection.inverse(scores), points, atol=1e-4)


def test_a_far_mean_costs_no_accuracy() -> None:
    points = cloud()[0]
    np.testing.assert_allclose(
        np.abs(pca(points + 1e6).components), np.abs(pca(points).components), atol=1e-5
    )


def test_signs_do_not_depend_on_order_or_on_reflection() -> None:
    points = cloud()[0]
    components = pca(points).components
    np.testing.assert_allclose(pca(points[::-1]).components, components, atol=1e-9)
    np.testing.assert_allclose(pca(-points).components, components, atol=1e-9)
    largest = np.abs(components).argmax(axis=1)
    assert (components[np.arange(4), largest] > 0).all()


def test_rows_without_a_latent_are_left_out() -> None:
    points = cloud()[0]
    damaged = np.concatenate([points, [[np.nan, 0, 0, 0], [0, np.inf, 0, 0]]])
    np.testing.assert_allclose(pca(damaged).components, pca(points).components)
    transformed = pca(damaged).transform(damaged)
    assert np.isnan(transformed[-2]).all()
    assert np.isfinite(transformed[:-2]).all()


def test_rows_by_index_and_by_mask() -> None:
    points = cloud()[0]
    by_index = pca(points, rows=np.arange(100))
    by_mask = pca(points, rows=np.arange(len(points)) < 100)
    np.testing.assert_array_equal(by_index.components, by_mask.components)
    np.testing.assert_allclose(by_index.mean, points[:100].mean(axis=0))


def test_constant_columns_and_few_rows() -> None:
    points = np.array([[1.0, 7.0, 2.0], [3.0, 7.0, 2.0]])
    projection = pca(points)
    np.testing.assert_allclose(
        projection.components @ projection.components.T, np.eye(3), atol=1e-9
    )
    np.testing.assert_allclose(projection.components[0], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(projection.explained_variance_ratio, [1, 0, 0], atol=1e-9)
    one = pca(points[:1])
    assert one.explained_variance_ratio.tolist() == [0, 0, 0]
    np.testing.assert_allclose(one.transform(points[0]), 0)


def test_fewer_components() -> None:
    points = cloud()[0]
    full, two = pca(points), pca(points, n_components=2)
    np.testing.assert_array_equal(two.components, full.components[:2])
    assert two.transform(points).shape == (2000, 2)
    np.testing.assert_allclose(full.inverse([1.0, 2.0]), two.inverse([1.0, 2.0]))
    np.testing.assert_allclose(two.transform(two.inverse([1.0, 2.0])), [1, 2])


def test_nothing_to_work_on() -> None:
    with pytest.raises(UserError, match="no particle"):
        pca(np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="must be"):
        pca(np.zeros(3))
