"""The reference model: Gaussians that stand for the consensus map (paper, eq. 2 and Methods)."""

import math
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from napari_conformix.errors import UserError
from napari_conformix.imaging import choose_threshold, gaussian_map

#: mean volume of a residue in a protein, A^3 (110 Da at 1.35 g/cm^3), and Gaussians per residue
_RESIDUE_VOLUME = 135.0
_GAUSSIANS_PER_RESIDUE = 2.0
#: below this there are no two nearest neighbours to measure distances by (eq. 12)
FEWEST_GAUSSIANS = 3


class Reference(nn.Module):
    """N Gaussians in k width classes (eq. 8); with one class all have the same width and mass.

    positions            (n, 3) xyz in A
    log_width            () or (k,): log of the standard deviations in A
    log_mass             log of the mean mass of a Gaussian in the images' grey scale
    map_mass             mean mass of a Gaussian in the consensus map's grey scale (from the fit)
    class_logits         (k, n), only with k > 1: their softmax over k is d of eq. 8
    class_log_amplitude  (k,), only with k > 1: log of the classes' relative masses, a of eq. 8
    relative_mass        (n,) given masses (an atomic model's), mean 1; (0,) when all are alike
    """

    def __init__(self, count: int, classes: int = 1) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(count, 3))
        self.log_width = nn.Parameter(torch.zeros(() if classes == 1 else (classes,)))
        self.log_mass = nn.Parameter(torch.zeros(()))
        self.classes = classes
        if classes > 1:
            self.class_logits = nn.Parameter(torch.zeros(classes, count))
            self.class_log_amplitude = nn.Parameter(torch.zeros(classes))
        self.register_buffer("map_mass", torch.ones(()))
        self.map_mass: torch.Tensor
        self.register_buffer("relative_mass", torch.zeros(0))
        self.relative_mass: torch.Tensor

    @property
    def width(self) -> torch.Tensor:
        """Standard deviation of the Gaussians in A: 0-d, or (k,) wherever there are `weights`."""
        width = self.log_width.exp()
        return width[None] if self.classes == 1 and len(self.relative_mass) else width

    @property
    def weights(self) -> torch.Tensor | None:
        """(k, n) mass of every Gaussian in every class, 1 in the mean; None when all are 1."""
        if self.classes > 1:
            weights = self.class_logits.softmax(0) * self.class_log_amplitude.exp()[:, None]
        elif len(self.relative_mass):
            return self.relative_mass[None]
        else:
            return None
        if len(self.relative_mass):
            weights = weights * self.relative_mass
        return weights / weights.sum(0).mean()

    def shape_parameters(self) -> list[nn.Parameter]:
        """What makes the Gaussians' form, apart from their positions; the mass is not among it.

        Returns
        -------
        list of torch.nn.Parameter
            The log widths; with classes also their logits and amplitudes.
        """
        if self.classes == 1:
            return [self.log_width]
        return [self.log_width, self.class_logits, self.class_log_amplitude]

    @torch.no_grad()
    def start_shapes(self, width_angstrom: float, generator: torch.Generator) -> None:
        """One width, or classes from half to twice of it; class weights at random (paper).

        Parameters
        ----------
        width_angstrom : float
            Standard deviation in A.
        generator : torch.Generator
            On the CPU.
        """
        if self.classes == 1:
            self.log_width.fill_(width_angstrom).log_()
            return
        octaves = torch.linspace(-1.0, 1.0, self.classes)
        self.log_width.copy_(octaves * math.log(2) + math.log(width_angstrom))
        self.class_logits.copy_(0.1 * torch.randn(self.class_logits.shape, generator=generator))


def gaussians_for_volume(enclosed_angstrom3: float) -> int:
    """Number of Gaussians for a molecule: two a residue of 135 A^3 (paper, Implementation).

    Parameters
    ----------
    enclosed_angstrom3 : float
        Volume that the map's contour encloses, in A^3.

    Returns
    -------
    int
        At least 64.
    """
    return max(64, round(_GAUSSIANS_PER_RESIDUE * enclosed_angstrom3 / _RESIDUE_VOLUME))


@dataclass(frozen=True)
class Placement:
    """Where Gaussians start, and what was decided on the way."""

    positions: torch.Tensor
    threshold: float
    enclosed_volume_angstrom3: float


def place_gaussians(
    volume: torch.Tensor,
    pixel_size_angstrom: float,
    count: int,
    threshold: float,
    mask: torch.Tensor | None,
    generator: torch.Generator,
    most: int | None = None,
) -> Placement:
    """Fill the map above a threshold with Gaussians at random (paper, Initialization).

    Voxels are drawn with a probability proportional to their density, and each Gaussian is put at a
    random place within its voxel.

    Parameters
    ----------
    volume : torch.Tensor
        (z, y, x), on the CPU.
    pixel_size_angstrom : float
        Edge of a voxel, in A.
    count : int
        Number of Gaussians; 0 chooses it from the map.
    threshold : float
        In the map's grey values; 0 chooses it from the map.
    mask : torch.Tensor or None
        (z, y, x) by which the map is multiplied.
    generator : torch.Generator
        On the CPU.
    most : int, optional
        The largest number that is chosen from the map.

    Returns
    -------
    Placement
        Positions (count, 3) xyz in A from the centre, the threshold, and the volume that it
        encloses.

    Raises
    ------
    UserError
        If no voxel is above the threshold, or there are fewer than three Gaussians.
    """
    threshold = threshold or choose_threshold(volume, mask)
    if mask is not None:
        volume = volume * mask
    inside = (volume > threshold).nonzero()  # (m, 3) z y x
    if len(inside) == 0:
        raise UserError(
            f"No voxel of the consensus map is above the threshold {threshold:g} "
            f"(its highest value is {float(volume.max()):g}). Choose a lower threshold."
        )
    enclosed = len(inside) * pixel_size_angstrom**3
    count = count or min(gaussians_for_volume(enclosed), most or sys.maxsize)
    if count < FEWEST_GAUSSIANS:
        raise UserError(
            f"{count} Gaussian(s) cannot stand for a molecule, where each is connected to its "
            f"neighbours; give at least {FEWEST_GAUSSIANS}, or 0 to derive the number from the map."
        )
    density = volume[tuple(inside.T)]
    draws = torch.multinomial(
        density.double() / density.double().sum(), count, replacement=True, generator=generator
    )
    voxels = inside[draws].to(volume.dtype)
    voxels = voxels + torch.rand(voxels.shape, generator=generator) - 0.5
    centred = (voxels - volume.shape[0] // 2) * pixel_size_angstrom
    return Placement(centred.flip(1).contiguous(), threshold, enclosed)


def fit_to_map(
    reference: Reference,
    volume: torch.Tensor,
    pixel_size_angstrom: float,
    steps: int,
    *,
    move: bool = True,
) -> float:
    """Fit positions, widths, classes and mass to the map by Adam.

    The mass is solved in closed form at every step (it enters linearly), so only shape is learned.
    Works on the grid given; the caller crops large maps first.

    Parameters
    ----------
    reference : Reference
        Fitted in place; its `map_mass` is per voxel of this grid.
    volume : torch.Tensor
        (z, y, x).
    pixel_size_angstrom : float
        Edge of a voxel, in A.
    steps : int
        Of Adam.
    move : bool
        False: positions stay.

    Returns
    -------
    float
        The correlation with the map that was reached.
    """
    box = volume.shape[0]
    target = volume - volume.mean()
    shape_parameters: list[dict[str, Any]] = [
        {"params": reference.shape_parameters(), "lr": 0.02},
    ]
    if move:
        shape_parameters.append({"params": [reference.positions], "lr": 0.05 * pixel_size_angstrom})
    optimizer = torch.optim.Adam(shape_parameters)
    norm = target.square().sum()
    correlation = 0.0
    for _ in range(steps):
        model = gaussian_map(
            reference.positions[None],
            reference.width,
            box,
            pixel_size_angstrom,
            weights=reference.weights,
        )[0]
        centred = model - model.mean()
        overlap, power = (centred * target).sum(), centred.square().sum()
        loss = 1 - overlap.square() / (power * norm).clamp_min(1e-30)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        correlation = math.sqrt(max(0.0, 1 - float(loss.detach())))
        reference.map_mass.copy_((overlap / power).detach())
    return correlation
