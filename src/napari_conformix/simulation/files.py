"""The files of a simulated data set."""

from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.fft
import starfile
from scipy.ndimage import distance_transform_edt

from napari_conformix.simulation.camera import Image, Views
from napari_conformix.simulation.optics import Microscope, frequencies
from napari_conformix.simulation.points import density
from napari_conformix.simulation.scene import Scene

#: what state each particle is in, in words, as clusters are compared with
LABELS = "labels.npy"
_TRUTH_MAPS = 10
_PARTICLES_PER_MICROGRAPH = 100


def write_star(path: Path, views: Views, box: int, pixel_size: float) -> None:
    scope = Microscope()
    n = len(views)
    on_micrograph = np.arange(n) % _PARTICLES_PER_MICROGRAPH
    grid = int(np.sqrt(_PARTICLES_PER_MICROGRAPH))
    particles = pd.DataFrame(
        {
            "rlnCoordinateX": (on_micrograph % grid + 1.0) * 1.5 * box,
            "rlnCoordinateY": (on_micrograph // grid + 1.0) * 1.5 * box,
            "rlnImageName": [f"{i + 1:06d}@particles.mrcs" for i in range(n)],
            "rlnMicrographName": [
                f"micrograph{i // _PARTICLES_PER_MICROGRAPH + 1:04d}.mrc" for i in range(n)
            ],
            "rlnOpticsGroup": 1,
            "rlnAngleRot": views.euler_degrees[:, 0],
            "rlnAngleTilt": views.euler_degrees[:, 1],
            "rlnAnglePsi": views.euler_degrees[:, 2],
            "rlnOriginXAngst": -views.shift_angstrom[:, 0],
            "rlnOriginYAngst": -views.shift_angstrom[:, 1],
            "rlnDefocusU": views.defocus[:, 0],
            "rlnDefocusV": views.defocus[:, 1],
            "rlnDefocusAngle": views.defocus[:, 2],
            "rlnRandomSubset": views.half,
        }
    )
    optics = pd.DataFrame(
        {
            "rlnOpticsGroupName": ["opticsGroup1"],
            "rlnOpticsGroup": [1],
            "rlnVoltage": [scope.voltage_kv],
            "rlnSphericalAberration": [scope.cs_mm],
            "rlnAmplitudeContrast": [scope.amplitude_contrast],
            "rlnImagePixelSize": [pixel_size],
            "rlnImageSize": [box],
            "rlnImageDimensionality": [2],
        }
    )
    starfile.write({"optics": optics, "particles": particles}, path)


def write_maps(
    folder: Path, scene: Scene, box: int, pixel_size: float, b_factor: float, scale: float
) -> None:
    """True maps of some states, the consensus and the mask, in the grey scale of the images."""
    greatest = np.full((box,) * 3, -np.inf, np.float32)
    for state in scene.landmarks(_TRUTH_MAPS):
        positions, weights = scene.atoms(state)
        volume = scale * density(positions, weights, box, pixel_size, b_factor)
        _write_map(folder / "truth" / f"{state:03d}.mrc", volume, pixel_size)
        np.maximum(greatest, _low_pass(volume, pixel_size, 10.0), out=greatest)

    atoms = [scene.atoms(state) for state in range(len(scene))]
    everything = np.concatenate([positions for positions, _ in atoms])
    shares = np.concatenate(
        [share * w for share, (_, w) in zip(scene.populations, atoms, strict=True)]
    )
    mean = scale * density(everything, shares, box, pixel_size, b_factor)
    consensus = _low_pass(mean, pixel_size, 3.5 * pixel_size)
    _write_map(folder / "consensus.mrc", consensus, pixel_size)
    _write_map(folder / "mask.mrc", _mask(greatest > 0.1 * greatest.max()), pixel_size)


def _low_pass(volume: Image, pixel_size: float, resolution: float) -> Image:
    """Gaussian fall-off that reaches one half at `resolution` A."""
    box = len(volume)
    sx, sy = frequencies(box, pixel_size)
    s2 = sx**2 + sy**2 + np.fft.fftfreq(box, pixel_size)[:, None, None] ** 2
    ft = scipy.fft.rfftn(volume) * np.exp(-np.log(2) * s2 * resolution**2).astype(np.float32)
    return np.asarray(scipy.fft.irfftn(ft, s=volume.shape), np.float32)


def _mask(inside: npt.NDArray[np.bool_], extend: float = 3.0, soft: float = 3.0) -> Image:
    """1 inside and `extend` px around, falling to 0 over `soft` px with a raised cosine."""
    distance = distance_transform_edt(~inside) - extend
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.clip(distance / soft, 0, 1)), np.float32)


def _write_map(path: Path, volume: Image, pixel_size: float) -> None:
    with mrcfile.new(path) as mrc:
        mrc.set_data(volume)
        mrc.set_volume()
        mrc.voxel_size = pixel_size


def write_truth(folder: Path, scene: Scene, views: Views) -> None:
    np.savez(
        folder / "truth.npz",
        state=views.state,
        value=scene.values[views.state],
        rotation=views.rotation,
        shift_A=views.shift_angstrom,
        values=scene.values,
        populations=scene.populations,
        labels=np.array(scene.labels, dtype=np.str_),
        map_states=np.array(scene.landmarks(_TRUTH_MAPS)),
    )
    if scene.labels:
        np.save(folder / LABELS, np.array(scene.labels, dtype=np.str_)[views.state])


def readme(
    scene: Scene,
    particles: int,
    box: int,
    pixel_size: float,
    snr: float,
    b_factor: float,
    seed: int,
) -> str:
    states = "\n".join(
        f"  {i:3d}  {share:6.1%}  {label}"
        for i, (share, label) in enumerate(zip(scene.populations, scene.labels, strict=False))
    )
    named = f"""\
{LABELS}      name of the state of every particle, for clusters --truth

State, share, what it is:
{states}
"""
    return f"""\
Simulated particles: {scene.title}

Made by napari-conformix, scene {scene.name!r}, seed {seed}: {particles} particles, box {box} px,
{pixel_size} A a pixel, signal-to-noise ratio {snr} (variances over the box), B-factor
{b_factor} A^2, white noise of standard deviation {0 if snr == float("inf") else 1}.
These are not measurements.

particles.star  RELION 3.1; origins and Euler angles are exact, half sets are equal
particles.mrcs  white protein, not CTF corrected; the CTF acts within the box
consensus.mrc   mean of all states, low-passed to {3.5 * pixel_size:.1f} A, grey scale of the images
mask.mrc        soft, around every state
truth/NNN.mrc   map of state NNN
truth.npz       state (N,); value (N,): {scene.value_name};
                rotation (N, 3, 3): A = Rz(rot) Ry(tilt) Rz(psi), image xyz to volume xyz;
                shift_A (N, 2): (x, y) of the particle from the image centre, -RELION origin;
                values, populations, labels of all states; map_states: those in truth/
{named if states else ""}"""
