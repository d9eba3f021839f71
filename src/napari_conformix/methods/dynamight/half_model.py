"""One half of DynaMight: a reference model, latents, a decoder, and their losses."""

from dataclasses import dataclass

import torch

from napari_conformix.imaging import (
    PositionalEncoding,
    fourier_resize_3d,
    gaussian_map,
    project_gaussians,
)
from napari_conformix.methods.dynamight.graph import (
    Graph,
    deformation_energy,
    neighbour_graph,
)
from napari_conformix.methods.dynamight.motion_mask import MotionMask
from napari_conformix.methods.dynamight.networks import (
    Decoder,
    Encoder,
    ModeDecoder,
    ParticleLatents,
)
from napari_conformix.methods.dynamight.reference import Reference
from napari_conformix.methods.dynamight.settings import DynaMightSettings
from napari_conformix.methods.likelihood import ImageLikelihood, kl_divergence
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


class HalfModel(ImageLikelihood):
    """Everything that is trained on one half set.

    origin         (1, d) the latent whose conformation the reference is, where the displacement
                   is 0 by construction; (0, d) until the reference is first replaced
    fixed_edges    (2, e) int64 and fixed_lengths (e,) A: edges that are given (an atomic model's
                   bonds); empty: neighbours, found again every epoch
    """

    def __init__(
        self,
        settings: DynaMightSettings,
        frame: Frame,
        gaussians: int,
        classes: int = 1,
        particles: int = 0,
    ) -> None:
        super().__init__(frame.working_box)
        self.settings = settings
        self.pixel_size = frame.working_pixel_size_angstrom
        self.reference = Reference(gaussians, classes)
        self.motion_mask = MotionMask()
        self.encoder = self._build_encoder(particles)
        self.decoder = self._build_decoder()
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
        """`load_state_dict` for optional buffers of any size, or of a checkpoint without them.

        Parameters
        ----------
        state : dict of str to torch.Tensor
            What `state_dict` of such a model returned.
        """
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
        """Keep edges and lengths for good, without repulsion (paper, atomic models).

        Parameters
        ----------
        graph : Graph
            Of an atomic model.
        """
        device = self.fixed_edges.device
        self.fixed_edges = torch.stack([graph.first, graph.second]).to(device)
        self.fixed_lengths = graph.length.to(device)

    # -- the forward model ------------------------------------------------------------------------

    def predict(self, positions: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Transform of the images that Gaussians give, eq. 10.

        Always in float32: bfloat16 would round positions of 100 A to half an Angstrom.

        Parameters
        ----------
        positions : torch.Tensor
            (b, n, 3) or (n, 3) xyz in A from the centre.
        batch : Batch
            b particles: their poses, shifts and CTFs.

        Returns
        -------
        torch.Tensor
            (b, h, w // 2 + 1) complex.
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
        """Latents of every particle of a batch.

        Parameters
        ----------
        batch : Batch
            b particles.

        Returns
        -------
        mean, log_variance : torch.Tensor
            (b, d) float32 each.
        """
        seen = batch.index if isinstance(self.encoder, ParticleLatents) else batch.images
        mean, log_variance = self.encoder(seen)
        return mean.float(), log_variance.float()

    def displacement(self, latent: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """delta(z, x): where latents move places of the consensus.

        The decoder's field less its field at the reference's own latent, so that replacing the
        reference by a prediction (`reference_update.py`) leaves the predictions where they were.

        Parameters
        ----------
        latent : torch.Tensor
            (b, d).
        positions : torch.Tensor
            (p, 3) xyz in A from the centre, of the consensus.

        Returns
        -------
        torch.Tensor
            (b, p, 3) float32 in A.
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
        """Images minus predictions.

        Parameters
        ----------
        batch : Batch
            b particles of this half.
        deform : bool
            False: the networks are not used at all; latents are 0 and the Gaussians stay in place.
        sample : bool
            Draw latents from their distributions, instead of taking the means.

        Returns
        -------
        Residual
            With the latents and the positions of the Gaussians.
        """
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
        observed = self.observed(batch)
        difference = observed - self.predict(moved, batch)
        return Residual(observed, difference, mean, log_variance, moved)

    # -- losses -----------------------------------------------------------------------------------

    def unexplained(self, residual: Residual) -> torch.Tensor:
        """Share of the images' power that the model leaves over.

        Parameters
        ----------
        residual : Residual
            Of a batch.

        Returns
        -------
        torch.Tensor
            0-d, without gradient.
        """
        return self.unexplained_power(residual.observed, residual.difference)

    def misfit_at(self, batch: Batch, moved: torch.Tensor) -> torch.Tensor:
        """Eq. 11 of every image with Gaussians at given positions.

        Parameters
        ----------
        batch : Batch
            b particles.
        moved : torch.Tensor
            (b, n, 3) or (n, 3) xyz in A from the centre.

        Returns
        -------
        torch.Tensor
            (b,).
        """
        return self.misfit(self.observed(batch) - self.predict(moved, batch))

    @property
    def kl_weight(self) -> float:
        """Weight of the Kullback-Leibler term in the total loss."""
        return self.settings.kl_weight / self.box**2

    def losses(self, residual: Residual, regularisation: float) -> dict[str, torch.Tensor]:
        """The named loss terms of the paper's total loss.

        Parameters
        ----------
        residual : Residual
            Of a batch.
        regularisation : float
            lambda, the weight of stretch and repulsion.

        Returns
        -------
        dict of str to torch.Tensor
            0-d each: `unexplained`, `data`, `kl`, `stretch` and `repulsion` (A^2), and `loss`, the
            weighted sum of the last four.
        """
        data = self.data_loss(residual.difference)
        kl = kl_divergence(residual.mean, residual.log_variance)
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

    # -- results ----------------------------------------------------------------------------------

    def volume(self, latent: torch.Tensor, box: int, pixel_size_angstrom: float) -> torch.Tensor:
        """A volume in the consensus map's grey scale.

        Limited to the frequencies of the working grid: beyond them no image has been compared,
        and Gaussians that look smooth on that grid are a grain on a finer one.

        Parameters
        ----------
        latent : torch.Tensor
            (d,).
        box : int
            Voxels along an edge.
        pixel_size_angstrom : float
            Edge of a voxel, in A.

        Returns
        -------
        torch.Tensor
            (z, y, x).
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
