"""MRC headers as they come in the wild, and maps in and out.

Headers are read permissively: a missing MAP id, a zero or wrong machine stamp, an extended header
of any kind. What is not forgiven is a file that is no MRC at all.
"""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
from mrcfile.dtypes import HEADER_DTYPE

from napari_conformix.errors import UserError
from napari_conformix.runs import whole_file

_HEADER_BYTES = 1024
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


@dataclass(frozen=True)
class MrcHeader:
    """What a header says, and what the file's length says.

    width, height, images   nx, ny, nz
    dtype                   of one pixel, byte order included
    offset                  of the first pixel in the file, bytes
    pixel_size_angstrom     from the header, which is often wrong; 0 when it does not say
    complete_images         how many images the file is long enough for
    """

    path: Path
    width: int
    height: int
    images: int
    dtype: np.dtype[np.generic]
    offset: int
    pixel_size_angstrom: float
    complete_images: int

    @property
    def image_bytes(self) -> int:
        """Bytes of one image."""
        return self.width * self.height * self.dtype.itemsize

    @property
    def truncated(self) -> bool:
        """True when the file is shorter than its header says."""
        return self.complete_images < self.images


def read_mrc_header(path: Path) -> MrcHeader:
    """Read a header; UserError when the file is missing, empty, no MRC, or of an unusable mode."""
    try:
        with open(path, "rb") as file:
            raw = file.read(_HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    if len(raw) < _HEADER_BYTES:
        raise UserError(f"{path} is not an MRC file: it is only {len(raw)} bytes long.")
    header = _in_byte_order(path, raw)
    mode = int(header["mode"])
    if mode not in _MODES:
        raise UserError(
            f"{path} has MRC mode {mode}; modes 0, 1, 2, 6 and 12 (real pixels) can be read. "
            "Convert the file, for example with relion_image_handler."
        )
    dtype = np.dtype(_MODES[mode]).newbyteorder(header.dtype["mode"].byteorder)
    nx, ny, nz = (int(header[k]) for k in ("nx", "ny", "nz"))
    offset = _HEADER_BYTES + max(int(header["nsymbt"]), 0)
    complete = max(size - offset, 0) // (nx * ny * dtype.itemsize)
    return MrcHeader(
        path, nx, ny, nz, dtype, offset, _pixel_size(header), min(int(complete), nz)
    )  # fmt: skip


def _in_byte_order(path: Path, raw: bytes) -> npt.NDArray[np.void]:
    """The header in the byte order that makes sense; stamps are not trusted."""
    possible = []
    for order in "<>":
        header = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(order), 1)[0]
        sizes = [int(header[k]) for k in ("nx", "ny", "nz")]
        if 0 <= int(header["mode"]) < 256 and all(0 < n < 1 << 24 for n in sizes):
            possible.append((max(sizes), order, header))
    if not possible:
        raise UserError(f"{path} is not an MRC file: its header makes no sense.")
    # 256 read in the wrong order is 65536: where both make sense, the smaller sizes are right
    return min(possible, key=lambda found: found[0])[2]  # type: ignore[no-any-return]


def _pixel_size(header: npt.NDArray[np.void]) -> float:
    sampling, length = int(header["mx"]), float(header["cella"]["x"])
    if sampling <= 0 or not np.isfinite(length) or length <= 0:
        return 0.0
    return length / sampling


def read_map(path: Path | str) -> tuple[npt.NDArray[np.float32], float]:
    """A map as (z, y, x) float32 and its pixel size in Angstrom (0 when the header has none).

    Axes stored in another order are brought to z, y, x. Errors: UserError when the file is
    missing, not a 3-D map, cut short, or has voxels that are not cubes.
    """
    path = Path(path)
    if path.suffix in (".gz", ".bz2"):
        return _read_open_map(path)
    header = read_mrc_header(path)
    if header.truncated:
        raise UserError(
            f"{path} is cut short: it holds {header.complete_images} of {header.images} sections. "
            "Copy it again."
        )
    return _read_open_map(path)


def _read_open_map(path: Path) -> tuple[npt.NDArray[np.float32], float]:
    try:
        with warnings.catch_warnings():
            # mrcfile warns of missing stamps and ids, which are common and harmless
            warnings.simplefilter("ignore")
            with mrcfile.open(path, permissive=True) as mrc:
                data, header = mrc.data, mrc.header.copy()
    except (OSError, ValueError) as error:
        raise UserError(f"Cannot read the map {path}: {error}.") from error
    if data is None or data.ndim != 3:
        shape = "no data" if data is None else " x ".join(map(str, data.shape))
        raise UserError(f"{path} is not a 3-D map: it holds {shape}.")
    order = [int(header[k]) for k in ("maps", "mapr", "mapc")]  # which axis is slow, middle, fast
    if sorted(order) == [1, 2, 3]:
        data = np.transpose(data, [order.index(axis) for axis in (3, 2, 1)])
    sizes = _voxel_sizes(header)
    if max(sizes) - min(sizes) > 1e-3 * max(sizes):
        raise UserError(
            f"{path} has voxels of {sizes[0]:g} x {sizes[1]:g} x {sizes[2]:g} A; "
            "they must be cubes. Correct the header or resample the map."
        )
    return np.array(data, np.float32, order="C"), sizes[0]


def _voxel_sizes(header: npt.NDArray[np.void]) -> tuple[float, float, float]:
    sampling = [int(header[k]) for k in ("mx", "my", "mz")]
    lengths = [float(header["cella"][k]) for k in "xyz"]
    if min(sampling) <= 0 or not np.isfinite(lengths).all() or min(lengths) <= 0:
        return 0.0, 0.0, 0.0
    x, y, z = (length / n for length, n in zip(lengths, sampling, strict=True))
    return x, y, z


def write_map(
    path: Path | str, array: npt.NDArray[np.floating], pixel_size_angstrom: float
) -> None:
    """Write a (z, y, x) map as float32 MRC; the file appears whole or not at all."""
    path, data = Path(path), np.asarray(array, np.float32)
    if data.ndim != 3:
        raise ValueError(f"a map has three axes, not {data.ndim}")
    with whole_file(path) as temporary, mrcfile.new(temporary, overwrite=True) as mrc:
        mrc.set_data(data)
        mrc.set_volume()
        mrc.voxel_size = pixel_size_angstrom
