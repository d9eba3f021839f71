"""DynaMight as the shared training loop sees it (contract in training/contract.py)."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch

from napari_conformix.errors import UserError
from napari_conformix.imaging import choose_threshold
from napari_conformix.methods.dynamight.coarse_graining import (
    coarse_grain,
    read_model,
    start_from_model,
)
from napari_conformix.methods.dynamight.embedding import embed
from napari_conformix.methods.dynamight.half_model import HalfModel, Residual
from napari_conformix.methods.dynamight.motion_mask import density_outside, restricts_motion
from napari_conformix.methods.dynamight.networks import ParticleLatents
from napari_conformix.methods.dynamight.reference import fit_to_map, place_gaussians
from napari_conformix.methods.dynamight.reference_update import (
    CANDIDATES,
    align,
    references_apart,
    take_smallest,
)
from napari_conformix.methods.dynamight.schedule import Phase, Schedule
from napari_conformix.methods.dynamight.settings import DynaMightSettings
from napari_conformix.methods.dynamight.start import Start, start_from_map
from napari_conformix.methods.dynamight.stop_rule import RiseCounter
from napari_conformix.methods.quantities import DATA, KL, LOSS, NOISE_POWER
from napari_conformix.training.contract import Batch, Frame, Method, Sampler
from napari_conformix.training.events import Quantity, Terms
from napari_conformix.training.settings import TrainingSettings

#: landmarks at which displacements describe a particle in terms common to both halves
_LANDMARKS = 64
#: particles from which gradients are compared for lambda
_CALIBRATION_PARTICLES = 128
#: box above which the first fit to the map uses a Fourier-cropped map
_FIT_BOX = 96
_FIT_STEPS = 100


class DynaMight(Method[DynaMightSettings]):
    """Two VAEs on disjoint half sets whose decoders displace Gaussians of the consensus."""

    name: ClassVar[str] = "dynamight"
    title: ClassVar[str] = "DynaMight (continuous motion, Gaussians)"
    Settings: ClassVar[type[TrainingSettings]] = DynaMightSettings
    independent_halves: ClassVar[bool] = True
    has_displacement: ClassVar[bool] = True
    features_unit: ClassVar[str] = "A"
    headline: ClassVar[str] = "unexplained"
    headline_label: ClassVar[str] = "Image power not explained (fraction)"
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "loss": LOSS,
        "data": DATA,
        "kl": KL,
        "noise_power": NOISE_POWER,
        "lambda": Quantity("λ: weight of smoothness against the images"),
        "reference_shift_angstrom": Quantity("Shift of the reference when replaced, RMS", "A"),
        "alignment_angstrom": Quantity("Shift of the reference when aligned to half 1’s, RMS", "A"),
        "references_apart_angstrom": Quantity("References of the halves apart, RMS", "A"),
        "gaussians_inside": Quantity("Share of Gaussians near half 1’s after alignment"),
        "rises": Quantity("How often the held-out error rose"),
    }
    pieces: ClassVar[str] = "Gaussians"

    def __init__(
        self, settings: DynaMightSettings, frame: Frame, device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(settings, frame, device)
        if frame.working_box % 2:
            raise UserError(f"Boxes must be even; the working box is {frame.working_box}.")
        self.models: dict[int, HalfModel] = {}
        self.landmarks = torch.zeros(0, 3, device=self.device)
        self.regularisation = dict.fromkeys(self.halves, 0.0)
        self._optimizers: dict[int, list[torch.optim.Optimizer]] = {}
        self._learning_rates: dict[int, list[list[float]]] = {}
        self._phase: Phase = "warm-up"
        self._rises = RiseCounter()
        self._notices: list[str] = []

    @property
    def latent_dim(self) -> int:
        return self.settings.latent_dim

    # -- set-up -----------------------------------------------------------------------------------

    def initialise(self, consensus: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(self.settings.seed)
        volume, pixel_size = self._fit_target(consensus.to(self.device).float())
        start, moving = self._start(
            consensus.cpu().float(), None if mask is None else mask.cpu().float(), generator
        )
        self._build(len(start.positions), self.settings.gaussian_classes)
        for model in self.models.values():
            if start.relative_mass is not None:
                model.reference.relative_mass = start.relative_mass.to(self.device)
            if start.graph is not None:
                model.fix_graph(start.graph)
            if moving is not None:
                model.motion_mask.set(moving.to(self.device), self.frame.pixel_size_angstrom)
        first = self.models[1].reference
        with torch.no_grad():
            first.positions.copy_(start.positions)
            first.start_shapes(max(start.width_angstrom, pixel_size), generator)
        correlation = fit_to_map(first, volume, pixel_size, _FIT_STEPS, move=start.move)
        with torch.no_grad():
            # the fit was to densities per cropped voxel; a voxel of the consensus is smaller
            first.map_mass.mul_((pixel_size / self.frame.pixel_size_angstrom) ** 3)
            self.landmarks = _farthest_points(first.positions.detach(), _LANDMARKS)
        self.models[2].reference.load_state_dict(first.state_dict())
        self._make_optimizers()
        width = first.width.detach().flatten()
        return start.facts | {
            "gaussians": len(start.positions),
            "fit_correlation": correlation,
            "gaussian_width_angstrom": float(width) if len(width) == 1 else width.tolist(),
        }

    @classmethod
    def size_in_words(cls, facts: Mapping[str, Any]) -> str:
        return f"{facts['gaussians']:,} Gaussians" if "gaussians" in facts else ""

    def _start(
        self, consensus: torch.Tensor, mask: torch.Tensor | None, generator: torch.Generator
    ) -> tuple[Start, torch.Tensor | None]:
        """Where the Gaussians begin, and the mask inside which they move (None: everywhere)."""
        settings = self.settings
        outside = 0.0
        if mask is not None:
            threshold = settings.threshold or choose_threshold(consensus, mask)
            outside = density_outside(consensus, mask, threshold)
        moving = mask if restricts_motion(outside, settings.mask_mode) else None
        within = mask if moving is None else None
        if settings.atomic_model is None:
            placement = place_gaussians(
                consensus,
                self.frame.pixel_size_angstrom,
                settings.gaussians,
                settings.threshold,
                within,
                generator,
                settings.most_gaussians,
            )
            start = start_from_map(placement)
        else:
            start = start_from_model(
                coarse_grain(read_model(settings.atomic_model)),
                consensus,
                self.frame.pixel_size_angstrom,
                settings.threshold or choose_threshold(consensus, within),
                settings.atomic_model.name,
            )
        if mask is not None:
            start.facts["mask_restricts_motion"] = moving is not None
            start.facts["density_outside_mask"] = outside
        return start, moving

    def _fit_target(self, consensus: torch.Tensor) -> tuple[torch.Tensor, float]:
        """The consensus on a grid small enough for a quick fit: (z, y, x) and its pixel size."""
        box = consensus.shape[0]
        small = min(box, self.frame.working_box, _FIT_BOX)
        if small == box:
            return consensus, self.frame.pixel_size_angstrom
        from napari_conformix.imaging import fourier_resize_3d

        return fourier_resize_3d(consensus, small), self.frame.pixel_size_angstrom * box / small

    def _build(self, gaussians: int, classes: int) -> None:
        self.models = {
            half: HalfModel(self.settings, self.frame, gaussians, classes, self.particles).to(
                self.device
            )
            for half in self.halves
        }

    def _make_optimizers(self) -> None:
        settings = self.settings
        for half, model in self.models.items():
            reference = model.reference
            self._optimizers[half] = [
                torch.optim.Adam(
                    [
                        {
                            "name": "Gaussians",
                            "params": [reference.positions],
                            "lr": settings.reference_learning_rate,
                        },
                        {
                            "name": "widths and masses",
                            "params": [*reference.shape_parameters(), reference.log_mass],
                            "lr": min(1e-2, settings.reference_learning_rate / 10),
                        },
                    ]
                ),
                self._encoder_optimizer(model),
                torch.optim.Adam(
                    [{"name": "decoder", "params": [*model.decoder.parameters()]}],
                    lr=settings.learning_rate,
                ),
            ]
            self._learning_rates[half] = [
                [group["lr"] for group in optimizer.param_groups]
                for optimizer in self._optimizers[half]
            ]

    def _encoder_optimizer(self, model: HalfModel) -> torch.optim.Optimizer:
        parameters = [{"name": "latents", "params": list(model.encoder.parameters())}]
        if self.settings.embedding == "per-particle":
            # A particle is met once an epoch: its moments must not remember a thousand epochs.
            return torch.optim.SparseAdam(
                parameters, lr=self.settings.latent_learning_rate, betas=(0.9, 0.99)
            )
        return torch.optim.Adam(parameters, lr=self.settings.encoder_learning_rate)

    def optimizers(self, half: int) -> list[torch.optim.Optimizer]:
        if not self._optimizers:
            self._make_optimizers()
        return self._optimizers[half]

    # -- training ---------------------------------------------------------------------------------

    @property
    def schedule(self) -> Schedule:
        """Made again each time, since a run may be asked for more epochs."""
        return Schedule.of(self.settings)

    @property
    def _warming_up(self) -> bool:
        return self._phase == "warm-up"

    def phase(self, epoch: int) -> str:
        return self.schedule.phase(epoch)

    def notices(self) -> list[str]:
        told, self._notices = self._notices, []
        return told

    def curves(self) -> dict[str, list[float]]:
        """Noise power by Fourier shell in units of a pixel's variance: 1 for white noise of 1."""
        return {
            f"noise_power_half{half}": (model.noise_power / model.box**2).tolist()
            for half, model in self.models.items()
        }

    def start_epoch(self, epoch: int, sampler: Sampler) -> dict[str, float]:
        self._begin_phase(epoch)
        self._set_learning_rates(epoch)
        scalars = self._update_references(epoch, sampler)
        for half, model in self.models.items():
            model.rebuild_graph()
            held_out = sampler(half, "validation", self.settings.noise_particles)
            if epoch == 1:
                self._first_scale(model, held_out)
            else:
                self._estimate_noise(model, held_out)
            if not self._warming_up:
                self._calibrate(half, sampler(half, "train", _CALIBRATION_PARTICLES))
                scalars[f"lambda_half{half}"] = self.regularisation[half]
            widths = model.reference.width.detach().flatten().tolist()
            for k, width in enumerate(widths, 1):
                name = f"gaussian_width_angstrom_half{half}" + (f"_class{k}" if k > 1 else "")
                scalars[name] = width
        scalars["references_apart_angstrom"] = references_apart(
            self.models[1].reference.positions, self.models[2].reference.positions
        )
        scalars["rises"] = float(self._rises.rises)
        return scalars

    def _begin_phase(self, epoch: int) -> None:
        before, self._phase = self._phase, self.schedule.phase(epoch)
        if self._phase == before:
            return
        if self._phase == "reference only":
            self._notices.append(
                f"From epoch {epoch} the networks rest for {self.settings.reference_epochs} epochs "
                "while the Gaussians alone are trained."
            )
        elif epoch > 1:
            self._notices.append(f"From epoch {epoch} the networks are trained.")

    def _set_learning_rates(self, epoch: int) -> None:
        share = self.schedule.learning_rate_share(epoch)
        for half in self.halves:
            optimizers = self.optimizers(half)
            for optimizer, rates in zip(optimizers, self._learning_rates[half], strict=True):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = share * rate

    def _update_references(self, epoch: int, sampler: Sampler) -> dict[str, float]:
        """Replacement and alignment of the references when it is their turn."""
        if not self.schedule.replaces_reference(epoch):
            return {}

        def candidates(half: int) -> Iterator[Batch]:
            for batch in sampler(half, "train", CANDIDATES):
                yield batch.to(self.device)

        settings = self.settings
        first, second = self.models[1], self.models[2]
        replaced = take_smallest(first, candidates(1))
        scalars = {"reference_shift_angstrom_half1": replaced.shift_angstrom}
        told = f"half 1 by its prediction of smallest displacement ({replaced.shift_angstrom:.2g} A"
        if settings.align_predictions == 0:
            change = take_smallest(second, candidates(2))
            scalars["reference_shift_angstrom_half2"] = change.shift_angstrom
            told += f" RMS), half 2 likewise ({change.shift_angstrom:.2g} A)"
        else:
            aligned = align(
                second,
                first.reference.positions.detach(),
                candidates(2),
                settings.align_radius,
                settings.align_predictions,
            )
            scalars["alignment_angstrom_half2"] = aligned.shift_angstrom
            scalars["gaussians_inside_half2"] = aligned.inside
            told += (
                f" RMS), half 2 by those that agree best with it ({aligned.shift_angstrom:.2g} A; "
                f"{aligned.inside:.0%} of its Gaussians within {settings.align_radius:g} A of half "
                "1's)"
            )
        self._notices.append(f"The references were replaced before epoch {epoch}: {told}.")
        return scalars

    def end_epoch(self, epoch: int, train: Terms, validation: Terms) -> str | None:
        if self._phase != "training":
            return None  # the reference alone changes what a rise means
        losses = [terms[self.headline] for terms in (validation or train).values()]
        rose = self._rises.add(sum(losses) / len(losses))
        if not self._rises.stops(rose, self.settings.stop_after_rises):
            return None
        return (
            f"Training ends with epoch {epoch}: the unexplained power of held-out particles has "
            f"risen {self._rises.rises} times from one epoch to the next (setting "
            "stop_after_rises)."
        )

    @torch.no_grad()
    def _first_scale(self, model: HalfModel, batches: Any) -> None:
        """Noise from the images themselves, and the mass that fits them best (least squares)."""
        model.reference.log_mass.zero_()
        held = [batch.to(self.device) for batch in batches]
        observed = [model.observed(batch) for batch in held]
        model.set_noise(model.shell_power(torch.cat(observed)))
        model.image_power.copy_(model.noise_power)
        overlap = power = 0.0
        for batch, image in zip(held, observed, strict=True):
            unit = model.predict(model.reference.positions, batch)
            more = model.best_scale(image, unit)
            overlap, power = overlap + more[0], power + more[1]
        if not overlap > 0:
            raise UserError(
                "The images do not agree with projections of the consensus map: their best scale "
                f"is {overlap / max(power, 1e-30):.3g}, not positive. Check the contrast "
                "(setting invert_contrast), the map, and the poses."
            )
        model.reference.log_mass.fill_(overlap / power).log_()

    @torch.no_grad()
    def _estimate_noise(self, model: HalfModel, batches: Any) -> None:
        """Radial power of the error on held-out particles (eq. 11, every epoch)."""
        count = 0
        power: torch.Tensor | float = 0.0
        for batch in batches:
            residual = model.residual(
                batch.to(self.device), deform=not self._warming_up, sample=False
            )
            power = power + model.shell_power(residual.difference) * len(batch)
            count += len(batch)
        if isinstance(power, torch.Tensor):
            model.set_noise(power / count)

    def _calibrate(self, half: int, batches: Any) -> None:
        """lambda: |grad of the data loss| / |grad of the penalty| in the decoder, times a ratio."""
        model = self.models[half]
        parameters = list(model.decoder.parameters())
        norms = torch.zeros(2)
        for batch in batches:
            residual = model.residual(batch.to(self.device), deform=True, sample=True)
            terms = model.losses(residual, 0.0)
            penalty = terms["stretch"] + terms["repulsion"]
            for k, value in enumerate((terms["data"], penalty)):
                gradient = torch.autograd.grad(
                    value, parameters, retain_graph=k == 0, allow_unused=True
                )
                norms[k] += float(sum(g.square().sum() for g in gradient if g is not None)) ** 0.5
        if not norms[1] > 0:
            return
        new = self.settings.regularisation * float(norms[0] / norms[1])
        old, kept = self.regularisation[half], self.settings.lambda_smoothing
        # a ratio: averaged in its logarithm; the first value has nothing to be averaged with
        self.regularisation[half] = old**kept * new ** (1 - kept) if old > 0 else new

    def training_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        model = self.models[half]
        if self._phase == "reference only":
            with _frozen(model.encoder, model.decoder):
                residual = model.residual(batch, deform=True, sample=False)
                return self._terms(model, residual, half)
        residual = model.residual(batch, deform=not self._warming_up, sample=True)
        return self._terms(model, residual, half)

    def held_out_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor] | None:
        """Held-out particles train the encoders only, so that both know how to place them.

        Their loss then shows whether the *decoder*, which never saw them, explains new particles.
        """
        if self._phase != "training":
            return None
        model = self.models[half]
        with _frozen(model.decoder, model.reference):
            residual = model.residual(batch, deform=True, sample=True)
            return self._terms(model, residual, half)

    @torch.no_grad()
    def validation_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        model = self.models[half]
        residual = model.residual(batch, deform=not self._warming_up, sample=False)
        return self._terms(model, residual, half)

    def _terms(self, model: HalfModel, residual: Residual, half: int) -> dict[str, torch.Tensor]:
        return model.losses(residual, 0.0 if self._warming_up else self.regularisation[half])

    # -- results ----------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = self.models[half].encode(batch)
        return mean, (0.5 * log_variance).exp()

    def embed(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        model = self.models[half]
        if isinstance(model.encoder, ParticleLatents):
            return embed(model, model.encoder, batch)
        return self.encode(batch, half)

    @torch.no_grad()
    def stored_latents(
        self, index: torch.Tensor, half: int
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        encoder = self.models[half].encoder
        if not isinstance(encoder, ParticleLatents):
            return None
        mean, log_variance = encoder(index.to(self.device))
        return mean, (0.5 * log_variance).exp()

    @torch.no_grad()
    def decode(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        box, pixel_size = self.frame.box, self.frame.pixel_size_angstrom
        latent = latent.to(self.device, torch.float32)
        return torch.stack([self.models[half].volume(z, box, pixel_size) for z in latent])

    @torch.no_grad()
    def displacement(
        self, latent: torch.Tensor, positions: torch.Tensor, half: int
    ) -> torch.Tensor:
        latent = latent.to(self.device, torch.float32)
        return self.models[half].displacement(latent, positions.to(self.device, torch.float32))

    @torch.no_grad()
    def whitened_prediction(
        self, latent: torch.Tensor, batch: Batch, half: int
    ) -> torch.Tensor | None:
        model = self.models[half]
        positions = model.reference.positions
        latent = latent.to(self.device, torch.float32)
        image = model.predict(positions[None] + model.displacement(latent, positions), batch)
        # of a complex pixel, counted twice in the full transform, real part and imaginary part
        # each hold half of the noise's power
        weight = (model.multiplicity / model.noise_power[model.shells]).sqrt()
        return torch.view_as_real(image * weight).flatten(1)

    @torch.no_grad()
    def image_residual(self, latent: torch.Tensor, batch: Batch, half: int) -> torch.Tensor | None:
        model = self.models[half]
        positions = model.reference.positions
        moved = positions[None] + model.displacement(
            latent.to(self.device, torch.float32), positions
        )
        return model.whitened(model.observed(batch) - model.predict(moved, batch))

    def consensus_positions(self, half: int) -> torch.Tensor | None:
        return self.models[half].reference.positions.detach()

    @torch.no_grad()
    def features(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        """Displacements at landmarks, scaled so that the norm is their RMS in A: (n, 3 k)."""
        moved = self.displacement(latent, self.landmarks, half)  # (n, k, 3)
        return moved.flatten(1) / math.sqrt(len(self.landmarks))

    # -- state ------------------------------------------------------------------------------------

    def state(self) -> dict[str, torch.Tensor]:
        tensors = {"landmarks": self.landmarks}
        for half, model in self.models.items():
            tensors |= {f"half{half}.{k}": v for k, v in model.state_dict().items()}
        return {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        self.landmarks = state["landmarks"].to(self.device)
        self.settings = _settings_of(state, self.settings)
        if "half1.encoder.mean" in state:
            self.particles = len(state["half1.encoder.mean"])
        count = len(state["half1.reference.positions"])
        classes = state["half1.reference.log_width"].numel()
        if not self.models or len(self.models[1].reference.positions) != count:
            self._build(count, classes)
            self._optimizers = {}
        for half, model in self.models.items():
            prefix = f"half{half}."
            model.load(
                {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            )

    def resume_state(self) -> dict[str, Any]:
        return {
            "regularisation": dict(self.regularisation),
            "rises": {"last": self._rises.last, "rises": self._rises.rises},
            "phase": self._phase,
            "optimizers": {h: [o.state_dict() for o in os] for h, os in self._optimizers.items()},
        }

    def load_resume_state(self, state: dict[str, Any]) -> None:
        self.regularisation = dict(state["regularisation"])
        self._rises = RiseCounter(**state.get("rises", {}))
        self._phase = state.get("phase", "training")
        for half in self.halves:
            for optimizer, saved in zip(
                self.optimizers(half), state["optimizers"][half], strict=True
            ):
                optimizer.load_state_dict(saved)

    # -- planning ---------------------------------------------------------------------------------

    def memory_bytes(self, batch_size: int) -> int:
        count = len(self.models[1].reference.positions) if self.models else 10_000
        fine = self.frame.working_box * self.settings.oversampling
        width, layers = self.settings.decoder_shape
        kept = 0 if self.settings.decoder == "modes" else width * (layers + 2)
        layers = count * (kept + 60)
        grids = 4 * fine * fine + 12 * self.frame.working_box**2
        model = sum(p.numel() for m in self.models.values() for p in m.parameters()) * 4
        return 4 * (batch_size * (layers + grids) + 4 * model)


def _settings_of(state: dict[str, torch.Tensor], settings: DynaMightSettings) -> DynaMightSettings:
    """The settings with the networks that a state has, which early ones could not choose."""
    encoder = "per-particle" if "half1.encoder.mean" in state else "encoder"
    decoder = "coordinate" if "half1.decoder.from_latent.weight" in state else "modes"
    return settings.model_copy(update={"embedding": encoder, "decoder": decoder})


@contextlib.contextmanager
def _frozen(*modules: torch.nn.Module) -> Iterator[None]:
    """What is computed within gives these modules no gradient."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _farthest_points(points: torch.Tensor, count: int) -> torch.Tensor:
    """`count` of the points (n, 3), spread out: each next one is farthest from those chosen."""
    chosen = [int((points - points.mean(0)).norm(dim=1).argmax())]
    distance = (points - points[chosen[0]]).norm(dim=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).norm(dim=1))
    return points[chosen].clone()
