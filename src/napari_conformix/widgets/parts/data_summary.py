"""A data set in numbers, sentences and small arrays; no Qt, made in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet

#: 768 directions, about 7 degrees apart
_NSIDE = 8
_SAMPLES = 8
_MAP_SHAPE = (90, 180)


@dataclass(frozen=True)
class Summary:
    """What the Data page shows of a particle set.

    facts      (name, value) in the order in which they are shown
    directions (90, 180) particles per direction of view in a Mollweide projection, NaN outside;
    None when the file has no poses
    empty_directions   share of the 768 directions that no particle has
    defocus    (n,) mean of U and V in micrometres, without NaN
    """

    facts: list[tuple[str, str]]
    directions: np.ndarray | None
    empty_directions: float
    defocus: np.ndarray


def summarise(particles: ParticleSet, box: int) -> Summary:
    """Look at every row of the particle file; `box` is the images' own, from their headers."""
    posed = np.isfinite(particles.rotation).all(axis=(1, 2))
    directions, empty = None, 1.0
    if posed.any():
        counts = view_counts(particles.rotation[posed])
        directions, empty = mollweide(counts), float(np.mean(counts == 0))
    defocus = (particles.defocus_u_angstrom + particles.defocus_v_angstrom) / 2e4
    return Summary(_facts(particles, box), directions, empty, defocus[np.isfinite(defocus)])


def _facts(particles: ParticleSet, box: int) -> list[tuple[str, str]]:
    pixel_sizes = sorted({group.pixel_size_angstrom for group in particles.optics})
    pixels = ", ".join(f"{size:.4g}" for size in pixel_sizes)
    voltages = ", ".join(f"{kv:g}" for kv in sorted({g.voltage_kv for g in particles.optics}))
    formats = {
        "relion2": "RELION 2",
        "relion3": "RELION 3.0",
        "relion31": "RELION 3.1 or later",
        "cryosparc": "cryoSPARC",
    }
    facts = [
        ("Particles", f"{len(particles):,} in {_stacks(len(particles.stacks))}"),
        ("Written by", formats.get(particles.source.format, particles.source.format)),
        ("Pixel size", f"{pixels} Å"),
        ("Box", _box_in_words(box, pixel_sizes)),
        ("Optics groups", f"{len(particles.optics)} ({voltages} kV)"),
        ("Half sets", _halves_in_words(particles.half)),
    ]
    return facts


def _stacks(count: int) -> str:
    return "1 image stack" if count == 1 else f"{count:,} image stacks"


def _box_in_words(box: int, pixel_sizes: list[float]) -> str:
    if not box:
        return "not known: the image stacks were not found"
    size = f" ({box * pixel_sizes[0]:.0f} Å)" if len(pixel_sizes) == 1 else ""
    return f"{box} px{size}"


def _halves_in_words(half: np.ndarray) -> str:
    one, two = int(np.sum(half == 1)), int(np.sum(half == 2))
    if not one and not two:
        return "none in the file; they are made when training starts"
    rest = len(half) - one - two
    return f"{one:,} + {two:,}" + (f", and {rest:,} in neither" if rest else "")


def view_counts(rotation: np.ndarray) -> np.ndarray:
    """(768,) particles per direction of view, HEALPix with N_side 8; rotation is (n, 3, 3) A."""
    import healpix

    x, y, z = np.asarray(rotation[:, :, 2], np.float64).T
    return np.bincount(healpix.vec2pix(_NSIDE, x, y, z), minlength=12 * _NSIDE**2)


def mollweide(counts: np.ndarray, shape: tuple[int, int] = _MAP_SHAPE) -> np.ndarray:
    """(768,) counts in an equal-area projection (rows from north to south), NaN outside."""
    import healpix

    rows, columns = shape
    y = np.linspace(1, -1, rows)[:, None] * np.ones((1, columns))
    x = np.ones((rows, 1)) * np.linspace(-2, 2, columns)[None, :]
    inside = x**2 / 4 + y**2 < 0.999
    theta = np.arcsin(np.clip(y, -1, 1))
    latitude = np.arcsin(np.clip((2 * theta + np.sin(2 * theta)) / np.pi, -1, 1))
    longitude = np.pi * x / (2 * np.maximum(np.cos(theta), 1e-9))
    chart = np.full(shape, np.nan)
    chart[inside] = counts[
        healpix.ang2pix(_NSIDE, np.pi / 2 - latitude[inside], longitude[inside] % (2 * np.pi))
    ]
    return chart


def sample_rows(count: int) -> np.ndarray:
    """Rows of the images shown as samples: evenly through the file."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(_SAMPLES, count)).astype(np.int64))


def sample_images(particles: ParticleSet, rows: np.ndarray) -> list[np.ndarray]:
    """Particle images as 8-bit pictures (h, w), low-passed so that an eye sees the particle."""
    from scipy.ndimage import gaussian_filter

    from napari_conformix.particles import ImageReader

    reader = ImageReader(particles)
    pictures = []
    for row in rows:
        image = np.asarray(reader.read([int(row)])[0], np.float32)
        smooth = gaussian_filter(image, len(image) / 40)
        low, high = np.percentile(smooth, (1, 99.5))
        scaled = (smooth - low) / max(float(high - low), 1e-12)
        pictures.append(np.ascontiguousarray((255 * np.clip(scaled, 0, 1)).astype(np.uint8)))
    return pictures


def image_box(particles: ParticleSet) -> int:
    """Box of the images in pixels: of the first optics group, else of the first stack; 0 if the
    stack cannot be read."""
    from napari_conformix.errors import UserError
    from napari_conformix.particles import ImageReader

    if particles.optics and particles.optics[0].box:
        return particles.optics[0].box
    try:
        return int(ImageReader(particles).boxes([0])[0])
    except UserError:
        return 0


@dataclass(frozen=True)
class EnclosedVolume:
    """How much of a map lies above a contour, answered at once from its sorted voxels."""

    voxels: np.ndarray
    voxel_volume: float

    @classmethod
    def of(cls, array: np.ndarray, pixel_size_angstrom: float) -> EnclosedVolume:
        """Sort the voxels of a map (z, y, x)."""
        return cls(np.sort(array, axis=None), pixel_size_angstrom**3)

    def above(self, threshold: float) -> float:
        """Cubic Angstrom above `threshold`."""
        count = len(self.voxels) - np.searchsorted(self.voxels, threshold, side="right")
        return float(count) * self.voxel_volume


def kilodaltons(cubic_angstrom: float) -> float:
    """Protein of that volume: 1.21 cubic A per dalton (0.73 cm3/g; Harpaz et al. 1994)."""
    return cubic_angstrom / 1210.0
