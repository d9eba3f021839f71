"""Other models to begin with: width classes, given masses and edges, older checkpoints."""

import pytest
import torch

from napari_conformix.imaging import gaussian_map
from napari_conformix.methods.dynamight import DynaMight, DynaMightSettings
from napari_conformix.methods.dynamight.graph import Graph, deformation_energy
from napari_conformix.methods.dynamight.half_model import HalfModel
from napari_conformix.methods.dynamight.reference import Reference, fit_to_map
from napari_conformix.training.contract import Frame

FRAME = Frame(24, 4.0, 24, 4.0)


def two_widths() -> tuple[torch.Tensor, torch.Tensor]:
    """A map of 20 sharp Gaussians on the left and 20 blurred ones on the right."""
    positions = torch.randn(40, 3, generator=torch.Generator().manual_seed(2)) * 6
    positions[:20, 0] -= 18
    positions[20:, 0] += 18
    weights = torch.zeros(2, 40)
    weights[0, :20] = weights[1, 20:] = 1
    return positions, gaussian_map(
        positions[None], torch.tensor([4.0, 8.0]), 24, 4.0, weights=weights
    )[0]


def test_two_width_classes_fit_a_map_of_two_widths_and_one_does_not():
    positions, volume = two_widths()
    found = {}
    for classes in (1, 2):
        reference = Reference(40, classes)
        reference.start_shapes(5.5, torch.Generator().manual_seed(0))
        with torch.no_grad():
            reference.positions.copy_(positions)
        found[classes] = fit_to_map(reference, volume, 4.0, 60, move=False)
        assert torch.equal(reference.positions, positions)
    assert found[2] > 0.995 > found[1] + 0.01
    weights = reference.weights.detach()
    assert float(weights.sum(0).mean()) == pytest.approx(1.0, rel=1e-5)
    sharp = int(reference.width.detach().argmin())
    share = weights[sharp] / weights.sum(0)
    assert float(share[:20].mean()) > 0.6 > 0.4 > float(share[20:].mean())


def test_width_classes_train_and_come_back_from_a_checkpoint(swing):
    settings = DynaMightSettings(
        gaussians=30, latent_dim=2, gaussian_classes=2, warmup_epochs=1, noise_particles=16
    )
    torch.manual_seed(0)
    method = DynaMight(settings, swing.frame)
    method.particles = 64
    facts = method.initialise(swing.consensus, None)
    assert len(facts["gaussian_width_angstrom"]) == 2

    def sampler(half, subset, count):
        yield swing.batch(range(half - 1, 32, 2))

    scalars = method.start_epoch(1, sampler)
    assert {"gaussian_width_angstrom_half1", "gaussian_width_angstrom_half1_class2"} <= set(scalars)
    before = method.state()
    method.training_step(swing.batch(range(0, 32, 2)), 1)["loss"].backward()
    for optimizer in method.optimizers(1):
        optimizer.step()
    changed = {k for k, v in method.state().items() if not torch.equal(v, before[k])}
    names = ("positions", "log_width", "log_mass", "class_logits", "class_log_amplitude")
    assert changed == {f"half1.reference.{name}" for name in names}
    other = DynaMight(settings, swing.frame)
    other.load_state(method.state())
    latent = torch.tensor([[0.3, 0.1]])
    assert torch.equal(other.decode(latent, 1), method.decode(latent, 1))


def test_given_masses_weigh_in_the_projection():
    model = HalfModel(DynaMightSettings(gaussians=3, latent_dim=2), FRAME, 3)
    model.reference.relative_mass = torch.tensor([0.5, 1.0, 1.5])
    with torch.no_grad():
        model.reference.positions.copy_(torch.tensor([[-24.0, 0, 0], [0, 0, 0], [24.0, 0, 0]]))
        model.reference.log_width.fill_(5.0).log_()
        model.reference.map_mass.fill_(7.0)
    volume = model.volume(torch.zeros(2), 24, 4.0).detach()
    mass = [float(volume[:, :, x - 2 : x + 3].sum()) for x in (6, 12, 18)]
    assert mass[1] / mass[0] == pytest.approx(2.0, rel=0.03)
    assert mass[2] / mass[0] == pytest.approx(3.0, rel=0.03)
    assert float(volume.sum()) == pytest.approx(3 * 7.0, rel=1e-4)


def test_given_edges_keep_their_lengths_and_do_not_repel():
    model = HalfModel(DynaMightSettings(gaussians=4, latent_dim=2), FRAME, 4)
    bonds = Graph(torch.tensor([0, 1]), torch.tensor([1, 3]), torch.tensor([3.8, 2.0]), 4.0)
    model.fix_graph(bonds)
    with torch.no_grad():
        model.reference.positions[1, 0] = 1.0
    model.rebuild_graph()
    assert model.graph.length.tolist() == pytest.approx([3.8, 2.0])
    stretch, repulsion = deformation_energy(model.reference.positions[None], model.graph)
    assert float(stretch.detach()) == pytest.approx((2.8**2 + 1.0**2) / 4, rel=1e-5)
    assert float(repulsion) == 0.0
    other = HalfModel(DynaMightSettings(gaussians=4, latent_dim=2), FRAME, 4)
    other.load(model.state_dict())
    other.rebuild_graph()
    assert torch.equal(other.graph.first, bonds.first)


def test_a_state_from_before_these_parts_still_loads():
    model = HalfModel(DynaMightSettings(gaussians=5, latent_dim=2), FRAME, 5)
    newer = ("relative_mass", "motion_mask", "fixed_", "origin")
    old = {k: v for k, v in model.state_dict().items() if not any(name in k for name in newer)}
    assert len(old) == len(model.state_dict()) - 6
    other = HalfModel(DynaMightSettings(gaussians=5, latent_dim=2), FRAME, 5)
    other.load(old)
    positions = torch.randn(9, 3) * 20
    latent = torch.randn(2, 2)
    assert torch.equal(other.displacement(latent, positions), model.displacement(latent, positions))


def test_the_gradient_of_the_edge_penalties_is_that_of_finite_differences():
    points = torch.randn(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    pairs = torch.combinations(torch.arange(12))
    graph = Graph(pairs[:, 0], pairs[:, 1], torch.full((len(pairs),), 1.5).double(), 1.8)
    moved = torch.stack([points, points * 1.3]).requires_grad_()

    def energy(p):
        stretch, repulsion = deformation_energy(p, graph)
        return stretch + 0.3 * repulsion

    assert torch.autograd.gradcheck(energy, (moved,))
    same = torch.zeros(1, 12, 3, dtype=torch.float64, requires_grad=True)
    energy(same).backward()  # Gaussians at one place: no direction, and no NaN
    assert bool(torch.isfinite(same.grad).all())
