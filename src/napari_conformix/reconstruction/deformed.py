r"""Deformed back-projection: images are put back along the curves on which matter moved.

The forward model of a particle with pose A, shift s and displacement field delta pushes matter
forward: what lies at x in the consensus lies at Gamma(x) = x + delta(x) in the particle, so that
its image is

    (P_Gamma V)(u) = sum over x of V(x) k(u - (A^T Gamma(x))_xy - s),

with k the point spread function (the CTF). The adjoint, which back-projection needs, follows from
<P_Gamma V, y> = <V, P_Gamma^* y> for every V and y:

    (P_Gamma^* y)(x) = y'((A^T Gamma(x))_xy + s),   y' = CTF * y.

It is a *gather* and needs the forward field at the voxels of the map: no inverse and no Jacobian.
Its counterpart, a *scatter* that puts the back-projected grey value of every voxel y of the
deformed particle to Gamma^-1(y) in the map, is the paper's and needs the inverse field; it equals
the gather times det(dGamma/dx), to the accuracy of that inverse (:class:`ScatterWarp`).

As in the paper (eq. 7) the sum over particles is divided by the back-projected CTF^2 of the
undeformed case, a diagonal in Fourier space; what is exact is the numerator. It is accumulated as

    insertion of the central slices (undeformed, exactly the plain reconstruction)
    + sum over particles of weight(x) [y'((A^T Gamma(x))_xy) - y'((A^T x)_xy)],

where the second line is divided by no less than the mean weight around: deformed matter lies in
the gaps between the slices, too. So a field of zero gives the plain map bit for bit, the solvent
(weight 0) keeps the plain map, and errors of the image interpolation, the same in both terms,
cancel where matter does not move.

Each half set has its own decoder, its own latents and its own particles, held-out ones included:
nothing is shared between the two sums, so the FSC between the half maps keeps its meaning. What
the halves have in common is the consensus map from which both were begun.
"""

import itertools
from typing import Protocol

import torch

from napari_conformix.reconstruction.field_grid import FieldGrid


class Field(Protocol):
    """The displacement fields of particles, for example `Method.displacement` of their latents."""

    def __call__(self, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Displacements of particles at places of the consensus.

        Parameters
        ----------
        rows : torch.Tensor
            (b,) int64, rows of the particle file.
        positions : torch.Tensor
            (q, 3) xyz in A from the centre.

        Returns
        -------
        torch.Tensor
            (b, q, 3) in A.
        """


class Warp(Protocol):
    """What the deformed particles of one half add to the plain back-projection."""

    def add(self, values: torch.Tensor, rotation: torch.Tensor, rows: torch.Tensor) -> None:
        """Add particles.

        Parameters
        ----------
        values : torch.Tensor
            (b, n, n // 2 + 1) complex: CTF-multiplied transforms of the images, with the particle's
            centre at [0, 0].
        rotation : torch.Tensor
            (b, 3, 3) A, image xyz to volume xyz.
        rows : torch.Tensor
            (b,) int64, rows of the particle file.
        """

    def difference(self) -> torch.Tensor:
        """Deformed minus undeformed back-projection so far.

        Returns
        -------
        torch.Tensor
            (box, box, box) float32, grey value times particles.
        """

    def memory_bytes(self) -> int:
        """What the warp keeps in addition to the plain sums.

        Returns
        -------
        int
            Bytes.
        """

    def state(self) -> dict[str, torch.Tensor]:
        """The sums, to go on from later.

        Returns
        -------
        dict of str to torch.Tensor
            By flat names, for :meth:`load_state`.
        """

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take over the sums of :meth:`state`.

        Parameters
        ----------
        state : dict of str to torch.Tensor
            What :meth:`state` of a warp on the same grid returned.
        """


class GatherWarp:
    """The adjoint of the forward model; see the module for the derivation.

    field          the forward displacement, of this half
    oversampling   fineness of the images' grid, on which they are interpolated linearly; at 4 the
                   aliases at Nyquist are 2 % of the signal, at half of Nyquist 0.4 %
    """

    def __init__(self, grid: FieldGrid, field: Field, *, oversampling: int = 4) -> None:
        self.grid = grid
        self.field = field
        self.oversampling = oversampling
        self.total = torch.zeros_like(grid.weight, dtype=torch.float64)  # (m,)
        #: voxels in pixels of the fine image
        self._fine = grid.positions * (oversampling / grid.pixel_size_angstrom)

    @torch.no_grad()
    def add(self, values: torch.Tensor, rotation: torch.Tensor, rows: torch.Tensor) -> None:
        """Add particles: their images where the matter is, less the same without motion.

        Parameters
        ----------
        values : torch.Tensor
            (b, n, n // 2 + 1) complex: CTF-multiplied transforms of the images, with the particle's
            centre at [0, 0].
        rotation : torch.Tensor
            (b, 3, 3) A, image xyz to volume xyz.
        rows : torch.Tensor
            (b,) int64, rows of the particle file.
        """
        images = fine_images(values, self.oversampling)  # (b, f n, f n)
        moved = self.field(rows, self.grid.nodes)  # (b, q, 3)
        to_image = rotation[:, :, :2].to(moved.dtype)  # (b, 3, 2): A^T, its first two rows
        scale = self.oversampling / self.grid.pixel_size_angstrom
        for image, delta, project in zip(images, moved, to_image, strict=True):
            still = self._fine @ project  # (m, 2)
            step = self.grid.upsample((delta @ project) * scale)  # (m, 2)
            both = sample_linear(image, torch.stack([still + step, still]))  # (2, m)
            self.total += both[0] - both[1]

    def difference(self) -> torch.Tensor:
        """Deformed minus undeformed back-projection so far, times the weight of the voxels.

        Returns
        -------
        torch.Tensor
            (box, box, box) float32, grey value times particles.
        """
        return self.grid.as_map((self.total * self.grid.weight).float())

    def memory_bytes(self) -> int:
        """What the warp keeps in addition to the plain sums: its grid, the sum, the fine positions.

        Returns
        -------
        int
            Bytes.
        """
        return self.grid.memory_bytes() + 8 * self.total.numel() + 4 * self._fine.numel()

    def state(self) -> dict[str, torch.Tensor]:
        """The sum, to go on from later.

        Returns
        -------
        dict of str to torch.Tensor
            `total`, (m,) float64 at the voxels of the grid.
        """
        return {"total": self.total}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take over the sum of :meth:`state`.

        Parameters
        ----------
        state : dict of str to torch.Tensor
            `total`, (m,) at the voxels of the same grid.
        """
        self.total.copy_(state["total"])


class ScatterWarp:
    """The paper's way: what lies at y in the deformed particle is put to Gamma^-1(y) in the map.

    Every grey value is spread over the eight voxels around its place. Where the inverse is exact
    the sum is the gather's times det(dGamma/dx), which is near 1 where matter is not compressed.

    grid     the voxels of the map that may change
    wide     the voxels of the deformed particles whose grey values may end up there
    inverse  of y -> Gamma^-1(y) - y, of this half
    """

    def __init__(
        self, grid: FieldGrid, wide: FieldGrid, inverse: Field, *, oversampling: int = 4
    ) -> None:
        self.grid = grid
        self.wide = wide
        self.inverse = inverse
        self.oversampling = oversampling
        self.total = torch.zeros(grid.box**3, dtype=torch.float64, device=grid.weight.device)

    @torch.no_grad()
    def add(self, values: torch.Tensor, rotation: torch.Tensor, rows: torch.Tensor) -> None:
        """Add particles: grey values at the place that the inverse gives, less those at their own.

        Parameters
        ----------
        values : torch.Tensor
            (b, n, n // 2 + 1) complex: CTF-multiplied transforms of the images, with the particle's
            centre at [0, 0].
        rotation : torch.Tensor
            (b, 3, 3) A, image xyz to volume xyz.
        rows : torch.Tensor
            (b,) int64, rows of the particle file.
        """
        images = fine_images(values, self.oversampling)  # (b, f n, f n)
        back = self.inverse(rows, self.wide.nodes)  # (b, q, 3)
        scale = self.oversampling / self.wide.pixel_size_angstrom
        for image, delta, matrix in zip(images, back, rotation, strict=True):
            xy = (self.wide.positions @ matrix[:, :2].to(delta.dtype)) * scale  # (m, 2)
            grey = sample_linear(image, xy).double()  # (m,)
            target = self.wide.positions + self.wide.upsample(delta)
            self._spread(target / self.wide.pixel_size_angstrom, grey)
            self.total.index_add_(0, self.wide.voxels, -grey)

    def _spread(self, xyz: torch.Tensor, grey: torch.Tensor) -> None:
        """Add (m,) values at (m, 3) voxels from the centre, trilinearly; outside they are lost."""
        box = self.grid.box
        base = xyz.floor()
        fraction = (xyz - base).double()
        first = base.long() + box // 2
        for corner in itertools.product((0, 1), repeat=3):
            offset = torch.tensor(corner, device=xyz.device)
            share = torch.where(offset.bool(), fraction, 1 - fraction).prod(dim=1)
            index = first + offset
            inside = ((index >= 0) & (index < box)).all(dim=1)
            x, y, z = index[inside].unbind(1)
            self.total.index_add_(0, (z * box + y) * box + x, (share * grey)[inside])

    def difference(self) -> torch.Tensor:
        """Deformed minus undeformed back-projection so far, times the weight of the voxels.

        Returns
        -------
        torch.Tensor
            (box, box, box) float32, grey value times particles.
        """
        inside = self.total[self.grid.voxels] * self.grid.weight
        return self.grid.as_map(inside.float())

    def memory_bytes(self) -> int:
        """What the warp keeps in addition to the plain sums: both grids and the sum.

        Returns
        -------
        int
            Bytes.
        """
        return self.grid.memory_bytes() + self.wide.memory_bytes() + 8 * self.total.numel()

    def state(self) -> dict[str, torch.Tensor]:
        """The sum, to go on from later.

        Returns
        -------
        dict of str to torch.Tensor
            `total`, (box^3,) float64: the flattened map (z, y, x).
        """
        return {"total": self.total}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take over the sum of :meth:`state`.

        Parameters
        ----------
        state : dict of str to torch.Tensor
            `total`, (box^3,) of a map with the same box.
        """
        self.total.copy_(state["total"])


def fine_images(values: torch.Tensor, oversampling: int) -> torch.Tensor:
    """Images on a finer grid from their transforms, ready for :func:`sample_linear`.

    The mean loss of linear interpolation, sinc^2, is undone beforehand. Frequencies beyond the
    circle of Nyquist are left out, as in slice insertion.

    Parameters
    ----------
    values : torch.Tensor
        (b, n, n // 2 + 1) complex, with the particle's centre at [0, 0].
    oversampling : int
        f, pixels of the fine image for one of the image along an edge.

    Returns
    -------
    torch.Tensor
        (b, f n, f n) real, with the centre at index f n // 2.
    """
    n = values.shape[-2]
    size = n * oversampling
    y = torch.fft.fftfreq(n, 1 / n, device=values.device).to(values.real.dtype)
    x = torch.arange(n // 2 + 1, device=values.device).to(y)
    keep = x.square() + y[:, None].square() < (n // 2) ** 2
    loss = torch.sinc(x / size).square() * torch.sinc(y / size).square()[:, None]
    centre = 1 - 2 * ((x + y[:, None]).long() % 2)  # moves [0, 0] to the middle of the image
    factor = torch.where(keep, centre * oversampling**2 / loss, 0)
    scaled = values * factor
    padded = values.new_zeros(len(values), size, size // 2 + 1)
    padded[:, : n // 2, : n // 2 + 1] = scaled[:, : n // 2]
    padded[:, -(n // 2) :, : n // 2 + 1] = scaled[:, -(n // 2) :]
    images: torch.Tensor = torch.fft.irfft2(padded, s=(size, size))
    return images


def sample_linear(image: torch.Tensor, xy: torch.Tensor) -> torch.Tensor:
    """Linear interpolation of an image; 0 outside of it.

    Parameters
    ----------
    image : torch.Tensor
        (n, n).
    xy : torch.Tensor
        (..., 2), (x, y) in pixels from index n // 2.

    Returns
    -------
    torch.Tensor
        (...) values.
    """
    n = image.shape[-1]
    grid = (xy + n // 2) * (2 / (n - 1)) - 1
    sampled = torch.nn.functional.grid_sample(
        image[None, None], grid.reshape(1, 1, -1, 2), align_corners=True
    )
    return sampled.reshape(xy.shape[:-1])
