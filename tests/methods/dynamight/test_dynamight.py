"""DynaMight's parts against independent formulas, and its contract with the loop."""

import io

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from scipy.stats import spearmanr

from napari_conformix.errors import UserError
from napari_conformix.imaging import choose_threshold
from napari_conformix.methods.dynamight import DynaMight, DynaMightSettings
from napari_conformix.methods.dynamight.graph import deformation_energy, neighbour_graph
from napari_conformix.methods.dynamight.reference import gaussians_for_volume, place_gaussians
from napari_conformix.training.contract import Frame

SETTINGS = DynaMightSettings(
    gaussians=150, latent_dim=2, warmup_epochs=1, encoder_pooling=1, noise_particles=64
)
#: the networks of the paper instead of ours
PAPER = SETTINGS.model_copy(update={"embedding": "encoder", "decoder": "coordinate"})
both = pytest.mark.parametrize("settings", [SETTINGS, PAPER], ids=["ours", "paper"])


def make(swing, settings=SETTINGS) -> DynaMight:
    torch.manual_seed(0)
    method = DynaMight(settings, swing.frame)
    method.particles = len(swing.images)
    method.initialise(swing.consensus, None)
    return method


def sampler_of(swing):
    def sampler(half, subset, count):
        start = 0 if subset == "train" else 240
        rows = torch.arange(start, 480)[torch.arange(start, 480) % 2 == half - 1][:count]
        for chunk in rows.split(32):
            yield swing.batch(chunk)

    return sampler


def step(method, batch, half, *, held_out=False):
    terms = (method.held_out_step if held_out else method.training_step)(batch, half)
    for optimizer in method.optimizers(half):
        optimizer.zero_grad()
    terms["loss"].backward()
    for optimizer in method.optimizers(half):
        optimizer.step()
    return terms


def test_too_few_gaussians_are_refused_in_a_sentence(swing):
    with pytest.raises(UserError, match="at least 3"):
        make(swing, SETTINGS.model_copy(update={"gaussians": 2}))


def test_a_decoded_map_holds_nothing_beyond_the_working_grid(swing):
    box, pixel_size = swing.frame.box, swing.frame.pixel_size_angstrom
    frame = Frame(box, pixel_size, box // 2, 2 * pixel_size)
    method = DynaMight(SETTINGS, frame)
    torch.manual_seed(0)
    method.initialise(swing.consensus, None)
    decoded = method.decode(torch.zeros(1, 2), 1)[0].double().numpy()
    power = np.abs(np.fft.fftshift(np.fft.fftn(decoded))) ** 2
    inner = slice(box // 4, 3 * box // 4 + 1)
    assert power[inner, inner, inner].sum() > (1 - 1e-9) * power.sum()
    consensus = swing.consensus.double().numpy()
    scale = (decoded * consensus).sum() / (decoded**2).sum()
    assert scale == pytest.approx(1, abs=0.05)  # the map's grey scale
    assert np.corrcoef(decoded.ravel(), consensus.ravel())[0, 1] > 0.97


# -- the graph ------------------------------------------------------------------------------------


def test_graph_is_that_of_a_brute_force_search():
    points = torch.randn(3000, 3) * 20  # more than one chunk
    graph = neighbour_graph(points, 1.5)
    tree = cKDTree(points.double().numpy())
    nearest = tree.query(points.double().numpy(), k=3)[0][:, 1:].mean()
    assert graph.mean_distance == pytest.approx(nearest, rel=1e-3)
    expected = {tuple(sorted(pair)) for pair in tree.query_pairs(1.5 * nearest)}
    found = set(zip(graph.first.tolist(), graph.second.tolist(), strict=True))
    # float32 distances may differ at the very rim
    assert len(expected ^ found) <= 0.002 * len(expected)


def test_rigid_motion_costs_nothing_and_stretch_costs_its_square():
    points = torch.randn(400, 3, dtype=torch.float64) * 15
    graph = neighbour_graph(points, 1.5)
    turn = torch.from_numpy(Rotation.from_rotvec([0.4, -1.0, 0.3]).as_matrix())
    rigid = points @ turn.T + torch.tensor([5.0, -3.0, 11.0], dtype=torch.float64)
    assert float(deformation_energy(rigid[None], graph)[0]) < 1e-12
    stretched = deformation_energy((1.1 * points)[None], graph)[0]
    expected = (0.1 * graph.length).square().sum() / len(points)
    assert float(stretched) == pytest.approx(float(expected), rel=1e-6)


def test_repulsion_acts_only_below_the_mean_distance():
    points = torch.tensor([[0.0, 0, 0], [4, 0, 0], [8, 0, 0], [12, 0, 0]], dtype=torch.float64)
    graph = neighbour_graph(points, 1.5)  # c_mean = (4 + 8 + 4 + 4 + 4 + 4 + 4 + 8) / 8 = 5
    assert graph.mean_distance == pytest.approx(5.0)
    repulsion = deformation_energy(points[None], graph)[1]
    assert float(repulsion) == pytest.approx(3 * (5 - 4) ** 2 / 4, rel=1e-6)
    assert float(deformation_energy(2 * points[None], graph)[1]) == 0.0


# -- Gaussians from the map -----------------------------------------------------------------------


def test_gaussians_fill_the_map_above_the_threshold(swing):
    generator = torch.Generator().manual_seed(1)
    threshold = 0.3 * float(swing.consensus.max())
    placement = place_gaussians(swing.consensus, 4.0, 2000, threshold, None, generator)
    index = (placement.positions.flip(1) / 4.0 + 16).round().long()
    assert bool((swing.consensus[tuple(index.T)] > threshold).all())
    enclosed = float((swing.consensus > threshold).sum()) * 64
    assert placement.enclosed_volume_angstrom3 == pytest.approx(enclosed)


@pytest.mark.parametrize("masked", [False, True])
def test_gaussians_of_a_noisy_map_are_not_put_into_the_solvent(swing, masked):
    """At a noise of 10 % of the maximum Otsu's threshold splits the noise."""
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(swing.consensus.shape, generator=generator)
    noisy = swing.consensus + 0.1 * swing.consensus.max() * noise
    mask = (swing.consensus > 0.001 * swing.consensus.max()).float() if masked else None
    placement = place_gaussians(noisy, 4.0, 2000, 0.0, mask, generator)
    index = (placement.positions.flip(1) / 4.0 + 16).round().long().clamp(0, 31)
    inside = swing.consensus[tuple(index.T)] > 0.02 * swing.consensus.max()
    assert float(inside.float().mean()) > 0.95


def test_automatic_threshold_keeps_the_molecule_and_drops_the_noise(swing):
    noisy = swing.consensus + 0.02 * swing.consensus.max() * torch.randn_like(swing.consensus)
    threshold = choose_threshold(noisy)
    truth = swing.consensus > 0.1 * swing.consensus.max()
    assert float((noisy[truth] > threshold).float().mean()) > 0.8
    assert (
        float((noisy[swing.consensus < 1e-3 * swing.consensus.max()] > threshold).float().mean())
        < 0.01
    )


def test_number_of_gaussians_is_two_a_residue():
    assert gaussians_for_volume(100 * 135.0) == 200


def test_a_map_without_density_is_a_sentence(swing):
    with pytest.raises(UserError, match="white protein"):
        DynaMight(SETTINGS, swing.frame).initialise(-swing.consensus.abs(), None)
    high = SETTINGS.model_copy(update={"threshold": 1e9})
    with pytest.raises(UserError, match="above the threshold"):
        DynaMight(high, swing.frame).initialise(swing.consensus, None)


def test_at_rest_the_decoded_map_is_the_consensus(swing):
    method = make(swing)
    volume = method.decode(torch.zeros(1, 2), half=2)[0]
    a, b = volume - volume.mean(), swing.consensus - swing.consensus.mean()
    assert float((a * b).sum() / (a.norm() * b.norm())) > 0.97
    # the consensus's grey values, so that contours compare
    assert float((a * b).sum() / (b * b).sum()) == pytest.approx(1.0, abs=0.08)


# -- the contract ---------------------------------------------------------------------------------


def test_inverted_images_are_refused_with_advice(swing):
    method = make(swing)

    def inverted(half, subset, count):
        for batch in sampler_of(swing)(half, subset, count):
            batch.images = -batch.images
            yield batch

    with pytest.raises(UserError, match="invert_contrast"):
        method.start_epoch(1, inverted)


def test_mixed_precision_does_not_round_positions(swing):
    method = make(swing)
    model, batch = method.models[1], swing.batch(range(16))
    exact = model.predict(model.reference.positions, batch)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.predict(model.reference.positions, batch)
    assert torch.equal(exact, mixed)


def test_unexplained_is_one_without_a_model_and_does_not_see_contrast(swing):
    method = make(swing)
    method.start_epoch(1, sampler_of(swing))
    model, batch = method.models[1], swing.batch(range(32))
    found = float(model.unexplained(model.residual(batch, deform=False, sample=False)))
    assert 0.1 < found < 1.0
    with torch.no_grad():
        model.reference.log_mass.fill_(-60.0)  # no molecule
    nothing = model.residual(batch, deform=False, sample=False)
    assert float(model.unexplained(nothing)) == pytest.approx(1.0, abs=1e-6)
    batch.images = 3 * batch.images
    louder = model.residual(batch, deform=False, sample=False)
    assert float(model.unexplained(louder)) == pytest.approx(1.0, abs=1e-6)


def test_noise_estimate_of_white_noise_is_flat_and_right(swing):
    method = make(swing)
    method.start_epoch(1, sampler_of(swing))
    method.start_epoch(2, sampler_of(swing))
    power = method.models[1].noise_power / 32**2
    # The images' noise has sigma 1; the motion that is not yet learned adds at low frequency.
    assert float(power[6:].min()) > 0.93
    assert float(power[6:].max()) < 1.12


@both
def test_training_one_half_leaves_the_other_untouched(swing, settings):
    method = make(swing, settings)
    method.start_epoch(1, sampler_of(swing))
    method.start_epoch(2, sampler_of(swing))
    before = {k: v for k, v in method.state().items() if k.startswith("half2.")}
    step(method, swing.batch(range(0, 32)), 1)
    after = method.state()
    assert all(torch.equal(v, after[k]) for k, v in before.items())
    decoders = [v for k, v in after.items() if k.startswith("half1.decoder.")]
    others = [v for k, v in after.items() if k.startswith("half2.decoder.")]
    assert not all(torch.equal(a, b) for a, b in zip(decoders, others, strict=True))


def test_warm_up_trains_the_reference_only(swing):
    method = make(swing)
    method.start_epoch(1, sampler_of(swing))
    before = method.state()
    step(method, swing.batch(range(32)), 1)
    changed = {k for k, v in method.state().items() if not torch.equal(v, before[k])}
    assert changed == {f"half1.reference.{name}" for name in ("positions", "log_width", "log_mass")}


@both
def test_held_out_particles_reach_the_encoder_only(swing, settings):
    method = make(swing, settings)
    for epoch in (1, 2):
        method.start_epoch(epoch, sampler_of(swing))
    step(method, swing.batch(range(32)), 1)  # optimisers with momentum
    before = method.state()
    terms = method.held_out_step(swing.batch(range(240, 272)), 1)
    for optimizer in method.optimizers(1):
        optimizer.zero_grad()
    terms["loss"].backward()
    for optimizer in method.optimizers(1):
        optimizer.step()
    changed = {k for k, v in method.state().items() if not torch.equal(v, before[k])}
    assert changed
    assert all(name.startswith("half1.encoder.") for name in changed)


def test_lambda_is_the_ratio_of_gradient_norms(swing):
    method = make(swing)
    for epoch in (1, 2):
        method.start_epoch(epoch, sampler_of(swing))
    for start in range(0, 128, 32):
        step(method, swing.batch(range(start, start + 32)), 1)
    method.regularisation[1] = 0.0  # nothing that it would be averaged with
    torch.manual_seed(3)
    method._calibrate(1, [swing.batch(range(64))])
    torch.manual_seed(3)
    model = method.models[1]
    terms = model.losses(model.residual(swing.batch(range(64)), deform=True, sample=True), 0.0)
    weights = list(model.decoder.parameters())

    def norm(loss):
        gradient = torch.autograd.grad(loss, weights, retain_graph=True)
        return float(torch.cat([g.flatten() for g in gradient]).norm())

    ratio = norm(terms["data"]) / norm(terms["stretch"] + terms["repulsion"])
    assert method.regularisation[1] == pytest.approx(0.9 * ratio, rel=1e-3)


@both
def test_state_round_trip_decodes_and_trains_the_same(swing, settings):
    method = make(swing, settings)
    for epoch in (1, 2):
        method.start_epoch(epoch, sampler_of(swing))
    step(method, swing.batch(range(32)), 1)
    # the default settings: what networks there are is read from the state
    other = DynaMight(SETTINGS, swing.frame)
    other.load_state(method.state())
    file = io.BytesIO()
    torch.save(method.resume_state(), file)
    file.seek(0)
    other.load_resume_state(torch.load(file, weights_only=True))
    latent = torch.tensor([[0.5, -1.0]])
    assert torch.equal(other.decode(latent, 1), method.decode(latent, 1))
    for one in (method, other):
        torch.manual_seed(9)
        one.start_epoch(3, sampler_of(swing))
        step(one, swing.batch(range(32, 64)), 1)
    a, b = method.state(), other.state()
    assert all(torch.equal(a[k], b[k]) for k in a)


def train_on_swing(swing, settings) -> tuple[DynaMight, list[float]]:
    """24 epochs; particles from 400 on are held out. Returns half 1's validation curve, too."""
    method = make(swing, settings.model_copy(update={"warmup_epochs": 2}))
    sampler = sampler_of(swing)
    rng = np.random.default_rng(0)
    validation = []
    for epoch in range(1, 25):
        method.start_epoch(epoch, sampler)
        for half in (1, 2):
            rows = rng.permutation(np.arange(half - 1, 400, 2))
            for start in range(0, len(rows), 16):
                step(method, swing.batch(rows[start : start + 16]), half)
        held_out = swing.batch(range(400, 480))
        if epoch > 2:
            for half in (1, 2):
                step(method, held_out, half, held_out=True)
        validation.append(float(method.validation_step(held_out, 1)["unexplained"]))
    return method, validation


def first_component(latents):
    centred = latents - latents.mean(0)
    return centred @ torch.linalg.svd(centred, full_matrices=False).Vh[0]


@both
def test_it_learns_the_swing(swing, settings):
    """The first latent component follows the true angle, in each half, and the error falls."""
    method, validation = train_on_swing(swing, settings)
    for half in (1, 2):
        rows = np.arange(half - 1, 400, 2)
        mean, std = method.encode(swing.batch(rows), half)
        assert std.shape == mean.shape == (200, 2)
        assert abs(spearmanr(first_component(mean).numpy(), swing.angle[rows]).statistic) > 0.85
        # displacements move the arm and leave the body
        arm, body = torch.tensor([[22.0, 0, 0]]), torch.tensor([[-18.0, 0, 0]])
        latents = mean[np.argsort(swing.angle[rows])[[0, -1]]]
        moved_arm = method.displacement(latents, arm, half)
        moved_body = method.displacement(latents, body, half)
        assert float((moved_arm[0] - moved_arm[1]).norm()) > 8.0  # the truth is 28 A apart
        assert float((moved_body[0] - moved_body[1]).norm()) < 6.0
    assert min(validation[3:]) < validation[1]


def test_particles_that_a_model_never_saw_are_embedded_by_their_images(swing):
    """Half 2's particles, and none of their rows, shown to half 1's model."""
    method, _ = train_on_swing(swing, SETTINGS)
    strangers = np.arange(1, 400, 2)
    batch = swing.batch(strangers)
    batch.index = torch.full_like(batch.index, 10**6)  # rows of another file
    before = method.state()
    mean, std = method.embed(batch, 1)
    assert mean.shape == std.shape == (len(strangers), 2)
    assert abs(spearmanr(first_component(mean).numpy(), swing.angle[strangers]).statistic) > 0.85
    after = method.state()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_a_step_moves_the_latents_of_its_batch_and_no_others(swing):
    method = make(swing)
    for epoch in (1, 2):
        method.start_epoch(epoch, sampler_of(swing))
    for rows in (range(32, 64), range(32)):
        before = method.state()["half1.encoder.mean"]
        step(method, swing.batch(rows), 1)
        moved = (method.state()["half1.encoder.mean"] != before).any(1).nonzero()[:, 0]
        assert moved.tolist() == list(rows)


def test_stored_latents_are_what_encoding_gives(swing):
    method = make(swing)
    stored = method.stored_latents(torch.arange(8), 2)
    encoded = method.encode(swing.batch(range(8)), 2)
    assert all(torch.equal(a, b) for a, b in zip(stored, encoded, strict=True))
    assert make(swing, PAPER).stored_latents(torch.arange(8), 2) is None


def test_modes_are_summed_with_the_coefficients_of_the_latent(swing):
    """Against the sum of eq. delta = sum_k c_k b_k, particle by particle, in float64."""
    decoder = make(swing).models[1].decoder.double()
    latent, positions = torch.randn(3, 2).double(), 20 * torch.randn(7, 3).double()
    got = decoder(latent, positions)
    for i, z in enumerate(latent):
        for j, x in enumerate(positions):
            modes = decoder.of_position(decoder.encoding(x[None])).view(decoder.modes, 3)
            expected = decoder.scale * sum(
                c * b for c, b in zip(decoder.of_latent(z), modes, strict=True)
            )
            torch.testing.assert_close(got[i, j], expected, rtol=1e-10, atol=1e-12)
