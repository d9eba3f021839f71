"""OPUS-DSD as the shared training loop sees it (contract in training/contract.py)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.imaging import (
    choose_threshold,
    fourier_resize_3d,
    resample_mask,
    sphere_mask,
)
from napari_conformix.methods.likelihood import kl_divergence
from napari_conformix.methods.opusdsd.annealing import annealing_weight, learning_rate_share
from napari_conformix.methods.opusdsd.image_scale import image_scale
from napari_conformix.methods.opusdsd.pose_neighbours import (
    marginal_misfit,
    neighbouring_poses,
)
from napari_conformix.methods.opusdsd.prior import (
    MemoryBank,
    disentanglement,
    projection_classes,
)
from napari_conformix.methods.opusdsd.settings import OpusDsdSettings
from napari_conformix.methods.opusdsd.volume_model import Grid, VolumeModel
from napari_conformix.methods.opusdsd.volume_priors import lasso, total_variation
from napari_conformix.methods.quantities import DATA, KL, LOSS, NOISE_POWER
from napari_conformix.training.contract import Batch, Frame, Method, Sampler
from napari_conformix.training.events import Quantity
from napari_conformix.training.settings import TrainingSettings

#: without a mask, volumes are decoded in a sphere around the molecule with room to move
_ROOM = 1.15
#: volumes decoded at once; a full-size cube takes a hundred times its own memory in the decoder
_DECODED_AT_ONCE = 4
#: how much faster the common map follows its gradient than the networks' weights
_BASE_RATE = 10.0
#: by how much the voxels of the focus mask may differ from those of the images, as a share
_PIXEL_TOLERANCE = 0.01


class OpusDsd(Method[OpusDsdSettings]):
    """A variational autoencoder from images to voxel volumes with a disentangled latent space."""

    name: ClassVar[str] = "opusdsd"
    title: ClassVar[str] = "OPUS-DSD (composition and motion, voxels)"
    Settings: ClassVar[type[TrainingSettings]] = OpusDsdSettings
    independent_halves: ClassVar[bool] = False
    headline: ClassVar[str] = "unexplained"
    headline_label: ClassVar[str] = "Image power not explained (fraction)"
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "loss": LOSS,
        "data": DATA,
        "kl": KL,
        "attract_within": Quantity("Prior: attraction within a projection class"),
        "repel_within": Quantity("Prior: repulsion within a projection class"),
        "attract_across": Quantity("Prior: attraction across projection classes"),
        "repel_across": Quantity("Prior: repulsion across projection classes"),
        "total_variation": Quantity("Total variation of the volumes"),
        "lasso": Quantity("LASSO: mean absolute density"),
        "noise_power": NOISE_POWER,
        "annealing_weight": Quantity("Annealing: weight of the priors on latents"),
    }
    scalar_terms: ClassVar[tuple[str, ...]] = ("annealing_weight",)
    chooses_epoch: ClassVar[bool] = True
    needs_first_pass: ClassVar[bool] = True

    def __init__(
        self, settings: OpusDsdSettings, frame: Frame, device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(settings, frame, device)
        self._model: VolumeModel | None = None
        self._bank: MemoryBank | None = None
        self._optimizer: torch.optim.Optimizer | None = None
        self._rates: list[float] = []
        self._annealing = 0.0
        self._grey_fitted = False

    @property
    def latent_dim(self) -> int:
        return self.settings.latent_dim

    @property
    def model(self) -> VolumeModel:
        """There once `initialise` or `load_state` was called."""
        assert self._model is not None
        return self._model

    # -- set-up -----------------------------------------------------------------------------------

    def initialise(self, consensus: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
        consensus = consensus.cpu().float()
        box = self._decoder_box()
        made = mask is None
        soft = self._sphere(consensus) if mask is None else mask.cpu().float()
        grid = Grid.of(resample_mask(soft, box), box, self.frame)
        model = VolumeModel(self.settings, self.frame, grid)
        model.begin_with(_on_grid(consensus, box))
        if self.settings.focus_mask is not None:
            focus = self._focus(consensus.shape[0])
            model.varies.copy_(resample_mask(focus, box).flatten()[grid.inside])
            if not float((model.varies * model.weight).max()) > 0.5:
                raise UserError(
                    f"The focus mask {self.settings.focus_mask} does not overlap the mask of the "
                    "molecule, so nothing would vary. Check both files."
                )
        self._model = model.to(self.device)
        self._optimizer = None
        return {
            "voxels_inside_mask": len(grid.inside),
            "decoded_cube": grid.side.voxels,
            "voxel_size_angstrom": grid.voxel,
            "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "sphere_in_place_of_a_mask": made,
        }

    @classmethod
    def size_in_words(cls, facts: Mapping[str, Any]) -> str:
        return f"volumes of {facts['decoded_cube']}³ voxels" if "decoded_cube" in facts else ""

    def _decoder_box(self) -> int:
        box = self.settings.decoder_box or self.frame.working_box
        if box % 2 or not 16 <= box <= self.frame.working_box:
            raise UserError(
                f"decoder_box is {box}; it must be an even number from 16 to the working box of "
                f"{self.frame.working_box}."
            )
        return box

    def _sphere(self, consensus: torch.Tensor) -> torch.Tensor:
        """A soft sphere about the centre that holds the molecule and some room around it."""
        box = consensus.shape[0]
        inside = torch.nonzero(consensus >= choose_threshold(consensus)) - box // 2
        radius = _ROOM * float(inside.square().sum(1).max()) ** 0.5
        edge = 0.05 * box
        return sphere_mask(box, min(radius, box / 2 - 1 - edge), edge)

    def _focus(self, box: int) -> torch.Tensor:
        """The focus mask (z, y, x), 0 to 1, on the grid of the consensus map of `box` voxels."""
        from napari_conformix.particles import read_map

        path = self.settings.focus_mask
        assert path is not None
        if self.settings.base == "none":
            raise UserError(
                'focus_mask keeps the common map outside of it, and with base = "none" there is '
                'no common map: set base = "consensus", or leave focus_mask out.'
            )
        mask, pixel_size = read_map(path)
        if mask.shape != (box,) * 3:
            raise UserError(
                f"The focus mask {path} has a box of {mask.shape[0]}, the consensus map of {box}; "
                "make it on the grid of the consensus map."
            )
        wanted = self.frame.pixel_size_angstrom
        if pixel_size > 0 and abs(pixel_size - wanted) > _PIXEL_TOLERANCE * wanted:
            raise UserError(
                f"The focus mask {path} has voxels of {pixel_size:g} A, the images {wanted:g} A; "
                "make it on the grid of the consensus map."
            )
        if not np.isfinite(mask).all():
            raise UserError(f"The focus mask {path} holds values that are no numbers.")
        return torch.from_numpy(mask).float().clamp(0, 1)

    def optimizers(self, half: int) -> list[torch.optim.Optimizer]:
        if self._optimizer is None:
            model, rate = self.model, self.settings.learning_rate
            networks = [*model.encoder.parameters(), *model.decoder.parameters()]
            groups = [{"name": "networks", "params": networks, "lr": rate}]
            if model.base.requires_grad:
                groups.append(
                    {"name": "common map", "params": [model.base], "lr": _BASE_RATE * rate}
                )
            self._optimizer = torch.optim.Adam(groups)
            self._rates = [group["lr"] for group in self._optimizer.param_groups]
        return [self._optimizer]

    # -- training ---------------------------------------------------------------------------------

    def batch_classes(self, rotation: NDArray[np.float32]) -> NDArray[np.int64] | None:
        classes = projection_classes(rotation, self.settings.projection_nside)
        if self._bank is None:
            self._bank = MemoryBank(classes, self.latent_dim).to(self.device)
        return classes

    @torch.no_grad()
    def first_pass(self, batch: Batch, half: int) -> None:
        """Fill the memory bank with first codes, not with noise."""
        if not self._grey_fitted:
            self.model.fit_grey([batch], strict=False)
            self._grey_fitted = True
        if self._bank is not None:
            self._bank.fill(batch.index, self.model.encode(batch)[0])

    def start_epoch(self, epoch: int, sampler: Sampler) -> dict[str, float]:
        held_out = [
            batch.to(self.device)
            for batch in sampler(0, "validation", self.settings.noise_particles)
        ]
        if epoch == 1:
            self.model.fit_grey(held_out, strict=True)
            self._grey_fitted = True
        else:
            self._estimate_noise(held_out)
        share = learning_rate_share(epoch, self.settings.learning_rate_decay)
        for optimizer in self.optimizers(0):
            for group, rate in zip(optimizer.param_groups, self._rates, strict=True):
                group["lr"] = share * rate
        return {}

    @torch.no_grad()
    def _estimate_noise(self, batches: list[Batch]) -> None:
        """Radial power of what is left of held-out images."""
        power = torch.zeros_like(self.model.noise_power)
        for batch in batches:
            difference = self._difference(batch, self.model.encode(batch)[0])
            power += self.model.shell_power(difference) * len(batch)
        count = sum(len(batch) for batch in batches)
        if count:
            self.model.estimate_noise(power / count)

    def curves(self) -> dict[str, list[float]]:
        """Noise power by Fourier shell in units of a pixel's variance: 1 for white noise of 1."""
        return {"noise_power": (self.model.noise_power / self.model.box**2).tolist()}

    def begin_step(self, epochs_done: float) -> None:
        settings = self.settings
        progress = epochs_done / settings.epochs
        self._annealing = annealing_weight(
            progress, settings.annealing_cycles, settings.annealing_rise
        )

    def training_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        mean, log_sigma = self.model.encode(batch, augment=True)
        latent = mean + torch.randn_like(mean) * log_sigma.exp()
        prior = self._disentanglement(batch, mean)
        terms = self._terms(batch, mean, log_sigma, latent, prior)
        if self._bank is not None:
            self._bank.update(batch.index, mean.detach(), self.settings.bank_momentum)
        return terms

    @torch.no_grad()
    def validation_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        """Without the disentanglement prior, which compares particles of one projection class;
        held-out batches are of all classes."""
        mean, log_sigma = self.model.encode(batch)
        return self._terms(batch, mean, log_sigma, mean, {})

    def _terms(
        self,
        batch: Batch,
        mean: torch.Tensor,
        log_sigma: torch.Tensor,
        latent: torch.Tensor,
        prior: dict[str, torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        """Eq. 8 divided by half the number of pixels, so that `data` is 1 for pure noise."""
        model, settings = self.model, self.settings
        values = model.values(model.decode_cube(latent))
        observed = model.observed(batch)
        data, difference = self._misfit(batch, observed, values)
        kl = kl_divergence(mean, 2 * log_sigma)
        variation, sparseness = self._volume_priors(values)
        latent_priors = settings.kl_weight * kl + settings.prior_strength * sum(prior.values())
        priors = (
            self._annealing * latent_priors
            + settings.total_variation * variation
            + settings.lasso * sparseness
        )
        loss = data + priors * (2.0 / model.pixels)
        return {
            "loss": loss,
            "unexplained": model.unexplained_power(observed, difference),
            "data": data,
            "kl": kl,
            **prior,
            "total_variation": variation,
            "lasso": sparseness,
            "annealing_weight": loss.new_tensor(self._annealing),
        }

    def _misfit(
        self, batch: Batch, observed: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Data loss (0-d) and image minus prediction at the refined pose (b, h, w // 2 + 1)."""
        model, settings = self.model, self.settings
        if not settings.pose_neighbours:
            difference = observed - self._scaled(observed, model.predict(values, batch))
            return model.data_loss(difference), difference
        poses = neighbouring_poses(batch.rotation, settings.pose_spread, settings.pose_neighbours)
        residuals = []
        for pose in poses.unbind(1):  # the refined pose comes first
            predicted = model.predict(values, replace(batch, rotation=pose))
            predicted = self._scaled(observed, predicted)
            residuals.append(observed - predicted)
        squared = torch.stack([model.misfit(one) for one in residuals], dim=1)
        negative_log, _ = marginal_misfit(squared * model.pixels)  # (b,)
        return negative_log.mean() * 2 / model.pixels, residuals[0]

    def _scaled(self, observed: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """The prediction times the image's own contrast, where that is to be fitted."""
        if not self.settings.image_scale:
            return predicted
        weight = self.model.pixel_weight
        return predicted * image_scale(observed, predicted, weight)[:, None, None]

    def _disentanglement(self, batch: Batch, mean: torch.Tensor) -> dict[str, torch.Tensor]:
        settings, bank = self.settings, self._bank
        codes = mean.new_zeros(0, self.latent_dim)
        if bank is not None and len(batch):
            other_than = int(bank.classes[int(batch.index[0])])
            codes = bank.sample(settings.bank_sample, other_than)
        return disentanglement(
            mean, codes, settings.neighbours_within, settings.neighbours_across, settings.furthest
        )

    def _volume_priors(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Total variation and LASSO of the volumes in image grey values, means over the batch."""
        model = self.model
        inside = model.cube_inside
        volume = values.new_zeros(len(values), inside.numel())
        volume = volume.scatter(1, model.in_cube.expand_as(values), values * model.grey)
        volume = volume.view(-1, *inside.shape)
        return total_variation(volume, inside).mean(), lasso(volume, inside).mean()

    def _difference(self, batch: Batch, latent: torch.Tensor) -> torch.Tensor:
        """Transforms of images minus the predictions of these latents: (b, h, w // 2 + 1)."""
        model = self.model
        observed = model.observed(batch)
        predicted = model.predict(model.values(model.decode_cube(latent)), batch)
        return observed - self._scaled(observed, predicted)

    # -- results ----------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_sigma = self.model.encode(batch)
        return mean, log_sigma.exp()

    @torch.no_grad()
    def decode(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        latent = latent.to(self.device, torch.float32)
        return torch.cat([self.model.volume(some) for some in latent.split(_DECODED_AT_ONCE)])

    @torch.no_grad()
    def image_residual(self, latent: torch.Tensor, batch: Batch, half: int) -> torch.Tensor | None:
        difference = self._difference(batch, latent.to(self.device, torch.float32))
        return self.model.whitened(difference)

    # -- state ------------------------------------------------------------------------------------

    def state(self) -> dict[str, torch.Tensor]:
        tensors = self.model.state_dict()
        tensors["grid"] = torch.tensor([self.model.box_of_grid])
        return {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        state = dict(state)
        box = int(state.pop("grid"))
        mask = torch.zeros(box**3)
        mask[state["inside"]] = state["weight"].float()
        grid = Grid.of(mask.view(box, box, box), box, self.frame)
        if self._model is None or len(self._model.inside) != len(grid.inside):
            self._model = VolumeModel(self.settings, self.frame, grid).to(self.device)
            self._optimizer = None
        self.model.load_state_dict(state)
        self._grey_fitted = True

    def resume_state(self) -> dict[str, Any]:
        return {
            "optimizer": self.optimizers(0)[0].state_dict(),
            "bank": self._bank.state_dict() if self._bank is not None else None,
        }

    def load_resume_state(self, state: dict[str, Any]) -> None:
        self.optimizers(0)[0].load_state_dict(state["optimizer"])
        if state["bank"] is not None:
            self._bank = MemoryBank(state["bank"]["classes"], self.latent_dim).to(self.device)
            self._bank.load_state_dict(state["bank"])

    # -- planning ---------------------------------------------------------------------------------

    def memory_bytes(self, batch_size: int) -> int:
        # Of a layer, its output and that before the nonlinearity are kept for the backward pass.
        side = self.model.side.voxels if self._model is not None else self.frame.working_box
        width = self.settings.width
        encoder = (side / 2) ** 3 * 32 * width * 1.2
        decoder = (side / 2) ** 3 * max(16.0, 2048.0 * 4 / side) * width * 1.3
        fine = (self.frame.working_box * self.settings.oversampling) ** 2
        poses = 1 + self.settings.pose_neighbours
        each = 2 * (encoder + decoder) + 6 * side**3 + poses * 6 * fine
        parameters = sum(p.numel() for p in self.model.parameters()) if self._model else 10**6
        return int(4 * (batch_size * each + 4 * parameters))


def _on_grid(volume: torch.Tensor, box: int) -> torch.Tensor:
    """(z, y, x) on a grid of `box` over the same extent."""
    return volume if volume.shape[0] == box else fourier_resize_3d(volume, box)
