"""OPUS-DSD's model against independent formulas, and its contract with the loop."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from swinging_arm import BOX, PIXEL, body_and_arm, gaussian_volume

from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.imaging import fourier_resize_3d, fsc, project_volume, rfft_radius
from napari_conformix.methods.opusdsd import OpusDsd, OpusDsdSettings
from napari_conformix.methods.opusdsd.networks import CubeSide, Decoder, Encoder
from napari_conformix.particles import write_map
from napari_conformix.training.contract import Batch, Frame

SETTINGS = OpusDsdSettings(
    epochs=6, latent_dim=2, width=0.05, noise_particles=64, learning_rate=2e-3, bank_sample=200
)
TRAINED, HELD_OUT = range(400), range(400, 480)


def sampler_of(swing):
    def sampler(half, subset, count):
        rows = torch.tensor(TRAINED if subset == "train" else HELD_OUT)[:count]
        for chunk in rows.split(40):
            yield swing.batch(chunk)

    return sampler


def make(swing, settings=SETTINGS, mask=None, frame=None) -> OpusDsd:
    torch.manual_seed(0)
    method = OpusDsd(settings, frame or swing.frame)
    method.particles = len(swing.images)
    method.initialise(swing.consensus, mask)
    method.batch_classes(swing.rotation.numpy())
    return method


def still(method):
    """The same method with a decoder that adds nothing."""
    torch.nn.init.zeros_(method.model.decoder.tail[-1].weight)
    torch.nn.init.zeros_(method.model.decoder.tail[-1].bias)
    return method


def train(method, swing, epochs):
    classes = method.batch_classes(swing.rotation.numpy())
    random = np.random.default_rng(0)
    for chunk in torch.tensor(TRAINED).split(40):
        method.first_pass(swing.batch(chunk), 0)
    history = []
    for epoch in range(1, epochs + 1):
        method.start_epoch(epoch, sampler_of(swing))
        rows = random.permutation(len(TRAINED))
        batches = [rows[classes[rows] == c] for c in random.permutation(np.unique(classes))]
        for k, batch in enumerate(batches):
            if not len(batch):
                continue
            method.begin_step(epoch - 1 + k / len(batches))
            terms = method.training_step(swing.batch(batch), 0)
            (optimizer,) = method.optimizers(0)
            optimizer.zero_grad()
            terms["loss"].backward()
            optimizer.step()
        history.append(method.validation_step(swing.batch(HELD_OUT), 0))
    return history


@pytest.fixture(scope="module")
def trained(swing):
    method = make(swing)
    return method, train(method, swing, SETTINGS.epochs)


# -- networks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("voxels", [10, 11, 16, 17, 24, 30, 33, 50, 65, 80, 100, 200, 256, 300])
def test_a_cube_of_any_size_is_held_at_little_waste(voxels):
    side = CubeSide.enclosing(voxels)
    assert voxels <= side.voxels < 1.3 * voxels + 1
    assert 5 <= side.base <= 8
    assert side.voxels % 2 == 0


@pytest.mark.parametrize("voxels", [10, 12, 14, 18, 20, 28, 36])
def test_networks_of_every_side_go_from_a_code_to_a_cube_and_back(voxels):
    side = CubeSide.enclosing(voxels)
    cube = Decoder(side, 3, 0.02)(torch.randn(2, 3))
    assert cube.shape == (2, *3 * (side.voxels,))
    mean, log_sigma = Encoder(side.voxels, 3, 0.02)(cube)
    assert mean.shape == log_sigma.shape == (2, 3)


def test_the_paper_s_network_has_the_paper_s_layers():
    with torch.device("meta"):
        decoder = Decoder(CubeSide.enclosing(256), 8, 1.0)
        encoder = Encoder(64, 8, 1.0)
    layers = [*decoder.head, *decoder.tail]
    assert [layer.in_channels for layer in layers] == [2048, 1024, 512, 256, 128, 64, 32, 16]
    assert [layer.kernel_size[0] for layer in layers] == [2, 2, 4, 4, 4, 4, 4, 4]
    convolutions = [m for m in encoder.convolutions if isinstance(m, torch.nn.Conv3d)]
    assert [layer.out_channels for layer in convolutions] == [32, 64, 128, 256, 512, 512]


# -- volumes and their images ---------------------------------------------------------------------


@pytest.mark.parametrize(("working", "decoder_box"), [(BOX, 0), (24, 0), (BOX, 24)])
def test_what_is_decoded_is_what_is_projected(swing, working, decoder_box):
    """The image that training compares is the projection of the map that `decode` returns."""
    frame = Frame(BOX, PIXEL, working, PIXEL * BOX / working)
    method = make(swing, SETTINGS.model_copy(update={"decoder_box": decoder_box}), frame=frame)
    torch.nn.init.normal_(method.model.decoder.tail[-1].bias)
    latent = torch.randn(4, 2)
    rotation, shift = swing.rotation[:4], torch.zeros(4, 2)
    ctf = torch.ones(4, working, working // 2 + 1)
    batch = Batch(torch.arange(4), torch.zeros(4, working, working), rotation, shift, ctf)
    with torch.no_grad():
        values = method.model.values(method.model.decode_cube(latent))
        images = torch.fft.irfft2(method.model.predict(values, batch), s=(working, working))
    images = torch.fft.fftshift(images, dim=(-2, -1))
    volumes = method.decode(latent, 0)
    small = [fourier_resize_3d(volume, working) for volume in volumes]
    expected = torch.stack(
        [project_volume(v, r, fftfreq_max=0.5) for v, r in zip(small, rotation, strict=True)]
    )
    expected = expected * (method.model.grey / method.model.map_grey)
    for image, projection in zip(images, expected, strict=True):
        pair = torch.stack([image.flatten(), projection.flatten()])
        assert float(torch.corrcoef(pair)[0, 1]) > 0.995
        assert float((image * projection).sum() / projection.square().sum()) == pytest.approx(
            1, abs=0.02
        )


@pytest.mark.parametrize(("working", "decoder_box"), [(24, 0), (BOX, 24)])
def test_what_is_decoded_has_nothing_finer_than_what_was_trained(swing, working, decoder_box):
    frame = Frame(BOX, PIXEL, working, PIXEL * BOX / working)
    method = make(swing, SETTINGS.model_copy(update={"decoder_box": decoder_box}), frame=frame)
    torch.nn.init.normal_(method.model.decoder.tail[-1].weight)
    power = torch.fft.rfftn(method.decode(torch.ones(1, 2), 0)[0]).abs().square()
    radius = rfft_radius(BOX, 3)
    assert float(power[radius > 24 / 2 + 1.5].sum()) < 1e-9 * float(power.sum())
    assert float(power[radius < 24 / 2 - 1.5].sum()) > 0.9 * float(power.sum())


def test_a_decoder_that_adds_nothing_gives_the_consensus_back_in_its_own_frame(swing):
    method = still(make(swing))
    decoded = method.decode(torch.randn(2, 2), 0)
    core = swing.consensus > 0.05 * swing.consensus.max()
    largest = float(swing.consensus.max())
    assert decoded.shape == (2, BOX, BOX, BOX)
    assert float((decoded - swing.consensus)[:, core].abs().max()) < 1e-4 * largest


def test_the_window_of_an_off_centre_mask_is_put_back_at_its_place(swing):
    mask = torch.zeros(BOX, BOX, BOX)
    mask[4:15, 12:28, 9:21] = 1  # z, y, x
    method = make(swing, mask=mask)
    model = method.model
    cube = torch.zeros(1, *3 * (model.side.voxels,))
    with torch.no_grad():
        model.base.zero_()
        cube.view(1, -1)[0, model.in_cube[37]] = 1.0
        values = model.values(cube)
        assert float(values[0, 37]) == float(values.sum()) == 1.0
    z, y, x = np.unravel_index(int(model.inside[37]), (BOX, BOX, BOX))
    position = (np.array([x, y, z]) - BOX // 2) * PIXEL
    assert np.allclose(model.positions[37].numpy(), position)
    assert mask[z, y, x] == 1


def test_a_hard_mask_takes_no_more_voxels_on_a_coarser_grid(swing):
    mask = torch.zeros(BOX, BOX, BOX)
    mask[4:15, 12:28, 9:21] = 1
    settings = SETTINGS.model_copy(update={"decoder_box": BOX // 2})
    model = make(swing, settings, mask=mask).model
    assert len(model.inside) < 1.3 * float(mask.sum()) / 8
    assert model.side.voxels == 10


def test_a_mask_that_is_nowhere_full_still_scales_what_the_encoder_sees(swing):
    mask = 0.4 * (swing.consensus > 0.1 * swing.consensus.max()).float()
    method = make(swing, mask=mask)
    method.start_epoch(1, sampler_of(swing))
    assert 0 < float(method.model.input_scale) < float("inf")
    assert method.encode(swing.batch(HELD_OUT), 0)[0].isfinite().all()


def test_nothing_is_decoded_outside_the_mask(swing):
    mask = (swing.consensus > 0.2 * swing.consensus.max()).float()
    method = make(swing, mask=mask)
    decoded = method.decode(torch.randn(1, 2), 0)[0]
    assert float(decoded[mask == 0].abs().max()) == 0.0
    assert float(decoded[mask > 0].abs().min()) > 0.0


def test_with_a_focus_mask_all_else_stays_the_common_map(swing, tmp_path):
    focus = torch.zeros(BOX, BOX, BOX)
    focus[:, :, BOX // 2 + 3 :] = 1
    write_map(tmp_path / "focus.mrc", focus.numpy(), PIXEL)
    settings = SETTINGS.model_copy(update={"focus_mask": tmp_path / "focus.mrc"})
    method = make(swing, settings)
    torch.nn.init.normal_(method.model.decoder.tail[-1].weight)
    a, b = method.decode(torch.tensor([[0.0, 0.0], [3.0, -3.0]]), 0)
    assert torch.equal(a[focus == 0], b[focus == 0])
    assert float((a - b)[focus == 1].abs().max()) > 0


# -- training -------------------------------------------------------------------------------------


def test_it_learns_the_motion_also_of_particles_that_it_never_saw(swing, trained):
    method, _ = trained
    latent, sigma = method.encode(swing.batch(HELD_OUT), 0)
    centred = latent - latent.mean(0)
    first = centred @ torch.linalg.svd(centred).Vh[0]
    angle = swing.angle[list(HELD_OUT)]
    assert abs(spearmanr(first.numpy(), angle)[0]) > 0.85
    # a particle's own code explains its image better than another particle's
    batch = swing.batch(HELD_OUT)
    own, other = (
        method.image_residual(code, batch, 0).abs().square().mean()
        for code in (latent, latent.roll(1, 0))
    )
    assert float(own) < float(other)
    assert bool((sigma > 0).all())


def test_a_decoded_map_is_its_own_particle_s_and_not_another_s(swing, trained):
    method, _ = trained
    angle = swing.angle
    rows = [int(np.argmin(np.abs(angle - wanted))) for wanted in (-35, 35)]
    volumes = method.decode(method.encode(swing.batch(rows), 0)[0], 0).double()
    truth = [torch.tensor(gaussian_volume(body_and_arm(angle[row]))) for row in rows]
    band = slice(1, 8)
    for k, volume in enumerate(volumes):
        own, other = (float(fsc(volume, t)[band].mean()) for t in (truth[k], truth[1 - k]))
        assert own > other + 0.05
        # in the consensus map's grey values: what is left of the truth is small, sign and all
        left = (volume - truth[k])[truth[k] > 0.1 * truth[k].max()]
        gone = (swing.consensus - truth[k])[truth[k] > 0.1 * truth[k].max()]
        assert float(left.square().mean()) < 0.7 * float(gone.double().square().mean())


def test_the_loss_is_the_sum_that_its_terms_say(swing, trained):
    method, _ = trained
    options = method.settings
    method.begin_step(3.1)
    terms = {
        k: float(v.detach()) for k, v in method.training_step(swing.batch(range(8)), 0).items()
    }
    prior = sum(terms[f"{what}_{where}"] for what in ("attract", "repel")
                for where in ("within", "across"))  # fmt: skip
    weighted = terms["annealing_weight"] * (
        options.kl_weight * terms["kl"] + options.prior_strength * prior
    )
    weighted += options.total_variation * terms["total_variation"] + options.lasso * terms["lasso"]
    radius = np.hypot(np.fft.fftfreq(BOX, 1 / BOX)[:, None], np.fft.fftfreq(BOX, 1 / BOX)[None])
    pixels = np.count_nonzero(radius <= BOX // 2)
    assert terms["loss"] == pytest.approx(terms["data"] + 2 * weighted / pixels, rel=1e-5)
    assert 0 < terms["annealing_weight"] <= 1


def test_the_paper_s_choices_train_too(swing):
    paper = {"base": "none", "encoder_input": "image", "noise": "white"}
    method = make(swing, SETTINGS.model_copy(update=paper))
    losses = [float(terms["unexplained"]) for terms in train(method, swing, 3)]
    assert np.isfinite(losses).all()
    assert min(losses[1:]) < losses[0]


def test_poses_next_to_the_right_one_count_only_as_far_as_they_explain_the_image(swing, trained):
    method, _ = trained
    batch = swing.batch(HELD_OUT)

    def data(**update):
        other = OpusDsd(method.settings.model_copy(update=update), method.frame)
        other.load_state(method.state())
        return float(other.validation_step(batch, 0)["data"])

    plain = data()
    assert data(pose_neighbours=8, pose_spread=1e-4) == pytest.approx(plain, rel=1e-5)
    pixels = float(method.model.multiplicity.sum())
    worst = plain + 2 * np.log(9) / pixels  # all neighbours far off: the pose itself is one of 9
    assert plain - 1e-3 < data(pose_neighbours=8, pose_spread=30.0) < worst + 1e-4


def test_the_contrast_of_an_image_is_fitted_when_that_is_asked_for(swing, trained):
    method, _ = trained
    louder = swing.batch(HELD_OUT)
    with torch.no_grad():
        values = method.model.values(method.model.decode_cube(torch.zeros(80, 2)))
        signal = torch.fft.irfft2(method.model.predict(values, louder), s=(BOX, BOX))
    louder.images = 1.5 * torch.fft.fftshift(signal, dim=(-2, -1))
    settings = method.settings.model_copy(update={"image_scale": True})
    fitting = OpusDsd(settings, method.frame)
    fitting.load_state(method.state())
    left = [m.image_residual(torch.zeros(80, 2), louder, 0).abs().mean() for m in (fitting, method)]
    assert left[0] < 0.5 * left[1]


def test_held_out_particles_leave_no_trace_in_the_networks(swing, trained):
    method, _ = trained
    before = {k: v.clone() for k, v in method.state().items()}
    method.validation_step(swing.batch(HELD_OUT), 0)
    method.encode(swing.batch(HELD_OUT), 0)
    assert all(torch.equal(before[k], v) for k, v in method.state().items())
    assert not method._bank.valid[torch.tensor(HELD_OUT)].any()


def test_the_encoder_sees_a_structure_as_strong_whatever_its_ctf_lets_pass(swing, trained):
    method, _ = trained
    batch = swing.batch(HELD_OUT)
    with torch.no_grad():
        values = method.model.values(method.model.decode_cube(torch.full((80, 2), 2.0)))
        unit = method.model.predict(values, batch)

    def seen(ctf):
        images = torch.fft.fftshift(torch.fft.irfft2(unit * ctf, s=(BOX, BOX)), dim=(-2, -1))
        shown = Batch(**vars(batch) | {"images": images, "ctf": batch.ctf * ctf})
        return method.model.encoder_input(shown)

    assert torch.allclose(seen(-0.25), seen(1.0), rtol=1e-3, atol=1e-4)
    assert float(seen(1.0).abs().max()) > 0.1


def test_pure_noise_is_whitened_to_one(swing, trained):
    method, _ = trained
    torch.manual_seed(3)
    batch = swing.batch(HELD_OUT)
    with torch.no_grad():
        values = method.model.values(method.model.decode_cube(torch.zeros(80, 2)))
        signal = torch.fft.irfft2(method.model.predict(values, batch), s=(BOX, BOX))
    batch.images = torch.fft.fftshift(signal, dim=(-2, -1)) + torch.randn(80, BOX, BOX)
    residual = method.image_residual(torch.zeros(80, 2), batch, 0)
    inside = method.model.multiplicity > 0
    # the noise in the images is 1 (see conftest), and its estimate came from residuals of them
    assert float(residual[:, inside].abs().square().mean()) == pytest.approx(1, abs=0.15)


# -- state ----------------------------------------------------------------------------------------


def test_a_model_that_is_loaded_again_decodes_and_encodes_the_same(swing, trained):
    method, _ = trained
    again = OpusDsd(method.settings, method.frame)
    again.load_state(method.state())
    latent = torch.randn(3, 2)
    assert torch.equal(again.decode(latent, 0), method.decode(latent, 0))
    for one, other in zip(
        again.encode(swing.batch(HELD_OUT), 0), method.encode(swing.batch(HELD_OUT), 0), strict=True
    ):
        assert torch.equal(one, other)


def test_it_has_no_displacement_and_says_so(trained):
    method, _ = trained
    with pytest.raises(NotSupportedError, match="no displacement"):
        method.displacement(torch.zeros(1, 2), torch.zeros(1, 3), 0)


# -- wrong input ----------------------------------------------------------------------------------


def test_wrong_input_is_refused_in_a_sentence(swing, tmp_path):
    with pytest.raises(UserError, match="mask is empty"):
        make(swing, mask=torch.zeros(BOX, BOX, BOX))
    with pytest.raises(UserError, match="decoder_box is 23"):
        make(swing, SETTINGS.model_copy(update={"decoder_box": 23}))
    write_map(tmp_path / "small.mrc", np.ones((16, 16, 16), np.float32), PIXEL)
    with pytest.raises(UserError, match=r"focus mask .* has a box of 16"):
        make(swing, SETTINGS.model_copy(update={"focus_mask": tmp_path / "small.mrc"}))


@pytest.mark.filterwarnings("ignore:Data array contains NaN")
def test_a_focus_mask_that_cannot_be_meant_is_refused(swing, tmp_path):
    def focused(values, pixel_size=PIXEL, **more):
        write_map(tmp_path / "focus.mrc", np.asarray(values, np.float32), pixel_size)
        settings = SETTINGS.model_copy(update={"focus_mask": tmp_path / "focus.mrc"} | more)
        make(swing, settings, mask=(swing.consensus > 0.1 * swing.consensus.max()).float())

    whole = np.ones((BOX, BOX, BOX))
    focused(whole)
    with pytest.raises(UserError, match="no common map"):
        focused(whole, base="none")
    with pytest.raises(UserError, match="voxels of"):
        focused(whole, pixel_size=2 * PIXEL)
    with pytest.raises(UserError, match="does not overlap"):
        focused(0 * whole)
    with pytest.raises(UserError, match="no numbers"):
        focused(np.where(np.arange(BOX) == 3, np.nan, whole))


def test_images_of_the_opposite_contrast_are_refused(swing):
    method = make(swing)

    def inverted(half, subset, count):
        for batch in sampler_of(swing)(half, subset, count):
            batch.images = -batch.images
            yield batch

    with pytest.raises(UserError, match="contrast"):
        method.start_epoch(1, inverted)
