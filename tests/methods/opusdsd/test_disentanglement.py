"""The disentanglement prior against loops written from eq. 5 to 7, and its memory bank."""

import math
import time

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from napari_conformix.errors import UserError
from napari_conformix.methods.opusdsd.prior import (
    SOFTENING,
    MemoryBank,
    disentanglement,
    projection_classes,
    share_sample,
)

TERMS = ("attract_within", "repel_within", "attract_across", "repel_across")


def attraction(a: np.ndarray, b: np.ndarray) -> float:
    return math.log(1 + sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


def repulsion(a: np.ndarray, b: np.ndarray) -> float:
    return math.log(1 + 1 / sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


def equation_7(codes, bank, k1: int, k2: int, n2: int) -> dict[str, float]:
    """Eq. 7 image by image, the sum over the images divided by their number."""
    sums = dict.fromkeys(TERMS, 0.0)
    for i, own in enumerate(codes):
        others = [other for j, other in enumerate(codes) if j != i]
        others.sort(key=lambda other: distance(own, other))
        sums["attract_within"] += sum(attraction(own, other) for other in others[:k1]) / k1
        sums["repel_within"] += sum(repulsion(own, other) for other in others) / len(others)
        stored = sorted(bank, key=lambda other: distance(own, other))
        sums["attract_across"] += sum(attraction(own, other) for other in stored[:k2]) / k2
        sums["repel_across"] += sum(repulsion(own, other) for other in stored[-n2:]) / n2
    return {name: value / len(codes) for name, value in sums.items()}


def spread_codes(count: int, seed: int, dim: int = 8) -> torch.Tensor:
    """Codes in two clumps of very different width, so that near and far differ much."""
    random = np.random.default_rng(seed)
    width = random.choice([0.5, 3.0], size=(count, 1))
    return torch.as_tensor(random.normal(size=(count, dim)) * width)


@pytest.mark.parametrize(
    ("batch", "stored", "k1", "k2", "n2"),
    [(72, 400, 4, 128, 200), (9, 40, 8, 1, 39), (2, 3, 1, 2, 1), (30, 1300, 4, 128, 512)],
)
def test_terms_are_those_of_equation_7(batch, stored, k1, k2, n2):
    codes, bank = spread_codes(batch, seed=1), spread_codes(stored, seed=2)
    expected = equation_7(codes.numpy(), bank.numpy(), k1, k2, n2)
    terms = disentanglement(codes, bank, k1, k2, n2)
    assert list(terms) == list(TERMS)
    for name in TERMS:
        assert terms[name].shape == ()
        # no pair is nearer than 0.5, where the softening lowers a term by 1e-5 of it at most
        assert terms[name].item() == pytest.approx(expected[name], rel=1e-5), name
    single = disentanglement(codes.float(), bank.float(), k1, k2, n2)
    for name in TERMS:
        assert single[name].item() == pytest.approx(expected[name], rel=2e-5), name


def test_defaults_are_the_numbers_of_the_paper():
    codes, bank = spread_codes(12, seed=3), spread_codes(12_800, seed=4)
    asked, default = disentanglement(codes, bank, 4, 128, 512), disentanglement(codes, bank)
    assert asked == default


def test_gradient_is_that_of_finite_differences():
    codes = spread_codes(7, seed=5, dim=3).requires_grad_()
    bank = spread_codes(30, seed=6, dim=3)

    def total(z: torch.Tensor) -> torch.Tensor:
        return torch.stack(list(disentanglement(z, bank, 3, 6, 9).values()))

    assert torch.autograd.gradcheck(total, (codes,), eps=1e-7, atol=1e-5)


def test_every_term_moves_codes_the_way_it_says():
    """One step down the gradient of a term changes distances as its name says."""
    codes, bank = spread_codes(20, seed=7), spread_codes(200, seed=8)
    for name in TERMS:
        moving = codes.clone().requires_grad_()
        before = disentanglement(moving, bank, 4, 20, 50)[name]
        before.backward()
        step = 1e-3 * moving.grad / moving.grad.norm()
        after = disentanglement(codes - step, bank, 4, 20, 50)[name]
        assert after < before, name
    one = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    there = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    (pull,) = torch.autograd.grad(disentanglement(one, there, 1, 1, 0)["attract_across"], one)
    (push,) = torch.autograd.grad(disentanglement(one, there, 1, 0, 1)["repel_across"], one)
    # d log(1 + d^2) = 2 d / (1 + d^2) = 1, d log(1 + 1 / d^2) = -2 / (d (1 + d^2)) = -1, at d = 1
    torch.testing.assert_close(pull, -there)
    torch.testing.assert_close(push, there, rtol=1e-5, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_codes_that_coincide_have_finite_values_and_gradients(dtype):
    codes = torch.zeros(6, 4, dtype=dtype, requires_grad=True)
    terms = disentanglement(codes, torch.zeros(10, 4, dtype=dtype), 4, 3, 5)
    largest = math.log(1 + 1 / SOFTENING)
    assert terms["repel_within"].item() == pytest.approx(largest, rel=1e-5)
    assert terms["repel_across"].item() == pytest.approx(largest, rel=1e-5)
    assert terms["attract_within"].item() == terms["attract_across"].item() == 0
    sum(terms.values()).backward()
    assert torch.equal(codes.grad, torch.zeros_like(codes))


def test_gradient_of_the_repulsion_is_bounded():
    """However close two codes come: at most 1 / sqrt(SOFTENING) for a pair, as documented."""
    worst = 0.0
    for apart in np.geomspace(1e-12, 1e2, 200):
        one = torch.zeros(1, 1, requires_grad=True)
        disentanglement(one, torch.full((1, 1), apart), 1, 0, 1)["repel_across"].backward()
        assert one.grad.isfinite().all()
        worst = max(worst, one.grad.abs().item())
    assert 900 < worst <= 1000.1


def test_huge_distances_stay_finite():
    codes = torch.tensor([[1e15, 0.0], [-1e15, 0.0]], requires_grad=True)
    terms = disentanglement(codes, -codes.detach(), 1, 1, 1)
    assert all(term.isfinite() for term in terms.values())
    sum(terms.values()).backward()
    assert codes.grad.isfinite().all()


def test_bank_receives_no_gradient():
    codes = spread_codes(4, seed=9).requires_grad_()
    bank = spread_codes(20, seed=10).requires_grad_()
    sum(disentanglement(codes, bank, 2, 5, 5).values()).backward()
    assert bank.grad is None
    assert (codes.grad.norm(dim=1) > 0).all()


def test_small_sets_use_what_there_is():
    codes, bank = spread_codes(3, seed=11), spread_codes(64, seed=12)
    terms = disentanglement(codes[:1], bank, 4, 8, 8)
    assert terms["attract_within"] == terms["repel_within"] == 0
    assert terms["attract_across"] > 0
    terms = disentanglement(codes, bank[:0], 4, 8, 8)
    assert terms["attract_across"] == terms["repel_across"] == 0
    assert terms["repel_within"] > 0
    # three codes have two neighbours each, however many are asked for
    few, asked = disentanglement(codes, bank, 2), disentanglement(codes, bank, 4)
    assert few["attract_within"] == asked["attract_within"]
    # 64 stored, 640 asked for: 13 nearest and the other 51, none of them twice
    expected = equation_7(codes.numpy(), bank.numpy(), 2, 13, 51)
    for name, value in disentanglement(codes, bank).items():
        assert value.item() == pytest.approx(expected[name], rel=1e-5), name


def test_nearest_and_furthest_never_overlap():
    for available in range(1, 700):
        near, far = share_sample(available, 128, 512)
        assert near >= 1
        assert far >= 0
        assert near + far == min(available, 640)
        assert near <= 128
        assert far <= 512
    assert share_sample(0, 128, 512) == (0, 0)
    assert share_sample(10, 0, 0) == (0, 0)


def centres_of_classes(nside: int) -> list[tuple[float, float]]:
    """z and azimuth of the HEALPix pixel centres, ring by ring (Gorski et al. 2005, eq. 4 to 9).

    Every second ring of the belt begins at azimuth 0, as the library has it; counting the pixels
    from 1, eq. 9 would have it end there.
    """
    centres = []
    for ring in range(1, 4 * nside):
        polar = min(ring, 4 * nside - ring)
        if polar < nside:
            z = math.copysign(1 - polar**2 / (3 * nside**2), 2 * nside - ring)
            pixels, shift = 4 * polar, 1
        else:
            z = 4 / 3 - 2 * ring / (3 * nside)
            pixels, shift = 4 * nside, 1 + (ring - nside) % 2
        step = 2 * math.pi / pixels
        centres += [(z, step * (place - shift / 2)) for place in range(1, pixels + 1)]
    return centres


def test_projection_classes_are_healpix_pixels_of_the_first_two_euler_angles():
    centres = centres_of_classes(2)
    assert len(centres) == 48
    rot = np.degrees([azimuth for _, azimuth in centres])
    tilt = np.degrees(np.arccos([z for z, _ in centres]))
    for psi in np.random.default_rng(0).uniform(-180, 180, 20):
        euler = np.stack([rot, tilt, np.full(48, psi)], 1)
        rotation = Rotation.from_euler("ZYZ", euler, degrees=True).as_matrix()
        classes = projection_classes(rotation.astype(np.float32))
        assert classes.dtype == np.int64
        assert classes.tolist() == list(range(48))


def test_projection_classes_have_equal_area():
    rotation = Rotation.random(48_000, random_state=1).as_matrix()
    counts = np.bincount(projection_classes(rotation), minlength=48)
    assert len(counts) == 48
    assert abs(counts - 1000).max() < 6 * math.sqrt(1000)


def test_a_particle_without_orientation_is_named():
    rotation = np.broadcast_to(np.eye(3), (5, 3, 3)).copy()
    rotation[3] = np.nan
    with pytest.raises(UserError, match="row 4"):
        projection_classes(rotation)
    assert projection_classes(np.zeros((0, 3, 3))).shape == (0,)


# -- memory bank --------------------------------------------------------------------------------


def bank_of(classes, dim: int = 2, filled: bool = True) -> MemoryBank:
    """A bank whose codes say which row they are of: (row, -row)."""
    bank = MemoryBank(torch.as_tensor(classes), dim)
    if filled:
        rows = torch.arange(len(bank))
        bank.fill(rows, torch.stack([rows, -rows], 1).float())
    return bank


def test_momentum_is_what_stays_of_the_old_code():
    bank = bank_of([0, 1, 2], filled=False)
    row = torch.tensor([1])
    bank.update(row, torch.tensor([[4.0, 8.0]]), momentum=0.7)
    assert bank.codes[1].tolist() == [4, 8]  # never set before: taken whole
    bank.update(row, torch.tensor([[14.0, -2.0]]), momentum=0.7)
    torch.testing.assert_close(bank.codes[1], torch.tensor([0.7 * 4 + 0.3 * 14, 0.7 * 8 - 0.6]))
    assert bank.valid.tolist() == [False, True, False]
    bank.fill(row, torch.tensor([[1.0, 1.0]]))
    assert bank.codes[1].tolist() == [1, 1]


def test_update_keeps_no_graph_and_passes_over_what_is_not_finite():
    bank = bank_of([0, 0, 1])
    codes = torch.tensor([[float("nan"), 0.0], [3.0, 3.0]], requires_grad=True)
    bank.update(torch.tensor([0, 2]), codes, momentum=0.5)
    assert not bank.codes.requires_grad
    assert bank.codes.tolist() == [[0, 0], [1, -1], [2.5, 0.5]]
    fresh = bank_of([0, 0, 1], filled=False)
    fresh.update(torch.tensor([0, 2]), codes)
    assert fresh.valid.tolist() == [False, False, True]
    assert fresh.codes.isfinite().all()


def test_sample_draws_valid_rows_of_other_classes_once_each():
    random = np.random.default_rng(2)
    bank = bank_of(random.integers(0, 4, 5000))
    bank.valid[::3] = False
    for other_than in range(4):
        rows = bank.sample(1000, other_than)[:, 0].long()
        assert len(rows) == len(rows.unique()) == 1000
        assert (bank.classes[rows] != other_than).all()
        assert bank.valid[rows].all()
    everything = bank.sample(10**6, 2)[:, 0].long()
    expected = torch.nonzero(bank.valid & (bank.classes != 2))[:, 0]
    assert torch.equal(everything.sort().values, expected)


def test_sample_is_uniform():
    bank = bank_of([0] * 20 + [1] * 40)
    torch.manual_seed(3)
    draws, count = 4000, 10
    seen = torch.zeros(60)
    for _ in range(draws):
        seen[bank.sample(count, 1)[:, 0].long()] += 1
    assert seen[20:].sum() == 0
    chance = count / 20
    assert ((seen[:20] - draws * chance).abs() < 5 * math.sqrt(draws * chance * (1 - chance))).all()


def test_sample_of_nothing():
    assert bank_of([5, 5]).sample(10, 5).shape == (0, 2)
    assert bank_of([5, 6], filled=False).sample(10, 5).shape == (0, 2)
    assert bank_of([5, 6]).sample(0, 5).shape == (0, 2)


def test_sample_follows_the_seed():
    bank = bank_of(np.arange(1000) % 7)
    torch.manual_seed(4)
    first, second = bank.sample(50, 3), bank.sample(50, 3)
    torch.manual_seed(4)
    assert torch.equal(bank.sample(50, 3), first)
    assert not torch.equal(first, second)
    own = [bank.sample(50, 3, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*own)
    after = bank.sample(50, 3)
    assert torch.equal(after, second)  # a generator of one's own leaves torch's where it was


def test_bank_goes_through_its_state():
    bank = bank_of([0, 1, 2, 3])
    bank.valid[2] = False
    state = bank.state_dict()
    assert set(state) == {"codes", "valid", "classes"}
    other = MemoryBank(torch.zeros(4), 2)
    other.load_state_dict(state)
    for name, tensor in state.items():
        assert torch.equal(getattr(other, name), tensor)
        assert getattr(other, name).dtype == tensor.dtype
    torch.manual_seed(0)
    drawn = bank.sample(2, 0)
    torch.manual_seed(0)
    assert torch.equal(other.sample(2, 0), drawn)


def test_a_bank_of_a_million_is_drawn_from_quickly():
    bank = MemoryBank(torch.arange(1_000_000) % 48, 8)
    bank.valid[:] = True
    bank.sample(12_800, 3)
    started = time.process_time()
    for _ in range(5):
        bank.sample(12_800, 3)
    assert (time.process_time() - started) / 5 < 0.05  # 5 ms where this was written
