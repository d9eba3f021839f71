"""Principal-component volumes: an example of a method, small enough to be read in one go.

The map of a particle is the consensus plus a few volumes times the particle's latent. Which latent
explains an image best is then a linear problem, solved for every image; the volumes follow the
gradient of what is left. They are coarse, since a few thousand images cannot say more. One model.

    pip install ./examples/third_method
    conformix settings pca_volumes
    conformix new JOB --method pca_volumes --particles particles.star --consensus consensus.mrc
"""

from typing import Any, ClassVar

import torch

from napari_conformix.imaging import fourier_resize_3d, fourier_shift, project_volume
from napari_conformix.training.contract import Batch, Frame, Method, Sampler
from napari_conformix.training.events import Quantity
from napari_conformix.training.settings import TrainingSettings, setting


class PcaVolumesSettings(TrainingSettings):
    """What a user may choose, next to what all methods share."""

    latent_dim: int = setting(2, "Volumes that are added to the consensus", ge=1, le=16)
    resolution: float = setting(30.0, "Resolution of these volumes", unit="A", gt=0.0)
    learning_rate: float = setting(0.03, "Adam's step, as a share of the map's peak", gt=0.0)


class PcaVolumes(Method[PcaVolumesSettings]):
    """map(z) = consensus + sum_k z_k volume_k, in the grey values of the images."""

    name = "pca_volumes"
    title = "PCA (linear, volumes)"
    Settings = PcaVolumesSettings
    independent_halves = False
    headline = "unexplained"
    headline_label = "Image power not explained (fraction)"
    quantities: ClassVar = {"spread": Quantity("Spread of the latents", "that of the prior is 1")}

    def __init__(
        self, settings: PcaVolumesSettings, frame: Frame, device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(settings, frame, device)
        extent = frame.working_box * frame.working_pixel_size_angstrom
        side = min(max(2 * int(extent / settings.resolution), 4), frame.working_box)
        self.added = torch.zeros(settings.latent_dim, side, side, side, device=device)
        self.added.requires_grad_(True)
        self.mean = torch.zeros(frame.working_box, frame.working_box, frame.working_box)
        #: grey values of the images over those of the consensus; variance of an image's noise
        self.grey, self.noise = torch.ones(2, device=device)
        self.adam = torch.optim.Adam([self.added], lr=settings.learning_rate)

    @property
    def latent_dim(self) -> int:
        return self.settings.latent_dim

    def initialise(self, consensus: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
        """What is added begins as the consensus, heavier on a random side and lighter on the
        other."""
        consensus = consensus.to(self.device, torch.float32)
        self.mean = fourier_resize_3d(consensus, self.frame.working_box)
        axis = torch.linspace(-1, 1, len(self.mean), device=self.device)
        place = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
        sides = torch.randn(self.latent_dim, 3, device=self.device)
        begin = torch.einsum("ki,izyx->kzyx", sides, place) * self.mean
        self.added.data = fourier_resize_3d(begin, self.added.shape[-1])
        return {"volumes": self.latent_dim, "volume_box": self.added.shape[-1]}

    def optimizers(self, half: int) -> list[torch.optim.Optimizer]:
        return [self.adam]

    @torch.no_grad()
    def start_epoch(self, epoch: int, sampler: Sampler) -> dict[str, float]:
        """Before the first: grey values and noise of the images, by least squares."""
        if epoch == 1:
            some = [self._seen(batch) for batch in sampler(0, "train", 256)]
            image = torch.cat([images for images, _ in some])
            mean = torch.cat([seen[:, 0] for _, seen in some])
            self.grey = (image * mean).mean() / mean.square().mean()
            self.noise = (image - self.grey * mean).square().mean()
            self.adam.param_groups[0]["lr"] = self.settings.learning_rate * float(self.mean.max())
        return {"grey": float(self.grey)}

    def _seen(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (b, n) and projections of consensus and volumes (b, 1 + d, n), as pixels."""
        batch = batch.to(self.device)
        shift = -batch.shift_angstrom / self.frame.working_pixel_size_angstrom
        images = torch.fft.irfft2(fourier_shift(torch.fft.rfft2(batch.images), shift))
        maps = [self.mean, *fourier_resize_3d(self.added, self.frame.working_box)]
        flat = self.grey * torch.stack([project_volume(m, batch.rotation) for m in maps], dim=1)
        seen = torch.fft.irfft2(torch.fft.rfft2(flat) * batch.ctf[:, None])
        return images.flatten(1), seen.flatten(2)

    @torch.no_grad()
    def _posterior(
        self, images: torch.Tensor, seen: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (b, d) and covariance (b, d, d) of latents whose prior is standard normal."""
        left, added = images - seen[:, 0], seen[:, 1:]
        precision = added @ added.mT / self.noise + torch.eye(self.latent_dim, device=self.device)
        covariance = torch.linalg.inv(precision)
        return (covariance @ (added @ left[..., None]) / self.noise)[..., 0], covariance

    def training_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        images, seen = self._seen(batch)
        latent, _ = self._posterior(images, seen)
        left = images - seen[:, 0] - torch.einsum("bk,bkn->bn", latent, seen[:, 1:])
        return {
            "loss": left.square().mean() / self.noise,
            "unexplained": left.square().sum() / images.square().sum(),
            "spread": latent.std(),
        }

    @torch.no_grad()
    def validation_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        return self.training_step(batch, half)

    @torch.no_grad()
    def encode(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        mean, covariance = self._posterior(*self._seen(batch))
        return mean, covariance.diagonal(dim1=1, dim2=2).sqrt()

    @torch.no_grad()
    def decode(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        added = fourier_resize_3d(self.added, self.frame.working_box)
        latent = latent.to(self.device, torch.float32)
        maps = self.mean + torch.einsum("nk,kzyx->nzyx", latent, added)
        return fourier_resize_3d(maps, self.frame.box)

    def state(self) -> dict[str, torch.Tensor]:
        names = ("mean", "added", "grey", "noise")
        return {name: getattr(self, name).detach().cpu().clone() for name in names}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        state = {name: value.to(self.device) for name, value in state.items()}
        self.mean, self.grey, self.noise = state["mean"], state["grey"], state["noise"]
        self.added.data = state["added"]

    def resume_state(self) -> dict[str, Any]:
        return {"adam": self.adam.state_dict()}

    def load_resume_state(self, state: dict[str, Any]) -> None:
        self.adam.load_state_dict(state["adam"])

    def memory_bytes(self, batch_size: int) -> int:
        padded = 8 * 2 * self.frame.working_box**3  # for central slices, real and imaginary part
        images = 16 * batch_size * self.frame.working_box**2
        return 4 * (1 + self.latent_dim) * (3 * padded + images)
