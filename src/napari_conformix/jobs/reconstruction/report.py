"""What a reconstruction has shown, as figures that a file can keep (`report.json`)."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_write, formats
from napari_conformix.version import __version__

if TYPE_CHECKING:
    from napari_conformix.imaging import FscCurves

#: the threshold at which the resolution of half maps is read off
HALF_MAP_THRESHOLD = 0.143


class Curves(BaseModel):
    """FSC between two half maps, shell by shell; see `imaging.fsc.FscCurves` for what each is.

    resolution_angstrom   where the corrected curve falls below 0.143; Nyquist if it never does
    """

    model_config = ConfigDict(frozen=True)

    frequency: list[float] = Field(description="of each shell, 1/A")
    unmasked: list[float]
    masked: list[float]
    randomised: list[float]
    corrected: list[float]
    randomised_from_angstrom: float | None
    resolution_angstrom: float
    reached: bool = Field(description="False: still above 0.143 at Nyquist")

    @classmethod
    def of(cls, curves: "FscCurves", box: int, pixel_size_angstrom: float) -> "Curves":
        """The curves of maps with this box and pixel size."""
        from napari_conformix.imaging import resolution_at  # a report is read without torch

        resolution = resolution_at(curves.corrected, HALF_MAP_THRESHOLD, box, pixel_size_angstrom)
        first, extent = curves.random_from, box * pixel_size_angstrom
        return cls(
            frequency=(np.arange(box // 2 + 1) / extent).tolist(),
            unmasked=curves.unmasked.tolist(),
            masked=curves.masked.tolist(),
            randomised=curves.randomised.tolist(),
            corrected=curves.corrected.tolist(),
            randomised_from_angstrom=extent / first if first <= box // 2 else None,
            resolution_angstrom=resolution.angstrom,
            reached=resolution.reached,
        )

    def as_arrays(self) -> dict[str, NDArray[np.float64]]:
        """The curves by name, each (box // 2 + 1,)."""
        names = ("frequency", "unmasked", "masked", "randomised", "corrected")
        return {name: np.array(getattr(self, name)) for name in names}


class LocalResolution(BaseModel):
    """A map of local resolution in A, and its spread within the mask."""

    model_config = ConfigDict(frozen=True)

    path: str = Field(description="relative to the folder of the reconstruction")
    threshold: float = Field(description="FSC at which it is read off")
    window_angstrom: float = Field(description="diameter of the window")
    best_angstrom: float = Field(description="10 % of the places within the mask are better")
    median_angstrom: float
    worst_angstrom: float = Field(description="10 % of the places within the mask are worse")


class InverseResidual(BaseModel):
    """How well the inverse network of a half undoes the deformation, in A."""

    model_config = ConfigDict(frozen=True)

    mean_angstrom: float
    worst_angstrom: float = Field(description="the worst of all places and particles asked")


class ReconstructionReport(BaseModel):
    """Everything a reconstruction found out; paths are relative to its folder.

    curves, plain           of the maps asked for, and of the plain maps of the same particles when
                            these are deformed
    deformed_against_plain  FSC between deformed and plain map of the same half, unmasked: what the
                            deformation changed
    """

    model_config = ConfigDict(frozen=True)

    format_version: int = formats.REPORT.version
    program_version: str | None = Field(__version__, description="None: it was not written down")
    name: str
    job: str
    deformed: bool
    warp: Literal["gather", "inverse"] = "gather"
    epoch: int | None = None
    selection: str | None = None
    particles: tuple[int, int] = Field(description="in half 1 and half 2")
    box: int
    pixel_size_angstrom: float
    half_maps: tuple[str, str]
    full_map: str
    plain_half_maps: tuple[str, str] | None = None
    plain_full_map: str | None = None
    mask: str
    mask_origin: str = Field(description="how the mask came about, in words")
    curves: Curves
    plain: Curves | None = None
    deformed_against_plain: dict[str, list[float]] = {}
    local_resolution: LocalResolution | None = None
    plain_local_resolution: LocalResolution | None = None
    inverse_residual: dict[str, InverseResidual] = Field(default={}, description="by half")
    folded_share: float | None = Field(
        None, description="share of places asked where the deformation turns matter inside out"
    )
    rms_displacement_angstrom: float | None = None
    seconds: float = 0.0
    images_per_second: float | None = None
    memory_bytes: int | None = None
    warnings: list[str] = []

    def save(self, path: str | Path) -> None:
        """Write as JSON, all or nothing."""
        atomic_write(path, (self.model_dump_json(indent=2) + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> "ReconstructionReport":
        """Read a report; UserError when there is none or it cannot be read."""
        path = Path(path)
        try:
            values = formats.REPORT.read_json(path.read_bytes(), path)
            return cls.model_validate({formats.PROGRAM: None} | values)
        except FileNotFoundError as error:
            raise UserError(
                f"{path.parent} has no report yet; it is written when the reconstruction is done."
            ) from error
        except ValueError as error:  # of JSON and of pydantic, too
            raise UserError(f"{path} is not a readable report: {error}.") from error

    @property
    def worse_than_plain(self) -> bool:
        """Whether undoing the motion has cost more than it gained: the half maps, or most places of
        them, agree to a coarser resolution, and the worst places have gained nothing."""
        ours, theirs = self.local_resolution, self.plain_local_resolution
        if self.plain is None:
            return False
        coarser = self.curves.resolution_angstrom > WORSE * self.plain.resolution_angstrom
        if ours is None or theirs is None:
            return coarser
        gained = ours.worst_angstrom < theirs.worst_angstrom
        return not gained and (coarser or ours.median_angstrom > WORSE * theirs.median_angstrom)

    def sentences(self) -> list[str]:
        """What was found, in words, each with its numbers and units."""
        first, second = self.particles
        found = [
            f"{'Deformed' if self.deformed else 'Plain'} half maps of {first:,} and {second:,} "
            f"particles: {_resolution(self.curves)} (FSC {HALF_MAP_THRESHOLD}, corrected for the "
            "mask, not sharpened)."
        ]
        if self.plain is not None:
            found.append(f"Plain maps of the same particles: {_resolution(self.plain)}.")
        for words, local in (
            ("Local resolution", self.local_resolution),
            ("Of the plain maps", self.plain_local_resolution),
        ):
            if local is not None:
                found.append(
                    f"{words}: median {local.median_angstrom:.1f} A, 80 % between "
                    f"{local.best_angstrom:.1f} and {local.worst_angstrom:.1f} A "
                    f"(FSC {local.threshold:g} in windows of {local.window_angstrom:.0f} A)."
                )
        if self.worse_than_plain:
            found.append(USE_PLAIN)
        if self.deformed:
            found.append(INDEPENDENCE)
        return found


#: a resolution coarser by this factor is called worse
WORSE = 1.05
USE_PLAIN = (
    "Use the plain map: with the motion undone the half maps agree less than without. The motion "
    "is not known well enough to sharpen this map; train longer, or with a stronger regularisation."
)
#: what a gain in FSC means, and what it does not
INDEPENDENCE = (
    "The two half maps were deformed by two models, each trained on, and applied to, its own half "
    "of the particles: only because of that does a gain in FSC between them count. Both models "
    "began from the same consensus map and are held by the same smoothness, which can make the "
    "halves alike in what they share: look for the gain in the map, where motion was found."
)


def _resolution(curves: Curves) -> str:
    angstrom = f"{curves.resolution_angstrom:.2f} A"
    return angstrom if curves.reached else f"{angstrom}, the finest that the pixel size shows"
