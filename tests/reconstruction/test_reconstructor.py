"""Back-projection against the truth, relion_reconstruct and torch-fourier-slice."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from point_atoms import Atoms, rotations
from relion_programs import read_mrc, run_relion, write_mrc, write_star
from torch_fourier_slice.slice_insertion import insert_central_slices_rfft_3d

from napari_conformix.imaging import (
    fsc,
    matrix_to_euler,
    resample_2d,
    rfft_radius,
    soft_mask,
    sphere_mask,
)
from napari_conformix.reconstruction import Reconstructor
from napari_conformix.reconstruction.insertion import empty_grid, insert_slices, symmetrise
from napari_conformix.training.contract import Batch


def reconstruct(batches, box=48, pixel_size=2.5, **more):
    reconstructor = Reconstructor(box, pixel_size, **more)
    for batch in batches:
        reconstructor.add(batch)
    return reconstructor


def scale(a, b):
    """The factor that brings a to b."""
    return float((a * b).sum() / (a * a).sum())


def test_the_truth_comes_back(clean):
    volume = reconstruct(clean.batches()).volume()
    mask = sphere_mask(48, 17.0, 4.0)
    curve = fsc(volume, clean.truth, mask)
    assert curve[1:20].min() > 0.999
    assert curve[20:24].min() > 0.98
    assert scale(volume * mask, clean.truth * mask) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: replace(b, rotation=b.rotation.mT.contiguous()),
        lambda b: replace(b, shift_angstrom=-b.shift_angstrom),
        lambda b: replace(b, shift_angstrom=b.shift_angstrom.flip(1)),
        lambda b: replace(b, ctf=torch.ones_like(b.ctf)),
        lambda b: replace(b, images=b.images.flip(1)),
    ],
    ids=["A transposed", "shift flipped", "x and y exchanged", "no CTF", "mirrored"],
)
def test_wrong_variants_are_seen(clean, change):
    volume = reconstruct(change(b) for b in clean.batches()).volume()
    assert fsc(volume, clean.truth, sphere_mask(48, 17.0, 4.0))[8:20].mean() < 0.9


@pytest.fixture(scope="module")
def relions_map(noisy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("relion_reconstruct")
    batch, n = noisy.batch, len(noisy.batch)
    write_mrc(folder / "images.mrcs", batch.images.numpy(), noisy.pixel_size, stack=True)
    angles = matrix_to_euler(batch.rotation.double()).numpy()
    particles = {
        "rlnImageName": [f"{i + 1:06d}@images.mrcs" for i in range(n)],
        **{f"rlnAngle{a}": angles[:, i] for i, a in enumerate(("Rot", "Tilt", "Psi"))},
        **{f"rlnOrigin{a}Angst": -batch.shift_angstrom[:, i] for i, a in enumerate("XY")},
        **{f"rlnDefocus{a}": noisy.defocus[:, i] for i, a in enumerate(("U", "V", "Angle"))},
    }
    write_star(folder / "in.star", particles, box=48, pixel_size=noisy.pixel_size)
    arguments = ["--i", "in.star", "--o", "out.mrc", "--ctf"]
    run_relion("relion_reconstruct", *arguments, folder=folder)
    return torch.as_tensor(read_mrc(folder / "out.mrc"))


@pytest.mark.relion
def test_agrees_with_relion_reconstruct(noisy, relions_map):
    volume = reconstruct(noisy.batches()).volume().double()
    truth = noisy.truth.double()
    mask = soft_mask(truth, float(truth.max()) * 0.05, 3.0, 5.0).double()
    curve = fsc(volume, relions_map, mask)
    assert curve[1:22].min() > 0.995  # to 92 % of Nyquist
    assert curve[22] > 0.99
    inside = mask > 0.5
    assert scale(volume[inside], relions_map[inside]) == pytest.approx(1, abs=0.01)
    ours, theirs = fsc(volume, truth, mask), fsc(relions_map, truth, mask)
    assert (ours - theirs)[1:22].min() > -0.01
    assert theirs[20] < 0.99  # noise leaves room to be worse


@pytest.mark.relion
def test_is_centred_where_relion_is(noisy, relions_map):
    """The phase of the correlation with RELION's map has no slope: below 0.01 px."""
    mask = sphere_mask(48, 17.0, 4.0).double()
    ours = torch.fft.rfftn(reconstruct(noisy.batches()).volume().double() * mask)
    cross = ours * torch.fft.rfftn(relions_map * mask).conj()
    cross = torch.where(rfft_radius(48, 3) < 12, cross, 0)
    full, half = torch.fft.fftfreq(48), torch.fft.rfftfreq(48)
    for k in torch.meshgrid(full, full, half, indexing="ij"):
        slope = (k * cross.angle() * cross.abs()).sum() / (k.square() * cross.abs()).sum()
        assert abs(slope / (2 * torch.pi)) < 0.01


def test_an_atom_at_the_centre_stays_at_index_half(clean):
    spot = Atoms(np.zeros((1, 3)), np.ones(1), 100.0)
    rotation = rotations(300)
    batch = Batch(
        index=torch.arange(300),
        images=torch.as_tensor(spot.images(rotation, np.zeros((300, 2)), 32, 2.0)),
        rotation=torch.as_tensor(rotation),
        shift_angstrom=torch.zeros(300, 2),
        ctf=torch.ones(300, 32, 17),
    )
    volume = reconstruct([batch], 32, 2.0).volume()
    assert int(volume.argmax()) == 16 * (32 * 32 + 32 + 1)
    flipped = volume.flip(0, 1, 2).roll((1, 1, 1), (0, 1, 2))
    torch.testing.assert_close(volume[1:, 1:, 1:], flipped[1:, 1:, 1:], atol=1e-3, rtol=0)


def test_batches_may_be_cut_anywhere(clean):
    rows = list(range(60))
    once = reconstruct(clean.batches(60, rows)).volume()
    for size in (1, 7):
        torch.testing.assert_close(reconstruct(clean.batches(size, rows)).volume(), once)


def test_parts_add_up(clean):
    first = reconstruct(clean.batches(rows=list(range(0, 400, 2))))
    second = reconstruct(clean.batches(rows=list(range(1, 400, 2))))
    total = first + second
    assert total.count == 400
    expected = reconstruct(clean.batches(rows=list(range(400)))).volume()
    torch.testing.assert_close(total.volume(), expected, atol=1e-5, rtol=1e-3)
    assert first.count == 200  # unchanged


def test_few_particles_do_not_blow_up(noisy):
    volume = reconstruct(noisy.batches(rows=[0, 1, 2])).volume()
    assert volume.isfinite().all()
    assert volume.std() < 5 * noisy.truth.std()


def test_no_particles_give_an_empty_map():
    assert not Reconstructor(16, 2.0).volume().any()


def test_optics_groups_of_different_pixel_size_meet_on_one_grid():
    atoms = Atoms.random(80, radius=26.0, b_factor=400.0)
    reconstructor = Reconstructor(40, 2.4)
    for box, pixel_size, seed in ((48, 2.0, 1), (36, 2.4, 2), (56, 1.7, 3)):
        rotation = rotations(500, seed)
        # an image's grey value is the density in a column; `images` gives it times the pixel's area
        images = atoms.images(rotation, np.zeros((500, 2)), box, pixel_size) / pixel_size**2
        reconstructor.add(
            Batch(
                index=torch.arange(500),
                images=resample_2d(torch.as_tensor(images), pixel_size, 40, 2.4),
                rotation=torch.as_tensor(rotation),
                shift_angstrom=torch.zeros(500, 2),
                ctf=torch.ones(500, 40, 21),
            )
        )
    truth = torch.as_tensor(atoms.density(40, 2.4)).float() / 2.4**2
    volume, mask = reconstructor.volume(), sphere_mask(40, 13.0, 4.0)
    # 1.7 A reaches beyond the working grid's Nyquist frequency, 2.4 A just to it
    assert fsc(volume, truth, mask)[1:18].min() > 0.998
    assert scale(volume * mask, truth * mask) == pytest.approx(1, abs=0.01)


def test_insertion_is_that_of_torch_fourier_slice():
    n = 16
    spectrum = torch.fft.rfft2(torch.randn(5, n, n, generator=torch.Generator().manual_seed(0)))
    rotation = torch.as_tensor(rotations(5), dtype=torch.float32)
    # short of Nyquist, where the library drops points that lie between the last two voxels
    low = (rfft_radius(n, 2) <= 0.4 * n).float()
    grid = empty_grid(n)
    insert_slices(grid, spectrum * low, low.expand(5, n, n // 2 + 1), rotation)
    ours = symmetrise(grid)
    shifted = torch.fft.fftshift(spectrum, dim=-2)
    inserted = insert_central_slices_rfft_3d(shifted, (n, n, n), rotation, fftfreq_max=0.4)
    theirs, weights = (torch.fft.ifftshift(t, dim=(-3, -2)) for t in inserted)
    values = torch.view_as_complex(ours[..., :2].contiguous())
    # at zero frequency ours also counts the conjugates of the points around it
    theirs[0, 0, 0], weights[0, 0, 0] = values[0, 0, 0].real, ours[0, 0, 0, 2]
    torch.testing.assert_close(values, theirs, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(ours[..., 2], weights, atol=1e-5, rtol=1e-5)


def test_a_symmetrised_grid_is_the_transform_of_a_real_map():
    grid = empty_grid(8)
    grid[:] = torch.randn(grid.shape, generator=torch.Generator().manual_seed(0))
    plane = symmetrise(grid)[:, :, 0]
    values = torch.view_as_complex(plane[..., :2].contiguous())
    i = -torch.arange(8) % 8
    torch.testing.assert_close(values, values[i][:, i].conj())
    torch.testing.assert_close(plane[..., 2], plane[i][:, i][..., 2])


def test_wrong_boxes_are_refused(clean):
    with pytest.raises(ValueError, match="even"):
        Reconstructor(15, 2.0)
    with pytest.raises(ValueError, match="box 48, map of box 32"):
        Reconstructor(32, 2.5).add(next(clean.batches(5)))
    with pytest.raises(ValueError, match="same grid"):
        Reconstructor(32, 2.5) + Reconstructor(16, 2.5)
