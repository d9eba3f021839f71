"""Batches for training: images on the working grid with their poses, shifts and CTF."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from napari_conformix.training.batches.normalise import normalise_background
from napari_conformix.training.batches.sources import (
    CacheSource,
    ImageSource,
    MemorySource,
    Rows,
    SourceName,
    StreamSource,
    choose_source,
)
from napari_conformix.training.contract import Batch, Frame
from napari_conformix.training.events import Preparing
from napari_conformix.training.settings import TrainingSettings

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet


class Batches(Protocol):
    """What the loop needs from the data."""

    def __len__(self) -> int: ...

    @property
    def rotation(self) -> NDArray[np.float32]:
        """(N, 3, 3): the poses A of all particles."""

    def prepare(self) -> Iterator[Preparing]:
        """Do what is needed before the first batch, telling the progress."""

    def batch(self, rows: Rows) -> Batch:
        """The particles of these rows, on the CPU."""


class TrainingData:
    """The particles of a run on its working grid.

    Images of every optics group are brought to one box and pixel size by band-limited resampling
    (a Fourier crop where the extents agree), and antisymmetric aberrations (beam tilt) are taken
    off. Grey values are kept, or with `normalise_images` brought to background sigma 1 on the
    *working* grid, so that optics groups of different pixel size share one scale.

    Parameters
    ----------
    particles, frame, settings
        What to read, the grids, and whether to normalise, invert, cache.
    cache_folder
        Where a cache of the images may be written; None: nowhere.
    pin_memory
        Page-locked tensors, for an asynchronous copy to a GPU.
    """

    def __init__(
        self,
        particles: "ParticleSet",
        frame: Frame,
        settings: TrainingSettings,
        *,
        cache_folder: Path | None = None,
        pin_memory: bool = False,
    ) -> None:
        from napari_conformix.particles import ImageReader

        self.particles = particles
        self.frame = frame
        self.settings = settings
        self._pin_memory = pin_memory
        self._reader = ImageReader(particles)
        self._rotation = torch.from_numpy(np.array(particles.rotation, dtype=np.float32))
        self._shift = torch.from_numpy(np.array(particles.shift_angstrom, dtype=np.float32))
        self.source_name, self.source_reason, self._source = self._make_source(cache_folder)

    def __len__(self) -> int:
        return len(self.particles)

    @property
    def rotation(self) -> NDArray[np.float32]:
        """(N, 3, 3): the poses A of all particles."""
        return self._rotation.numpy()

    def prepare(self) -> Iterator[Preparing]:
        """Fill memory or the cache file, telling the progress."""
        yield from self._source.prepare()

    def batch(self, rows: Rows) -> Batch:
        """(b,) rows -> Batch on the CPU, in the order asked."""
        from napari_conformix.imaging import ctf_of

        rows = np.array(rows, dtype=np.int64)  # a copy: those of a selection are read-only
        index = torch.from_numpy(rows)
        batch = Batch(
            index=index,
            images=torch.from_numpy(self._source.read(rows)),  # (b, h, w)
            rotation=self._rotation[index],  # (b, 3, 3)
            shift_angstrom=self._shift[index],  # (b, 2)
            ctf=ctf_of(
                self.particles,
                rows,
                self.frame.working_box,
                self.frame.working_pixel_size_angstrom,
            ),  # (b, h, w // 2 + 1)
        )
        if self._pin_memory:
            return Batch(**{name: tensor.pin_memory() for name, tensor in vars(batch).items()})
        return batch

    def _read_on_working_grid(self, rows: Rows) -> NDArray[np.float32]:
        """(b,) rows -> (b, h, w): scaled, on the working grid, without beam tilt."""
        box = self.frame.working_box
        images = torch.empty((len(rows), box, box), dtype=torch.float32)
        group = self.particles.optics_index[rows]
        for g in np.unique(group):
            members = np.flatnonzero(group == g)
            raw = np.array(self._reader.read(rows[members]), dtype=np.float32)
            if self.settings.invert_contrast:
                np.negative(raw, out=raw)
            pixel_size = self.particles.optics[g].pixel_size_angstrom
            extent = raw.shape[-1] * pixel_size / self.frame.working_pixel_size_angstrom
            regridded = self._on_working_grid(raw, pixel_size)
            if self.settings.normalise_images:
                # On the working grid, where the noise of every optics group fills the same band:
                # sigma 1 on grids of different pixel size would give each its own grey scale.
                normalise_background(regridded.numpy(), extent)
            images[torch.from_numpy(members)] = regridded
        return self._without_odd_aberrations(images, rows).numpy()

    def _on_working_grid(
        self, raw: NDArray[np.float32], pixel_size_angstrom: float
    ) -> torch.Tensor:
        from napari_conformix.imaging import resample_2d

        box, pixel_size = self.frame.working_box, self.frame.working_pixel_size_angstrom
        if raw.shape[-1] == box and np.isclose(pixel_size_angstrom, pixel_size, rtol=1e-6):
            return torch.from_numpy(raw)
        return resample_2d(torch.from_numpy(raw), pixel_size_angstrom, box, pixel_size)

    def _without_odd_aberrations(self, images: torch.Tensor, rows: Rows) -> torch.Tensor:
        from napari_conformix.imaging import has_odd_phase, remove_odd_phase

        if not any(has_odd_phase(group) for group in self.particles.optics):
            return images
        corrected = remove_odd_phase(
            torch.fft.rfft2(images),
            self.particles,
            rows,
            self.frame.working_pixel_size_angstrom,
        )  # (b, h, w // 2 + 1)
        restored: torch.Tensor = torch.fft.irfft2(corrected, s=images.shape[-2:])
        return restored

    def _make_source(self, cache_folder: Path | None) -> tuple[SourceName, str, ImageSource]:
        count, box = len(self.particles), self.frame.working_box
        name, reason = choose_source(
            self.settings.images, count * box * box * 4, self._reader.bytes_on_disk, cache_folder
        )
        if name == "memory":
            return name, reason, MemorySource(self._read_on_working_grid, count, box)
        if name == "cache" and cache_folder is not None:
            source = CacheSource(
                self._read_on_working_grid, count, box, cache_folder, self._description()
            )
            return name, reason, source
        return "stream", reason, StreamSource(self._read_on_working_grid)

    def _description(self) -> dict[str, Any]:
        """What the cached images depend on."""
        path = Path(self.particles.source.path)
        return {
            "particles": str(path),
            "modified": path.stat().st_mtime_ns,
            "count": len(self.particles),
            "working_box": self.frame.working_box,
            "working_pixel_size_angstrom": self.frame.working_pixel_size_angstrom,
            "normalise_images": self.settings.normalise_images,
            "invert_contrast": self.settings.invert_contrast,
        }
