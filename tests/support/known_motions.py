"""Particles whose atoms were displaced by a known field."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from point_atoms import Atoms, hand_ctf, rotations, to_images
from scipy.spatial.transform import Rotation

from napari_conformix.training.contract import Batch, batches_of

BOX, PIXEL, COUNT = 48, 2.5, 900
ATOMS = Atoms.random(60, radius=32.0, b_factor=150.0)
#: displacement of (p, 3) positions in A for an amplitude between -1 and 1: (p, 3) A
Motion = Callable[[float, np.ndarray], np.ndarray]


def rigid(t: float, x: np.ndarray) -> np.ndarray:
    """A turn by 14 degrees about a tilted axis, and a shift by 4 A."""
    turn = Rotation.from_rotvec(np.deg2rad(14 * t) * np.array([0.6, 0.0, 0.8])).as_matrix()
    return x @ turn.T - x + t * np.array([0.0, 4.0, 0.0])


def shear(t: float, x: np.ndarray) -> np.ndarray:
    """x moves with z: up to 6 A at the rim."""
    return np.stack([0.2 * t * x[:, 2], 0 * x[:, 1], 0 * x[:, 2]], axis=1)


def hinge(t: float, x: np.ndarray) -> np.ndarray:
    """What lies at positive x swings by up to 16 degrees about z; the other side rests."""
    share = np.clip((x[:, :1] + 6) / 12, 0, 1)
    share = share**2 * (3 - 2 * share)
    turn = Rotation.from_euler("z", 16 * t, degrees=True).as_matrix()
    return share * (x @ turn.T - x)


@dataclass(frozen=True)
class Moving:
    """Images of ATOMS under one motion, each particle with its own amplitude."""

    batch: Batch
    truth: torch.Tensor
    amplitude: np.ndarray
    motion: Motion

    def batches(self, size: int = 200) -> Iterator[Batch]:
        for rows in batches_of(range(len(self.batch)), size):
            yield Batch(**{k: v[rows] for k, v in vars(self.batch).items()})

    def field(self, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """The true field, as reconstruction takes it."""
        x = positions.double().numpy()
        moved = [self.motion(self.amplitude[int(row)], x) for row in rows]
        return torch.as_tensor(np.stack(moved), dtype=positions.dtype)


def moving(motion: Motion, count: int = COUNT, seed: int = 4) -> Moving:
    """Noise-free images with CTF of atoms displaced by `motion`; shifts and poses are random."""
    rng = np.random.default_rng(seed)
    amplitude = rng.uniform(-1, 1, count)
    rotation = rotations(count, seed)
    shift = rng.normal(0, 1.5 * PIXEL, (count, 2))
    u = rng.uniform(8000, 25000, count)
    defocus = np.stack([u, u - rng.uniform(-800, 800, count), rng.uniform(0, 180, count)], axis=1)
    ctf = hand_ctf(*defocus.T, np.zeros(count), BOX, PIXEL)
    transforms = np.concatenate(
        [
            displaced(motion, t).image_transforms(rotation[i : i + 1], shift[i : i + 1], BOX, PIXEL)
            for i, t in enumerate(amplitude)
        ]
    )
    batch = Batch(
        index=torch.arange(count),
        images=torch.as_tensor(to_images(transforms * ctf), dtype=torch.float32),
        rotation=torch.as_tensor(rotation, dtype=torch.float32),
        shift_angstrom=torch.as_tensor(shift, dtype=torch.float32),
        ctf=torch.as_tensor(ctf, dtype=torch.float32),
    )
    truth = torch.as_tensor(ATOMS.density(BOX, PIXEL), dtype=torch.float32)
    return Moving(batch, truth, amplitude, motion)


def displaced(motion: Motion, t: float) -> Atoms:
    """ATOMS where the motion takes them."""
    return replace(ATOMS, xyz=ATOMS.xyz + motion(t, ATOMS.xyz))
