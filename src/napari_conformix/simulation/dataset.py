"""Particles with known truth, written as RELION 3.1 writes them (design, section 5).

Atoms are turned and projected as points, shifted and multiplied by the CTF in Fourier space, and
white noise is added: nothing here uses the operators that the trainer uses.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mrcfile
import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.simulation.camera import Camera, draw
from napari_conformix.simulation.files import readme, write_maps, write_star, write_truth
from napari_conformix.simulation.scene import Scene
from napari_conformix.simulation.scenes import find_scene

#: receives the share of the work done, 0 to 1; may raise to stop, and nothing is left behind
Progress = Callable[[float], None]


def simulate(
    scene: str | Path | Scene,
    out: str | Path,
    particles: int = 5000,
    box: int = 64,
    pixel_size_angstrom: float | None = None,
    snr: float = 0.05,
    b_factor: float = 100.0,
    seed: int = 1,
    half_precision: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make a data set with known truth.

    Parameters
    ----------
    scene: name of a scene (:data:`~napari_conformix.simulation.SCENES`), a PDB or mmCIF file, or a
        :class:`Scene`.
    out: folder to make; it must not exist, or be empty. It appears complete or not at all.
    particles: how many.
    box: even, px.
    pixel_size_angstrom: by default such that the box is 1.7 times the molecule's diameter.
    snr: variance of the signal over that of the noise, over the whole box; infinity: no noise.
    b_factor: A^2, of images and true maps alike.
    seed: the same seed gives the same files.
    half_precision: write the stack as float16 (MRC mode 12).
    progress: see :data:`Progress`.

    Returns
    -------
    The path of particles.star. Next to it: particles.mrcs, consensus.mrc (mean of all states,
    low-passed), mask.mrc, truth.npz, truth/*.mrc and README.txt, and labels.npy where the states
    have names.

    Raises UserError for a bad scene or number, or if `out` has something in it.
    """
    out = Path(out).absolute()
    _refuse_overwriting(out)
    scene = scene if isinstance(scene, Scene) else find_scene(scene)
    pixel_size = _check(scene, particles, box, pixel_size_angstrom, snr, b_factor)
    tell = progress or (lambda share: None)
    numbers, noise = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    views = draw(scene, particles, pixel_size, numbers)
    camera = Camera(scene, views, box, pixel_size, b_factor)
    scale = camera.scale(snr)

    with _made_whole(out) as folder:
        (folder / "truth").mkdir()
        shape = (particles, box, box)
        mode = 12 if half_precision else 2
        _reserve(folder / "particles.mrcs", particles * box * box * (2 if half_precision else 4))
        with mrcfile.new_mmap(folder / "particles.mrcs", shape, mrc_mode=mode) as stack:
            stack.set_image_stack()
            stack.voxel_size = pixel_size
            done = 0
            for rows, images in camera.images(np.arange(particles)):
                images *= scale
                if np.isfinite(snr):
                    images += noise.standard_normal(images.shape, np.float32)
                stack.data[rows] = images
                done += len(rows)
                tell(0.9 * done / particles)
            stack.update_header_stats()
        write_star(folder / "particles.star", views, box, pixel_size)
        write_maps(folder, scene, box, pixel_size, b_factor, scale)
        write_truth(folder, scene, views)
        (folder / "README.txt").write_text(
            readme(scene, particles, box, pixel_size, snr, b_factor, seed), encoding="utf-8"
        )
    tell(1.0)
    return out / "particles.star"


def _reserve(path: Path, size: int) -> None:
    """Take the space of a memory-mapped stack first: later a full disk would end the process."""
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    path.unlink()


# -- before ---------------------------------------------------------------------------------------


def _refuse_overwriting(out: Path) -> None:
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists():
        raise UserError(
            f"{out} already exists and is not empty; nothing was written. Choose another folder, "
            "or remove that one."
        )


def _check(
    scene: Scene, particles: int, box: int, pixel_size: float | None, snr: float, b_factor: float
) -> float:
    """The pixel size in A, or a UserError."""
    if particles < 2:
        raise UserError(f"A data set needs at least 2 particles, not {particles}.")
    if box < 16 or box % 2:
        raise UserError(f"The box must be an even number of at least 16 pixels, not {box}.")
    if not snr > 0:
        raise UserError(f"The signal-to-noise ratio must be above 0, not {snr}.")
    if not b_factor >= 0:
        raise UserError(f"The B-factor must not be negative ({b_factor} A^2).")
    diameter = 2 * scene.radius_angstrom()
    if pixel_size is None:
        return float(round(max(1.7 * diameter / box, 0.5), 2))
    if not pixel_size > 0:
        raise UserError(f"The pixel size must be above 0 A, not {pixel_size}.")
    if diameter > 0.95 * box * pixel_size:
        raise UserError(
            f"The molecule ({diameter:.0f} A across) does not fit a box of {box} pixels of "
            f"{pixel_size} A ({box * pixel_size:.0f} A); make the box or the pixel larger."
        )
    return float(pixel_size)


@contextmanager
def _made_whole(out: Path) -> Iterator[Path]:
    """A temporary folder next to `out` that takes its place if all goes well."""
    folder = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        yield folder
        folder.chmod(0o777 & ~_umask())  # mkdtemp makes it private
        os.replace(folder, out)
    except OSError as error:
        raise UserError(f"The data set could not be written to {out}: {error}.") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
