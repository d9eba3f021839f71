"""One half of DynaMight: a reference model, latents, a decoder, and their losses."""

from dataclasses import dataclass

import torch
from torch import nn

from napari_conformix.imaging.fourier import fourier_resize_3d
from napari_conformix.imaging.gaussians import gaussian_map, project_gaussians
from napari_conformix.methods.dynamight.graph import Graph, deformation_energy, neighbour_graph
from napari_conformix.methods.dynamight.motion_mask import MotionMask
from napari_conformix.methods.dynamight.networks import (
    Decoder,
    Encoder,
    ModeDecoder,
    ParticleLatents,
    PositionalEncoding,
)
from napari_conformix.methods.dynamight.reference import Reference
from napari_conformix.methods.dynamight.settings import DynaMightSettings
from napari_conformix.training.contract import Batch, Frame

#: A; a displacement the decoder's output of 1 stands for. Domain motions are of this order.
_DISPLACEMENT_SCALE_ANGSTROM = 10.0
#: px; up to this box maps are splatted on a grid twice as fine
_OVERSAMPLED_BOX = 128
#: buffers that are empty unless a run needs them, and that older checkpoints do not have
_OPTIONAL = (
    "reference.relative_mass",
    "motion_mask.values",
    "motion_mask.spacing",
    "fixed_edges",
    "fixed_lengths",
    "origin",
)


@dataclass(frozen=True)
class Residual:
    """Transforms of images and of their predictions, and the latent they came from."""

    observed: torch.Tensor  # (b, h, w // 2 + 1) complex
    difference: torch.Tensor  # (b, h, w // 2 + 1) complex
    mean: torch.Tensor  # (b, d)
    log_variance: torch.Tensor  # (b, d)
    moved: torch.Tensor  # (b, n, 3) A


class HalfModel(nn.Module):
    """Everything that is trained on one half set.

    noise_power    (box // 2 + 1,) radial power of the residual of rfft2(image), eq. 11
    image_power    (box // 2 + 1,) radial power of the images themselves, from the first epoch on:
                   the fixed weights with which the unexplained part is reported
    origin         (1, d) the latent whose conformation the reference is, where the displacement
                   is 0 by construction; (0, d) until the reference is first replaced
    fixed_edges    (2, e) int64 and fixed_lengths (e,) A: edges that are given (an atomic model's
                   bonds); empty: neighbours, found anew every epoch
    """

    def __init__(
        self,
        settings: DynaMightSettings,
        frame: Frame,
        gaussians: int,
        classes: int = 1,
        particles: int = 0,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.box = frame.working_box
        self.pixel_size = frame.working_pixel_size_angstrom
        self.reference = Reference(gaussians, classes)
        self.motion_mask = MotionMask()
        self.encoder = self._build_encoder(particles)
        self.decoder = self._build_decoder()
        self.register_buffer("noise_power", torch.ones(self.box // 2 + 1))
        self.noise_power: torch.Tensor
        self.register_buffer("image_power", torch.ones(self.box // 2 + 1))
        self.image_power: torch.Tensor
        # eq. 11's weights on the rfft grid, and the radius of every pixel in it
        self.register_buffer("shells", _shells(self.box), persistent=False)
        self.register_buffer("multiplicity", _multiplicity(self.box), persistent=False)
        self.shells: torch.Tensor
        self.multiplicity: torch.Tensor
        self.register_buffer("origin", torch.zeros(0, settings.latent_dim))
        self.origin: torch.Tensor
        self.register_buffer("fixed_edges", torch.zeros(2, 0, dtype=torch.int64))
        self.fixed_edges: torch.Tensor
        self.register_buffer("fixed_lengths", torch.zeros(0))
        self.fixed_lengths: torch.Tensor
        self.graph: Graph | None = None

    def _build_encoder(self, particles: int) -> Encoder | ParticleLatents:
        settings = self.settings
        if settings.embedding == "per-particle":
            return ParticleLatents(particles, settings.latent_dim)
        return Encoder(
            self.box, settings.encoder_pooling, settings.encoder_width, settings.latent_dim
        )

    def _build_decoder(self) -> Decoder | ModeDecoder:
        settings = self.settings
        encoding = PositionalEncoding(
            settings.encoding_frequencies, self.box * self.pixel_size, 4 * self.pixel_size
        )
        d, scale = settings.latent_dim, _DISPLACEMENT_SCALE_ANGSTROM
        width, layers = settings.decoder_shape
        if settings.decoder == "modes":
            return ModeDecoder(encoding, d, settings.modes, width, layers, scale)
        return Decoder(encoding, d, width, layers, scale)

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """`load_state_dict` for optional buffers of any size, or of a checkpoint without them."""
        state = dict(state)
        for name in _OPTIONAL:
            owner, _, buffer = name.rpartition(".")
            module = self.get_submodule(owner)
            present = module.get_buffer(buffer)
            if name in state:
                setattr(module, buffer, torch.empty_like(state[name], device=present.device))
            else:
                state[name] = present
        self.load_state_dict(state)

    def fix_graph(self, graph: Graph) -> None:
        """Keep these edges and lengths for good, without repulsion (paper, atomic models)."""
        device = self.fixed_edges.device
        self.fixed_edges = torch.stack([graph.first, graph.second]).to(device)
        self.fixed_lengths = graph.length.to(device)

    # -- the forward model ------------------------------------------------------------------------

    def predict(self, positions: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Transform of the images that Gaussians at `positions` ((b,) n, 3) give, eq. 10.

        Always in float32: bfloat16 would round positions of 100 A to half an Angstrom.
        """
        with torch.autocast(positions.device.type, enabled=False):
            projection = project_gaussians(
                positions.float(),
                self.reference.width,
                batch.rotation,
                batch.shift_angstrom,
                self.box,
                self.pixel_size,
                self.settings.oversampling,
                self.reference.weights,
            )
            return projection * (batch.ctf * self.reference.log_mass.exp())  # (b, h, w // 2 + 1)

    def encode(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Latent mean and log variance of every particle of a batch, each (b, d) float32."""
        seen = batch.index if isinstance(self.encoder, ParticleLatents) else batch.images
        mean, log_variance = self.encoder(seen)
        return mean.float(), log_variance.float()

    def displacement(self, latent: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """delta(z, x): (b, d) latents, (p, 3) xyz in A of the consensus -> (b, p, 3) A, float32.

        The decoder's field less its field at the reference's own latent, so that replacing the
        reference by a prediction (`reference_update.py`) leaves the predictions where they were.
        """
        if len(self.origin):
            both = self.decoder(torch.cat([self.origin, latent]), positions).float()
            field = both[1:] - both[:1]
        else:
            field = self.decoder(latent, positions).float()
        mobility = self.motion_mask(positions)
        moved: torch.Tensor = field if mobility is None else field * mobility
        return moved

    def residual(self, batch: Batch, *, deform: bool, sample: bool) -> Residual:
        """Images minus predictions. Without `deform` the networks are not used at all."""
        positions = self.reference.positions
        if deform:
            mean, log_variance = self.encode(batch)
            latent = mean
            if sample:
                latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            moved = positions[None] + self.displacement(latent, positions)
        else:
            mean = log_variance = batch.images.new_zeros(len(batch), self.settings.latent_dim)
            moved = positions.expand(len(batch), -1, -1)
        observed = torch.fft.rfft2(torch.fft.ifftshift(batch.images, dim=(-2, -1)))
        difference = observed - self.predict(moved, batch)
        return Residual(observed, difference, mean, log_variance, moved)

    # -- losses -----------------------------------------------------------------------------------

    def data_loss(self, difference: torch.Tensor) -> torch.Tensor:
        """Eq. 11 per Fourier pixel: 1 where the residual is as strong as the noise estimate."""
        return self._power_over(difference, self.noise_power)

    def unexplained(self, residual: Residual) -> torch.Tensor:
        """Share of the images' power that the model leaves over, comparable between epochs.

        Divided by the power of the *same* images, so that training and held-out particles, which
        differ by chance in their contrast, can be compared too.
        """
        with torch.no_grad():
            left = self._power_over(residual.difference, self.image_power)
            return left / self._power_over(residual.observed, self.image_power)

    def misfit(self, batch: Batch, moved: torch.Tensor) -> torch.Tensor:
        """Eq. 11 of every image (b,) with Gaussians at `moved` ((b,) n, 3) A."""
        observed = torch.fft.rfft2(torch.fft.ifftshift(batch.images, dim=(-2, -1)))
        return self._power_of_each(observed - self.predict(moved, batch), self.noise_power)

    def _power_over(self, difference: torch.Tensor, shell_power: torch.Tensor) -> torch.Tensor:
        return self._power_of_each(difference, shell_power).mean()

    def _power_of_each(self, difference: torch.Tensor, shell_power: torch.Tensor) -> torch.Tensor:
        weight = self.multiplicity / shell_power[self.shells]  # (h, w // 2 + 1)
        power = torch.view_as_real(difference).square().sum(-1)  # (b, h, w // 2 + 1)
        return (power * weight).sum((-2, -1)) / self.multiplicity.sum()  # (b,)

    @property
    def kl_weight(self) -> float:
        """Weight of the Kullback-Leibler term in the total loss."""
        return self.settings.kl_weight / self.box**2

    def latent_loss(self, mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        """Kullback-Leibler divergence from the standard normal, mean over particles."""
        per_dimension = mean.square() + log_variance.exp() - log_variance - 1
        return 0.5 * per_dimension.sum(1).mean()

    def losses(self, residual: Residual, regularisation: float) -> dict[str, torch.Tensor]:
        """The named loss terms of the paper's total loss; 'loss' is their weighted sum."""
        data = self.data_loss(residual.difference)
        kl = self.latent_loss(residual.mean, residual.log_variance)
        assert self.graph is not None
        # A price of deforming, not a force on the reference: that one would be spread evenly by the
        # repulsion, out of the density that the images show.
        positions = self.reference.positions
        deformed = residual.moved - positions + positions.detach()
        stretch, repulsion = deformation_energy(deformed, self.graph)
        total = data + self.kl_weight * kl + regularisation * (stretch + repulsion)
        return {
            "loss": total,
            "unexplained": self.unexplained(residual),
            "data": data,
            "kl": kl,
            "stretch": stretch,
            "repulsion": repulsion,
        }

    # -- estimates, each epoch --------------------------------------------------------------------

    def rebuild_graph(self) -> None:
        """Connect neighbours in the present reference (every epoch, paper), or as is given."""
        if self.fixed_edges.numel():
            first, second = self.fixed_edges
            self.graph = Graph(first, second, self.fixed_lengths, mean_distance=0.0)
            return
        self.graph = neighbour_graph(self.reference.positions, self.settings.neighbour_factor)

    def shell_power(self, transform: torch.Tensor) -> torch.Tensor:
        """Mean power per shell of (b, h, w // 2 + 1) -> (box // 2 + 1,)."""
        power = torch.view_as_real(transform).square().sum(-1).sum(0) * self.multiplicity
        total = power.new_zeros(len(self.noise_power))
        count = power.new_zeros(len(self.noise_power))
        total.index_add_(0, self.shells.flatten(), power.flatten())
        count.index_add_(0, self.shells.flatten(), self.multiplicity.flatten())
        return total / (count * len(transform))

    def set_noise(self, power: torch.Tensor) -> None:
        """Adopt a noise estimate; empty shells (a band-limited stack) get a floor."""
        self.noise_power.copy_(power.clamp_min(1e-6 * float(power.max())))

    # -- results ----------------------------------------------------------------------------------

    def volume(self, latent: torch.Tensor, box: int, pixel_size_angstrom: float) -> torch.Tensor:
        """(d,) -> (z, y, x) in the consensus map's grey scale.

        Limited to the frequencies of the working grid: beyond them no image has been compared,
        and Gaussians that look smooth on that grid are a grain on a finer one.
        """
        positions = self.reference.positions
        moved = positions + self.displacement(latent[None], positions)[0]
        width, weights = self.reference.width, self.reference.weights
        # A finer splat where it costs little; large boxes have small voxels and need it less.
        oversampling = 2 if self.box <= _OVERSAMPLED_BOX else 1
        unit = gaussian_map(moved[None], width, self.box, self.pixel_size, oversampling, weights)[0]
        if self.box != box:
            # a unit mass is spread over more voxels of the finer grid
            unit = fourier_resize_3d(unit, box) * (pixel_size_angstrom / self.pixel_size) ** 3
        return unit * self.reference.map_mass  # (z, y, x)


def _shells(box: int) -> torch.Tensor:
    """round(|k|) of every rfft2 pixel; the corners beyond Nyquist count to the last shell."""
    ky = torch.fft.fftfreq(box, 1.0 / box)
    kx = torch.fft.rfftfreq(box, 1.0 / box)
    radius = (ky[:, None] ** 2 + kx[None] ** 2).sqrt().round().long()
    shells: torch.Tensor = radius.clamp_max(box // 2)
    return shells


def _multiplicity(box: int) -> torch.Tensor:
    """How many pixels of the full transform an rfft2 pixel stands for; 0 beyond Nyquist.

    Corners beyond the last shell carry no signal after Fourier cropping and are left out.
    """
    ky = torch.fft.fftfreq(box, 1.0 / box)
    kx = torch.fft.rfftfreq(box, 1.0 / box)
    weight = torch.full((box, box // 2 + 1), 2.0)
    weight[:, 0] = 1.0
    weight[:, -1] = 1.0
    return torch.where((ky[:, None] ** 2 + kx[None] ** 2).sqrt() <= box // 2, weight, 0.0)
