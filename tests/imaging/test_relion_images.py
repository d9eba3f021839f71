"""Whole images against relion_project: shifted, astigmatic, with phase plate, B-factor, scale.

The criterion is the *worst* image: a wrong angle of astigmatism still looks good on the mean.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from point_atoms import Atoms, correlation, rotations
from relion_programs import read_mrc, run_relion, write_mrc, write_star

from napari_conformix.imaging import (
    ctf_2d,
    euler_to_matrix,
    fourier_shift,
    matrix_to_euler,
    project_volume,
    project_volume_real_space,
)
from napari_conformix.imaging.aberrations import even_phase, zernike_orders

pytestmark = pytest.mark.relion

BOX, PIXEL, COUNT = 64, 2.0, 40
ENOUGH = 0.999


@pytest.fixture(scope="module")
def referee(tmp_path_factory):
    """A map, the particles, and relion_project's images of them; `again` projects again."""
    folder = tmp_path_factory.mktemp("relion_project")
    rng = np.random.default_rng(7)
    volume = Atoms.random(60, radius=36.0, b_factor=1000.0).density(BOX, PIXEL)
    write_mrc(folder / "map.mrc", volume, PIXEL)
    angles = matrix_to_euler(torch.as_tensor(rotations(COUNT, seed=3))).numpy()
    u = rng.uniform(6000, 20000, COUNT)
    particles = {
        "rlnImageName": [f"{i + 1:06d}@images.mrcs" for i in range(COUNT)],
        "rlnAngleRot": angles[:, 0],
        "rlnAngleTilt": angles[:, 1],
        "rlnAnglePsi": angles[:, 2],
        "rlnOriginXAngst": rng.uniform(-8, 8, COUNT),
        "rlnOriginYAngst": rng.uniform(-8, 8, COUNT),
        "rlnDefocusU": u,
        "rlnDefocusV": u - rng.uniform(-4000, 4000, COUNT),
        "rlnDefocusAngle": rng.uniform(0, 180, COUNT),
        "rlnPhaseShift": rng.choice([0.0, 30.0, 90.0], COUNT),
        "rlnCtfBfactor": rng.uniform(0, 100, COUNT),
        "rlnCtfScalefactor": rng.uniform(0.7, 1.3, COUNT),
    }

    def again(**optics):
        write_star(folder / "in.star", particles, box=BOX, pixel_size=PIXEL, **optics)
        arguments = ["--i", "map.mrc", "--ang", "in.star", "--o", "images", "--angpix", PIXEL]
        run_relion("relion_project", *arguments, "--ctf", folder=folder)
        return read_mrc(folder / "images.mrcs")

    return SimpleNamespace(
        volume=torch.as_tensor(volume, dtype=torch.float32),
        particles=particles,
        images=again(),
        again=again,
    )


def formed(referee, *, project=project_volume, transpose=False, flip=1, even=None, **changes):
    """Our images of the referee's particles, with some columns changed."""
    p = {**referee.particles, **changes}

    def column(name):
        return torch.as_tensor(np.asarray(p[name], dtype=np.float32))

    angles = torch.stack([column(f"rlnAngle{a}") for a in ("Rot", "Tilt", "Psi")], dim=-1)
    rotation = euler_to_matrix(angles.double()).float()
    shift = -torch.stack([column("rlnOriginXAngst"), column("rlnOriginYAngst")], dim=-1) * flip
    images = project(referee.volume, rotation.mT.contiguous() if transpose else rotation)
    ctf = ctf_2d(
        column("rlnDefocusU"),
        column("rlnDefocusV"),
        column("rlnDefocusAngle"),
        column("rlnPhaseShift"),
        300.0,
        2.7,
        0.1,
        PIXEL,
        BOX,
        b_factor=column("rlnCtfBfactor"),
        scale=column("rlnCtfScalefactor"),
        even_phase=even,
    )
    return torch.fft.irfft2(fourier_shift(torch.fft.rfft2(images), shift / PIXEL) * ctf).numpy()


@pytest.mark.parametrize(
    ("project", "grey"),
    # trilinear interpolation of the map itself blurs it a little
    [(project_volume, 0.02), (project_volume_real_space, 0.05)],
)
def test_images_agree_with_relion_project(referee, project, grey):
    images = formed(referee, project=project)
    assert correlation(images, referee.images).min() > ENOUGH
    each = (images * referee.images).sum((1, 2)) / (referee.images**2).sum((1, 2))
    np.testing.assert_allclose(each, 1, atol=grey)  # grey values, image by image


def wrong_columns(p):
    u, v, angle = p["rlnDefocusU"], p["rlnDefocusV"], p["rlnDefocusAngle"]
    return {
        "angle of astigmatism from y": {"rlnDefocusAngle": 90 - angle},
        "angle of astigmatism mirrored": {"rlnDefocusAngle": -angle},
        "sign of astigmatism": {"rlnDefocusU": v, "rlnDefocusV": u},
        "no astigmatism": {"rlnDefocusU": (u + v) / 2, "rlnDefocusV": (u + v) / 2},
        "no phase plate": {"rlnPhaseShift": np.zeros(COUNT)},
        "origin x and y": {
            "rlnOriginXAngst": p["rlnOriginYAngst"],
            "rlnOriginYAngst": p["rlnOriginXAngst"],
        },
    }


def test_every_wrong_variant_fails_the_same_criterion(referee):
    def worst(**changes):
        return correlation(formed(referee, **changes), referee.images).min()

    measured = {
        "A transposed": worst(transpose=True),
        "shift flipped": worst(flip=-1),
        **{name: worst(**c) for name, c in wrong_columns(referee.particles).items()},
    }
    passing = {name: value for name, value in measured.items() if value > 0.99}
    assert not passing


def test_wrong_b_factor_and_scale_show_in_the_grey_values(referee):
    def deviation(**changes):
        images = formed(referee, **changes)
        ratio = (images * referee.images).sum((1, 2)) / (referee.images**2).sum((1, 2))
        return np.abs(ratio - 1).max()

    assert deviation() < 0.02
    assert deviation(rlnCtfScalefactor=np.ones(COUNT)) > 0.2
    assert deviation(rlnCtfBfactor=-referee.particles["rlnCtfBfactor"]) > 0.1


@pytest.mark.parametrize("index", range(9))
def test_even_zernike_polynomials(referee, index):
    """Symmetric aberrations one by one; the sign is seen too."""
    order, _ = zernike_orders(index, odd=False)
    coefficients = [0.0] * 9
    coefficients[index] = {0: 0.5, 2: 100.0, 4: 20000.0 if index in (4, 8) else 800.0}[order]
    text = "[" + ",".join(f"{c:g}" for c in coefficients) + "]"
    images = referee.again(rlnEvenZernike=text)
    phase = even_phase(SimpleNamespace(even_zernike=tuple(coefficients)), BOX, PIXEL)
    assert correlation(formed(referee, even=phase), images).min() > ENOUGH
    assert correlation(formed(referee, even=-phase), images).min() < 0.99
    assert correlation(formed(referee), images).min() < 0.995
